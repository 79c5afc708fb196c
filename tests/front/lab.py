"""Pages that exist only in tests: every shared part on each frame, with real addresses for the menus and the palette."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.conf.urls.i18n import i18n_patterns
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import include, path
from django.utils import timezone

from retail.front.charts import BarChart, Series, Term
from retail.front.parts import (
    Action,
    DiffRow,
    MoneyCell,
    PaletteEntry,
    PaletteGroup,
    TimelineEntry,
    Waterfall,
    WaterfallRow,
)
from retail.front.states import TABLE
from retail.front.toasts import toast_with

MORNING = datetime(2026, 11, 21, 9, 12, tzinfo=UTC)
CHIPS = """{% for kind, codes in table %}<section class="panel"><div class="panel-head"><h2>{{ kind }}</h2></div>
<div class="panel-body row">{% for code in codes %}{% chip kind code %}{% endfor %}</div></section>{% endfor %}"""
OPS = (
    """{% extends "front/ops_base.html" %}{% load i18n front %}
{% block title %}Parts{% endblock %}
{% block crumbs %}{% include "front/parts/crumbs.html" with crumbs=crumbs %}{% endblock %}
{% block content %}<div class="title"><h1>Delovi</h1>{% chip "order" "ON_HOLD" %}<div class="acts"><a class="button" data-key="e" href="#edit">{% icon "edit" %}Izmeni</a></div></div>
{% include "front/parts/money_strip.html" with cells=cells %}
<div class="columns columns-2">"""
    + CHIPS
    + """<section class="panel"><div class="panel-head"><h2>Obrazac</h2></div><div class="panel-body"><form class="stack" method="post" novalidate>{% csrf_token %}{% errors form %}{% include "front/parts/fields.html" %}<button class="button button-main">Sačuvaj</button></form></div></section>
