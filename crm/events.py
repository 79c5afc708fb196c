from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CustomerCreated:
    customer: str


@dataclass(frozen=True, slots=True)
class MessageQueued:
    message_id: int
    kind: str


@dataclass(frozen=True, slots=True)
class SegmentChanged:
    segment: str
    version: int
    state: str
