"""The pages: in both languages, without anything that a strict policy forbids, and only for this machine."""

from __future__ import annotations

import re
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from retail.sandbox.faults import PARTS
from retail.sandbox.texts import Words
from tests.sandbox.receipts import sign
from tests.sandbox.stand import SHOP, Stand, open_session, parcel_request

PATHS = [
    "/",
    "/parts/card",
    "/parts/fiscal",
    "/parts/carrier",
    "/parts/bank",
    "/parts/sef",
    "/mail",
    "/codes",
    "/mail/99",
    "/parts/none",
    "/fiscal/sandbox/v/?vl=x",
    "/kartica/pay/unknown",
]


def parsed(text: str) -> tuple[set[str], set[str]]:
    """The tags and attribute names that a browser would see."""
    tags: set[str] = set()
    attributes: set[str] = set()

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            tags.add(tag)
            attributes.update(name for name, _ in attrs)

    Reader().feed(text)
    return tags, attributes


def busy(outside: Stand) -> None:
    """Something of everything, hostile texts included."""
    provider = outside.card()
    provider.create_session(
        key="k",
        reference="PAY-1",
        amount=Decimal("1299.00"),
        currency="RSD",
        return_url=f"{SHOP}/order/secret/",
        notify_url=f"{SHOP}/events",
        description='<img src=x onerror="alert(1)">',
    )
    outside.choose("PAY-1")
    sign(outside)
    outside.carrier().announce(parcel=parcel_request())
    outside.http.post("/admin/carrier/parcels/PCL-1/events", json={"status": "DELIVERED"})
    outside.http.post("/bank/statements", json={"lines": [{"amount": "5.00", "payer_name": "<b>x</b>"}]})
    outside.fault("card", "RESET", probability=0.5)
    outside.fault("fiscal", "HTTP_500", count=2)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("language", ["sr", "en"])
@pytest.mark.parametrize("is_busy", [False, True])
def test_page_is_whole_and_obeys_its_policy(outside: Stand, path: str, language: str, is_busy: bool) -> None:
    if is_busy:
        busy(outside)

    page = outside.http.get(path, params={"lang": language, **({"vl": "x"} if "vl=" in path else {})})

    assert page.status_code == (404 if path in PATHS[-4:] else 200)
    assert f'lang="{"sr-Latn" if language == "sr" else "en"}"' in page.text
    assert page.text.count("<h1>") == 1
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    tags, attributes = parsed(page.text)
    assert not tags & {"script", "style", "img", "b"}
    assert not {name for name in attributes if name == "style" or name.startswith("on")}


def test_language_is_remembered(outside: Stand) -> None:
    assert "Primljeno" in outside.http.get("/").text
    outside.http.get("/", params={"lang": "en"})

    assert "Received" in outside.http.get("/").text


def test_record_shows_what_came_in_newest_first(outside: Stand) -> None:
    outside.card().fetch(reference="PAY-404")
    open_session(outside.card())

    text = outside.http.get("/parts/card").text

    assert text.index(">create<") < text.index(">fetch<")
    assert "&quot;reference&quot;: &quot;PAY-1&quot;" in text


def test_payment_page_shows_order_amount_and_choices(outside: Stand) -> None:
    session = open_session(outside.card())

    page = outside.http.get(session.redirect_url)

    assert [
        value for value in ("approve", "decline", "fail_3ds", "cancel") if f'value="{value}"' in page.text
    ] == [
        "approve",
        "decline",
        "fail_3ds",
        "cancel",
    ]
    assert not re.search(r'autocomplete="cc-|name="(number|pan|cvv|cvc)"', page.text)
    assert "form-action 'self' http://localhost:*" in page.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("named", "amount"),
    [
        ("en", "1,299.00 RSD"),
        ("sr-latn", "1.299,00 RSD"),
        ("sr-cyrl", "1.299,00 RSD"),
        ("de", "1.299,00 RSD"),
    ],
)
def test_payment_page_speaks_the_language_that_the_shop_named(
    outside: Stand, named: str, amount: str
) -> None:
    session = outside.card().create_session(
        key="k",
        reference="PAY-1",
        amount=Decimal("1299.00"),
        currency="RSD",
        return_url=SHOP,
        notify_url=SHOP,
        language=named,
    )

    assert amount in outside.http.get(session.redirect_url).text
    assert "1.299,00 RSD" in outside.http.get(session.redirect_url, params={"lang": "sr"}).text


def test_finished_payment_offers_the_way_back(outside: Stand) -> None:
    session = open_session(outside.card())
    outside.choose("PAY-1", "decline")

    page = outside.http.get(session.redirect_url)

    assert f'href="{SHOP}/order/secret/?reference=PAY-1&amp;status=DECLINED"' in page.text
    assert 'value="approve"' not in page.text
    assert "banka je odbila" in page.text


