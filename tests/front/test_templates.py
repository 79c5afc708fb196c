"""All templates of the house: each compiles, and none asks for what the content policy refuses."""

import re
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.template import engines

from retail.front import quick

ROOT = Path(settings.BASE_DIR)
HTML = [
    path
    for config in apps.get_app_configs()
    if ROOT in Path(config.path).parents and "site-packages" not in Path(config.path).parts
    for folder in ("templates", "jinja2")
    for path in sorted((Path(config.path) / folder).rglob("*.html"))
]
MAIL = re.compile(r"/(emails?|mails?|letters?)/")  # mail readers know no style sheets
FORBIDDEN = {
    "inline style": re.compile(r"<[^>]*\sstyle\s*=", re.IGNORECASE),
    "inline handler": re.compile(r"<[^>]*\son[a-z]+\s*=", re.IGNORECASE),
    "htmx handler": re.compile(r"<[^>]*\shx-on", re.IGNORECASE),
    "inline script": re.compile(
        r"<script(?![^>]*\ssrc=)(?![^>]*type=\"application/(?:ld\+)?json\")[^>]*>", re.IGNORECASE
    ),
    "style element": re.compile(r"<style\b", re.IGNORECASE),
    "data address": re.compile(r"(?:src|href)\s*=\s*[\"']\s*(?:data|javascript):", re.IGNORECASE),
    "outside address": re.compile(r"<(?:script|link|img)[^>]*(?:src|href)\s*=\s*[\"']https?:", re.IGNORECASE),
}
_TAGS = re.compile(r"{#.*?#}|{%.*?%}|{{.*?}}", re.DOTALL)


def names(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_there_are_templates_to_check() -> None:
    assert "retail/front/templates/front/shop_base.html" in map(names, HTML)


@pytest.mark.parametrize("path", HTML, ids=names)
def test_it_compiles(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if "jinja2" in path.parts:
        quick.environment("en").from_string(text)
    else:
        engines["django"].from_string(text)


@pytest.mark.parametrize("path", [path for path in HTML if not MAIL.search(str(path))], ids=names)
def test_it_keeps_the_content_policy(path: Path) -> None:
    markup = _TAGS.sub("", path.read_text(encoding="utf-8"))
    assert [name for name, pattern in FORBIDDEN.items() if pattern.search(markup)] == []


@pytest.mark.parametrize(
    ("markup", "name"),
    [
        ('<p class="a" style="color:red">', "inline style"),
        ('<button onclick="go()">', "inline handler"),
        ("<script>go()</script>", "inline script"),
        ("<style>p{}</style>", "style element"),
        ('<img src="data:image/png;base64,">', "data address"),
        ('<script src="https://cdn.example/x.js"></script>', "outside address"),
    ],
)
def test_the_check_sees_what_it_should(markup: str, name: str) -> None:
    assert FORBIDDEN[name].search(markup)


@pytest.mark.parametrize("path", HTML, ids=names)
def test_icons_exist(path: Path) -> None:
    sprite = (ROOT / "retail/front/static/front/icons.svg").read_text()
    drawn = set(re.findall(r'<symbol id="i-([\w-]+)"', sprite))
    asked = set(re.findall(r'\bicon[ (]"([\w-]+)"', path.read_text(encoding="utf-8")))
    assert asked <= drawn
