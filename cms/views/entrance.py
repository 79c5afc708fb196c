"""The door of /cms/: staff whose role may see campaigns, with the second factor of every staff page."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from allauth.mfa.utils import is_mfa_enabled
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from retail.kernel.models import User

View = Callable[..., HttpResponse]


def sign_in(request: HttpRequest) -> HttpResponse:
    """Wagtail's own form would let a password alone in."""
    asked = request.GET.get("next") or reverse("wagtailadmin_home")
    return redirect(f"{reverse('account_login')}?{urlencode({'next': asked})}")


def with_second_factor(view: View) -> View:
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        user = request.user
        if isinstance(user, User) and user.is_staff and not is_mfa_enabled(user):
            return redirect(reverse("mfa_activate_totp"))
        return view(request, *args, **kwargs)

    return guarded
