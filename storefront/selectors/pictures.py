"""Pictures as pages show them: where their files are, and what is said of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from storefront.models import ProductPicture
from storefront.rules import picture_file, picture_widths

# Of one product, in order; `p` is the product. What `picture_of` reads.
PICTURE = "json_build_array(i.key, i.width, i.height, i.text, i.text_en)"
FIRST_PICTURE = (
    f"(SELECT {PICTURE} FROM storefront_productpicture i WHERE i.product_id = p.id AND i.position = 0)"  # noqa: S608
)
ALL_PICTURES = f"(SELECT json_agg({PICTURE} ORDER BY i.position) FROM storefront_productpicture i WHERE i.product_id = p.id)"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture with its largest size; `text` and `text_en` say what it shows."""

    key: str
    width: int
    height: int
    text: str
    text_en: str

    @property
    def full(self) -> str:
        """The largest, as every program reads it."""
        return self._address("full.jpg")

    @property
    def card(self) -> str:
        """As large as a card needs it on a fine screen."""
        return self.at(480)

    @property
    def thumbnail(self) -> str:
        return self.at(120)

    @property
    def srcset(self) -> str:
        return ", ".join(f"{self.at(each)} {each}w" for each in picture_widths(self.width))

    def at(self, width: int) -> str:
        """The smallest file that is as wide as this."""
        widths = picture_widths(self.width)
        return self._address(f"{next((each for each in widths if each >= width), widths[-1])}.webp")

    def words(self, language: str) -> str:
        return self.text_en if language.startswith("en") and self.text_en else self.text

    def _address(self, name: str) -> str:
        return f"{settings.MEDIA_URL}{picture_file(self.key, name)}"


def picture_of(values: Sequence[Any] | None) -> Picture | None:
    return Picture(*values) if values else None


def pictures_of(product_ids: Iterable[int]) -> dict[int, tuple[Picture, ...]]:
    """The pictures of each product that has some, in their order. One statement."""
    found: dict[int, tuple[Picture, ...]] = {}
    rows = ProductPicture.objects.filter(product_id__in=list(product_ids)).order_by("product_id", "position")
    for row in rows:
        picture = Picture(row.key, row.width, row.height, row.text, row.text_en)
        found[row.product_id] = (*found.get(row.product_id, ()), picture)
    return found
