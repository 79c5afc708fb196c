"""The one form of a campaign: what, for whom, when, how much; its discounts stand below as rows of their own."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.text import slugify
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from cms.workflows.discounts import DiscountDraft
from crm.models import Campaign, Discount, Segment
from crm.operations.campaigns import CampaignDetails
from crm.states import Audience, BudgetKind, DiscountKind, SegmentState
from retail.kernel import clock
from retail.kernel.fold import fold
from retail.kernel.money import HUNDRED, ZERO
from storefront.models import Category, Channel

USUAL_DAYS = 14


class Moment(forms.DateTimeInput):
    """The browser's own picker, in the reader's language and by keyboard; Wagtail's is a script whose buttons have no names."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M")


class CampaignForm(forms.Form):
    """Only the name has to be typed; everything else has a default that makes sense."""

    name = forms.CharField(label=_("Name of the campaign"), max_length=120)
    slug = forms.SlugField(
        label=_("Address"), max_length=60, required=False, help_text=_("Empty: made of the name.")
    )
    description = forms.CharField(
        label=_("In a few words"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Also the first words of the landing page."),
    )
    segment = forms.ModelChoiceField(
        label=_("For whom"),
        queryset=Segment.objects.exclude(state=SegmentState.RETIRED),
        required=False,
        empty_label=_("Everyone"),
    )
    holdout_percent = forms.IntegerField(
        label=_("Held out, percent"),
        min_value=0,
        max_value=90,
        initial=0,
        required=False,
        help_text=_(
            "A random share of the segment that does not get the offer, so that its effect can be measured."
        ),
    )
    channels = forms.ModelMultipleChoiceField(
        label=_("Channels"),
        queryset=Channel.objects.filter(is_active=True).order_by("code"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None chosen: all of them."),
    )
    starts_at = forms.DateTimeField(
        label=_("From"),
        required=False,
        widget=Moment,
        help_text=_("Empty: from the moment of its ratification."),
    )
    ends_at = forms.DateTimeField(
        label=_("Until"),
        required=False,
        widget=Moment,
        help_text=_("Empty: until somebody ends it."),
    )
    budget_kind = forms.ChoiceField(
        label=_("Budget"), choices=[("", _("No limit")), *BudgetKind.choices], required=False
    )
    budget_limit = forms.DecimalField(
        label=_("Limit of the budget"), max_digits=12, decimal_places=2, min_value=0, required=False
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.is_bound and not self.initial:
            midnight = (
                clock.now().astimezone(clock.BUSINESS_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
            )
            self.initial = {"ends_at": midnight + timedelta(days=USUAL_DAYS), "holdout_percent": 0}

    @property
    def details(self) -> CampaignDetails:
        data = self.cleaned_data
        return CampaignDetails(
            name=data["name"],
            slug=data["slug"] or slugify(fold(data["name"]))[:60],
            description=data["description"],
            segment_id=data["segment"].pk if data["segment"] else None,
            channel_ids=[channel.pk for channel in data["channels"]],
            starts_at=data["starts_at"],
            ends_at=data["ends_at"],
            holdout_percent=data["holdout_percent"] or 0,
            budget_kind=data["budget_kind"],
            budget_limit=data["budget_limit"],
        )


def details_of(campaign: Campaign) -> dict[str, Any]:
    budget = getattr(campaign, "budget", None)
    return {
        "name": campaign.name,
        "slug": campaign.slug,
        "description": campaign.description,
        "segment": campaign.segment_id,
        "holdout_percent": campaign.holdout_percent,
        "channels": [channel.pk for channel in campaign.channels.all()],
        "starts_at": campaign.starts_at,
        "ends_at": campaign.ends_at,
        "budget_kind": budget.kind if budget else "",
        "budget_limit": budget.limit if budget else None,
    }


class BranchField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg] # generic for the stubs alone
    """Categories as the tree that they are."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            queryset=Category.objects.order_by("path"),
            required=False,
            widget=forms.SelectMultiple(attrs={"size": 6}),
            **kwargs,
        )

    def label_from_instance(self, obj: Any) -> str:
        return f"{'— ' * obj.depth}{obj.name}"


class DiscountForm(forms.Form):
    """One discount. A row without a name is no discount."""

    discount_id = forms.IntegerField(required=False, widget=forms.HiddenInput)
    name = forms.CharField(
        label=_("Name of the discount"), max_length=120, required=False, help_text=_("Shoppers read it.")
    )
    name_en = forms.CharField(label=_("Name in English"), max_length=120, required=False)
    kind = forms.ChoiceField(label=_("Kind"), choices=DiscountKind.choices, initial=DiscountKind.PERCENT)
    value = forms.DecimalField(
        label=_("Value"),
        max_digits=12,
        decimal_places=2,
        min_value=0,
        required=False,
        help_text=_("Percent or money, as the kind says."),
    )
    take = forms.IntegerField(label=_("Of every"), min_value=0, max_value=100, required=False)
    pay = forms.IntegerField(label=_("are paid"), min_value=0, max_value=100, required=False)
    categories = BranchField(label=_("On categories"), help_text=_("Nothing chosen: on everything."))
    skus = forms.CharField(
        label=_("On articles"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("ISBN or SKU, with spaces or commas between."),
    )
    audience = forms.ChoiceField(
        label=_("Who gets it"),
        choices=Audience.choices,
        initial=Audience.EVERYONE,
        help_text=_("The segment of the campaign has to hold in any case."),
    )
    segment = forms.ModelChoiceField(
        label=_("Another segment"),
        queryset=Segment.objects.exclude(state=SegmentState.RETIRED),
        required=False,
    )
    coupon_word = forms.CharField(label=_("Coupon word"), max_length=40, required=False)
    minimum_amount = forms.DecimalField(
        label=_("From an amount of"), max_digits=12, decimal_places=2, min_value=0, required=False
    )
    minimum_quantity = forms.IntegerField(label=_("From a number of"), min_value=0, required=False)
    reduction_max = forms.DecimalField(
        label=_("At most off a basket"), max_digits=12, decimal_places=2, min_value=0, required=False
    )
    excluded_categories = BranchField(label=_("Without categories"))
    excluded_skus = forms.CharField(
        label=_("Without articles"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    tiers = forms.CharField(
        label=_("Tiers"),
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("One a line: from amount, then percent. For example: 3000 10"),
    )
    gift_sku = forms.CharField(label=_("Gift (ISBN or SKU)"), max_length=40, required=False)
    group = forms.SlugField(
        label=_("Group"),
        max_length=40,
        required=False,
        help_text=_("In a group the best one wins; groups add up."),
    )
    priority = forms.IntegerField(
        label=_("Order"), min_value=0, max_value=10_000, initial=100, required=False
    )
    is_exclusive = forms.BooleanField(label=_("Stands alone"), required=False)
    is_per_unit = forms.BooleanField(label=_("Money off each unit"), required=False)
    is_out = forms.BooleanField(label=_("Take this discount out"), required=False)

    MORE = (
        *(
            "name_en",
            "audience",
            "segment",
            "coupon_word",
            "minimum_amount",
            "minimum_quantity",
            "reduction_max",
        ),
        *("excluded_categories", "excluded_skus", "tiers", "gift_sku", "group", "priority", "is_exclusive"),
        *("is_per_unit",),
    )
    FIRST = ("name", "kind", "value", "take", "pay", "categories", "skus")

    @property
    def first_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.FIRST]

    @property
    def more_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.MORE]

    @property
    def has_more(self) -> bool:
        """Whether the part behind "More" says something, so that it stands open."""
        return (
            bool(set(self.errors) & set(self.MORE)) if self.is_bound else bool(self.initial.get("has_more"))
        )

    @property
    def is_wanted(self) -> bool:
        return bool(self.cleaned_data.get("name")) and not self.cleaned_data.get("is_out")

    def clean_tiers(self) -> list[dict[str, str]]:
        found = []
        for line in self.cleaned_data["tiers"].splitlines():
            numbers = re.findall(r"\d+(?:[.,]\d+)?", line)
            if line.strip() and len(numbers) != 2:
                raise forms.ValidationError(
                    _now("Write an amount and a percent on each line, for example: 3000 10")
                )
            if numbers:
                amount, percent = (
                    Decimal(each.replace(",", ".")).quantize(Decimal("0.01")) for each in numbers
                )
                found.append({"minimum_amount": str(amount), "percent": str(percent)})
        return found

    @property
    def draft(self) -> DiscountDraft:
        data = self.cleaned_data
        value = data["value"] if data["value"] is not None else HUNDRED
        return DiscountDraft(
            discount_id=data["discount_id"],
            name=data["name"],
            name_en=data["name_en"],
            kind=data["kind"],
            value=value,
            take=data["take"] or 0,
            pay=data["pay"] or 0,
            category_ids=[category.pk for category in data["categories"]],
            skus=_codes(data["skus"]),
            excluded_category_ids=[category.pk for category in data["excluded_categories"]],
            excluded_skus=_codes(data["excluded_skus"]),
            audience=Audience.COUPON if data["coupon_word"] else data["audience"],
            segment_id=data["segment"].pk if data["segment"] else None,
            coupon_word=data["coupon_word"],
            minimum_amount=data["minimum_amount"] or ZERO,
            minimum_quantity=data["minimum_quantity"] or 0,
            reduction_max=data["reduction_max"],
            tiers=data["tiers"],
            gift_sku=data["gift_sku"],
            group=data["group"],
            priority=100 if data["priority"] is None else data["priority"],
            is_exclusive=data["is_exclusive"],
            is_per_unit=data["is_per_unit"],
        )


def initial_of(discount: Discount, draft: DiscountDraft) -> dict[str, Any]:
    plain = {
        name: getattr(draft, name) for name in ("name", "name_en", "kind", "value", "take", "pay", "audience")
    }
    tiers = "\n".join(f"{tier['minimum_amount']} {tier.get('percent', '0')}" for tier in draft.tiers)
    return {
        **plain,
        "discount_id": discount.pk,
        "categories": list(draft.category_ids),
        "skus": " ".join(draft.skus),
        "excluded_categories": list(draft.excluded_category_ids),
        "excluded_skus": " ".join(draft.excluded_skus),
        "segment": draft.segment_id,
        "coupon_word": draft.coupon_word,
        "minimum_amount": draft.minimum_amount or None,
        "minimum_quantity": draft.minimum_quantity or None,
        "reduction_max": draft.reduction_max,
        "tiers": tiers,
        "gift_sku": draft.gift_sku,
        "group": draft.group,
        "priority": draft.priority,
        "is_exclusive": draft.is_exclusive,
        "is_per_unit": draft.is_per_unit,
        "has_more": draft.audience != Audience.EVERYONE or bool(draft.minimum_amount or tiers or draft.group),
    }


def _codes(text: str) -> list[str]:
    return [code.replace("-", "") for code in re.split(r"[\s,;]+", text) if code]


DiscountForms = forms.formset_factory(DiscountForm, extra=0, max_num=50, absolute_max=60)


class PreviewForm(forms.Form):
    """Who looks, when, in which words, on what."""

    AS = [("member", _("a member")), ("other", _("not a member")), ("coupon", _("a member with the coupon"))]
    LANGUAGES = [("sr-latn", _("Latin")), ("sr-cyrl", _("Cyrillic")), ("en", _("English"))]
    WIDTHS = [("390", _("Phone")), ("1280", _("Desk"))]

    who = forms.ChoiceField(label=_("Seen as"), choices=AS, initial="member", required=False)
    at = forms.DateTimeField(label=_("Date and time"), required=False, widget=Moment)
    language = forms.ChoiceField(
        label=_("Language and script"), choices=LANGUAGES, initial="sr-latn", required=False
    )
    width = forms.ChoiceField(label=_("Seen on"), choices=WIDTHS, initial="1280", required=False)


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
