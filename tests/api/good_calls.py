"""One good call of every operation that the API describes: what is there before, and what is asked. A new operation needs a new entry."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from audit import webhooks
from audit.models import WebhookDelivery
from crm import operations as crm
from finance.models import Invoice, Payment, SefSubscription
from oms.models import Order
from oms.workflows import routing, tenders
from oms.workflows.checkout import Company
from retail.kernel.models import Location, OutboxEvent
from retail.sample.epub import make_epub
from storefront import operations as catalog
from tests.flows import gift_cards
from tests.oms import offering
from tests.photos import photo
from tests.proof.acts import Trade
from warehouse.models import Parcel, Shipment
from warehouse.selectors import order_claims

SHELF = "A-01"


@dataclass
class Call:
    path: str
    body: Any = None
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = "application/json"


Prepared = Callable[[Trade], Call]


def plain(path: str, **query: str) -> Prepared:
    """Nothing has to be there before."""
    return lambda trade: Call(path, query=query)


def _campaign_report(trade: Trade) -> Call:
    return Call(f"campaigns/{offering.campaign().slug}/report")


def _basket(trade: Trade, units: int = 1) -> tuple[str, str]:
    """(token, line)"""
    basket = trade.chain.basket((trade.book, units), now=trade.now)
    return basket.token, str(basket.lines.get().public_id)


def _coupon(trade: Trade) -> str:
    """A word that holds now."""
    discount = offering.discount(audience="COUPON")
    batch = crm.create_batch(
        discount_id=discount.pk, name="Jesen", word=f"JESEN{discount.pk}", by=None, now=trade.now
    )
    return batch.coupons.get().code


def _basket_read(trade: Trade) -> Call:
    return Call(f"baskets/{_basket(trade)[0]}")


def _line_add(trade: Trade) -> Call:
    return Call(f"baskets/{_basket(trade)[0]}/lines", {"sku": trade.book.sku, "quantity": 1})


def _line(trade: Trade, body: Any = None) -> Call:
    return Call("baskets/{}/lines/{}".format(*_basket(trade)), body)


def _order(trade: Trade) -> Call:
    return Call("orders", trade.body(_basket(trade)[0], "CASH_ON_DELIVERY"))


def _of_order(suffix: str = "", body: Any = None, *, method: str = "CASH_ON_DELIVERY") -> Prepared:
    return lambda trade: Call(f"orders/{trade.placed(method).number}{suffix}", body)


def _changes(trade: Trade) -> Call:
    order = trade.placed("CASH_ON_DELIVERY")
    body = {"note": "Zvoniti", "apply": True, "version": order.version}
    return Call(f"orders/{order.number}/changes", body)


def _refund(trade: Trade) -> Call:
    order = trade.paid_by_card()
    trade.sent(order)
    body = {"amount": {"amount": "100.00", "currency": "RSD"}, "reason": "goodwill"}
    return Call(f"orders/{order.number}/refunds", body)


def _delivered(trade: Trade) -> Order:
    order = trade.placed("CASH_ON_DELIVERY")
    shipment = trade.sent(order)
    assert trade.api.post(f"shipments/{shipment.number}/deliver", {}).status_code == 200
    return order


def _return(trade: Trade) -> Call:
    line = {"sku": trade.book.sku, "quantity": 1, "reason": "DAMAGED"}
    return Call(f"orders/{_delivered(trade).number}/returns", {"lines": [line]})


def _exchange(trade: Trade) -> Call:
    book = trade.chain.variant(price="1100.00")
    body = {"lines": [{"sku": trade.book.sku, "quantity": 1}], "instead": [{"sku": book.sku, "quantity": 1}]}
    return Call(f"orders/{_delivered(trade).number}/exchanges", body | {"apply": True})


def _send_ahead(trade: Trade) -> Call:
    call = _exchange(trade)
    answer = trade.api.post(call.path, call.body)
    assert answer.status_code == 200, answer.content
    return Call(f"orders/{answer.json()['order_number']}/send-ahead", {})


def _return_receive(trade: Trade) -> Call:
    order = _delivered(trade)
    made = trade.announced_return(order)
    line = {"sku": trade.book.sku, "quantity": 1, "disposition": "RESTOCK"}
    return Call(
        f"orders/{order.number}/returns/{made.number}/receive", {"location": "S-001", "lines": [line]}
    )


def _proposal(act: str, body: Any) -> Prepared:
    def prepared(trade: Trade) -> Call:
        decision = routing.propose_routing(order_id=trade.placed("CASH_ON_DELIVERY").pk, now=trade.now)
        assert decision.proposal is not None
        return Call(f"proposals/{decision.proposal.public_id}/{act}", body)

    return prepared


def _card(trade: Trade, amount: str = "1000") -> tuple[str, str]:
    """(public id, code) of a gift card that is paid and sent."""
    card, code = gift_cards.make_card(trade.chain, amount, now=trade.now)
    return card.public_id, code


def _tender(trade: Trade) -> Call:
    token = _basket(trade)[0]
    basket = tenders.apply_gift_card(token=token, code=_card(trade)[1], now=trade.now)
    return Call(f"baskets/{token}/tenders/{basket.gift_cards.get().public_id}")


def _gift_cards(trade: Trade) -> Call:
    card = {"amount": {"amount": "3000.00", "currency": "RSD"}, "recipient_email": "mila@example.com"}
    body = {"cards": [card], "email": "ana@example.com", "name": "Ana Anić"}
    return Call("gift-cards", body | {"payment": {"method": "BANK_TRANSFER"}})


def _unblock(trade: Trade) -> Call:
    card, _ = _card(trade)
    crm.block_card(public_id=card, reason="izgubljena", by=None, now=trade.now)
    return Call(f"gift-cards/{card}/unblock", {"reason": "nađena"})


# -- Goods ---------------------------------------------------------------------------------------------------------


def _routed(trade: Trade) -> tuple[Shipment, str]:
    """(shipment, bin)"""
    order = trade.placed("CASH_ON_DELIVERY")
    shipment = trade.routed(order)
    return shipment, next(iter(order_claims(order_id=order.pk))).bin


def _shipment(trade: Trade) -> Call:
    return Call(f"shipments/{_routed(trade)[0].number}")


def _pick(trade: Trade) -> Call:
    shipment, shelf = _routed(trade)
    # A part of it, so that a second time would take more.
    line = {"sku": trade.book.sku, "bin": shelf, "quantity": 1}
    return Call(f"shipments/{shipment.number}/pick", {"lines": [line]})


def _short_pick(trade: Trade) -> Call:
    shipment, shelf = _routed(trade)
    body = {"sku": trade.book.sku, "bin": shelf, "quantity_found": 1, "reason": "DAMAGED"}
    return Call(f"shipments/{shipment.number}/short-pick", body)


def _pack(trade: Trade) -> Call:
    shipment, shelf = _routed(trade)
    line = {"sku": trade.book.sku, "bin": shelf, "quantity": 2}
    assert trade.api.post(f"shipments/{shipment.number}/pick", {"lines": [line]}).status_code == 200
    return Call(f"shipments/{shipment.number}/pack", {"parcels": [{"weight_grams": 640}]})


def _dispatch(trade: Trade) -> Call:
    return Call(f"shipments/{trade.packed(trade.placed('CASH_ON_DELIVERY')).number}/dispatch", {})


def _of_sent(act: str, body: Any) -> Prepared:
    return lambda trade: Call(f"shipments/{trade.sent(trade.placed('CASH_ON_DELIVERY')).number}/{act}", body)


def _return_to_sender(trade: Trade) -> Call:
    shipment = trade.sent(trade.placed("CASH_ON_DELIVERY"))
    failed = trade.api.post(f"shipments/{shipment.number}/fail", {"reason": "REFUSED"})
    assert failed.status_code == 200
    return Call(f"shipments/{shipment.number}/return-to-sender", {"damaged": []})


def _adjustment(trade: Trade) -> Call:
    return Call(
        "stock/adjustments",
        {
            "sku": trade.book.sku,
            "location": "S-001",
            "bin": None,
            "delta": 3,
            "reason": "COUNT",
            "reference": "c-1",
        },
    )


def _move(trade: Trade) -> Call:
    return Call(
        "stock/moves",
        {
            "sku": trade.book.sku,
            "location": "WH-1",
            "from_bin": SHELF,
            "to_bin": "D-01",
            "quantity": 1,
            "reason": "DAMAGE",
        },
    )


def _purchase_body(trade: Trade) -> dict[str, Any]:
    if not Location.objects.filter(code="SUP-1").exists():
        Location.objects.create(code="SUP-1", name="Laguna", kind="SUPPLIER", entity=trade.chain.entity)
    cost = {"amount": "412.5000", "currency": "RSD"}
    line = {"sku": trade.book.sku, "quantity": 10, "unit_cost": cost}
    return {"supplier": "SUP-1", "location": "WH-1", "lines": [line]}


def _purchase_order(trade: Trade) -> Call:
    return Call("purchase-orders", _purchase_body(trade))


def _of_purchase_order(suffix: str) -> Prepared:
    def prepared(trade: Trade) -> Call:
        made = trade.api.post("purchase-orders", _purchase_body(trade)).json()
        body = {"lines": [{"sku": trade.book.sku, "quantity_good": 4}]} if suffix else None
        return Call(f"purchase-orders/{made['number']}{suffix}", body)

    return prepared


def _transfer_body(trade: Trade) -> dict[str, Any]:
    line = {"sku": trade.book.sku, "quantity": 2}
    return {"source": "WH-1", "target": "S-001", "lines": [line]}


def _of_transfer(suffix: str) -> Prepared:
    def prepared(trade: Trade) -> Call:
        number = trade.api.post("transfers", _transfer_body(trade)).json()["number"]
        body: Any = {} if suffix else None
        if suffix == "/receive":
            assert trade.api.post(f"transfers/{number}/ship", {}).status_code == 200
            body = {"lines": [{"sku": trade.book.sku, "quantity_good": 1}]}
        if suffix == "/missing":
            body = {"sku": trade.book.sku, "quantity_found": 1}
        return Call(f"transfers/{number}{suffix}", body)

    return prepared


def _carrier_event(trade: Trade) -> Call:
    shipment = trade.sent(trade.placed("CASH_ON_DELIVERY"))
    reference = Parcel.objects.get(shipment=shipment).number
    trade.stand.http.post(
        f"/admin/carrier/parcels/{reference}/events", json={"status": "IN_TRANSIT", "place": "Novi Sad"}
    )
    trade.stand.deliver()
    message = next(one for one in trade.stand.shop.requests if "carriers" in str(one.url))
    return Call("carriers/kurir/events", message.content, headers=_signed(message))


def _signed(message: Any) -> dict[str, str]:
    return {name: value for name, value in message.headers.items() if name.startswith("webhook-")}


# -- Money and papers ----------------------------------------------------------------------------------------------


def _statement(trade: Trade) -> Call:
    order = trade.placed("BANK_TRANSFER")
    csv = (
        "line_key,booked_on,amount,currency,reference,payer,payer_account,purpose\n"
        f"b1,{trade.now.date()},{order.total},RSD,{Payment.objects.get(order=order).reference},Ana,"
        "265-0000000000017-57,uplata\n"
    )
    return Call("bank-statements", {"account": trade.chain.entity.bank_account, "csv": csv})


def _remittance(trade: Trade) -> Call:
    shipment = trade.sent(trade.placed("CASH_ON_DELIVERY"))
    Parcel.objects.filter(shipment=shipment).update(tracking_number="PE1")
    shipment.refresh_from_db()
    assert shipment.service is not None
    csv = (
        f"line_key,tracking_number,amount,fee,paid_on\nr1,PE1,{shipment.cod_amount},0.00,{trade.now.date()}\n"
    )
    return Call("courier-remittances", {"carrier": shipment.service.carrier.code, "csv": csv})


def _card_event(trade: Trade) -> Call:
    order = trade.placed("CARD")
    trade.stand.choose(Payment.objects.get(order=order).public_id)
    trade.stand.deliver()
    message = next(one for one in trade.stand.shop.requests if "payments" in str(one.url))
    return Call("payments/card/events", message.content, headers=_signed(message))


def _sef_event(trade: Trade) -> Call:
    SefSubscription.objects.create(key="the key of the day", asked_at=timezone.now())
    body = {"SubscriptionKey": "the key of the day", "SalesInvoiceId": 1, "Status": "Approved"}
    return Call("sef/events", json.dumps(body).encode())


def _of_invoice(suffix: str) -> Prepared:
    def prepared(trade: Trade) -> Call:
        order = trade.chain.place(
            (trade.book, 1), now=trade.now, company=Company("Firma d.o.o.", "100000024", "20998873")
        )
        trade.sent(order)
        number = Invoice.objects.get(order=order).number
        return Call(f"invoices/{number}{suffix}")

    return prepared


# -- Everything else -----------------------------------------------------------------------------------------------


def _product_put(trade: Trade) -> Call:
    body = {"title": "Novi naslov", "tax_class": "BOOKS", "weight_grams": 300, "is_published": True}
    return Call("products/NEW-1", body | {"price": {"amount": "990.00", "currency": "RSD"}})


def _picture_add(trade: Trade) -> Call:
    path = f"products/{trade.book.sku}/pictures?text=Korica"
    return Call(path, photo(), kind="image/png")


def _pictures(trade: Trade) -> list[str]:
    return [
        catalog.add_picture(
            product_id=trade.book.product_id, content=photo(number), by=None, now=trade.now
        ).key
        for number in (1, 2)
    ]


def _picture_order(trade: Trade) -> Call:
    first, second = _pictures(trade)
    body = {"pictures": [{"id": second, "text": "Korica"}, {"id": first}]}
    return Call(f"products/{trade.book.sku}/pictures", body)


def _picture_remove(trade: Trade) -> Call:
    return Call(f"products/{trade.book.sku}/pictures/{_pictures(trade)[0]}")


def _file_put(trade: Trade) -> Call:
    edition = trade.chain.variant(stock=0)
    content = make_epub(name=edition.sku, title="Naslov")
    return Call(f"products/{edition.sku}/file", content, kind="application/epub+zip")


def _segment(trade: Trade, tail: str = "") -> Call:
    made = crm.create_segment(
        slug="buyers", name="Buyers", definition="bought(within: 1 year)", by=None, now=trade.now
    )
    trade.placed("CASH_ON_DELIVERY")
    return Call(f"segments/{made.slug}{tail}")


def _customer(trade: Trade) -> Call:
    customer = trade.placed("CASH_ON_DELIVERY").customer
    assert customer is not None
    return Call(f"customers/{customer.public_id}")


def _customer_put(trade: Trade) -> Call:
    address = {"name": "Ana", "street": "Glavna 1", "city": "Novi Sad", "postal_code": "21000"}
    return Call(_customer(trade).path, {"name": "Ana Anić Perić", "addresses": [address]})


def _webhook_body() -> dict[str, Any]:
    return {"url": "http://127.0.0.1:9/hook", "topics": ["oms.order_placed"]}


def _of_webhook(suffix: str = "", body: Any = None) -> Prepared:
    def prepared(trade: Trade) -> Call:
        made, _ = webhooks.add_webhook(**_webhook_body(), by=None)
        return Call(f"webhooks/{made.public_id}{suffix}", body)

    return prepared


def _replay(trade: Trade) -> Call:
    made, _ = webhooks.add_webhook(**_webhook_body(), by=None)
    trade.placed("CASH_ON_DELIVERY")
    delivery = WebhookDelivery.objects.create(
        webhook=made,
        event=OutboxEvent.objects.filter(topic="oms.order_placed").latest("pk"),
        subject="order:x",
        state="FAILED",
        next_attempt_at=trade.now,
        created_at=trade.now,
    )
    return Call(f"webhooks/{made.public_id}/deliveries/{delivery.public_id}/replay", {})


GOOD_CALLS: dict[str, Prepared] = {
    "get audit-events": lambda trade: Call(
        "audit-events", query={"target": f"order:{trade.placed('CASH_ON_DELIVERY').number}"}
    ),
    "get availability": lambda trade: Call(
        "availability", query={"sku": trade.book.sku, "quantity": "1", "postal_code": "21000"}
    ),
    "get bank-statements": plain("bank-statements"),
    "post bank-statements": _statement,
    "post baskets": lambda trade: Call("baskets", {"channel": "web-rs"}),
    "get baskets/{token}": _basket_read,
    "post baskets/{token}/lines": _line_add,
    "post baskets/{token}/coupons": lambda trade: Call(
        f"baskets/{_basket(trade)[0]}/coupons", {"code": _coupon(trade)}
    ),
    "post baskets/{token}/tenders": lambda trade: Call(
        f"baskets/{_basket(trade)[0]}/tenders", {"gift_card": _card(trade)[1]}
    ),
    "delete baskets/{token}/tenders/{tender}": _tender,
    "get gift-cards": lambda trade: Call(f"gift-cards/{_card(trade)[0]}".rpartition("/")[0]),
    "post gift-cards": _gift_cards,
    "post gift-cards/balance": lambda trade: Call("gift-cards/balance", {"code": _card(trade)[1]}),
    "get gift-cards/{public_id}": lambda trade: Call(f"gift-cards/{_card(trade)[0]}"),
    "post gift-cards/{public_id}/block": lambda trade: Call(
        f"gift-cards/{_card(trade)[0]}/block", {"reason": "izgubljena"}
    ),
    "post gift-cards/{public_id}/unblock": _unblock,
    "post gift-cards/{public_id}/return": lambda trade: Call(
        f"gift-cards/{_card(trade)[0]}/return", {"reason": "pogrešan iznos"}
    ),
    "delete baskets/{token}/coupons/{code}": lambda trade: Call(
        f"baskets/{_basket(trade)[0]}/coupons/JESEN20"
    ),
    "patch baskets/{token}/lines/{line}": lambda trade: _line(trade, {"quantity": 2}),
    "delete baskets/{token}/lines/{line}": _line,
    "post carriers/{carrier}/events": _carrier_event,
    "get courier-remittances": plain("courier-remittances"),
    "post courier-remittances": _remittance,
    "get credit-notes": plain("credit-notes"),
    "get segments": plain("segments"),
    "get segments/{slug}": _segment,
    "get segments/{slug}/members": lambda trade: _segment(trade, "/members"),
    "get customers": plain("customers"),
    "get customers/{public_id}": _customer,
    "put customers/{public_id}": _customer_put,
    "get events": plain("events"),
    "get invoices": plain("invoices"),
    "get invoices/{number}": _of_invoice(""),
    "get invoices/{number}/pdf": _of_invoice("/pdf"),
    "get invoices/{number}/ubl": _of_invoice("/ubl"),
    "get campaigns/{slug}/report": _campaign_report,
    "get ledger/accounts": plain("ledger/accounts"),
    "get ledger/entries": plain("ledger/entries"),
    "get ledger/trial-balance": plain("ledger/trial-balance", entity="prelist"),
    "get orders": plain("orders"),
    "post orders": _order,
    "get orders/{number}": _of_order(),
    "post orders/{number}/cancel": _of_order("/cancel", {"reason": "changed mind"}),
    "post orders/{number}/changes": _changes,
    "post orders/{number}/payments": _of_order("/payments", {"method": "BANK_TRANSFER"}, method="CARD"),
    "post orders/{number}/refunds": _refund,
    "post orders/{number}/exchanges": _exchange,
    "post orders/{number}/send-ahead": _send_ahead,
    "post orders/{number}/returns": _return,
    "post orders/{number}/returns/{return_number}/receive": _return_receive,
    "post payments/{provider}/events": _card_event,
    "get products": plain("products"),
    "get products/{sku}/pictures": lambda trade: Call(f"products/{trade.book.sku}/pictures"),
    "post products/{sku}/pictures": _picture_add,
    "put products/{sku}/pictures": _picture_order,
    "delete products/{sku}/pictures/{picture}": _picture_remove,
    "put products/{sku}/file": _file_put,
    "get products/{sku}": lambda trade: Call(f"products/{trade.book.sku}"),
    "put products/{sku}": _product_put,
    "get proposals": plain("proposals"),
    "post proposals/{public_id}/ratify": _proposal("ratify", {}),
    "post proposals/{public_id}/reject": _proposal("reject", {"reason": "too dear"}),
    "get purchase-orders": plain("purchase-orders"),
    "post purchase-orders": _purchase_order,
    "get purchase-orders/{number}": _of_purchase_order(""),
    "post purchase-orders/{number}/receipts": _of_purchase_order("/receipts"),
    "post sef/events": _sef_event,
    "get shipments": plain("shipments"),
    "get shipments/{number}": _shipment,
    "post shipments/{number}/deliver": _of_sent("deliver", {}),
    "post shipments/{number}/dispatch": _dispatch,
    "post shipments/{number}/fail": _of_sent("fail", {"reason": "REFUSED"}),
    "post shipments/{number}/pack": _pack,
    "post shipments/{number}/pick": _pick,
    "post shipments/{number}/return-to-sender": _return_to_sender,
    "post shipments/{number}/short-pick": _short_pick,
    "get stock": plain("stock"),
    "post stock/adjustments": _adjustment,
    "get stock/moves": plain("stock/moves"),
    "post stock/moves": _move,
    "get transfers": plain("transfers"),
    "post transfers": lambda trade: Call("transfers", _transfer_body(trade)),
    "get transfers/{number}": _of_transfer(""),
    "post transfers/{number}/cancel": _of_transfer("/cancel"),
    "post transfers/{number}/missing": _of_transfer("/missing"),
    "post transfers/{number}/receive": _of_transfer("/receive"),
    "post transfers/{number}/ship": _of_transfer("/ship"),
    "get webhooks": plain("webhooks"),
    "post webhooks": lambda trade: Call("webhooks", _webhook_body()),
    "get webhooks/{public_id}": _of_webhook(),
    "patch webhooks/{public_id}": _of_webhook("", {"is_active": False}),
    "delete webhooks/{public_id}": _of_webhook(),
    "get webhooks/{public_id}/deliveries": _of_webhook("/deliveries"),
    "post webhooks/{public_id}/deliveries/{delivery_id}/replay": _replay,
    "post webhooks/{public_id}/secret": _of_webhook("/secret", {}),
}


def send(trade: Trade, operation: str, call: Call, *, key: str = "") -> Any:
    """The call as its integrator makes it; the answer has a described status and shape, or this fails."""
    method = operation.partition(" ")[0]
    if method == "get":
        return trade.api.get(call.path, **call.query)
    headers = {name.replace("-", "_"): value for name, value in call.headers.items()}
    return trade.api.send(method, call.path, call.body, key=key, kind=call.kind, **headers)
