"""Every environment variable that Onerow reads: one table, typed, checked at start, printed in the README."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable: how it is read, what it is when unset, and what a person must know about it."""

    name: str
    kind: str
    default: Any
    about: str
    check: Callable[[Any], str | None] | None = None


def _port(value: int) -> str | None:
    return None if 1 <= value <= 65535 else "must be a port between 1 and 65535"


def _positive(value: float) -> str | None:
    return None if value > 0 else "must be above zero"


def _database(value: str) -> str | None:
    if not value:
        return None
    scheme = urlsplit(value).scheme
    return None if scheme in {"postgres", "postgresql"} else f"must start with postgresql://, not {scheme}://"


def _redis(value: str) -> str | None:
    if not value:
        return None
    scheme = urlsplit(value).scheme
    if scheme in {"redis", "rediss", "redis+socket"}:
        return None
    return f"must start with redis://, rediss:// or redis+socket://, not {scheme}://"


def _one_of(*allowed: str) -> Callable[[str], str | None]:
    def check(value: str) -> str | None:
        return None if value in allowed else f"must be one of: {', '.join(allowed)}"

    return check


VARIABLES: tuple[Variable, ...] = (
    Variable("PORT", "int", 8000, "Port of the web server, on 127.0.0.1 when started by `make run`.", _port),
    Variable("SANDBOX_PORT", "int", None, "Port of the local stand-ins. Unset: the one after `PORT`.", _port),
    Variable("ONEROW_HOME", "str", ".onerow", "Folder of all local state: embedded servers, logs, uploads."),
    Variable(
        "SAMPLE",
        "str",
        "small",
        "Sample chain that an empty local database gets: `small`, `full` or `none`.",
        _one_of("small", "full", "none"),
    ),
    Variable(
        "ONEROW_ENV",
        "str",
        None,
        "`local` or `production`. Unset: `production` as soon as `DATABASE_URL` is given, else `local`.",
        _one_of("local", "production"),
    ),
    Variable("DEBUG", "bool", False, "Django's debug pages. Refused in production."),
    Variable("DATABASE_URL", "str", "", "A real PostgreSQL 18. Unset: the embedded one.", _database),
    Variable("REDIS_URL", "str", "", "A real Valkey or Redis. Unset: the embedded one.", _redis),
    Variable(
        "API_REQUESTS_PER_MINUTE",
        "int",
        3000,
        "Calls of the public API that one client or key may make in a minute.",
        _positive,
    ),
    Variable(
        "COUNT_APPROVAL_ABOVE",
        "int",
        10000,
        "Stock counts whose differences are worth more than this wait for another person's approval.",
        _positive,
    ),
    Variable("DATABASE_POOL_SIZE", "int", 8, "Connections each process keeps. 0 behind PgBouncer.", None),
    Variable(
        "DATABASE_STATEMENT_SECONDS",
        "int",
        0,
        "A statement that runs longer is stopped and its reader told to come again. 0: none; the web server sets 60.",
    ),
    Variable(
        "SECRET_KEY", "str", "", "Signs sessions and links. Required in production, 50 characters or more."
    ),
    Variable(
        "ENCRYPTION_KEYS",
        "list",
        [],
        "Fernet keys for encrypted columns, newest first. Required in production.",
    ),
    Variable("ALLOWED_HOSTS", "list", [], "Host names that are served. Required in production."),
    Variable(
        "CSRF_TRUSTED_ORIGINS", "list", [], "Origins such as `https://shop.example` behind a TLS proxy."
    ),
    Variable("BASE_URL", "str", "", "Public address in e-mails and links. Required in production."),
    Variable(
        "BEHIND_TLS_PROXY",
        "bool",
        True,
        "In production: trust one proxy's `X-Forwarded-*`.",
    ),
    Variable("WEB_WORKERS", "int", 2, "Web server processes.", _positive),
    Variable("TASK_WORKERS", "int", 2, "Background worker processes.", _positive),
    Variable(
        "LOG_LEVEL",
        "str",
        "INFO",
        "Smallest level that is logged.",
        _one_of("DEBUG", "INFO", "WARNING", "ERROR"),
    ),
    Variable(
        "METRICS_TOKEN", "str", "", "Bearer token that `/metrics` asks for in production. Unset: 404 there."
    ),
    Variable(
        "EMAIL_URL",
        "str",
        "",
        "Mail server, `smtp+tls://user:password@host:587`. Locally the sandbox shows the mail.",
    ),
    Variable("DEFAULT_FROM_EMAIL", "str", "Onerow <shop@onerow.example>", "Sender of every mail."),
    Variable("CARD_PROVIDER_URL", "str", "", "Card provider. Unset locally: the sandbox."),
    Variable("CARD_PROVIDER_KEY", "str", "", "Our key at the card provider."),
    Variable(
        "CARD_PROVIDER_SECRETS", "list", [], "Secrets that sign the card provider's messages, newest first."
    ),
    Variable("CARD_PROVIDER_PAGES", "list", [], "Origins of its payment pages, `https://pay.example`."),
    Variable("FISCAL_URL", "str", "", "Fiscal processor (V-SDC). Unset locally: the sandbox."),
    Variable("FISCAL_PAC", "str", "", "PAC of the secure element."),
    Variable("FISCAL_CERT_HEADER", "str", "", "Client certificate that a TLS proxy passes to the processor."),
    Variable("SEF_URL", "str", "", "The national e-invoice system. Unset locally: the sandbox."),
    Variable("SEF_API_KEY", "str", "", "The key there of the first company of the group."),
    Variable("SEF_API_KEYS", "dict", {}, "Keys of its other companies: `code=key,code=key`."),
    Variable("VAT_QUARTERLY", "list", [], "Codes of the companies that account for VAT by quarters."),
    Variable(
        "VAT_RECORDS_RETAIL",
        "bool",
        True,
        "Whether fiscal receipts of persons are recorded at SEF in a summary. Ask the accountant.",
    ),
    Variable(
        "SEARCH_URL",
        "str",
        "",
        "OpenSearch server, `https://user:password@host:9200`. Unset: PostgreSQL's own index.",
    ),
    Variable("CARRIER_URL", "str", "", "Carrier broker. Unset locally: the sandbox."),
    Variable("CARRIER_KEY", "str", "", "Our key at the carrier broker."),
    Variable("CARRIER_SECRETS", "list", [], "Secrets that sign the carriers' messages, newest first."),
    Variable("MEDIA_ROOT", "str", "", "Folder of uploads. Unset: below `ONEROW_HOME`."),
    Variable("PRIVATE_ROOT", "str", "", "Folder of files that are sold. Unset: below `ONEROW_HOME`."),
    Variable("DOWNLOADS_MAX", "int", 5, "How often a buyer may fetch an electronic edition."),
    Variable("DOWNLOAD_DAYS", "int", 90, "For how many days."),
    Variable(
        "FAILPOINTS",
        "str",
        "",
        "Tests only: the file that names the point at which a process dies. Refused in production.",
    ),
)

