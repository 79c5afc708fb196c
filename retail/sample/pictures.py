"""Photographs that publishers sent of a few titles: the cover, its back and a page, set in type so that they are the same on every machine."""

from __future__ import annotations

import json
from datetime import datetime

import typst

from retail.kernel.models import User
from storefront import operations as verbs
from storefront.models import Contribution, Product, ProductPicture
from storefront.states import ContributorRole
from storefront.views.machines.pictures import Words
from storefront.views.machines.pictures import draw as drawn_cover

SKIPPED, TITLES = 6, 3
WORDS = (
    ("Prednja korica", "Front cover"),
    ("Zadnja korica", "Back cover"),
    ("Strana iz knjige", "A page of it"),
)
_BACK = """
#let said = json(bytes(sys.inputs.data))
#set page(width: 800pt, height: 1200pt, margin: 90pt, fill: rgb("#efe6d8"))
#set text(size: 30pt, lang: "sr")
#text(44pt, weight: "bold", said.title)
#v(20pt)
#said.about
#v(1fr)
#align(right, rect(width: 240pt, height: 120pt, fill: white, align(center + horizon, text(24pt, said.code))))
"""
_PAGE = """
#let said = json(bytes(sys.inputs.data))
#set page(width: 1200pt, height: 900pt, margin: 80pt, columns: 2, fill: rgb("#fbf8f1"))
#set par(justify: true, first-line-indent: 24pt)
#set text(size: 24pt, lang: "sr")
#align(center, text(30pt, weight: "bold")[1])
#for _ in range(8) [#said.about #parbreak()]
"""


def exist() -> bool:
    return ProductPicture.objects.exists()


def make(*, by: User, now: datetime) -> None:
    titles = Product.objects.filter(kind="BOOK", status="PUBLISHED").order_by("-popularity", "pk")
    # Those after the ones that campaigns and bundles are made of.
    for product in titles[SKIPPED : SKIPPED + TITLES]:
        for content, (text, text_en) in zip(_taken(product), WORDS, strict=True):
            verbs.add_picture(
                product_id=product.pk, content=content, text=text, text_en=text_en, by=by, now=now
            )


def _taken(product: Product) -> tuple[bytes, bytes, bytes]:
    code = product.variants.order_by("pk").values_list("sku", flat=True)[0]
    authors = Contribution.objects.filter(product=product, role=ContributorRole.AUTHOR)
    author = authors.order_by("position").values_list("contributor__name", flat=True).first()
    cover = drawn_cover(Words(code, product.title, author or product.brand), "cover")
    said = {"title": product.title, "about": product.description[:600] or product.title, "code": code}
    return cover, _set(_BACK, said), _set(_PAGE, said)


def _set(source: str, said: dict[str, str]) -> bytes:
    made = typst.compile(
        source.encode(),
        format="png",
        ppi=72.0,
        ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(said, ensure_ascii=False)},
    )
    # The page of a long text goes on; its first one is shown.
    return made[0] if isinstance(made, list) else made
