"""The catalog: what we sell, at which price, with which tax. Shop pages are on a higher floor of this app."""

import pgtrigger
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from retail.imports.record import ImportRecord
from retail.kernel.models import LegalEntity
from storefront.states import ContributorRole, Feed, FeedReason, FunnelStep, ProductKind, ProductStatus


class Collection(models.Model):
    """A saved listing with a name and an address of its own: what it holds is asked anew at every look."""

    slug = models.SlugField(_("address"), max_length=80, unique=True)
    name = models.CharField(_("name"), max_length=120)
    name_en = models.CharField(_("name in English"), max_length=120, blank=True)
    description = models.CharField(_("description"), max_length=400, blank=True)
    # The choices of a listing as its address says them, for example `language=sr&price_to=1500&sort=newest`.
    filters = models.CharField(_("filters"), max_length=1000, blank=True)
    category = models.ForeignKey(
        "storefront.Category", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    position = models.PositiveSmallIntegerField(_("position"), default=100)
    is_shown = models.BooleanField(_("shown in the shop"), default=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["position", "name"]

    def __str__(self) -> str:
        return self.name

    def title(self, language: str) -> str:
        return self.name_en if language.startswith("en") and self.name_en else self.name


class TaxClass(models.TextChoices):
    BOOKS = "BOOKS", _("Books and printed matter")
    STANDARD = "STANDARD", _("General rate")
    EXEMPT = "EXEMPT", _("Exempt")
    EBOOKS = "EBOOKS", _("Electronic books")


class TaxRate(models.Model):
    """Percentage of a tax class in a country, by date."""

    tax_class = models.CharField(max_length=20, choices=TaxClass)
    country = models.CharField(max_length=2, default="RS")
    rate = models.DecimalField(max_digits=5, decimal_places=2)
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tax_class", "country", "valid_from"], name="tax_rate_once"),
            models.CheckConstraint(condition=Q(rate__gte=0, rate__lte=100), name="tax_rate_percent"),
        ]

    def __str__(self) -> str:
        return f"{self.tax_class} {self.rate} %"


class Category(models.Model):
    """A node of the tree; `path` is the chain of slugs, so that a branch is one prefix."""

    parent = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="children"
    )
    slug = models.SlugField(max_length=80)
    path = models.CharField(max_length=400, unique=True)
    depth = models.PositiveSmallIntegerField(default=0)
    name = models.CharField(max_length=120)
    name_en = models.CharField(max_length=120, blank=True)
    position = models.PositiveIntegerField(default=0)
    external_ref = models.CharField(max_length=120, blank=True)

    class Meta:
        verbose_name_plural = "categories"
        ordering = ["path"]
        indexes = [models.Index(OpClass("path", "varchar_pattern_ops"), name="category_branch")]

    def __str__(self) -> str:
        return self.name


class Contributor(models.Model):
    """Author, illustrator, translator … of products."""

    slug = models.SlugField(max_length=160, unique=True)
    name = models.CharField(max_length=200)
    sort_name = models.CharField(max_length=200)

    def __str__(self) -> str:
        return self.name


