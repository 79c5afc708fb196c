"""A year of sales as marked history: completed orders of all channels, with seasons, favourites, returns and members' points.

The rows are `is_imported`: they have no claims, moves, papers or journals, and the checks of goods and money leave them out.
They feed best sellers, segments, reports and the routing's idea of what sells where.
"""

from __future__ import annotations

import json
import secrets
from datetime import datetime, timedelta
from decimal import Decimal
from operator import itemgetter
from typing import Any, NamedTuple

import numpy as np
from django.db import connection
from django.db.models import Sum

from crm.models import Address, LoyaltyEntry
from crm.states import CustomerKind
from finance.workflows import loyalty
from oms.models import Order
from oms.states import (
    DeliveryKind,
    FulfillmentStatus,
    LineKind,
    OrderStatus,
    PaperKind,
    PaymentMethod,
    PaymentStatus,
)
from retail.kernel.clock import BUSINESS_ZONE
from retail.kernel.models import LocationKind
from retail.sample.chance import generator, weighted
from retail.sample.company import Company
from retail.sample.copying import copy_rows, new_ids
from retail.sample.delivery import FEE, FREE_FROM
from storefront import selectors as catalog
from storefront.models import Variant

SMALL_ORDERS, FULL_ORDERS = 3_000, 60_000
DAYS = 365
# Newer than this nothing is history: what is on its way belongs to the living.
NEWEST_DAYS = 5
LINES = (0.55, 0.21, 0.10, 0.06, 0.03, 0.02, 0.015, 0.015)
SEASON = (0.9, 0.9, 1.0, 1.0, 1.0, 0.9, 0.7, 0.8, 1.3, 1.4, 1.3, 1.9)
HOURS = (1, 0, 0, 0, 0, 0, 1, 2, 4, 6, 7, 7, 6, 6, 6, 6, 7, 8, 9, 10, 10, 8, 5, 2)
CHANNELS = (("web-rs", 0.55), ("pos", 0.30), ("call-center", 0.08), ("api", 0.07))
PAYMENTS = (
    (PaymentMethod.CARD, 0.45),
    (PaymentMethod.CASH_ON_DELIVERY, 0.45),
    (PaymentMethod.BANK_TRANSFER, 0.10),
)
GUEST_SHARE, CANCELED_SHARE, RETURNED_SHARE = 0.25, 0.04, 0.02
SHOPPER_ORDERS = 24


class _Sold(NamedTuple):
    variant_id: int
    sku: str
    title: str
    price: Decimal
    tax_class: str
    tax_rate: Decimal
    weight_grams: int


class _Buyer(NamedTuple):
    customer_id: int | None
    created_at: datetime | None
    name: str
    email: str
    phone: str
    street: str
    city: str
    postal_code: str
    company_name: str
    pib: str
    registration_number: str
    is_sef: bool


def exists() -> bool:
    return Order.objects.filter(is_imported=True).exists()


def make(company: Company, count: int, now: datetime) -> None:
    orders, lines = _Year(company, count, now).draw()
    with connection.cursor() as cursor:
        order_ids = new_ids(cursor, "oms_order", len(orders))
        for order, order_id in zip(orders, order_ids, strict=True):
            order["id"] = order_id
        for line in lines:
            line["order_id"] = order_ids[line["order_id"]]
        for table, rows in (("oms_order", orders), ("oms_orderline", lines)):
            columns = list(rows[0])
            copy_rows(cursor, table, columns, map(itemgetter(*columns), rows))
        _give_points(cursor)
    for entity_id, value in (
        LoyaltyEntry.objects.values_list("entity").annotate(Sum("value")).order_by("entity")
    ):
        loyalty.post_opening_points(
            entity_id=entity_id, value=value, document_key="opening", by=None, now=now
        )
    loyalty.retier(now=now)


