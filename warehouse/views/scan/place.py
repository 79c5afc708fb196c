"""Where the person works: every page of the handheld is about one location."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods

from retail.kernel.access import RECEIVE_RETURNS, SCAN, staff_page
from retail.kernel.models import Location, LocationKind, User

CHOSEN = "scan.place"
View = Callable[..., HttpResponse]


def places_of(user: User) -> QuerySet[Location]:
    """Staff bound to places see only these."""
    places = Location.objects.filter(is_active=True, kind__in=[LocationKind.STORE, LocationKind.WAREHOUSE])
    bound = list(user.locations.values_list("pk", flat=True))
    if bound and not user.is_superuser:
        places = places.filter(pk__in=bound)
    return places.order_by("kind", "code")


def place_of(request: HttpRequest) -> Location | None:
    """The chosen place, or the only one there is; None when it must be chosen first."""
    places = places_of(staff(request)).select_related("entity")
    if code := request.session.get(CHOSEN):
        return places.filter(code=code).first()
    found = list(places[:2])
    return found[0] if len(found) == 1 else None


def staff(request: HttpRequest) -> User:
    assert isinstance(request.user, User), "the page is for staff"
    return request.user


def scan_page(view: View) -> View:
    """For staff who may scan, at a place they have chosen; the view gets the place."""
    return at_a_place(view, SCAN)


def return_page(view: View) -> View:
    """The same for staff who may take goods back."""
    return at_a_place(view, RECEIVE_RETURNS)


def at_a_place(view: View, permission: str) -> View:
    @staff_page(permission)
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        place = place_of(request)
        if place is None:
            back = request.get_full_path() if request.method == "GET" else reverse("scan:home")
            return redirect(f"{reverse('scan:place')}?{urlencode({'next': back})}")
        return view(request, place, *args, **kwargs)

    return guarded


@require_http_methods(["GET", "POST"])
@staff_page(SCAN)
def choose_place(request: HttpRequest) -> HttpResponse:
    places = list(places_of(staff(request)))
    if request.method == "POST":
        code = request.POST.get("place", "")
        if code in {place.code for place in places}:
            request.session[CHOSEN] = code
            return redirect(_safe(request))
    return render(
        request,
        "scan/place.html",
        {"places": places, "chosen": request.session.get(CHOSEN), "next": request.GET.get("next", "")},
    )


def _safe(request: HttpRequest) -> str:
    wanted = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure())
    return wanted if is_ours else reverse("scan:home")
