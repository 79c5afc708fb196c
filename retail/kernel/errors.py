"""Refusals: a verb that cannot do what was asked says so by name, with a stable code, and changes nothing."""

from typing import Any


class Refusal(Exception):
    """A named, typed "no". `code` is stable and upper case, `status` is its HTTP status, `details` is JSON-safe data."""

    code = "REFUSED"
    status = 409

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class NotFound(Refusal):
    code = "NOT_FOUND"
    status = 404


class InvalidInput(Refusal):
    code = "INVALID_INPUT"
    status = 400


class NotAllowed(Refusal):
    code = "NOT_ALLOWED"
    status = 403


class IllegalMove(Refusal):
    """A state machine was asked for a move that its table does not have."""

    code = "ILLEGAL_MOVE"


class StaleVersion(Refusal):
    """The record changed since the caller read it; read it again and repeat."""

    code = "STALE_VERSION"
    status = 412
