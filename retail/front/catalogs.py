"""The house's translations without the gettext binaries: English msgids, Serbian Latin by people, Cyrillic by rule.

Each app keeps `locale/sr_Latn/LC_MESSAGES/django.po`. The `.mo` files of both scripts are build products. A library that
knows Serbian in only one script is borrowed from: its words are put into the script that it lacks, below our own.
"""

import io
import os
import re
from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_python
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize
from jinja2.ext import babel_extract

from retail.kernel import script as script_module
from retail.kernel.script import is_cyrillic, to_cyrillic, to_latin

SOURCE, DERIVED, GENERIC = "sr_Latn", "sr_Cyrl", "sr"
PO, MO = "LC_MESSAGES/django.po", "LC_MESSAGES/django.mo"
KEYWORDS: dict[str, Any] = {
    **dict.fromkeys(("gettext", "gettext_lazy", "gettext_noop", "_")),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (1, 2)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), ((1, "c"), 2)),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), ((1, "c"), 2, 3)),
}
FORMS = 3  # 1 knjiga, 2 knjige, 5 knjiga
SKIPPED_FOLDERS = {"migrations", "static", "locale", "node_modules", "__pycache__"}
PO_HEAD = """# Serbian (Latin). The Cyrillic catalog is generated from this one.
msgid ""
msgstr ""
"Language: sr_Latn\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: {plural}\\n"

"""
_PLACEHOLDER = re.compile(r"%\(\w+\)[a-zA-Z]|%[sd](?!\w)|\{\w*\}")
type_of_key = tuple[str, str]  # context or "", msgid


@dataclass(frozen=True)
class Room:
    """One app of the house: its folder, and the folders of other apps that lie inside it."""

    name: str
    folder: Path
    inner: frozenset[Path] = frozenset()

    @property
    def po(self) -> Path:
        return self.folder / "locale" / SOURCE / PO

    def sources(self) -> Iterator[Path]:
        for path in sorted(self.folder.rglob("*")):
            inside = path.relative_to(self.folder).parts[:-1]
            if path.suffix not in (".py", ".html", ".txt") or SKIPPED_FOLDERS & set(inside):
                continue
            if path.suffix == ".txt" and "templates" not in inside:
                continue
            if not any(other in path.parents for other in self.inner):
                yield path


def rooms_below(root: Path, folders: Iterable[tuple[str, Path]]) -> list[Room]:
    """The apps that lie in the repository, not in the installed packages."""
    own = [(name, f) for name, f in folders if root in f.parents and "site-packages" not in f.parts]
    return [Room(n, f, frozenset(o for _n, o in own if f in o.parents)) for n, f in own]


@dataclass(frozen=True)
class Entry:
    """A msgid, its plural when it counts, and the Serbian words: one text, or three forms."""

    context: str
    msgid: str
    plural: str = ""
    words: tuple[str, ...] = ()

    @property
    def key(self) -> type_of_key:
        return self.context, self.msgid

    @property
    def is_full(self) -> bool:
        return len(self.words) == (FORMS if self.plural else 1) and all(self.words)

    def fits(self, other: "Entry") -> bool:
        return bool(self.plural) == bool(other.plural)

    def changed(self, change: Callable[[str], str]) -> "Entry":
        return replace(self, words=tuple(map(change, self.words)))

    def put_into(self, catalog: Catalog, places: Iterable[str] = ()) -> None:
        string: Any = self.words if self.plural else "".join(self.words)
        catalog.add(
            (self.msgid, self.plural) if self.plural else self.msgid,
            string or None,
            [(place, 0) for place in places],
            context=self.context or None,
        )


def empty_catalog() -> Catalog:
    return Catalog(locale=SOURCE, project="onerow", domain="django", charset="utf-8", fuzzy=False)


def entries_of(catalog: Catalog) -> dict[type_of_key, Entry]:
    found = {}
    for message in catalog:
        if message.id and not message.fuzzy:
            msgids: Any = message.id if message.pluralizable else (message.id, "")
            words: Any = message.string if message.pluralizable else (message.string,)
            entry = Entry(
                message.context or "", msgids[0], msgids[1], tuple(word or "" for word in words or ())
            )
            found[entry.key] = entry
    return found


