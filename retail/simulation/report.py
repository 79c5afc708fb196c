"""What a run prints: the seed, how often each fault struck, how many orders ended in each state, and what the doctor says."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import F, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from audit.operations import verify
from finance.models import Refund
from oms.models import Exchange, LineDiscount, Order, OrderException
from retail.doctor.examine import Finding, examine
from retail.simulation.stage import Tally

# Everything that a run leaves, apart from what is random on purpose (tokens, public ids, codes) and the real clock.
_TRACES = (
    "SELECT number, status, payment_status, fulfillment_status, total, due_total, captured_total, refunded_total FROM oms_order ORDER BY id",
    "SELECT s.variant_id, b.location_id, b.code, s.on_hand, s.reserved FROM warehouse_stockitem s JOIN warehouse_bin b ON b.id = s.bin_id ORDER BY s.id",
    "SELECT a.code, sum(l.debit), sum(l.credit) FROM finance_journalline l JOIN finance_ledgeraccount a ON a.id = l.account_id GROUP BY 1 ORDER BY 1",
    "SELECT kind, transaction, state, count(*), sum(total) FROM finance_fiscalreceipt GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
    "SELECT d.code, d.amount, d.tax_share FROM oms_linediscount d ORDER BY d.line_id, d.id",
    "SELECT c.number, e.reason, e.points FROM crm_loyaltyentry e JOIN crm_loyaltyaccount c ON c.id = e.account_id ORDER BY e.id",
    "SELECT r.number, o.number, e.state, e.credit FROM oms_exchange e JOIN oms_return r ON r.id = e.returned_id JOIN oms_order o ON o.id = e.order_id ORDER BY e.id",
    "SELECT topic, count(*) FROM kernel_outboxevent GROUP BY 1 ORDER BY 1",
)


@dataclass
class Report:
    seed: int
    orders_asked: int
    tally: Tally
    fired: dict[str, int]
    seconds: float
    findings: list[Finding] = field(default_factory=list)
    chain: str = ""
    states: Counter[str] = field(default_factory=Counter)
    exceptions: Counter[str] = field(default_factory=Counter)
    # Lines that a discount lowered, by its action and for whom it is.
    discounts: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    # Exchanges by how they ended, what became of what was to come back, and how what is dearer is paid.
    exchanges: Counter[str] = field(default_factory=Counter)
    # Orders in which something is still to be done that nobody was told of.
    stuck: list[str] = field(default_factory=list)
    fingerprint: str = ""

    @property
    def is_clean(self) -> bool:
        return not (self.findings or self.chain or self.tally.crashes or self.tally.broken or self.stuck)

    def as_json(self) -> dict[str, Any]:
        return {
            "ok": self.is_clean,
            "seed": self.seed,
            "orders": self.orders_asked,
            "seconds": round(self.seconds, 1),
            "fingerprint": self.fingerprint,
            "kinds": dict(sorted(self.kinds.items())),
            "states": dict(sorted(self.states.items())),
            "faults": dict(sorted(self.faults.items())),
            "exceptions": dict(sorted(self.exceptions.items())),
            "discounts": dict(sorted(self.discounts.items())),
            "exchanges": dict(sorted(self.exchanges.items())),
            "acts": dict(sorted(self.tally.acts.items())),
            "refusals": dict(sorted(self.tally.refusals.items())),
            "stuck": self.stuck,
            "broken": self.tally.broken,
            "crashes": [
                {"act": crash.act, "at": crash.at.isoformat(), "error": crash.error}
                for crash in self.tally.crashes
            ],
            "doctor": [finding.as_json() for finding in self.findings],
            "chain": self.chain,
        }

    @property
    def faults(self) -> Counter[str]:
        return self.tally.faults + Counter(self.fired)


def examine_all(report: Report) -> None:
    """The end of every run: all invariants, the trace from its beginning, and what became of the orders."""
    report.findings = [finding for finding in examine() if finding.violations]
    if (gap := verify()) is not None:
        report.chain = f"{gap.what}: entry {gap.entry_id}"
    report.states = Counter(
        f"{status} / {payment} / {fulfillment}"
        for status, payment, fulfillment in Order.objects.values_list(
            "status", "payment_status", "fulfillment_status"
        )
    )
    report.kinds = Counter(
        f"{channel} / {payment} / {delivery} / {'company' if pib else 'account' if login else 'guest'}"
        for channel, payment, delivery, pib, login in Order.objects.values_list(
            "channel__code", "payment_method", "delivery_method", "company_pib", "customer__user"
        )
    )
    report.stuck = _stuck()
    report.exceptions = Counter(
        f"{kind} {state}" for kind, state in OrderException.objects.values_list("kind", "state")
    )
    report.discounts = Counter(
        f"{kind} / {audience}{' / campaign' if campaign else ''}"
        for kind, audience, campaign in LineDiscount.objects.values_list(
            "kind", "discount__audience", "campaign"
        )
    )
    report.exchanges = Counter(
        f"{state} / return {returned} / {method}{' / sent ahead' if ahead else ''}"
        for state, returned, method, ahead in Exchange.objects.values_list(
            "state", "returned__status", "order__payment_method", "sent_ahead_at"
        )
    )
    report.fingerprint = _fingerprint()


def unfinished_orders() -> QuerySet[Order]:
    return Order.objects.exclude(status__in=["COMPLETED", "CANCELED"])


def _stuck() -> list[str]:
    """After the last day every order is finished and keeps no money that is not ours, or a person was told why not."""
    known = OrderException.objects.filter(state="OPEN", order__isnull=False).values("order")
    returning = Refund.objects.filter(payment__order=OuterRef("pk"), state="PENDING").values("payment__order")
    told = [
        f"{order.number}: {order.status} / {order.payment_status} / {order.fulfillment_status}"
        for order in unfinished_orders().exclude(pk__in=known).order_by("pk")
    ]
    keeping = Order.objects.annotate(
        surplus=F("captured_total")
        - F("refunded_total")
        - F("due_total")
        - Coalesce(Subquery(returning.annotate(total=Sum("amount")).values("total")), Decimal("0.00"))
    ).filter(surplus__gt=0)
    told += [
        f"{order.number}: keeps {order.surplus} that nobody owes"
        for order in keeping.exclude(pk__in=known).order_by("pk")
    ]
    return told


def _fingerprint() -> str:
    digest = hashlib.sha256()
    with connection.cursor() as cursor:
        for sql in _TRACES:
            cursor.execute(sql)
            digest.update(repr(cursor.fetchall()).encode())
    return digest.hexdigest()[:16]


def lines(report: Report) -> list[str]:
    """For people."""
    told = [
        f"seed {report.seed}: {report.orders_asked} orders tried, {sum(report.states.values())} placed, {report.seconds:.0f} s"
    ]
    told += ["", "orders by channel / payment / delivery / buyer"]
    told += [f"  {count:5}  {kind}" for kind, count in sorted(report.kinds.items())]
    told += ["", "orders by state (order / payment / fulfillment)"]
    told += [f"  {count:5}  {state}" for state, count in sorted(report.states.items())]
    told += ["", "faults that struck"]
    told += [f"  {count:5}  {name}" for name, count in sorted(report.faults.items())] or ["         none"]
    told += ["", "exceptions"]
    told += [f"  {count:5}  {name}" for name, count in sorted(report.exceptions.items())]
    told += ["", "lines that a discount lowered (action / for whom)"]
    told += [f"  {count:5}  {kind}" for kind, count in sorted(report.discounts.items())] or ["         none"]
    told += ["", "exchanges (how they ended / what came back / how the new order is paid)"]
    told += [f"  {count:5}  {kind}" for kind, count in sorted(report.exchanges.items())] or ["         none"]
    told += ["", "acts"]
    told += [f"  {count:5}  {name}" for name, count in sorted(report.tally.acts.items())]
    told += ["", "refusals"]
    told += [f"  {count:5}  {name}" for name, count in sorted(report.tally.refusals.items())]
    told += ["", f"fingerprint {report.fingerprint}"]
    told += [f"STUCK  {sentence}" for sentence in report.stuck]
    for sentence in report.tally.broken:
        told.append(f"BROKEN PROMISE  {sentence}")
    for crash in report.tally.crashes:
        told.append(f"CRASH  {crash.act} at {crash.at:%Y-%m-%d %H:%M}: {crash.error}")
    for finding in report.findings:
        told.append(f"BROKEN  {finding.check.name}: {finding.violations} rows. {finding.check.protects}")
        told += [f"        {row}" for row in finding.rows[:5]]
    if report.chain:
        told.append(f"CHAIN  {report.chain}")
    told.append(
        "doctor: clean" if report.is_clean else f"NOT CLEAN. Play it again with --seed {report.seed}."
    )
    return told
