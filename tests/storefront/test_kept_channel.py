"""Product page and lists keep their channel in the process; what changes in it holds from the very next page on."""

from __future__ import annotations

import pytest
from django.test import Client

from storefront.models import Channel, PriceList
from tests.flows.chain import Chain, make_chain
from tests.storefront.shopping import category

NOT_SOLD = "Trenutno nije u prodaji"
pytestmark = pytest.mark.django_db


@pytest.fixture
def chain(db: None) -> Chain:
    return make_chain()


@pytest.mark.parametrize("page", ["product", "branch"])
def test_a_closed_channel_shows_no_product_more(chain: Chain, client: Client, page: str) -> None:
    variant = chain.variant(stock=5)
    category(chain, variant)
    path = {"product": f"/p/{variant.product.slug}/", "branch": "/c/romani/"}[page]
    assert client.get(path).status_code == 200
    Channel.objects.filter(pk=chain.channel.pk).update(is_active=False)
    assert client.get(path).status_code == 404
    Channel.objects.filter(pk=chain.channel.pk).update(is_active=True)
    assert client.get(path).status_code == 200


def test_another_price_list_holds_from_the_next_page_on(chain: Chain, client: Client) -> None:
    path = f"/p/{chain.variant(stock=5).product.slug}/"
    assert NOT_SOLD not in client.get(path).text
    empty = PriceList.objects.create(code="empty", name="Prazan", currency="RSD")
    Channel.objects.filter(pk=chain.channel.pk).update(price_list=empty)
    assert NOT_SOLD in client.get(path).text
