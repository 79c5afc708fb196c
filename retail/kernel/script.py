"""Serbian in its two scripts: Latin to Cyrillic and back, letter for letter, with what must not change left alone.

What stays Latin in a Cyrillic text: placeholders, tags, entities, addresses, e-mails, file names, codes (letters mixed with
digits, underscores, capitals such as SKU or RSD), words with letters that Serbian lacks (q, w, x, y, é), camelCase names,
the words of KEPT_WORDS, and everything inside an element with `translate="no"`, <code> or <kbd>.
"""

import re
import unicodedata
from collections.abc import Set
from functools import lru_cache

_LATIN = "a b c č ć d đ e f g h i j k l m n o p r s š t u v z ž lj nj dž".split()  # noqa: SIM905 whole it reads better
_CYRILLIC = "а б ц ч ћ д ђ е ф г х и ј к л м н о п р с ш т у в з ж љ њ џ".split()  # noqa: SIM905
TO_CYRILLIC = dict(zip(_LATIN, _CYRILLIC, strict=True))
TO_LATIN = dict(zip(_CYRILLIC, _LATIN, strict=True))

# Here n and j, or d and ž, meet at the seam of a prefix or in a foreign stem; they are two letters, never њ or џ.
# "^" pins a stem to the beginning of the word: кањон is a canyon, анјон is an ion.
SEAMS = (
    *("injekc", "injekt", "konjug", "konjunk", "konjekt", "vanjez", "^anjon", "^tanjug", "disjunk"),
    *(
        "nadžive",
        "nadživl",
        "nadžnj",
        "nadžet",
        "^nadžup",
        "^nadžanr",
        "^podžup",
        "^podžanr",
        "^podžig",
        "^podžež",
    ),
    *(
        "^odžal",
        "^odžive",
        "^odživl",
        "^odživo",
        "^odžvak",
        "^predžet",
        "^predželu",
        "^predživot",
        "^podžutic",
    ),
)
_SEAMS = re.compile("|".join(SEAMS), re.IGNORECASE)
_SEAM_PAIR = re.compile("(n)(j)|(d)(ž)", re.IGNORECASE)
SHORT = 200
_SPLIT = "\u200b"  # stands between the two letters while digraphs are joined

_KEPT = (
    "onerow visa mastercard maestro dinacard american express paypal apple google pay android windows linux facebook "
    "instagram viber lego kindle django wagtail postgres valkey celery python webhook mail email gmail online ok "
    "sku isbn gtin ean rsd eur usd csv xml json pdf html url api ips qr ubl ip id h sms pin"
)
KEPT_WORDS = frozenset(_KEPT.split())
_CAPITALS = (
    "PIB PDV JBKJS JMBG MB SEF PFR LPFR VPFR ESIR NBS APR RS SFRJ DOO AD JP SR BG NS DA NE ILI ZA OD DO NA SA SVE "
    "I A O U E S K JE SE NI LI"
)
SERBIAN_CAPITALS = frozenset(_CAPITALS.split())

_PROTECTED = re.compile(
    r"""
    <(?P<tag>code|kbd|script|style)\b.*?</(?P=tag)> | <(?P<el>\w+)\b[^<>]*\btranslate="no"[^<>]*>.*?</(?P=el)>
    | <[a-zA-Z/!][^<>]*>                                        # tags
    | &(?:[a-zA-Z]+|\#\d+|\#x[0-9a-fA-F]+);                     # entities
    | \{\{.*?\}\} | \{%.*?%\} | \{[^{}\s]*\}                    # template variables, format fields
    | %\(\w+\)[-\#0+]*\d*(?:\.\d+)?[a-zA-Z]                     # %(name)s
    | %[-\#0+]*\d*(?:\.\d+)?[diouxXeEfFgGcrsant](?!\w)          # %s, %d; a per cent sign before a word has its space
    | (?:https?://|www\.)\S+ | [\w.+-]+@[\w-]+(?:\.[\w-]+)+     # addresses and e-mails
    | (?<![\w/])/(?:[\w.-]+/)+[\w.-]*                           # paths
    | \b(?:[\w-]+\.)+(?:rs|com|org|net|eu|example|csv|xml|json|pdf|svg|html|png|jpg|gz|toml)\b
    """,
    re.VERBOSE | re.DOTALL,
)
_TOKEN = re.compile(r"\w+(?:[-/]\w+)*")
_NUMBER_WORD = re.compile(r"\d+(?:-[a-zčćžšđ]+)+")
_LETTERS = re.compile("[abcčćdđefghijklmnoprsštuvzžǆǉǌ]+", re.IGNORECASE)
_PIECES = re.compile("lj|nj|dž|.", re.IGNORECASE | re.DOTALL)
_LIGATURES = str.maketrans(
    {"ǆ": "dž", "ǅ": "Dž", "Ǆ": "DŽ", "ǉ": "lj", "ǈ": "Lj", "Ǉ": "LJ", "ǌ": "nj", "ǋ": "Nj", "Ǌ": "NJ"}
)


