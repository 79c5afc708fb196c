"""One key for every spelling: Latin, Cyrillic and ASCII of the same word fold to the same letters.

`Đorđe`, `Ђорђе` and `Djordje` are all `djordje`; `čaj`, `чај` and `caj` are all `caj`. The database has no Serbian
collation, so lists are ordered by a stored key too, for either alphabet.
"""

import re
import unicodedata
from typing import Literal

from anyascii import anyascii

from retail.kernel.script import TO_LATIN

type_of_script = Literal["latin", "cyrillic"]

_OTHER_CYRILLIC = {"й": "j", "я": "ja", "ю": "ju", "ы": "i", "э": "e", "ё": "e", "щ": "sc", "ь": "", "ъ": "", "ѓ": "dj", "ќ": "c", "ѕ": "dz"}  # fmt: skip
_ASCII_OF = {"đ": "dj", "č": "c", "ć": "c", "š": "s", "ž": "z", "dž": "dz"}


class _Letters(dict[int, str | int | None]):
    """What each lower-case letter folds to, learned when it is met first: one look-up for each letter after that."""

    def __missing__(self, code: int) -> str | int:
        letter = chr(code)
        bare = "".join(c for c in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(c))
        folded = self[code] = code if letter.isascii() else anyascii(bare).lower()
        return folded


_FOLD = _Letters(
    str.maketrans(
        dict[str, str | int | None](_OTHER_CYRILLIC)
        | {letter: _ASCII_OF.get(latin, latin) for letter, latin in TO_LATIN.items()}
        | {"đ": "dj", "ǆ": "dz", "ǉ": "lj", "ǌ": "nj", "\u00ad": ""}
    )
)
_SPACES = re.compile(r"\s+")

LATIN_ORDER = "a b c č ć d dž đ e f g h i j k l lj m n nj o p q r s š t u v w x y z ž".split()  # noqa: SIM905
CYRILLIC_ORDER = "a b v g d đ e ž z i j k l lj m n nj o p r s t ć u f h c č dž š q w x y".split()  # noqa: SIM905
_RANK: dict[str, dict[str, str]] = {
    "latin": {letter: chr(ord("A") + n) for n, letter in enumerate(LATIN_ORDER)},
    "cyrillic": {letter: chr(ord("A") + n) for n, letter in enumerate(CYRILLIC_ORDER)},
}
_LATIN_OF = str.maketrans(dict(TO_LATIN) | {"ǆ": "dž", "ǉ": "lj", "ǌ": "nj"})
# ASCII without two letters that sort as one needs no look at its pieces.
_DIGRAPH = re.compile("[ln]j", re.IGNORECASE)
_PLAIN_RANK = {
    script: {
        code: chr(code)
        if chr(code).isdigit()
        else rank.get(chr(code), " " if chr(code).isspace() or chr(code) in "-/" else None)
        for code in range(128)
    }
    for script, rank in _RANK.items()
}
_SORT_PIECES = re.compile("lj|nj|dž|.", re.DOTALL)


def fold(text: str) -> str:
    """A lower-case ASCII key; spaces are single, punctuation stays."""
    return " ".join(folded_letters(text).split())


def folded_letters(text: str) -> str:
    """The same with the spaces as they are."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", text).lower().translate(_FOLD)


def sort_key(text: str, script: type_of_script = "latin") -> str:
    """An ASCII key that the database's byte order puts as the Serbian abeceda or azbuka does; digits come first."""
    rank = _RANK[script]
    if text.isascii() and not _DIGRAPH.search(text):
        return " ".join(text.lower().translate(_PLAIN_RANK[script]).split())
    lowered = unicodedata.normalize("NFC", text).lower().translate(_LATIN_OF)
    out = []
    for piece in _SORT_PIECES.findall(lowered):
        if piece in rank:
            out.append(rank[piece])
        elif piece.isalnum():
            out += [rank.get(c, c if c.isdigit() else "") for c in fold(piece)]
        elif piece.isspace() or piece in "-/":
            out.append(" ")
    return _SPACES.sub(" ", "".join(out)).strip()
