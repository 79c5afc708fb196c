"""Tags and filters of the shared visual language; `{% load front %}`. The list for page writers is in README.md."""

from collections.abc import Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from django import template
from django.conf import settings
from django.forms import BaseForm, BoundField
from django.http import HttpRequest, QueryDict
from django.templatetags.static import static
from django.urls import reverse, translate_url
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from retail.front import charts, formats, menu
from retail.front.covers import version_of
from retail.front.frame import frame_part
from retail.front.states import state_of
from retail.front.views import PREFERENCES
from retail.kernel import clock
from retail.kernel.script import to_cyrillic

register = template.Library()
type_of_moment = datetime | None


def _language() -> str:
    return get_language() or "en"


# ------------------------------------------------------------------ signs and states
@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    """`{% icon "truck" %}`; `extra` adds classes. Always decoration: the word beside it or `aria-label` speaks."""
    return _icon(name, extra)


@lru_cache(maxsize=512)
def _icon(name: str, extra: str) -> SafeString:
    """A page has dozens, and each is the same for as long as the process lives."""
    classes = f"icon {extra}" if extra else "icon"
    return format_html(
        '<svg class="{}" aria-hidden="true"><use href="{}#i-{}"/></svg>',
        classes,
        static("front/icons.svg"),
        name,
    )


@register.filter
def inline_svg(drawing: str) -> SafeString:
    """A drawing made by our own code (a QR code), put into the page: the content policy refuses data addresses."""
    return mark_safe(drawing[drawing.index("<svg") :])  # noqa: S308 never a visitor's text


@register.simple_tag
def chip(kind: str, code: Any, extra: Any = "") -> SafeString:
    """`{% chip "order" order.status %}`: tone, icon and word of a state; `extra` follows the word."""
    if not code:
        return SafeString("")
    state = state_of(kind, str(code))
    tone = "" if state.tone == "idle" else f" tone-{state.tone}"
    words = f"{state.word} {extra}".strip()
    return format_html('<span class="chip{}">{}{}</span>', tone, icon(state.icon), words)


@register.simple_tag
@lru_cache(maxsize=1024, typed=True)  # a safe text and a plain one are not the same
def tag_chip(tone: str, icon_name: str, words: Any) -> SafeString:
    """A chip that is not a state: `{% tag_chip "good" "star" "Tier 2" %}`."""
    return format_html(
        '<span class="chip{}">{}{}</span>', "" if tone == "idle" else f" tone-{tone}", icon(icon_name), words
    )


@register.simple_tag
def state_word(kind: str, code: Any) -> str:
    return str(state_of(kind, str(code)).word)


@register.simple_tag
def state_icon(kind: str, code: Any) -> SafeString:
    """The icon in its tone, for timelines and funnels."""
    state = state_of(kind, str(code))
    return icon(state.icon, f"tone-{state.tone}")


# ------------------------------------------------------------------ amounts, numbers, moments
@register.filter
def money(value: Any, currency: str = "") -> str:
    """`{{ order.total|money:order.currency }}` or `{{ price|money }}`: `1.039,20 RSD`."""
    return formats.money_text(value, _language(), currency)


@register.filter
def amount(value: Any) -> str:
    """Two decimals without the currency, for columns whose head names it."""
    return formats.number_text(getattr(value, "amount", value), _language(), 2)


@register.filter
def num(value: Any, places: int | None = None) -> str:
    return formats.number_text(value, _language(), places)


@register.filter
def percent(value: Any, places: int | None = None) -> str:
    """`{{ rate|percent }}`: 10.00 is `10 %`; the value is in per cents, not a fraction."""
    return formats.percent_text(value, _language(), places)


@register.filter
def signed(value: Any) -> str:
    """A difference always shows its sign: `+12`, `−259,80`."""
    text = formats.number_text(value, _language())
    return f"+{text}" if value and not text.startswith((formats.MINUS, formats.NOTHING)) else text


