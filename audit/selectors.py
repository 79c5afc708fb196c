"""Questions to the trace."""

from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet

from audit.models import LogEntry, Proposal
from audit.states import ProposalState
from retail.kernel.models import OutboxEvent


def history_of(model_label: str, pks: list[int]) -> QuerySet[LogEntry]:
    """Entries of some rows of one model ("oms.order"), newest first."""
    app_label, model = model_label.lower().split(".")
    kind = ContentType.objects.get_by_natural_key(app_label, model)
    entries: QuerySet[LogEntry] = LogEntry.objects.filter(
        content_type=kind, object_id__in=pks
    ).select_related("actor")
    return entries.order_by("-id")


def open_proposals(kind: str = "") -> QuerySet[Proposal]:
    waiting = (
        Proposal.objects.filter(state=ProposalState.OPEN)
        .select_related("author")
        .order_by("-is_exception", "created_at", "pk")
    )
    return waiting.filter(kind=kind) if kind else waiting


def told(event: OutboxEvent) -> dict[str, Any]:
    """What programs outside are told of an event; ids of our rows stay inside."""
    return {
        "topic": event.topic,
        "subject": f"{event.subject_kind}:{event.subject_key}",
        "sequence": event.sequence,
        "payload": {key: value for key, value in event.payload.items() if not key.endswith("_id")},
        "created_at": event.created_at.isoformat(),
        "request_id": event.request_id,
    }
