"""The switches for programs: faults, clock, messages, and what the pages can do, as JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from retail.sandbox import card, carrier, faults, fiscal, messages, sef, sef_documents, sef_purchases, sef_vat
from retail.sandbox.config import Config
from retail.sandbox.forms import check_origin
from retail.sandbox.store import Store
from retail.sandbox.web import Answer, Call, Handler, Refused, open_call, refusal

_SWITCH_FIELDS = {"part", "fault", "operation", "count", "probability", "seconds", "stage"}


def routes(store: Store, config: Config, postman: messages.Postman) -> list[Route]:
    """Everything below /admin/."""

    def plain(part: str, operation: str, handler: Handler) -> Callable[[Request], Any]:
        return _endpoint(store, config, part, operation, handler)

    async def deliver(request: Request) -> Response:
        """Sends what is due now, or with ?all=1 everything that waits."""
        check_origin(request)
        arrived = await postman.deliver(with_all=request.query_params.get("all") == "1")
        return JSONResponse({"delivered": arrived})

    return [
        Route("/admin/faults", plain("", "faults", _faults), methods=["GET"]),
        Route("/admin/faults", plain("", "fault", _switch_on), methods=["POST"]),
        Route("/admin/faults", plain("", "fault", _switch_off), methods=["DELETE"]),
        Route("/admin/seed", plain("", "seed", _seed), methods=["POST"]),
        Route("/admin/clock", plain("", "clock", _clock), methods=["GET", "POST"]),
        Route("/admin/received", plain("", "received", _received), methods=["GET"]),
        Route("/admin/messages", plain("", "messages", _messages), methods=["GET"]),
        Route("/admin/messages/deliver", deliver, methods=["POST"]),
        Route("/admin/messages/{message_id}/resend", plain("", "resend", _resend), methods=["POST"]),
        Route("/admin/card/expire", plain("card", "expire", card.expire_all), methods=["POST"]),
        Route("/admin/card/payments/{reference}/choose", plain("card", "choose", _choose), methods=["POST"]),
        Route("/admin/fiscal/taxpayers", plain("fiscal", "taxpayer", fiscal.put_taxpayer), methods=["PUT"]),
        Route("/admin/fiscal/tax-groups", plain("fiscal", "groups", fiscal.put_tax_groups), methods=["PUT"]),
        Route(
            "/admin/carrier/parcels/{reference}/events",
            plain("carrier", "move", carrier.move),
            methods=["POST"],
        ),
        Route("/admin/sef/companies", plain("sef", "register", sef.put_companies), methods=["PUT"]),
        Route("/admin/sef/keys", plain("sef", "key", sef_documents.put_key), methods=["PUT"]),
        Route("/admin/sef/webhook", plain("sef", "webhook", sef_documents.put_webhook), methods=["PUT"]),
        Route(
            "/admin/sef/switches", plain("sef", "switch", sef_documents.put_switches), methods=["GET", "PUT"]
        ),
        Route(
            "/admin/sef/documents", plain("sef", "list", sef_documents.documents_by_admin), methods=["GET"]
        ),
        Route(
            "/admin/sef/documents/{number}/decide",
            plain("sef", "decide", sef_documents.decide_by_admin),
            methods=["POST"],
        ),
        Route("/admin/sef/vat-records", plain("sef", "list", sef_vat.everything), methods=["GET"]),
        Route("/admin/sef/purchases", plain("sef", "supply", sef_purchases.put), methods=["PUT"]),
    ]


def expire_cards(store: Store, config: Config) -> None:
    """The same as the admin call, for the provider's own clock."""
    with store.transaction() as db:
        call = Call(
            store=store,
            db=db,
            config=config,
            part="card",
            operation="expire",
            now=store.now(),
            headers={},
            path={},
            query={},
            raw=b"",
            base_url=config.public_url,
        )
        card.expire_all(call)


def _endpoint(
    store: Store, config: Config, part: str, operation: str, handler: Handler
) -> Callable[[Request], Any]:
    """A call that no fault touches and that leaves no record: it is the tester's hand, not the shop's."""

    def run(request: Request, raw: bytes) -> Answer:
        try:
            with open_call(store, config, part=part, operation=operation, request=request, raw=raw) as call:
                call.path["method"] = request.method
                return handler(call)
        except Refused as no:
            return Answer(status=no.status, body=no.body, content_type=no.content_type, headers=no.headers)

    async def endpoint(request: Request) -> Response:
        check_origin(request)
        answer = await run_in_threadpool(run, request, await request.body())
        return Response(answer.raw(), status_code=answer.status, media_type=answer.content_type)

    return endpoint


