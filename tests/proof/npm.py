"""axe-core and Lighthouse from npm, kept below $ONEROW_HOME; without npm or its registry they are missing, and it is said."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

PACKAGES = ("axe-core@4.11.0", "lighthouse@12.8.2")
MINUTES = 10


@dataclass(frozen=True, slots=True)
class Tools:
    axe: Path | None
    lighthouse: Path | None

    @property
    def missing(self) -> list[str]:
        parts = {"axe-core": self.axe, "Lighthouse": self.lighthouse}
        return [f"{name} (npm could not install it here)" for name, path in parts.items() if path is None]


def tools(home: Path) -> Tools:
    folder = home / "node"
    axe = folder / "node_modules" / "axe-core" / "axe.min.js"
    program = folder / "node_modules" / "lighthouse" / "cli" / "index.js"
    if not (axe.exists() and program.exists()) and shutil.which("npm"):
        folder.mkdir(parents=True, exist_ok=True)
        # Their install scripts fetch browsers that nobody needs here.
        command = ("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", *PACKAGES)
        subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "PUPPETEER_SKIP_DOWNLOAD": "1"},
            timeout=MINUTES * 60,
            check=False,
        )
    node = shutil.which("node")
    return Tools(
        axe if axe.exists() else None,
        program if program.exists() and node else None,
    )
