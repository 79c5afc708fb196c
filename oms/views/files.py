"""Paid files of an order, as its page in the back office shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from oms import operations as orders
from oms.models import DownloadGrant, Order, OrderLine
from oms.states import LineKind


@dataclass(frozen=True, slots=True)
class FileRow:
    """`state` is empty while it may be fetched, else why it may not."""

    line: OrderLine
    grant: DownloadGrant | None
    state: str


def files_of(order: Order, now: datetime) -> list[FileRow]:
    rows = []
    for line in order.lines.filter(kind=LineKind.DIGITAL).select_related("download").order_by("position"):
        grant = getattr(line, "download", None)
        state = _words(orders.ended_because(grant, now)) if grant else ""
        rows.append(FileRow(line, grant, state))
    return rows


def _words(reason: str) -> str:
    return {
        "": "",
        "REVOKED": _("given back"),
        "EXPIRED": _("the days are over"),
        "USED_UP": _("downloaded as often as agreed"),
    }[reason]
