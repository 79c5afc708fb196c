"""Who may do what: one table of roles, asked by every staff page. Deny by default; a superuser may everything.

Roles are Django groups of these names. A second factor is needed to enter any staff page.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlencode

from allauth.mfa.utils import is_mfa_enabled
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from retail.kernel.models import User

VIEW_ORDERS, EDIT_ORDERS, REFUND = "orders.view", "orders.edit", "orders.refund"
# Goods that come back are taken in at any counter; whoever does it is bound to their own places.
RECEIVE_RETURNS = "returns.receive"
SELL = "orders.sell"
VIEW_ROUTING, RATIFY_ROUTING = "routing.view", "routing.ratify"
VIEW_STOCK, ADJUST_STOCK, SCAN = "stock.view", "stock.adjust", "scan"
VIEW_CUSTOMERS, EDIT_CUSTOMERS = "customers.view", "customers.edit"
VIEW_FINANCE, EDIT_FINANCE = "finance.view", "finance.edit"
VIEW_TRACE = "trace.view"
VIEW_SEGMENTS, EDIT_SEGMENTS = "segments.view", "segments.edit"
VIEW_CAMPAIGNS, EDIT_CAMPAIGNS, RATIFY_CAMPAIGNS = "campaigns.view", "campaigns.edit", "campaigns.ratify"

PERMISSIONS = (
    VIEW_ORDERS, EDIT_ORDERS, SELL, RECEIVE_RETURNS, REFUND, VIEW_ROUTING, RATIFY_ROUTING, VIEW_STOCK, ADJUST_STOCK, SCAN,
    VIEW_CUSTOMERS, EDIT_CUSTOMERS, VIEW_FINANCE, EDIT_FINANCE, VIEW_TRACE,
    VIEW_SEGMENTS, EDIT_SEGMENTS, VIEW_CAMPAIGNS, EDIT_CAMPAIGNS, RATIFY_CAMPAIGNS,
)  # fmt: skip

ROLES: dict[str, set[str]] = {
    "AGENT": {VIEW_ORDERS, EDIT_ORDERS, SELL, RECEIVE_RETURNS, VIEW_ROUTING, VIEW_STOCK, VIEW_CUSTOMERS, EDIT_CUSTOMERS, VIEW_SEGMENTS},
    "PICKER": {SCAN, VIEW_STOCK},
    "STORE": {SCAN, VIEW_STOCK, VIEW_ORDERS, SELL, RECEIVE_RETURNS, VIEW_CUSTOMERS},
    "ACCOUNTANT": {VIEW_FINANCE, EDIT_FINANCE, VIEW_ORDERS, REFUND, VIEW_CUSTOMERS, VIEW_STOCK, VIEW_CAMPAIGNS},
    "OPS_LEAD": {
        VIEW_ORDERS, EDIT_ORDERS, SELL, RECEIVE_RETURNS, REFUND, VIEW_ROUTING, RATIFY_ROUTING, VIEW_STOCK, ADJUST_STOCK, SCAN, VIEW_CUSTOMERS, EDIT_CUSTOMERS,
        VIEW_SEGMENTS, VIEW_CAMPAIGNS, RATIFY_CAMPAIGNS,
    },
    "MERCHANDISER": {
        VIEW_STOCK, VIEW_ORDERS, VIEW_CUSTOMERS, VIEW_SEGMENTS, EDIT_SEGMENTS, VIEW_CAMPAIGNS, EDIT_CAMPAIGNS, RATIFY_CAMPAIGNS,
    },
    "AUDITOR": {VIEW_ORDERS, VIEW_ROUTING, VIEW_STOCK, VIEW_CUSTOMERS, VIEW_FINANCE, VIEW_TRACE, VIEW_SEGMENTS, VIEW_CAMPAIGNS},
    "INTEGRATOR": set(),
}  # fmt: skip

View = Callable[..., HttpResponse]
Row = TypeVar("Row", bound=Model)


def permissions_of(user: User | AnonymousUser) -> set[str]:
    """What the user's roles add up to; asked once per request."""
    if not isinstance(user, User) or not user.is_active or not user.is_staff:
        return set()
    if user.is_superuser:
        return set(PERMISSIONS)
    found: set[str] | None = getattr(user, "_onerow_permissions", None)
    if found is None:
        found = set().union(*(ROLES.get(name, set()) for name in user.groups.values_list("name", flat=True)))
        user._onerow_permissions = found  # type: ignore[attr-defined]
    return found


def may(user: User | AnonymousUser, permission: str) -> bool:
    return permission in permissions_of(user)


def staff_page(permission: str) -> Callable[[View], View]:
    """Only staff with this permission and a second factor; others are sent to log in or to enrol, or get 403."""

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            user = request.user
            if not user.is_authenticated:
                return redirect(f"{reverse('account_login')}?{urlencode({'next': request.get_full_path()})}")
            if not may(user, permission):
                raise PermissionDenied
            if not is_mfa_enabled(user):
                return redirect(reverse("mfa_activate_totp"))
            response = view(request, *args, **kwargs)
            response["Cache-Control"] = "no-store"
            return response

        guarded.permission = permission  # type: ignore[attr-defined]
        return guarded

    return guard


def entities_of(user: User | AnonymousUser) -> frozenset[int] | None:
    """The companies that the user is bound to; None: to none, so all are seen. Asked once per request."""
    if not isinstance(user, User) or user.is_superuser:
        return None
    if not hasattr(user, "_onerow_entities"):
        bound = frozenset(user.entities.values_list("pk", flat=True))
        user._onerow_entities = bound or None  # type: ignore[attr-defined]
    found: frozenset[int] | None = user._onerow_entities  # type: ignore[attr-defined]
    return found


def sees_entity(user: User | AnonymousUser, entity_id: int) -> bool:
    bound = entities_of(user)
    return bound is None or entity_id in bound


def of_seen_entities(rows: QuerySet[Row], user: User | AnonymousUser, path: str = "entity") -> QuerySet[Row]:
    """Only the rows of companies that the user sees; `path` leads to the company."""
    bound = entities_of(user)
    return rows if bound is None else rows.filter(**{f"{path}__in": sorted(bound)})


def sees_location(user: User | AnonymousUser, location_id: int) -> bool:
    """Staff bound to places see only these; staff bound to none see all. Asked once per request, as the companies."""
    if not isinstance(user, User):
        return False
    if not hasattr(user, "_onerow_locations"):
        bound = () if user.is_superuser else user.locations.values_list("pk", flat=True)
        user._onerow_locations = frozenset(bound)  # type: ignore[attr-defined]
    seen: frozenset[int] = user._onerow_locations  # type: ignore[attr-defined]
    return not seen or location_id in seen
