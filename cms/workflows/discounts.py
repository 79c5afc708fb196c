"""A campaign's discounts as its form says them: checked by the price engine itself before anything is written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Q

from crm import operations as crm
from crm.models import Campaign, Coupon, Discount
from crm.operations.campaigns import BadCampaign
from crm.states import DiscountState
from oms.workflows.discounts import save_discount
from retail.kernel.models import User
from retail.kernel.money import HUNDRED, ZERO
from storefront.models import Variant

_PLAIN = (
    *("name", "name_en", "kind", "value", "audience", "segment_id", "group", "priority", "is_exclusive"),
    *("minimum_amount", "minimum_quantity", "reduction_max", "is_per_unit", "take", "pay"),
)


@dataclass(frozen=True, slots=True)
class DiscountDraft:
    """One row of the form. `discount_id` is None for a new one; `coupon_word` is what its holders type."""

    name: str
    kind: str
    value: Decimal = HUNDRED
    name_en: str = ""
    audience: str = "EVERYONE"
    category_ids: Sequence[int] = ()
    skus: Sequence[str] = ()
    excluded_category_ids: Sequence[int] = ()
    excluded_skus: Sequence[str] = ()
    segment_id: int | None = None
    group: str = ""
    priority: int = 100
    is_exclusive: bool = False
    minimum_amount: Decimal = ZERO
    minimum_quantity: int = 0
    reduction_max: Decimal | None = None
    is_per_unit: bool = False
    take: int = 0
    pay: int = 0
    tiers: Sequence[dict[str, str]] = ()
    gift_sku: str = ""
    coupon_word: str = ""
    discount_id: int | None = None


def save(*, draft: DiscountDraft, campaign: Campaign, by: User, now: datetime) -> Discount:
    """Write it as a draft of the campaign; `BadDiscount` says what makes no sense, `BadCampaign` names the field."""
    gift, targets = _gift(draft), _targets(draft)
    _check_audience(draft)
    values: dict[str, Any] = {name: getattr(draft, name) for name in _PLAIN}
    values |= {"tiers": list(draft.tiers), "gift_id": gift.pk if gift else None}
    if draft.discount_id is None:
        values |= {"code": _free_code(campaign.slug), "campaign_id": campaign.pk}
        discount = save_discount(values=values, targets=_as_rows(targets), by=by, now=now)
    else:
        discount = Discount.objects.get(pk=draft.discount_id, campaign=campaign)
        if targets != _written(discount) or any(getattr(discount, name) != values[name] for name in values):
            discount = save_discount(
                values=values,
                targets=[*_as_rows(targets), *_of_products(discount)],
                discount_id=discount.pk,
                by=by,
                now=now,
            )
    if draft.audience == "COUPON":
        _save_word(discount, draft.coupon_word, by=by, now=now)
    return discount


def end(*, discount: Discount, by: User, now: datetime) -> None:
    """Taken out of the draft. The row stays: pages may still point at it, and the report of broken references says so."""
    crm.move_discount(discount_id=discount.pk, state=DiscountState.ENDED, by=by, now=now)


def limit_of(by: User) -> Decimal:
    """The highest percent that this person's roles may ratify; above it only a role with a higher limit."""
    limits: dict[str, int] = settings.DISCOUNT_LIMIT_PERCENT
    if by.is_superuser:
        return HUNDRED
    roles = by.groups.values_list("name", flat=True)
    return Decimal(max((limits[role] for role in roles if role in limits), default=0))


