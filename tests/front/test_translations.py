import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from babel.messages.mofile import read_mo
from django.apps import apps
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext, ngettext, pgettext
from django.utils.translation.trans_real import translation as catalog_of

from retail.front import catalogs
from retail.front.catalogs import Entry, Room

ROOT = Path(settings.BASE_DIR)
ROOMS = catalogs.rooms_below(ROOT, [(c.label, Path(c.path)) for c in apps.get_app_configs()])
CYRILLIC = re.compile("[а-яђјљњћџ]", re.IGNORECASE)
LATIN_ONLY = re.compile("[čćžšđ]", re.IGNORECASE)  # letters that no code, brand or placeholder has
PYTHON = """
from django.utils.translation import gettext as _, ngettext, pgettext
title = _("Hello %(name)s")
count = ngettext("%(n)s book", "%(n)s books", 2)
state = pgettext("order", "Open")
dynamic = _(title)
"""
HTML = """{% load i18n %}<p title="{% translate 'Close' %}">
  {% blocktranslate count n=n %}{{ n }} item{% plural %}{{ n }} items{% endblocktranslate %}
    {% translate "Open" context "period" %}{% if a == _("Filtered") %}'{% endif %}
</p>"""


@pytest.mark.parametrize("room", ROOMS, ids=[room.name for room in ROOMS])
def test_every_word_has_its_serbian_translation(room: Room) -> None:
    assert [str(complaint) for complaint in catalogs.complaints([room], ROOT)] == []


def test_one_msgid_has_one_translation_in_the_whole_house() -> None:
    assert [str(c) for c in catalogs.complaints(ROOMS, ROOT) if " says " in c.reason] == []


def test_rooms_do_not_read_each_others_files() -> None:
    roof = next(room for room in ROOMS if room.name == "retail")
    assert ROOT / "retail" / "settings.py" in roof.sources()
    assert ROOT / "retail" / "front" / "states.py" not in roof.sources()


def test_python_is_read() -> None:
    assert list(catalogs.found_in(PYTHON, is_template=False)) == [
        Entry("", "Hello %(name)s"),
        Entry("", "%(n)s book", "%(n)s books"),
        Entry("order", "Open"),
    ]


def test_templates_are_read() -> None:
    assert list(catalogs.found_in(HTML, is_template=True)) == [
        Entry("", "Close"),
        Entry("", "%(n)s item", "%(n)s items"),
        Entry("period", "Open"),
        Entry("", "Filtered"),
    ]


def make_room(folder: Path, python: str = PYTHON, po: str = "") -> Room:
    (folder / "app").mkdir()
    (folder / "app" / "words.py").write_text(python)
    room = Room("app", folder / "app")
    if po:
        room.po.parent.mkdir(parents=True)
        room.po.write_text(catalogs.PO_HEAD.format(plural=catalogs.empty_catalog().plural_forms) + po)
    return room


def test_extract_keeps_what_people_wrote_and_asks_for_the_rest(tmp_path: Path) -> None:
    room = make_room(
        tmp_path, po='msgid "Hello %(name)s"\nmsgstr "Zdravo %(name)s"\n\nmsgid "Gone"\nmsgstr "Nema"\n'
    )
    text, entries, empty = catalogs.refreshed(
        room, tmp_path, {("order", "Open"): Entry("order", "Open", "", ("Otvorena",))}
    )
    assert (entries, empty) == (3, 1)
    assert 'msgid "Hello %(name)s"\nmsgstr "Zdravo %(name)s"\n' in text
    assert 'msgctxt "order"\nmsgid "Open"\nmsgstr "Otvorena"\n' in text
    assert 'msgstr[0] ""\nmsgstr[1] ""\nmsgstr[2] ""\n' in text
    assert "Gone" not in text
    room.po.write_text(text)
    assert catalogs.refreshed(room, tmp_path)[0] == text


@pytest.mark.parametrize(
    ("po", "reason"),
    [
        ("", "no Serbian words"),
        ('msgid "Hello %(name)s"\nmsgstr "Zdravo"\n', "placeholders differ in 'Zdravo'"),
        ('msgid "Hello %(name)s"\nmsgstr "Zdravo %(ime)s"\n', "placeholders differ in 'Zdravo %(ime)s'"),
        ('msgid "Hello %(name)s"\nmsgstr "Здраво %(name)s"\n', "Cyrillic is generated, not written"),
        ('#, fuzzy\nmsgid "Hello %(name)s"\nmsgstr "Zdravo %(name)s"\n', "no Serbian words"),
    ],
)
def test_check_names_what_is_wrong(tmp_path: Path, po: str, reason: str) -> None:
    room = make_room(tmp_path, python='_("Hello %(name)s")', po=po)
    assert [c.reason for c in catalogs.complaints([room], tmp_path)] == [reason]


