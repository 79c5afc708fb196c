"""A campaign's discounts as its form says them: checked by the price engine itself before anything is written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Q

from crm.models import Campaign, Coupon, CouponBatch, Discount, DiscountTarget
from crm.operations.campaigns import BadCampaign
from crm.states import DiscountState
from oms.pricing import Discount as EngineDiscount
from oms.pricing import DiscountKind, Gift, Tier
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
    gift = _gift(draft)
    _judge(draft, gift)
    columns: dict[str, Any] = {name: getattr(draft, name) for name in _PLAIN}
    columns |= {"tiers": list(draft.tiers), "gift": gift}
    if draft.discount_id is None:
        code = _free_code(campaign.slug)
        discount = Discount.objects.create(
            code=code, campaign=campaign, created_by=by, created_at=now, **columns
        )
    else:
        discount = Discount.objects.select_for_update().get(pk=draft.discount_id, campaign=campaign)
        _change(discount, columns, _targets(draft))
    _save_targets(discount, _targets(draft))
    if draft.coupon_word:
        _save_word(discount, draft.coupon_word, by=by, now=now)
    return discount


def end(*, discount: Discount, by: User, now: datetime) -> None:
    """Taken out of the draft. The row stays: pages may still point at it, and the report of broken references says so."""
    discount.state, discount.version = DiscountState.ENDED, discount.version + 1
    discount.save(update_fields=["state", "version", "updated_at"])


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


def _judge(draft: DiscountDraft, gift: Variant | None) -> None:
    """The engine's own constructor refuses what it could not price with."""
    kind = DiscountKind(draft.kind)
    EngineDiscount(
        code=draft.name,
        kind=kind,
        value=draft.value,
        minimum_amount=draft.minimum_amount,
        minimum_quantity=draft.minimum_quantity,
        reduction_max=draft.reduction_max,
        is_per_unit=draft.is_per_unit,
        take=draft.take,
        pay=draft.pay,
        tiers=tuple(
            Tier(
                minimum_amount=Decimal(tier.get("minimum_amount", "0")),
                minimum_quantity=int(tier.get("minimum_quantity", "0")),
                percent=Decimal(tier.get("percent", "0")),
                amount=Decimal(tier.get("amount", "0")),
            )
            for tier in draft.tiers
        ),
        gift=Gift(gift.sku, gift.sku, ZERO, ZERO) if gift else None,
    )
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
    return found


def _change(discount: Discount, columns: dict[str, Any], targets: set[Any]) -> None:
    changed = [name for name, value in columns.items() if getattr(discount, name) != value]
    if not changed and targets == _written(discount):
        return
    for name in changed:
        setattr(discount, name, columns[name])
    discount.version += 1
    discount.save(update_fields=[*changed, "version", "updated_at"])


def _written(discount: Discount) -> set[tuple[int | None, int | None, bool]]:
    return set(discount.targets.filter(product=None).values_list("category_id", "variant_id", "is_excluded"))


def _save_targets(discount: Discount, wanted: set[tuple[int | None, int | None, bool]]) -> None:
    written = _written(discount)
    for category, variant, is_excluded in written - wanted:
        gone = Q(category=category, variant=variant, is_excluded=is_excluded, product=None)
        discount.targets.filter(gone).delete()
    DiscountTarget.objects.bulk_create(
        DiscountTarget(discount=discount, category_id=category, variant_id=variant, is_excluded=is_excluded)
        for category, variant, is_excluded in sorted(wanted - written, key=str)
    )


def _save_word(discount: Discount, typed: str, *, by: User, now: datetime) -> None:
    """One word for everybody, as often as it is asked for."""
    word = "".join(typed.upper().split()).replace("-", "")
    if Coupon.objects.filter(code=word, batch__discount=discount).exists():
        return
    if Coupon.objects.filter(code=word).exists():
        raise BadCampaign("Another discount has this word.", field="coupon_word")
    batch = CouponBatch.objects.create(
        discount=discount, name=word, uses_max=None, uses_per_customer_max=None, created_by=by, created_at=now
    )
    Coupon.objects.create(batch=batch, code=word)


def _free_code(slug: str) -> str:
    taken = set(Discount.objects.filter(code__startswith=f"{slug[:50]}-").values_list("code", flat=True))
    return next(code for n in range(1, 10_000) if (code := f"{slug[:50]}-{n}") not in taken)
