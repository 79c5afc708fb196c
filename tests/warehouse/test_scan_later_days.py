"""A day that the buyer chose: on the handheld its shipment stands apart from today's work, with its day, at every station."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from oms.models import Order
from retail.front.formats import short_day_text
from retail.kernel.clock import business_date
from tests.flows.chain import Chain
from tests.warehouse.handheld import StandIn, begin, packed, picked_order, routed
from warehouse.models import Shipment

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_english")]


def for_later(shipment: Shipment) -> str:
    """The buyer of this shipment chose a day next week; what the pages say of it."""
    day = business_date(timezone.now()) + timedelta(days=6)
    Shipment.objects.filter(pk=shipment.pk).update(planned_on=day)
    Order.objects.filter(pk=shipment.order_id).update(wanted_on=day + timedelta(days=1))
    return f"leaves on {short_day_text(day, 'en')}"


def apart(page: Any) -> tuple[str, str]:
    """(what is for today, what is for later days)."""
    today, _, later = page.content.decode().partition('aria-labelledby="later"')
    return today, later.split("</section>")[0]


def waiting(client: Client, task: str) -> str:
    """What the first page says of a task."""
    text = client.get("/scan/").content.decode()
    return re.sub(r"<[^>]+>", " ", text.split(f'href="/scan/{task}/"')[1].split("</a>")[0])


def test_only_what_may_leave_today_is_picked_by_the_next_ones(chain: Chain, bojan: Client) -> None:
    now, then = chain.variant(), chain.variant()
    today = routed(chain, (now, 1))
    later = routed(chain, (then, 1))
    says = for_later(Shipment.objects.get(order=later))
    here, there = apart(bojan.get("/scan/pick/"))
    assert today.number in here and later.number not in here
    assert later.number in there and says in there
    assert "1" in waiting(bojan, "pick") and "2" not in waiting(bojan, "pick")
    begin(bojan)
    assert set(
        Shipment.objects.filter(claims__picker__isnull=False).values_list("order__number", flat=True)
    ) == {today.number}


def test_named_it_may_be_picked_before_its_day(chain: Chain, bojan: Client) -> None:
    order = routed(chain, (chain.variant(), 1))
    shipment = Shipment.objects.get(order=order)
    for_later(shipment)
    page = bojan.get("/scan/pick/")
    assert "Nothing to pick" in page.content.decode()
    found = re.search(r'name="scan_id" value="(\w+)"', page.content.decode())
    assert found is not None
    bojan.post("/scan/pick/take/", {"scan_id": found[1], "shipment": shipment.number})
    assert shipment.claims.get().picker_id is not None


def test_packing_and_dispatch_show_it_apart_until_its_day(
    chain: Chain, bojan: Client, carrier: StandIn
) -> None:
    shipment = picked_order(chain, bojan, (chain.variant(), 1))
    says = for_later(shipment)
    here, there = apart(bojan.get("/scan/pack/"))
    assert shipment.order.number not in here
    assert shipment.order.number in there and says in there
    packed(bojan, shipment, "640")
    here, there = apart(bojan.get("/scan/dispatch/"))
    assert "Nothing to dispatch" in here and shipment.order.number not in here
    assert shipment.order.number in there and says in there
    Shipment.objects.filter(pk=shipment.pk).update(planned_on=business_date(timezone.now()))
    here, there = apart(bojan.get("/scan/dispatch/"))
    assert shipment.order.number in here and there == ""
