"""Claims of baskets: a shopper's units are his from the moment they are in the basket, for a while."""

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from retail.kernel.errors import NotFound
from storefront.models import Variant
from warehouse.operations.refusals import HoldLimit, OutOfStock
from warehouse.operations.stock import Claim, reserve
from warehouse.rules import Choice, Short, Want, choose_lots
from warehouse.selectors.lots import HeldClaim, Supply, read_supply
from warehouse.states import ReservationState

# Each lost race means that somebody else got a lot, so a round or two is usual and eight are a stampede.
ROUNDS_MAX = 8


def hold_for_basket_line(
    *,
    basket_line_id: int,
    channel_id: int,
    demands: Sequence[tuple[int, int]],
    expires_at: datetime,
    now: datetime,
    prefer_location_id: int | None = None,
) -> list[Claim]:
    """Make the live claims of one basket line equal to `demands`, (variant, whole quantity); kits claim their components."""
    return hold_for_basket_lines(
        channel_id=channel_id,
        demands=[(basket_line_id, variant_id, quantity) for variant_id, quantity in demands],
        expires_at=expires_at,
        now=now,
        prefer_location_id=prefer_location_id,
    )


def hold_for_basket_lines(
    *,
    channel_id: int,
    demands: Sequence[tuple[int, int, int]],
    expires_at: datetime,
    now: datetime,
    prefer_location_id: int | None = None,
) -> list[Claim]:
    """Make the live claims of basket lines equal to (line, variant, whole quantity); returns what was newly claimed.

    Asking again for the same changes nothing. Two statements for any number of lines; giving back a surplus takes one more.
    """
    assert all(quantity > 0 for _, _, quantity in demands), "an empty line is removed, not held"

    def read() -> Supply:
        return read_supply(
            variant_ids=[variant_id for _, variant_id, _ in demands],
            channel_id=channel_id,
            now=now,
            basket_line_ids=[line_id for line_id, _, _ in demands],
        )

    supply = read()
    demands = on_shelves(demands, supply)
    _check_limit(demands, supply)
    surplus = _differences(demands, supply)[1]
    # Only what is given back first has to come back when the rest is refused.
    with transaction.atomic() if surplus or not connection.in_atomic_block else nullcontext():
        for attempt in range(ROUNDS_MAX):
            supply = supply if attempt == 0 else read()
            wants, surplus = _differences(demands, supply)
            choice = choose_lots(
                wants=wants, lots=supply.lots, safety=supply.safety, prefer_location_id=prefer_location_id
            )
            if choice.short:
                raise _out_of_stock(choice.short, demands, wants)
            _give_back(surplus)
            claims = claim_pieces(
                choice,
                supply,
                is_retry=attempt > 0,
                for_baskets=True,
                state=ReservationState.HELD,
                expires_at=expires_at,
                now=now,
                channel_id=channel_id,
            )
            if claims is not None:
                return claims
        raise _out_of_stock(
            [Short(want.line_id, want.sold_id, want.quantity, 0) for want in wants], demands, wants
        )


def claim_pieces(
    choice: Choice,
    supply: Supply,
    *,
    is_retry: bool,
    for_baskets: bool,
    state: str,
    expires_at: datetime | None,
    now: datetime,
    channel_id: int | None,
    is_safety_kept: bool = True,
) -> list[Claim] | None:
    """The reserving statement; before it, in the same transaction, expired holds of these items go when they are needed."""
    if not choice.pieces:
        return []
    if is_retry or _uses_expired(choice, supply):
        items = [piece.stock_item_id for piece in choice.pieces]
        release_expired_holds(now=now, stock_item_ids=items, limit=10_000)
    return reserve(
        pieces=choice.pieces,
        for_baskets=for_baskets,
        state=state,
        expires_at=expires_at,
        now=now,
        channel_id=channel_id,
        is_safety_kept=is_safety_kept,
    )


def extend_basket_holds(*, basket_id: int, expires_at: datetime, now: datetime) -> int:
    """The shopper is still there. A hold never lasts longer than the channel's maximum from when it was made.

    Never waits, so that it may follow a verb that has locked stock items: a locked claim is just being given away.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH mine AS MATERIALIZED (
                SELECT r.id, LEAST(%(expires_at)s::timestamptz, r.created_at + c.hold_minutes_max * interval '1 minute') AS until
                  FROM oms_basket b
                  JOIN storefront_channel c ON c.id = b.channel_id
                  JOIN oms_basketline l ON l.basket_id = b.id
                  JOIN warehouse_reservation r ON r.basket_line_id = l.id
                 WHERE b.id = %(basket)s AND r.state = 'HELD'
                 ORDER BY r.id FOR UPDATE OF r SKIP LOCKED
            )
            UPDATE warehouse_reservation r SET expires_at = m.until
              FROM mine m WHERE r.id = m.id AND (r.expires_at IS NULL OR r.expires_at < m.until)
            """,
            {"basket": basket_id, "expires_at": expires_at},
        )
        return int(cursor.rowcount)


