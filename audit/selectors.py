"""Questions to the trace."""

from django.contrib.contenttypes.models import ContentType
from django.db.models import QuerySet

from audit.models import LogEntry, Proposal
from audit.states import ProposalState


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
        .order_by("-is_exception", "created_at")
    )
    return waiting.filter(kind=kind) if kind else waiting
