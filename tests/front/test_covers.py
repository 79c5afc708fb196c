import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client, RequestFactory, override_settings

from retail.front.cover_art import PALETTES, cover_svg
from retail.front.covers import CoverText, register_cover_source, version_of
from retail.front.templatetags.front import cover_url
from retail.front.views import cover
from tests.front.test_contrast import contrast

BOOK = CoverText("Soba sa pogledom na Savu", "Jasna Brezović")


@pytest.fixture(autouse=True)
def lab_pages(empty_registers: None) -> Iterator[None]:
    register_cover_source(lambda code: BOOK if code == "9788699900122" else None)
    with override_settings(ROOT_URLCONF="tests.front.lab"):
        yield


def test_the_versioned_cover_is_kept_for_a_day() -> None:
    answer = Client().get(cover_url("9788699900122", BOOK.title, BOOK.author))
    assert answer["Content-Type"] == "image/svg+xml; charset=utf-8"
    assert answer["Cache-Control"] == "public, max-age=86400"
    assert b"Jasna Brezovi" in answer.content


def test_a_stale_version_is_cached_for_an_hour_only() -> None:
    assert Client().get("/covers/9788699900122.svg?v=0")["Cache-Control"] == "public, max-age=3600"
    assert version_of("Soba", "") != version_of("Soba 2", "")


def test_a_photograph_is_shown_instead_of_the_drawing() -> None:
    register_cover_source(
        lambda code: CoverText("Vagon", photograph="/media/vagon.webp") if code == "V-1" else None
    )
    answer = Client().get(cover_url("V-1", "Vagon"))
    assert (answer.status_code, answer["Location"]) == (302, "/media/vagon.webp")
    assert answer["Cache-Control"] == "public, max-age=3600"


def test_an_unknown_code_has_no_cover() -> None:
    assert cover(RequestFactory().get("/covers/0000.svg"), "0000").status_code == 404


def test_words_are_escaped_and_the_picture_asks_nothing_of_the_policy() -> None:
    svg = cover_svg("1", '<script>alert("x")</script> & dalje', "A & B <b>")
    assert ET.fromstring(svg).tag.endswith("svg")
    assert "<script" not in svg
    assert "style" not in svg


@pytest.mark.parametrize("title", ["", " ", "A", "Nepodnošljivo" * 9, "Ljubav " * 40, "nul\x00a i 📚"])
def test_any_title_can_be_drawn(title: str) -> None:
    assert ET.fromstring(cover_svg("9788699900122", title, "")).tag.endswith("svg")


def test_the_same_code_always_has_the_same_cover() -> None:
    assert cover_svg("9788699900122", "a", "b") == cover_svg("9788699900122", "a", "b")
    assert cover_svg("9788699900122", "a", "b") != cover_svg("9788699900123", "a", "b")


def test_every_palette_can_be_read() -> None:
    assert {
        ground: round(contrast(ground, ink), 2)
        for ground, _f, _s, ink in PALETTES
        if contrast(ground, ink) < 4.5
    } == {}


def test_covers_are_those_of_the_design() -> None:
    folder = Path(settings.BASE_DIR).parent / "shared" / "design" / "covers"
    if not folder.exists():
        pytest.skip("the design folder is not beside the repository")
    drawn = (folder / "9788699900122.svg").read_text()
    assert cover_svg("9788699900122", BOOK.title, BOOK.author) == drawn.strip()
