"""Reading a plain HTML form, and refusing one that another site sent."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request

from retail.sandbox.web import refusal

FORM_BYTES_MAX = 100_000


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form sent by one of our own pages; the last of a name counts."""
    check_origin(request)
    raw = await request.body()
    if len(raw) > FORM_BYTES_MAX:
        raise refusal(413, "TOO_LARGE", "The form is too large.")
    return dict(parse_qsl(raw.decode("utf-8", "replace"), keep_blank_values=True))


def check_origin(request: Request) -> None:
    """A page of another origin, open in the same browser, must not press our buttons."""
    origin = request.headers.get("origin")
    if origin and origin != "null" and urlsplit(origin).netloc != request.headers.get("host"):
        raise refusal(403, "FOREIGN_ORIGIN", "This form was sent by another site.")
    if request.headers.get("sec-fetch-site") in {"cross-site", "same-site"}:
        raise refusal(403, "FOREIGN_ORIGIN", "This form was sent by another site.")
