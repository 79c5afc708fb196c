"""A valid small story that leaves rows in every room: sold, paid, sent, returned, canceled, waiting, held."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from crm import operations as crm
from crm.models import Customer, GiftCard, LoyaltyAccount, LoyaltyEntry, LoyaltyProgram, Tier
from finance import operations as finance
from finance import workflows as money
from finance.models import Payment, Refund
from finance.workflows.gift_cards import expire_cards
from oms.models import Order
from oms.workflows import basket_coupons, baskets, cancellation, exchanges, placing, returns, routing, tenders
from oms.workflows.checkout import Company
from retail.kernel import outbox
from retail.kernel.models import Location
from storefront import operations as catalog
from storefront.models import KitComponent, Price, Product, Variant
from tests.flows import ebooks, gift_cards, preorders, to_store
from tests.flows.chain import Chain
from tests.flows.exchanges import arrives, swap
from tests.oms import offering
from tests.photos import photo
from warehouse import operations as stock
from warehouse import workflows as goods
from warehouse.models import Parcel, Shipment, Transfer
from warehouse.operations import transfers
from warehouse.selectors import order_claims

ACCOUNT = "265-1660310005042-68"


class Teller:
    """Tells the story at one moment, through the verbs, and keeps the orders by their names."""

    def __init__(self, chain: Chain, now: datetime) -> None:
        self.chain, self.now = chain, now
        self.orders: dict[str, Order] = {}
        self.lines = 0

    def tell(self) -> dict[str, Order]:
        book, odd = self.chain.variant(price="1100.00", stock=40), self.chain.variant(price="1259.00")
        kit = self.kit(book, odd)
        self.sold_and_partly_returned(book)
        self.kit_sent(kit)
        self.companies(odd)
        self.canceled_after_payment(book)
        self.place("pending", (book, 1), payment_method="BANK_TRANSFER")
        self.place("waiting", (book, 2))
        self.place("kits", (kit, 3))
        self.place("routed", (book, 1))
        self.route(self.orders["routed"])
        self.chain.basket((book, 1), now=self.now)
        self.transferred(book)
        self.sent_to_store()
        self.member()
        self.offered()
        self.paid_by_gift_card(book)
        self.exchanged()
        self.ordered_ahead()
        for number in (1, 2):
            catalog.add_picture(product_id=book.product_id, content=photo(number), by=None, now=self.now)
        self.orders["file"], _ = ebooks.paid_ebook(
            self.chain, ebooks.make_ebook(self.chain, now=self.now), now=self.now
        )
        while outbox.run_pending(now=self.now):
            pass
        return self.orders

    def kit(self, *components: Variant) -> Variant:
        product = Product.objects.create(
            slug="komplet", title="Komplet", status="PUBLISHED", published_at=self.now
        )
        kit = Variant.objects.create(product=product, sku="KOMPLET", is_kit=True, weight_grams=900)
        for number, component in enumerate(components, start=1):
            KitComponent.objects.create(kit=kit, component=component, quantity=number)
        Price.objects.create(
            variant=kit,
            price_list=self.chain.channel.price_list,
            amount=Decimal("3100.00"),
            valid_from=self.now - timedelta(days=400),
        )
        for component in components:
            self.chain.lay(component, self.chain.warehouse, 20)
        return kit

    def place(self, name: str, *wanted: tuple[Variant, int], **changes: object) -> Order:
        self.orders[name] = self.chain.place(*wanted, now=self.now, **changes)
        return self.orders[name]

    def offered(self) -> None:
        """A campaign with a budget, a coupon and an offer on the account, all on one line; canceled once, then ordered again."""
        title = self.chain.variant(price="1000.00", stock=9)
        long_ago = self.now - timedelta(days=1)
        ana = offering.customer("Ana Nova", "ana.nova@example.com")
        budget = offering.campaign("jesen", budget=("MONEY", "500.00"), start=long_ago)
        offering.target(offering.discount("svima", value="10.00", campaign=budget), title)
        offering.target(coded := offering.discount("uz-kod", value="5.00", audience="COUPON"), title)
        own = offering.discount(
            "njena", value="5.00", audience="ACCOUNT", campaign=offering.campaign("vernost", start=long_ago)
        )
        offering.target(own, title)
        crm.create_batch(discount_id=coded.pk, name="Jesen", word="JESEN", by=None, now=self.now)
        crm.write_offer(customer_id=ana.pk, discount_id=own.pk, reason="verna", by=None, now=self.now)
        for name in ("taken_back", "offered"):
            basket = baskets.create_basket(
                channel_code=self.chain.channel.code, now=self.now, postal_code="21000", customer_id=ana.pk
            )
            baskets.add_line(token=basket.token, sku=title.sku, quantity=1, now=self.now)
            basket_coupons.apply_coupon(token=basket.token, code="JESEN", now=self.now)
            checkout = self.chain.checkout(basket, customer_id=ana.pk)
            self.orders[name] = placing.place_order(checkout=checkout, by=None, now=self.now).order
            if name == "taken_back":
                cancellation.cancel_order(
                    order_id=self.orders[name].pk, reason="changed mind", by=None, now=self.now
                )

    def paid_by_gift_card(self, book: Variant) -> None:
        """A card that pays a part of an order, and one that nobody spent in time."""
        _, code = gift_cards.make_card(self.chain, "1000", now=self.now)
        basket = self.chain.basket((book, 1), now=self.now)
        tenders.apply_gift_card(token=basket.token, code=code, now=self.now)
        checkout = self.chain.checkout(basket)
        self.orders["gift"] = placing.place_order(checkout=checkout, by=None, now=self.now).order
        over, _ = gift_cards.make_card(self.chain, "600", now=self.now)
        GiftCard.objects.filter(pk=over.pk).update(expires_on=self.now.date() - timedelta(days=2))
        assert expire_cards(now=self.now) == 1

    def exchanged(self) -> None:
        """One title for another at the same price; the first is here again."""
        old, new = self.chain.variant(price="1200.00"), self.chain.variant(price="1200.00")
        order = self.place("exchanged", (old, 1), payment_method="BANK_TRANSFER")
        self.pay(order, str(order.total))
        self.deliver(self.send(order))
        done = exchanges.exchange(order_id=order.pk, wanted=swap(old, new), by=None, now=self.now)
        arrives(self.chain, done.returned, now=self.now)

    def route(self, order: Order) -> list[Shipment]:
        decision = routing.propose_routing(order_id=order.pk, now=self.now)
        assert decision.proposal is not None
        routing.ratify_routing(
            public_id=decision.proposal.public_id, by=self.chain.dragan, now=self.now, limit=None
        )
        return list(Shipment.objects.filter(order=order))

    def send(self, order: Order) -> Shipment:
        (shipment,) = self.route(order)
        picks = [
            stock.Pick(claim.sku, claim.bin, claim.quantity) for claim in order_claims(order_id=order.pk)
        ]
        stock.pick(shipment_id=shipment.pk, picks=picks, by=self.chain.bojan, now=self.now)
        parcels = [stock.ParcelSpec(700)]
        stock.pack(shipment_id=shipment.pk, parcels=parcels, by=self.chain.bojan, now=self.now)
        goods.dispatch_shipment(shipment_id=shipment.pk, by=self.chain.bojan, now=self.now)
        return Shipment.objects.select_related("service__carrier").get(pk=shipment.pk)

    def adjust(self, variant: Variant, place: Location, delta: int) -> None:
        """The shelf holds something else than the rows say; claims that it cannot carry give way."""
        goods.adjust_stock(
            variant_id=variant.pk,
            location_id=place.pk,
            bin_id=None,
            delta=delta,
            reason="COUNT",
            reference="counted",
            displace=True,
            by=self.chain.bojan,
            now=self.now,
        )

    def deliver(self, shipment: Shipment) -> None:
        """At the door, and the courier's list with the cash."""
        goods.deliver(shipment_id=shipment.pk, by=None, now=self.now)
        Parcel.objects.filter(shipment=shipment).update(tracking_number=f"PE{shipment.pk}")
        assert shipment.service is not None
        money.import_courier_remittance(
            carrier_code=shipment.service.carrier.code,
            text="line_key,tracking_number,amount,fee,paid_on\n"
            f"r{shipment.pk},PE{shipment.pk},{shipment.cod_amount},0.00,{self.now.date()}\n",
            by=None,
            now=self.now,
        )

    def sold_and_partly_returned(self, book: Variant) -> None:
        order = self.place("sold", (book, 3))
        self.deliver(self.send(order))
        asked = returns.request_return(
            order_id=order.pk,
            lines=[returns.Asked(book.sku, 1, "DAMAGED")],
            by=None,
            now=self.now,
            buyer_id_kind="20",
            buyer_id="012345678",
        )
        returns.receive_return(
            number=asked.number,
            location_code="S-001",
            lines=[returns.Arrived(book.sku, 1, "RESTOCK")],
            by=self.chain.bojan,
            now=self.now,
            bank_account=ACCOUNT,
        )
        refund = Refund.objects.get(parent_return=asked)
        finance.settle_refund(refund_id=refund.pk, by=None, now=self.now)

    def kit_sent(self, kit: Variant) -> None:
        order = self.place("kit_sold", (kit, 2))
        self.deliver(self.send(order))

    def companies(self, odd: Variant) -> None:
        """One outside SEF, one inside: a fiscal receipt with an invoice, and an advance invoice closed by a final one."""
        for name, is_registered in (("company", False), ("sef", True)):
            if is_registered:
                Customer.objects.filter(pib="100000024").update(is_sef_registered=True)
            order = self.place(
                name,
                (odd, 1),
                payment_method="BANK_TRANSFER",
                company=Company("Firma d.o.o.", "100000024", "20998873"),
            )
            self.pay(order, "1549.00")
            self.send(order)

    def canceled_after_payment(self, book: Variant) -> None:
        order = self.place("canceled", (book, 1), payment_method="BANK_TRANSFER")
        self.pay(order, "1390.00")
        cancellation.cancel_order(order_id=order.pk, reason="changed mind", by=None, now=self.now)

    def pay(self, order: Order, amount: str) -> None:
        self.lines += 1
        reference = Payment.objects.get(order=order).reference
        report = money.import_bank_statement(
            account=self.chain.entity.bank_account,
            text="line_key,booked_on,amount,currency,reference,payer,payer_account,purpose\n"
            f"b{self.lines},{self.now.date()},{amount},RSD,{reference},Ana,265-0000000000017-57,uplata\n",
            by=None,
            now=self.now,
        )
        assert report.matched == 1, report

    def sent_to_store(self) -> None:
        """One unit on its way to the store where its shopper collects it."""
        to_store.offer_ship_to_store(self.chain)
        title = self.chain.variant(price="700.00", stock=3)
        order = self.place(
            "to_store", (title, 1), delivery_method="SHIP_TO_STORE", pickup_location=self.chain.store.code
        )
        self.route(order)
        transfer = Transfer.objects.get(order=order)
        transfers.ship_transfer(transfer_id=transfer.pk, by=self.chain.bojan, now=self.now)

    def ordered_ahead(self) -> None:
        """Two units of a title that is nowhere yet; a delivery in eight days brings five."""
        title = self.chain.variant(price="800.00", stock=0)
        comes = (self.now + timedelta(days=8)).date()
        preorders.bought(self.chain, (title, 5), on=comes, now=self.now)
        self.orders["ahead"] = preorders.ahead(self.chain, title, 2, now=self.now)

    def transferred(self, book: Variant) -> None:
        """One on its way to the store, one still on the shelves."""
        for is_sent in (True, False):
            transfer = transfers.request_transfer(
                source_id=self.chain.warehouse.pk,
                target_id=self.chain.store.pk,
                lines=[transfers.WantedUnits(book.pk, 2)],
                by=self.chain.bojan,
                now=self.now,
            )
            if is_sent:
                transfers.ship_transfer(transfer_id=transfer.pk, by=self.chain.bojan, now=self.now)

    def member(self) -> None:
        LoyaltyProgram.objects.create(valid_from=self.now - timedelta(days=400))
        Tier.objects.create(code="gold", rank=2, name="Zlatni", spend_from=10_000_000)
        account = LoyaltyAccount.objects.create(
            customer=Customer.objects.create(name="Član"),
            number="1000001",
            tier=Tier.objects.create(code="basic", rank=1, name="Osnovni", spend_from=0),
            points=20,
        )
        LoyaltyEntry.objects.create(
            account=account,
            points=20,
            reason="EARNED",
            source_kind="order",
            source_key="x",
            expires_on=self.now.date(),
        )
