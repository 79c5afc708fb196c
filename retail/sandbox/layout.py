"""The frame of the stand-ins' pages, and the one of pages that a shopper sees."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import HTMLResponse

from retail.sandbox.markup import Markup, element, icon, joined
from retail.sandbox.texts import COOKIE, LANGUAGES, Words

BELGRADE = ZoneInfo("Europe/Belgrade")
# A browser holds the redirect after a form to form-action too, and the shop stands on another port.
LOCAL_ORIGINS = "http://localhost:* http://127.0.0.1:*"
POLICY = (
    "default-src 'none'; img-src 'self'; style-src 'self'; frame-src 'self'; base-uri 'none'; "
    f"form-action 'self' {LOCAL_ORIGINS}; frame-ancestors 'none'"
)
# Address, icon, word; in the order of the menu.
MENU = (
    ("/", "inbox", "Received"),
    ("/parts/card", "card", "Cards"),
    ("/parts/fiscal", "ledger", "Fiscal processor"),
    ("/parts/carrier", "truck", "Carrier"),
    ("/parts/bank", "bank", "Bank"),
    ("/parts/sef", "note", "SEF"),
    ("/mail", "mail", "Mail"),
    ("/codes", "lock", "One-time codes"),
)


def page(
    request: Request,
    words: Words,
    *,
    title: str,
    body: Markup,
    shop_url: str,
    acts: Markup | None = None,
    status: int = 200,
) -> HTMLResponse:
    """A page in the frame of the back office."""
    here = request.url.path
    links = [
        element(
            "a", icon(drawing), words(word), href=path, aria_current="page" if _is_here(path, here) else None
        )
        for path, drawing, word in MENU
    ]
    links.append(element("a", icon("store"), words("To the shop"), href=shop_url, class_="only-narrow"))
    menu = element(
        "button",
        icon("menu"),
        class_="button button-icon only-narrow",
        type="button",
        popovertarget="menu",
        aria_label=words("Menu"),
    )
    top = element(
        "header",
        menu,
        element("a", icon("gear"), "Sandbox", class_="mark", href="/"),
        element("span", words("Stand-ins on this machine. Nothing here is real."), class_="tenant"),
        element("span", class_="push"),
        language_link(request, words),
        element("a", words("To the shop"), class_="button only-wide", href=shop_url),
        class_="top",
    )
    main = element(
        "main",
        element(
            "div", element("h1", title), element("div", acts, class_="acts") if acts else None, class_="title"
        ),
        body,
        class_="work",
        id="content",
    )
    side = element("nav", links, class_="side", id="menu", popover=True, aria_label=words("Menu"))
    frame = element("div", side, main, class_="frame")
    return document(request, words, title=title, body=joined(top, frame), status=status)


def document(request: Request, words: Words, *, title: str, body: Markup, status: int = 200) -> HTMLResponse:
    """A whole document, with its language, style sheets and policy."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", f"{title} · Onerow sandbox"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="robots", content="noindex"),
        element("link", rel="icon", href="/static/mark.svg", type="image/svg+xml"),
        *(
            element("link", rel="stylesheet", href=f"/static/{name}.css")
            for name in ("tokens", "ops", "sandbox")
        ),
    )
    skip = element("a", words("Skip to content"), class_="skip", href="#content")
    html = element("html", head, element("body", skip, body), lang=words.html_language)
    response = HTMLResponse(
        f"<!doctype html>{html}",
        status_code=status,
        headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-store"},
    )
    if request.query_params.get("lang") in LANGUAGES:
        response.set_cookie(COOKIE, request.query_params["lang"], httponly=True, samesite="lax")
    return response


def language_link(request: Request, words: Words) -> Markup:
    """The same page in the other language."""
    other = next(code for code in LANGUAGES if code != words.language)
    query = [(name, value) for name, value in parse_qsl(request.url.query) if name != "lang"]
    return element(
        "a",
        LANGUAGES[other],
        class_="button button-plain",
        href=f"?{urlencode([*query, ('lang', other)])}",
        lang="en" if other == "en" else "sr-Latn",
    )


def panel(title: str, *children: Markup | None, name: str, foot: Markup | None = None) -> Markup:
    """A titled region."""
    return element(
        "section",
        element("div", element("h2", title, id=name), class_="panel-head"),
        *children,
        element("div", foot, class_="panel-foot") if foot else None,
        class_="panel",
        aria_labelledby=name,
    )


def padded(*children: Markup | str | None) -> Markup:
    return element("div", *children, class_="panel-body stack")


def empty(title: str, text: str = "") -> Markup:
    return element("div", element("h3", title), element("p", text) if text else None, class_="empty")


def moment(text: str) -> Markup:
    """A stored time as a person reads it."""
    at = datetime.fromisoformat(text).astimezone(BELGRADE)
    return element("time", at.strftime("%d.%m.%Y. %H:%M:%S"), datetime=at.isoformat(), class_="num")


def _is_here(path: str, here: str) -> bool:
    return here == path or (path != "/" and here.startswith(path))
