"""The house's translations without the gettext binaries: English msgids, Serbian Latin by people, Cyrillic by rule.

Each app keeps `locale/sr_Latn/LC_MESSAGES/django.po`. The `.mo` files of both scripts are build products. A library that
knows Serbian in only one script is borrowed from: its words are put into the script that it lacks, below our own.
"""

import io
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_python
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

from retail.kernel.script import is_cyrillic, to_cyrillic, to_latin

SOURCE, DERIVED, GENERIC = "sr_Latn", "sr_Cyrl", "sr"
PO, MO = "LC_MESSAGES/django.po", "LC_MESSAGES/django.mo"
KEYWORDS: dict[str, Any] = {
    **dict.fromkeys(("gettext", "gettext_lazy", "gettext_noop", "_")),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (1, 2)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), ((1, "c"), 2)),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), ((1, "c"), 2, 3)),
}
SKIPPED_FOLDERS = {"migrations", "static", "locale", "node_modules", "__pycache__"}
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


# ------------------------------------------------------------------ extract
def extract(room: Room, root: Path) -> Catalog:
    """Every msgid of the app's Python and templates, without translations."""
    catalog = Catalog(locale=SOURCE, project="onerow", domain="django", charset="utf-8", fuzzy=False)
    for path in room.sources():
        text = path.read_text(encoding="utf-8")
        for message, context in found_in(text, is_template=path.suffix != ".py", origin=str(path)):
            place = (str(path.relative_to(root)), 0)
            catalog.add(message, None, [place], context=context)
    return catalog


def found_in(text: str, *, is_template: bool, origin: str = "") -> Iterator[tuple[Any, str | None]]:
    """(msgid or the pair of singular and plural, context) in the order of the text."""
    code = templatize(text, origin=origin) if is_template else text
    if is_template:  # what is left of the template is not indented like Python
        code = "\n".join(line.lstrip() for line in code.splitlines())
    for _line, function, message, _comments in extract_python(io.BytesIO(code.encode()), KEYWORDS, (), {}):
        found = _message(KEYWORDS[function], message)
        if found and found[0] and found[0] != ("",):
            yield found


def _message(shape: Any, message: Any) -> tuple[Any, str | None] | None:
    """Babel hands over the raw arguments; the shape says which is the context and which the words."""
    words = message if isinstance(message, tuple) else (message,)
    context = None
    if shape and isinstance(shape[0], tuple):
        context, words = words[0], words[1:]
    needed = 2 if shape and sum(isinstance(n, int) for n in shape) == 2 else 1
    if len(words) < needed or any(not isinstance(word, str) for word in words[:needed]):
        return None
    return (tuple(words[:2]) if needed == 2 else words[0]), context


def read(path: Path) -> Catalog:
    if not path.exists():
        return Catalog(locale=SOURCE, domain="django", charset="utf-8", fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale=SOURCE, domain="django", charset="utf-8", abort_invalid=True)


def refreshed(room: Room, root: Path, known: dict[type_of_key, Any] | None = None) -> tuple[str, int, int]:
    """The text of the app's catalog with what the code asks for now, the count of entries, and of empty ones.

    `known` are words that other apps use for the same msgid: one msgid has one translation in the whole house.
    """
    wanted = extract(room, root)
    written = read(room.po)
    fresh = Catalog(locale=SOURCE, project="onerow", domain="django", charset="utf-8", fuzzy=False)
    fresh.header_comment = "# Serbian (Latin). The Cyrillic catalog is generated from this one."
    for message in wanted:
        if message.id:
            msgid = message.id[0] if message.pluralizable else message.id
            words = _kept(message, written.get(msgid, context=message.context))
            if not words or not all(words):
                words = (known or {}).get((message.context or "", msgid), words)
            places = sorted({(place, 0) for place, _line in message.locations})
            fresh.add(message.id, words, places, context=message.context)
    out = io.BytesIO()
    write_po(out, fresh, sort_output=True, include_lineno=False, omit_header=True, width=110)
    head = (
        f"{fresh.header_comment}\n"
        'msgid ""\nmsgstr ""\n"Language: sr_Latn\\n"\n"MIME-Version: 1.0\\n"\n'
        '"Content-Type: text/plain; charset=utf-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n'
        f'"Plural-Forms: {fresh.plural_forms}\\n"\n\n'
    )
    return head + out.getvalue().decode(), len(fresh), sum(1 for m in fresh if m.id and not _is_full(m, fresh))


def _kept(message: Message, old: Message | None) -> Any:
    """The old words, when they have the same shape (one text, or three plural forms)."""
    if old is None or bool(old.pluralizable) != bool(message.pluralizable):
        return None
    return old.string


