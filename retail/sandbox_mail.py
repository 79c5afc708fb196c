"""Local mail: what would leave through a mail server goes to the sandbox's mailbox, or to a file when that is down."""

from __future__ import annotations

import base64
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from django.conf import settings
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.message import EmailMessage, EmailMultiAlternatives

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 3.0


class EmailBackend(BaseEmailBackend):
    """Called from background tasks, as every mail is. A mail is sent once, also when an answer is lost: its id says so."""

    def __init__(
        self, fail_silently: bool = False, *, transport: httpx.BaseTransport | None = None, **options: Any
    ) -> None:
        super().__init__(fail_silently=fail_silently, **options)
        self._transport = transport

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """How many were handed over, to the mailbox or to a file."""
        sendable = [message for message in email_messages if message.recipients()]
        if not sendable:
            return 0
        with httpx.Client(
            base_url=settings.SANDBOX_URL, timeout=TIMEOUT_SECONDS, trust_env=False, transport=self._transport
        ) as client:
            for message in sendable:
                self._send(client, message)
        return len(sendable)

    def _send(self, client: httpx.Client, message: EmailMessage) -> None:
        message_id = _message_id(message)
        try:
            client.post("/mail", json=payload(message, message_id)).raise_for_status()
        except httpx.HTTPError as error:
            path = _keep(message, message_id)
            logger.warning("the sandbox took no mail (%s); it is kept as %s", type(error).__name__, path.name)


def payload(message: EmailMessage, message_id: str) -> dict[str, Any]:
    """A mail as the mailbox takes it."""
    alternatives = message.alternatives if isinstance(message, EmailMultiAlternatives) else []
    html = [str(content) for content, kind in alternatives if kind == "text/html"]
    is_html = message.content_subtype == "html"
    return {
        "message_id": message_id,
        "sender": message.from_email,
        "recipients": list(message.recipients()),
        "subject": message.subject,
        "text": "" if is_html else str(message.body),
        "html": str(message.body) if is_html else "".join(html[:1]),
        "attachments": [_attachment(one) for one in message.attachments],
    }


def _attachment(attachment: Any) -> dict[str, str]:
    name, content, content_type = attachment
    raw = content.encode() if isinstance(content, str) else bytes(content)
    return {
        "name": name or "attachment",
        "content_type": content_type or "application/octet-stream",
        "content": base64.b64encode(raw).decode(),
    }


def _message_id(message: EmailMessage) -> str:
    """The caller's own Message-ID when it set one, so that a repeated task sends the same mail."""
    given = {name.lower(): value for name, value in message.extra_headers.items()}
    return str(given.get("message-id") or f"<{uuid4().hex}@onerow.local>")


def _keep(message: EmailMessage, message_id: str) -> Path:
    folder = Path(settings.ONEROW_HOME) / "mail"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    message.extra_headers.setdefault("Message-ID", message_id)
    path = folder / f"{uuid4().hex}.eml"
    path.write_bytes(message.message().as_bytes())
    return path
