"""Runs every invariant of the house; exit 1 and the offending rows when one is broken."""

import json
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.operations import verify
from retail.doctor.checks import CHECKS
from retail.doctor.examine import Finding, examine, imported_rows


class Command(BaseCommand):
    help = "Checks that the rows of every room agree: one SQL for each invariant, zero rows expected."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="answer for programs")
        parser.add_argument("--only", nargs="*", default=[], metavar="NAME", help="only these checks")
        parser.add_argument(
            "--chain", action="store_true", help="also read the hash chain of the trace from its beginning"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if unknown := set(options["only"]) - {check.name for check in CHECKS}:
            raise CommandError(f"There is no check named {', '.join(sorted(unknown))}.")
        began = time.perf_counter()
        findings = []
        for finding in examine(tuple(options["only"])):
            findings.append(finding)
            if not options["json"]:
                self._tell(finding)
        broken = verify() if options["chain"] else None
        seconds = time.perf_counter() - began
        ok = not any(finding.violations for finding in findings) and broken is None
        if options["json"]:
            answer = {
                "ok": ok,
                "seconds": round(seconds, 2),
                "checks": [finding.as_json() for finding in findings],
                "imported": imported_rows(),
            }
            if options["chain"]:
                answer["chain"] = None if broken is None else f"{broken.what}: entry {broken.entry_id}"
            self.stdout.write(json.dumps(answer, indent=2))
        else:
            history = imported_rows()
            self.stdout.write(
                f"{len(findings)} checks in {seconds:.1f} s; outside of them as marked history: "
                f"{history['orders']} orders, {history['order_lines']} lines, {history['stock_moves']} moves"
            )
            if broken is not None:
                self.stdout.write(
                    self.style.ERROR(f"chain: {broken.what}, entry {broken.entry_id} at {broken.position}")
                )
        if not ok:
            raise SystemExit(1)

    def _tell(self, finding: Finding) -> None:
        if not finding.violations:
            self.stdout.write(f"  ok    {finding.check.name}")
            return
        self.stdout.write(self.style.ERROR(f"BROKEN  {finding.check.name}: {finding.violations} rows"))
        self.stdout.write(f"        {finding.check.protects}")
        for row in finding.rows:
            self.stdout.write(f"        {row}")
