"""What a page is built of. A block holds keys of live rows and words of its own, never a copy of a price, a title or a stock."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail import blocks
from wagtail.documents.blocks import DocumentChooserBlock
from wagtail.images.blocks import ImageChooserBlock

from cms.choosers import CampaignBlock, CategoryBlock, DiscountBlock, ProductBlock, SegmentBlock
from cms.form_blocks import FieldsBlock

BY_HAND, BY_CATEGORY, BESTSELLERS, NEWEST, OF_DISCOUNT = "HAND", "CATEGORY", "BESTSELLERS", "NEW", "DISCOUNT"
RULES = [
    (BESTSELLERS, _("Bestsellers")),
    (NEWEST, _("New titles")),
    (BY_CATEGORY, _("Of a category")),
    (OF_DISCOUNT, _("Goods of a discount")),
    (BY_HAND, _("Chosen by hand")),
]
GRID_SIZE, GRID_SIZE_MAX = 6, 24
_TEXT = ["bold", "italic", "link", "ol", "ul"]


class ForWhom(blocks.StructBlock):
    """Every block can be for members of a segment only; asked live, for all blocks of a page in one statement."""

    segment = SegmentBlock(required=False, label=_("Only for members of"))


class LinkBlock(blocks.StructBlock):
    text = blocks.CharBlock(required=False, max_length=60, label=_("Words on the button"))
    page = blocks.PageChooserBlock(required=False, label=_("Page"))
    category = CategoryBlock(required=False, label=_("or category"))

    class Meta:
        label = _("Button")
        icon = "link"
        help_text = _("Without a page and a category it leads to the first books of this page.")


class HeroBlock(ForWhom):
    heading = blocks.CharBlock(max_length=80, label=_("Heading"))
    above = blocks.CharBlock(required=False, max_length=120, label=_("Line above"))
    text = blocks.RichTextBlock(required=False, features=["bold", "italic", "link"], label=_("Text"))
    button = LinkBlock()
    image = ImageChooserBlock(required=False, label=_("Image"))
    alt = blocks.CharBlock(required=False, max_length=160, label=_("What the image shows"))
    products = blocks.ListBlock(ProductBlock(), min_num=0, max_num=3, default=[], label=_("Covers"))

    class Meta:
        label = _("Hero")
        icon = "image"


class ProductsBlock(ForWhom):
    heading = blocks.CharBlock(max_length=80, label=_("Heading"))
    rule = blocks.ChoiceBlock(RULES, default=BESTSELLERS, label=_("Which"))
    category = CategoryBlock(required=False, label=_("Category"))
    discount = DiscountBlock(required=False, label=_("Discount"))
    products = blocks.ListBlock(
        ProductBlock(), min_num=0, max_num=GRID_SIZE_MAX, default=[], label=_("Products")
    )
    count = blocks.IntegerBlock(
        default=GRID_SIZE, min_value=1, max_value=GRID_SIZE_MAX, label=_("How many at most")
    )

    class Meta:
        label = _("Products")
        icon = "list-ul"

    def clean(self, value: Any) -> Any:
        """A rule without what it names would always be empty."""
        found = super().clean(value)
        needed = {BY_CATEGORY: "category", OF_DISCOUNT: "discount", BY_HAND: "products"}.get(found["rule"])
        if needed and not found[needed]:
            wrong = ValidationError(gettext("Choose what this rule needs."))
            raise blocks.StructBlockValidationError(block_errors={needed: wrong})
        return found


class CountdownBlock(ForWhom):
    heading = blocks.CharBlock(max_length=80, label=_("Heading"))
    campaign = CampaignBlock(
        required=False, label=_("Campaign"), help_text=_("Empty: the campaign of this page.")
    )

    class Meta:
        label = _("Countdown")
        icon = "time"


class TextBlock(ForWhom):
    text = blocks.RichTextBlock(features=["h2", "h3", *_TEXT, "hr"], label=_("Text"))

    class Meta:
        label = _("Text")
        icon = "pilcrow"


class ImageBlock(ForWhom):
    image = ImageChooserBlock(label=_("Image"))
    alt = blocks.CharBlock(
        required=False,
        max_length=160,
        label=_("What the image shows"),
        help_text=_("In the language of this page. Empty only for a picture that says nothing."),
    )
    caption = blocks.CharBlock(required=False, max_length=200, label=_("Caption"))

    class Meta:
        label = _("Image")
        icon = "image"


class VideoBlock(ForWhom):
    """Our own file: a player of somebody else would tell them who reads our page."""

    heading = blocks.CharBlock(max_length=80, label=_("Heading"))
    file = DocumentChooserBlock(label=_("Video (MP4 or WebM)"))
    subtitles = DocumentChooserBlock(required=False, label=_("Subtitles (WebVTT)"))

    class Meta:
        label = _("Video")
        icon = "media"

    def clean(self, value: Any) -> Any:
        found = super().clean(value)
        for name, endings in (("file", ("mp4", "webm")), ("subtitles", ("vtt",))):
            if found[name] and found[name].file_extension.lower() not in endings:
                wrong = ValidationError(
                    gettext("The file ends in none of: %(all)s") % {"all": ", ".join(endings)}
                )
                raise blocks.StructBlockValidationError(block_errors={name: wrong})
        return found


class StoresBlock(ForWhom):
    heading = blocks.CharBlock(max_length=80, label=_("Heading"))

    class Meta:
        label = _("Store finder")
        icon = "home"


class RecommendedBlock(ForWhom):
    heading = blocks.CharBlock(max_length=80, label=_("Heading"))
    count = blocks.IntegerBlock(
        default=GRID_SIZE, min_value=1, max_value=GRID_SIZE_MAX, label=_("How many at most")
    )

    class Meta:
        label = _("Recommended")
        icon = "pick"


class CampaignsBlock(ForWhom):
    heading = blocks.CharBlock(max_length=80, label=_("Heading"))

    class Meta:
        label = _("Running campaigns")
        icon = "date"


class FormBlock(ForWhom):
    heading = blocks.CharBlock(max_length=80, label=_("Heading"))
    text = blocks.RichTextBlock(required=False, features=["bold", "italic", "link"], label=_("Text"))
    fields = FieldsBlock(label=_("Fields"))
    submit = blocks.CharBlock(max_length=40, label=_("Words on the button"))
    thanks = blocks.CharBlock(max_length=300, label=_("Words of thanks"))

    class Meta:
        label = _("Form")
        icon = "form"


class BodyBlock(blocks.StreamBlock):
    hero = HeroBlock()
    products = ProductsBlock()
    countdown = CountdownBlock()
    text = TextBlock()
    image = ImageBlock()
    video = VideoBlock()
    stores = StoresBlock()
    recommended = RecommendedBlock()
    campaigns = CampaignsBlock()
    form = FormBlock()