def to_cyrillic(text: str, *, keep: Set[str] = frozenset()) -> str:
    """The same Serbian text in Cyrillic; `keep` names more words (lower case) that stay as they are."""
    return _remembered(text) if len(text) <= SHORT and not keep else _turned(text, keep)


@lru_cache(maxsize=8192)
def _remembered(text: str) -> str:
    """Names of categories, places and states come on every page; descriptions would only fill the memory."""
    return _turned(text, frozenset())


def _turned(text: str, keep: Set[str]) -> str:
    text = unicodedata.normalize("NFC", text)
    out, at = [], 0
    for found in _PROTECTED.finditer(text):
        out += [_words(text[at : found.start()], keep), found.group()]
        at = found.end()
    return "".join([*out, _words(text[at:], keep)])


def to_latin(text: str) -> str:
    """Serbian Cyrillic letters in Latin; every other character, also of other Cyrillic alphabets, stays."""
    return "".join(_latin_letter(text, at) for at in range(len(text)))


def is_cyrillic(text: str) -> bool:
    """Whether Serbian Cyrillic letters are in it."""
    return any(letter in TO_LATIN for letter in text.lower())


def _words(text: str, keep: Set[str]) -> str:
    return _TOKEN.sub(lambda found: _token(found.group(), keep), text)


def _token(token: str, keep: Set[str]) -> str:
    """A code stays whole; a compound such as `QR-kod` or `i/ili` is judged part by part."""
    if "_" in token:
        return token
    if any(c.isdigit() for c in token) and not _NUMBER_WORD.fullmatch(token):
        return token
    return "".join(part if part in "-/" else _word(part, keep) for part in re.split("([-/])", token))


def _word(word: str, keep: Set[str]) -> str:
    return word if _stays(word, keep) else _letters(word)


def _stays(word: str, keep: Set[str]) -> bool:
    plain = word.lower()
    if plain in KEPT_WORDS or plain in keep or not _LETTERS.fullmatch(word):
        return True
    if word.isupper():
        return 2 <= len(word) <= 4 and word not in SERBIAN_CAPITALS and word.isascii()
    inner = word.translate(_LIGATURES)
    return any(c.isupper() for c in inner[1:]) and inner[:2] not in ("LJ", "NJ", "DŽ")


def _letters(word: str) -> str:
    split = _SEAMS.sub(
        lambda seam: _SEAM_PAIR.sub(lambda pair: f"{pair.group()[0]}{_SPLIT}{pair.group()[1]}", seam.group()),
        word,
    )
    return "".join(_cyrillic_piece(piece) for piece in _PIECES.findall(split.translate(_LIGATURES)))


def _cyrillic_piece(piece: str) -> str:
    # A letter of another alphabet may match without its case (the Turkish dotted I does) and stays as it is.
    letter = "" if piece == _SPLIT else TO_CYRILLIC.get(piece.lower(), piece)
    return letter.upper() if piece[0].isupper() else letter


def _latin_letter(text: str, at: int) -> str:
    """`Љубав` is Ljubav, `ЉУБАВ` is LJUBAV: the neighbours say which."""
    letter = text[at]
    latin = TO_LATIN.get(letter.lower())
    if latin is None:
        return letter
    if not letter.isupper():
        return latin
    beside = text[at + 1 : at + 2] if text[at + 1 : at + 2].isalpha() else text[at - 1 : at] if at else ""
    return latin.upper() if len(latin) == 1 or beside.isupper() else latin.capitalize()
