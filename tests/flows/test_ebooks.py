"""Electronic editions from the basket to the download, with exact books, doctor clean at every station."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from crm.models import Message
from finance import operations as finance
from finance.models import FiscalReceipt, Invoice, Payment, Refund
from finance.workflows import digital as files
from oms import operations as orders
from oms.models import DownloadGrant, Order, OrderNote, WithdrawalConsent
from oms.workflows import cancellation, digital, electronic, placing, placing_digital, tenders
from oms.workflows.baskets import BoughtOnce, add_line, change_line
from oms.workflows.change_lines import FileNotAdded
from oms.workflows.changes import Changes, preview_changes
from oms.workflows.checkout import Company, MethodNotAvailable
from retail.kernel import outbox
from retail.sample.epub import make_epub
from storefront import operations as catalog
from storefront.models import Price, Variant
from tests.flows.chain import NOW, Chain
from tests.flows.ebooks import make_ebook, order_ebook, paid_ebook
from tests.flows.exchanges import bought
from tests.flows.gift_cards import make_card, pay
from tests.flows.test_lifecycle import balances, healthy
from tests.staff import client_of, make_staff
from tests.storefront.shopping import open_shop
from tests.unchanged import nothing_changes
from warehouse.models import Reservation, StockItem

pytestmark = pytest.mark.django_db
PRICE = Decimal("699.00")


def receipts(order: Order) -> list[tuple[str, str, Decimal]]:
    rows = FiscalReceipt.objects.filter(order=order).order_by("pk")
    return [(row.kind, row.transaction, row.total) for row in rows]


def test_a_file_is_sold_by_transfer(chain: Chain) -> None:
    book = make_ebook(chain)
    order = order_ebook(chain, book)
    assert (order.total, order.delivery_total, order.street) == (PRICE, Decimal(0), "")
    line = order.lines.get()
    assert (line.kind, line.tax_rate, line.quantity) == ("DIGITAL", Decimal("20.00"), 1)
    assert not Reservation.objects.exists() and not DownloadGrant.objects.exists()
    assert files.deliver_digital(order_id=order.pk, now=NOW) == ""
    healthy()
    pay(order)
    assert files.deliver_due_files(now=NOW) == 1
    assert files.deliver_digital(order_id=order.pk, now=NOW) == ""
    order.refresh_from_db()
    assert (order.status, order.payment_status, order.fulfillment_status) == (
        "COMPLETED",
        "PAID",
        "DELIVERED",
    )
    assert receipts(order) == [
        ("ADVANCE", "SALE", PRICE),
        ("ADVANCE", "REFUND", PRICE),
        ("NORMAL", "SALE", PRICE),
    ]
    assert balances(order) == {"241": PRICE, "4760": Decimal("-116.50"), "614": Decimal("-582.50")}
    grant = DownloadGrant.objects.get()
    assert (grant.downloads, grant.downloads_max, grant.line_id) == (0, 5, line.pk)
    assert grant.expires_at == NOW + timedelta(days=90)
    consent = WithdrawalConsent.objects.get()
    assert (consent.order_id, consent.given_at, consent.language) == (order.pk, NOW, "sr-latn")
    healthy()


def test_a_gift_card_pays_for_a_file(chain: Chain) -> None:
    _, code = make_card(chain, "1000")
    basket = chain.basket((make_ebook(chain), 1))
    tenders.apply_gift_card(token=basket.token, code=code, now=NOW)
    checkout = chain.checkout(
        basket, delivery_method="DIGITAL", payment_method="CARD", phone="", has_withdrawal_consent=True
    )
    order = placing.place_order(checkout=checkout, by=None, now=NOW).order
    assert order.status == "PLACED"
    assert files.deliver_digital(order_id=order.pk, now=NOW) == "DELIVERED"
    receipt = FiscalReceipt.objects.get(order=order)
    assert (receipt.kind, receipt.payments) == ("NORMAL", [{"method": "VOUCHER", "amount": "699.00"}])
    order.refresh_from_db()
    assert order.status == "COMPLETED"
    healthy()


def test_what_is_refused_changes_nothing(chain: Chain) -> None:
    book, printed = make_ebook(chain), chain.variant()
    basket = chain.basket((book, 1))

    def refuse(refusal: type[Exception], **changes: object) -> None:
        asked: dict[str, object] = {
            "delivery_method": "DIGITAL",
            "payment_method": "BANK_TRANSFER",
            "has_withdrawal_consent": True,
        }
        with nothing_changes(), pytest.raises(refusal):
            placing.place_order(checkout=chain.checkout(basket, **{**asked, **changes}), by=None, now=NOW)

    refuse(placing_digital.PaidBeforeSent, payment_method="CASH_ON_DELIVERY")
    refuse(placing_digital.ConsentMissing, has_withdrawal_consent=False)
    refuse(MethodNotAvailable, delivery_method="HOME_DELIVERY")
    line = basket.lines.get()
    assert add_line(token=basket.token, sku=book.sku, quantity=1, now=NOW).quantity == 1
    with nothing_changes(), pytest.raises(BoughtOnce):
        add_line(token=basket.token, sku=book.sku, quantity=2, now=NOW)
    with nothing_changes(), pytest.raises(BoughtOnce):
        change_line(token=basket.token, line_id=line.public_id, quantity=2, now=NOW)
    add_line(token=basket.token, sku=printed.sku, quantity=1, now=NOW)
    refuse(MethodNotAvailable)  # goods do not come by letter
    order = chain.place((printed, 1))
    with nothing_changes(), pytest.raises(FileNotAdded):
        preview_changes(order_id=order.pk, changes=Changes(lines=[(book.sku, 1)]), now=NOW)


def test_only_a_real_book_of_its_own_sku_becomes_a_file(chain: Chain) -> None:
    printed, bare = chain.variant(stock=3), chain.variant(stock=0)
    epub = make_epub(name="x", title="Naslov")
    with nothing_changes(), pytest.raises(electronic.SoldAsGoods):
        electronic.upload_file(sku=printed.sku, content=epub, by=None, now=NOW)
    for content in (b"", b"PK\x03\x04 not a zip", b"MZ" + epub, epub[:-30]):
        with nothing_changes(), pytest.raises(catalog.InvalidFile):
            electronic.upload_file(sku=bare.sku, content=content, by=None, now=NOW)
    kept = electronic.upload_file(sku=bare.sku, content=epub, by=None, now=NOW)
    assert (kept.media_type, kept.size, kept.name) == (
        "application/epub+zip",
        len(epub),
        f"{bare.product.title}.epub",
    )
    first = kept.key
    again = electronic.upload_file(sku=bare.sku, content=b"%PDF-1.7 text", by=None, now=NOW)
    assert (again.pk, again.media_type) == (kept.pk, "application/pdf") and again.key != first
    bare.refresh_from_db()
    assert (bare.is_digital, bare.is_sellable, bare.tax_class) == (True, True, "EBOOKS")
    again.delete()
    catalog.update_variant(variant_id=bare.pk, changes={"is_sellable": False}, by=None, now=NOW)
    with nothing_changes(), pytest.raises(catalog.FileMissing):
        catalog.update_variant(variant_id=bare.pk, changes={"is_sellable": True}, by=None, now=NOW)


def test_a_company_gets_an_invoice(chain: Chain) -> None:
    order, _grant = paid_ebook(
        chain,
        make_ebook(chain),
        company=Company("Knjižara d.o.o.", "100000024", "07017715"),
        street="Dunavska 1",
        city="Novi Sad",
        postal_code="21000",
    )
    kinds = [(one.kind, one.total) for one in Invoice.objects.filter(order=order).order_by("pk")]
    assert ("INVOICE", PRICE) in kinds
    healthy()


def test_a_file_that_nobody_fetched_goes_back(chain: Chain) -> None:
    book = make_ebook(chain)
    order, grant = paid_ebook(chain, book)
    digital.give_file_back(order_id=order.pk, sku=book.sku, reason="ne treba", by=None, now=NOW)
    order.refresh_from_db()
    grant.refresh_from_db()
    assert grant.revoked_at == NOW
    assert (order.fulfillment_status, order.due_total) == ("RETURNED", Decimal(0))
    assert receipts(order)[-1] == ("NORMAL", "REFUND", PRICE)
    assert FiscalReceipt.objects.latest("pk").buyer_id == f"10:{chain.entity.pib}"
    refund = Refund.objects.get()
    assert refund.amount == PRICE
    finance.settle_refund(refund_id=refund.pk, by=None, now=NOW)
    order.refresh_from_db()
    assert (order.payment_status, balances(order)) == ("REFUNDED", {})
    with nothing_changes(), pytest.raises(orders.DownloadEnded):
        orders.take_download(grant=grant, now=NOW)
    with nothing_changes(), pytest.raises(orders.DownloadEnded):
        digital.give_file_back(order_id=order.pk, sku=book.sku, reason="još jednom", by=None, now=NOW)
    healthy()


def test_after_the_first_download_it_stays(chain: Chain) -> None:
    book = make_ebook(chain)
    order, grant = paid_ebook(chain, book)
    orders.take_download(grant=grant, now=NOW)
    with nothing_changes(), pytest.raises(orders.DownloadBegun):
        digital.give_file_back(order_id=order.pk, sku=book.sku, reason="ne treba", by=None, now=NOW)


def test_the_letter_leads_to_a_page_and_its_button_to_the_file(
    chain: Chain, client: Client, settings: Any
) -> None:
    settings.DEFAULT_FROM_EMAIL = "The shop <shop@onerow.example>"
    book = make_ebook(chain)
    order, grant = paid_ebook(chain, book)
    outbox.run_pending(now=NOW)
    letter = Message.objects.get(kind="downloads")
    path = f"/download/{orders.signed(grant)}/"
    assert path in letter.text_body and letter.recipient == "ana@example.com"
    page = client.get(path)
    # With it a browser sends "Origin: null", and the button of this page would be taken for another site's.
    assert page.status_code == 200 and "no-referrer" not in page.text
    grant.refresh_from_db()
    assert grant.downloads == 0, "a look is no download"
    answer = client.post(path)
    content = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert content == make_epub(name=book.sku, title=book.product.title)
    assert answer["Content-Type"] == "application/epub+zip"
    assert (
        answer["Content-Disposition"].startswith("attachment")
        and answer["X-Content-Type-Options"] == "nosniff"
    )
    assert "no-store" in answer["Cache-Control"] and answer["Content-Length"] == str(len(content))
    grant.refresh_from_db()
    assert grant.downloads == 1 and grant.first_download_at is not None
    for wrong in (path[:-2] + "x/", f"/download/{grant.public_id}-1.{'a' * 40}/"):
        assert client.get(wrong).status_code == 404
    DownloadGrant.objects.update(downloads=5)
    ended = client.post(path)
    assert ended.status_code == 410 and order.number in ended.content.decode()
    assert 'href="mailto:shop@onerow.example"' in ended.content.decode()


def test_an_ended_link_is_renewed_with_a_reason(chain: Chain, client: Client) -> None:
    order, grant = paid_ebook(chain, make_ebook(chain))
    old = orders.signed(grant)
    DownloadGrant.objects.update(downloads=5, first_download_at=NOW, last_download_at=NOW)
    with nothing_changes(), pytest.raises(Exception, match="why"):
        orders.renew_download(public_id=grant.public_id, reason=" ", by=chain.dragan, now=NOW)
    later = NOW + timedelta(days=200)
    new = orders.renew_download(public_id=grant.public_id, reason="novi telefon", by=chain.dragan, now=later)
    assert (new.downloads_max, new.version, new.expires_at) == (10, 2, later + timedelta(days=90))
    assert OrderNote.objects.get(order=order).author == chain.dragan
    assert client.get(f"/download/{old}/").status_code == 404
    assert orders.grant_of(orders.signed(new)).pk == grant.pk
    healthy()


def test_a_title_is_first_shown_as_the_book_and_not_as_its_cheaper_file(chain: Chain, client: Client) -> None:
    printed, file = chain.variant(price="1100.00"), make_ebook(chain, price="699.00")
    Variant.objects.filter(pk=file.pk).update(product=printed.product, position=0)
    Variant.objects.filter(pk=printed.pk).update(position=1)
    with open_shop():
        page = client.get(f"/p/{printed.product.slug}/").text
    assert f'name="sku" value="{printed.sku}"' in page and f'name="sku" value="{file.sku}"' not in page
    # Without a price for the book, the file is what can be bought.
    Price.objects.filter(variant=printed).delete()
    with open_shop():
        assert f'name="sku" value="{file.sku}"' in client.get(f"/p/{printed.product.slug}/").text


def test_nothing_of_a_file_is_on_a_shelf(chain: Chain) -> None:
    book = make_ebook(chain)
    order = order_ebook(chain, book)
    assert not StockItem.objects.filter(variant=book).exists() and not Reservation.objects.exists()
    cancellation.cancel_order(order_id=order.pk, reason="ne treba", by=None, now=NOW)
    order.refresh_from_db()
    assert order.status == "CANCELED" and not Payment.objects.filter(state="PENDING").exists()
    healthy()


def test_the_back_office_shows_no_address_and_takes_no_file_back_by_exchange(chain: Chain) -> None:
    book = make_ebook(chain)
    order, _grant = paid_ebook(chain, book)
    staff = client_of(make_staff("AGENT"))
    page = staff.get(f"/en/ops/orders/{order.number}/").text
    assert book.sku in page and "<dt>Address</dt>" not in page
    assert f'name="qty_{book.sku}"' not in staff.get(f"/en/ops/orders/{order.number}/exchange/").text
    sent = bought(chain, (goods := chain.variant(), 1))
    assert "<dt>Address</dt>" in staff.get(f"/en/ops/orders/{sent.number}/").text
    assert f'name="qty_{goods.sku}"' in staff.get(f"/en/ops/orders/{sent.number}/exchange/").text
