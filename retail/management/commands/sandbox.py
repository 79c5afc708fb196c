"""`manage.py sandbox`: the stand-ins for the services outside, as one process with its own state."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from retail.sandbox import config
from retail.sandbox.process import server_command


class Command(BaseCommand):
    help = (
        "Runs the local stand-ins for card provider, fiscal processor, carriers, bank, SEF register and mail, with "
        "switchable faults and pages that show what they received. Never in production."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=settings.SANDBOX_PORT, help="Port on 127.0.0.1.")
        parser.add_argument(
            "--home", type=Path, default=settings.ONEROW_HOME, help="Folder whose `sandbox` keeps the state."
        )

    def handle(self, *args: Any, port: int, home: Path, **options: Any) -> None:
        if not settings.SANDBOX_IS_ALLOWED:
            raise CommandError("The stand-ins run on a developer's machine only, never in production.")
        what = configuration(home=home, port=port)
        self.stdout.write(f"Stand-ins at {what.public_url}, state in {what.state_file.parent}")
        self.stdout.flush()
        os.chdir(settings.BASE_DIR)
        # This process becomes the server: whoever started it watches and ends the one it knows.
        environment = {**os.environ, config.VARIABLE: what.dumps()}
        os.execve(sys.executable, server_command(port), environment)  # noqa: S606 - a fixed list, no shell wanted


def configuration(*, home: Path, port: int) -> config.Config:
    """The stand-ins that fit this shop's settings: the same keys, secrets and addresses."""
    return config.Config(
        home=home.resolve(),
        public_url=f"http://localhost:{port}",
        styles=settings.BASE_DIR / "retail" / "front" / "static" / "front",
        shop_url=settings.BASE_URL,
        card_key=settings.CARD_PROVIDER_KEY,
        card_secrets=tuple(settings.CARD_PROVIDER_SECRETS),
        carrier_key=settings.CARRIER_KEY,
        carrier_secrets=tuple(settings.CARRIER_SECRETS),
        fiscal_pac=settings.FISCAL_PAC,
        fiscal_certificate=settings.FISCAL_CERT_HEADER,
        sef_keys=(settings.SEF_API_KEY, *settings.SEF_API_KEYS.values()),
        is_local=settings.SANDBOX_IS_ALLOWED,
    )
