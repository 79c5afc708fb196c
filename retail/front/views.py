"""Drawn covers and the visitor's own preferences (theme, density, sound, keys)."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from retail.front.cover_art import cover_svg
from retail.front.covers import cover_text, version_of

HOUR = 3600
DAY = 24 * HOUR
YEAR = 365 * DAY
PREFERENCES = {
    "theme": ("light", "dark", "auto"),
    "density": ("tight", "normal", "roomy"),
    "sound": ("on", "off"),
    "keys": ("on", "off"),
}


@require_safe
def cover(request: HttpRequest, code: str) -> HttpResponse:
    """What stands for an ISBN or SKU in a row: its photograph where it has one, else its drawn cover.

    Rows of baskets, orders and shelves know a code and a title: they need not ask who has a photograph. A drawing
    is kept for a day only, so that a new photograph is seen.
    """
    words = cover_text(code)
    if words is None:
        return HttpResponse(status=404, content_type="text/plain; charset=utf-8")
    if words.photograph:
        photograph = HttpResponseRedirect(words.photograph)
        photograph["Cache-Control"] = f"public, max-age={HOUR}"
        return photograph
    answer = HttpResponse(
        cover_svg(code, words.title, words.author), content_type="image/svg+xml; charset=utf-8"
    )
    is_exact = request.GET.get("v") == version_of(words.title, words.author)
    answer["Cache-Control"] = f"public, max-age={DAY if is_exact else HOUR}"
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


@require_POST
def preference(request: HttpRequest) -> HttpResponse:
    """Remember one choice in a cookie and go back; the server draws it from the first byte, so nothing flashes."""
    name, value = request.POST.get("name", ""), request.POST.get("value", "")
    if value not in PREFERENCES.get(name, ()):
        return HttpResponse(status=400, content_type="text/plain; charset=utf-8")
    after = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        after, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    answer = HttpResponseRedirect(after if safe else "/")
    answer.set_cookie(name, value, max_age=YEAR, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE)
    return answer
