"""Who a PIB belongs to, by the public register: said while it is typed, and filled in where nothing stands yet."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from crm import selectors as crm
from retail.kernel.identifiers import parse_pib
from retail.rest.throttles import count_request
from storefront.forms.fields import NamesACompany
from storefront.views import shopper

# The register is public; copying it through us is nobody's business.
REQUESTS_A_MINUTE = 30


@require_safe
@never_cache
def company(request: HttpRequest) -> HttpResponse:
    pib = parse_pib(shopper.plain(request.GET.get("pib", ""), 20))
    if pib and count_request(f"register:{shopper.client_hash(request)[:24]}") > REQUESTS_A_MINUTE:
        pib = None
    found = crm.company_of(pib) if pib else None
    filled = []
    if found is not None:
        form = NamesACompany()
        for name, value in (("registration_number", found.registration_number), ("company_name", found.name)):
            if not request.GET.get(name, "").strip():
                form.initial[name] = value
                filled.append(form[name].as_widget(attrs={"class": "input", "hx-swap-oob": "true"}))
    context = {"found": found, "filled": filled, "asked": pib}
    return render(request, "shop/parts/company_found.html", context)