@register.filter
def day(value: date | datetime | None) -> str:
    return formats.day_text(value, _language())


@register.filter
def short_day(value: date | datetime | None) -> str:
    return formats.short_day_text(value, _language())


@register.filter
def full_date(value: date | datetime | None) -> str:
    return formats.date_text(value, _language())


@register.filter
def hour(value: type_of_moment) -> str:
    return formats.clock_text(value)


@register.filter
def when(value: type_of_moment) -> SafeString:
    """Local date and time in a `<time>` element."""
    return _time(value, formats.when_text(value, _language()))


@register.filter
def ago(value: type_of_moment) -> SafeString:
    """`danas 10:31`, `juče 18:02`, else the date; in a `<time>` element."""
    return _time(value, formats.ago_text(value, clock.now()))


@register.filter
def waited(since: type_of_moment) -> str:
    """How long something has waited: `3 h 12 min`."""
    return formats.NOTHING if since is None else formats.span_text(clock.now() - since)


def _time(value: type_of_moment, words: str) -> SafeString:
    if value is None:
        return SafeString(words)
    return format_html(
        '<time datetime="{}">{}</time>', formats.local(value).isoformat(timespec="seconds"), words
    )


@register.inclusion_tag("front/parts/hold.html")
def hold(until: datetime) -> dict[str, Any]:
    """`{% hold basket.expires_at %}`: the notice of held stock; the server gives the absolute time, script counts down."""
    now = clock.now()
    return {
        "until": until,
        "iso": formats.local(until).isoformat(timespec="seconds"),
        "minutes": formats.minutes_left(until, now),
        "seconds": max(0, int((until - now).total_seconds())),
    }


# ------------------------------------------------------------------ script and language
@register.filter
def script(value: Any) -> Any:
    """Serbian text of the data in the reader's script. Never on codes, addresses, brands or foreign titles."""
    if value is None or _language() != "sr-cyrl":
        return value
    text = to_cyrillic(str(value))
    return mark_safe(text) if isinstance(value, SafeString) else text  # noqa: S308 only letters were exchanged


LANGUAGE_MARKS = {
    "sr-latn": ("Lat", "sr-Latn"),
    "sr-cyrl": ("\u040b\u0438\u0440", "sr-Cyrl"),
    "en": ("EN", "en"),
}


@register.simple_tag
def lang_code(language: str = "") -> str:
    """The value of `<html lang>`: `sr-Latn`, `sr-Cyrl` or `en`."""
    return LANGUAGE_MARKS.get(language or _language(), ("", "en"))[1]


@register.simple_tag(takes_context=True)
def languages(context: template.Context) -> list[dict[str, Any]]:
    """This same page in each language: code, short mark, name, address, whether it is the present one."""
    request = context.get("request")
    found: list[dict[str, Any]] | None = getattr(request, "front_languages", None)
    if found is not None:
        return found
    path = request.get_full_path() if request else "/"
    present = _language()
    addresses = {
        code: path if code == present else translate_url(path, code) for code, name in settings.LANGUAGES
    }
    found = [
        {
            "mark": LANGUAGE_MARKS.get(code, (code, code))[0],
            "lang": lang_code(code),
            "name": name,
            "url": addresses[code],
            "absolute": f"{settings.BASE_URL}{addresses[code]}",
            "is_current": code == present,
        }
        for code, name in settings.LANGUAGES
    ]
    if request is not None:
        request.front_languages = found
    return found


# ------------------------------------------------------------------ frames
@register.simple_tag(takes_context=True)
def part(context: template.Context, name: str) -> Any:
    """`{% part "basket_count" as count %}`: what a later room registered for the frame, or None."""
    request = context.get("request")
    known = getattr(request, "parts", {})
    return known[name] if name in known else frame_part(name, request)


@register.simple_tag(takes_context=True)
def ops_menu(context: template.Context) -> Any:
    return menu.menu(menu.OPS, context.get("request"))


