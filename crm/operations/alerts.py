"""Verbs of alerts: asked for, confirmed by whoever reads the mailbox, told once, ended by a link in every letter."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext as _

from crm.events import AlertAsked, AlertTold
from crm.models import Alert
from crm.states import AlertKind, AlertState
from retail.kernel.context import acting
from retail.kernel.errors import InvalidInput, NotFound
from retail.kernel.identifiers import parse_email
from retail.kernel.models import User
from retail.kernel.outbox import announce

LIVE = (AlertState.UNCONFIRMED, AlertState.WAITING)


class AlertNotFound(NotFound):
    code = "UNKNOWN_ALERT"


class InvalidAlert(InvalidInput):
    code = "INVALID_ALERT"


@transaction.atomic
def ask_to_be_told(
    *,
    kind: str,
    variant_id: int,
    channel_id: int,
    email: str,
    language: str,
    customer_id: int | None,
    is_proved: bool,
    price_seen: Decimal | None,
    by: User | None,
    now: datetime,
) -> Alert:
    """One live alert per address, kind and variant: asking again gives the same one. `is_proved`: the address is the login's own.

    Refuses InvalidAlert.
    """
    address = parse_email(email)
    if address is None:
        raise InvalidAlert(_("Write an e-mail address, for example ana@example.com."), field="email")
    if kind not in AlertKind.values or (kind == AlertKind.PRICE_DROP and price_seen is None):
        raise InvalidAlert(_("It has no price to fall."), field="kind")
    with acting(by=by):
        alert, is_new = Alert.objects.get_or_create(
            kind=kind,
            variant_id=variant_id,
            channel_id=channel_id,
            email=address,
            state__in=LIVE,
            defaults={
                "state": AlertState.WAITING if is_proved else AlertState.UNCONFIRMED,
                "confirmed_at": now if is_proved else None,
                "language": language,
                "customer_id": customer_id,
                "price_seen": price_seen,
                "created_at": now,
            },
        )
        if is_new:
            announce(AlertAsked(alert.pk, kind), subject=("alert", str(alert.pk)))
    return alert


@transaction.atomic
def confirm_alert(*, token: str, now: datetime) -> Alert:
    """The mailbox is theirs. Twice changes nothing. Refuses AlertNotFound."""
    alert = _locked(token)
    if alert.state == AlertState.UNCONFIRMED:
        alert.state, alert.confirmed_at = AlertState.WAITING, now
        alert.save(update_fields=["state", "confirmed_at"])
    return alert


@transaction.atomic
def end_alert(*, token: str, now: datetime) -> Alert:
    """No more of it. Twice changes nothing. Refuses AlertNotFound."""
    alert = _locked(token)
    if alert.state in LIVE:
        alert.state, alert.ended_at = AlertState.ENDED, now
        alert.save(update_fields=["state", "ended_at"])
    return alert


def mark_told(*, alert: Alert, now: datetime, basket_token: str = "") -> None:
    """In the caller's transaction, which holds the row's lock and writes the letter."""
    alert.state, alert.ended_at, alert.basket_token = AlertState.TOLD, now, basket_token
    alert.save(update_fields=["state", "ended_at", "basket_token"])
    announce(AlertTold(alert.pk, alert.kind), subject=("alert", str(alert.pk)))


def _locked(token: str) -> Alert:
    alert = Alert.objects.select_for_update().filter(token=token).first()
    if alert is None:
        raise AlertNotFound(_("There is no such alert."))
    return alert
