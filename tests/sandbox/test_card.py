"""The card provider through our own client: sessions, captures, voids, refunds, expiry, and each refusal."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import httpx
import pytest

from finance.providers.card import CardPayment, CardProvider
from retail.kernel.outside import ProviderRefused
from tests.sandbox.stand import CARD_EVENTS, SHOP, Stand, open_session

RSD = "RSD"


def authorized(outside: Stand, reference: str = "PAY-1", amount: str = "1299.00") -> CardProvider:
    provider = outside.card()
    open_session(provider, reference=reference, key=f"create {reference}", amount=amount)
    outside.choose(reference)
    return provider


def totals(payment: CardPayment | None) -> tuple[str, str, str, str, str]:
    assert payment is not None
    amounts = (payment.authorized, payment.captured, payment.refunded, payment.voided)
    return (payment.status, *(str(amount) for amount in amounts))  # type: ignore[return-value]


def test_session_leads_to_the_providers_own_page(outside: Stand) -> None:
    session = open_session(outside.card())

    assert session.status == "CREATED"
    assert session.redirect_url.startswith("http://localhost:8121/kartica/pay/")
    page = outside.http.get(session.redirect_url)
    assert page.status_code == 200
    assert "1.299,00 RSD" in page.text


def test_same_key_and_values_give_the_same_session(outside: Stand) -> None:
    provider = outside.card()

    first, again = open_session(provider), open_session(provider)

    assert again == first
    assert len(outside.http.get("/admin/messages").json()["results"]) == 0


def test_same_key_with_another_amount_is_refused(outside: Stand) -> None:
    provider = outside.card()
    open_session(provider)

    with pytest.raises(ProviderRefused) as refused:
        open_session(provider, amount="1300.00")

    assert (refused.value.status, refused.value.code) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert totals(provider.fetch(reference="PAY-1"))[0] == "CREATED"


def test_reference_is_taken_once(outside: Stand) -> None:
    provider = outside.card()
    open_session(provider)

    with pytest.raises(ProviderRefused) as refused:
        open_session(provider, key="another key")

    assert (refused.value.status, refused.value.code) == (409, "REFERENCE_EXISTS")


def test_unknown_reference_is_none(outside: Stand) -> None:
    assert outside.card().fetch(reference="PAY-404") is None


def test_wrong_key_is_refused(outside: Stand) -> None:
    with pytest.raises(ProviderRefused) as refused:
        open_session(outside.card(api_key="stolen"))

    assert (refused.value.status, refused.value.code) == (401, "UNAUTHORIZED")
    assert outside.card().fetch(reference="PAY-1") is None


@pytest.mark.parametrize(
    ("choice", "status", "message"),
    [
        ("approve", "AUTHORIZED", "payment.authorized"),
        ("decline", "DECLINED", "payment.declined"),
        ("fail_3ds", "FAILED_3DS", "payment.failed_3ds"),
        ("cancel", "CANCELED", "payment.canceled"),
    ],
)
def test_choice_of_the_shopper_decides_state_and_message(
    outside: Stand, choice: str, status: str, message: str
) -> None:
    provider = outside.card()
    session = open_session(provider)

    answer = outside.http.post(session.redirect_url, data={"choice": choice, "card": "visa-4242"})
    outside.deliver()

    assert answer.status_code == 303
    assert answer.headers["location"] == f"{SHOP}/order/secret/?reference=PAY-1&status={status}"
    payment = provider.fetch(reference="PAY-1")
    assert payment is not None
    assert payment.status == status
    assert payment.authorized == (Decimal("1299.00") if choice == "approve" else Decimal("0.00"))
    assert payment.card_label == ("Visa •• 4242" if choice == "approve" else "")
    assert outside.shop.kinds() == [message]
    assert str(outside.shop.requests[0].url) == CARD_EVENTS


def test_only_the_first_choice_counts(outside: Stand) -> None:
    provider = outside.card()
    session = open_session(provider)
    outside.http.post(session.redirect_url, data={"choice": "decline"})

    answer = outside.http.post(session.redirect_url, data={"choice": "approve"})

    assert answer.headers["location"].endswith("status=DECLINED")
    assert totals(provider.fetch(reference="PAY-1")) == ("DECLINED", "0.00", "0.00", "0.00", "0.00")
    assert outside.deliver() == 1


def test_captures_in_parts_then_void_of_the_rest(outside: Stand) -> None:
    provider = authorized(outside)

    first = provider.capture(reference="PAY-1", key="c1", amount=Decimal("500.00"), currency=RSD)
    second = provider.capture(reference="PAY-1", key="c2", amount=Decimal("299.00"), currency=RSD)
    after = provider.void(reference="PAY-1", key="v1")

    assert totals(first) == ("PARTLY_CAPTURED", "1299.00", "500.00", "0.00", "0.00")
    assert totals(second) == ("PARTLY_CAPTURED", "1299.00", "799.00", "0.00", "0.00")
    assert totals(after) == ("CAPTURED", "1299.00", "799.00", "0.00", "500.00")
    assert after.capturable == 0
    assert [(one.kind, one.key, str(one.amount)) for one in after.operations] == [
        ("CAPTURE", "c1", "500.00"),
        ("CAPTURE", "c2", "299.00"),
        ("VOID", "v1", "500.00"),
    ]


def test_refunds_in_parts_to_the_last_para(outside: Stand) -> None:
    provider = authorized(outside)
    provider.capture(reference="PAY-1", key="c1", amount=Decimal("1299.00"), currency=RSD)

    provider.refund(reference="PAY-1", key="r1", amount=Decimal("1298.99"), currency=RSD)
    after = provider.refund(reference="PAY-1", key="r2", amount=Decimal("0.01"), currency=RSD)

    assert totals(after) == ("CAPTURED", "1299.00", "1299.00", "1299.00", "0.00")


@pytest.mark.parametrize("repeats", [2, 5])
def test_capture_repeated_with_its_key_takes_the_money_once(outside: Stand, repeats: int) -> None:
    provider = authorized(outside)

    for _ in range(repeats):
        payment = provider.capture(reference="PAY-1", key="c1", amount=Decimal("1299.00"), currency=RSD)

    assert totals(payment) == ("CAPTURED", "1299.00", "1299.00", "0.00", "0.00")
    assert len(payment.operations) == 1
    outside.deliver()
    assert outside.shop.kinds() == ["payment.authorized", "payment.captured"]


def test_key_of_a_capture_cannot_serve_a_refund(outside: Stand) -> None:
    provider = authorized(outside)
    provider.capture(reference="PAY-1", key="c1", amount=Decimal("100.00"), currency=RSD)

    with pytest.raises(ProviderRefused) as refused:
        provider.refund(reference="PAY-1", key="c1", amount=Decimal("100.00"), currency=RSD)

    assert refused.value.code == "IDEMPOTENCY_KEY_REUSED"
    assert totals(provider.fetch(reference="PAY-1"))[3] == "0.00"


Act = Callable[[CardProvider], CardPayment]


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda p: p.capture(reference="PAY-1", key="x", amount=Decimal("799.01"), currency=RSD), "AMOUNT_ABOVE_AUTHORIZED"),
        (lambda p: p.refund(reference="PAY-1", key="x", amount=Decimal("500.01"), currency=RSD), "AMOUNT_ABOVE_CAPTURED"),
        (lambda p: p.capture(reference="PAY-1", key="x", amount=Decimal("1.00"), currency="EUR"), "WRONG_CURRENCY"),
        (lambda p: p.capture(reference="PAY-9", key="x", amount=Decimal("1.00"), currency=RSD), "NOT_FOUND"),
    ],
)  # fmt: skip
def test_refused_operation_moves_nothing(outside: Stand, act: Act, code: str) -> None:
    provider = authorized(outside)
    before = provider.capture(reference="PAY-1", key="c1", amount=Decimal("500.00"), currency=RSD)
    outside.deliver()

    with pytest.raises(ProviderRefused) as refused:
        act(provider)

    assert refused.value.code == code
    assert provider.fetch(reference="PAY-1") == before
    assert outside.deliver() == 0


def test_payment_that_was_not_approved_cannot_be_captured_or_voided(outside: Stand) -> None:
    provider = outside.card()
    open_session(provider)

    with pytest.raises(ProviderRefused, match="NOT_AUTHORIZED"):
        provider.capture(reference="PAY-1", key="c1", amount=Decimal("1.00"), currency=RSD)
    with pytest.raises(ProviderRefused, match="NOTHING_TO_VOID"):
        provider.void(reference="PAY-1", key="v1")


def test_authorization_ends_by_the_clock(outside: Stand) -> None:
    provider = authorized(outside)
    outside.deliver()
    outside.move_clock(7 * 24 * 3600 + 1)

    expired = outside.http.post("/admin/card/expire").json()
    outside.deliver()

    assert expired == {"expired": ["PAY-1"]}
    assert totals(provider.fetch(reference="PAY-1")) == ("EXPIRED", "1299.00", "0.00", "0.00", "1299.00")
    assert outside.shop.kinds() == ["payment.authorized", "payment.authorization_expired"]
    with pytest.raises(ProviderRefused, match="NOT_AUTHORIZED"):
        provider.capture(reference="PAY-1", key="c1", amount=Decimal("1.00"), currency=RSD)


def test_expiry_keeps_what_was_captured_before(outside: Stand) -> None:
    provider = authorized(outside)
    provider.capture(reference="PAY-1", key="c1", amount=Decimal("300.00"), currency=RSD)
    outside.move_clock(7 * 24 * 3600 + 1)

    assert totals(provider.fetch(reference="PAY-1")) == ("CAPTURED", "1299.00", "300.00", "0.00", "999.00")


def test_session_nobody_used_ends_by_the_clock(outside: Stand) -> None:
    provider = outside.card()
    session = open_session(provider)
    outside.move_clock(30 * 60)

    answer = outside.http.post(session.redirect_url, data={"choice": "approve"})

    assert answer.headers["location"].endswith("status=EXPIRED")
    assert totals(provider.fetch(reference="PAY-1"))[:2] == ("EXPIRED", "0.00")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"amount": {"amount": "0.00", "currency": "RSD"}}, "INVALID_AMOUNT"),
        ({"amount": {"amount": "-5.00", "currency": "RSD"}}, "INVALID_AMOUNT"),
        ({"amount": {"amount": "NaN", "currency": "RSD"}}, "INVALID_AMOUNT"),
        ({"amount": {"amount": "1e3", "currency": "RSD"}}, "INVALID_AMOUNT"),
        ({"amount": {"amount": "1.001", "currency": "RSD"}}, "INVALID_AMOUNT"),
        ({"amount": {"amount": "1.00", "currency": "dinar"}}, "INVALID_AMOUNT"),
        ({"amount": 5}, "INVALID_AMOUNT"),
        ({"reference": "a b"}, "INVALID_REFERENCE"),
        ({"reference": 7}, "INVALID_REFERENCE"),
        ({"notify_url": "http://shop.example/events"}, "URL_NOT_LOCAL"),
        ({"return_url": "javascript:alert(1)"}, "URL_NOT_LOCAL"),
        ({"return_url": "ftp://localhost/"}, "URL_NOT_LOCAL"),
        ({"card_number": "4242"}, "UNKNOWN_FIELD"),
    ],
)
def test_malformed_session_is_refused_and_leaves_nothing(
    outside: Stand, change: dict[str, object], code: str
) -> None:
    body = {
        "reference": "PAY-1",
        "amount": {"amount": "10.00", "currency": "RSD"},
        "return_url": SHOP,
        "notify_url": CARD_EVENTS,
    }

    answer = _create(outside, body | change, {"Idempotency-Key": "k"})

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert outside.card().fetch(reference="PAY-1") is None


def test_session_without_idempotency_key_is_refused(outside: Stand) -> None:
    assert _create(outside, {}, {}).json()["code"] == "IDEMPOTENCY_KEY_REQUIRED"


def _create(outside: Stand, body: dict[str, object], headers: dict[str, str]) -> httpx.Response:
    headers = {"Authorization": "Bearer card-key", **headers}
    return outside.http.post("/kartica/v1/payments", json=body, headers=headers)
