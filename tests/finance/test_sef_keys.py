"""Several companies of one group at SEF: each document goes by its seller's key, at that key's own pace, and no key is ever written down."""

from __future__ import annotations

import logging
from contextlib import nullcontext
from typing import Any

import pytest

from audit.models import LogEntry
from finance import tasks
from finance import workflows as money
from finance.models import EInvoice, PurchaseInvoice, SefSubscription
from finance.operations import einvoices
from finance.providers import sef_documents
from retail.logs import redacted
from tests.factories import make_channel, make_entity, make_location
from tests.finance.sef_world import Seller, state_of
from tests.finance.shop import Shop, open_exceptions

pytestmark = pytest.mark.django_db

OTHER_PIB = "100002803"


@pytest.fixture
def sister(seller: Seller, settings: Any) -> Seller:
    """Another company of the group, with another key."""
    entity = make_entity(code="izdavac", name="Izdavač Proba d.o.o.", pib=OTHER_PIB)
    settings.SEF_API_KEYS = {"izdavac": "key of the sister"}
    seller.stand.put("/admin/sef/keys", api_key="key of the sister", pib=OTHER_PIB)
    return Seller(Shop(entity, make_location(entity), make_channel(entity)), seller.stand)


def owners(seller: Seller) -> list[tuple[str, str, str]]:
    rows = seller.stand.http.get("/admin/sef/documents").json()["results"]
    return [(row["owner"], row["number"], row["status"]) for row in rows]


def test_each_document_goes_by_its_sellers_key(seller: Seller, sister: Seller) -> None:
    _, first = seller.sent_order()
    _, second = sister.sent_order()

    seller.work()

    assert owners(seller) == [
        (seller.shop.entity.pib, first.invoice.number, "Sent"),
        (OTHER_PIB, second.invoice.number, "Sent"),
    ]
    assert (state_of(first), state_of(second)) == ("SENT", "SENT")


def test_one_key_that_is_refused_does_not_hold_up_the_other(
    seller: Seller, sister: Seller, settings: Any
) -> None:
    settings.SEF_API_KEYS = {"izdavac": "a key that expired"}
    _, first = seller.sent_order()
    _, second = sister.sent_order()

    seller.work(2)

    assert owners(seller) == [(seller.shop.entity.pib, first.invoice.number, "Sent")]
    assert (state_of(second), second.error_code) == ("QUEUED", "KEY_REFUSED")
    settings.SEF_API_KEYS = {"izdavac": "key of the sister"}
    seller.work(3)
    assert state_of(second) == "SENT"


def test_papers_of_a_company_without_a_key_wait_and_a_person_is_told(
    seller: Seller, sister: Seller, settings: Any
) -> None:
    settings.SEF_API_KEYS = {}
    order, einvoice = sister.sent_order()

    seller.work()

    assert owners(seller) == []
    assert (state_of(einvoice), einvoice.error_code) == ("QUEUED", "KEY_MISSING")
    assert [kind for kind, _ in open_exceptions(order)] == ["PAPER_FAILED"]
    settings.SEF_API_KEYS = {"izdavac": "key of the sister"}
    seller.work()
    assert state_of(einvoice) == "SENT"
    assert open_exceptions(order) == []


def test_control_the_wrong_key_is_refused_by_sef(seller: Seller, sister: Seller, settings: Any) -> None:
    """What the right key protects from: SEF takes no document of another company."""
    settings.SEF_API_KEYS = {"izdavac": "sef-key"}
    _, einvoice = sister.sent_order()

    seller.work()

    assert (state_of(einvoice), einvoice.error_code) == (
        "REFUSED",
        "UBLSenderCompanyAndSenderCompanyIdentiferDoNotMatch",
    )
    assert owners(seller) == []


def test_withdrawals_and_suppliers_documents_go_by_the_companys_key(seller: Seller, sister: Seller) -> None:
    _, einvoice = sister.sent_order()
    sister.work()
    einvoice.refresh_from_db()
    money_of = {"supplier_name": "Izdavac d.o.o.", "amount": 220.5, "net": 200.45, "tax": 20.05}
    seller.stand.put("/admin/sef/purchases", number="OURS", buyer_pib=seller.shop.entity.pib, **money_of)
    seller.stand.put("/admin/sef/purchases", number="SISTERS", buyer_pib=OTHER_PIB, **money_of)

    tasks.pull_purchases()

    assert list(PurchaseInvoice.objects.order_by("pk").values_list("entity__code", "number")) == [
        (seller.shop.entity.code, "OURS"),
        ("izdavac", "SISTERS"),
    ]
    theirs = PurchaseInvoice.objects.get(number="SISTERS")
    money.decide_purchase(purchase_id=theirs.pk, is_accepted=True, comment="", by=None, now=sister.now)
    einvoices.request_withdrawal(einvoice_id=einvoice.pk, reason="Pogresan kupac", by=None, now=sister.now)
    sister.work(2)
    theirs.refresh_from_db()
    assert (theirs.status, theirs.failure) == ("Approved", "")
    assert state_of(einvoice) == "STORNO"


def test_the_days_changes_are_asked_of_each_company(seller: Seller, sister: Seller) -> None:
    tasks.read_sef()

    assert SefSubscription.objects.count() == 2
    seller.stand.fault("sef", "KEY_EXPIRED", operation="changes")
    tasks.read_sef()
    assert SefSubscription.objects.count() == 3


def test_pace_is_kept_for_each_key_apart(seller: Seller, sister: Seller, monkeypatch: Any) -> None:
    taken: list[str] = []

    def turn_of(api_key: str, pause_seconds: float) -> Any:
        taken.append(api_key)
        return nullcontext()

    monkeypatch.setattr(sef_documents, "turn_of", turn_of)
    monkeypatch.setattr(
        sef_documents, "from_settings", lambda *, api_key: seller.stand.sef(api_key=api_key, turn=None)
    )
    seller.sent_order()
    sister.sent_order()

    money.submit_einvoices(now=seller.now)

    assert taken == ["sef-key", "key of the sister"]


def test_no_key_is_ever_written_down(
    seller: Seller, sister: Seller, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    seller.sent_order()
    sister.sent_order()
    seller.stand.fault("sef", "KEY_EXPIRED", operation="upload")
    seller.work(3)

    assert EInvoice.objects.filter(state="SENT").count() == 2
    assert "key of the sister" not in caplog.text
    kept = str(list(LogEntry.objects.values())) + str(list(EInvoice.objects.values()))
    assert "key of the sister" not in kept
    assert redacted("ApiKey: 3f1c-22") == "ApiKey: [secret]"
