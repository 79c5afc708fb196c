"""Pictures of a product: taken in, described, put in order, taken away. Files come before the row that names them and go after it."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from retail.kernel.context import acting
from retail.kernel.models import User
from retail.kernel.outbox import announce
from storefront.events import ProductChanged
from storefront.models import Product, ProductPicture
from storefront.operations import picture_files
from storefront.operations.products import lock_product
from storefront.operations.refusals import PicturesChanged, PictureTaken, TooManyPictures, UnknownPicture

PICTURES_MAX = 12


def add_picture(
    *, product_id: int, content: bytes, by: User | None, now: datetime, text: str = "", text_en: str = ""
) -> ProductPicture:
    """Put a picture behind those that are there. Refuses InvalidPicture, UnknownProduct, PictureTaken, TooManyPictures."""
    drawn = picture_files.draw(content)  # before the lock: drawing takes its time
    key, digest = secrets.token_hex(12), hashlib.sha256(content).hexdigest()
    with transaction.atomic(), acting(by=by):
        product = lock_product(product_id)
        there = list(ProductPicture.objects.filter(product=product))
        if any(each.digest == digest for each in there):
            raise PictureTaken(_("This very picture is there already."), slug=product.slug)
        if len(there) >= PICTURES_MAX:
            raise TooManyPictures(_("A product has 12 pictures at most."), maximum=PICTURES_MAX)
        picture_files.keep(key, drawn)
        picture = ProductPicture.objects.create(
            product=product,
            key=key,
            position=len(there),
            width=drawn.width,
            height=drawn.height,
            text=text.strip(),
            text_en=text_en.strip(),
            digest=digest,
            added_at=now,
        )
        _told(product, now)
    return picture


@transaction.atomic
def describe_picture(
    *, product_id: int, key: str, text: str, text_en: str, by: User | None, now: datetime
) -> ProductPicture:
    """What it shows, in words. Refuses UnknownProduct, UnknownPicture."""
    product = lock_product(product_id)
    picture = _of(product, key)
    words = (text.strip(), text_en.strip())
    if (picture.text, picture.text_en) == words:
        return picture
    with acting(by=by):
        picture.text, picture.text_en = words
        picture.save(update_fields=["text", "text_en"])
        _told(product, now)
    return picture


@transaction.atomic
def order_pictures(*, product_id: int, keys: Sequence[str], by: User | None, now: datetime) -> None:
    """Show them in this order; the first one stands on cards. Refuses UnknownProduct, PicturesChanged."""
    product = lock_product(product_id)
    there = {each.key: each for each in ProductPicture.objects.filter(product=product)}
    if sorted(keys) != sorted(there):
        raise PicturesChanged(_("Name each picture of the product once."), slug=product.slug)
    with acting(by=by):
        if _placed([there[key] for key in keys]):
            _told(product, now)


@transaction.atomic
def remove_picture(*, product_id: int, key: str, by: User | None, now: datetime) -> None:
    """Take it away; those behind it move up. Refuses UnknownProduct, UnknownPicture."""
    product = lock_product(product_id)
    picture = _of(product, key)
    with acting(by=by):
        picture.delete()
        _placed(list(ProductPicture.objects.filter(product=product)))
        _told(product, now)
    transaction.on_commit(lambda: picture_files.forget(picture.key, picture.width), robust=True)


def _of(product: Product, key: str) -> ProductPicture:
    picture = ProductPicture.objects.filter(product=product, key=key).first()
    if picture is None:
        raise UnknownPicture(_("The product has no such picture."), slug=product.slug)
    return picture


def _placed(pictures: list[ProductPicture]) -> bool:
    """Their places without gaps; says whether any moved."""
    moved = [each for place, each in enumerate(pictures) if each.position != place]
    for place, each in enumerate(pictures):
        each.position = place
    ProductPicture.objects.bulk_update(moved, ["position"])
    return bool(moved)


def _told(product: Product, now: datetime) -> None:
    Product.objects.filter(pk=product.pk).update(updated_at=now)
    announce(ProductChanged(product.pk, product.slug), subject=("product", product.slug))
