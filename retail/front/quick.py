"""Pages that are read most: their templates are Jinja's, and the frame around them is kept in the process.

The frame is that of `front/shop_base.html`, drawn by Django's templates once for each language, theme and state of the tools
(store, account, units in the basket), and kept in pieces between the places where a page says its own. Nothing of a product, a
price or a stock lies in it. A page's template (`jinja2/` of its room) gives the blocks `title`, `description`, `head`, `content`;
what it leaves out or empty is the frame's own. Words, amounts and addresses are bound to the language when its environment is
made, so a page asks no thread about it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from typing import Any, TypeVar

from django.apps import apps
from django.conf import settings
from django.contrib.messages import get_messages
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CSRF_ALLOWED_CHARS, CSRF_SECRET_LENGTH
from django.template import Context
from django.template.defaultfilters import linebreaks_filter, truncatechars
from django.template.loader import render_to_string
from django.urls import get_script_prefix, reverse
from django.utils import translation
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from jinja2.ext import Extension
from markupsafe import Markup, escape

from retail.front import formats
from retail.front.covers import version_of
from retail.front.frame import frame_part
from retail.front.templatetags import front
from retail.front.templatetags.front import LANGUAGE_MARKS, icon, lang_code, notice, qs, tag_chip
from retail.front.views import PREFERENCES
from retail.kernel import clock
from retail.kernel.script import to_cyrillic

View = TypeVar("View", bound=Callable[..., Any])
FRAMES_KEPT = 256
DRAWN_KEPT = 8192
# Descriptions in another form, by their text.
TEXTS_KEPT = 1024
_SIGNS = {sign: place for place, sign in enumerate(CSRF_ALLOWED_CHARS)}
BLOCKS = ("title", "description", "head", "content")
_BLOCK = re.compile(f"\x02({'|'.join(BLOCKS)})\x03")
_SLOT = re.compile("\x02([a-z_0-9-]+)\x03")


# ------------------------------------------------------------------ words, amounts and addresses of one language
class Words:
    """The translations of one language, each looked up once in the life of the process."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._known: dict[str, str] = {}

    def __call__(self, message: str) -> str:
        found = self._known.get(message)
        if found is None:
            with translation.override(self.language):
                found = self._known[message] = translation.gettext(message)
        return found

    def of(self, context: str, message: str) -> str:
        key = f"{context}\x04{message}"
        found = self._known.get(key)
        if found is None:
            with translation.override(self.language):
                found = self._known[key] = translation.pgettext(context, message)
        return found

    def count(self, singular: str, plural: str, number: int, **values: Any) -> str:
        """The form for this number; the values are put in, as `%(name)s`."""
        text = _form(self.language, singular, plural, number)
        return text % values if values else text


@lru_cache(maxsize=4096)
def _form(language: str, singular: str, plural: str, number: int) -> str:
    with translation.override(language):
        return translation.ngettext(singular, plural, number)


