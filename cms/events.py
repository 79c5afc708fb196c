from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FormAnswered:
    """Of a page's form; what was answered stands in the row."""

    answer_id: int
    form: str


@dataclass(frozen=True, slots=True)
class FormConfirmed:
    """The mailbox is the reader's: what was agreed to counts."""

    answer_id: int
    customer: str
