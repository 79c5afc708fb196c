"""What the stand-ins must know to start; `manage.py sandbox` passes it on from the shop's settings."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

VARIABLE = "ONEROW_SANDBOX"


class SandboxForbidden(RuntimeError):
    """The stand-ins refuse to exist here."""


@dataclass(frozen=True, slots=True)
class Config:
    """`home` is ONEROW_HOME; the state lies in its folder `sandbox`. Keys and secrets are those the shop uses."""

    home: Path
    public_url: str
    styles: Path
    shop_url: str
    card_key: str
    card_secrets: tuple[str, ...]
    carrier_key: str
    carrier_secrets: tuple[str, ...]
    fiscal_pac: str
    fiscal_certificate: str
    sef_keys: tuple[str, ...]
    is_local: bool

    def __post_init__(self) -> None:
        if not self.is_local:
            raise SandboxForbidden("The stand-ins run on a developer's machine only, never in production.")

    @property
    def state_file(self) -> Path:
        return self.home / "sandbox" / "state.sqlite3"

    @property
    def sample_file(self) -> Path:
        return self.home / "sample.json"

    @property
    def companies_file(self) -> Path:
        return self.home / "sample-companies.json"

    def dumps(self) -> str:
        return json.dumps(asdict(self), default=str)


def loads(text: str) -> Config:
    data: dict[str, Any] = json.loads(text)
    values = {field.name: data[field.name] for field in fields(Config)}
    for name in ("home", "styles"):
        values[name] = Path(values[name])
    for name in ("card_secrets", "carrier_secrets", "sef_keys"):
        values[name] = tuple(values[name])
    return Config(**values)
