from django.db import models
from django.utils.translation import gettext_lazy as _


class ProductKind(models.TextChoices):
    BOOK = "BOOK", _("Book")
    TOY = "TOY", _("Toy")
    GIFT = "GIFT", _("Gift")
    OTHER = "OTHER", _("Other")


class ProductStatus(models.TextChoices):
    DRAFT = "DRAFT", _("Draft")
    PUBLISHED = "PUBLISHED", _("Published")
    ARCHIVED = "ARCHIVED", _("Archived")


class ContributorRole(models.TextChoices):
    AUTHOR = "AUTHOR", _("Author")
    ILLUSTRATOR = "ILLUSTRATOR", _("Illustrator")
    TRANSLATOR = "TRANSLATOR", _("Translator")
    EDITOR = "EDITOR", _("Editor")


class FunnelStep(models.TextChoices):
    """How far a visit came, where only the browser can tell; baskets and orders are rows of their own."""

    VIEW = "VIEW", _("Looked at a product")
    CHECKOUT = "CHECKOUT", _("Opened the checkout")


class Feed(models.TextChoices):
    """Who reads our products row by row."""

    GOOGLE = "GOOGLE", "Google Merchant"
    META = "META", "Meta"


class FeedReason(models.TextChoices):
    """Why a feed leaves a variant out: the reader would refuse it, or show what cannot be bought."""

    NO_PRICE = "NO_PRICE", _("It has no price in this channel")
    BAD_BARCODE = "BAD_BARCODE", _("The check digit of the barcode does not fit")
    NO_IDENTITY = "NO_IDENTITY", _("It has neither a barcode nor a publisher or brand")
    NO_BRAND = "NO_BRAND", _("It has no publisher, brand or author")
    NO_TITLE = "NO_TITLE", _("It has no title")
    ELECTRONIC = "ELECTRONIC", _("It is an electronic edition, which this feed does not take")


PRODUCT_MOVES = {
    ProductStatus.DRAFT: {ProductStatus.PUBLISHED, ProductStatus.ARCHIVED},
    ProductStatus.PUBLISHED: {ProductStatus.ARCHIVED},
    ProductStatus.ARCHIVED: {ProductStatus.PUBLISHED},
}