def draft_of(discount: Discount) -> DiscountDraft:
    """What is written, as the form shows it."""
    targets = list(discount.targets.select_related("variant", "product").order_by("pk"))
    columns = {name: getattr(discount, name) for name in _PLAIN}

    def skus(is_excluded: bool) -> tuple[str, ...]:
        return tuple(t.variant.sku for t in targets if t.variant and t.is_excluded == is_excluded)

    def branches(is_excluded: bool) -> tuple[int, ...]:
        return tuple(t.category_id for t in targets if t.category_id and t.is_excluded == is_excluded)

    word = Coupon.objects.filter(batch__discount=discount, batch__uses_max=None).order_by("pk").first()
    return DiscountDraft(
        **columns,
        category_ids=branches(False),
        excluded_category_ids=branches(True),
        skus=skus(False),
        excluded_skus=skus(True),
        tiers=tuple(discount.tiers),
        gift_sku=discount.gift.sku if discount.gift else "",
        coupon_word=word.code if word else "",
        discount_id=discount.pk,
    )


def _check_audience(draft: DiscountDraft) -> None:
    if draft.audience == "COUPON" and not draft.coupon_word:
        raise BadCampaign("Say the word that its holders type.", field="coupon_word")
    if draft.audience == "SEGMENT" and draft.segment_id is None:
        raise BadCampaign("Choose the segment.", field="segment")


def _gift(draft: DiscountDraft) -> Variant | None:
    if not draft.gift_sku:
        return None
    return _variants([draft.gift_sku], "gift_sku")[0]


def _variants(codes: Iterable[str], field: str) -> list[Variant]:
    """Articles by SKU or barcode; one that does not exist is named."""
    wanted = list(dict.fromkeys(codes))
    found = list(Variant.objects.filter(Q(sku__in=wanted) | Q(barcode__in=wanted)))
    known = {code for variant in found for code in (variant.sku, variant.barcode)}
    if unknown := [code for code in wanted if code not in known]:
        raise BadCampaign(f"There is no article {', '.join(unknown)}.", field=field, unknown=unknown)
    return found


def _targets(draft: DiscountDraft) -> set[tuple[int | None, int | None, bool]]:
    """(category, variant, excluded)"""
    found: set[tuple[int | None, int | None, bool]] = set()
    for is_excluded, categories, skus, field in (
        (False, draft.category_ids, draft.skus, "skus"),
        (True, draft.excluded_category_ids, draft.excluded_skus, "excluded_skus"),
    ):
        found |= {(category, None, is_excluded) for category in categories}
        found |= {(None, variant.pk, is_excluded) for variant in _variants(skus, field)}
    covered = {(category, variant) for category, variant, is_excluded in found if not is_excluded}
    if any((category, variant) in covered for category, variant, is_excluded in found if is_excluded):
        raise BadCampaign("The same goods are covered and left out.", field="excluded_skus")
    return found


def _written(discount: Discount) -> set[tuple[int | None, int | None, bool]]:
    return set(discount.targets.filter(product=None).values_list("category_id", "variant_id", "is_excluded"))


def _as_rows(targets: set[tuple[int | None, int | None, bool]]) -> list[crm.Target]:
    return [
        crm.Target(category_id=category, variant_id=variant, is_excluded=is_excluded)
        for category, variant, is_excluded in sorted(targets, key=str)
    ]


def _of_products(discount: Discount) -> list[crm.Target]:
    """What the form does not show stays."""
    rows = discount.targets.exclude(product=None).values_list("product_id", "is_excluded")
    return [crm.Target(product_id=product, is_excluded=is_excluded) for product, is_excluded in rows]


def _save_word(discount: Discount, typed: str, *, by: User, now: datetime) -> None:
    """One word for everybody, as often as it is asked for."""
    if Coupon.objects.filter(code=crm.normal_code(typed), batch__discount=discount).exists():
        return
    try:
        crm.create_batch(
            discount_id=discount.pk,
            name=typed,
            word=typed,
            uses_max=None,
            uses_per_customer_max=None,
            by=by,
            now=now,
        )
    except crm.CodeTaken as refusal:
        raise BadCampaign("Another discount has this word.", field="coupon_word") from refusal


def _free_code(slug: str) -> str:
    taken = set(Discount.objects.filter(code__startswith=f"{slug[:50]}-").values_list("code", flat=True))
    return next(code for n in range(1, 10_000) if (code := f"{slug[:50]}-{n}") not in taken)