# ------------------------------------------------------------------ extract
def wanted(room: Room, root: Path) -> dict[type_of_key, tuple[Entry, set[str]]]:
    """Every msgid of the app's Python and templates, and the files that say it."""
    found: dict[type_of_key, tuple[Entry, set[str]]] = {}
    for path in room.sources():
        text = path.read_text(encoding="utf-8")
        for entry in found_in(text, is_template=path.suffix != ".py", origin=str(path)):
            known, places = found.setdefault(entry.key, (entry, set()))
            places.add(str(path.relative_to(root)))
            if entry.plural and not known.plural:
                found[entry.key] = (entry, places)
    return found


def found_in(text: str, *, is_template: bool, origin: str = "") -> Iterator[Entry]:
    """What a source file wants translated, in the order of the text."""
    for function, message in _calls(text, is_template=is_template, origin=origin):
        entry = _entry(function, message)
        if entry is not None:
            yield entry


def _calls(text: str, *, is_template: bool, origin: str) -> Iterator[tuple[str, Any]]:
    """The calls of gettext and its kin with their arguments, of Python and of both kinds of templates."""
    if is_template and "/jinja2/" in origin:
        found: Any = babel_extract(io.BytesIO(text.encode()), list(KEYWORDS), (), {})
    else:
        code = templatize(text, origin=origin) if is_template else text
        if is_template:  # what is left of the template is not indented like Python
            code = "\n".join(line.lstrip() for line in code.splitlines())
        found = extract_python(io.BytesIO(code.encode()), KEYWORDS, (), {})
    for _line, function, message, _comments in found:
        yield str(function or "_"), message


def _entry(function: str, message: Any) -> Entry | None:
    """Babel hands over the raw arguments; the function's name says which is the context and which the words."""
    said = message if isinstance(message, tuple) else (message,)
    has_context, counts = "pgettext" in function, "ngettext" in function or "npgettext" in function
    words = said[1:] if has_context else said
    needed = 2 if counts else 1
    if len(words) < needed or not all(isinstance(word, str) for word in words[:needed]) or not words[0]:
        return None
    return Entry(said[0] if has_context else "", words[0], words[1] if counts else "")


def written(room: Room) -> dict[type_of_key, Entry]:
    """The app's own catalog, as people wrote it."""
    if not room.po.exists():
        return {}
    with room.po.open("rb") as file:
        return entries_of(read_po(file, locale=SOURCE, domain="django", charset="utf-8", abort_invalid=True))


def refreshed(room: Room, root: Path, known: dict[type_of_key, Entry] | None = None) -> tuple[str, int, int]:
    """The text of the app's catalog with what the code asks for now, the count of entries, and of empty ones.

    `known` are words that other apps use for the same msgid: one msgid has one translation in the whole house.
    """
    own, fresh, empty, all_wanted = written(room), empty_catalog(), 0, wanted(room, root)
    for key, (entry, places) in all_wanted.items():
        candidates = (source.get(key) for source in (own, known or {}))
        old = next((e for e in candidates if e and e.is_full and e.fits(entry)), None)
        empty += old is None
        replace(entry, words=old.words if old else ()).put_into(fresh, sorted(places))
    out = io.BytesIO()
    write_po(out, fresh, sort_output=True, include_lineno=False, omit_header=True, width=110)
    return PO_HEAD.format(plural=fresh.plural_forms) + out.getvalue().decode(), len(all_wanted), empty


# ------------------------------------------------------------------ check
@dataclass(frozen=True)
class Complaint:
    app: str
    msgid: str
    reason: str

    def __str__(self) -> str:
        return f"{self.app}: {self.reason}: {self.msgid!r}"