@register.simple_tag
def retailer() -> str:
    """The shop's own name, in the script of the page."""
    return str(script(str(getattr(settings, "RETAILER_NAME", "Prelist"))))


@register.simple_tag(takes_context=True)
def preference(context: template.Context, name: str) -> str:
    """The visitor's choice from the cookie, or "" when none of the known ones."""
    request = context.get("request")
    value = request.COOKIES.get(name, "") if request else ""
    return value if value in PREFERENCES[name] else ""


@register.simple_tag(takes_context=True)
def who(context: template.Context) -> str:
    """The signed-in person's short name, else e-mail, else nothing."""
    user = getattr(context.get("request"), "user", None)
    if user is None or not user.is_authenticated:
        return ""
    return str(user.get_short_name() or getattr(user, "email", "") or user)


# ------------------------------------------------------------------ addresses
@register.simple_tag(takes_context=True)
def qs(context: template.Context, **changes: Any) -> str:
    """`?…` of this page with some keys replaced; None or "" removes one. A changed filter starts at the first page."""
    query = _query(context)
    if "page" not in changes and "after" not in changes:
        query.pop("page", None)
        query.pop("after", None)
    for key, value in changes.items():
        query.pop(key, None)
        if value not in (None, ""):
            query[key] = str(value)
    return f"?{query.urlencode()}" if query else "?"


@register.simple_tag(takes_context=True)
def qs_toggle(context: template.Context, key: str, value: Any) -> str:
    """The address with one value of a many-valued filter put in or taken out."""
    query = _query(context)
    chosen = query.getlist(key)
    rest = [other for other in chosen if other != str(value)]
    query.setlist(key, rest if len(rest) < len(chosen) else [*chosen, str(value)])
    query.pop("page", None)
    query.pop("after", None)
    return f"?{query.urlencode()}" if query.urlencode() else "?"


def _query(context: template.Context) -> QueryDict:
    request: HttpRequest | None = context.get("request")
    return request.GET.copy() if request else QueryDict(mutable=True)


@register.simple_tag(takes_context=True)
def sort_head(context: template.Context, key: str, title: Any, extra: str = "") -> SafeString:
    """A `<th>` that sorts by link: `?sort=key`, again `?sort=-key`; says its order by `aria-sort`."""
    now = _query(context).get("sort", "")
    order = {key: "ascending", f"-{key}": "descending"}.get(now, "")
    mark = format_html(' aria-sort="{}"', order) if order else ""
    classes = format_html(' class="{}"', extra) if extra else ""
    target = qs(context, sort=f"-{key}" if now == key else key)
    sign = icon("open", "flip" if order == "ascending" else "") if order else ""
    return format_html('<th scope="col"{}{}><a href="{}">{}{}</a></th>', mark, classes, target, title, sign)


@register.simple_tag
def cover_url(code: str, title: str, author: str = "") -> str:
    """Address of the drawn cover, versioned by its words."""
    return f"{reverse('front:cover', args=[code])}?v={version_of(title, author)}"


# ------------------------------------------------------------------ parts
@register.inclusion_tag("front/parts/pages.html", takes_context=True)
def pages(context: template.Context, page: Any) -> dict[str, Any]:
    """Numbered pages of a Django `Page`."""
    return {
        "request": context.get("request"),
        "page": page,
        "numbers": page.paginator.get_elided_page_range(page.number),
    }


@register.inclusion_tag("front/parts/waterfall.html")
def waterfall(table: Any) -> dict[str, Any]:
    return {"table": table}


@register.inclusion_tag("front/parts/bar_chart.html")
def bar_chart(chart: charts.BarChart, ident: str) -> dict[str, Any]:
    """Inline SVG with its finding as title and the same numbers as a table; `ident` names it on the page."""
    return {"chart": chart, "drawing": charts.draw(chart), "ident": ident}


