"""Who may open which page and call which operation: every address asked as every role, compared with the one table."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client, RequestFactory
from django.urls import converters

from retail.access_table import Operation, Page, as_markdown, operations, staff_pages
from retail.front import menu
from retail.kernel.access import PERMISSIONS, ROLES
from retail.rest.keys import SCOPES
from tests.api.integrator import Api
from tests.flows.chain import Chain, make_chain
from tests.staff import client_of, make_staff
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def chain(db: None) -> Chain:
    return make_chain()


SAMPLES: dict[type, str] = {
    converters.IntConverter: "1",
    converters.UUIDConverter: "00000000-0000-4000-8000-000000000000",
}


def filled(page: Page | Operation) -> str:
    """The address with something in every gap: no row has these keys, so what passes the guard finds nothing."""
    kinds = page.pattern.pattern.converters

    def sample(gap: re.Match[str]) -> str:
        return SAMPLES.get(type(kinds[gap["name"]]), "none")

    return "/" + re.sub(r"<(?:\w+:)?(?P<name>\w+)>", sample, page.address)


def asked(client: Client, page: Page) -> Any:
    answer = client.get(filled(page))
    return client.post(filled(page)) if answer.status_code == 405 else answer


def test_every_staff_page_names_what_it_needs() -> None:
    pages = staff_pages()
    assert len(pages) > 60
    assert [page.address for page in pages if page.permission not in PERMISSIONS] == []


@pytest.mark.parametrize("role", ROLES)
def test_a_role_enters_what_its_table_says_and_nothing_else(role: str) -> None:
    client = client_of(make_staff(role))
    client.raise_request_exception = False
    allowed = {page.address for page in staff_pages() if page.permission in ROLES[role]}
    with nothing_changes():
        refused = {
            page.address
            for page in staff_pages()
            if page.address not in allowed and asked(client, page).status_code == 403
        }
    assert refused == {page.address for page in staff_pages()} - allowed
    statuses = {
        page.address: asked(client, page).status_code for page in staff_pages() if page.address in allowed
    }
    assert {address: status for address, status in statuses.items() if status == 403 or status >= 500} == {}


@pytest.mark.parametrize("role", ROLES)
def test_the_menu_offers_what_the_role_may_enter(role: str) -> None:
    request = RequestFactory().get("/ops/")
    request.user = make_staff(role)
    client = client_of(request.user)
    offered = [entry.url for _, entries in menu.menu(menu.OPS, request) for entry in entries]
    statuses = {url: client.get(url).status_code for url in offered if not url.startswith("/cms/")}
    assert {url: status for url, status in statuses.items() if status >= 400} == {}
    assert any(url.startswith("/ops/finance/") for url in offered) == ("finance.view" in ROLES[role])


@pytest.mark.parametrize("who", ["anonymous", "shopper", "without second factor"])
def test_nobody_else_enters(who: str) -> None:
    user = None if who == "anonymous" else make_staff(*ROLES, has_second_factor=False)
    if user is not None and who == "shopper":
        user.is_staff = False
        user.save()
    client = client_of(user)
    with nothing_changes():
        for page in staff_pages():
            answer = asked(client, page)
            turned_away = {"anonymous": "login", "without second factor": "2fa"}.get(who)
            if turned_away:
                assert (answer.status_code, turned_away in answer.get("Location", "")) == (302, True), page
            else:
                assert answer.status_code == 403, page


def called(api: Api, operation: Operation) -> int:
    path = filled(operation).removeprefix("/api/v1/")
    if operation.method == "GET":
        return int(api.get(path).status_code)
    return int(api.send(operation.method.lower(), path, {}, key="k").status_code)


SCOPED = [operation for operation in operations() if operation.scope]


def test_scopes_of_operations_exist() -> None:
    assert len(SCOPED) > 30
    assert {operation.scope for operation in SCOPED} <= set(SCOPES)


@pytest.mark.parametrize("scope", sorted({operation.scope for operation in SCOPED}))
def test_a_key_calls_what_its_scope_says_and_nothing_else(scope: str) -> None:
    mine = [operation for operation in SCOPED if operation.scope == scope]
    others = Api(*(one for one in SCOPES if one != scope))
    public = Api()
    with nothing_changes():
        assert {called(public, one) for one in mine} == {401}
        assert {called(others, one) for one in mine} == {403}
    holder = Api(scope)
    statuses = {(one.method, one.address): called(holder, one) for one in mine}
    assert {what: status for what, status in statuses.items() if status in (401, 403) or status >= 500} == {}


def test_the_table_in_the_documents_is_the_table_in_the_code() -> None:
    written = Path(settings.BASE_DIR, "docs", "access.md").read_text()
    assert written == as_markdown(), "run `manage.py access > docs/access.md`"
