"""Staff bound to companies see the orders, papers and books of these and of no other; so do the keys that are theirs."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from finance import workflows as money
from finance.models import BankStatementLine, FiscalReceipt, Invoice, JournalEntry, Payment
from oms.models import Order
from oms.workflows.checkout import Company
from retail.access_table import staff_pages
from retail.kernel.access import VIEW_FINANCE, VIEW_ORDERS
from retail.kernel.models import LegalEntity, User
from retail.rest.keys import issue_key
from tests.flows.chain import NOW, Chain, make_chain
from tests.flows.test_lifecycle import send
from tests.staff import client_of, make_staff
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db

# What is the same for every company: the chart of accounts and the forms above lists.
SHARED = re.compile(r"/ops/finance/(accounts|periods)/")


@pytest.fixture
def chain(db: None) -> Chain:
    return make_chain()


@pytest.fixture
def sold(chain: Chain) -> Order:
    """A company's order, paid by transfer and sent: entries, a payment, a bank line, receipts and an invoice."""
    order = chain.place(
        (chain.variant(price="1000.00"), 1),
        payment_method="BANK_TRANSFER",
        company=Company("Firma d.o.o.", "101134702", "17862146"),
    )
    payment = Payment.objects.get(order=order)
    money.import_bank_statement(
        account=chain.entity.bank_account,
        text="line_key,booked_on,amount,currency,reference,payer,payer_account,purpose\n"
        f"b1,{NOW.date()},{order.total},RSD,{payment.reference},Firma,265-0000000000017-57,uplata\n",
        by=None,
        now=NOW,
    )
    send(chain, order)
    for rows in (JournalEntry, Payment, BankStatementLine, FiscalReceipt, Invoice):
        assert rows._default_manager.exists(), rows
    order.refresh_from_db()
    return order


def bound(*entities: LegalEntity, role: str = "ACCOUNTANT") -> User:
    user = make_staff(role)
    user.entities.set(entities)
    return user


@pytest.fixture
def druga(chain: Chain) -> LegalEntity:
    return LegalEntity.objects.create(
        code="DRUGA", name="Druga d.o.o.", pib="100000024", bank_account="160-0000000000017-57"
    )


def shown(client: Client) -> set[str]:
    """The records that the lists link to."""
    found: set[str] = set()
    for page in staff_pages():
        if "<" in page.address or page.permission not in (VIEW_FINANCE, VIEW_ORDERS):
            continue
        answer = client.get(f"/{page.address.lstrip('/')}")
        if answer.status_code == 200:
            found |= set(
                re.findall(r'href="(/ops/(?:finance/[a-z]+|orders)/[^"?#]+)"', answer.content.decode())
            )
    return {address for address in found if not SHARED.match(address)} & {
        address for address in found if re.search(r"\d|ORD-", address)
    }


def test_what_is_not_of_their_company_is_not_there(chain: Chain, sold: Order, druga: LegalEntity) -> None:
    everything = shown(client_of(make_staff("ACCOUNTANT")))
    kinds = {address.split("/")[3] for address in everything if address.startswith("/ops/finance/")}
    assert {"entries", "invoices", "receipts", "payments", "statements"} <= kinds, everything
    assert f"/ops/orders/{sold.number}/" in everything
    assert shown(client_of(bound(chain.entity))) == everything
    stranger = client_of(bound(druga))
    assert shown(stranger) == set()
    with nothing_changes():
        assert {address: stranger.get(address).status_code for address in everything} == dict.fromkeys(
            everything, 404
        )


def test_acts_on_what_is_not_theirs_change_nothing(chain: Chain, sold: Order, druga: LegalEntity) -> None:
    stranger = client_of(bound(druga, role="ACCOUNTANT"))
    line, receipt = BankStatementLine.objects.get(), FiscalReceipt.objects.order_by("pk")[0]
    payment = Payment.objects.get(order=sold)
    with nothing_changes():
        for address in (
            f"/ops/finance/statements/{line.pk}/match/",
            f"/ops/finance/receipts/{receipt.pk}/retry/",
            f"/ops/finance/payments/{payment.public_id}/ask/",
        ):
            assert stranger.post(address, {"order": sold.number}).status_code == 404, address
    lead = client_of(bound(druga, role="OPS_LEAD"))
    with nothing_changes():
        assert lead.post(f"/ops/orders/{sold.number}/hold/", {"reason": "x"}).status_code == 404


def test_a_key_sees_what_its_user_sees(chain: Chain, sold: Order, druga: LegalEntity) -> None:
    scopes = ["orders:read", "finance:read", "finance:write"]

    def key_of(user: User) -> Client:
        _, clear = issue_key(
            name="k", user=user, scopes=scopes, now=timezone.now(), expires_at=timezone.now() + timedelta(1)
        )
        return Client(headers={"authorization": f"Bearer {clear}"})

    mine, strange = (key_of(bound(one, role="INTEGRATOR")) for one in (chain.entity, druga))
    paper = Invoice.objects.order_by("pk")[0].number
    for address in ("orders", "invoices", "ledger/entries", "bank-statements"):
        assert mine.get(f"/api/v1/{address}").json()["results"], address
        assert strange.get(f"/api/v1/{address}").json()["results"] == [], address
    for address in (f"orders/{sold.number}", f"invoices/{paper}", f"invoices/{paper}/pdf"):
        assert mine.get(f"/api/v1/{address}").status_code == 200, address
        assert strange.get(f"/api/v1/{address}").status_code == 404, address
    assert strange.get("/api/v1/ledger/trial-balance").json()["entity"] == "DRUGA"
    with nothing_changes():
        body = {"account": chain.entity.bank_account, "csv": "line_key,booked_on,amount,currency\n"}
        answer = strange.post("/api/v1/bank-statements", body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (404, "UNKNOWN_ENTITY")
