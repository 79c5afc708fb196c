"""One of everything in a sample house, so that every page has something to show. Prints the addresses of the pages as JSON.

A program of its own (`python -m tests.proof.scene`), because it works in the house that is looked at. It plays before the worker
starts: what needs a worker (letters, receipts, plans) is done when the house is up.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import django

if TYPE_CHECKING:
    from oms.models import Order
    from storefront.models import Variant
    from tests.proof.story import Teller
    from warehouse.models import Shipment

STORE = "S-001"


def main() -> None:
    django.setup()
    from django.utils import timezone

    json.dump(play(timezone.now()), sys.stdout)


def play(now: datetime) -> dict[str, Any]:
    """Every state that a page can show, by name."""
    from storefront.models import Product, ProductPicture

    teller = _teller(now)
    sold, few, many, spare = _titles(4)
    teller.sold_and_partly_returned(sold)
    asked = _asked_for_return(teller, many)
    _paid_orders(teller, few, many)
    pending = teller.place("pending", (many, 1), payment_method="BANK_TRANSFER")
    waiting = teller.place("waiting", (many, 2), (sold, 1))
    _route_only(waiting, now)
    routed = teller.place("routed", (many, 2), (few, 1))
    teller.route(routed)
    to_pack = _picked(teller, teller.place("to pack", (many, 1)))
    to_send = _packed(teller, teller.place("to send", (many, 1)))
    pickup = _packed(
        teller, teller.place("pickup", (spare, 1), delivery_method="STORE_PICKUP", pickup_location=STORE)
    )
    back = _put_back(teller, teller.place("put back", (many, 1)))
    _strange_money(teller)
    _campaign(teller, spare)
    transfer = _to_store(teller)
    return {
        "sold": _told(teller.orders["sold"]),
        "asked": _told(asked),
        "pending": _told(pending),
        "waiting": _told(waiting),
        "routed": _told(routed),
        "canceled": _told(teller.orders["canceled"]),
        "pickup": _told(teller.orders["pickup"]),
        "to_store": _told(teller.orders["on its way"]),
        "shipments": {"pack": to_pack.number, "send": to_send.number, "handover": pickup.number},
        "places": {"pack": to_pack.location.code, "send": to_send.location.code},
        "put_back": back,
        "transfer": transfer,
        "sku": many.sku,
        "slug": many.product.slug,
        "ahead": Product.objects.get(variants__sku="9788699998013").slug,
        "pictured": ProductPicture.objects.order_by("pk")[0].product.slug,
        "campaign_page": _campaign_page(),
        **_rows(teller),
        "sessions": _sessions(),
        "errors": _errors(),
    }


def _teller(now: datetime) -> Teller:
    from retail.kernel.models import LegalEntity, Location, User
    from storefront.models import Channel
    from tests.flows.chain import Chain
    from tests.proof.story import Teller

    chain = Chain(
        entity=LegalEntity.objects.get(code="prelist"),
        channel=Channel.objects.get(code="web-rs"),
        warehouse=Location.objects.get(code="WH-1"),
        store=Location.objects.get(code=STORE),
        dragan=User.objects.get(email="dragan@prelist.example"),
        bojan=User.objects.get(email="bojan@prelist.example"),
    )
    teller = Teller(chain, now)
    teller.lines = int(now.timestamp())  # the bank's lines are numbered anew each time
    return teller


def _to_store(teller: Teller) -> str:
    """A title that the store has not, ordered there twice: one waits to be sent, one is on its way."""
    from storefront.models import Variant
    from warehouse.models import StockItem, Transfer
    from warehouse.operations import transfers

    here = StockItem.objects.filter(location=teller.chain.store).values("variant_id")
    title = (
        Variant.objects.filter(
            pk__in=StockItem.objects.filter(
                location=teller.chain.warehouse, is_sellable=True, reserved=0, on_hand__gte=8
            ).values("variant_id")
        )
        .exclude(pk__in=here)
        .order_by("pk")[0]
    )
    numbers = []
    for name in ("to store", "on its way"):
        order = teller.place(name, (title, 2), delivery_method="SHIP_TO_STORE", pickup_location=STORE)
        teller.route(order)
        numbers.append(Transfer.objects.get(order=order))
    transfers.ship_transfer(transfer_id=numbers[1].pk, by=teller.chain.bojan, now=teller.now)
    return numbers[0].number


def _campaign(teller: Teller, variant: Variant) -> None:
    """On, with a budget, a page view, an order that was sent and one that waits."""
    from crm.operations import record_visit
    from tests.finance.campaigning import taken_off
    from tests.oms import offering

    began = teller.now - timedelta(days=3)
    campaign = offering.campaign(
        "jesen", name="Jesenji popust", budget=("MONEY", "50000.00"), start=began, holdout_percent=10
    )
    off = offering.discount("jesen-20", value="20.00", campaign=campaign, name="Jesen 20 %")
    offering.target(off, variant)
    record_visit(slug="jesen", visit_hash="0" * 64, path="/jesen/", now=teller.now)
    for name in ("campaign sent", "campaign waits"):
        order = teller.place(name, (variant, 2))
        line = order.lines.get(kind="GOODS")
        taken_off(line, off, str(line.unit_price * line.quantity - line.total))
    teller.send(teller.orders["campaign sent"])


def _campaign_page() -> str:
    """Where the running campaign of the sample stands."""
    from cms.models import CampaignPage

    (page,) = CampaignPage.objects.live().filter(
        campaign__slug="jesenja-akcija", locale__language_code="sr-latn"
    )
    path: str = urlsplit(page.full_url).path
    return path


def _titles(count: int) -> list[Variant]:
    """Titles that both the warehouse and the store have plenty of."""
    from storefront.models import Variant
    from warehouse.models import StockItem

    places = [
        set(
            StockItem.objects.filter(
                location__code=code, is_sellable=True, bin__kind="STORAGE", on_hand__gte=least
            ).values_list("variant_id", flat=True)
        )
        for code, least in (("WH-1", 12), (STORE, 4))
    ]
    found = Variant.objects.filter(pk__in=places[0] & places[1], is_kit=False, is_sellable=True)
    return list(found.select_related("product").order_by("pk")[:count])


def _paid_orders(teller: Teller, few: Variant, many: Variant) -> None:
    """A company outside SEF and one inside, both sent; a person who changed their mind after paying."""
    from crm.models import Customer
    from oms.workflows import cancellation
    from oms.workflows.checkout import Company

    for name, is_registered in (("company", False), ("sef", True)):
        if is_registered:
            Customer.objects.filter(pib="100000024").update(is_sef_registered=True)
        company = Company("Firma d.o.o.", "100000024", "20998873")
        order = teller.place(name, (few, 1), payment_method="BANK_TRANSFER", company=company)
        teller.pay(order, str(order.total))
        teller.send(order)
    order = teller.place("canceled", (many, 1), payment_method="BANK_TRANSFER")
    teller.pay(order, str(order.total))
    cancellation.cancel_order(order_id=order.pk, reason="changed mind", by=None, now=teller.now)


def _asked_for_return(teller: Teller, variant: Variant) -> Order:
    from oms.workflows import returns

    order = teller.place("asked", (variant, 2))
    teller.deliver(teller.send(order))
    returns.request_return(
        order_id=order.pk,
        lines=[returns.Asked(variant.sku, 1, "DAMAGED")],
        by=None,
        now=teller.now,
        buyer_id_kind="20",
        buyer_id="012345678",
    )
    return order


def _route_only(order: Order, now: datetime) -> None:
    from oms.workflows import routing

    routing.propose_routing(order_id=order.pk, now=now)


def _picked(teller: Teller, order: Order) -> Shipment:
    from warehouse import operations as stock
    from warehouse.selectors import order_claims

    (shipment,) = teller.route(order)
    picks = [stock.Pick(claim.sku, claim.bin, claim.quantity) for claim in order_claims(order_id=order.pk)]
    stock.pick(shipment_id=shipment.pk, picks=picks, by=teller.chain.bojan, now=teller.now)
    return shipment


def _packed(teller: Teller, order: Order) -> Shipment:
    from warehouse import operations as stock

    shipment = _picked(teller, order)
    parcels = [stock.ParcelSpec(700)]
    stock.pack(shipment_id=shipment.pk, parcels=parcels, by=teller.chain.bojan, now=teller.now)
    return shipment


def _put_back(teller: Teller, order: Order) -> int:
    from oms.workflows import cancellation
    from warehouse.models import Reservation

    _picked(teller, order)
    cancellation.cancel_order(
        order_id=order.pk, reason="changed mind", by=teller.chain.dragan, now=teller.now
    )
    claim: int = Reservation.objects.filter(order_line__order=order, is_put_back=True).values_list(
        "pk", flat=True
    )[0]
    return claim


def _strange_money(teller: Teller) -> None:
    """A payment that nobody asked for: an exception, and a line that waits for a match."""
    from finance import workflows as money

    money.import_bank_statement(
        account=teller.chain.entity.bank_account,
        text="line_key,booked_on,amount,currency,reference,payer,payer_account,purpose\n"
        f"scene-{teller.lines},{teller.now.date()},1234.00,RSD,97 99-1,Petar Perić,265-0000000000017-57,uplata\n",
        by=None,
        now=teller.now,
    )


def _told(order: Order) -> dict[str, str]:
    return {"number": order.number, "token": order.token}


def _segment(teller: Teller) -> dict[str, str]:
    """A segment with a change that waits for another person."""
    from crm import operations as crm

    made = crm.create_segment(
        slug="buyers",
        name="Kupci u poslednjih 90 dana",
        definition="bought(within: 90 days) and not company",
        by=None,
        now=teller.now,
    )
    proposal = crm.propose_change(
        segment_id=made.pk,
        version=1,
        definition="(bought(within: 60 days) or member) and not company",
        reason="i oni koji su samo članovi",
        by=None,
        now=teller.now,
    )
    return {"slug": made.slug, "proposal": proposal.public_id}


def _codes(teller: Teller) -> int:
    """A batch of codes of a discount that asks for one."""
    from decimal import Decimal

    from crm import operations as crm
    from oms.workflows.discounts import save_discount

    discount = save_discount(
        values={
            "code": "pismo",
            "name": "Pismo članovima",
            "kind": "PERCENT",
            "value": Decimal(15),
            "audience": "COUPON",
        },
        by=None,
        now=teller.now,
    )
    crm.move_discount(discount_id=discount.pk, state="ACTIVE", by=None, now=teller.now)
    batch = crm.create_batch(
        discount_id=discount.pk, name="Pismo u novembru", count=500, prefix="pismo", by=None, now=teller.now
    )
    return batch.pk


def _rows(teller: Teller) -> dict[str, Any]:
    """Keys of records that have a page of their own."""
    from django.db.models import Count

    from audit.models import Proposal
    from crm.models import Customer
    from finance.models import (
        BankStatementLine,
        CourierRemittanceLine,
        FiscalReceipt,
        Invoice,
        JournalEntry,
        Payment,
    )
    from oms.models import OrderException
    from retail.kernel.models import User
    from storefront.models import Category
    from warehouse.models import PurchaseOrder

    paid = Payment.objects.filter(order=teller.orders["sold"])[0]
    return {
        "proposal": Proposal.objects.filter(state="OPEN").exclude(kind="segment")[0].public_id,
        "segment": _segment(teller),
        "coupon_batch": _codes(teller),
        "exception": OrderException.objects.filter(state="OPEN")[0].public_id,
        "customer": Customer.objects.get(email="ana@example.com", kind="PERSON").public_id,
        "shopper": User.objects.get(email="ana@prelist.example").pk,
        "invoice": Invoice.objects.order_by("-pk")[0].number,
        "receipt": FiscalReceipt.objects.order_by("-pk")[0].pk,
        "entry": JournalEntry.objects.order_by("-pk")[0].pk,
        "payment": str(paid.public_id),
        "statement": BankStatementLine.objects.order_by("-pk")[0].pk,
        "remittance": CourierRemittanceLine.objects.order_by("-pk")[0].pk,
        "purchase_order": PurchaseOrder.objects.order_by("pk")[0].number,
        "category": Category.objects.annotate(titles=Count("products")).order_by("-titles", "path")[0].path,
    }


def _sessions() -> dict[str, str]:
    """A session of one person for each role, as if they had signed in."""
    from django.conf import settings
    from django.test import Client

    from retail.kernel.models import User

    people = {
        "owner": "olga",
        "lead": "dragan",
        "merchandiser": "mila",
        "accountant": "ceca",
        "picker": "bojan",
        "shopper": "ana",
    }
    found = {}
    for role, name in people.items():
        client = Client()
        client.force_login(
            User.objects.get(email=f"{name}@prelist.example"),
            backend="django.contrib.auth.backends.ModelBackend",
        )
        found[role] = client.cookies[settings.SESSION_COOKIE_NAME].value
    return found


def _errors() -> dict[str, str]:
    """Pages that no address gives on demand, as they are drawn."""
    from django.test import RequestFactory
    from django.utils import translation

    from retail import answers

    request = RequestFactory().get("/")
    request.request_id = "scene-request"  # type: ignore[attr-defined]
    with translation.override("sr-latn"):
        return {
            "400": answers.bad_request(request, ValueError()).text,
            "429": answers.too_many(request).text,
            "500": answers.broken(request).text,
        }


if __name__ == "__main__":
    main()
