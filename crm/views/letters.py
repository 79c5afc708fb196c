"""Every letter as customers get it: in each language and script, as HTML and as its plain twin."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET

from crm.letters import Written, write
from crm.letters.samples import SAMPLES
from retail.kernel.access import VIEW_CUSTOMERS, staff_page

LANGUAGES = ("sr-latn", "sr-cyrl", "en")
# A letter brings its own styles and nothing that acts; only a page of ours may frame it.
LETTER_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; frame-ancestors 'self'; sandbox"
)


def written(name: str, language: str) -> Written:
    if name not in SAMPLES or language not in LANGUAGES:
        raise Http404("no such letter")
    with translation.override(language):
        return write(SAMPLES[name][1](settings.BASE_URL, timezone.now()), language=language)


@require_GET
@staff_page(VIEW_CUSTOMERS)
def letters(request: HttpRequest) -> HttpResponse:
    """The list of letters, and the chosen one beside it."""
    name = request.GET.get("letter", next(iter(SAMPLES)))
    language = request.GET.get("language", LANGUAGES[0])
    shown = written(name, language)
    context = {
        "names": [(each, title) for each, (title, _sample) in SAMPLES.items()],
        "languages": [(code, str(dict(settings.LANGUAGES).get(code, code))) for code in LANGUAGES],
        "name": name,
        "title": SAMPLES[name][0],
        "language": language,
        "written": shown,
        "crumbs": [(_("Customers"), reverse("ops:customers")), (_("Letters"), "")],
    }
    return render(request, "crm/letters.html", context)


@require_GET
@xframe_options_sameorigin
@staff_page(VIEW_CUSTOMERS)
def letter(request: HttpRequest, name: str, language: str) -> HttpResponse:
    """The letter itself, for the frame of the page."""
    return HttpResponse(written(name, language).html, headers={"Content-Security-Policy": LETTER_POLICY})
