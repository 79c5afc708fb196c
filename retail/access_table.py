"""Every staff page and API operation with what it needs, read from the addresses themselves, so the table can't be older than they are."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import translation

from retail.kernel.access import PERMISSIONS, ROLES

STAFF_ROOTS = ("ops/", "scan/")
API_ROOT = "api/v1/"


@dataclass(frozen=True, slots=True)
class Page:
    """A page for staff; `permission` is empty where nobody guards it."""

    address: str
    permission: str
    pattern: URLPattern


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of an address of the API; `scope` is empty where no key is needed."""

    method: str
    address: str
    scope: str
    pattern: URLPattern


def staff_pages() -> list[Page]:
    return [
        Page(address, getattr(pattern.callback, "permission", ""), pattern)
        for address, pattern in _addresses(get_resolver())
        if address.startswith(STAFF_ROOTS)
    ]


def operations() -> list[Operation]:
    found = []
    for address, pattern in _addresses(get_resolver()):
        view: Any = getattr(pattern.callback, "cls", None)
        if address.startswith(API_ROOT) and view is not None:
            found += [
                Operation(method, address, scope, pattern) for method, scope in sorted(view.scopes.items())
            ]
    return found


def as_markdown() -> str:
    roles = list(ROLES)
    head = [
        "# Access",
        "",
        "Written by `manage.py access`; a test compares. Deny by default: what is not listed is refused.",
        "",
    ]
    staff = [
        "## Roles",
        "",
        "Staff need a second factor for every page. Staff bound to locations see only rows of these; staff bound to companies only orders, papers and books of these, and a key sees what its user sees. A superuser may everything.",
        "",
        _row("may", *roles),
        _row(*["---"] * (len(roles) + 1)),
        *(_row(f"`{one}`", *("yes" if one in ROLES[role] else "" for role in roles)) for one in PERMISSIONS),
    ]
    pages = [
        "",
        "## Pages",
        "",
        _row("page", "needs"),
        _row("---", "---"),
        *(_row(f"`/{page.address}`", f"`{page.permission}`") for page in staff_pages()),
    ]
    calls = [
        "",
        "## API",
        "",
        "Without a scope the call is public, or opened by the secret token of a basket or order, or signed by the provider.",
        "",
        _row("call", "scope"),
        _row("---", "---"),
        *(
            _row(f"`{one.method} /{one.address}`", f"`{one.scope}`" if one.scope else "")
            for one in operations()
        ),
        "",
    ]
    return "\n".join(head + staff + pages + calls)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _addresses(resolver: URLResolver, before: str = "") -> Iterator[tuple[str, URLPattern]]:
    for one in resolver.url_patterns:
        # Without the prefix that another language would have.
        with translation.override(settings.LANGUAGE_CODE):
            address = before + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from _addresses(one, address)
        else:
            yield address, one
