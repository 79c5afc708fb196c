"""Every colour pair of the style sheets against WCAG 2.2 AA, three fronts, both themes.

Text needs 4.5:1 (SC 1.4.3); borders of controls, focus rings and chart marks need 3:1 (SC 1.4.11).
"""

import re
from pathlib import Path

import pytest

SHEETS = Path(__file__).resolve().parents[2] / "retail" / "front" / "static" / "front"
TEXT, MARK = 4.5, 3.0
GROUNDS = ("bg", "surface", "surface-2")
TONES = ("good", "info", "busy", "warn", "bad", "idle")
INKS = ("ink", "ink-2", "ink-3", "link", "sale", "bad", "good", "warn", "info")
PAIRS = [
    *((ink, ground, TEXT) for ink in INKS for ground in GROUNDS),
    *((ink, "surface-3", TEXT) for ink in ("ink", "ink-2")),
    *((tone, f"{tone}-bg", TEXT) for tone in TONES),
    *(("ink", f"{tone}-bg", TEXT) for tone in TONES),
    *((ink, "action-soft", TEXT) for ink in ("link", "ink", "ink-2", "ink-3")),
    *(("on-action", ground, TEXT) for ground in ("action", "action-hover")),
    ("on-accent", "accent", TEXT),
    ("bg", "ink", TEXT),
    ("surface", "sale", TEXT),
    ("surface", "good", TEXT),
    *((ink, band, TEXT) for ink in ("on-band", "on-band-2") for band in ("band", "band-2")),
    ("accent", "band", TEXT),
    *(("line-strong", ground, MARK) for ground in GROUNDS),
    *((ring, ground, MARK) for ring in ("focus", "action") for ground in GROUNDS),
    *((f"chart-{n}", "surface", MARK) for n in range(1, 6)),
]
SCAN_PAIRS = [("on-hit", "hit", TEXT), ("on-miss", "miss", TEXT), ("on-again", "again", TEXT)]
THEMES = ("light", "dark", "dark by attribute")


def blocks(sheet: str) -> dict[str, dict[str, str]]:
    """The colours of the light block, of the dark block of the media query, of the dark block of the attribute."""
    found: dict[str, dict[str, str]] = {theme: {} for theme in THEMES}
    for selector, body in re.findall(r"(:root[^{,]*)\{([^}]*)\}", (SHEETS / sheet).read_text()):
        theme = "dark" if "not(" in selector else "dark by attribute" if "dark" in selector else "light"
        found[theme] |= dict(re.findall(r"--([\w-]+):\s*(#[0-9a-fA-F]{6})\b", body))
    return found


def palette(front: str, theme: str) -> dict[str, str]:
    shared, own = blocks("tokens.css"), blocks(f"{front}.css")
    return shared["light"] | shared[theme] | own["light"] | own[theme]


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_black_on_white_is_the_known_maximum() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("front", ["shop", "ops", "scan"])
def test_every_pair_can_be_read(front: str, theme: str) -> None:
    colours = palette(front, theme)
    pairs = PAIRS + (SCAN_PAIRS if front == "scan" else [])
    weak = {
        f"{ink} on {ground}": round(contrast(colours[ink], colours[ground]), 2)
        for ink, ground, needed in pairs
        if contrast(colours[ink], colours[ground]) < needed
    }
    assert weak == {}


@pytest.mark.parametrize("front", ["shop", "ops", "scan"])
def test_the_two_dark_blocks_are_the_same(front: str) -> None:
    assert palette(front, "dark") == palette(front, "dark by attribute")


@pytest.mark.parametrize("sheet", ["tokens.css", "shop.css", "ops.css", "scan.css"])
def test_only_tokens_say_colours(sheet: str) -> None:
    """A colour outside the token layer escapes the dark theme and this check."""
    outside = (SHEETS / sheet).read_text().split("@layer front", 1)
    rules = outside[1] if len(outside) > 1 else (SHEETS / sheet).read_text().split("@layer base {", 1)[1]
    assert re.findall(r"#[0-9a-fA-F]{3,6}\b(?![^{]*\{)", rules) == []
