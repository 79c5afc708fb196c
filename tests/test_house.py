"""The roof: settings that name what is wrong, production that refuses what is unsafe, probes, headers, logs."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from celery.signals import before_task_publish
from cryptography.fernet import Fernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import Client, override_settings

from retail import environment, health
from retail.cache import ForgetfulRedisCache
from retail.celery import app as celery_app
from retail.kernel.context import Context, acting, current
from retail.logs import JsonLines, Redact, redacted
from retail.running import home as local

ROOT = Path(__file__).resolve().parent.parent
SECRET = "k3J9-vQ2_xW8zT5rB1nM7cL4hG6fD0sA_pY-uE3iO9qR2tV8wX5"
PRODUCTION = {
    "DATABASE_URL": "postgresql://onerow:unused@localhost:1/onerow",
    "REDIS_URL": "redis://localhost:1/0",
    "SECRET_KEY": SECRET,
    "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
    "ALLOWED_HOSTS": "shop.example",
    "BASE_URL": "https://shop.example",
}


def in_production(home: Path, *command: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """A process of its own with production's variables; an empty value removes one."""
    clean = {name: value for name, value in os.environ.items() if name not in environment.BY_NAME}
    given = {
        **clean,
        **PRODUCTION,
        "ONEROW_HOME": str(home),
        "DJANGO_SETTINGS_MODULE": "retail.settings",
        **changes,
    }
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=given, capture_output=True, text=True, check=False
    )


LOAD = ("-c", "from django.conf import settings; settings.DEBUG")


# -- Settings --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("PORT", "eighty", "PORT='eighty' is not a valid int."),
        ("PORT", "70000", "PORT must be a port between 1 and 65535."),
        ("SAMPLE", "huge", "SAMPLE must be one of: small, full, none."),
        (
            "DATABASE_URL",
            "mysql://localhost/shop",
            "DATABASE_URL must start with postgresql://, not mysql://.",
        ),
        (
            "REDIS_URL",
            "unix:///run/v.sock",
            "REDIS_URL must start with redis://, rediss:// or redis+socket://, not unix://.",
        ),
        ("WEB_WORKERS", "0", "WEB_WORKERS must be above zero."),
        ("ONEROW_ENV", "staging", "ONEROW_ENV must be one of: local, production."),
    ],
)
def test_wrong_value_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, complaint: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ImproperlyConfigured) as refusal:
        environment.read(name)
    assert str(refusal.value) == complaint


def test_unset_and_blank_are_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", " ")
    assert environment.read("PORT") == 8000
    monkeypatch.delenv("PORT")
    assert environment.read("PORT") == 8000
    monkeypatch.setenv("PORT", "8123")
    assert environment.read("PORT") == 8123


def test_readme_has_the_settings_as_they_are() -> None:
    readme = (ROOT / "README.md").read_text()
    assert environment.readme_with_table(readme) == readme


@pytest.mark.parametrize("name", [name for name in PRODUCTION if name != "DATABASE_URL"])
def test_production_asks_for_what_it_needs(tmp_path: Path, name: str) -> None:
    answer = in_production(tmp_path, *LOAD, **{name: ""})
    assert answer.returncode != 0
    assert f"ImproperlyConfigured: {name} must be set in production." in answer.stderr


def test_production_needs_its_database_even_when_only_told_so(tmp_path: Path) -> None:
    answer = in_production(tmp_path, *LOAD, DATABASE_URL="", ONEROW_ENV="production")
    assert "ImproperlyConfigured: DATABASE_URL must be set in production." in answer.stderr


@pytest.mark.parametrize("key", ["short", "a" * 60, "django-insecure-" + SECRET])
def test_production_refuses_a_weak_secret_key(tmp_path: Path, key: str) -> None:
    answer = in_production(tmp_path, *LOAD, SECRET_KEY=key)
    assert "ImproperlyConfigured: SECRET_KEY must be 50 random characters or more" in answer.stderr


def test_production_refuses_debug(tmp_path: Path) -> None:
    assert "DEBUG must be off in production." in in_production(tmp_path, *LOAD, DEBUG="true").stderr


def test_production_has_no_sample_no_sandbox_and_no_secret_of_its_own(tmp_path: Path) -> None:
    names = "IS_LOCAL SAMPLE_IS_ALLOWED SANDBOX_IS_ALLOWED SANDBOX_URL CARD_PROVIDER_URL CARD_PROVIDER_KEY"
    program = f"import json; from django.conf import settings as s; print(json.dumps([getattr(s, n) for n in '{names}'.split()]))"
    answer = in_production(tmp_path, "-c", program)
    assert json.loads(answer.stdout) == [False, False, False, "", "", ""]
    assert not (tmp_path / "secrets.json").exists()


