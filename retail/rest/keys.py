"""API keys: `Authorization: Bearer onr_…`. Only the digest is stored; scopes say what a key may."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

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


_MAY_READ = """SELECT key.id, answer.*
      FROM kernel_apikey key JOIN kernel_user who ON who.id = key.user_id CROSS JOIN LATERAL ({question}) answer
     WHERE key.digest = %(key_digest)s AND key.revoked_at IS NULL AND (key.expires_at IS NULL OR key.expires_at > %(key_now)s)
       AND who.is_active AND %(key_scope)s = ANY (key.scopes) AND key.last_used_on = %(key_today)s"""


@dataclass(frozen=True)
class KeyedQuestion:
    """A question and the check of who asks it as one statement: nothing of a key is kept, a revoked one reads nothing more."""

    scope: str
    prepared: Prepared

    @classmethod
    def of(
        cls, name: str, sql: str, parameters: Mapping[str, str], returns: Sequence[str], *, scope: str
    ) -> KeyedQuestion:
        """`sql` answers one row."""
        key = {
            "key_digest": "text",
            "key_now": "timestamptz",
            "key_scope": "text",
            "key_today": "date",
        }
        text = _MAY_READ.format(question=sql)
        return cls(scope, Prepared(name, text, {**parameters, **key}, ("bigint", *returns)))

    def ask(self, header: str, values: Mapping[str, Any], *, now: datetime) -> tuple[Any, ...] | None:
        """The key's id and the answer; None when the key of this Authorization header may not, or its use today is still to be noted."""
        if not header.startswith(KEY_HEAD):
            return None
        key = {
            "key_digest": digest_of(header.removeprefix("Bearer ")),
            "key_now": now,
            "key_scope": self.scope,
            "key_today": now.date(),
        }
        rows = self.prepared.rows({**values, **key})
        return tuple(rows[0]) if rows else None


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