def _faults(call: Call) -> Answer:
    kinds = {part: {name: kind.about for name, kind in known.items()} for part, known in faults.PARTS.items()}
    return Answer({**faults.overview(call.db), "known": kinds})


def _switch_on(call: Call) -> Answer:
    """{"part", "fault", "count" or "probability", "operation", "seconds", "stage"}"""
    data = call.json()
    if set(data) - _SWITCH_FIELDS:
        raise refusal(400, "UNKNOWN_FIELD", f"Known: {', '.join(sorted(_SWITCH_FIELDS))}.")
    count, probability, seconds = data.get("count"), data.get("probability"), data.get("seconds")
    if count is not None and (isinstance(count, bool) or not isinstance(count, int)):
        raise refusal(400, "UNKNOWN_FAULT", "count is a whole number")
    try:
        fault_id = faults.insert(
            call.db,
            part=str(data.get("part")),
            kind=str(data.get("fault")),
            operation=str(data.get("operation") or ""),
            count=count,
            probability=float(1 if probability is None else probability),
            seconds=None if seconds is None else float(seconds),
            stage=str(data.get("stage") or ""),
        )
    except (faults.UnknownFault, TypeError, ValueError) as error:
        raise refusal(400, "UNKNOWN_FAULT", str(error)) from None
    return Answer({"id": fault_id, **faults.overview(call.db)}, status=201)


def _switch_off(call: Call) -> Answer:
    fault_id = call.query.get("id", "")
    removed = faults.remove(
        call.db, part=call.query.get("part", ""), fault_id=int(fault_id) if fault_id.isdigit() else None
    )
    return Answer({"removed": removed, **faults.overview(call.db)})


def _seed(call: Call) -> Answer:
    """{"seed": 7}: chances repeat from here."""
    seed = call.json().get("seed")
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise refusal(400, "INVALID_SEED", "seed is a whole number")
    call.store.dice.seed(seed)
    return Answer({"seed": seed})


def _clock(call: Call) -> Answer:
    """GET reads, POST {"offset_seconds": 604800} moves the stand-ins' clock. Signatures keep the real time."""
    if call.path["method"] == "POST":
        offset = call.json().get("offset_seconds")
        if isinstance(offset, bool) or not isinstance(offset, int) or abs(offset) > 10 * 366 * 86_400:
            raise refusal(400, "INVALID_OFFSET", "offset_seconds is a whole number of at most ten years")
        call.db.execute("INSERT OR REPLACE INTO setting VALUES ('clock_offset_seconds', ?)", (str(offset),))
    return Answer({"now": call.store.now().isoformat(), "offset_seconds": call.store.clock_offset_seconds()})


def _received(call: Call) -> Answer:
    """?part=&after=: what came in, oldest first."""
    after = call.query.get("after", "0")
    rows = call.db.execute(
        "SELECT * FROM received WHERE ? IN ('', part) AND id > ? ORDER BY id LIMIT 1000",
        (call.query.get("part", ""), int(after) if after.isdigit() else 0),
    ).fetchall()
    return Answer({"results": [dict(row) for row in rows]})


def _messages(call: Call) -> Answer:
    """?part=&reference=: messages to the shop and how their deliveries stand, oldest first."""
    rows = call.db.execute(
        "SELECT d.id AS delivery, d.state, d.disguise, d.attempts, d.last_status, d.last_error, m.id, m.part, m.kind, "
        "m.reference, m.url FROM delivery d JOIN message m ON m.id = d.message_id "
        "WHERE ? IN ('', m.part) AND ? IN ('', m.reference) ORDER BY d.id LIMIT 1000",
        (call.query.get("part", ""), call.query.get("reference", "")),
    ).fetchall()
    return Answer({"results": [dict(row) for row in rows]})


def _resend(call: Call) -> Answer:
    return Answer({"planned": messages.resend(call)}, status=201)


def _choose(call: Call) -> Answer:
    """{"choice": "approve", "card": "visa-4242"}: the shopper's click, for programs without a browser."""
    data = call.json()
    row = call.db.execute(
        "SELECT page_token FROM card_payment WHERE reference = ?", (call.path["reference"],)
    ).fetchone()
    if row is None:
        raise refusal(404, "NOT_FOUND", "There is no payment with this reference.")
    chosen = card.choose(
        call, row["page_token"], str(data.get("choice")), str(data.get("card") or "visa-4242")
    )
    return Answer({**card.describe(call.db, chosen), "return_url": chosen["return_url"]})
