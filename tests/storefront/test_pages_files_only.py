"""A basket of electronic editions alone: nobody is asked where to, and what was typed stays when something is refused. Files by API."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client

from oms.models import Order
from retail.sample.epub import make_epub
from storefront.models import DigitalFile, Variant
from tests.api.integrator import Api
from tests.flows.chain import Chain
from tests.flows.ebooks import make_ebook
from tests.storefront.shopping import hidden, open_shop, put
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db
EPUB = "application/epub+zip"


@pytest.fixture(autouse=True)
def open_now(chain: Chain) -> Iterator[None]:
    with open_shop():
        yield


def typed(client: Client, **changes: str) -> dict[str, str]:
    page = client.get("/en/checkout/").text
    usual = {
        "key": hidden(page, "key"),
        "delivery": hidden(page, "delivery"),
        "seen_DIGITAL": hidden(page, "seen_DIGITAL"),
        "rest_DIGITAL": hidden(page, "rest_DIGITAL"),
        "name": "Ana Anić",
        "email": "ana@example.com",
        "payment": "BANK_TRANSFER",
        "withdrawal_consent": "on",
    }
    return usual | changes


def test_nobody_is_asked_where_to(client: Client, chain: Chain) -> None:
    put(client, make_ebook(chain))
    basket, checkout = client.get("/en/basket/").text, client.get("/en/checkout/").text
    assert 'name="postal_code"' not in basket
    assert 'type="radio" name="delivery"' not in checkout
    assert 'name="phone"' not in checkout
    assert '<input type="hidden" name="delivery" value="DIGITAL">' in checkout
    # The address stands with the company, hidden until one buys.
    assert checkout.index("company-more") < checkout.index('name="street"')
    assert client.post("/en/checkout/", typed(client)).status_code == 302
    order = Order.objects.get()
    assert (order.delivery_method, order.street, order.postal_code, order.phone) == ("DIGITAL", "", "", "")


def test_with_goods_everything_is_asked(client: Client, chain: Chain) -> None:
    put(client, make_ebook(chain))
    put(client, chain.variant())
    basket, checkout = client.get("/en/basket/").text, client.get("/en/checkout/").text
    assert 'name="postal_code"' in basket
    assert 'type="radio" name="delivery" value="HOME_DELIVERY"' in checkout
    assert 'name="phone"' in checkout
    assert 'value="DIGITAL"' not in checkout


def test_a_company_says_its_address_and_what_was_typed_stays(client: Client, chain: Chain) -> None:
    put(client, make_ebook(chain))
    form = typed(client, is_company="on", pib="100000024", company_name="Firma", street="Glavna 1")
    with nothing_changes():
        refused = client.post("/en/checkout/", form)
    assert refused.status_code == 422
    for kept in ("Ana Anić", "ana@example.com", "100000024", "Firma", "Glavna 1"):
        assert f'value="{kept}"' in refused.text
    assert 'href="#id_postal_code"' in refused.text


def test_the_consent_that_is_missing_is_asked_for_and_nothing_is_lost(client: Client, chain: Chain) -> None:
    put(client, make_ebook(chain))
    form = typed(client)
    del form["withdrawal_consent"]
    with nothing_changes():
        refused = client.post("/en/checkout/", form)
    assert refused.status_code == 422
    assert 'href="#id_withdrawal_consent"' in refused.text
    assert 'value="Ana Anić"' in refused.text


# ------------------------------------------------------------------ files by API
def test_an_integrator_puts_the_file_of_an_edition(chain: Chain) -> None:
    edition, api = chain.variant(stock=0), Api("products:write")
    content = make_epub(name="a", title="Naslov")
    answer = api.send("put", f"products/{edition.sku}/file", content, kind=EPUB)
    kept = DigitalFile.objects.get()
    assert answer.json() == {
        "sku": edition.sku,
        "name": kept.name,
        "media_type": EPUB,
        "size": len(content),
        "sha256": kept.digest,
        "uploaded_at": kept.uploaded_at.isoformat(),
    }
    assert Variant.objects.get(pk=edition.pk).is_digital


def test_what_is_no_file_of_an_edition_is_refused_by_name(chain: Chain) -> None:
    printed, edition = chain.variant(), chain.variant(stock=0)
    api, reader = Api("products:write"), Api("orders:read")
    content = make_epub(name="a", title="Naslov")
    with nothing_changes():
        refused = [
            api.send("put", f"products/{printed.sku}/file", content, kind=EPUB),
            api.send("put", f"products/{edition.sku}/file", b"PK\x03\x04", kind=EPUB),
            api.send("put", f"products/{edition.sku}/file", b"%!PS", kind="application/postscript"),
            api.send("put", "products/NOTHING/file", content, kind=EPUB),
            reader.send("put", f"products/{edition.sku}/file", content, kind=EPUB),
        ]
    assert [(each.status_code, each.json()["code"]) for each in refused] == [
        (409, "SOLD_AS_GOODS"),
        (400, "INVALID_FILE"),
        (415, "UNSUPPORTED_MEDIA_TYPE"),
        (404, "UNKNOWN_VARIANT"),
        (403, "NOT_ALLOWED"),
    ]
