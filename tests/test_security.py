"""What strangers try: fields that are not theirs, forms of other sites, other people's pages, guessing, files that are none."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as current
from django.contrib.auth.password_validation import validate_password
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.utils import timezone
from wagtail.images.models import Image

from retail.kernel.models import User
from retail.rest.keys import issue_key
from tests.api.good_calls import GOOD_CALLS, send
from tests.api.integrator import Api, refused
from tests.api.test_good_calls import undone
from tests.flows.chain import Chain, make_chain
from tests.proof.acts import Trade
from tests.proof.trading import outside, trade
from tests.staff import client_of, make_staff
from tests.unchanged import nothing_changes

__all__ = ["outside", "trade"]
pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[1]
PASSWORD = "a long pass phrase"


@pytest.fixture
def chain(db: None) -> Chain:
    return make_chain()


@pytest.fixture
def fresh_limits() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


# -- Fields that are not theirs ------------------------------------------------------------------------------------


STRANGE = ("is_staff", "price", "total", "state", "account_id", "discount", "id", "entity")


def test_no_call_takes_a_field_that_is_not_its_own(trade: Trade) -> None:
    """Who sends a price, a state or a right along is refused by the name of the field, and nothing is changed."""
    taken = {}
    for operation, prepared in GOOD_CALLS.items():
        with undone():
            trade.stand.shop.requests.clear()
            call = prepared(trade)
            if not isinstance(call.body, dict):
                continue
            strange = {field: "1" for field in STRANGE if field not in call.body}
            with nothing_changes():
                answer = send(trade, operation, type(call)(call.path, {**call.body, **strange}), key="once")
            told = set(answer.json().get("errors", {}))
            if answer.status_code != 400 or not told >= set(strange):
                taken[operation] = (answer.status_code, sorted(set(strange) - told))
    assert taken == {}


def test_what_is_too_much_is_refused_or_cut(chain: Chain) -> None:
    public, api = Api(), Api("orders:read")
    assert refused(api.get("orders", limit="1000000000")) == (400, "INVALID_INPUT")
    with nothing_changes():
        answer = public.post("baskets", {"channel": "web-rs", "postal_code": "1" * 1_000_001})
    assert answer.status_code == 413


# -- Forms of other sites ------------------------------------------------------------------------------------------


def test_no_form_is_taken_without_its_token(chain: Chain) -> None:
    user = make_staff("OWNER")
    order = chain.place((chain.variant(), 1), now=timezone.now())
    pages = (
        "/basket/add/",
        "/checkout/",
        "/accounts/login/",
        "/accounts/signup/",
        "/accounts/password/reset/",
        "/accounts/logout/",
        f"/ops/orders/{order.number}/",
        "/ops/finance/statements/",
        "/cms/images/add/",
        "/admin/kernel/user/add/",
    )
    for page in pages:
        browser = Client(enforce_csrf_checks=True)
        browser.force_login(user)
        with nothing_changes():
            assert browser.post(page, {"x": "1"}).status_code == 403, page


def test_no_page_hides_from_itself_where_its_form_comes_from() -> None:
    """Under "no-referrer" a browser sends "Origin: null" with a form, which is refused as another site's; no test client does that."""
    browser = Client(enforce_csrf_checks=True)
    browser.get("/accounts/login/")
    sent = {"csrfmiddlewaretoken": browser.cookies["csrf"].value, "login": "x", "password": "x"}
    taken = browser.post("/accounts/login/", sent, headers={"origin": "http://testserver"})
    assert (
        taken.status_code,
        browser.post("/accounts/login/", sent, headers={"origin": "null"}).status_code,
    ) == (200, 403)
    pages = [page for page in ROOT.glob("*/**/*.html") if {"templates", "jinja2"} & set(page.parts)]
    assert len(pages) > 100
    assert [page.name for page in pages if "no-referrer" in page.read_text("utf-8")] == []


