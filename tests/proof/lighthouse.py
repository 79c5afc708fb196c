"""Lighthouse on the pages that sell: home, listing, product, basket, checkout, as a phone sees them; the median of three runs."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx

from tests.browsing import chromium

RUNS = 3
# Performance depends on the machine that measures; the other three do not.
AT_LEAST = {"performance": 95, "accessibility": 100, "best-practices": 100, "seo": 100}
# Nobody should find a basket by searching: these two ask not to be listed, which Lighthouse takes off their SEO.
PRIVATE = {"basket", "checkout"}
FLAGS = "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage"


def measured(program: Path, url: str, scene: dict[str, Any], folder: Path) -> dict[str, list[str]]:
    pages = {
        "home": "/",
        "listing": f"/c/{scene['category']}/",
        "product": f"/p/{scene['slug']}/",
        "basket": "/basket/",
        "checkout": "/checkout/",
    }
    cookie = _basket(url, scene["slug"], scene["sku"])
    found: dict[str, list[str]] = {}
    table: dict[str, dict[str, float]] = {}
    for name, path in pages.items():
        runs = [_run(program, url + path, cookie if name in PRIVATE else "") for _ in range(RUNS)]
        scores = {area: statistics.median(run[area] for run in runs) for area in AT_LEAST}
        table[name] = scores
        told = ", ".join(f"{area} {score:.0f}" for area, score in scores.items())
        sys.stdout.write(f"lighthouse {name}: {told}\n")
        wanted = {a: least for a, least in AT_LEAST.items() if not (a == "seo" and name in PRIVATE)}
        if low := [
            f"{area} {scores[area]:.0f}, at least {least}"
            for area, least in wanted.items()
            if scores[area] < least
        ]:
            found[f"lighthouse {name}"] = low
    (folder / "lighthouse.json").write_text(json.dumps(table, indent=1))
    return found


def _basket(url: str, slug: str, sku: str) -> str:
    """The cookie of a basket with one book in it."""
    with httpx.Client(base_url=url, follow_redirects=True, trust_env=False) as client:
        client.get(f"/p/{slug}/")
        token = client.cookies["csrf"]
        headers = {"X-CSRFToken": token, "Referer": f"{url}/p/{slug}/", "Origin": url}
        client.post("/basket/add/", data={"sku": sku, "quantity": "1"}, headers=headers).raise_for_status()
        return f"basket={client.cookies['basket']}"


def _run(program: Path, address: str, cookie: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [
            "node",
            str(program),
            address,
            "--quiet",
            f"--chrome-flags={FLAGS}",
            f"--only-categories={','.join(AT_LEAST)}",
            "--output=json",
            f"--output-path={report}",
        ]
        if cookie:
            command.append(f"--extra-headers={json.dumps({'Cookie': cookie})}")
        environment = {**os.environ, "CHROME_PATH": chromium() or ""}
        subprocess.run(command, env=environment, check=True, timeout=180)
        said = json.loads(report.read_text())
    return {area: 100 * (said["categories"][area]["score"] or 0) for area in AT_LEAST}
