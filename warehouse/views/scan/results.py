"""What a scan did, told in colour, word and sound; each scan counts once.

A page gives its form a new `scan_id`. The id is claimed in the transaction of the verb, so a form that is posted twice (an impatient
thumb, a lost answer, the browser's Back) finds the first one's work done and says so.
"""

import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from retail.kernel import idempotency
from retail.kernel.errors import Refusal
from warehouse.views.scan.place import staff
from warehouse.views.words import say

GOOD, WRONG, REPEAT = "good", "wrong", "repeat"
CONFLICT = 409
_WAITING = "scan.result"


@dataclass(frozen=True)
class Result:
    kind: str
    title: str
    text: str = ""


def good(title: str, text: str = "") -> Result:
    return Result(GOOD, title, text)


def wrong(title: str, text: str = "") -> Result:
    return Result(WRONG, title, text)


def repeat(text: str = "") -> Result:
    return Result(REPEAT, _("Already scanned"), text or _("It was counted once. Scan the next one."))


def refused(refusal: Refusal) -> Result:
    return wrong(*say(refusal))


def new_scan_id() -> str:
    return uuid.uuid4().hex


def once(request: HttpRequest, verb: Callable[[], Result]) -> Result:
    """Run a verb and remember its scan id in one transaction; a refusal has changed nothing and burns no id."""
    try:
        with transaction.atomic():
            if not _is_new(request):
                return repeat()
            result = verb()
            _remember(request)
            return result
    except idempotency.KeyReused:
        return repeat()
    except Refusal as refusal:
        return refused(refusal)


def once_outside(request: HttpRequest, verb: Callable[[], Result]) -> Result:
    """The same for verbs that call a provider and therefore cannot stand inside a transaction: the id is leased while it works."""
    try:
        if not _is_new(request):
            return repeat()
    except idempotency.KeyInFlight:
        return repeat(_("The first one is still being worked on."))
    except idempotency.KeyReused:
        return repeat()
    try:
        result = verb()
    except Refusal as refusal:
        if scan_id := _scan_id(request):
            idempotency.free_key(caller=_caller(request), key=scan_id)
        return refused(refusal)
    _remember(request)
    return result


def _is_new(request: HttpRequest) -> bool:
    scan_id = _scan_id(request)
    if not scan_id:
        return True
    sent = {
        key: value for key, value in request.POST.items() if key not in ("csrfmiddlewaretoken", "scan_id")
    }
    answer = idempotency.claim_key(
        caller=_caller(request),
        key=scan_id,
        request_hash=idempotency.hash_request(request.path, sent),
        now=timezone.now(),
    )
    return answer is None


def _remember(request: HttpRequest) -> None:
    if scan_id := _scan_id(request):
        idempotency.store_answer(caller=_caller(request), key=scan_id, status=200, body={})


def _scan_id(request: HttpRequest) -> str:
    return request.POST.get("scan_id", "")[:64]


def _caller(request: HttpRequest) -> str:
    return f"scan:{staff(request).pk}"


def show(
    request: HttpRequest, template: str, context: dict[str, Any], result: Result | None = None
) -> HttpResponse:
    """The page with its result; a wrong scan answers 409, so that it is told from a good one without reading."""
    told = result or _waiting(request)
    status = CONFLICT if result is not None and result.kind == WRONG else 200
    return render(request, template, {**context, "result": told, "scan_id": new_scan_id()}, status=status)


def leave(request: HttpRequest, result: Result | None, url: str) -> HttpResponse:
    """Go to another page and tell the result there."""
    if result is not None:
        request.session[_WAITING] = asdict(result)
    if request.headers.get("HX-Request"):
        answer = HttpResponse(status=204)
        answer["HX-Redirect"] = url
        return answer
    return redirect(url)


def _waiting(request: HttpRequest) -> Result | None:
    told = request.session.pop(_WAITING, None)
    return Result(**told) if told else None
