"""What the worker and the scheduler do on a real day, in their order, with the simulated clock."""

from __future__ import annotations

from audit.operations import seal
from crm import operations as crm
from finance import workflows as money
from finance.workflows import digital
from oms.workflows import cancellation, exchange_money
from retail.kernel import idempotency, outbox
from retail.simulation.shoppers import NO_ANSWER
from retail.simulation.stage import Stage
from warehouse import operations as stock
from warehouse import workflows as goods

FISCAL_FAULTS = (*NO_ANSWER, "AUDIT_WARNING", "AUDIT_LOCKED", "CERTIFICATE_EXPIRED")


def react(stage: Stage, *, limit: int = 200) -> int:
    """Handlers of what was announced."""
    return stage.attempt("outbox", lambda: outbox.run_pending(now=stage.now, limit=limit)) or 0


def sweep(stage: Stage) -> None:
    """The jobs of every minute. Any of them may find nothing, and all may run beside the verbs."""
    now = stage.now
    stage.fault("card", *NO_ANSWER, operation="refund", probability=0.15)
    stage.fault("card", *NO_ANSWER, operation="void", probability=0.15)
    stage.fault("card", *NO_ANSWER, operation="fetch", probability=0.1)
    stage.fault("fiscal", *FISCAL_FAULTS, probability=0.3)
    stage.fault("carrier", *NO_ANSWER, operation="announce", probability=0.15)
    stage.fault("sef", *NO_ANSWER, operation="upload", probability=0.15)
    stage.fault("sef", *NO_ANSWER, operation="fetch", probability=0.1)
    for operation in ("cancel", "storno", "purchase", "decide"):
        stage.fault("sef", *NO_ANSWER, operation=operation, probability=0.05)
    jobs = {
        "process events": lambda: money.process_events(now=now),
        "settle captures": lambda: money.settle_captures(now=now),
        "deliver files": lambda: digital.deliver_due_files(now=now),
        "send refunds": lambda: money.send_refunds(now=now),
        "void authorizations": lambda: money.void_authorizations(now=now),
        "poll payments": lambda: money.poll_payments(now=now),
        "sign receipts": lambda: money.sign_receipts(now=now),
        "send e-invoices": lambda: money.submit_einvoices(now=now),
        "ask SEF": lambda: money.poll_einvoices(now=now),
        "withdraw at SEF": lambda: money.withdraw_einvoices(now=now),
        "tell SEF decisions": lambda: money.tell_decisions(now=now),
        "announce parcels": lambda: goods.announce_parcels(now=now),
        "release holds": lambda: stock.release_expired_holds(now=now),
        "settle exchanges": lambda: exchange_money.sweep_exchanges(now=now),
        "cancel overdue": lambda: cancellation.cancel_overdue_orders(now=now),
        "letters": lambda: crm.send_queued_messages(now=now),
    }
    for name, job in jobs.items():
        stage.attempt(name, job)
    react(stage)


def nightly(stage: Stage) -> None:
    """At the end of a day: everything that waits is worked off, the cards' clock acts, the trace is sealed."""
    now = stage.now
    if stage.mischief("fiscal outage", 0.1):
        stage.outside.fault("fiscal", "HTTP_503", count=20)
    stage.fault("carrier", *NO_ANSWER, operation="fetch", probability=0.3)
    stage.outside.expire_cards()
    stage.attempt("refresh parcels", lambda: goods.refresh_parcels(now=now))
    stage.attempt("no-shows", lambda: goods.release_no_shows(now=now))
    stage.attempt("unsent captures", lambda: money.report_unsent_captures(now=now))
    stage.attempt("read SEF's changes", lambda: money.read_changes(entity=stage.world.entity, now=stage.now))
    for _ in range(20):
        if not react(stage):
            break
    stage.attempt("seal trace", lambda: seal(now=stage.now, limit=100_000))
    stage.attempt("forget keys", lambda: idempotency.forget_old_keys(now=stage.now))