BY_NAME: Mapping[str, Variable] = {variable.name: variable for variable in VARIABLES}


def read(name: str) -> Any:
    """The checked value of one variable; a wrong one stops the start with a message that names it."""
    variable = BY_NAME[name]
    if not os.environ.get(name, "").strip():
        return variable.default
    reader = environ.Env()
    try:
        value = getattr(reader, variable.kind)(name)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}={os.environ[name]!r} is not a valid {variable.kind}.") from error
    complaint = variable.check(value) if variable.check else None
    if complaint:
        raise ImproperlyConfigured(f"{name} {complaint}.")
    return value


def table() -> str:
    """The table of the README, in Markdown."""
    lines = ["| variable | kind | default | what |", "|---|---|---|---|"]
    for variable in VARIABLES:
        default = "" if variable.default in (None, "", [], {}) else f"`{variable.default}`"
        lines.append(f"| `{variable.name}` | {variable.kind} | {default} | {variable.about} |")
    return "\n".join(lines)


def readme_with_table(readme: str) -> str:
    """The README with its table of settings as it is now."""
    head, mark, rest = readme.partition("compared by a test -->\n")
    _, end, tail = rest.partition("<!-- end of settings -->")
    assert mark and end, "the README has lost the marks around its table of settings"
    return f"{head}{mark}\n{table()}\n\n{end}{tail}"


if __name__ == "__main__":
    from pathlib import Path

    path = Path(__file__).resolve().parent.parent / "README.md"
    path.write_text(readme_with_table(path.read_text()))
