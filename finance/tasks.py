"""Doors for the worker: read the clock, call one verb. The rows are the truth, so a task that is lost or doubled changes nothing."""

from __future__ import annotations

import logging

from celery import shared_task
from django.conf import settings
from django.core.cache import cache
from django.db import DataError

from crm import operations as crm
from finance import workflows as money
from finance.operations import bell
from finance.providers import sef, sef_documents
from finance.workflows import digital, gift_cards, loyalty
from retail.kernel.clock import now
from retail.kernel.context import acting
from retail.kernel.outside import ProviderError
from retail.kernel.ringing import is_first

logger = logging.getLogger(__name__)

# A ring that got lost is forgotten after a second.
BELL_SECONDS = 1
REGISTER_IS_FRESH = "finance:register"
HOUR_SECONDS, DAY_SECONDS = 3_600, 86_400


def _bell(kind: str) -> str:
    return f"bell:{kind}"


@shared_task
def sign_receipts() -> None:
    cache.delete(_bell(bell.RECEIPTS))
    with acting(label="job:finance.sign_receipts"):
        money.sign_receipts(now=now())


@shared_task
def process_events() -> None:
    cache.delete(_bell(bell.EVENTS))
    with acting(label="job:finance.process_events"):
        money.process_events(now=now())


@shared_task
def send_refunds() -> None:
    cache.delete(_bell(bell.REFUNDS))
    with acting(label="job:finance.send_refunds"):
        money.send_refunds(now=now())


@shared_task
def void_authorizations() -> None:
    cache.delete(_bell(bell.VOIDS))
    with acting(label="job:finance.void_authorizations"):
        money.void_authorizations(now=now())


@shared_task
def settle_captures() -> None:
    with acting(label="job:finance.settle_captures"):
        money.settle_captures(now=now())


@shared_task
def poll_payments() -> None:
    with acting(label="job:finance.poll_payments"):
        money.poll_payments(now=now())


@shared_task
def report_unsent_captures() -> None:
    with acting(label="job:finance.report_unsent_captures"):
        money.report_unsent_captures(now=now())


@shared_task
def send_einvoices() -> None:
    """What is to be sent, withdrawn and asked, in this order: a paper waits for its source, not the other way round."""
    cache.delete(_bell(bell.EINVOICES))
    with acting(label="job:finance.send_einvoices"):
        if not sef_documents.is_configured():
            return
        moment = now()
        money.submit_einvoices(now=moment)
        money.withdraw_einvoices(now=moment)
        money.poll_einvoices(now=moment)
        money.tell_decisions(now=moment)
        money.send_vat_records(now=moment)


@shared_task
def read_sef() -> None:
    """Once a day: what changed yesterday, and the key of tomorrow's messages, of each company."""
    with acting(label="job:finance.read_sef"):
        for entity in sef_documents.clients():
            try:
                money.read_changes(entity=entity, now=now())
                money.subscribe_to_sef(entity=entity, now=now())
            except ProviderError as error:
                logger.warning("SEF told %s nothing today: %s", entity.code, error)


@shared_task
def renew_register() -> None:
    """Once a day, first when a house is new. An answer that does not come, or is not whole, leaves the copy as it was."""
    if not settings.SEF_URL or not cache.add(REGISTER_IS_FRESH, True, DAY_SECONDS):
        return
    with acting(label="job:finance.renew_register"):
        try:
            crm.renew_register(told=sef.from_settings(is_for_the_list=True).companies())
        except (ProviderError, DataError, crm.ListNotWhole) as error:
            cache.set(REGISTER_IS_FRESH, False, HOUR_SECONDS)
            logger.warning("the register of companies stays as it was: %s", error)


@shared_task
def pull_purchases() -> None:
    with acting(label="job:finance.pull_purchases"):
        for entity in sef_documents.clients():
            try:
                money.pull_purchases(entity=entity, now=now())
            except ProviderError as error:
                logger.warning("SEF showed %s no documents: %s", entity.code, error)


@shared_task
def keep_points() -> None:
    """Once a night: points past their day go, and members stand where their spending puts them."""
    with acting(label="job:finance.keep_points"):
        loyalty.expire_points(now=now())
        loyalty.retier(now=now())


@shared_task
def deliver_gift_cards() -> None:
    with acting(label="job:finance.deliver_gift_cards"):
        gift_cards.deliver_due_cards(now=now())


@shared_task
def deliver_files() -> None:
    with acting(label="job:finance.deliver_files"):
        digital.deliver_due_files(now=now())


@shared_task
def expire_gift_cards() -> None:
    """Once a night: what is on cards past their last day."""
    with acting(label="job:finance.expire_gift_cards"):
        gift_cards.expire_cards(now=now())


def ring(kind: str) -> None:
    """One ring of a kind at a time: whoever commits while it waits is seen by the same run, which ends it before it reads."""
    if is_first(_bell(kind), BELL_SECONDS):
        ON_BELL[kind].delay()


# What a verb rings for after its commit; the sweeps of every minute do the same without a bell.
ON_BELL = {
    bell.RECEIPTS: sign_receipts,
    bell.EVENTS: process_events,
    bell.REFUNDS: send_refunds,
    bell.VOIDS: void_authorizations,
    bell.EINVOICES: send_einvoices,
}
