"""Verbs about the points of members."""

from datetime import datetime

from crm.models import LoyaltyAccount, LoyaltyEntry, Tier


def earn_points(
    *, customer_id: int, points: int, source: tuple[str, str], now: datetime
) -> LoyaltyEntry | None:
    """Points for a document, once; None when the customer is no member or nothing was earned. Tier follows the balance upward."""
    if points <= 0:
        return None
    account = LoyaltyAccount.objects.select_for_update().filter(customer_id=customer_id).first()
    if account is None:
        return None
    entry, is_new = LoyaltyEntry.objects.get_or_create(
        source_kind=source[0],
        source_key=source[1],
        reason="EARNED",
        defaults={"account": account, "points": points, "created_at": now},
    )
    if not is_new:
        return entry
    account.points += points
    tier = Tier.objects.filter(points_from__lte=account.points).order_by("-rank").first()
    if tier is not None and tier.rank > account.tier.rank:
        account.tier = tier
    account.save(update_fields=["points", "tier"])
    return entry
