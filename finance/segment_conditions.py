"""What the segment language may ask of the books: who owes us money."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from crm.segments import ORDERED, Condition, Fragment, Kind, Leaf, register
from crm.segments.tree import Money
from crm.segments.writing import exists, moment, summed
from retail.kernel.clock import BUSINESS_ZONE, business_date

_BOOKS = _("Bookkeeping")
# What an order owes now. A paper that another one replaces is the same debt, so orders are counted, not papers.
_OWED = "o.due_total - o.captured_total + o.refunded_total"


def register_conditions() -> None:
    register(
        Condition(
            name="overdue",
            words=_("Invoice overdue"),
            help=_("An invoice is past its day of payment and its order is not paid."),
            group=_BOOKS,
            arguments={"by": Kind("duration", _("by more than"))},
            compile=_overdue,
        ),
        Condition(
            name="credit",
            words=_("Open credit"),
            help=_("What the account owes us on invoices."),
            group=_BOOKS,
            value=Kind("money", _("amount")),
            operators=ORDERED,
            compile=_credit,
        ),
    )


def _overdue(leaf: Leaf, now: datetime) -> Fragment:
    by = leaf.argument("by")
    day = business_date(now if by is None else moment(by, now, BUSINESS_ZONE))
    rows = Fragment(
        "FROM oms_order o JOIN finance_invoice i ON i.order_id = o.id WHERE i.kind = 'INVOICE' AND NOT i.is_imported "
        f"AND i.due_on < %s AND o.status <> 'CANCELED' AND {_OWED} > 0",
        (day,),
    )
    return exists(rows, "o.customer_id")


def _credit(leaf: Leaf, now: datetime) -> Fragment:
    """In one currency: the amount's own, or that of the house."""
    amount = leaf.values[0]
    currency = (
        "%s"
        if isinstance(amount, Money)
        else "(SELECT e.currency FROM kernel_legalentity e ORDER BY e.id LIMIT 1)"
    )
    rows = Fragment(
        "FROM oms_order o WHERE o.customer_id IS NOT NULL AND o.status <> 'CANCELED' AND NOT o.is_imported "
        f"AND {_OWED} > 0 AND o.currency = {currency} "
        "AND EXISTS (SELECT 1 FROM finance_invoice i WHERE i.order_id = o.id AND i.kind = 'INVOICE')",
        (amount.currency,) if isinstance(amount, Money) else (),
    )
    return summed(rows, account="o.customer_id", value=f"sum({_OWED})", leaf=leaf)
