"""The menus of the back office and the handheld. An item whose page does not exist is left out."""

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import NoReverseMatch, resolve, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from retail.front.frame import frame_part
from retail.kernel.access import may


@dataclass(frozen=True)
class Item:
    url_name: str
    icon: str
    title: str | Promise
    waits: str = ""  # frame part that counts what waits here
    is_urgent: bool = False


@dataclass(frozen=True)
class Entry:
    url: str
    icon: str
    title: str | Promise
    count: int | None
    is_urgent: bool
    is_current: bool


type_of_sections = list[tuple[str | Promise, list[Item]]]

OPS: type_of_sections = [
    (
        "",
        [
            Item("ops:home", "chart", _("Today")),
            Item("ops:exceptions", "flag", _("Exceptions"), "exceptions", True),
            Item("ops:proposals", "scales", _("Proposals"), "proposals"),
        ],
    ),
    (
        _("Sales"),
        [
            Item("ops:orders", "box", _("Orders")),
            Item("ops:find_basket", "basket", _("Shared basket")),
            Item("ops:returns", "return", _("Returns"), "returns"),
            Item("ops:customers", "users", _("Customers")),
            Item("ops:gift_cards", "gift", _("Gift cards")),
            Item("ops:letters", "mail", _("Letters")),
            Item("ops:routing", "route", _("Routing")),
        ],
    ),
    (
        _("Goods"),
        [
            Item("ops:stock", "barcode", _("Stock")),
            Item("ops:shipments", "truck", _("Shipments")),
            Item("ops:purchase_orders", "inbox", _("Purchase orders")),
            Item("ops:transfers", "route", _("Transfers")),
            Item("ops:counts", "check", _("Stock counts")),
            Item("ops:locations", "store", _("Locations")),
            Item("scan:home", "barcode", _("Handheld")),
        ],
    ),
    (
        _("Money"),
        [
            Item("finance:trial_balance", "ledger", _("Trial balance")),
            Item("finance:entries", "scales", _("Journal")),
            Item("finance:invoices", "note", _("Invoices")),
            Item("finance:einvoices", "mail", _("e-Invoices (SEF)"), "invoices_refused", True),
            Item("finance:vat", "scales", _("VAT records")),
            Item("finance:purchases", "inbox", _("Suppliers' invoices")),
            Item("finance:receipts", "note", _("Fiscal receipts")),
            Item("finance:payments", "card", _("Payments")),
            Item("finance:statements", "bank", _("Bank statements")),
            Item("finance:remittances", "cash", _("Courier remittances")),
        ],
    ),
    (
        _("Offer"),
        [
            Item("ops:campaigns", "tag", _("Campaigns")),
            Item("ops:coupons", "tag", _("Coupons")),
            Item("ops:segments", "filter", _("Segments")),
            Item("ops:funnel", "chart", _("From look to payment")),
            Item("ops:reviews", "star", _("Reviews")),
            Item("ops:answers", "inbox", _("Answers to forms")),
            Item("ops:collections", "book", _("Collections")),
            Item("ops:pictured", "book", _("Pictures of products")),
            Item("ops:files", "down", _("Electronic editions")),
            Item("ops:feeds", "list", _("Product feeds")),
            Item("wagtailadmin_home", "edit", _("Content")),
        ],
    ),
]


def address(url_name: str) -> str:
    try:
        return reverse(url_name)
    except NoReverseMatch:
        return ""


def _current(path: str, urls: list[str]) -> str:
    """The longest address that the page lies under; `/ops/` itself only for the page itself."""
    under = [url for url in urls if path == url or (path.startswith(url) and url.count("/") > 2)]
    return max(under, key=len, default="")


def menu(sections: type_of_sections, request: HttpRequest | None) -> list[tuple[str | Promise, list[Entry]]]:
    found = [
        (title, [(item, url) for item in items if (url := _allowed(item, request))])
        for title, items in sections
    ]
    here = _current(request.path if request else "", [url for _title, pairs in found for _item, url in pairs])
    return [
        (
            title,
            [
                Entry(
                    url,
                    item.icon,
                    item.title,
                    frame_part(item.waits, request) if item.waits else None,
                    item.is_urgent,
                    url == here,
                )
                for item, url in pairs
            ],
        )
        for title, pairs in found
        if pairs
    ]


def _allowed(item: Item, request: HttpRequest | None) -> str:
    """The item's address, or nothing where its page would refuse this person."""
    url = address(item.url_name)
    needed = getattr(resolve(url).func, "permission", "") if url else ""
    user = getattr(request, "user", None)
    return "" if needed and user is not None and not may(user, needed) else url