class Product(models.Model):
    """What a shopper reads about; its variants are what is sold."""

    slug = models.SlugField(max_length=200, unique=True)
    kind = models.CharField(max_length=12, choices=ProductKind, default=ProductKind.BOOK)
    title = models.CharField(max_length=400)
    subtitle = models.CharField(max_length=400, blank=True)
    description = models.TextField(blank=True)
    language = models.CharField(max_length=10, blank=True)
    brand = models.CharField(_("publisher or brand"), max_length=160, blank=True)
    attributes = models.JSONField(default=dict, blank=True)
    status = models.CharField(max_length=10, choices=ProductStatus, default=ProductStatus.DRAFT)
    published_at = models.DateTimeField(null=True, blank=True)
    released_on = models.DateField(null=True, blank=True)
    rating = models.DecimalField(max_digits=3, decimal_places=2, null=True, blank=True)
    rating_count = models.PositiveIntegerField(default=0)
    # From the first review of a buyer on, ratings of a file are no longer taken.
    is_rated_by_buyers = models.BooleanField(default=False, db_default=False)
    popularity = models.PositiveIntegerField(default=0)
    main_category = models.ForeignKey(
        Category, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    categories = models.ManyToManyField(Category, related_name="products", blank=True)
    contributors = models.ManyToManyField(Contributor, through="Contribution", related_name="products")
    external_ref = models.CharField(max_length=120, blank=True)
    # Folded to lower-case ASCII (retail.kernel.fold), so that Latin, Cyrillic and bare spellings meet.
    search_text = models.TextField(blank=True)
    search_vector = SearchVectorField(null=True)
    sort_title = models.CharField(max_length=400, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes = [
            GinIndex(OpClass("search_text", "gin_trgm_ops"), name="product_trigram"),
            GinIndex(fields=["search_vector"], name="product_words"),
            models.Index(fields=["status", "-popularity", "id"], name="product_popular"),
            models.Index(fields=["main_category", "-popularity", "id"], name="product_of_branch"),
            models.Index("status", F("released_on").desc(nulls_last=True), "id", name="product_newest"),
            models.Index(
                "status",
                F("rating").desc(nulls_last=True),
                F("rating_count").desc(),
                "id",
                name="product_rated",
            ),
            models.Index(fields=["status", "sort_title", "id"], name="product_alphabet"),
            models.Index(fields=["updated_at", "id"], name="product_updated"),
            models.Index(fields=["brand"], condition=~Q(brand=""), name="product_brand"),
            models.Index(fields=["language"], name="product_language"),
            # An import asks which addresses begin like a title's.
            models.Index(OpClass("slug", "varchar_pattern_ops"), name="product_slug_begins"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["external_ref"], condition=~Q(external_ref=""), name="product_external_once"
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="credits_follow_popularity",
                operation=pgtrigger.UpdateOf("popularity"),  # type: ignore[no-untyped-call]
                when=pgtrigger.After,
                condition=pgtrigger.Q(old__popularity__df=pgtrigger.F("new__popularity")),
                func="UPDATE storefront_contribution SET popularity = NEW.popularity WHERE product_id = NEW.id; RETURN NULL;",
            )
        ]

    def __str__(self) -> str:
        return self.title


class ProductAddress(models.Model):
    """An address that a product had before: links to it are out in the world and lead to the present one."""

    slug = models.SlugField(max_length=200, unique=True)
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="past_addresses")
    left_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "product addresses"

    def __str__(self) -> str:
        return self.slug


class ProductPicture(models.Model):
    """A picture of a product in its place, from 0; the first one stands on cards. Its files lie below `key`, drawn anew by ourselves."""

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="pictures", db_index=False)
    key = models.CharField(max_length=40, unique=True)
    position = models.PositiveSmallIntegerField()
    width = models.PositiveSmallIntegerField()
    height = models.PositiveSmallIntegerField()
    # What somebody hears who does not see it; Cyrillic is made of the first.
    text = models.CharField(_("what it shows"), max_length=200, blank=True)
    text_en = models.CharField(_("what it shows, in English"), max_length=200, blank=True)
    digest = models.CharField(max_length=64)
    added_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["position"]
        constraints = [
            # Deferred: a new order of all of them is one statement.
            models.UniqueConstraint(
                fields=["product", "position"],
                name="product_picture_place",
                deferrable=models.Deferrable.DEFERRED,
            ),
            models.UniqueConstraint(fields=["product", "digest"], name="product_picture_once"),
            models.CheckConstraint(condition=Q(width__gte=1, height__gte=1), name="product_picture_size"),
        ]

    def __str__(self) -> str:
        return f"{self.product_id} {self.position}"


class Contribution(models.Model):
    product = models.ForeignKey(
        Product, on_delete=models.CASCADE, related_name="contributions", db_index=False
    )
    contributor = models.ForeignKey(
        Contributor, on_delete=models.PROTECT, related_name="contributions", db_index=False
    )
    role = models.CharField(max_length=12, choices=ContributorRole, default=ContributorRole.AUTHOR)
    position = models.PositiveSmallIntegerField(default=0)
    # The product's, copied so that an author's most read titles are read without all the others; triggers keep it equal.
    popularity = models.PositiveIntegerField(null=True, editable=False)

    class Meta:
        ordering = ["position"]
        indexes = [
            models.Index(fields=["contributor", "-popularity", "product"], name="contribution_popular")
        ]
        constraints = [
            models.UniqueConstraint(fields=["product", "contributor", "role"], name="contribution_once")
        ]
        triggers = [
            pgtrigger.Trigger(
                name="credit_knows_popularity",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                condition=pgtrigger.Q(new__popularity__isnull=True),
                func="SELECT popularity INTO NEW.popularity FROM storefront_product WHERE id = NEW.product_id; RETURN NEW;",
            )
        ]

    def __str__(self) -> str:
        return f"{self.contributor_id} {self.role}"


class Variant(models.Model):
    """The sellable unit. A kit is a variant with components and no stock of its own."""

    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="variants")
    sku = models.CharField(_("SKU"), max_length=40, unique=True)
    barcode = models.CharField(_("barcode (GTIN)"), max_length=14, blank=True, db_index=True)
    format_name = models.CharField(max_length=60, blank=True)
    options = models.JSONField(default=dict, blank=True)
    tax_class = models.CharField(max_length=20, choices=TaxClass, default=TaxClass.BOOKS)
    weight_grams = models.PositiveIntegerField(default=0)
    length_mm = models.PositiveIntegerField(default=0)
    width_mm = models.PositiveIntegerField(default=0)
    height_mm = models.PositiveIntegerField(default=0)
    is_estimated_size = models.BooleanField(default=False)
    is_sellable = models.BooleanField(default=True)
    is_kit = models.BooleanField(default=False)
    # A file in place of goods: nothing on a shelf, nothing to claim; sold only while it has its `file`.
    is_digital = models.BooleanField(default=False, db_default=False)
    # The lowest gross price of one unit that discounts may reach.
    floor_price = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    position = models.PositiveSmallIntegerField(default=0)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["position", "id"]
        indexes = [
            models.Index(fields=["updated_at", "id"], name="variant_updated"),
            models.Index(fields=["id"], name="variant_digital", condition=Q(is_digital=True)),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~Q(is_digital=True, is_kit=True), name="variant_digital_is_no_kit"
            )
        ]

    def __str__(self) -> str:
        return self.sku