def release_basket_line_claims(*, basket_line_ids: Iterable[int], now: datetime) -> int:
    """The lines are leaving the basket: their units are free at once."""
    return _release(
        "r.basket_line_id = ANY(%(lines)s::bigint[]) AND r.state = 'HELD'", {"lines": list(basket_line_ids)}
    )


def release_expired_holds(
    *, now: datetime, limit: int = 500, stock_item_ids: Iterable[int] | None = None
) -> int:
    """Basket holds whose time is over; claims of orders end by their own verb. Never waits: a locked claim is in use."""
    if stock_item_ids is None:
        return _release(_EXPIRED, {"now": now, "limit": limit}, tail="LIMIT %(limit)s", skip_locked=True)
    return _release(
        f"{_EXPIRED} AND r.stock_item_id = ANY(%(items)s::bigint[])",
        {"now": now, "limit": limit, "items": sorted(set(stock_item_ids))},
        tail="LIMIT %(limit)s",
        skip_locked=True,
    )


_EXPIRED = "r.state = 'HELD' AND r.order_line_id IS NULL AND r.expires_at <= %(now)s"


def release_claims(*, claim_ids: Iterable[int], now: datetime) -> int:
    """Claims on units that still lie in their place; picked ones go through a put-back."""
    return _release(
        "r.id = ANY(%(ids)s::bigint[]) AND r.state IN ('HELD', 'ALLOCATED')", {"ids": list(claim_ids)}
    )


def _release(which: str, parameters: dict[str, Any], *, tail: str = "", skip_locked: bool = False) -> int:
    """One statement: claims locked by id, then their stock items by id, then both written."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH chosen AS MATERIALIZED (
                SELECT r.id, r.stock_item_id, r.quantity FROM warehouse_reservation r
                 WHERE {which} ORDER BY r.id {tail} FOR UPDATE OF r {"SKIP LOCKED" if skip_locked else ""}
            ), per_item AS (
                SELECT stock_item_id AS id, sum(quantity)::int AS quantity FROM chosen GROUP BY stock_item_id
            ), locked AS MATERIALIZED (
                SELECT i.id, p.quantity FROM warehouse_stockitem i JOIN per_item p ON p.id = i.id ORDER BY i.id FOR UPDATE OF i
            ), updated AS (
                UPDATE warehouse_stockitem i SET reserved = i.reserved - l.quantity FROM locked l WHERE i.id = l.id
            )
            UPDATE warehouse_reservation r SET state = 'RELEASED', shipment_id = NULL FROM chosen c WHERE r.id = c.id
            """,  # noqa: S608 - the conditions are the constants of this module
            parameters,
        )
        return int(cursor.rowcount)


def _uses_expired(choice: Choice, supply: Supply) -> bool:
    """Whether the chosen pieces need units that expired holds still sit on."""
    taken: Counter[int] = Counter()
    for piece in choice.pieces:
        taken[piece.stock_item_id] += piece.quantity
    free = {lot.stock_item_id: lot.free for lot in supply.lots}
    return any(units > free[item] for item, units in taken.items())


def on_shelves(demands: Sequence[tuple[int, int, int]], supply: Supply) -> list[tuple[int, int, int]]:
    """Those that something can be held for; a file is on no shelf. Refuses a variant that is not there."""
    unknown = {variant_id for _, variant_id, _ in demands} - supply.parts.keys()
    if unknown and Variant.objects.filter(pk__in=unknown, is_digital=True).count() < len(unknown):
        raise NotFound("There is no such variant.")
    return [each for each in demands if each[1] not in unknown]


