"""The pages of the stand-ins: what was received, what was sent, what is on record, and the fault switches."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from retail.sandbox import bank, carrier, faults, messages, panels, sef, sef_documents
from retail.sandbox.config import Config
from retail.sandbox.forms import read_form
from retail.sandbox.layout import MENU, empty, moment, padded, page, panel
from retail.sandbox.markup import Markup, chip, element, icon, joined, table
from retail.sandbox.store import Store
from retail.sandbox.texts import Words, words_of
from retail.sandbox.web import Call, Refused, open_call

TITLES = {path.rsplit("/", 1)[-1]: word for path, _, word in MENU if path.startswith("/parts/")}
RECEIVED_MAX = 100


class Pages:
    """The pages, with the memory that they show and the postman whom they may hurry."""

    def __init__(self, store: Store, config: Config, postman: messages.Postman) -> None:
        self._store = store
        self._config = config
        self._postman = postman

    async def index(self, request: Request) -> Response:
        return await run_in_threadpool(self._index, request)

    async def part(self, request: Request) -> Response:
        return await run_in_threadpool(self._part, request)

    async def act(self, request: Request) -> Response:
        """POST /parts/{part}/{act}: every form of these pages."""
        form = await read_form(request)
        part, act = request.path_params["part"], request.path_params["act"]
        if act == "deliver":
            await self._postman.deliver(with_all=True)
        else:
            try:
                await run_in_threadpool(self._act, request, part, act, form)
            except (Refused, faults.UnknownFault) as no:
                return await run_in_threadpool(self._refused, request, part, no)
        return RedirectResponse("/" if part == "all" else f"/parts/{part}", status_code=303)

    def _index(self, request: Request) -> Response:
        words = words_of(request)
        body = joined(
            element("p", words("Everything that the stand-ins received, newest first."), class_="mute"),
            self._received(words, ""),
            self._active(words, "all"),
        )
        return page(request, words, title=words("Received"), body=body, shop_url=self._config.shop_url)

    def _part(self, request: Request) -> Response:
        words = words_of(request)
        part = request.path_params["part"]
        if part not in TITLES:
            return page(
                request,
                words,
                title=words("That did not work"),
                body=element("a", words("Go back"), href="/"),
                shop_url=self._config.shop_url,
                status=404,
            )
        pieces = [panel_of(words, self._store) for panel_of in panels.OF_PART[part]]
        if part in {"card", "carrier", "sef"}:
            pieces.append(self._messages(words, part))
        body = joined(
            *pieces, _fault_form(words, part), self._active(words, part), self._received(words, part)
        )
        return page(request, words, title=words(TITLES[part]), body=body, shop_url=self._config.shop_url)

    def _refused(self, request: Request, part: str, no: Exception) -> Response:
        words = words_of(request)
        text = no.body["message"] if isinstance(no, Refused) else str(no)
        notice = element("p", icon("alert"), text, class_="notice tone-bad", role="alert")
        back = element(
            "a", words("Go back"), class_="button", href=f"/parts/{part}" if part in TITLES else "/"
        )
        return page(
            request,
            words,
            title=words("That did not work"),
            body=joined(notice, back),
            shop_url=self._config.shop_url,
            status=no.status if isinstance(no, Refused) else 400,
        )

    def _act(self, request: Request, part: str, act: str, form: dict[str, str]) -> None:
        with open_call(self._store, self._config, part=part, operation=act, request=request) as call:
            if act == "fault":
                _switch_on(call, form)
            elif act == "fault-off":
                fault_id = int(form["fault"]) if form.get("fault", "").isdigit() else None
                faults.remove(call.db, part="" if part == "all" else part, fault_id=fault_id)
            elif act == "resend":
                call.path["message_id"] = form.get("message", "")
                messages.resend(call)
            elif (part, act) in _ACTS:
                _ACTS[part, act](call, form)
            else:
                raise Refused(404, {"code": "NOT_FOUND", "message": f"No such act: {act}"})

    def _received(self, words: Words, part: str) -> Markup:
        with self._store.transaction() as db:
            rows = db.execute(
                "SELECT * FROM received WHERE ? IN ('', part) ORDER BY id DESC LIMIT ?", (part, RECEIVED_MAX)
            ).fetchall()
        if not rows:
            text = (
                "The shop has not called yet. Whatever it sends will stand here with the answer that it got."
            )
            return panel(words("Received"), padded(empty(words("Nothing yet"), words(text))), name="received")
        heads = [
            words(head) for head in ("Time", "Service", "Call", "Reference", "Answer", "Fault", "Details")
        ]
        return panel(
            words("Received"),
            table(words("Received"), heads, [_received_row(words, row) for row in rows]),
            name="received",
        )

    def _messages(self, words: Words, part: str) -> Markup:
        with self._store.transaction() as db:
            rows = db.execute(
                "SELECT d.*, m.kind, m.reference, m.url, m.created_at FROM delivery d JOIN message m "
                "ON m.id = d.message_id WHERE m.part = ? ORDER BY d.id DESC LIMIT 50",
                (part,),
            ).fetchall()
        title = words("Messages to the shop")
        if not rows:
            return panel(title, padded(empty(words("No message yet"))), name="messages")
        heads = [words(head) for head in ("Time", "Kind", "Reference", "State", "Attempts", "Answer")]
        cells = [
            [
                moment(row["created_at"]),
                row["kind"],
                row["reference"],
                _delivery_chip(row),
                row["attempts"],
                str(row["last_status"] or row["last_error"] or ""),
                button(part, "resend", words("Send again"), message=row["message_id"]),
            ]
            for row in rows
        ]
        foot = button(part, "deliver", words("Send what waits"))
        return panel(title, table(title, [*heads, words("Send again")], cells), name="messages", foot=foot)

    def _active(self, words: Words, part: str) -> Markup:
        with self._store.transaction() as db:
            overview = faults.overview(db)
        mine = [one for one in overview["active"] if part in ("all", one["part"])]
        fired = [one for one in overview["fired"] if part in ("all", one["part"])]
        pieces: list[Markup] = [
            element("h3", words("Active faults")) if mine else element("p", words("No fault is switched on."))
        ]
        pieces += [
            element(
                "div",
                chip("warn", "alert", f"{one['part']} · {one['kind']}"),
                element("span", _how_long(words, one), class_="mute"),
                button(one["part"], "fault-off", words("Switch off"), fault=str(one["id"])),
                class_="row",
            )
            for one in mine
        ]
        if mine:
            pieces.append(button(part, "fault-off", words("Switch all off")))
        if fired:
            title = words("How often each fault struck")
            heads = [words(head) for head in ("Service", "Fault", "Times")]
            rows: list[list[Markup | str | int]] = [[one["part"], one["kind"], one["times"]] for one in fired]
            pieces += [element("h3", title), table(title, heads, rows, ends=frozenset({2}))]
        return panel(words("Faults"), padded(*pieces), name="faults")


def button(part: str, act: str, text: str, **hidden: str) -> Markup:
    """A form that is one button."""
    fields = [element("input", type="hidden", name=name, value=value) for name, value in hidden.items()]
    return element(
        "form",
        *fields,
        element("button", text, class_="button button-small"),
        method="post",
        action=f"/parts/{part}/{act}",
    )


def _received_row(words: Words, row: sqlite3.Row) -> list[Markup | str | int]:
    status = row["status"]
    tone = "good" if 200 <= status < 300 else "idle" if status == 0 else "bad"
    answer = chip(
        tone, "check" if tone == "good" else "no", str(status) if status else words("nothing was done")
    )
    details = element(
        "details",
        element("summary", words("Details")),
        element("h3", words("Request")),
        element("pre", _pretty(row["request"]), class_="raw"),
        element("h3", words("Answer")),
        element("pre", _pretty(row["answer"]), class_="raw"),
    )
    fault = chip("warn", "alert", row["fault"]) if row["fault"] else ""
    return [moment(row["at"]), row["part"], row["operation"], row["reference"], answer, fault, details]


def _delivery_chip(row: sqlite3.Row) -> Markup:
    tone, drawing = {
        messages.DELIVERED: ("good", "check"),
        messages.PENDING: ("busy", "clock"),
        messages.LOST: ("warn", "alert"),
        messages.DEAD: ("bad", "no"),
    }[row["state"]]
    return chip(tone, drawing, f"{row['state']} {row['disguise']}".strip())


def _fault_form(words: Words, part: str) -> Markup:
    kinds = [(kind, f"{kind}: {words(known.about)}") for kind, known in faults.PARTS[part].items()]
    return panel(
        words("New fault"),
        padded(panels.fault_fields(words, part, kinds)),
        name="fault-form",
    )


def _how_long(words: Words, one: dict[str, object]) -> str:
    left = f"{words('left')}: {one['count_left']}" if one["count_left"] else words("until switched off")
    chance = f", {float(str(one['probability'])) * 100:g} %" if one["probability"] != 1 else ""
    return f"{one['operation'] or '*'}, {left}{chance}"


def _switch_on(call: Call, form: dict[str, str]) -> None:
    """The fault form: empty numbers mean the usual."""
    try:
        count = int(form["count"]) if form.get("count") else None
        percent = float(form["percent"]) if form.get("percent") else 100.0
        seconds = float(form["seconds"]) if form.get("seconds") else None
    except ValueError:
        raise faults.UnknownFault("counts, percents and seconds are numbers") from None
    faults.insert(
        call.db,
        part=call.part,
        kind=form.get("kind", ""),
        operation=form.get("operation", "").strip(),
        count=count,
        probability=percent / 100,
        seconds=seconds,
    )


def _move(call: Call, form: dict[str, str]) -> None:
    call.path["reference"] = form.get("reference", "")
    carrier.advance(call, form.get("status", ""), form.get("place", ""))


def _statement(call: Call, form: dict[str, str]) -> None:
    line = {
        name: form.get(name, "") for name in ("amount", "reference", "payer_name", "payer_account", "purpose")
    }
    line["amount"] = line["amount"].replace(",", ".").strip()
    bank.write(call, form.get("account", ""), form.get("booked_on", ""), [line])


def _company(call: Call, form: dict[str, str]) -> None:
    sef.put_company(
        call,
        {
            **{name: form.get(name, "").strip() for name in ("pib", "registration_number", "name")},
            "is_registered": form.get("is_registered") == "on",
        },
    )


def _decide(call: Call, form: dict[str, str]) -> None:
    sef_documents.decide(call, form.get("number", ""), form.get("status", ""), form.get("comment", ""))


def _choose(call: Call, form: dict[str, str]) -> None:
    sef_documents.put_switch(call, form.get("name", ""), form.get("value", ""))


_ACTS: dict[tuple[str, str], Callable[[Call, dict[str, str]], None]] = {
    ("carrier", "move"): _move,
    ("bank", "statement"): _statement,
    ("sef", "company"): _company,
    ("sef", "decide"): _decide,
    ("sef", "switch"): _choose,
}


def _pretty(text: str) -> str:
    try:
        return json.dumps(json.loads(text), ensure_ascii=False, indent=2)
    except ValueError:
        return text
