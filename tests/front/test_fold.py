import pytest
from hypothesis import given
from hypothesis import strategies as st

from retail.kernel.fold import fold, sort_key
from retail.kernel.script import TO_CYRILLIC, to_cyrillic

SPELLINGS = [
    (("Đorđe", "Ђорђе", "Djordje", "djordje", "ĐORĐE"), "djordje"),
    (("čaj", "чај", "caj", "ĆAJ"), "caj"),
    (("Šuma", "Шума", "suma"), "suma"),
    (("žaba", "жаба", "zaba"), "zaba"),
    (("džep", "џеп", "dzep", "ǆep"), "dzep"),
    (("ljubav", "љубав", "ǉubav"), "ljubav"),
    (("njiva", "њива", "ǌiva"), "njiva"),
    (("Brontë", "bronte"), "bronte"),
    (("Søren", "soren"), "soren"),
    (("  Rat\u00a0i   mir ", "rat i mir"), "rat i mir"),
    (("978-86-99", "978\u201086\u201099"), "978-86-99"),
    (("Лев Толстой", "Lev Tolstoj"), "lev tolstoj"),
]


@pytest.mark.parametrize(("spellings", "key"), SPELLINGS)
def test_every_spelling_has_one_key(spellings: tuple[str, ...], key: str) -> None:
    assert {fold(spelling) for spelling in spellings} == {key}


@given(st.text())
def test_the_key_is_plain_and_stable(text: str) -> None:
    key = fold(text)
    assert key.isascii()
    assert key == key.lower().strip()
    assert "  " not in key
    assert fold(key) == key


@given(
    st.lists(st.sampled_from(sorted(set(TO_CYRILLIC) - {"lj", "nj", "dž"})), min_size=1, max_size=15).map(
        "".join
    )
)
def test_both_scripts_fold_to_the_same_key(word: str) -> None:
    assert fold(to_cyrillic(word)) == fold(word)


def test_serbian_latin_order() -> None:
    names = [
        "Žabalj",
        "Čačak",
        "Cer",
        "Ćuprija",
        "Dunav",
        "Džep",
        "Đak",
        "Lom",
        "Ljig",
        "Nov",
        "Njiva",
        "Šid",
        "Sava",
    ]
    assert sorted(names, key=sort_key) == [
        "Cer", "Čačak", "Ćuprija", "Dunav", "Džep", "Đak", "Lom", "Ljig", "Nov", "Njiva", "Sava", "Šid", "Žabalj",
    ]  # fmt: skip


def test_serbian_cyrillic_order() -> None:
    names = ["Шид", "Џеп", "Чачак", "Цер", "Ћуприја", "Ђак", "Дунав", "Жабаљ", "Зима", "Вук", "Бор", "Аца"]
    assert sorted(names, key=lambda name: sort_key(name, "cyrillic")) == [
        "Аца", "Бор", "Вук", "Дунав", "Ђак", "Жабаљ", "Зима", "Ћуприја", "Цер", "Чачак", "Џеп", "Шид",
    ]  # fmt: skip


def test_the_sort_key_does_not_depend_on_the_spelling_script() -> None:
    assert sort_key("Љубав и џез", "cyrillic") == sort_key("Ljubav i džez", "cyrillic")
    assert sort_key("Њива") == sort_key("Njiva")


def test_digits_come_before_letters_and_foreign_letters_have_a_place() -> None:
    assert sorted(["Zima", "1984", "Quo vadis", "Rat", "Wagner", "Émile"], key=sort_key) == [
        "1984", "Émile", "Quo vadis", "Rat", "Wagner", "Zima",
    ]  # fmt: skip


@given(st.text())
def test_the_sort_key_is_plain(text: str) -> None:
    assert sort_key(text).isascii()