def complaints(rooms: Iterable[Room], root: Path) -> list[Complaint]:
    """What keeps the translations from being whole: missing words, lost placeholders, two words for one msgid."""
    found: list[Complaint] = []
    said: dict[type_of_key, tuple[str, Entry]] = {}
    for room in rooms:
        own = written(room)
        for key, (entry, _places) in wanted(room, root).items():
            found += [Complaint(room.name, entry.msgid, reason) for reason in _reasons(entry, own.get(key))]
            if key in own:
                other, before = said.setdefault(key, (room.name, own[key]))
                if before.is_full and own[key].is_full and before.words != own[key].words:
                    reason = f"{other} says {before.words}, here {own[key].words}"
                    found.append(Complaint(room.name, entry.msgid, reason))
    return found


def _reasons(entry: Entry, own: Entry | None) -> Iterator[str]:
    if own is None or not own.is_full or not own.fits(entry):
        yield "no Serbian words"
        return
    asked = set(_PLACEHOLDER.findall(f"{entry.msgid} {entry.plural}"))
    for text in own.words:
        has = set(_PLACEHOLDER.findall(text))
        if has - asked or (not entry.plural and asked - has):
            yield f"placeholders differ in {text!r}"
        if is_cyrillic(text):
            yield "Cyrillic is generated, not written"


# ------------------------------------------------------------------ compile
def compile_room(room: Room, more: dict[str, list[Entry]] | None = None, *, force: bool = False) -> bool:
    """Write the `.mo` of both scripts; False when they are newer than their sources."""
    targets = {script: room.folder / "locale" / script / MO for script in (SOURCE, DERIVED)}
    sources = (room.po, Path(__file__), Path(script_module.__file__))
    stamp = max((path.stat().st_mtime for path in sources if path.exists()), default=0.0)
    if not force and all(path.exists() and path.stat().st_mtime > stamp for path in targets.values()):
        return False
    own = [entry for entry in written(room).values() if entry.is_full]
    more = more or {}
    _write(targets[SOURCE], SOURCE, [*more.get(SOURCE, []), *own])
    _write(
        targets[DERIVED], DERIVED, [*more.get(DERIVED, []), *(entry.changed(to_cyrillic) for entry in own)]
    )
    return True


def _write(path: Path, locale: str, entries: Iterable[Entry]) -> None:
    """Whole or not at all: several processes may compile at once."""
    catalog = empty_catalog()
    catalog.mime_headers = [("Language", locale), *(h for h in catalog.mime_headers if h[0] != "Language")]
    for entry in {entry.key: entry for entry in entries}.values():
        entry.put_into(catalog)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}.new")
    with fresh.open("wb") as file:
        write_mo(file, catalog)
    fresh.replace(path)


def borrowed(folders: Iterable[Path], own: Set[type_of_key]) -> dict[str, list[Entry]]:
    """Serbian words of libraries in the script that they lack, without msgids that the house itself says.

    `sr` alone may be in either script: Python's gettext falls back to it from both, so its letters decide.
    """
    found: dict[str, list[Entry]] = {SOURCE: [], DERIVED: []}
    for folder in folders:
        latin, generic, cyrillic = (
            _library_words(folder, script, own) for script in (SOURCE, GENERIC, DERIVED)
        )
        is_generic_cyrillic = any(is_cyrillic(text) for entry in generic for text in entry.words)
        if generic and is_generic_cyrillic and not latin:
            found[SOURCE] += [entry.changed(to_latin) for entry in generic]
        if not cyrillic and not is_generic_cyrillic:
            found[DERIVED] += [entry.changed(to_cyrillic) for entry in generic or latin]
    return found


def _library_words(folder: Path, script: str, own: Set[type_of_key]) -> list[Entry]:
    path = folder / "locale" / script / MO
    if not path.exists():
        return []
    with path.open("rb") as file:
        return [entry for key, entry in entries_of(read_mo(file)).items() if key not in own and entry.is_full]


def known_words(rooms: Iterable[Room]) -> dict[type_of_key, Entry]:
    found: dict[type_of_key, Entry] = {}
    for room in rooms:
        for key, entry in written(room).items():
            if entry.is_full:
                found.setdefault(key, entry)
    return found
