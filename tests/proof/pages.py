"""Every page of a sample house looked at: pictures at 360 and 1440 px, light and dark, axe, our own list, and Lighthouse.

`python -m tests.proof.pages` opens a house of its own with the sample chain and one of everything (`tests.proof.scene`); with `--url`
and `--scene` it looks at a house that already runs. Pictures and `problems.json` stand in $ONEROW_HOME/pages. Exit 1 on a problem.
axe-core and Lighthouse come from npm when it is there; without it they are left out, and the last lines say so.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page, sync_playwright

from tests.browsing import QUIET, chromium
from tests.proof import lighthouse, npm
from tests.proof.gallery import Look, looks
from tests.proof.house import sample

SIZES = {360: 740, 1440: 900}
SCHEMES = ("light", "dark")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", help="a house that runs")
    parser.add_argument("--scene", type=Path, help="what tests.proof.scene printed there")
    parser.add_argument("--only", default="", help="only pages whose name begins so")
    parser.add_argument("--without-lighthouse", action="store_true")
    options = parser.parse_args()
    home = Path(os.environ.get("ONEROW_HOME") or ".onerow").resolve()
    tools = npm.tools(home)
    if tools.axe:
        os.environ["AXE"] = str(tools.axe)
    found: dict[str, list[str]] = {}
    with _house(options.url, options.scene) as (url, scene):
        found |= _looked_at(url, scene, home / "pages", options.only)
        if tools.lighthouse and not options.without_lighthouse:
            found |= lighthouse.measured(tools.lighthouse, url, scene, home / "pages")
    (home / "pages" / "problems.json").write_text(json.dumps(found, indent=1, ensure_ascii=False))
    told = [f"problems on {len(found)} pages", f"pictures: {home / 'pages'}"]
    told += [f"LEFT OUT: {missing}" for missing in tools.missing]
    sys.stdout.write("\n".join(told) + "\n")
    return 1 if found else 0


@contextmanager
def _house(url: str | None, scene: Path | None) -> Iterator[tuple[str, dict[str, Any]]]:
    if url and scene:
        yield url, json.loads(scene.read_text())
        return
    with sample() as (house, told):
        yield f"http://localhost:{house.port}", told


def _looked_at(url: str, scene: dict[str, Any], folder: Path, only: str) -> dict[str, list[str]]:
    """Problems by page. A page that wants a basket finds one; a page of a person, their session."""
    executable = chromium()
    if executable is None:
        return {"browser": ["there is no Chromium on this machine"]}
    found: dict[str, list[str]] = {}
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(QUIET))
        for scheme in SCHEMES:
            rooms: dict[str, Page] = {}
            for look in looks(scene):
                if not look.name.startswith(only):
                    continue
                if look.role not in rooms:
                    context = browser.new_context(
                        locale="sr-Latn-RS",
                        timezone_id="Europe/Belgrade",
                        color_scheme="dark" if scheme == "dark" else "light",
                    )
                    rooms[look.role] = _person(context, look.role, url, scene)
                if problems := _look(rooms[look.role], look, url, folder, scheme):
                    found.setdefault(f"{look.name} {scheme}", []).extend(problems)
                    # At once: some five hundred pictures take a while, and who waits can begin to mend.
                    sys.stdout.write("\n  ".join([f"{look.name} {scheme}:", *problems]) + "\n")
                    sys.stdout.flush()
            for page in rooms.values():
                page.context.close()
        browser.close()
    return found


def _person(context: BrowserContext, role: str, url: str, scene: dict[str, Any]) -> Page:
    if session := scene["sessions"].get(role):
        context.add_cookies([{"name": "session", "value": session, "url": url}])
    for status, html in scene["errors"].items():

        def answer(route: Any, _: Any, html: str = html, status: str = status) -> None:
            route.fulfill(status=int(status), content_type="text/html; charset=utf-8", body=html)

        context.route(f"**/__error/{status}/", answer)
    page = context.new_page()
    if role == "buyer":
        page.goto(f"{url}/p/{scene['slug']}/")
        page.locator(".buy-row .button-main").click()
        page.locator("#added .notice").wait_for()
    return page


def _look(page: Page, look: Look, url: str, folder: Path, scheme: str) -> list[str]:
    from tests.front.pages import audit_shown, listening

    if look.place:
        page.goto(f"{url}/scan/place/")
        if page.locator(f"#place option[value='{look.place}']").count():
            page.select_option("#place", look.place)
            page.get_by_role("main").get_by_role("button").first.click()
    found: list[str] = []
    with listening(page) as heard:
        for width, height in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            answer = page.goto(url + look.path, wait_until="load")
            status = answer.status if answer else 0
            if status != _expected(look):
                found.append(f"{width} px: status {status}")
            page.screenshot(path=folder / f"{look.name}-{width}-{scheme}.png", full_page=True)
            found += [f"{width} px: {problem}" for problem in audit_shown(page, tabs=8 if width > 360 else 0)]
    # The browser notes an answer of 4xx or 5xx as an error of its own.
    heard = [line for line in heard if "the server responded with a status of" not in line]
    return list(dict.fromkeys(found + heard))


def _expected(look: Look) -> int:
    return int(look.name.removeprefix("error-")) if look.name.startswith("error-") else 200


if __name__ == "__main__":
    sys.exit(main())