class Addresses:
    """Addresses of one language. What stands in an address is a slug or a path of slugs, so it is put in as it is."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._fixed: dict[str, str] = {}
        self._around: dict[str, tuple[str, str]] = {}

    def __call__(self, name: str) -> str:
        found = self._fixed.get(name)
        if found is None:
            with translation.override(self.language):
                found = self._fixed[name] = reverse(name)
        return found

    def of(self, name: str, slug: str) -> str:
        """The address with one slug (or path of slugs) in it."""
        around = self._around.get(name)
        if around is None:
            with translation.override(self.language):
                before, _, after = reverse(name, args=["slot0"]).partition("slot0")
            around = self._around[name] = (before, after)
        return f"{around[0]}{slug}{around[1]}"


@cache
def words(language: str) -> Words:
    return Words(language)


@cache
def addresses(language: str) -> Addresses:
    return Addresses(language)


def addresses_here() -> Addresses:
    """The same for views: addresses in the language of this request."""
    return addresses(translation.get_language() or settings.LANGUAGE_CODE)


def here(name: str, slug: str = "") -> str:
    """One of them."""
    found = addresses_here()
    return found.of(name, slug) if slug else found(name)


def _in_script(value: Any) -> Any:
    return value if value is None else to_cyrillic(str(value))


def _as_it_is(value: Any) -> Any:
    return value


def _cover_url(url: Addresses, code: str, title: str, author: str = "") -> str:
    return f"{url.of('front:cover', code)}?v={version_of(title, author)}"


def _notice(tone: str, text: str) -> Markup:
    return Markup(notice(f"<p>{escape(text)}</p>", tone))  # noqa: S704 - escaped in both


def _qs(request: HttpRequest, **changes: Any) -> str:
    return qs(Context({"request": request}), **changes)


@lru_cache(maxsize=TEXTS_KEPT)
def _linebreaks(text: str) -> Markup:
    return Markup(linebreaks_filter(text, autoescape=True))  # noqa: S704 - Django has escaped it


@lru_cache(maxsize=TEXTS_KEPT)
def _shortened(text: str, length: int) -> str:
    # Django walks through all of a text, of which the beginning is shown.
    short: str = truncatechars(text[: length * 3], length)
    if len(text) > length * 3 and not short.endswith("…"):  # almost only signs that stand upon others
        short = truncatechars(text, length)
    return short


class FixedCalls(Extension):
    """`{{ _("Home") }}`, `{{ icon("star") }}` and `{{ url("shop:stores") }}` say the same on every page: they are asked when the template is loaded."""

    _CALL = re.compile(r"""\{\{ (_|icon|url)\((["'])([^"'{}]*)\2\) \}\}""")

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        return self._CALL.sub(self._said, source)

    def _said(self, found: re.Match[str]) -> str:
        say: Any = self.environment.globals[found[1]]
        answer = str(escape(say(found[3])))
        return found[0] if "{" in answer else answer


class Included(Extension):
    """`{% include "shop/parts/ways.html" %}` is read as the text of that part: at each page, a context of its own costs as much as what it says."""

    _PART = re.compile(r"""\{% include "([^"{}]+)" %\}""")

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        return self._PART.sub(self._text, source)

    def _text(self, found: re.Match[str]) -> str:
        loader = self.environment.loader
        assert loader is not None, "the environment is made with one"
        return self.preprocess(loader.get_source(self.environment, found[1])[0].removesuffix("\n"), found[1])


class PlainEnvironment(Environment):
    """What every template knows is one dictionary: Jinja lays one over another, and walks through both for each page."""

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        return {**self.globals, **(d or {})}


@cache
def environment(language: str) -> Environment:
    """Jinja with the tags and filters of the shared visual language, bound to one language."""
    folders = [f"{config.path}/jinja2" for config in apps.get_app_configs()]
    made = PlainEnvironment(
        loader=FileSystemLoader(folders),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=settings.DEBUG,
        cache_size=-1,
        extensions=[FixedCalls] if settings.DEBUG else [Included, FixedCalls],
    )
    word, url = words(language), addresses(language)
    made.globals |= {
        "_": word,
        "ngettext": word.count,
        "pgettext": word.of,
        "url": url,
        "url_of": url.of,
        "icon": icon,
        "tag_chip": tag_chip,
        "notice": _notice,
        "field_parts": front.field,
        "error_parts": front.errors,
        "error_title": front.error_title,
        "qs": _qs,
        "drawn": partial(_drawn, language),
        "cover_url": partial(_cover_url, url),
    }
    made.filters |= {
        "money": lambda value, currency: formats.money_text(value, language, currency),
        "num": lambda value, places=None: formats.number_text(value, language, places),
        "script": _in_script if language == "sr-cyrl" else _as_it_is,
        "amount": lambda value: formats.number_text(value, language, 2),
        "day": lambda value: formats.day_text(value, language),
        "short_day": lambda value: formats.short_day_text(value, language),
        "hour": formats.clock_text,
        "linebreaks": _linebreaks,
        "truncatechars": _shortened,
    }
    return made


@cache
def _template(language: str, name: str) -> Template:
    return environment(language).get_template(name)


@lru_cache(maxsize=DRAWN_KEPT)
def _drawn(language: str, template: str, macro: str, *values: Any) -> Markup:
    """A part that says nothing but these values, as `drawn("shop/parts/card.html", "card", book)`: for the same ones it is drawn once."""
    text: Markup = getattr(_template(language, template).module, macro)(*values)
    return text


# ------------------------------------------------------------------ the frame
@dataclass(frozen=True, slots=True)
class Frame:
    """The kept text before, between and after the blocks of a page: texts and names of slots in turn."""

    around: tuple[tuple[str, ...], ...]
    description: Markup

    def filled(self, values: Mapping[str, str]) -> list[Markup]:
        return [
            Markup("".join([values[each] if place % 2 else each for place, each in enumerate(pieces)]))  # noqa: S704
            for pieces in self.around
        ]


@dataclass(frozen=True, slots=True)
class _Key:
    """Everything that decides what the kept pieces say."""

    language: str
    theme: str
    path: str
    aisles: tuple[tuple[str, str], ...]
    year: int
    store: str | None
    account: str | None
    units: int


class _Reader:
    """Stands for a request while the frame is drawn: what differs from page to page are slots."""

    def __init__(self, key: _Key) -> None:
        self.path = key.path
        self.COOKIES = {"theme": key.theme}
        self.parts = {
            "aisles": key.aisles,
            "my_store": key.store,
            "account": key.account,
            "basket_count": key.units,
        }
        self.front_languages = [
            {
                "mark": LANGUAGE_MARKS.get(code, (code, code))[0],
                "lang": lang_code(code),
                "name": name,
                "url": f"\x02in-{code}\x03",
                "absolute": f"{settings.BASE_URL}\x02alt-{code}\x03",
                "is_current": code == key.language,
            }
            for code, name in settings.LANGUAGES
        ]

    def get_full_path(self) -> str:
        return "\x02here\x03"


@lru_cache(maxsize=FRAMES_KEPT)
def _frame(key: _Key) -> Frame:
    context = {
        "request": _Reader(key),
        "csrf_token": "\x02token\x03",
        "query": "\x02query\x03",
        "slots": {name: f"\x02{name}\x03" for name in (*BLOCKS, "stays", "toasts")},
    }
    text = render_to_string("front/shop_slots.html", context)
    parts = _BLOCK.split(text)
    assert tuple(parts[1::2]) == BLOCKS, "the frame has its blocks in another order"
    own = render_to_string("front/shop_base.html", context)
    return Frame(
        tuple(tuple(_SLOT.split(part)) for part in parts[::2]),
        Markup(_between(own, '<meta name="description"', ">")),  # noqa: S704
    )


def _between(text: str, start: str, end: str) -> str:
    at = text.index(start)
    return text[at : text.index(end, at) + len(end)]


def forget_frames() -> None:
    _frame.cache_clear()


def _key(request: HttpRequest, language: str, *, has_aisles: bool) -> _Key:
    aisles = tuple(frame_part("aisles", request) or ()) if has_aisles else ()
    theme = request.COOKIES.get("theme", "")
    return _Key(
        language=language,
        theme=theme if theme in PREFERENCES["theme"] else "",
        path=request.path if any(request.path == url for _, url in aisles) else "",
        aisles=aisles,
        year=clock.business_date(clock.now()).year,
        store=frame_part("my_store", request),
        account=frame_part("account", request),
        units=frame_part("basket_count", request) or 0,
    )


def _here_in_every_language(path: str, present: str) -> dict[str, str]:
    """This address in each language: only what stands first in it differs."""
    root = get_script_prefix()
    prefix = "" if present == settings.LANGUAGE_CODE else f"{present}/"
    bare = path.removeprefix(f"{root}{prefix}")
    return {
        f"in-{code}": escape(f"{root}{'' if code == settings.LANGUAGE_CODE else f'{code}/'}{bare}")
        for code, _ in settings.LANGUAGES
    }


def _said(request: HttpRequest, token: str) -> dict[str, str]:
    """The messages after an act: what stays, and what goes by itself."""
    messages = list(get_messages(request))
    if not messages:
        return {"stays": "", "toasts": ""}
    context = {"messages": messages, "csrf_token": token}
    stays = render_to_string("front/parts/stays.html", context)
    return {
        "stays": f'<div class="wrap stack">{stays}</div>',
        "toasts": render_to_string("front/parts/toasts.html", context),
    }


# ------------------------------------------------------------------ the secret of forms
def _random_text() -> str:
    """As Django makes it, of one random number instead of 32."""
    number, signs = int.from_bytes(os.urandom(32)), []
    for _ in range(CSRF_SECRET_LENGTH):
        number, place = divmod(number, len(CSRF_ALLOWED_CHARS))
        signs.append(CSRF_ALLOWED_CHARS[place])
    return "".join(signs)


def token_of(request: HttpRequest) -> str:
    """Django's token of this answer: the cookie's secret under a mask of its own."""
    if "CSRF_COOKIE" not in request.META:
        request.META["CSRF_COOKIE"] = _random_text()
    request.META["CSRF_COOKIE_NEEDS_UPDATE"] = True
    mask = _random_text()
    masked = [
        CSRF_ALLOWED_CHARS[(_SIGNS[sign] + _SIGNS[over]) % len(CSRF_ALLOWED_CHARS)]
        for sign, over in zip(request.META["CSRF_COOKIE"], mask, strict=True)
    ]
    return mask + "".join(masked)


# ------------------------------------------------------------------ the page
def for_strangers(view: View) -> View:
    """A page that needs neither session nor account nor messages of who has not signed in: `retail/strangers.py` may ask it."""
    view.is_for_strangers = True  # type: ignore[attr-defined]
    return view


def is_for_strangers(view: Any) -> bool:
    return bool(getattr(view, "is_for_strangers", False))


def page(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any],
    *,
    status: int = 200,
    has_aisles: bool = True,
) -> HttpResponse:
    """The whole page: the blocks of its template inside the frame, with the departments unless they would only distract.

    `canonical` in the context is the page's one address, where the address asked for says more than that.
    """
    language = translation.get_language() or settings.LANGUAGE_CODE
    token, path = token_of(request), request.get_full_path()
    frame = _frame(_key(request, language, has_aisles=has_aisles))
    values = {"token": token, "here": escape(path), "query": escape(context.get("query", ""))}
    values |= _here_in_every_language(path, language) | _said(request, token)
    own = _here_in_every_language(context.get("canonical", path), language)
    values |= {name.replace("in-", "alt-"): url for name, url in own.items()}
    text = _template(language, template).render(
        context,
        request=request,
        csrf_token=token,
        here=path,
        frame=frame.filled(values),
        description=frame.description,
    )
    return HttpResponse(text, status=status)


def part(request: HttpRequest, template: str, context: Mapping[str, Any]) -> str:
    """A part of such a page without the frame, for htmx and for templates of the other kind."""
    language = translation.get_language() or settings.LANGUAGE_CODE
    values = {
        **context,
        "request": request,
        "csrf_token": token_of(request),
        "here": request.get_full_path(),
    }
    return _template(language, template).render(values)