def _is_full(message: Message, catalog: Catalog) -> bool:
    if message.pluralizable:
        return len(message.string) == catalog.num_plurals and all(message.string)
    return bool(message.string)


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
    found, said = [], dict[type_of_key, tuple[str, Any]]()
    for room in rooms:
        wanted, written = extract(room, root), read(room.po)
        for message in wanted:
            if message.id:
                found += _complaints(room, message, written, said)
    return found


def _complaints(room: Room, message: Message, written: Catalog, said: dict[type_of_key, Any]) -> Iterator[Complaint]:
    msgid = message.id[0] if message.pluralizable else message.id
    own = written.get(msgid, context=message.context)
    if own is None or own.fuzzy or not _is_full(own, written) or bool(own.pluralizable) != bool(message.pluralizable):
        yield Complaint(room.name, msgid, "no Serbian words")
        return
    texts = own.string if own.pluralizable else (own.string,)
    asked = set(_PLACEHOLDER.findall(" ".join(message.id if message.pluralizable else (msgid,))))
    for text in texts:
        if set(_PLACEHOLDER.findall(text)) - asked or (
            not own.pluralizable and asked - set(_PLACEHOLDER.findall(text))
        ):
            yield Complaint(room.name, msgid, f"placeholders differ in {text!r}")
        if is_cyrillic(text):
            yield Complaint(room.name, msgid, "Cyrillic is generated, not written")
    key = (message.context or "", msgid)
    other, words = said.setdefault(key, (room.name, own.string))
    if words != own.string:
        yield Complaint(room.name, msgid, f"{other} says {words!r}, here {own.string!r}")


# ------------------------------------------------------------------ compile
def compile_room(room: Room, borrowed: dict[str, list[Message]] | None = None, *, force: bool = False) -> bool:
    """Write the `.mo` of both scripts; False when they are newer than their sources."""
    targets = {script: room.folder / "locale" / script / MO for script in (SOURCE, DERIVED)}
    stamp = max((p.stat().st_mtime for p in (room.po, Path(__file__)) if p.exists()), default=0.0)
    if not force and all(path.exists() and path.stat().st_mtime > stamp for path in targets.values()):
        return False
    own = [m for m in (read(room.po) if room.po.exists() else ()) if m.id and m.string and not m.fuzzy]
    _write(targets[SOURCE], SOURCE, own, (borrowed or {}).get(SOURCE, []), str)
    _write(targets[DERIVED], DERIVED, own, (borrowed or {}).get(DERIVED, []), to_cyrillic)
    return True


def _write(path: Path, locale: str, own: list[Message], more: list[Message], change: Callable[[str], str]) -> None:
    catalog = Catalog(locale=SOURCE, domain="django", charset="utf-8", fuzzy=False)
    catalog.mime_headers = [("Language", locale), *[h for h in catalog.mime_headers if h[0] != "Language"]]
    for message in more:
        catalog.add(message.id, message.string, context=message.context)
    for message in own:
        words = tuple(map(change, message.string)) if message.pluralizable else change(message.string)
        if all(words) if message.pluralizable else words:
            catalog.delete(message.id[0] if message.pluralizable else message.id, context=message.context)
            catalog.add(message.id, words, context=message.context)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    with fresh.open("wb") as file:
        write_mo(file, catalog)
    fresh.replace(path)


def borrowed(folders: Iterable[Path], own: set[type_of_key]) -> dict[str, list[Message]]:
    """Serbian words of libraries in the script that they lack, without msgids that the house itself says."""
    found: dict[str, list[Message]] = {SOURCE: [], DERIVED: []}
    for folder in folders:
        has = {script: folder / "locale" / script / MO for script in (SOURCE, GENERIC, DERIVED)}
        if has[GENERIC].exists() and not has[SOURCE].exists():
            found[SOURCE] += _turned(has[GENERIC], own, to_latin)
        if has[SOURCE].exists() and not has[GENERIC].exists() and not has[DERIVED].exists():
            found[DERIVED] += _turned(has[SOURCE], own, to_cyrillic)
    return found


def _turned(path: Path, own: set[type_of_key], change: Callable[[str], str]) -> Iterator[Message]:
    with path.open("rb") as file:
        catalog = read_mo(file)
    for message in catalog:
        msgid = message.id[0] if message.pluralizable else message.id
        if msgid and (message.context or "", msgid) not in own and message.string:
            words = tuple(map(change, message.string)) if message.pluralizable else change(message.string)
            yield Message(message.id, words, context=message.context)


def known_words(rooms: Iterable[Room]) -> dict[type_of_key, Any]:
    found: dict[type_of_key, Any] = {}
    for room in rooms:
        for m in read(room.po):
            if m.id and m.string and all(m.string):
                found.setdefault((m.context or "", m.id[0] if m.pluralizable else m.id), m.string)
    return found


def keys_of(rooms: Iterable[Room]) -> set[type_of_key]:
    return {
        (m.context or "", m.id[0] if m.pluralizable else m.id) for room in rooms for m in read(room.po) if m.id
    }