def test_verification_link_shows_the_receipt_and_says_that_it_is_none(outside: Stand) -> None:
    result = sign(outside)

    page = outside.http.get(result.verification_url)

    assert page.status_code == 200
    assert "ФИСКАЛНИ РАЧУН" in page.text
    assert "nije fiskalni račun" in page.text


@pytest.mark.parametrize(
    ("path", "form", "proof"),
    [
        ("/parts/carrier/move", {"reference": "PCL-1", "status": "REFUSED"}, "/parts/carrier"),
        ("/parts/bank/statement", {"amount": "1299,00", "reference": "97-1"}, "/parts/bank"),
        ("/parts/sef/company", {"pib": "101134702", "name": "Prva", "is_registered": "on"}, "/parts/sef"),
        (
            "/parts/card/fault",
            {"kind": "RESET", "count": "2", "percent": "100", "seconds": ""},
            "/parts/card",
        ),
    ],
)
def test_form_does_its_work_and_comes_back(
    outside: Stand, path: str, form: dict[str, str], proof: str
) -> None:
    outside.carrier().announce(parcel=parcel_request())

    answer = outside.http.post(path, data=form)

    assert (answer.status_code, answer.headers["location"]) == (303, proof)
    shown = outside.http.get(proof).text
    assert {"/parts/carrier": "REFUSED", "/parts/bank": "1.299,00 RSD", "/parts/sef": "101134702"}.get(
        proof, "card · RESET"
    ) in shown


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        ("/parts/carrier/move", {"reference": "PCL-1", "status": "SOLD"}, 400),
        ("/parts/carrier/move", {"reference": "PCL-9", "status": "LOST"}, 404),
        ("/parts/bank/statement", {"amount": "much"}, 400),
        ("/parts/sef/company", {"pib": "1"}, 400),
        ("/parts/card/fault", {"kind": "EARTHQUAKE"}, 400),
        ("/parts/card/fault", {"kind": "RESET", "count": "two"}, 400),
        ("/parts/card/resend", {"message": "evt_0"}, 404),
        ("/parts/card/dance", {}, 404),
    ],
)
def test_refused_form_says_why_and_changes_nothing(
    outside: Stand, path: str, form: dict[str, str], status: int
) -> None:
    outside.carrier().announce(parcel=parcel_request())
    before = outside.http.get("/admin/faults").json()["active"]

    answer = outside.http.post(path, data=form)

    assert answer.status_code == status
    assert 'role="alert"' in answer.text
    assert outside.http.get("/admin/faults").json()["active"] == before


@pytest.mark.parametrize("path", ["/parts/card/fault", "/kartica/pay/x", "/admin/faults"])
@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_foreign_page_cannot_press_our_buttons(outside: Stand, path: str, headers: dict[str, str]) -> None:
    answer = outside.http.post(path, data={"kind": "RESET"}, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (403, "FOREIGN_ORIGIN")


def test_foreign_name_for_this_machine_is_refused(outside: Stand) -> None:
    """A site may point its own name at 127.0.0.1 and read the one-time codes; the Host header gives it away."""
    assert outside.http.get("/codes", headers={"Host": "evil.example"}).status_code == 400


def test_only_the_named_files_are_served(outside: Stand) -> None:
    names = [
        "tokens.css",
        "ops.css",
        "sandbox.css",
        "icons.svg",
        "mark.svg",
        "shop.css",
        "..%2Fops.css",
        "app.py",
    ]

    statuses = {name: outside.http.get(f"/static/{name}").status_code for name in names}

    assert statuses == dict.fromkeys(names[:5], 200) | dict.fromkeys(names[5:], 404)


def test_body_that_is_no_json_is_refused(outside: Stand) -> None:
    headers = {"Authorization": "Bearer card-key", "Idempotency-Key": "k"}
    for body in (b"", b"{", b"[]", b"\xff"):
        answer = outside.http.post("/kartica/v1/payments", content=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "MALFORMED_JSON")


@pytest.mark.parametrize("language", ["sr", "en"])
def test_every_fault_and_every_end_of_a_payment_has_its_words(language: str) -> None:
    words = Words(language)
    ends = [
        "AUTHORIZED",
        "PARTLY_CAPTURED",
        "CAPTURED",
        "VOIDED",
        "DECLINED",
        "FAILED_3DS",
        "CANCELED",
        "EXPIRED",
    ]
    keys = [kind.about for kinds in PARTS.values() for kind in kinds.values()]

    assert all(words(key) for key in keys)
    assert len({words(f"payment is {status}") for status in ends}) == len(ends)
