"""Mail from Django to the sandbox's mailbox: once each, with its parts, and never lost when the mailbox is down."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from django.core.mail import EmailMessage, EmailMultiAlternatives

from retail.sandbox_mail import EmailBackend
from tests.sandbox.stand import Stand


@pytest.fixture
def backend(outside: Stand, settings: Any, tmp_path: Path) -> Iterator[EmailBackend]:
    settings.SANDBOX_URL = "http://localhost"
    settings.ONEROW_HOME = tmp_path / "home"
    yield EmailBackend(transport=outside.transport)


def order_mail(message_id: str = "<order-1@onerow.example>") -> EmailMultiAlternatives:
    mail = EmailMultiAlternatives(
        subject="Porudžbina ORD-2026-000123",
        body="Hvala! http://localhost:8000/order/secret/",
        from_email="Prelist <shop@onerow.example>",
        to=["ana@example.com"],
        bcc=["archive@example.com"],
        headers={"Message-ID": message_id},
    )
    mail.attach_alternative('<p style="color: red">Hvala!</p><script>alert(1)</script>', "text/html")
    mail.attach("račun.pdf", b"%PDF-1.7", "application/pdf")
    return mail


def mails(outside: Stand, **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = outside.http.get("/mail.json", params=query).json()
    return found


def test_mail_arrives_with_all_its_parts(outside: Stand, backend: EmailBackend) -> None:
    assert backend.send_messages([order_mail()]) == 1

    [mail] = mails(outside, to="ana@example.com")
    assert mail["sender"] == "Prelist <shop@onerow.example>"
    assert mail["recipients"] == "ana@example.com, archive@example.com"
    assert (mail["subject"], mail["text"]) == (
        "Porudžbina ORD-2026-000123",
        "Hvala! http://localhost:8000/order/secret/",
    )
    assert mail["html"].startswith("<p style")
    file = outside.http.get("/mail/1/attachments/1")
    assert (file.content, file.headers["content-disposition"]) == (
        b"%PDF-1.7",
        "attachment; filename*=UTF-8''ra%C4%8Dun.pdf",
    )


def test_plain_and_html_only_mails_keep_their_kind(outside: Stand, backend: EmailBackend) -> None:
    html = EmailMessage("b", "<p>b</p>", "shop@example.com", ["ana@example.com"])
    html.content_subtype = "html"

    backend.send_messages([EmailMessage("a", "a", "shop@example.com", ["ana@example.com"]), html])

    assert [(mail["text"], mail["html"]) for mail in mails(outside)] == [("", "<p>b</p>"), ("a", "")]


def test_mail_without_readers_is_not_sent(outside: Stand, backend: EmailBackend) -> None:
    assert backend.send_messages([EmailMessage("a", "a", "shop@example.com", [])]) == 0
    assert mails(outside) == []


def test_repeated_task_sends_the_same_mail_once(outside: Stand, backend: EmailBackend) -> None:
    for _ in range(3):
        backend.send_messages([order_mail()])
    backend.send_messages([order_mail("<order-2@onerow.example>")])

    assert len(mails(outside)) == 2


@pytest.mark.parametrize("fault", ["HTTP_503", "HTTP_429", "RESET"])
def test_mail_is_kept_in_a_file_when_the_mailbox_is_down(
    outside: Stand, backend: EmailBackend, tmp_path: Path, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    outside.fault("mail", fault)

    assert backend.send_messages([order_mail()]) == 1

    [kept] = (tmp_path / "home" / "mail").glob("*.eml")
    message = message_from_bytes(kept.read_bytes())
    assert (message["To"], message["Message-ID"]) == ("ana@example.com", "<order-1@onerow.example>")
    assert "ana@" not in caplog.text


def test_html_is_shown_as_a_document_that_can_do_nothing(outside: Stand, backend: EmailBackend) -> None:
    backend.send_messages([order_mail()])

    document = outside.http.get("/mail/1/html")
    policy = document.headers["content-security-policy"]

    assert document.text == '<p style="color: red">Hvala!</p><script>alert(1)</script>'
    assert policy.startswith("sandbox allow-popups")
    assert "allow-scripts" not in policy
    assert "script-src" not in policy
    assert "default-src 'none'" in policy
    page = outside.http.get("/mail/1")
    assert "<script" not in page.text
    assert "http://localhost:8000/order/secret/" in page.text


@pytest.mark.parametrize(
    "body", [{}, {"subject": "x"}, {"message_id": "1", "sender": "a", "recipients": [], "subject": "s", "text": "", "html": "", "attachments": []}]
)  # fmt: skip
def test_half_a_mail_is_refused(outside: Stand, body: dict[str, object]) -> None:
    assert outside.http.post("/mail", json=body).status_code == 400
    assert mails(outside) == []