class DigitalFile(models.Model):
    """What buyers of a digital variant get. The bytes lie in the private storage under a name that says nothing; no address serves them."""

    variant = models.OneToOneField(Variant, on_delete=models.CASCADE, related_name="file")
    key = models.CharField(max_length=80, unique=True)
    # As the buyer saves it.
    name = models.CharField(max_length=120)
    media_type = models.CharField(max_length=40)
    size = models.PositiveIntegerField()
    digest = models.CharField(max_length=64)
    uploaded_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.name} of {self.variant_id}"


class KitComponent(models.Model):
    kit = models.ForeignKey(Variant, on_delete=models.CASCADE, related_name="components")
    component = models.ForeignKey(Variant, on_delete=models.PROTECT, related_name="in_kits")
    quantity = models.PositiveSmallIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kit", "component"], name="kit_component_once"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="kit_component_positive"),
            models.CheckConstraint(condition=~Q(kit=F("component")), name="kit_not_itself"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.component_id} in {self.kit_id}"


class PriceList(models.Model):
    """Gross shop prices of one currency."""

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=120)
    currency = models.CharField(max_length=3, default="RSD")

    def __str__(self) -> str:
        return self.name


class Price(models.Model):
    """An entry of a price list; entries are closed and added, never overwritten, so the history stays."""

    variant = models.ForeignKey(Variant, on_delete=models.CASCADE, related_name="prices")
    price_list = models.ForeignKey(PriceList, on_delete=models.PROTECT, related_name="prices", db_index=False)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    minimum_quantity = models.PositiveIntegerField(default=1)
    valid_from = models.DateTimeField(default=timezone.now)
    valid_to = models.DateTimeField(null=True, blank=True)
    is_sample = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gte=0), name="price_not_negative"),
            models.CheckConstraint(condition=Q(minimum_quantity__gte=1), name="price_quantity_positive"),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gt=F("valid_from")), name="price_period"
            ),
        ]
        indexes = [
            models.Index(
                fields=["price_list", "variant", "valid_from"],
                name="price_lookup",
                include=["amount", "valid_to", "minimum_quantity"],
            ),
            # The list in the order of its prices: what "cheapest first" walks and a price range reads.
            models.Index(
                fields=["price_list", "amount", "variant", "id"],
                name="price_order",
                include=["valid_from", "valid_to"],
                condition=Q(minimum_quantity=1),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} from {self.valid_from:%Y-%m-%d}"


class Channel(models.Model):
    """A way to sell: web shop, point of sale, call center, marketplace, API."""

    code = models.SlugField(max_length=20, unique=True)
    name = models.CharField(max_length=120)
    entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT, related_name="+")
    price_list = models.ForeignKey(PriceList, on_delete=models.PROTECT, related_name="+")
    currency = models.CharField(max_length=3, default="RSD")
    language = models.CharField(max_length=10, default="sr-latn")
    hold_minutes = models.PositiveSmallIntegerField(default=20)
    hold_minutes_max = models.PositiveSmallIntegerField(default=60)
    hold_units_max = models.PositiveSmallIntegerField(
        _("units of one variant that one client may hold"), default=20
    )
    is_held_in_basket = models.BooleanField(default=True)
    is_active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.name


class FeedRejection(models.Model):
    """A variant that a product feed of this channel leaves out, and why; written anew with every check of the feed."""

    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="+")
    feed = models.CharField(max_length=10, choices=Feed)
    variant = models.ForeignKey(Variant, on_delete=models.CASCADE, related_name="+")
    reason = models.CharField(max_length=20, choices=FeedReason)
    found_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["channel", "feed", "variant"], name="feed_rejection_once")
        ]
        indexes = [models.Index(fields=["channel", "feed", "reason", "id"], name="feed_rejection_list")]

    def __str__(self) -> str:
        return f"{self.feed} {self.variant_id} {self.reason}"


class ShopVisit(models.Model):
    """Somebody came this far on this day. `visit_hash` is of the address with a secret of the day: it names nobody and tells no two days together."""

    step = models.CharField(max_length=8, choices=FunnelStep)
    day = models.DateField()
    visit_hash = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["day", "step", "visit_hash"], name="shop_visit_once_a_day")
        ]

    def __str__(self) -> str:
        return f"{self.step} {self.day}"


class CatalogImport(ImportRecord):
    """One file read into the catalog: what was taken, what was refused, where to resume."""

    updated_count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["digest", "mapping"], name="catalog_import_once")]