@register.simple_tag
def terms_bar(terms: Sequence[charts.Term], scale: float) -> SafeString:
    """The bar of a candidate: its cost terms on the table's one scale, spoken whole."""
    spoken = ", ".join(
        f"{term.name} {formats.number_text(round(float(term.value), 2), _language())}" for term in terms
    )
    rects = format_html_join(
        "",
        '<rect class="{}" x="{}" width="{}" height="18"/>',
        ((part.colour, str(part.x), str(part.width)) for part in charts.stack(terms, float(scale))),
    )
    return format_html(
        '<svg viewBox="0 0 400 18" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<rect class="ghost" width="400" height="18" rx="2"/>{}</svg>',
        spoken,
        rects,
    )


@register.simple_tag
def spark(values: Sequence[float]) -> SafeString:
    return format_html(
        '<svg class="spark" viewBox="0 0 104 36" aria-hidden="true"><path class="l1" d="{}"/></svg>',
        charts.spark([float(v) for v in values]),
    )


@register.simple_block_tag
def notice(content: str, tone: str = "info", role: str = "") -> SafeString:
    """`{% notice "warn" %}…{% endnotice %}`: a message that stays; `role="alert"` when it answers an act."""
    sign = {"good": "ok", "info": "info", "warn": "alert", "bad": "no", "busy": "gear", "idle": "no"}[tone]
    spoken = format_html(' role="{}"', role) if role else ""
    body = mark_safe(content.strip())  # noqa: S308 what a template rendered is escaped already
    return format_html('<div class="notice tone-{}"{}>{}<div>{}</div></div>', tone, spoken, icon(sign), body)


# ------------------------------------------------------------------ forms
INPUT_MODES = {"email": "email", "tel": "tel", "number": "numeric", "url": "url", "search": "search"}


@register.inclusion_tag("front/parts/field.html")
def field(bound: BoundField, classes: str = "", hint: Any = "") -> dict[str, Any]:
    """One form field by design: label, hint, error between hint and control; optional ones are marked."""
    widget = bound.field.widget
    kind = getattr(widget, "input_type", "") or type(widget).__name__.lower()
    is_group = bound.field.widget.use_fieldset
    hint = hint or bound.help_text
    ident = bound.auto_id or bound.html_name
    described = " ".join(n for n in (f"{ident}-h" if hint else "", f"{ident}-e" if bound.errors else "") if n)
    attrs: dict[str, Any] = {}
    if described:
        attrs["aria-describedby"] = described
    if bound.errors:
        attrs["aria-invalid"] = "true"
    if kind in INPUT_MODES:
        attrs.setdefault("inputmode", widget.attrs.get("inputmode", INPUT_MODES[kind]))
    if kind not in ("checkbox", "radio", "file"):
        attrs["class"] = f"input {widget.attrs.get('class', '')}".strip()
    return {
        "field": bound,
        "control": bound.as_widget(attrs=attrs) if not is_group else "",
        "choices": list(bound) if is_group else [],
        "kind": kind,
        "is_group": is_group,
        "hint": hint,
        "ident": ident,
        "described": described,
        "classes": classes,
    }


@register.inclusion_tag("front/parts/errors.html")
def errors(form: BaseForm | None) -> dict[str, Any]:
    """The box that comes first in a refused form: takes focus, lists each error as a link to its field."""
    if form is None or not form.is_bound or not form.errors:
        return {"entries": []}
    entries = [
        {"text": text, "label": "", "target": ""}
        if name == "__all__"
        else {
            "text": text,
            "label": form[name].label,
            "target": form[name].id_for_label or form[name].auto_id,
        }
        for name, texts in form.errors.items()
        for text in texts
    ]
    return {"entries": entries, "fields": sum(1 for e in entries if e["target"])}


@register.filter
def error_title(form: BaseForm | None) -> str:
    """Goes before the page title of a refused form, so that the reader hears it first."""
    return f"{_('Error')}: " if form is not None and getattr(form, "is_bound", False) and form.errors else ""
