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


PRODUCT_MOVES = {
    ProductStatus.DRAFT: {ProductStatus.PUBLISHED, ProductStatus.ARCHIVED},
    ProductStatus.PUBLISHED: {ProductStatus.ARCHIVED},
    ProductStatus.ARCHIVED: {ProductStatus.PUBLISHED},
}
