import pytest
from hypothesis import given
from hypothesis import strategies as st

from retail.kernel.script import TO_CYRILLIC, is_cyrillic, to_cyrillic, to_latin

WORDS = [
    ("Pređi na sadržaj", "Пређи на садржај"),
    ("Ljubav, LJUBAV i ljubav", "Љубав, ЉУБАВ и љубав"),
    ("Njegoš i NJEGOŠ", "Његош и ЊЕГОШ"),
    ("Džez, DŽEZ, džep", "Џез, ЏЕЗ, џеп"),
    ("Đurđevak i Ćuprija", "Ђурђевак и Ћуприја"),
    ("„Kako diše šuma“", "„Како дише шума“"),
    ("ǈubav ǌiva ǅep", "Љубав њива Џеп"),
]
SEAMS = [
    ("injekcija", "инјекција"),
    ("konjugacija", "конјугација"),
    ("Konjunktura", "Конјунктура"),
    ("nadživeti", "надживети"),
    ("NADŽIVETI", "НАДЖИВЕТИ"),
    ("Tanjug", "Танјуг"),
    ("anjon", "анјон"),
    ("odživeti", "одживети"),
    ("podžanr", "поджанр"),
    # the same letters, one sound
    ("kanjon", "кањон"),
    ("tanjir", "тањир"),
    ("odžak", "оџак"),
    ("budžet", "буџет"),
    ("konj", "коњ"),
]
KEPT = [
    ("ORD-2026-000123 je stigla", "ORD-2026-000123 је стигла"),
    ("polica B-04-11, paket PKG-88120-1", "полица B-04-11, пакет PKG-88120-1"),
    ("SKU 9788699900122", "SKU 9788699900122"),
    ("1.039,20 RSD", "1.039,20 RSD"),
    ("PIB i PDV 20 %", "ПИБ и ПДВ 20 %"),
    ("QR-kod i e-Faktura", "QR-код и е-Фактура"),
    ("i/ili", "и/или"),
    ("24-časovni šalter", "24-часовни шалтер"),
    ("MP3 i B2B", "MP3 и B2B"),
    ("Onerow prima Visa i Mastercard", "Onerow прима Visa и Mastercard"),
    ("Prelist, Srbija", "Прелист, Србија"),
    ("IN_FULFILLMENT je stanje", "IN_FULFILLMENT је стање"),
    ("UKUPNO", "УКУПНО"),
    ("Još %(count)s artikala do %(until)s", "Још %(count)s артикала до %(until)s"),
    ("Za %s dana, {n} minuta", "За %s дана, {n} минута"),
    ("<b class='x'>Hvala</b>&nbsp;mnogo", "<b class='x'>Хвала</b>&nbsp;много"),
    ('<span translate="no">Ana Anić</span> kupuje', '<span translate="no">Ana Anić</span> купује'),
    ("Pišite na pomoc@prelist.example", "Пишите на pomoc@prelist.example"),
    ("https://prelist.rs/korpa je adresa", "https://prelist.rs/korpa је адреса"),
    ("uvoz.csv je prazan", "uvoz.csv је празан"),
    ("Washington i Sydney su imena", "Washington и Sydney су имена"),
    ("20 % do petka", "20 % до петка"),
]
serbian_words = st.lists(st.sampled_from(sorted(TO_CYRILLIC)), min_size=1, max_size=12).map("".join)


@pytest.mark.parametrize(("latin", "cyrillic"), WORDS + SEAMS + KEPT)
def test_latin_becomes_cyrillic(latin: str, cyrillic: str) -> None:
    assert to_cyrillic(latin) == cyrillic


@pytest.mark.parametrize(("latin", "cyrillic"), WORDS[:-1] + SEAMS)
def test_cyrillic_becomes_latin(latin: str, cyrillic: str) -> None:
    assert to_latin(cyrillic) == latin


def test_words_that_the_caller_keeps_stay_latin() -> None:
    assert to_cyrillic("Vihor kurir stiže", keep=frozenset({"vihor"})) == "Vihor курир стиже"


def test_decomposed_accents_are_the_same_letters() -> None:
    assert to_cyrillic("s\u030cuma") == "шума"


@given(serbian_words)
def test_there_and_back_is_the_same_word(word: str) -> None:
    if not word.isascii() or word not in _words_that_stay():
        assert to_latin(to_cyrillic(word)) == word


@given(serbian_words)
def test_a_serbian_word_leaves_no_latin_letter(word: str) -> None:
    if word not in _words_that_stay():
        assert all(letter in TO_CYRILLIC.values() for letter in to_cyrillic(word))


@given(st.text())
def test_nothing_is_lost_twice(text: str) -> None:
    once = to_cyrillic(text)
    assert to_cyrillic(once) == once
    assert to_latin(to_latin(once)) == to_latin(once)


@given(st.text(alphabet="abcčćžšđ %(){}s<>&;1-", max_size=40))
def test_placeholders_survive_any_text(text: str) -> None:
    assert "%(count)s" in to_cyrillic(f"{text} %(count)s ")


def test_knows_cyrillic_when_it_sees_it() -> None:
    assert is_cyrillic("Ана")
    assert not is_cyrillic("Ana")


def _words_that_stay() -> frozenset[str]:
    from retail.kernel.script import KEPT_WORDS

    return KEPT_WORDS