@pytest.mark.django_db
def test_production_passes_the_deployment_checks(tmp_path: Path) -> None:
    row = connection.settings_dict
    database = f"postgresql://{row['USER']}:{row['PASSWORD']}@{row['HOST']}:{row['PORT']}/{row['NAME']}"
    checks = ("manage.py", "check", "--deploy", "--tag", "security", "--fail-level", "WARNING")
    answer = in_production(tmp_path, *checks, DATABASE_URL=database)
    assert answer.returncode == 0, answer.stderr


def test_this_machine_gets_secrets_of_its_own(tmp_path: Path) -> None:
    first = local.secret(tmp_path, "secret_key")
    assert len(first) >= 50
    assert local.secret(tmp_path, "secret_key") == first
    assert local.secret(tmp_path / "other", "secret_key") != first
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600


# -- Probes ----------------------------------------------------------------------------------------------------


def test_healthz_asks_nothing(client: Client) -> None:
    answer = client.get("/healthz", HTTP_HOST="10.0.0.7")
    assert (answer.status_code, answer.json()) == (200, {"ok": True})


@pytest.mark.django_db
def test_readyz_when_all_is_well(client: Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"ok": True, "database": True, "broker": True, "migrations": True}


@pytest.mark.django_db
def test_readyz_names_the_broker(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(celery_app.conf, "broker_read_url", "redis://127.0.0.1:1/0")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ok": False, "database": True, "broker": False, "migrations": True}


def test_cache_that_is_down_has_forgotten_everything() -> None:
    cache = ForgetfulRedisCache("redis://127.0.0.1:1/0", {})
    cache.set("key", "value")
    assert cache.get("key", "default") == "default"
    assert cache.get_many(["key"]) == {}
    assert cache.add("key", "value") is True
    assert (cache.has_key("key"), cache.delete("key"), cache.touch("key")) == (False, False, False)
    assert cache.get_or_set("key", "made") == "made"
    with pytest.raises(ValueError, match="not found"):
        cache.incr("key")


def test_cache_that_is_up_remembers() -> None:
    cache = ForgetfulRedisCache(local.cache_location(local.redis_url(settings.ONEROW_HOME)), {})
    cache.set("house", [1, 2], 60)
    assert cache.get("house") == [1, 2]
    assert cache.delete("house") is True
    assert cache.get("house") is None


@pytest.mark.django_db
def test_readyz_names_a_missing_migration(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_migrated", set())
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'sessions'")
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json() == {"ok": False, "database": True, "broker": True, "migrations": False}


@pytest.mark.django_db
def test_metrics_count_what_waits(client: Client) -> None:
    with connection.cursor() as cursor:
        for key, pending, dead in (
            ("1", "{a.b}", ""),
            ("2", "{a.b,c.d}", ""),
            ("3", "{}", ""),
            ("4", "{a.b}", "gone"),
        ):
            cursor.execute(
                "INSERT INTO kernel_outboxevent (xid, topic, subject_kind, subject_key, sequence, payload, request_id,"
                " pending, attempts, dead_reason) VALUES (0, 'x.y', 'x', %s, 0, '{}', '', %s, 0, %s)",
                [key, pending, dead],
            )
    figures = client.get("/metrics").content.decode()
    assert "\nonerow_database_up 1.0\n" in figures
    assert "\nonerow_outbox_waiting_events 2.0\n" in figures
    assert "\nonerow_outbox_dead_events 1.0\n" in figures
    assert "\nonerow_oldest_writing_transaction_seconds " in figures


@override_settings(IS_LOCAL=False, METRICS_TOKEN="")
def test_metrics_are_off_in_production_without_a_token(client: Client) -> None:
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404


@pytest.mark.django_db
@override_settings(IS_LOCAL=False, METRICS_TOKEN="a-token")
def test_metrics_ask_for_their_token_in_production(client: Client) -> None:
    assert client.get("/metrics", headers={"Authorization": "Bearer a-token"}).status_code == 200
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 404


# -- Headers ---------------------------------------------------------------------------------------------------


def policy(answer: Any) -> dict[str, list[str]]:
    parts = [part.split() for part in answer.headers["Content-Security-Policy"].split(";")]
    return {part[0]: part[1:] for part in parts if part}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/accounts/login/", "/admin/login/", "/sr-cyrl/accounts/login/", "/nowhere/"]
)
def test_our_pages_are_strict(client: Client, path: str) -> None:
    answer = client.get(path)
    assert policy(answer)["script-src"] == ["'self'"]
    assert policy(answer)["style-src"] == ["'self'"]
    assert (
        policy(answer)["object-src"]
        == policy(answer)["base-uri"]
        == policy(answer)["frame-ancestors"]
        == ["'none'"]
    )
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["X-Frame-Options"] == "DENY"


@pytest.mark.django_db
def test_a_foreign_host_is_refused_plainly(client: Client) -> None:
    answer = client.get("/en/", HTTP_HOST="evil.example")
    assert answer.status_code == 400
    assert "evil.example" not in answer.content.decode()


@pytest.mark.django_db
def test_only_the_cms_admin_is_looser(client: Client) -> None:
    answer = client.get("/cms/login/")
    assert answer.status_code == 302  # to the one door that asks for the second factor
    assert policy(answer)["script-src"] == ["'self'", "'unsafe-inline'"]
    assert policy(answer)["object-src"] == ["'none'"]


# -- Logs ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("mail to ana.anic+shop@example.co.rs failed", "mail to [email] failed"),
        ("call +381 60 123-45-67 now", "call [phone] now"),
        ("call 060/123-4567 now", "call [phone] now"),
        ("buyer 10:101134702", "buyer 10:[number]"),
        ("card 4242 4242 4242 4242 declined", "card [number] declined"),
        ("Authorization: Bearer abc.def", "Authorization: [secret] [token]"),
        ("key onr_Zk3-x_9 refused", "key [token] refused"),
        ("login failed: password='hunter2' for x", "login failed: password=[secret] for x"),
        ("GET /order/q8Zr1nVb7Lk2Wc5Td9Xs/ 200", "GET /order/[token]/ 200"),
        ("GET /en/basket/q8Zr1nVb7Lk2Wc5Td9Xs/lines", "GET /en/basket/[token]/lines"),
        (
            "order ORD-2026-000123 placed, 3 lines, 1299.00 RSD",
            "order ORD-2026-000123 placed, 3 lines, 1299.00 RSD",
        ),
    ],
)
def test_logs_keep_no_personal_data(said: str, kept: str) -> None:
    assert redacted(said) == kept