<section class="panel"><div class="panel-head"><h2>Poruke</h2></div><div class="panel-body stack">{% notice "good" %}<p>Dobro.</p>{% endnotice %}{% notice "bad" "alert" %}<p>Nije.</p>{% endnotice %}{% include "front/parts/empty.html" with sign="route" title="Još nema pravila" text="Dok ga ne dodate, sve čeka." actions=actions %}</div></section>
<section class="panel"><div class="panel-head"><h2>Razlika</h2></div>{% include "front/parts/diff.html" with rows=rows %}{% include "front/parts/diff.html" with rows=rows stale=True %}</section>
<section class="panel"><div class="panel-head"><h2>Koliko može</h2></div>{% waterfall table_of_stock %}</section>
<section class="panel"><div class="panel-head"><h2>Grafikon</h2></div><div class="panel-body">{% bar_chart chart "hours" %}{% spark trend %}{% terms_bar terms 800 %}</div></section>
<section class="panel"><div class="panel-head"><h2>Tok</h2></div><div class="panel-body">{% include "front/parts/timeline.html" with entries=entries %}</div></section></div>
<section class="panel" aria-label="Lista"><form><div class="scroll" tabindex="0" role="region" aria-label="Tabela">
<table class="table table-sticky table-cards table-flow"><thead><tr><th scope="col"><input class="check" type="checkbox" data-check-all aria-label="Sve"></th>{% sort_head "number" "Porudžbina" %}<th scope="col" class="end">Iznos</th></tr></thead><tbody>
{% for row in page %}<tr><td><input class="check" type="checkbox" name="id" value="{{ row }}" aria-label="Izaberi {{ row }}"></td><th scope="row"><a class="key" href="#row-{{ row }}">{{ row }}</a></th><td class="end num">{{ amount|amount }}</td></tr>{% endfor %}
</tbody></table></div><div class="bulk" data-chosen hidden><b data-count>0</b> izabrano</div></form>{% pages page %}</section>{% endblock %}"""
)
SHOP = """{% extends "front/shop_base.html" %}{% load i18n front %}
{% block title %}Delovi{% endblock %}
{% block content %}<div class="wrap stack-lg">{% include "front/parts/crumbs.html" with crumbs=crumbs %}<h1>{{ "Šta čitaju Ljubav i Njegoš"|script }}</h1>
{% hold until %}<p class="price"><b>{{ amount|money:"RSD" }}</b></p><p>{{ promised|day }}, {{ rate|percent }}</p>
<ul class="cards" role="list"><li class="card"><div class="card-shelf"><img class="cover" src="{% cover_url "9788699900122" "Soba sa pogledom" "Jasna" %}" width="240" height="360" alt=""></div><div class="card-text"><h2><a href="#p">Soba sa pogledom</a></h2></div></li></ul>
<form class="stack-lg" method="post" novalidate>{% csrf_token %}{% errors form %}{% include "front/parts/fields.html" %}<button class="button button-main">Pošalji</button></form>
{% pages page %}<p><button class="button" type="button" hx-post="/toast/" hx-swap="none">Toast</button></p></div>{% endblock %}"""
SCAN = """{% extends "front/scan_base.html" %}{% load front %}{% block title %}Prikupljanje{% endblock %}{% block heading %}Prikupljanje{% endblock %}
{% block content %}{% include "front/parts/scan_result.html" %}<div class="task"><div class="where"><div><span class="label">Polica</span><p class="bin">P-2-08</p></div><p class="left"><b>2</b>još ovde</p></div>
{% include "front/parts/scan_field.html" with action="/scan/" label="Skeniraj knjigu" target="none" %}<p id="seen">{{ seen }}</p></div>{% endblock %}
{% block acts %}<nav class="acts" aria-label="Radnje"><a class="button" href="#none">{% icon "no" %}Nema je</a></nav>{% endblock %}"""


class LabForm(forms.Form):
    email = forms.EmailField(
        label="E-pošta", help_text="Samo za račun", widget=forms.EmailInput({"autocomplete": "email"})
    )
    note = forms.CharField(label="Napomena", required=False, widget=forms.Textarea({"rows": 2}))
    where = forms.ChoiceField(label="Objekat", choices=[("1", "Dobanovci"), ("2", "Terazije")])
    pay = forms.ChoiceField(
        label="Plaćanje", choices=[("a", "Karticom"), ("b", "Pouzećem")], widget=forms.RadioSelect
    )
    agree = forms.BooleanField(label="Slažem se")


def context_of(request: HttpRequest) -> dict[str, Any]:
    form = LabForm(request.POST or {}) if request.method == "POST" else LabForm()
    return {
        "form": form,
        "table": [(kind, list(codes)) for kind, codes in TABLE.items()],
        "crumbs": [("Porudžbine", "/ops/"), ("ORD-2026-104218", "")],
        "cells": [
            MoneyCell("Naručeno", Decimal("5009.20"), "3 stavke"),
            MoneyCell("Ostaje", Decimal(990), "pri slanju", "/ops/", "due"),
            MoneyCell("Nepoznato", None, state="even"),
        ],
        "actions": [Action("Napravi pravilo", "#n", "plus", is_main=True)],
        "rows": [DiffRow("Isporuka", "Bez plana", "Raspoređeno", "Bez plana"), DiffRow("Pošiljka", None, "SHP-1")],
        "table_of_stock": Waterfall([WaterfallRow("Na policama", 214, "#r"), WaterfallRow("Rezervisano", -37)], "Može", 177),
        "chart": BarChart("Najviše u 12", "Sat", ["11", "12"], Series("Danas", [88, 104]), Series("Prosek", [70, 86])),
        "trend": [3, 5, 4],
        "terms": [Term("prevoz", 310), Term("rad", 45)],
        "entries": [TimelineEntry("Poslato", MORNING, "Bojan", "truck", "info"), TimelineEntry("Beleška", MORNING, said="Zvao kupac")],
        "page": Paginator(range(104200, 104230), 10).get_page(request.GET.get("page")),
        "amount": Decimal("1039.20"),
        "promised": date(2026, 11, 24),
        "rate": Decimal("20.00"),
        "until": timezone.now() + timedelta(seconds=float(request.GET.get("left", 1020))),
    }  # fmt: skip


def drawn(source: str, request: HttpRequest, **more: Any) -> HttpResponse:
    context = context_of(request) | more
    form = context["form"]
    status = 422 if form.is_bound and not form.is_valid() else 200
    return HttpResponse(engines["django"].from_string(source).render(context, request), status=status)


def shop(request: HttpRequest) -> HttpResponse:
    return drawn(SHOP, request)


def ops(request: HttpRequest) -> HttpResponse:
    return drawn(OPS, request)


def scan(request: HttpRequest) -> HttpResponse:
    kind = {"": None, "wrong": "wrong"}.get(request.POST.get("code", ""), "good")
    result = {"kind": kind, "title": "Dobro", "text": request.POST.get("code")} if kind else None
    return drawn(SCAN, request, form=LabForm(), result=result, seen=request.POST.get("code", ""))


def palette(request: HttpRequest) -> HttpResponse:
    query = request.GET.get("q", "")
    if request.GET.get("go"):
        return HttpResponse(f"record {query}")
    found = [
        PaletteEntry(f"ORD-2026-{n}", f"/ops/?record={n}", "box", "porudžbina") for n in (104218, 104219)
    ]
    groups = [] if query == "nothing" else [PaletteGroup("Zapisi", found)]
    template = engines["django"].get_template("front/parts/palette_results.html")
    return HttpResponse(template.render({"groups": groups}, request))


def give_toast(request: HttpRequest) -> HttpResponse:
    return toast_with(HttpResponse(status=204), "Zadržano: 104211", undo_url="/undo/")


def broken(request: HttpRequest) -> HttpResponse:
    raise ValueError("on purpose")


urlpatterns = [
    path("", include("retail.front.urls")),
    path("toast/", give_toast),
    path("broken/", broken),
    *i18n_patterns(
        path("accounts/", include("allauth.urls")),
        path("", include(([path("", shop, name="home"), path("basket/", shop, name="basket")], "shop"))),
        path("ops/", include(([path("", ops, name="home"), path("orders/", ops, name="orders"), path("palette/", palette, name="palette")], "ops"))),
        path("scan/", include(([path("", scan, name="home")], "scan"))),
        prefix_default_language=False,
    ),
]  # fmt: skip
