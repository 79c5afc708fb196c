"""Logs: one JSON object a line, and nothing personal in it, whoever wrote the message."""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

from retail.kernel.context import current

# The order matters: a longer secret must be gone before a shorter pattern eats a part of it.
PERSONAL: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?i)\bbearer\s+\S+"), "Bearer [token]"),
    (re.compile(r"\bonr_[A-Za-z0-9_\-]+"), "[token]"),
    (
        re.compile(
            r"(?i)([\"']?\b(?:password|passwd|secret|token|api[_-]?key|authorization|cookie|sessionid|csrf\w*)\b"
            r"[\"']?\s*[=:]\s*)([\"']?)[^\s\"'&,;}]+\2"
        ),
        r"\1[secret]",
    ),
    (re.compile(r"(/(?:[a-z\-]+/)?(?:order|basket|baskets|orders)/)[A-Za-z0-9_\-]{20,}"), r"\1[token]"),
    (re.compile(r"[A-Za-z0-9._%+\-]+@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)+"), "[email]"),
    (re.compile(r"\b\d(?:[ \-]?\d){12,18}\b"), "[number]"),
    (re.compile(r"(?<![\w.])(?:\+|00)\d(?:[\s()/\-]{0,2}\d){7,13}(?!\w)"), "[phone]"),
    (re.compile(r"(?<![\w.])06\d(?:[\s/\-]{0,2}\d){6,7}(?!\w)"), "[phone]"),
    (re.compile(r"(?<![\w.\-])\d{9}(?![\w\-])"), "[number]"),
)


def redacted(text: str) -> str:
    for pattern, replacement in PERSONAL:
        text = pattern.sub(replacement, text)
    return text


class Redact(logging.Filter):
    """Renders the message once and removes e-mail addresses, phones, tax numbers, cards and tokens.

    It also adds the request that the line belongs to, the same id that the audit and the answer carry.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if not hasattr(record, "request_id") and current().request_id:
            record.request_id = current().request_id
        try:
            message = record.getMessage()
        except (TypeError, ValueError):
            message = str(record.msg)
        record.msg, record.args = redacted(message), None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redacted(record.exc_text)
        return True


class JsonLines(logging.Formatter):
    """time, level, logger, message; request id and actor when the record carries them; the trace last."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name in ("request_id", "actor", "status_code"):
            value = getattr(record, name, None)
            if value is not None:
                line[name] = value if isinstance(value, int) else str(value)
        if record.exc_text:
            line["trace"] = record.exc_text
        return json.dumps(line, ensure_ascii=False)