@pytest.mark.parametrize(
    "target", ["//evil.example/", "https:evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_signing_in_leads_to_no_other_site(fresh_limits: None, target: str) -> None:
    make_shopper()
    answer = Client().post(
        "/accounts/login/", {"login": "ana@example.com", "password": PASSWORD, "next": target}
    )
    assert (answer.status_code, answer["Location"]) == (302, "/")


# -- Who is who ----------------------------------------------------------------------------------------------------


def make_shopper() -> User:
    return User.objects.create_user("ana@example.com", PASSWORD, name="Ana")


def sign_in(browser: Client, password: str = PASSWORD, *, headers: dict[str, str] | None = None) -> Any:
    form = {"login": "ana@example.com", "password": password}
    return browser.post("/accounts/login/", form, headers=headers)


def test_a_session_is_new_after_signing_in_and_gone_after_signing_out(fresh_limits: None) -> None:
    make_shopper()
    browser = Client()
    browser.get("/accounts/login/")
    browser.session["planted"] = "yes"
    before = browser.cookies.get(current.SESSION_COOKIE_NAME)
    assert sign_in(browser).status_code == 302
    mine = browser.cookies[current.SESSION_COOKIE_NAME].value
    assert before is None or before.value != mine
    assert browser.get("/account/").status_code == 200
    browser.post("/accounts/logout/")
    stolen = Client()
    stolen.cookies[current.SESSION_COOKIE_NAME] = mine
    assert stolen.get("/account/").status_code == 302


@pytest.mark.parametrize("act", ["password", "disabled"])
def test_other_sessions_end_with_the_password_and_with_the_person(fresh_limits: None, act: str) -> None:
    user = make_shopper()
    here, there = Client(), Client()
    for browser in (here, there):
        assert sign_in(browser).status_code == 302
    if act == "password":
        user.set_password("another long pass phrase")
    user.is_active = act != "disabled"
    user.save()
    assert there.get("/account/").status_code == 302


def test_guessing_ends_and_a_forged_address_gives_no_new_budget(fresh_limits: None, settings: Any) -> None:
    settings.AXES_ENABLED = True
    make_shopper()
    answers = [
        sign_in(Client(), "wrong", headers={"x-forwarded-for": f"192.0.2.{number}"}).status_code
        for number in range(40)
    ]
    assert answers[0] == 200
    assert answers[-1] == 429
    assert sign_in(Client()).status_code == 429


def test_nobody_learns_who_has_an_account(fresh_limits: None) -> None:
    make_shopper()

    def said(page: str, **form: str) -> tuple[int, str]:
        cache.clear()
        answer = Client().post(page, form)
        text = re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", answer.text)
        return answer.status_code, text.replace(form.get("login") or form["email"], "").replace("/n/", "")

    known, unknown = "ana@example.com", "eva@example.com"
    assert said("/en/accounts/login/", login=known, password="no") == said(
        "/en/accounts/login/", login=unknown, password="no"
    )
    assert said("/en/accounts/password/reset/", email=known) == said(
        "/en/accounts/password/reset/", email=unknown
    )


@pytest.mark.parametrize(
    ("password", "is_good"),
    [
        ("short", False),
        ("elevenchars", False),
        ("passwordpassword", True),
        ("ana@example.com", False),
        ("correct horse battery", True),
        ("ćirilica i latinica", True),
        ("x" * 11 + "1", True),
        ("a very long pass phrase " * 5, True),
    ],
)
def test_passwords_are_long_and_not_the_name(password: str, is_good: bool) -> None:
    try:
        validate_password(password, make_shopper())
    except ValidationError:
        assert not is_good
    else:
        assert is_good


def test_a_key_is_nowhere_in_the_database(chain: Chain) -> None:
    _, clear = issue_key(name="x", user=make_staff("INTEGRATOR"), scopes=["orders:read"], now=timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
        )
        tables = [name for (name,) in cursor.fetchall()]
        assert "kernel_apikey" in tables
        for table in tables:
            cursor.execute(f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE %s', [f"%{clear[4:]}%"])
            assert cursor.fetchone() == (0,), table


# -- What is sent along --------------------------------------------------------------------------------------------


def test_headers_stand_on_every_answer(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(**_: Any) -> None:
        raise RuntimeError

    browser = Client(raise_request_exception=False)
    answers = [browser.get("/"), browser.get("/ops/orders/"), browser.get("/nothing-here/")]
    monkeypatch.setattr("storefront.views.shopper.channel", breaks)
    answers.append(browser.get("/"))
    assert [one.status_code for one in answers] == [200, 302, 404, 500]
    for answer in answers:
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Referrer-Policy"] == "same-origin"
        assert answer["X-Frame-Options"] == "DENY"
        assert "unsafe" not in answer["Content-Security-Policy"]


def test_pages_about_a_person_are_kept_by_nobody(chain: Chain, fresh_limits: None) -> None:
    make_shopper()
    browser = Client()
    sign_in(browser)
    order = chain.place((chain.variant(), 1), now=timezone.now())
    for page in ("/basket/", "/account/", f"/order/{order.token}/"):
        assert "no-store" in browser.get(page)["Cache-Control"], page


# -- Files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'),
        ("a.png", b"<html><script>alert(1)</script></html>"),
        ("a.html.png", b"GIF89a<script>alert(1)</script>"),
        ("a.php", b"\x89PNG\r\n\x1a\n"),
    ],
)
def test_a_file_that_is_no_picture_is_refused(
    settings: Any, tmp_path: Path, name: str, content: bytes
) -> None:
    settings.MEDIA_ROOT = tmp_path
    editor = make_staff("OWNER")
    editor.is_superuser = True
    editor.save()
    form = {"title": "x", "collection": "1", "file": SimpleUploadedFile(name, content)}
    answer = client_of(editor).post("/cms/images/add/", form)
    assert answer.status_code == 200
    assert Image.objects.count() == 0
    assert list(tmp_path.rglob("*.*")) == []


# -- What lies in the repository -----------------------------------------------------------------------------------

SECRETS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|AKIA[0-9A-Z]{16}|ghp_[A-Za-z0-9]{36}|xox[bp]-[0-9]{8}|onr_[A-Za-z0-9_-]{43}\b"
)


def _committed(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", *patterns], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode:
        pytest.skip("this is no clone")
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def test_no_secret_is_committed() -> None:
    files = _committed()
    assert len(files) > 500
    found = [path.name for path in files if SECRETS.search(path.read_text(errors="ignore"))]
    assert [name for name in found if name != Path(__file__).name] == []


def test_every_locked_package_has_its_digest() -> None:
    for lock in ("base", "dev"):
        text = (ROOT / "requirements" / f"{lock}.lock").read_text()
        blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE | re.IGNORECASE)
        packages = [
            block for block in blocks if re.match(r"[a-z0-9._-]+(\[[a-z,]+\])?==", block, re.IGNORECASE)
        ]
        assert len(packages) > 30
        assert [block.split()[0] for block in packages if "--hash=sha256:" not in block] == []


def test_no_page_of_ours_asks_for_a_card() -> None:
    """Cards are typed on the provider's page alone."""
    asked = re.compile(r"cc-(?:number|csc|exp)|name=\"(?:card_?number|pan|cvv|cvc)\"", re.IGNORECASE)
    templates = _committed("*.html")
    assert len(templates) > 50
    assert [path.name for path in templates if asked.search(path.read_text())] == []
