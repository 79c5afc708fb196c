"""Every shared part in the three languages, exact where it matters."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import Client, override_settings
from django.utils import timezone, translation

from retail.front.states import TABLE, state_of
from retail.front.templatetags import front as tags
from tests.front import lab

LANGUAGES = {"": "sr-Latn", "/sr-cyrl": "sr-Cyrl", "/en": "en"}
SPRITE = "/static/front/icons.svg"


@pytest.fixture(autouse=True)
def lab_pages(empty_registers: None) -> Iterator[None]:
    with override_settings(ROOT_URLCONF="tests.front.lab"):
        yield


def page(address: str, **data: str) -> str:
    response = Client().post(address, data) if data else Client().get(address)
    assert response.status_code in (200, 422)
    return response.content.decode()


def squeezed(html: str) -> str:
    return re.sub(r"\s+", " ", html)


@pytest.mark.parametrize(("prefix", "lang"), LANGUAGES.items())
@pytest.mark.parametrize("where", ["/", "/ops/", "/scan/"])
def test_frames_speak_their_language(prefix: str, lang: str, where: str) -> None:
    html = page(f"{prefix}{where}")
    assert f'<html lang="{lang}"' in html
    assert html.count("<h1") == 1
    assert {"sr-Latn": "Pređi na sadržaj", "sr-Cyrl": "Пређи на садржај", "en": "Skip to content"}[
        lang
    ] in html


def test_every_state_has_a_known_tone_and_a_drawn_icon() -> None:
    from django.contrib.staticfiles import finders

    sprite = open(str(finders.find("front/icons.svg"))).read()  # noqa: PTH123, SIM115
    for kind, states in TABLE.items():
        for code, state in states.items():
            assert state.tone in {"good", "info", "busy", "warn", "bad", "idle"}, (kind, code)
            assert f'id="i-{state.icon}"' in sprite, (kind, code)


@pytest.mark.parametrize(
    ("language", "word"), [("sr-latn", "Čeka uplatu"), ("sr-cyrl", "Чека уплату"), ("en", "Awaiting payment")]
)
def test_chip_has_tone_icon_and_word(language: str, word: str) -> None:
    with translation.override(language):
        assert tags.chip("order", "PENDING_PAYMENT") == (
            f'<span class="chip tone-warn"><svg class="icon" aria-hidden="true"><use href="{SPRITE}#i-clock"/></svg>{word}</span>'
        )


def test_chip_of_an_unknown_code_is_idle_and_escaped() -> None:
    assert tags.chip("order", "<NEW>") == (
        f'<span class="chip"><svg class="icon" aria-hidden="true"><use href="{SPRITE}#i-info"/></svg>&lt;NEW&gt;</span>'
    )
    assert tags.chip("order", "") == ""
    with pytest.raises(KeyError):
        state_of("no such kind", "PLACED")


def test_money_back_and_goods_back_are_different_words() -> None:
    with translation.override("sr-latn"):
        assert str(state_of("payment", "REFUNDED").word) == "Novac vraćen"
        assert str(state_of("fulfillment", "RETURNED").word) == "Roba vraćena"


def test_amounts_and_days_follow_the_language() -> None:
    latin, cyrillic, english = (page(f"{prefix}/") for prefix in LANGUAGES)
    assert "<b>1.039,20\u00a0RSD</b>" in latin
    assert "Utorak, 24. novembar, 20\u00a0%" in latin
    assert "<b>1.039,20\u00a0RSD</b>" in cyrillic
    assert "Уторак, 24. новембар, 20\u00a0%" in cyrillic
    assert "<b>1,039.20\u00a0RSD</b>" in english
    assert "Tuesday, 24 November, 20\u00a0%" in english


def test_serbian_data_changes_script_only_in_cyrillic() -> None:
    latin, cyrillic, english = (page(f"{prefix}/") for prefix in LANGUAGES)
    assert "<h1>Šta čitaju Ljubav i Njegoš</h1>" in latin
    assert "<h1>Шта читају Љубав и Његош</h1>" in cyrillic
    assert "<h1>Šta čitaju Ljubav i Njegoš</h1>" in english


@pytest.mark.parametrize(
    ("language", "words"),
    [("sr-latn", "17 minuta"), ("sr-cyrl", "17 минута"), ("en", "17 minutes")],
)
def test_held_stock_says_how_long_and_until_when(language: str, words: str) -> None:
    with translation.override(language):
        until = timezone.now() + timedelta(minutes=16, seconds=30)
        drawn = tags.hold(until)
        assert drawn["minutes"] == 17
        from django.template.loader import render_to_string

        assert f">{words}</time>" in render_to_string("front/parts/hold.html", drawn)


@pytest.mark.parametrize(
    ("seconds", "words"), [(50, "1 minut"), (110, "2 minuta"), (1250, "21 minut"), (590, "10 minuta")]
)
def test_held_minutes_have_serbian_plurals(seconds: int, words: str) -> None:
    assert f">{words}</time>" in page(f"/?left={seconds}")


def test_held_stock_that_ended_says_so() -> None:
    assert "<time" not in squeezed(page("/?left=-5")).split("data-hold")[1].split("</div></div>")[0]


def test_a_refused_form_comes_back_whole() -> None:
    response = Client().post("/", {"email": "ana", "note": "Zvono ne radi", "where": "2"})
    html = response.content.decode()
    assert response.status_code == 422
    assert "<title>Greška: Delovi" in html
    assert "Proverite 3 polja" in html
    assert '<a href="#id_email">E-pošta: ' in html
    assert 'aria-describedby="id_email-h id_email-e" aria-invalid="true"' in html
    assert 'value="ana"' in html
    assert "Zvono ne radi" in html
    assert '<option value="2" selected>' in html
    assert '<fieldset class="field field-error "' in html


def test_only_optional_fields_are_marked() -> None:
    html = page("/")
    assert 'for="id_note">Napomena <small>(nije obavezno)</small></label>' in html
    assert html.count("nije obavezno") == 1


def test_the_error_box_is_absent_from_a_fresh_form() -> None:
    assert 'class="errors"' not in page("/")


def test_money_strip_shows_unknown_as_a_dash_not_as_zero() -> None:
    html = page("/ops/")
    assert '<div class="is-due"><dt>Ostaje</dt><dd><a href="/ops/">990,00</a>' in html
    assert '<div class="is-even"><dt>Nepoznato</dt><dd>–</dd></div>' in html


def test_diff_speaks_its_signs() -> None:
    html = page("/ops/")
    assert (
        '<del><span class="sr">pre: </span>Bez plana</del><ins><span class="sr">posle: </span>Raspoređeno</ins>'
        in html
    )
    assert '<th scope="col">Kada je predloženo</th>' in html


def test_chart_says_its_finding_and_repeats_its_numbers() -> None:
    html = page("/ops/")
    assert '<title id="hours-finding">Najviše u 12</title>' in html
    assert '<th scope="row">12</th><td class="end num">104</td><td class="end num">86</td>' in html
    assert 'aria-label="prevoz 310, rad 45"' in html


def test_waterfall_shows_signs() -> None:
    html = page("/ops/")
    assert '<td class="end num">214</td>' in html
    assert '<td class="end num">−37</td>' in html


def test_sorting_is_a_link_that_says_its_order() -> None:
    assert '<th scope="col"><a href="?sort=number">' in page("/ops/")
    assert '<th scope="col" aria-sort="ascending"><a href="?sort=-number">' in page("/ops/?sort=number")
    assert '<th scope="col" aria-sort="descending"><a href="?sort=number">' in page(
        "/ops/?sort=-number&page=2"
    )


def test_pages_keep_the_filters() -> None:
    html = page("/ops/?q=ana&page=2")
    assert '<span aria-current="page">2</span>' in html
    assert 'href="?q=ana&amp;page=3" rel="next"' in html


def test_the_switch_keeps_the_page_and_its_filters() -> None:
    html = page("/basket/?q=ana")
    assert '<a href="/sr-cyrl/basket/?q=ana" lang="sr-Cyrl" hreflang="sr-Cyrl" translate="no">' in html
    assert '<a href="/en/basket/?q=ana" lang="en"' in html
    assert '<link rel="alternate" hreflang="en" href="http://localhost:8000/en/basket/?q=ana">' in html
    assert '<link rel="alternate" hreflang="x-default" href="http://localhost:8000/basket/?q=ana">' in html
    assert 'hreflang="sr-Latn" translate="no" aria-current="true"' in html


def test_menu_leaves_out_pages_that_do_not_exist_and_marks_the_present_one() -> None:
    side = page("/ops/orders/").split('<nav class="side"')[1].split("</nav>")[0]
    assert re.findall(r'<a href="([^"]+)"', side) == ["/ops/", "/ops/orders/", "/scan/"]
    assert '<a href="/ops/orders/" aria-current="page">' in side
    assert side.count("aria-current") == 1


def test_frame_parts_come_from_whoever_registered_them() -> None:
    from retail.front.frame import register_frame_part

    assert 'class="n"' not in page("/")
    register_frame_part("basket_count", lambda request: 3)
    register_frame_part("aisles", lambda request: [("Dečje knjige", "/c/decje/")])
    html = page("/sr-cyrl/")
    assert '<span class="n">3<span class="sr"> артикла</span></span>' in html
    assert '<a href="/c/decje/">Дечје књиге</a>' in html


@pytest.mark.parametrize(
    ("name", "value"), [("theme", "dark"), ("density", "tight"), ("sound", "off"), ("keys", "off")]
)
def test_a_choice_is_remembered_and_drawn_by_the_server(name: str, value: str) -> None:
    client = Client()
    answer = client.post("/preferences/", {"name": name, "value": value, "next": "/ops/?q=1"})
    assert (answer.status_code, answer["Location"]) == (302, "/ops/?q=1")
    drawn = {
        "theme": 'data-theme="dark"',
        "density": 'data-density="tight"',
        "sound": "data-mute",
        "keys": " data-keys",
    }
    html = client.get("/scan/" if name == "sound" else "/ops/").content.decode()
    assert (drawn[name] in html) is (name != "keys")


@pytest.mark.parametrize(
    "data", [{"name": "theme", "value": "<b>"}, {"name": "sessionid", "value": "x"}, {"name": "theme"}, {}]
)
def test_an_unknown_choice_is_refused_and_sets_nothing(data: dict[str, str]) -> None:
    answer = Client().post("/preferences/", data)
    assert answer.status_code == 400
    assert not answer.cookies


def test_a_choice_never_leads_to_another_site() -> None:
    answer = Client().post(
        "/preferences/", {"name": "theme", "value": "dark", "next": "https://evil.example/"}
    )
    assert answer["Location"] == "/"


def test_a_tampered_cookie_is_ignored() -> None:
    client = Client()
    client.cookies["theme"] = '"><script>'
    assert "data-theme" not in client.get("/").content.decode().split("<head>")[0]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("404", "Takve strane nema"),
        ("500", "Nešto se kod nas pokvarilo"),
        ("403", "Ovu stranu"),
        ("400", "Ovaj zahtev"),
    ],
)
def test_error_pages_need_nothing(code: str, words: str) -> None:
    from django.template.loader import render_to_string

    with translation.override("sr-latn"):
        html = render_to_string(f"{code}.html")
    assert words in html
    assert html.count("<h1") == 1


def test_the_lab_draws_every_kind_of_chip() -> None:
    html = page("/ops/")
    assert html.count('class="chip') > sum(len(states) for states in TABLE.values())
    assert lab.LabForm.base_fields.keys() == {"email", "note", "where", "pay", "agree"}
