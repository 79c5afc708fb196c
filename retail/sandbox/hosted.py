"""Pages that a shopper or a customer sees: the card provider's payment page, and the check of a receipt's link."""

from __future__ import annotations

import sqlite3
from urllib.parse import urlencode, urlsplit, urlunsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from retail.sandbox import card, fiscal
from retail.sandbox.config import Config
from retail.sandbox.forms import read_form
from retail.sandbox.layout import document, language_link
from retail.sandbox.markup import Markup, chip, element, field, icon, joined, select
from retail.sandbox.store import Store
from retail.sandbox.texts import Words, words_of
from retail.sandbox.web import Refused, open_call

_CHOICES = (
    ("approve", "check", "Approve", "button button-main button-wide"),
    ("decline", "no", "Decline", "button button-wide"),
    ("fail_3ds", "lock", "Fail 3-D Secure", "button button-wide"),
    ("cancel", "return", "Give up and go back", "button button-plain button-wide"),
)
_TONES = {
    "AUTHORIZED": "good",
    "CAPTURED": "good",
    "PARTLY_CAPTURED": "good",
    "CANCELED": "idle",
    "EXPIRED": "idle",
}


class HostedPages:
    """The pages, with the memory that they show."""

    def __init__(self, store: Store, config: Config) -> None:
        self._store = store
        self._config = config

    async def pay(self, request: Request) -> Response:
        """GET shows the choice, POST makes it and sends the shopper back to the shop."""
        form = await read_form(request) if request.method == "POST" else {}
        return await run_in_threadpool(self._pay, request, form)

    async def check(self, request: Request) -> Response:
        """GET /fiscal/sandbox/v/?vl=: what the link on a receipt opens."""
        return await run_in_threadpool(self._check, request)

    def _pay(self, request: Request, form: dict[str, str]) -> Response:
        token = request.path_params["token"]
        try:
            with open_call(
                self._store, self._config, part="card", operation="choose", request=request
            ) as call:
                if request.method == "POST":
                    row = card.choose(call, token, form.get("choice", ""), form.get("card", ""))
                    return RedirectResponse(_return_url(row), status_code=303)
                row = card.expire(call, card.by_token(call, token))
        except Refused as no:
            words = words_of(request)
            body = _sheet(
                request,
                words,
                _provider(),
                element("h1", words("There is no such payment")),
                element("p", words("Start the payment again from the shop.")),
            )
            return document(request, words, title=words("Card payment"), body=body, status=no.status)
        words = words_of(request, "" if "lang" in request.query_params else row["language"])
        parts = _choice(words, row) if row["status"] == "CREATED" else _finished(words, row)
        return document(
            request, words, title=words("Card payment"), body=_sheet(request, words, _provider(), *parts)
        )

    def _check(self, request: Request) -> Response:
        words = words_of(request)
        with self._store.transaction() as db:
            receipt = fiscal.by_link(db, request.query_params.get("vl", ""))
        if receipt is None:
            parts = [
                element("h1", words("There is no such receipt")),
                element("p", words("Check the number in the link.")),
            ]
        else:
            parts = [
                element("h1", words("The receipt is on record")),
                _notice(words("It was signed in the sandbox and is not a fiscal receipt.")),
                element(
                    "pre", receipt["journal"] or receipt["invoiceNumber"], class_="journal", lang="sr-Cyrl"
                ),
            ]
        brand = joined(icon("qr"), words("Receipt check"))
        body = _sheet(request, words, brand, *parts)
        return document(
            request, words, title=words("Receipt check"), body=body, status=200 if receipt else 404
        )


def _choice(words: Words, row: sqlite3.Row) -> list[Markup]:
    amount = words.amount(card.amount_text(row["amount"]), row["currency"])
    facts = [
        element("dt", words("To be paid")),
        element("dd", amount, class_="strong num"),
        element("dt", words("Order reference")),
        element("dd", row["description"] or row["reference"]),
    ]
    cards = select("card", list(card.CARDS.items()))
    buttons = [
        element("button", icon(drawing), words(text), class_=look, name="choice", value=choice)
        for choice, drawing, text, look in _CHOICES
    ]
    form = element(
        "form",
        field(words("Test card"), cards, "card"),
        element(
            "fieldset",
            element("legend", words("What should the bank say?"), class_="label"),
            element("div", *buttons, class_="stack"),
            class_="stack",
        ),
        method="post",
        class_="stack-lg",
    )
    return [
        element("h1", words("Pay by card")),
        _notice(words("Test page. No card number is asked for and no money moves.")),
        element("dl", *facts, class_="pairs"),
        form,
    ]


def _finished(words: Words, row: sqlite3.Row) -> list[Markup]:
    status = row["status"]
    return [
        element("h1", words("This payment is finished")),
        element(
            "p",
            words("Its state is"),
            " ",
            chip(_TONES.get(status, "bad"), "card", words(f"payment is {status}")),
        ),
        element(
            "a", words("Back to the shop"), class_="button button-main button-wide", href=_return_url(row)
        ),
    ]


def _sheet(request: Request, words: Words, brand: Markup, *parts: Markup) -> Markup:
    bar = element(
        "header",
        element("span", brand, class_="mark"),
        element("span", class_="push"),
        language_link(request, words),
        class_="hosted-bar",
    )
    main = element("main", *parts, class_="panel padded stack-lg", id="content")
    return element("div", joined(bar, main), class_="hosted")


def _provider() -> Markup:
    return joined(icon("card"), "kartica")


def _notice(text: str) -> Markup:
    return element("p", icon("info"), text, class_="notice tone-info")


def _return_url(row: sqlite3.Row) -> str:
    """The shop's own address, with our reference. What it says about the outcome is a courtesy, never a proof."""
    parts = urlsplit(str(row["return_url"]))
    extra = urlencode({"reference": row["reference"], "status": row["status"]})
    return urlunsplit(parts._replace(query=f"{parts.query}&{extra}" if parts.query else extra))
