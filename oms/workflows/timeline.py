"""What happened to an order, newest first: its events, notes, promise changes and audited writes in one stream."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit import selectors as audit
from oms.models import Order
from retail.kernel.models import OutboxEvent, User


@dataclass(frozen=True, slots=True)
class Step:
    """`kind` EVENT, NOTE or AUDIT; `code` the event's topic or the row's model; `details` plain data without personal text."""

    kind: str
    code: str
    at: datetime
    who: str
    details: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "code": self.code,
            "at": self.at.isoformat(),
            "who": self.who,
            "details": self.details,
        }


def of_order(order: Order, *, with_audit: bool = False) -> list[Step]:
    steps = _events(order) + [
        Step("NOTE", "note", note.created_at, str(note.author), {"text": note.text})
        for note in order.notes.select_related("author")
    ]
    if with_audit:
        steps += _audit(order)
    return sorted(steps, key=lambda step: step.at, reverse=True)


def _events(order: Order) -> list[Step]:
    found = list(OutboxEvent.objects.filter(subject_kind="order", subject_key=order.number))
    numbers = {event.payload.get("shipment") or event.payload.get("shipment_number") for event in found} - {
        None
    }
    if numbers:
        found += list(OutboxEvent.objects.filter(subject_kind="shipment", subject_key__in=numbers))
    people = {
        user.pk: str(user) for user in User.objects.filter(pk__in={e.actor_id for e in found if e.actor_id})
    }
    return [
        Step("EVENT", event.topic, event.created_at, people.get(event.actor_id or 0, ""), event.payload)
        for event in found
    ]


def _audit(order: Order) -> list[Step]:
    entries = list(audit.history_of("oms.order", [order.pk])[:200])
    entries += list(audit.history_of("oms.orderline", list(order.lines.values_list("pk", flat=True)))[:200])
    return [
        Step(
            "AUDIT",
            entry.content_type.model,
            entry.timestamp,
            str(entry.actor or entry.actor_label),
            {"action": entry.get_action_display(), "changes": entry.changes, "request_id": entry.cid},
        )
        for entry in entries
    ]