class _Year:
    """Draws the orders of a year; every line comes out as a plain row."""

    def __init__(self, company: Company, count: int, now: datetime) -> None:
        self.company, self.count, self.now = company, count, now
        self.rng = generator("history")
        self.sold, self.sold_weights = _assortment(company, now)
        self.buyers = _buyers()
        # A few buy often, most now and then.
        self.buyer_weights = generator("loyal").pareto(1.6, len(self.buyers)) + 0.2
        # The first of them is the sample's shopper, whose account should have something to show.
        self.buyer_weights[0] = self.buyer_weights.sum() * SHOPPER_ORDERS / count
        stores = [each for each in company.locations.values() if each.kind == LocationKind.STORE]
        self.stores = sorted(stores, key=lambda each: each.code)
        self.store_weights = [each.capacity_lines_soft for each in self.stores]

    def draw(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        moments = self._moments()
        rng, count = self.rng, self.count
        channels = [CHANNELS[place][0] for place in weighted(rng, [share for _, share in CHANNELS], count)]
        buyers = weighted(rng, self.buyer_weights, count)
        stores = weighted(rng, self.store_weights, count)
        payments = weighted(rng, [share for _, share in PAYMENTS], count)
        sizes = 1 + weighted(rng, LINES, count)
        titles = iter(weighted(rng, self.sold_weights, int(sizes.sum())))
        quantities = iter(rng.choice([1, 2, 3], int(sizes.sum()), p=[0.92, 0.06, 0.02]))
        chances = rng.random((count, 4))
        orders, lines = [], []
        for place in range(count):
            chosen = {int(next(titles)): int(next(quantities)) for _ in range(sizes[place])}
            order, own = self._order(
                place,
                moments[place],
                channels[place],
                self._buyer(int(buyers[place]), moments[place], chances[place]),
                int(stores[place]),
                PAYMENTS[payments[place]][0],
                chosen,
                chances[place],
            )
            orders.append(order)
            lines += own
        return orders, lines

    def _moments(self) -> list[datetime]:
        """Days by season and weekday, hours by habit, in order."""
        today = self.now.astimezone(BUSINESS_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
        days = [today - timedelta(days=back) for back in range(DAYS, NEWEST_DAYS, -1)]
        weights = [SEASON[day.month - 1] * (1.2 if day.weekday() in (0, 4, 5) else 1.0) for day in days]
        chosen = np.sort(weighted(self.rng, weights, self.count))
        hours = weighted(self.rng, HOURS, self.count)
        seconds = self.rng.integers(0, 3600, self.count)
        moments = [
            days[day] + timedelta(hours=int(hour), seconds=int(second))
            for day, hour, second in zip(chosen, hours, seconds, strict=True)
        ]
        return sorted(moments)

    def _buyer(self, place: int, at: datetime, chances: np.ndarray) -> _Buyer:
        """An account, or the same person as a guest: before they had one, or because they did not log in."""
        buyer = self.buyers[place]
        if chances[0] < GUEST_SHARE or buyer.created_at is None or buyer.created_at > at:
            return buyer._replace(customer_id=None)
        return buyer

    def _order(
        self,
        place: int,
        at: datetime,
        channel: str,
        buyer: _Buyer,
        store: int,
        payment: str,
        chosen: dict[int, int],
        chances: np.ndarray,
    ) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        is_pickup = channel == "pos" or (channel == "web-rs" and chances[1] < 0.3)
        is_canceled = channel != "pos" and chances[2] < CANCELED_SHARE
        lines = [
            self._line(place, number, at, buyer, self.sold[title], quantity, is_canceled=is_canceled)
            for number, (title, quantity) in enumerate(chosen.items(), 1)
        ]
        goods = sum((line["total"] for line in lines), Decimal(0))
        fee = Decimal("0.00") if is_pickup or goods >= FREE_FROM else FEE
        if fee:
            lines.append(
                self._delivery_line(place, len(lines) + 1, at, fee, lines[0], is_canceled=is_canceled)
            )
        returned = Decimal("0.00")
        if not is_canceled and chances[3] < RETURNED_SHARE:
            lines[0]["quantity_returned"] = lines[0]["quantity"]
            returned = lines[0]["total"]
        total = goods + fee
        captured = Decimal("0.00") if is_canceled else total
        order = {
            **self._head(place, at, channel, buyer, self.stores[store].pk if is_pickup else None),
            **_states(is_canceled=is_canceled, returned=returned, total=total),
            "payment_method": PaymentMethod.CARD if channel == "pos" else payment,
            "paper": _paper(buyer),
            "goods_total": goods,
            "delivery_total": fee,
            "total": total,
            "due_total": Decimal("0.00") if is_canceled else total - returned,
            "authorized_total": Decimal("0.00"),
            "captured_total": captured,
            "refunded_total": returned,
            "canceled_at": at + timedelta(hours=5) if is_canceled else None,
            "completed_at": None
            if is_canceled
            else at
            if channel == "pos"
            else at + timedelta(days=2, hours=3),
        }
        return order, lines

    def _head(
        self, place: int, at: datetime, channel: str, buyer: _Buyer, store_id: int | None
    ) -> dict[str, Any]:
        return {
            "number": f"ORD-{at.year}-H{place + 1:05d}",
            "token": secrets.token_urlsafe(32),
            "channel_id": self.company.channels[channel].pk,
            "entity_id": self.company.entity.pk,
            "customer_id": buyer.customer_id,
            "currency": "RSD",
            "language": "sr-latn",
            "email": buyer.email,
            "phone": buyer.phone,
            "name": buyer.name,
            "street": "" if store_id else buyer.street,
            "city": "" if store_id else buyer.city,
            "postal_code": "" if store_id else buyer.postal_code,
            "country": "RS",
            "company_name": buyer.company_name,
            "company_pib": buyer.pib,
            "company_registration_number": buyer.registration_number,
            "note": "",
            "delivery_method": DeliveryKind.STORE_PICKUP if store_id else DeliveryKind.HOME_DELIVERY,
            "pickup_location_id": store_id,
            "promise": json.dumps({}),
            "promised_on": (at + timedelta(days=2)).date(),
            "hold_reason": "",
            "cancel_reason": "",
            "placed_at": at,
            "updated_at": at,
            "version": 1,
            "idempotency_caller": "",
            "idempotency_key": "",
            "external_ref": f"sample-{place + 1:06d}",
            "is_imported": True,
        }

    def _line(
        self,
        place: int,
        position: int,
        at: datetime,
        buyer: _Buyer,
        sold: _Sold,
        quantity: int,
        *,
        is_canceled: bool,
    ) -> dict[str, Any]:
        return {
            "order_id": place,
            "customer_id": buyer.customer_id,
            "position": position,
            "kind": LineKind.GOODS,
            "variant_id": sold.variant_id,
            "sku": sold.sku,
            "title": sold.title,
            "quantity": quantity,
            "unit_price": sold.price,
            "total": sold.price * quantity,
            "tax_class": sold.tax_class,
            "tax_rate": sold.tax_rate,
            "weight_grams": sold.weight_grams,
            "quantity_canceled": quantity if is_canceled else 0,
            "quantity_dispatched": 0 if is_canceled else quantity,
            "quantity_returned": 0,
            "explanation": json.dumps([]),
            "ordered_at": at,
            "is_imported": True,
        }

    def _delivery_line(
        self,
        place: int,
        position: int,
        at: datetime,
        fee: Decimal,
        goods: dict[str, Any],
        *,
        is_canceled: bool,
    ) -> dict[str, Any]:
        """The fee goes with the rate of the goods."""
        return {
            **goods,
            "position": position,
            "kind": LineKind.DELIVERY,
            "variant_id": None,
            "sku": "",
            "title": "Dostava na adresu",
            "quantity": 1,
            "unit_price": fee,
            "total": fee,
            "weight_grams": 0,
            "quantity_canceled": int(is_canceled),
            "quantity_dispatched": int(not is_canceled),
        }


def _states(*, is_canceled: bool, returned: Decimal, total: Decimal) -> dict[str, str]:
    if is_canceled:
        return {
            "status": OrderStatus.CANCELED,
            "payment_status": PaymentStatus.NONE,
            "fulfillment_status": FulfillmentStatus.UNROUTED,
        }
    if returned:
        paid = PaymentStatus.REFUNDED if returned == total else PaymentStatus.PARTLY_REFUNDED
    else:
        paid = PaymentStatus.PAID
    return {
        "status": OrderStatus.COMPLETED,
        "payment_status": paid,
        "fulfillment_status": FulfillmentStatus.DELIVERED,
    }


def _paper(buyer: _Buyer) -> str:
    if not buyer.pib:
        return PaperKind.FISCAL
    return PaperKind.SEF if buyer.is_sef else PaperKind.FISCAL_COMPANY


def _assortment(company: Company, now: datetime) -> tuple[list[_Sold], np.ndarray]:
    """What is sold, and how readily: popular titles far more often, toys like a middling book."""
    rates = catalog.tax_rates(now)
    rows = list(
        Variant.objects.filter(is_sellable=True)
        .order_by("sku")
        .values_list("id", "sku", "product__title", "tax_class", "weight_grams", "product__popularity")
    )
    prices = catalog.unit_prices([row[0] for row in rows], company.price_list.pk, now)
    known = [row for row in rows if row[0] in prices]
    popularity = np.array([row[5] for row in known], dtype=float)
    middling = np.median(popularity[popularity > 0]) if (popularity > 0).any() else 1.0
    popularity[popularity == 0] = middling
    sold = [_Sold(row[0], row[1], row[2], prices[row[0]], row[3], rates[row[3]], row[4]) for row in known]
    return sold, popularity**0.55


def _buyers() -> list[_Buyer]:
    rows = Address.objects.filter(is_default=True).select_related("customer").order_by("customer_id")
    return [
        _Buyer(
            customer_id=address.customer_id,
            created_at=address.customer.created_at,
            name=address.customer.name,
            email=address.customer.email,
            phone=address.customer.phone,
            street=address.street,
            city=address.city,
            postal_code=address.postal_code,
            company_name=address.customer.name if address.customer.kind == CustomerKind.COMPANY else "",
            pib=address.customer.pib,
            registration_number=address.customer.registration_number,
            is_sef=bool(address.customer.is_sef_registered),
        )
        for address in rows.iterator()
    ]


def _give_points(cursor: Any) -> None:
    """Members earned on what they kept."""
    cursor.execute(
        """INSERT INTO crm_loyaltyentry (account_id, points, reason, source_kind, source_key, entity_id, value, order_number, rate,
                  expires_on, created_at)
           SELECT a.id, p.points, 'EARNED', 'order', o.number, o.entity_id, p.points * g.point_value, o.number,
                  round(1 / g.spend_per_point, 6), (o.completed_at + make_interval(months => g.expiry_months))::date, o.completed_at
             FROM oms_order o JOIN crm_loyaltyaccount a ON a.customer_id = o.customer_id
             JOIN crm_loyaltyprogram g ON g.currency = o.currency AND g.valid_to IS NULL,
          LATERAL (SELECT floor((o.goods_total - o.refunded_total) / g.spend_per_point)::int AS points) p
            WHERE o.is_imported AND o.status = 'COMPLETED' AND p.points > 0 ORDER BY o.completed_at, o.id"""
    )
    cursor.execute(
        """UPDATE crm_loyaltyaccount a SET points = e.points
             FROM (SELECT account_id, sum(points)::int points FROM crm_loyaltyentry GROUP BY 1) e
            WHERE e.account_id = a.id"""
    )