def _check_limit(demands: Sequence[tuple[int, int, int]], supply: Supply) -> None:
    """The cap counts what the client would hold of each variant over all its open baskets."""
    if supply.hold_units_max is None:
        return
    asked: Counter[int] = Counter(supply.held_elsewhere)
    for _, sold_id, quantity in demands:
        for variant_id, per_unit in supply.parts[sold_id]:
            asked[variant_id] += quantity * per_unit
    for _, sold_id, quantity in demands:
        for variant_id, per_unit in supply.parts[sold_id]:
            over = asked[variant_id] - supply.hold_units_max
            if over > 0:
                maximum = max(0, quantity - -(-over // per_unit))
                sku = skus_of([sold_id])[sold_id]
                raise HoldLimit(
                    f"{sku}: at most {maximum} can be held for one customer.", sku=sku, maximum=maximum
                )


def _differences(
    demands: Sequence[tuple[int, int, int]], supply: Supply
) -> tuple[list[Want], list[tuple[HeldClaim, int]]]:
    """What each line still needs, and the claims (with units) it has too many of or that are out of time."""
    wants: list[Want] = []
    surplus: list[tuple[HeldClaim, int]] = [
        (claim, claim.quantity) for claim in supply.held if not claim.is_live
    ]
    for line_id, sold_id, quantity in demands:
        parts = supply.parts[sold_id]
        mine = [claim for claim in supply.held if claim.basket_line_id == line_id and claim.is_live]
        held: Counter[int] = Counter()
        for claim in mine:
            held[claim.variant_id] += claim.quantity
        whole = min(held[variant_id] // per_unit for variant_id, per_unit in parts)
        if quantity > whole:
            wants.append(Want(line_id, sold_id, quantity - whole, parts))
        kept = {variant_id: min(whole, quantity) * per_unit for variant_id, per_unit in parts}
        for claim in mine:
            stays = min(claim.quantity, kept.get(claim.variant_id, 0))
            kept[claim.variant_id] = kept.get(claim.variant_id, 0) - stays
            if stays < claim.quantity:
                surplus.append((claim, claim.quantity - stays))
    return wants, surplus


_SHRINK = """
WITH asked AS (SELECT * FROM unnest(%s::bigint[], %s::int[]) AS a(id, units)),
chosen AS MATERIALIZED (
    SELECT r.id, r.stock_item_id, LEAST(a.units, r.quantity) AS units
      FROM warehouse_reservation r JOIN asked a ON a.id = r.id WHERE r.state = 'HELD' ORDER BY r.id FOR UPDATE OF r
), per_item AS (
    SELECT stock_item_id AS id, sum(units)::int AS units FROM chosen GROUP BY stock_item_id
), locked AS MATERIALIZED (
    SELECT i.id, p.units FROM warehouse_stockitem i JOIN per_item p ON p.id = i.id ORDER BY i.id FOR UPDATE OF i
), updated AS (
    UPDATE warehouse_stockitem i SET reserved = i.reserved - l.units FROM locked l WHERE i.id = l.id
)
UPDATE warehouse_reservation r
   SET quantity = CASE WHEN c.units < r.quantity THEN r.quantity - c.units ELSE r.quantity END,
       state = CASE WHEN c.units < r.quantity THEN r.state ELSE 'RELEASED' END
  FROM chosen c WHERE r.id = c.id
"""


def _give_back(surplus: Sequence[tuple[HeldClaim, int]]) -> None:
    if surplus:
        with connection.cursor() as cursor:
            cursor.execute(_SHRINK, ([claim.id for claim, _ in surplus], [units for _, units in surplus]))


def _out_of_stock(
    short: Sequence[Short], demands: Sequence[tuple[int, int, int]], wants: Sequence[Want]
) -> OutOfStock:
    """What the line could have had: what it holds and what was still there."""
    wanted = {line_id: quantity for line_id, _, quantity in demands}
    missing = {want.line_id: want.quantity for want in wants}
    return out_of_stock(
        [
            (
                each.sold_id,
                wanted[each.line_id],
                wanted[each.line_id] - missing[each.line_id] + each.available,
            )
            for each in short
        ]
    )


def out_of_stock(lines: Sequence[tuple[int, int, int]]) -> OutOfStock:
    """The refusal for (variant, asked, available), the first one named."""
    skus = skus_of([variant_id for variant_id, _, _ in lines])
    told = [
        {"sku": skus[variant_id], "quantity": quantity, "available": available}
        for variant_id, quantity, available in lines
    ]
    first = told[0]
    return OutOfStock(
        f"{first['sku']}: {first['available']} available, {first['quantity']} asked.",
        sku=first["sku"],
        available=first["available"],
        lines=told,
    )


def skus_of(variant_ids: Iterable[int]) -> dict[int, str]:
    return dict(Variant.objects.filter(pk__in=set(variant_ids)).values_list("pk", "sku"))
