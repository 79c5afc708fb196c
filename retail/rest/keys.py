"""API keys: `Authorization: Bearer onr_…`. Only the digest is stored; scopes say what a key may."""

import hashlib
import secrets
from datetime import date, datetime
from typing import Any, NamedTuple

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from retail.kernel.context import take_over
from retail.kernel.models import ApiKey, User
from retail.kernel.prepared import Prepared
from retail.kernel.rows import Question

PREFIX = "onr_"
KEY_HEAD = f"Bearer {PREFIX}"
SCOPES = (
    "products:read",
    "products:write",
    "orders:read",
    "orders:write",
    "stock:read",
    "stock:write",
    "purchasing:read",
    "purchasing:write",
    "shipments:read",
    "shipments:write",
    "proposals:read",
    "proposals:write",
    "payments:write",
    "finance:read",
    "finance:write",
    "customers:read",
    "customers:write",
    "audit:read",
    "events:read",
    "webhooks:read",
    "webhooks:write",
)


_LIVE_KEY = Question(
    lambda digest: ApiKey.objects.select_related("user").filter(
        digest=digest, revoked_at__isnull=True, user__is_active=True
    ),
    "?digest",
)


def digest_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def issue_key(
    *,
    name: str,
    user: User,
    scopes: list[str],
    now: datetime,
    expires_at: datetime | None = None,
    key: str = "",
) -> tuple[ApiKey, str]:
    """A new key; the clear text is returned once and kept nowhere."""
    unknown = set(scopes) - set(SCOPES)
    assert not unknown, f"unknown scopes {unknown}"
    clear = key or PREFIX + secrets.token_urlsafe(32)
    row = ApiKey.objects.create(
        name=name,
        user=user,
        prefix=clear[:12],
        digest=digest_of(clear),
        scopes=scopes,
        created_at=now,
        expires_at=expires_at,
    )
    return row, clear


class KeyRow(NamedTuple):
    """What a read needs to know of a key."""

    pk: int
    scopes: list[str]
    last_used_on: date | None


_KEY = Prepared(
    "kernel_key",
    """SELECT k.id, k.scopes::text[], k.last_used_on FROM kernel_apikey k JOIN kernel_user u ON u.id = k.user_id
        WHERE k.digest = %(digest)s AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > %(now)s) AND u.is_active""",
    {"digest": "text", "now": "timestamptz"},
    ("bigint", "text[]", "date"),
)


def read_key(header: str, now: datetime) -> KeyRow | None:
    """The valid key of an Authorization header that begins with KEY_HEAD."""
    rows = _KEY.rows({"digest": digest_of(header.removeprefix("Bearer ")), "now": now})
    return KeyRow(*rows[0]) if rows else None


class BearerKey(BaseAuthentication):
    """Finds the key by its digest; the key's user becomes the actor of everything this request writes."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        parts = get_authorization_header(request).decode("latin-1").split()
        if not parts or parts[0].lower() != "bearer":
            return None
        if len(parts) != 2 or not parts[1].startswith(PREFIX):
            raise AuthenticationFailed("Send the key as: Authorization: Bearer onr_…")
        now = timezone.now()
        key = _LIVE_KEY.first(digest_of(parts[1]))
        if key is None or (key.expires_at is not None and key.expires_at <= now):
            raise AuthenticationFailed("This key is unknown, expired or revoked.")
        take_over(by=key.user, label=f"key:{key.prefix}")
        if key.last_used_on != now.date():
            ApiKey.objects.filter(pk=key.pk).update(last_used_on=now.date())
        return key.user, key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def has_scope(request: Request, scope: str) -> bool:
    return isinstance(request.auth, ApiKey) and scope in request.auth.scopes


class NeedsScope(BasePermission):
    """The view names its scopes by method: `scopes = {"GET": "orders:read", "POST": "orders:write"}`; "" means public."""

    message = "This key lacks the scope for this call."

    def has_permission(self, request: Request, view: Any) -> bool:
        scopes: dict[str, str] = view.scopes
        method = "GET" if request.method in ("HEAD", "OPTIONS") else str(request.method)
        wanted = scopes.get(method)
        if wanted is None:
            return method not in view.allowed_methods  # the view itself answers 405
        if wanted and not has_scope(request, wanted):
            self.message = f"This call needs a key with the scope {wanted}."
            return False
        return True
