"""Columns of audit's tables."""

from audit.register.kinds import Columns

COLUMNS: Columns = {
    "audit.Webhook": {
        "secret": ("secret", "previous_secret"),
        "plain": (
            "id",
            "public_id",
            "url",
            "topics",
            "previous_secret_until",
            "is_active",
            "off_reason",
            "created_by_id",
            "created_at",
        ),
    },
    "audit.Proposal": {
        "plain": (
            "id",
            "public_id",
            "kind",
            "title",
            "reason",
            "subject_kind",
            "subject_key",
            "change",
            "diff",
            "effect",
            "base",
            "value",
            "currency",
            "is_exception",
            "state",
            "author_id",
            "author_label",
            "decided_by_id",
            "decided_by_rule",
            "decision_reason",
            "created_at",
            "decided_at",
            "replaced_by_id",
        ),
    },
}
