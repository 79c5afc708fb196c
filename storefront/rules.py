"""Arithmetic and text of the catalog: pure, no rows, no clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal

from retail.kernel.fold import folded_letters, sort_key
from retail.kernel.money import rounded
from storefront.states import Feed, FeedReason

# What folding leaves: letters and digits stay, apostrophes vanish, the rest parts words.
_WORDS = {
    code: chr(code) if chr(code).isalnum() else None if chr(code) in "'`" else " " for code in range(128)
}
SLUG_LENGTH_MAX = 90
# Widths in which a picture is kept besides its largest; thumbnails, cards, the product page, and those on fine screens.
PICTURE_WIDTHS = (120, 240, 480, 960)
PICTURE_SIDE_MAX = 1600
DESCRIPTION_SEARCHED_MAX = 300

# Offset paper of 80 g/m², leaves of 130 x 200 mm with margins cut: 0.0311 m² a leaf, two pages each.
GRAMS_PER_PAGE = 0.5 * 0.0311 * 80
PAGES_ASSUMED = 280
COVER_GRAMS = 25
PIECES_ASSUMED = 120
GRAMS_PER_PIECE = 1.2
BOX_GRAMS = 90


def words_of(text: str) -> str:
    """Folded words with single spaces: what the index and the query of a search both consist of."""
    return " ".join(folded_letters(text).translate(_WORDS).split())


def slug_of(*parts: str) -> str:
    """A readable address made of folded words; never empty."""
    return slug_of_words(*map(words_of, parts))


def slug_of_words(*parts: str) -> str:
    """The same of words that are folded already."""
    slug = "-".join(filter(None, parts)).replace(" ", "-")
    return slug[:SLUG_LENGTH_MAX].strip("-") or "-"


def sort_name(name: str) -> str:
    """The key that puts a person by family name."""
    first, _, last = name.strip().rpartition(" ")
    return sort_key(f"{last} {first}")[:200]


# How people say in which language a book is to be, as the last two words: folded word → code of the catalog.
_SPOKEN = {
    **dict.fromkeys(("srpskom", "srpski", "serbian"), "sr"),
    **dict.fromkeys(("engleskom", "engleski", "english"), "en"),
    **dict.fromkeys(("nemackom", "nemacki", "german"), "de"),
    **dict.fromkeys(("francuskom", "francuski", "french"), "fr"),
    **dict.fromkeys(("ruskom", "ruski", "russian"), "ru"),
    **dict.fromkeys(("italijanskom", "italijanski", "italian"), "it"),
    **dict.fromkeys(("spanskom", "spanski", "spanish"), "es"),
    **dict.fromkeys(("madjarskom", "madjarski", "hungarian"), "hu"),
    **dict.fromkeys(("hrvatskom", "hrvatski", "croatian"), "hr"),
}


def said_language(text: str) -> tuple[str, str]:
    """(the rest, language code) of words that end in "na srpskom" or "in English"; ("", "") when they do not."""
    words = text.split()
    if len(words) < 3 or words_of(words[-2]) not in ("na", "in"):
        return "", ""
    code = _SPOKEN.get(words_of(words[-1]), "")
    return (" ".join(words[:-2]), code) if code else ("", "")


@dataclass(frozen=True, slots=True)
class SearchTexts:
    """What is found, by weight: A title, B people, C the rest of the head, D the blurb. `text` is for spelling mistakes."""

    title: str
    people: str
    head: str
    blurb: str

    @property
    def text(self) -> str:
        return " ".join(filter(None, (self.title, self.people)))

    @property
    def vector(self) -> str:
        """The words with their places and weights, as the database reads a `tsvector`."""
        weighed = [
            (word, weight)
            for weight, words in (("A", self.title), ("B", self.people), ("C", self.head), ("D", self.blurb))
            for word in words.split()
        ]
        return " ".join([f"{word}:{place}{weight}" for place, (word, weight) in enumerate(weighed, 1)])


def search_texts(
    *,
    title: str,
    people: Iterable[str] = (),
    subtitle: str = "",
    brand: str = "",
    codes: Iterable[str] = (),
    subjects: Iterable[str] = (),
    description: str = "",
) -> SearchTexts:
    return SearchTexts(
        title=words_of(title),
        people=words_of(" ".join(people)),
        head=words_of(" ".join([subtitle, brand, *codes, *subjects])),
        blurb=words_of(description[:DESCRIPTION_SEARCHED_MAX]),
    )


@dataclass(frozen=True, slots=True)
class Size:
    weight_grams: int
    length_mm: int
    width_mm: int
    height_mm: int


def book_size(pages: int | None) -> Size:
    """An estimate from the number of pages, for parcels and tariffs until somebody weighs the book."""
    count = min(max(pages or PAGES_ASSUMED, 16), 3000)
    return Size(round(count * GRAMS_PER_PAGE) + COVER_GRAMS, 200, 130, max(4, round(count * 0.055)))


def box_size(pieces: int | None) -> Size:
    """The same for a boxed toy, from the number of pieces."""
    count = min(max(pieces or PIECES_ASSUMED, 5), 8000)
    side = round(60 + 14 * count ** (1 / 2.6))
    return Size(round(count * GRAMS_PER_PIECE) + BOX_GRAMS, side + 60, side, max(45, side // 3))


def shop_price(amount: Decimal, *, factor: Decimal, ending: str) -> Decimal:
    """A foreign list price as a shop price: times the factor, then up to the next whole amount that ends in `ending`."""
    whole = int((amount * factor).to_integral_value(rounding=ROUND_UP))
    if not ending:
        return rounded(amount * factor)
    step = 10 ** len(ending)
    return rounded(Decimal(whole + (int(ending) - whole) % step))


@dataclass(frozen=True, slots=True)
class FeedFacts:
    """What decides whether the reader of a feed would take a variant. `maker` is publisher, brand or author."""

    has_title: bool
    has_price: bool
    barcode: str
    is_barcode_right: bool
    maker: str
    is_digital: bool = False


def feed_reason(feed: str, facts: FeedFacts) -> str:
    """Why this feed leaves it out; empty when it does not. The first reason is the one to mend first."""
    reasons = (
        (FeedReason.ELECTRONIC, facts.is_digital),
        (FeedReason.NO_TITLE, not facts.has_title),
        (FeedReason.NO_PRICE, not facts.has_price),
        (FeedReason.BAD_BARCODE, bool(facts.barcode) and not facts.is_barcode_right),
        (FeedReason.NO_IDENTITY, feed == Feed.GOOGLE and not facts.barcode and not facts.maker),
        (FeedReason.NO_BRAND, feed == Feed.META and not facts.maker),
    )
    return next((reason.value for reason, holds in reasons if holds), "")


# ------------------------------------------------------------------ pictures
def picture_widths(width: int) -> tuple[int, ...]:
    """The widths in which a picture of this width is kept, ascending."""
    return (*(each for each in PICTURE_WIDTHS if each < width), width)


def picture_file(key: str, name: str) -> str:
    """Where a file of a picture lies. The key is never used again, so whoever has the file may keep it for ever."""
    return f"products/{key}/{name}"
