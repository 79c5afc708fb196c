"""Lighthouse on the pages that sell, as a phone and as a desktop sees them: the median of three runs, and what each page weighs.

`python -m tests.proof.pages` asks for it. The table (`lighthouse.md`, beside the pictures) goes into `docs/performance.md`.
"""

from __future__ import annotations

import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import httpx

from tests.browsing import chromium

RUNS = 3
# Performance depends on the machine that measures; the other three do not.
AT_LEAST = {"performance": 95, "accessibility": 100, "best-practices": 100, "seo": 100}
# Nobody should find a basket by searching: these two ask not to be listed, which Lighthouse takes off their SEO.
PRIVATE = {"basket", "checkout"}
FORMS = {"mobile": (), "desktop": ("--preset=desktop",)}
# What the files of a page weigh, by kind, in bytes of gzip (a local house sends them as they are); and how far things jumped.
WEIGHTS = {"script": 30_000, "stylesheet": 30_000}
MOST_SHIFT = 0.0
FLAGS = "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage"
COLUMNS = (*AT_LEAST, *WEIGHTS, "shift")


def measured(program: Path, url: str, scene: dict[str, Any], folder: Path) -> dict[str, list[str]]:
    """What is below its goal, by page and form; everything that was measured stands in `folder`."""
    pages = {
        "home": "/",
        "listing": f"/c/{scene['category']}/",
        "product": f"/p/{scene['slug']}/",
        "campaign": scene["campaign_page"],
        "basket": "/basket/",
        "checkout": "/checkout/",
    }
    cookie = _basket(url, scene["slug"], scene["sku"])
    found: dict[str, list[str]] = {}
    table: dict[str, dict[str, float]] = {}
    for name, path in pages.items():
        for form, flags in FORMS.items():
            runs = [_run(program, url + path, cookie if name in PRIVATE else "", flags) for _ in range(RUNS)]
            medians = {column: statistics.median(run[column] for run in runs) for column in COLUMNS}
            table[f"{name}, {form}"] = medians
            told = ", ".join(f"{column} {value:g}" for column, value in medians.items())
            sys.stdout.write(f"lighthouse {name} {form}: {told}\n")
            sys.stdout.flush()
            if low := _below(medians, is_private=name in PRIVATE):
                found[f"lighthouse {name} {form}"] = low
    (folder / "lighthouse.json").write_text(json.dumps(table, indent=1))
    (folder / "lighthouse.md").write_text(_markdown(table))
    return found


def _below(medians: dict[str, float], *, is_private: bool) -> list[str]:
    low = [
        f"{area} {medians[area]:g}, at least {least}"
        for area, least in AT_LEAST.items()
        if medians[area] < least and not (area == "seo" and is_private)
    ]
    heavy = [
        f"{kind} {medians[kind]:g} bytes, at most {most}"
        for kind, most in WEIGHTS.items()
        if medians[kind] > most
    ]
    moved = [f"things jump by {medians['shift']:g}"] if medians["shift"] > MOST_SHIFT else []
    return low + heavy + moved


def _markdown(table: dict[str, dict[str, float]]) -> str:
    rows = [
        f"| {name} | {' | '.join(f'{medians[column]:g}' for column in COLUMNS)} |"
        for name, medians in table.items()
    ]
    head = [f"| page | {' | '.join(COLUMNS)} |", "|---|" + "---|" * len(COLUMNS)]
    return "\n".join([*head, *rows]) + "\n"


def _basket(url: str, slug: str, sku: str) -> str:
    """The cookie of a basket with one book in it."""
    with httpx.Client(base_url=url, follow_redirects=True, trust_env=False) as client:
        client.get(f"/p/{slug}/")
        token = client.cookies["csrf"]
        headers = {"X-CSRFToken": token, "Referer": f"{url}/p/{slug}/", "Origin": url}
        client.post("/basket/add/", data={"sku": sku, "quantity": "1"}, headers=headers).raise_for_status()
        return f"basket={client.cookies['basket']}"


def _run(program: Path, address: str, cookie: str, flags: tuple[str, ...]) -> dict[str, float]:
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
            *flags,
        ]
        if cookie:
            command.append(f"--extra-headers={json.dumps({'Cookie': cookie})}")
        environment = {**os.environ, "CHROME_PATH": chromium() or ""}
        # Now and then Chromium records no trace (NO_NAVSTART), whatever the page.
        for is_last in (False, False, True):
            if subprocess.run(command, env=environment, check=is_last, timeout=180).returncode == 0:
                break
        said = json.loads(report.read_text())
    scores = {area: round(100 * (said["categories"][area]["score"] or 0)) for area in AT_LEAST}
    audits = said["audits"]
    sent = audits["network-requests"]["details"]["items"]
    weights = {
        kind: sum(_gzipped(item["url"]) for item in sent if item["resourceType"].lower() == kind)
        for kind in WEIGHTS
    }
    return {**scores, **weights, "shift": round(audits["cumulative-layout-shift"]["numericValue"], 4)}


@cache
def _gzipped(address: str) -> int:
    return len(gzip.compress(httpx.get(address, trust_env=False).content))
