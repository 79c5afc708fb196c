"""Forms of pages: sent and thanked for, confirmed by the link of a letter, read and taken away by staff."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from django.core.paginator import Paginator
from django.db.models import Count, Max
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from wagtail.models import Page

from cms.models import CampaignPage, FormAnswer, ShopPage
from cms.views import pages, viewer
from cms.views.answer_forms import SENT, AnswerForm
from cms.views.parts import Block, Tongue, here, shown_blocks
from cms.workflows import answers
from retail.front.formats import cell_text
from retail.kernel import clock
from retail.kernel.access import EDIT_CAMPAIGNS, VIEW_CUSTOMERS, may, staff_page
from retail.rest.throttles import count_request
from storefront.views import shopper

REQUESTS_A_MINUTE = 10
LISTED = 30


# ------------------------------------------------------------------ the reader
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def send(request: HttpRequest, page_id: int, form: str) -> HttpResponse:
    """What is wrong is said on the page itself, with everything typed; a reload of a refused form leads back to it."""
    page = _open_page(page_id)
    if request.method != "POST":
        return redirect(here(page.url_path))
    seen_by = viewer.of(request)
    block = next((each for each in shown_blocks(page, seen_by) if each.is_form(form)), None)
    if block is None:
        raise Http404("no such form")
    tongue = Tongue(shopper.language(), page.locale.language_code)
    filled = AnswerForm.sent(block.id, block.value["fields"], tongue.say, request)
    status = 422
    if filled.is_valid() and not filled.is_trapped:
        if count_request(f"form:{shopper.client_hash(request)[:24]}") <= REQUESTS_A_MINUTE:
            _keep(request, page, block, filled)
        else:
            filled.add_error(None, _("That was many times in a minute. Try again in a minute."))
            status = 429
    if filled.errors and not filled.is_trapped:
        return pages.drawn(page, viewer.of(request, refused=filled), status=status)
    # A program that walked into the trap is thanked like everybody: it learns nothing.
    return redirect(f"{here(page.url_path)}?{SENT}={block.id}#b-{block.id}")


def _keep(request: HttpRequest, page: ShopPage, block: Block, filled: AnswerForm) -> None:
    answers.answer_form(
        sent=answers.Sent(
            page_id=page.pk,
            page_title=page.title,
            form=block.id,
            form_name=block.value["heading"],
            key=filled.key,
            language=shopper.language(),
            email=filled.email,
            answers=filled.answers,
            consents=filled.agreed,
        ),
        customer=shopper.customer_of(request),
        by=shopper.user_of(request),
        now=clock.now(),
    )


def _open_page(page_id: int) -> ShopPage:
    """A live page of ours; a campaign's only while the campaign is on."""
    found = Page.objects.live().filter(pk=page_id).first()
    page = found.specific if found else None
    if not isinstance(page, ShopPage):
        raise Http404("no such page")
    if isinstance(page, CampaignPage) and pages.why_closed(page.campaign, clock.now()):
        raise Http404("the campaign of this page is not on")
    return page


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """The link of the letter opens a page with one button, since a look changes nothing."""
    if request.method == "POST":
        try:
            answers.confirm_answer(token=token, now=clock.now())
        except answers.FormAnswerNotFound as error:
            raise Http404("nothing to confirm") from error
        return redirect("form_confirm", token)
    answer = FormAnswer.objects.filter(token=token).exclude(email="").exclude(consents=[]).first()
    if answer is None:
        raise Http404("nothing to confirm")
    return render(request, "cms/confirm.html", {"answer": answer})


# ------------------------------------------------------------------ the back office
@require_safe
@staff_page(VIEW_CUSTOMERS)
def answer_list(request: HttpRequest) -> HttpResponse:
    """The newest first, of one form or of all."""
    forms = list(
        FormAnswer.objects.order_by()
        .values("form")
        .annotate(name=Max("form_name"), page_title=Max("page_title"), count=Count("pk"), last=Max("pk"))
        .order_by("-last")
    )
    chosen = next((each for each in forms if each["form"] == request.GET.get("form")), None)
    rows = FormAnswer.objects.select_related("customer").order_by("-answered_at", "-pk")
    if chosen:
        rows = rows.filter(form=chosen["form"])
    return render(
        request,
        "cms/ops/answers.html",
        {
            "page": Paginator(rows, LISTED).get_page(request.GET.get("page")),
            "forms": forms,
            "chosen": chosen,
            "may_export": may(request.user, EDIT_CAMPAIGNS),
            "now": clock.now(),
        },
    )


@require_POST
@staff_page(EDIT_CAMPAIGNS)
def export(request: HttpRequest, form: str) -> HttpResponse:
    assert request.user.is_authenticated, "the guard lets in staff only"
    try:
        found = answers.export_answers(form=form, by=request.user, now=clock.now())
    except answers.FormAnswerNotFound as error:
        raise Http404("nobody has answered") from error
    answer = HttpResponse(_table(found), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="answers-{form}.csv"'
    return answer


def _table(found: Iterable[FormAnswer]) -> str:
    """A column for each question that was ever asked in the form, in the order in which they came up."""
    rows = list(found)
    questions = list(dict.fromkeys(each["label"] for row in rows for each in row.answers))
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["answered_at", "page", "language", "customer", "confirmed_at", *questions])
    for row in rows:
        said = {each["label"]: each["value"] for each in row.answers}
        writer.writerow(
            [
                row.answered_at.isoformat(),
                _cell(row.page_title),
                row.language,
                row.customer.public_id if row.customer else "",
                row.confirmed_at.isoformat() if row.confirmed_at else "",
                *(_cell(said.get(question, "")) for question in questions),
            ]
        )
    return "\ufeff" + out.getvalue()


def _cell(value: str | bool) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return cell_text(value)
