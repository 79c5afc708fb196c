"""`audit_page(page, url)`: what every page of the house must keep, looked at in a real browser.

With axe-core at hand (`make proof` installs it below $ONEROW_HOME; or at AXE) axe judges WCAG 2.2 AA and its best
practices. With or without it our own list is checked: nothing wider than the screen at 320, 360 and 1440, one `h1`, one `main`,
a language, a label for each control, `alt` on each picture, no two equal ids, a visible focus, targets of 24 px, no refused
resource, no console error.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

ROOT = Path(__file__).resolve().parents[2]
HOME = Path(os.environ.get("ONEROW_HOME") or ROOT / ".onerow")
# Where the proof of all pages keeps it, else beside the code.
PLACES = [place / "node_modules" / "axe-core" / "axe.min.js" for place in (HOME / "node", ROOT)]
AXE = Path(os.environ.get("AXE") or next((path for path in PLACES if path.exists()), PLACES[0]))
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDTHS = (320, 360, 1440)
OWN_CHECKS = """() => {
  const seen = (el) => !!(el.offsetWidth || el.offsetHeight || el.getClientRects().length);
  const name = (el) => el.outerHTML.slice(0, 120);
  const found = [];
  const count = (selector) => document.querySelectorAll(selector).length;
  if (count("h1") !== 1) found.push(`${count("h1")} h1 elements`);
  if (count("main") !== 1) found.push(`${count("main")} main elements`);
  if (!document.documentElement.lang) found.push("no language");
  if (!document.title.trim()) found.push("no title");
  const ids = [...document.querySelectorAll("[id]")].map((el) => el.id);
  ids.filter((id, n) => ids.indexOf(id) !== n).forEach((id) => found.push(`id twice: ${id}`));
  document.querySelectorAll("img:not([alt])").forEach((el) => found.push(`no alt: ${name(el)}`));
  document.querySelectorAll("input:not([type=hidden]), select, textarea").forEach((el) => {
    const labelled = [...(el.labels || [])].some((label) => label.textContent.trim());
    const reference = document.getElementById(el.getAttribute("aria-labelledby") || "");
    if (!labelled && !el.getAttribute("aria-label") && !reference) found.push(`no label: ${name(el)}`);
  });
  document.querySelectorAll("a[href], button, summary").forEach((el) => {
    const words = el.textContent.trim() || el.getAttribute("aria-label") || [...el.querySelectorAll("img")].map((i) => i.alt).join("");
    if (!words) found.push(`no name: ${name(el)}`);
  });
  document.querySelectorAll("[aria-describedby], [aria-labelledby], [aria-controls]").forEach((el) => {
    ["aria-describedby", "aria-labelledby", "aria-controls"].forEach((key) => (el.getAttribute(key) || "").split(/\\s+/).filter(Boolean)
      .forEach((id) => { if (!document.getElementById(id)) found.push(`${key} leads nowhere: ${id}`); }));
  });
  document.querySelectorAll("button, .button, input[type=checkbox], input[type=radio]").forEach((el) => {
    const box = el.getBoundingClientRect();
    const label = el.closest("label");
    const area = label ? label.getBoundingClientRect() : box;
    const spaced = el.matches(".check");  // alone in its cell, which is larger
    if (seen(el) && !spaced && getComputedStyle(el).opacity !== "0" && (area.width < 23.5 || area.height < 23.5)) found.push(`target ${Math.round(area.width)}x${Math.round(area.height)}: ${name(el)}`);
  });
  document.querySelectorAll("th").forEach((el) => { if (!el.scope) found.push(`th without scope: ${name(el)}`); });
  let before = 0;
  document.querySelectorAll("h1, h2, h3, h4, h5, h6").forEach((el) => {
    const level = Number(el.tagName[1]);
    if (seen(el) && before && level > before + 1) found.push(`heading skips to h${level}: ${el.textContent.trim().slice(0, 40)}`);
    if (seen(el)) before = level;
  });
  return found;
}"""
OVERFLOW = """() => {
  const wide = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= wide) return [];
  const wider = [...document.querySelectorAll("body *")].filter((el) => Math.max(el.getBoundingClientRect().right, el.getBoundingClientRect().left + el.scrollWidth) > wide + 1 && !el.closest(".scroll, .tabs, .cards-row, .aisles, .sr, [popover], svg *"))
    .map((el) => el.outerHTML.slice(0, 100));
  return wider.length ? wider.slice(-3) : [`${document.documentElement.scrollWidth} px`];
}"""
FOCUS = """() => {
  const style = getComputedStyle(document.activeElement);
  const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  return document.activeElement === document.body || ring || style.boxShadow !== "none" || !!document.activeElement.closest(".format, .option") ? "" : document.activeElement.outerHTML.slice(0, 100);
}"""


@contextmanager
def listening(page: Page) -> Iterator[list[str]]:
    """What the browser complained about meanwhile: script errors, refused resources."""
    heard: list[str] = []

    def on_console(message: Any) -> None:
        if message.type == "error" and "the server responded with a status of 4" not in message.text:
            heard.append(f"console: {message.text}")

    def on_error(error: Any) -> None:
        heard.append(f"script: {error}")

    page.on("console", on_console)
    page.on("pageerror", on_error)
    yield heard
    page.remove_listener("console", on_console)
    page.remove_listener("pageerror", on_error)


def audit_page(page: Page, url: str, *, widths: Sequence[int] = WIDTHS, tabs: int = 12) -> list[str]:
    """Everything that is wrong with the page, in words; an empty list is a pass."""
    found: list[str] = []
    with listening(page) as heard:
        for width in widths:
            page.set_viewport_size({"width": width, "height": 900})
            page.goto(url, wait_until="load")
            found += [
                f"{width} px: {problem}"
                for problem in audit_shown(page, tabs=tabs if width == widths[-1] else 0)
            ]
    return list(dict.fromkeys(found + heard))


def audit_shown(page: Page, *, tabs: int = 0) -> list[str]:
    """The same for the page as it now stands (after a refused form, with an open sheet)."""
    wide = [f"wider than the screen: {element}" for element in page.evaluate(OVERFLOW)]
    found = [*wide, *page.evaluate(OWN_CHECKS), *_axe(page)]
    for _n in range(tabs):
        page.keyboard.press("Tab")
        hidden = page.evaluate(FOCUS)
        if hidden:
            found.append(f"focus cannot be seen: {hidden}")
    return found


def _axe(page: Page) -> list[str]:
    if not AXE.exists():
        return []
    page.evaluate(
        AXE.read_text()
    )  # evaluated by the driver, so the content policy of the page stays as it is
    result = page.evaluate("tags => axe.run(document, {runOnly: {type: 'tag', values: tags}})", AXE_TAGS)
    return [
        f"axe {violation['id']}: {violation['help']}: {node['html'][:120]}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]