def test_log_line_is_json_with_a_redacted_trace() -> None:
    try:
        raise ValueError("no customer with ana@example.com")
    except ValueError:
        record = logging.LogRecord(
            "oms", logging.ERROR, __file__, 1, "asked by %s", ("ana@example.com",), sys.exc_info()
        )
    record.request_id = "abcdef0123456789"
    assert Redact().filter(record)
    line = json.loads(JsonLines().format(record))
    assert (line["level"], line["logger"], line["message"]) == ("ERROR", "oms", "asked by [email]")
    assert line["request_id"] == "abcdef0123456789"
    assert line["trace"].endswith("ValueError: no customer with [email]")


# -- Background work ---------------------------------------------------------------------------------------------


def test_every_scheduled_task_exists() -> None:
    celery_app.loader.import_default_modules()
    scheduled = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert scheduled - set(celery_app.tasks) == set()


def test_a_task_acts_under_its_own_name_for_the_request_that_asked() -> None:
    @celery_app.task(name="tests.who_acts")
    def who_acts() -> None:
        seen.append(current())

    seen: list[Context] = []
    with acting(request_id="asked-for-by-this"):
        who_acts.delay()
        assert current() == Context(request_id="asked-for-by-this")
    who_acts.delay()
    assert [(one.actor_label, one.actor_id) for one in seen] == [("task:tests.who_acts", None)] * 2
    assert seen[0].request_id == "asked-for-by-this"
    assert len(seen[1].request_id) == 32
    assert current() == Context()


def test_a_published_task_carries_its_request() -> None:
    headers: dict[str, str] = {}
    with acting(request_id="asked-for-by-this"):
        before_task_publish.send(sender="tests", headers=headers)
    assert headers == {"onerow_request_id": "asked-for-by-this"}


# -- The test run itself ---------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", [1, 2])
def test_what_a_test_commits_is_gone_after_it(turn: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('left_by_a_test')")
        assert cursor.fetchone() == (None,)
        cursor.execute("CREATE TABLE left_by_a_test (turn int)")


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_a_real_browser_opens_the_login(live_server: Any, page: Any, screenshot: Any) -> None:
    answer = page.goto(f"{live_server.url}/accounts/login/")
    assert answer.status == 200
    assert page.locator("input[name=login]").count() == 1
    assert screenshot(page, "login").stat().st_size > 1000
