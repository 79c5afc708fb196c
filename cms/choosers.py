"""How an editor points at a row of another room: one window with search for each kind, and the block that keeps its key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from wagtail.admin.views.generic.chooser import ChooseResultsView, ChooseView
from wagtail.admin.viewsets.chooser import ChooserViewSet

from crm.models import Campaign, Discount, Segment
from crm.states import DiscountState, SegmentState
from retail.kernel.fold import fold
from retail.kernel.models import Location, LocationKind
from storefront.models import Category, Product
from storefront.states import ProductStatus


class _Searched:
    """Our rows are not in Wagtail's search index: the words typed go to columns that are."""

    words_in: Sequence[str] = ("name",)
    is_folded = False

    def filter_object_list(self, objects: QuerySet[Any]) -> QuerySet[Any]:
        typed = self.request.GET.get("q", "").replace("\x00", "").strip()[:80]  # type: ignore[attr-defined]
        if not typed:
            return objects
        typed = fold(typed) if self.is_folded else typed
        found = objects.none()
        for column in self.words_in:
            found |= objects.filter(**{f"{column}__icontains": typed})
        return found

    def get_filter_form_class(self) -> Any:
        from wagtail.admin.forms.choosers import BaseFilterForm, SearchFilterMixin

        return type("WordsForm", (SearchFilterMixin, BaseFilterForm), {})


def _views(*columns: str, folded: bool = False) -> dict[str, Any]:
    kept = {"words_in": columns, "is_folded": folded}
    return {
        "choose_view_class": type("Choose", (_Searched, ChooseView), kept),
        "choose_results_view_class": type("Results", (_Searched, ChooseResultsView), kept),
    }


class _Chooser(ChooserViewSet):
    per_page = 20
    exclude_form_fields = None


class ProductChooser(_Chooser):
    """Only what is published can be pointed at; when it is taken down later, the report of broken references says so."""

    model = Product
    icon = "doc-full"
    choose_one_text = _("Choose a product")
    choose_another_text = _("Choose another product")

    def get_object_list(self) -> QuerySet[Product]:
        return Product.objects.filter(status=ProductStatus.PUBLISHED).order_by("-popularity", "id")


class CategoryChooser(_Chooser):
    model = Category
    icon = "folder-open-inverse"
    choose_one_text = _("Choose a category")
    choose_another_text = _("Choose another category")

    def get_object_list(self) -> QuerySet[Category]:
        return Category.objects.order_by("path")


class SegmentChooser(_Chooser):
    model = Segment
    icon = "group"
    choose_one_text = _("Choose a segment")
    choose_another_text = _("Choose another segment")

    def get_object_list(self) -> QuerySet[Segment]:
        return Segment.objects.exclude(state=SegmentState.RETIRED).order_by("name")


class DiscountChooser(_Chooser):
    model = Discount
    icon = "tag"
    choose_one_text = _("Choose a discount")
    choose_another_text = _("Choose another discount")

    def get_object_list(self) -> QuerySet[Discount]:
        return Discount.objects.exclude(state=DiscountState.ENDED).order_by("-id")


class CampaignChooser(_Chooser):
    model = Campaign
    icon = "date"
    choose_one_text = _("Choose a campaign")
    choose_another_text = _("Choose another campaign")

    def get_object_list(self) -> QuerySet[Campaign]:
        return Campaign.objects.order_by("-created_at")


class StoreChooser(_Chooser):
    model = Location
    icon = "home"
    choose_one_text = _("Choose a store")
    choose_another_text = _("Choose another store")

    def get_object_list(self) -> QuerySet[Location]:
        return Location.objects.filter(kind=LocationKind.STORE, is_active=True).order_by("name")


products = ProductChooser(
    "product_chooser", url_prefix="choose/products", **_views("search_text", folded=True)
)
categories = CategoryChooser(
    "category_chooser", url_prefix="choose/categories", **_views("name", "name_en", "path")
)
segments = SegmentChooser("segment_chooser", url_prefix="choose/segments", **_views("name", "slug"))
discounts = DiscountChooser("discount_chooser", url_prefix="choose/discounts", **_views("name", "code"))
campaigns = CampaignChooser("campaign_chooser", url_prefix="choose/campaigns", **_views("name", "slug"))
stores = StoreChooser("store_chooser", url_prefix="choose/stores", **_views("name", "city", "code"))
ALL = (products, categories, segments, discounts, campaigns, stores)

ProductBlock = products.get_block_class(name="ProductBlock", module_path="cms.choosers")
CategoryBlock = categories.get_block_class(name="CategoryBlock", module_path="cms.choosers")
SegmentBlock = segments.get_block_class(name="SegmentBlock", module_path="cms.choosers")
DiscountBlock = discounts.get_block_class(name="DiscountBlock", module_path="cms.choosers")
CampaignBlock = campaigns.get_block_class(name="CampaignBlock", module_path="cms.choosers")
StoreBlock = stores.get_block_class(name="StoreBlock", module_path="cms.choosers")
