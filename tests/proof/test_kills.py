"""kill -9 of web, worker and PostgreSQL at the fail points of checkout and dispatch.

The client asks again with its key and gets one order; what was acknowledged is there; the doctor finds nothing. The servers are
durable, as in real life. `make test` plays five of these deaths, `make proof` all of them (ONEROW_PROOF=1).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest
from pytest_django.plugin import DjangoDbBlocker

from retail.kernel import failpoints
from tests.proof.house import KILL, WAIT, House, opened, wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("servers"),
]
BUYER = "100000024"
COMPANY = {"name": "Firma d.o.o.", "pib": BUYER, "registration_number": "20998873"}
IS_PROOF = bool(os.environ.get("ONEROW_PROOF"))
# (who dies, where)
DEATHS = [
    *(("web", point) for point in (*failpoints.CHECKOUT, *failpoints.DISPATCH)),
    *(("worker", point) for point in failpoints.WORKER),
    *(("postgres", point) for point in (*failpoints.CHECKOUT, *failpoints.DISPATCH, *failpoints.WORKER)),
]
SHORT = {
    ("web", "order.written"),
    ("web", "order.committed"),
    ("web", "dispatch.written"),
    ("worker", "event.handled"),
    ("postgres", "order.written"),
}


@pytest.fixture(scope="module")
def house(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[House]:
    with django_db_blocker.unblock(), opened() as ready:
        yield ready


def strike(house: House, who: str, point: str) -> threading.Thread | None:
    """Arms the point. PostgreSQL dies while somebody stands there, the others die by themselves."""
    if who != "postgres":
        house.arm(point, KILL)
        return None
    house.arm(point, WAIT)

    def die() -> None:
        wait_for(house.is_reached, about=point)
        house.kill_postgres()
        house.let_go()

    dying = threading.Thread(target=die)
    dying.start()
    return dying


# A parcel is needed first, and the act is its dispatch.
AT_DISPATCH = (*failpoints.DISPATCH, "receipt.signed")


@pytest.mark.parametrize(
    ("who", "point"), [death for death in DEATHS if IS_PROOF or death in SHORT], ids=lambda value: str(value)
)
def test_death_loses_nothing_and_does_nothing_twice(house: House, who: str, point: str) -> None:
    key = f"{who}-{point}"
    is_dispatch = point in AT_DISPATCH
    subject = house.packed(key) if is_dispatch else house.basket()
    house.settle()
    dying = strike(house, who, point)
    if is_dispatch:
        dispatched(house, key, subject)
    else:
        house.order(key, subject, method="CARD" if point in failpoints.CHECKOUT else "CASH_ON_DELIVERY")
    wait_for(house.is_reached, about=f"{point}: nobody came by")
    if dying is not None:
        dying.join()
    house.assert_whole()
    assert house.sql("SELECT count(*) FROM oms_order WHERE idempotency_key = %s", key) == [(1,)]
    if is_dispatch:
        assert_sent_once(house, key)


def dispatched(house: House, key: str, shipment: str) -> None:
    """Asks until the parcel has left; whoever asks again after it left is told so."""
    answer = house.insist("POST", f"/shipments/{shipment}/dispatch", key=f"{key}-go", body={})
    assert answer.status_code == 200 or answer.json()["code"] == "ILLEGAL_MOVE", answer.text


def assert_sent_once(house: House, key: str) -> None:
    """One parcel, one charge, one receipt, whoever died in between."""
    number = house.acknowledged[key]
    (order,) = house.sql("SELECT id, total, captured_total FROM oms_order WHERE number = %s", number)
    assert house.sql("SELECT status FROM warehouse_shipment WHERE order_id = %s", order[0]) == [
        ("DISPATCHED",)
    ]
    captures = house.sql(
        "SELECT c.state, c.amount FROM finance_capture c JOIN finance_payment p ON p.id = c.payment_id WHERE p.order_id = %s",
        order[0],
    )
    assert captures == [("DONE", order[1])]
    assert order[2] == order[1]
    receipts = house.sql(
        "SELECT kind, transaction, state FROM finance_fiscalreceipt WHERE order_id = %s", order[0]
    )
    assert receipts == [("NORMAL", "SALE", "SIGNED")]


@pytest.mark.skipif(not IS_PROOF, reason="played by `make proof`")
@pytest.mark.parametrize("who", ["worker", "postgres"])
@pytest.mark.parametrize("point", failpoints.EINVOICE)
def test_death_between_sef_and_our_row_leaves_one_document_there(house: House, who: str, point: str) -> None:
    key = f"{who}-{point}"
    house.register_at_sef(BUYER)
    shipment = house.packed(key, method="CASH_ON_DELIVERY", company=COMPANY)
    house.settle()
    dying = strike(house, who, point)
    dispatched(house, key, shipment)
    wait_for(house.is_reached, about=f"{point}: nobody came by")
    if dying is not None:
        dying.join()
    house.assert_whole()
    number = wait_for(lambda: house.stored_at_sef(key), about="the invoice at SEF")
    assert [row["number"] for row in house.at_sef() if row["number"] == number] == [number]


@pytest.mark.skipif(not IS_PROOF, reason="played by `make proof`")
def test_orders_acknowledged_while_postgres_dies_are_all_there(house: House) -> None:
    """Four shoppers order all the time while the server is killed twice under them."""
    done = threading.Event()

    def shop(number: int) -> None:
        for turn in range(200):
            if done.is_set():
                return
            house.order(
                f"load-{number}-{turn}", house.basket(title=1 + number % 4), method="CASH_ON_DELIVERY"
            )

    shoppers = [threading.Thread(target=shop, args=(number,)) for number in range(4)]
    for shopper in shoppers:
        shopper.start()
    for kills in range(1, 3):
        wait_for(lambda n=kills: len(house.acknowledged) >= 5 * n, about="some orders")  # type: ignore[misc]
        house.kill_postgres()
    before = len(house.acknowledged)
    wait_for(lambda: len(house.acknowledged) >= before + 4, about="orders after the server came back")
    done.set()
    for shopper in shoppers:
        shopper.join()
    house.assert_whole()


@pytest.mark.skipif(not IS_PROOF, reason="played by `make proof`")
@pytest.mark.parametrize("how", ["SIGKILL", "SIGSTOP"])
def test_orders_of_the_time_without_a_doorbell_are_worked_off_when_it_is_back(house: House, how: str) -> None:
    """The worker and the scheduler find it again by themselves, emptied or as it was."""
    house.settle()
    house.strike_valkey(how)
    for number in range(3):
        house.order(f"silent-{how}-{number}", house.basket(title=number), method="CASH_ON_DELIVERY")
    house.bring_valkey_back()
    house.assert_whole()


def test_servers_of_this_house_are_durable_and_the_trace_is_whole(house: House) -> None:
    """The last one: after all the deaths."""
    said = {
        name: house.sql(f"SHOW {name}")[0][0] for name in ("fsync", "synchronous_commit", "full_page_writes")
    }
    assert set(said.values()) == {"on"}
    house.assert_trace_whole()


def test_every_point_is_played() -> None:
    played = {point for _, point in DEATHS}
    # The points of electronic invoices have a test of their own.
    assert played == {*failpoints.CHECKOUT, *failpoints.DISPATCH, *failpoints.WORKER}
    assert set(DEATHS) >= SHORT
