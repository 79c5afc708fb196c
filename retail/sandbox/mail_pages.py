"""The mailbox and the one-time codes as pages."""

from __future__ import annotations

import re
import sqlite3
import time
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from retail.sandbox import codes, mail
from retail.sandbox.config import Config
from retail.sandbox.layout import LOCAL_ORIGINS, empty, moment, padded, page, panel
from retail.sandbox.markup import Markup, element, joined, table
from retail.sandbox.store import Store
from retail.sandbox.texts import Words, words_of

# A mail brings its own styles and may try anything: it gets a document without scripts, forms and origin.
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    f"img-src 'self' data: {LOCAL_ORIGINS}; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
_LINK = re.compile(r"https?://[^\s<>\"']+")


class MailPages:
    """The pages, with the memory that they show."""

    def __init__(self, store: Store, config: Config) -> None:
        self._store = store
        self._config = config

    async def inbox(self, request: Request) -> Response:
        return await run_in_threadpool(self._inbox, request)

    async def one(self, request: Request) -> Response:
        return await run_in_threadpool(self._one, request)

    async def html(self, request: Request) -> Response:
        """The HTML of a mail as a document of its own, shut in by its policy."""
        found = await run_in_threadpool(mail.one, self._store, request.path_params["mail_id"])
        return HTMLResponse(
            found[0]["html"] if found else "",
            status_code=200 if found else 404,
            headers={"Content-Security-Policy": MAIL_POLICY, "Cache-Control": "no-store"},
        )

    async def attachment(self, request: Request) -> Response:
        """One attachment, always as a download."""
        found = await run_in_threadpool(mail.one, self._store, request.path_params["mail_id"])
        wanted = (
            [row for row in found[1] if row["id"] == request.path_params["attachment_id"]] if found else []
        )
        if not wanted:
            return Response(status_code=404)
        return Response(
            wanted[0]["content"],
            media_type="application/octet-stream",
            headers={"Content-Disposition": f"attachment; filename*=UTF-8''{quote(wanted[0]['name'])}"},
        )

    async def codes(self, request: Request) -> Response:
        """The one-time codes of the sample staff. Read with the real clock: the shop's codes are."""
        words = words_of(request)
        now = time.time()
        found = codes.read(self._config.sample_file, now)
        again = element("a", words("New codes"), class_="button", href="/codes")
        return page(
            request,
            words,
            title=words("One-time codes"),
            body=_codes(words, found, int(codes.PERIOD_SECONDS - now % codes.PERIOD_SECONDS)),
            shop_url=self._config.shop_url,
            acts=again,
        )

    def _inbox(self, request: Request) -> Response:
        words = words_of(request)
        rows: list[list[Markup | str | int]] = [
            [
                moment(row["received_at"]),
                row["recipients"],
                element("a", row["subject"] or "—", href=f"/mail/{row['id']}"),
            ]
            for row in mail.list_mails(self._store)
        ]
        heads = [words(head) for head in ("Time", "To", "Subject")]
        content = table(words("Mail"), heads, rows) if rows else padded(empty(words("No mail yet")))
        body = panel(words("Mail"), content, name="mail")
        return page(request, words, title=words("Mail"), body=body, shop_url=self._config.shop_url)

    def _one(self, request: Request) -> Response:
        words = words_of(request)
        found = mail.one(self._store, request.path_params["mail_id"])
        if found is None:
            body = element("a", words("Go back"), class_="button", href="/mail")
            title = words("There is no such mail")
            return page(request, words, title=title, body=body, shop_url=self._config.shop_url, status=404)
        row, attachments = found
        return page(
            request,
            words,
            title=row["subject"] or "—",
            body=_mail(words, row, attachments),
            shop_url=self._config.shop_url,
        )


def _mail(words: Words, row: sqlite3.Row, attachments: list[sqlite3.Row]) -> Markup:
    facts = element(
        "dl",
        element("dt", words("From")),
        element("dd", row["sender"]),
        element("dt", words("To")),
        element("dd", row["recipients"]),
        element("dt", words("Time")),
        element("dd", moment(row["received_at"])),
        class_="pairs",
    )
    links = list(dict.fromkeys(_LINK.findall(row["text"]) + _LINK.findall(row["html"].replace("&amp;", "&"))))
    pieces = [panel(row["subject"] or "—", padded(facts), name="facts")]
    if links:
        pieces.append(_links(words("Links in this mail"), "links", [(link, link) for link in links]))
    if attachments:
        files = [(one["name"], f"/mail/{row['id']}/attachments/{one['id']}") for one in attachments]
        pieces.append(_links(words("Attachments"), "attachments", files))
    if row["html"]:
        frame = element(
            "iframe", class_="mail-body", src=f"/mail/{row['id']}/html", title=row["subject"] or "—"
        )
        pieces.append(panel(words("As the reader sees it"), padded(frame), name="html"))
    pieces.append(panel(words("As text"), padded(element("pre", row["text"], class_="raw")), name="text"))
    return joined(*pieces)


def _links(title: str, name: str, links: list[tuple[str, str]]) -> Markup:
    entries = [element("li", element("a", text, href=address)) for text, address in links]
    return panel(title, padded(element("ul", *entries, role="list", class_="stack")), name=name)


def _codes(words: Words, found: list[codes.StaffCode], seconds_left: int) -> Markup:
    if not found:
        text = "The sample chain has not been loaded here, or nobody of its staff uses a second factor."
        return empty(words("No sample staff"), words(text))
    rows: list[list[Markup | str | int]] = [
        [
            one.role,
            one.email,
            element("span", one.now, class_="code"),
            element("span", one.next, class_="code mute"),
        ]
        for one in found
    ]
    title = words("Codes of the sample staff")
    heads = [words(head) for head in ("Role", "E-mail", "Now", "Next")]
    validity = element("p", f"{words('valid for')} {seconds_left} {words('seconds')}", class_="mute")
    return panel(title, padded(validity), table(title, heads, rows), name="codes")
