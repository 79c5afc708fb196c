"""The frames in a real browser: what the scripts add, and that every page stands without them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.front.pages import audit_page, audit_shown, listening

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("where", "scheme"),
    [
        *((where, "light") for where in ("/", "/sr-cyrl/", "/en/", "/ops/", "/sr-cyrl/ops/", "/scan/")),
        *((where, "dark") for where in ("/", "/ops/", "/scan/")),
    ],
)
def test_every_frame_passes_the_audit(
    lab: str, new_context: Callable[..., BrowserContext], where: str, scheme: str
) -> None:
    page = new_context(color_scheme=scheme).new_page()
    assert audit_page(page, f"{lab}{where}") == []


def test_the_audit_sees_what_is_wrong(page: Page) -> None:
    page.set_viewport_size({"width": 320, "height": 600})
    page.set_content(
        "<body><main><h1>A</h1><h1>B</h1><h3>C</h3><img src='x'><input><button></button>"
        "<p id=a></p><p id=a></p><table><th>x</th></table><div aria-describedby=no>x</div>"
        "<pre>" + "wide " * 200 + "</pre></main></body>"
    )
    found = " ".join(audit_shown(page))
    for word in (
        "2 h1",
        "no language",
        "no title",
        "id twice: a",
        "no alt",
        "no label",
        "no name",
        "leads nowhere",
        "scope",
        "wider than",
    ):
        assert word in found, word


@pytest.mark.parametrize("where", ["/", "/ops/"])
def test_a_refused_form_takes_focus_and_leads_to_the_field(lab: str, page: Page, where: str) -> None:
    with listening(page) as heard:
        page.goto(f"{lab}{where}")
        page.get_by_label("E-pošta").fill("ana")
        page.get_by_role("button", name="Pošalji" if where == "/" else "Sačuvaj").click()
        expect(page.locator(".errors")).to_be_focused()
        assert page.title().startswith("Greška: ")
        page.locator(".errors a").first.click()
        expect(page.get_by_label("E-pošta")).to_be_focused()
        assert audit_shown(page) == []
    assert heard == []


def test_held_stock_counts_down_and_speaks_only_at_five_and_one(lab: str, page: Page) -> None:
    page.clock.install()
    page.goto(f"{lab}/?left=420")
    time, voice = page.locator("time[data-left]"), page.locator("[data-say]:not(time)")
    expect(time).to_have_text("7 minuta")
    page.clock.run_for(65_000)
    expect(time).to_have_text("6 minuta")
    expect(voice).to_have_text("")
    page.clock.run_for(60_000)
    expect(time).to_have_text("5 minuta")
    expect(voice).to_have_text("Vaše artikle čuvamo još 5 minuta.")
    page.clock.run_for(240_000)
    expect(time).to_have_text("1 minut")
    expect(voice).to_have_text("Vaše artikle čuvamo još 1 minut.")
    page.evaluate("document.body.addEventListener('hold-over', () => { document.title = 'over'; })")
    page.clock.run_for(60_000)
    expect(time).to_have_text("nimalo")
    assert page.title() == "over"


def test_theme_changes_at_once_and_stays(lab: str, page: Page) -> None:
    page.goto(f"{lab}/")
    page.get_by_role("button", name="Tamne boje").click()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    expect(page.get_by_role("button", name="Tamne boje")).to_have_attribute("aria-pressed", "true")
    page.goto(f"{lab}/en/")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_theme_works_without_script(lab: str, new_context: Callable[..., BrowserContext]) -> None:
    page = new_context(java_script_enabled=False).new_page()
    page.goto(f"{lab}/basket/?q=ana")
    page.get_by_role("button", name="Tamne boje").click()
    assert page.url == f"{lab}/basket/?q=ana"
    assert 'data-theme="dark"' in page.content()


def test_the_switch_keeps_the_page(lab: str, page: Page) -> None:
    page.goto(f"{lab}/basket/?q=ana")
    page.locator(".langs").get_by_role("link", name="Ћир").or_(
        page.locator(".langs a[lang=sr-Cyrl]")
    ).first.click()
    assert page.url == f"{lab}/sr-cyrl/basket/?q=ana"
    assert page.evaluate("document.documentElement.lang") == "sr-Cyrl"


def test_keys_walk_select_and_open_rows(lab: str, page: Page) -> None:
    page.goto(f"{lab}/ops/")
    page.keyboard.press("j")
    page.wait_for_timeout(60)  # a hand; anything faster is a scanner
    page.keyboard.press("j")
    expect(page.locator("tr.is-here a.key")).to_have_text("104201")
    expect(page.locator("tr.is-here a.key")).to_be_focused()
    page.wait_for_timeout(60)
    page.keyboard.press("k")
    expect(page.locator("tr.is-here a.key")).to_have_text("104200")
    page.wait_for_timeout(60)
    page.keyboard.press("x")
    expect(page.locator("tr.is-here .check")).to_be_checked()
    expect(page.locator("[data-count]")).to_have_text("1")
    page.locator("tr.is-here a.key").press("Enter")
    page.wait_for_url("**#row-104200")
    page.wait_for_timeout(60)
    page.keyboard.press("e")
    page.wait_for_url("**#edit")
    page.wait_for_timeout(60)
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()


def test_single_keys_are_quiet_while_typing_and_when_turned_off(lab: str, page: Page) -> None:
    page.goto(f"{lab}/ops/")
    page.get_by_label("Napomena").press_sequentially("jjx?e", delay=60)
    expect(page.get_by_label("Napomena")).to_have_value("jjx?e")
    assert page.locator("tr.is-here").count() == 0
    page.context.add_cookies([{"name": "keys", "value": "off", "url": lab}])
    page.reload()
    page.keyboard.press("j")
    assert page.locator("tr.is-here").count() == 0


def test_palette_is_walked_by_arrows_and_opens_a_record(lab: str, page: Page) -> None:
    page.goto(f"{lab}/ops/")
    page.keyboard.press("Control+k")
    field = page.locator("#palette input")
    expect(field).to_be_focused()
    field.press_sequentially("104")
    expect(page.locator("#palette [role=option]")).to_have_count(2)
    expect(field).to_have_attribute("aria-activedescendant", "palette-1-1")
    page.keyboard.press("ArrowDown")
    expect(field).to_have_attribute("aria-activedescendant", "palette-1-2")
    expect(page.locator("#palette-1-2")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(field).to_have_attribute("aria-activedescendant", "palette-1-2")
    assert audit_shown(page) == []
    page.keyboard.press("Enter")
    page.wait_for_url("**/ops/?record=104219")


def test_palette_teaches_when_it_finds_nothing(lab: str, page: Page) -> None:
    page.goto(f"{lab}/ops/")
    page.keyboard.press("Control+k")
    page.locator("#palette input").press_sequentially("nothing")
    expect(page.locator("#palette")).to_contain_text("Ništa nije nađeno")
    page.keyboard.press("Escape")
    expect(page.locator("#palette")).to_be_hidden()


def test_a_hardware_scan_anywhere_opens_the_record(lab: str, page: Page) -> None:
    page.goto(f"{lab}/ops/")
    page.evaluate(
        """() => [..."9788699900122", "Enter"].forEach((key) =>
            document.body.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true})))"""
    )
    page.wait_for_url("**/ops/palette/?go=1&q=9788699900122")


def test_toast_from_an_htmx_answer_can_be_undone_and_goes_by_itself(lab: str, page: Page) -> None:
    page.clock.install()
    page.goto(f"{lab}/")
    page.get_by_role("button", name="Toast").click()
    toast = page.locator(".toast")
    expect(toast).to_contain_text("Zadržano: 104211")
    expect(toast.get_by_role("button", name="Poništi")).to_be_visible()
    toast.get_by_role("button", name="Zatvori").focus()
    page.clock.run_for(9_000)
    expect(toast).to_be_visible()
    toast.get_by_role("button", name="Zatvori").blur()
    page.clock.run_for(9_000)
    expect(toast).to_have_count(0)


def test_a_waiting_button_keeps_its_width_and_turns_a_ring(lab: str, page: Page) -> None:
    page.goto(f"{lab}/")
    held: list[Route] = []
    page.route("**/toast/", lambda route: held.append(route))
    button = page.get_by_role("button", name="Toast", exact=True)
    button.scroll_into_view_if_needed()
    before = button.bounding_box()
    button.click()
    expect(button).to_have_class("button htmx-request")
    expect(page.locator("#wait")).to_have_class("wait htmx-request")
    assert button.bounding_box() == before
    held[0].continue_()
    expect(button).to_have_class("button")


def test_the_scan_field_is_always_ready_and_drops_a_double_trigger(lab: str, page: Page) -> None:
    page.clock.install()
    page.goto(f"{lab}/scan/")
    code = page.locator("#code")
    expect(code).to_be_focused()
    page.locator("h1").click()
    page.clock.run_for(50)
    expect(code).to_be_focused()
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method) if request.method == "POST" else None)
    page.evaluate(
        "document.querySelector('[data-scan]').addEventListener('submit', (e) => e.preventDefault())"
    )
    posts = "window.sent = []; document.addEventListener('submit', () => window.sent.push(document.querySelector('#code').value))"
    page.evaluate(posts)
    for wait in (0, 300, 1100):
        page.clock.run_for(wait)
        code.fill("9788699900122")
        code.press("Enter")
    assert page.evaluate("window.sent") == ["9788699900122", "9788699900122"]
    assert sent == []


def test_a_scan_is_answered_in_the_same_place(lab: str, page: Page) -> None:
    page.goto(f"{lab}/scan/")
    page.locator("#code").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.locator(".result-wrong")).to_have_attribute("role", "alert")
    expect(page.locator("#code")).to_be_focused()
    page.locator("#code").fill("9788699900122")
    page.keyboard.press("Enter")
    expect(page.locator(".result-good")).to_have_attribute("data-sound", "good")
    assert audit_shown(page) == []


def test_icons_are_drawn_under_the_strict_policy(
    lab: str, page: Page, screenshot: Callable[[Page, str], Path]
) -> None:
    """The sprite is an outside file: the policy must let it in, and a symbol must have a size."""
    with listening(page) as heard:
        answer = page.goto(f"{lab}/ops/")
        assert answer is not None
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        page.wait_for_load_state("networkidle")
    assert heard == []
    picture = page.locator(".chip .icon").first
    box = picture.bounding_box()
    assert box is not None
    assert box["width"] > 8
    with_icon = picture.screenshot()
    page.evaluate("document.querySelector('.chip .icon use').remove()")
    assert picture.screenshot() != with_icon
    screenshot(page, "ops")