def test_compile_writes_both_scripts_and_then_has_nothing_to_do(tmp_path: Path) -> None:
    po = (
        'msgid "Hello %(name)s"\nmsgstr "Zdravo %(name)s, dobro došli"\n\n'
        'msgid "%(n)s book"\nmsgid_plural "%(n)s books"\n'
        'msgstr[0] "%(n)s knjiga"\nmsgstr[1] "%(n)s knjige"\nmsgstr[2] "%(n)s knjiga"\n'
    )
    room = make_room(tmp_path, po=po)
    assert catalogs.compile_room(room)
    cyrillic = _read_mo(room, catalogs.DERIVED)
    assert cyrillic["", "Hello %(name)s"].words == ("Здраво %(name)s, добро дошли",)
    assert cyrillic["", "%(n)s book"].words == ("%(n)s књига", "%(n)s књиге", "%(n)s књига")
    assert _read_mo(room, catalogs.SOURCE)["", "%(n)s book"].words == (
        "%(n)s knjiga",
        "%(n)s knjige",
        "%(n)s knjiga",
    )
    assert not catalogs.compile_room(room)
    assert catalogs.compile_room(room, force=True)
    assert list(room.po.parent.glob("*.new")) == []


def test_a_library_in_one_script_lends_the_other(tmp_path: Path) -> None:
    room = make_room(tmp_path, po='msgid "Hello %(name)s"\nmsgstr "Zdravo %(name)s"\n')
    catalogs.compile_room(room)
    library = tmp_path / "library"
    target = library / "locale" / "sr" / catalogs.MO
    target.parent.mkdir(parents=True)
    shutil.copy(room.folder / "locale" / catalogs.DERIVED / catalogs.MO, target)
    lent = catalogs.borrowed([library], set())
    assert lent[catalogs.SOURCE] == [Entry("", "Hello %(name)s", "", ("Zdravo %(name)s",))]
    assert lent[catalogs.DERIVED] == []
    assert catalogs.borrowed([library], {("", "Hello %(name)s")})[catalogs.SOURCE] == []


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("sr-latn", ["1 dan", "2 dana", "5 dana", "21 dan", "Otkazana", "Da", "Nazad na policu"]),
        ("sr-cyrl", ["1 дан", "2 дана", "5 дана", "21 дан", "Отказана", "Да", "Назад на полицу"]),
        ("en", ["1 day", "2 days", "5 days", "21 days", "Canceled", "Yes", "Back to the shelf"]),
    ],
)
def test_three_languages_at_run_time(language: str, words: list[str]) -> None:
    with translation.override(language):
        days = [ngettext("%(days)s day", "%(days)s days", n) % {"days": n} for n in (1, 2, 5, 21)]
        assert [*days, pgettext("order", "Canceled"), gettext("Yes"), gettext("Back to the shelf")] == words


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("sr-latn", ("Ovo polje se mora popuniti.", "Podešavanja")),
        ("sr-cyrl", ("Ово поље се мора попунити.", "Подешавања")),
    ],
)
def test_djangos_and_wagtails_words_are_in_the_right_script(language: str, words: tuple[str, str]) -> None:
    with translation.override(language):
        assert (gettext("This field is required."), gettext("Settings")) == words


@pytest.mark.parametrize(("language", "other"), [("sr-latn", CYRILLIC), ("sr-cyrl", LATIN_ONLY)])
def test_no_catalog_speaks_in_the_other_script(language: str, other: re.Pattern[str]) -> None:
    spoken = [words for words in _spoken(language) if other.search(words)]
    assert spoken == []


def _spoken(language: str) -> list[str]:
    """Everything that the merged catalog of a language says; where two libraries differ, the one that wins."""
    merged: Any = vars(catalog_of(language))["_catalog"]
    winning = {key: words for piece in reversed(merged._catalogs) for key, words in piece.items()}
    return [words for key, words in winning.items() if key and isinstance(words, str)]


def test_a_library_in_latin_under_the_bare_code_lends_cyrillic(tmp_path: Path) -> None:
    room = make_room(tmp_path, po='msgid "Hello %(name)s"\nmsgstr "Zdravo %(name)s"\n')
    catalogs.compile_room(room)
    library = tmp_path / "library"
    target = library / "locale" / "sr" / catalogs.MO
    target.parent.mkdir(parents=True)
    shutil.copy(room.folder / "locale" / catalogs.SOURCE / catalogs.MO, target)
    lent = catalogs.borrowed([library], set())
    assert lent[catalogs.SOURCE] == []
    assert lent[catalogs.DERIVED] == [Entry("", "Hello %(name)s", "", ("Здраво %(name)s",))]


def _read_mo(room: Room, script: str) -> dict[tuple[str, str], Entry]:
    with (room.folder / "locale" / script / catalogs.MO).open("rb") as file:
        return catalogs.entries_of(read_mo(file))
