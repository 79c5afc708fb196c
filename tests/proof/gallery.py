"""Every page of the house: its name, who opens it, where it stands. `looks(scene)` is asked by the proof of all pages."""

from __future__ import annotations

from typing import Any, NamedTuple


class Look(NamedTuple):
    name: str
    path: str
    role: str = ""
    place: str = ""


def looks(scene: dict[str, Any]) -> list[Look]:
    return [
        *_shop(scene),
        *_orders(scene),
        *_account(),
        *_ops(scene),
        *_finance(scene),
        *_campaigns(scene),
        *_scan(scene),
        *_errors(),
    ]


def _shop(scene: dict[str, Any]) -> list[Look]:
    return [
        Look("home", "/"),
        Look("home-cyrl", "/sr-cyrl/"),
        Look("home-en", "/en/"),
        Look("category", f"/c/{scene['category']}/"),
        Look("category-facets", f"/c/{scene['category']}/?sort=price_asc&price_to=1500"),
        Look("campaign", scene["campaign_page"]),
        Look("campaign-cyrl", "/sr-cyrl" + scene["campaign_page"]),
        Look("category-had", f"/c/{scene['category']}/?pickup=S-001"),
        Look("search", "/search/?q=roman"),
        Look("search-nothing", "/search/?q=qwrtzx"),
        Look("product", f"/p/{scene['slug']}/"),
        Look("product-ahead", f"/p/{scene['ahead']}/"),
        Look("category-ahead", "/search/?available=ahead"),
        Look("product-pictures", f"/p/{scene['pictured']}/"),
        Look("bundle", "/p/komplet-tri-najcitanije/"),
        Look("product-cyrl", f"/sr-cyrl/p/{scene['slug']}/"),
        Look("product-en", f"/en/p/{scene['slug']}/"),
        Look("basket", "/basket/", "buyer"),
        Look("basket-cyrl", "/sr-cyrl/basket/", "buyer"),
        Look("basket-empty", "/basket/"),
        Look("checkout", "/checkout/", "buyer"),
        Look("checkout-cyrl", "/sr-cyrl/checkout/", "buyer"),
        Look("checkout-en", "/en/checkout/", "buyer"),
        Look("stores", "/stores/"),
        Look("stores-found", "/stores/?place=novi+sad"),
        Look("gift-card", "/gift-card/"),
        Look("gift-card-balance", "/gift-card/balance/"),
        Look("offline", "/offline/"),
        Look("help", "/help/"),
    ]


def _orders(scene: dict[str, Any]) -> list[Look]:
    def of(name: str, page: str = "", title: str = "") -> Look:
        return Look(title or f"order-{name}", f"/order/{scene[name]['token']}/{page}")

    return [
        of("sold"),
        of("asked"),
        of("pending"),
        of("routed"),
        of("canceled"),
        of("pickup"),
        of("to_store"),
        of("to_store", "thanks/", "thanks-to-store"),
        of("pending", "transfer/", "transfer"),
        of("pending", "pay/", "pay"),
        of("waiting", "thanks/", "thanks"),
        of("asked", "return/", "return"),
        of("asked", "exchange/", "exchange"),
        of("waiting", "change/", "order-change"),
        of("waiting", "company/", "order-company"),
        of("sold", "company/", "order-company-late"),
        Look("order-cyrl", f"/sr-cyrl/order/{scene['sold']['token']}/"),
    ]


def _account() -> list[Look]:
    return [
        Look("login", "/accounts/login/"),
        Look("signup", "/accounts/signup/"),
        Look("password-reset", "/accounts/password/reset/"),
        Look("account", "/account/", "shopper"),
        Look("account-cyrl", "/sr-cyrl/account/", "shopper"),
        Look("addresses", "/account/addresses/", "shopper"),
        Look("consents", "/account/consents/", "shopper"),
        Look("wishes", "/wishes/"),
        Look("account-ebooks", "/account/e-books/", "shopper"),
        Look("account-email", "/accounts/email/", "shopper"),
        Look("account-password", "/accounts/password/change/", "shopper"),
        Look("account-passkeys", "/accounts/2fa/webauthn/", "shopper"),
        Look("account-passkey-add", "/accounts/2fa/webauthn/add/", "shopper"),
        Look("account-second-step", "/accounts/2fa/", "shopper"),
        Look("logout", "/accounts/logout/", "shopper"),
    ]


def _ops(scene: dict[str, Any]) -> list[Look]:
    def of(name: str) -> str:
        return f"/ops/orders/{scene[name]['number']}/"

    pages = [
        ("ops-home", "/ops/"),
        ("ops-orders", "/ops/orders/"),
        ("ops-orders-filtered", "/ops/orders/?status=IN_FULFILLMENT"),
        ("ops-letters", "/ops/letters/"),
        ("ops-letters-cyrl", "/ops/letters/?letter=ready&language=sr-cyrl"),
        ("ops-basket-find", "/ops/baskets/"),
        ("ops-orders-nothing", "/ops/orders/?q=qwrtzx"),
        ("ops-order-sold", of("sold")),
        ("ops-order-asked", of("asked")),
        ("ops-order-routed", of("routed")),
        ("ops-order-waiting", of("waiting")),
        ("ops-order-canceled", of("canceled")),
        ("ops-exchange", of("asked") + "exchange/"),
        ("ops-proposals", "/ops/proposals/"),
        ("ops-proposal", f"/ops/proposals/{scene['proposal']}/"),
        ("ops-exceptions", "/ops/exceptions/"),
        ("ops-returns", "/ops/returns/"),
        ("ops-customers", "/ops/customers/"),
        ("ops-customer", f"/ops/customers/{scene['customer']}/"),
        ("ops-segments", "/ops/customers/segments/"),
        ("ops-segment", f"/ops/customers/segments/{scene['segment']['slug']}/"),
        ("ops-segment-members", f"/ops/customers/segments/{scene['segment']['slug']}/members/"),
        ("ops-segment-edit", f"/ops/customers/segments/{scene['segment']['slug']}/edit/"),
        ("ops-segment-text", f"/ops/customers/segments/{scene['segment']['slug']}/edit/?view=text"),
        (
            "ops-segment-proposal",
            f"/ops/customers/segments/{scene['segment']['slug']}/proposals/{scene['segment']['proposal']}/",
        ),
        ("ops-duplicates", "/ops/customers/duplicates/"),
        ("ops-customer-erase", f"/ops/customers/{scene['customer']}/erase/"),
        ("ops-stock", f"/ops/stock/?sku={scene['sku']}"),
        ("ops-stock-empty", "/ops/stock/"),
        ("ops-shipments", "/ops/shipments/"),
        ("ops-shipment", f"/ops/shipments/{scene['shipments']['send']}/"),
        ("ops-purchase-orders", "/ops/purchase-orders/"),
        ("ops-purchase-order", f"/ops/purchase-orders/{scene['purchase_order']}/"),
        ("ops-locations", "/ops/locations/"),
        ("ops-location", "/ops/locations/WH-1/"),
        ("ops-find", "/ops/find/?q=9780"),
        ("ops-order-change", of("waiting") + "change/"),
        ("ops-transfers", "/ops/transfers/"),
        ("ops-transfer-new", "/ops/transfers/new/"),
        ("ops-counts", "/ops/counts/"),
        ("ops-feeds", "/ops/feeds/"),
        ("ops-collections", "/ops/collections/"),
        ("ops-collection-new", "/ops/collections/new/"),
        ("ops-reviews", "/ops/reviews/"),
        ("ops-answers", "/ops/answers/"),
        ("ops-gift-cards", "/ops/gift-cards/"),
        ("ops-ebooks", "/ops/e-books/"),
        ("ops-pictured", "/ops/pictures/"),
        ("ops-pictures", f"/ops/pictures/{scene['pictured']}/"),
        ("ops-funnel", "/ops/funnel/"),
    ]
    english = [("ops-order-en", "/en" + of("sold")), ("ops-order-cyrl", "/sr-cyrl" + of("sold"))]
    # Who may write segments is another person than who leads the day's work.
    return [
        Look(name, path, "merchandiser" if name.startswith(("ops-segment", "ops-collection-new")) else "lead")
        for name, path in [*pages, *english]
    ]


def _finance(scene: dict[str, Any]) -> list[Look]:
    pages = [
        ("finance-trial-balance", ""),
        ("finance-account", "accounts/134/"),
        ("finance-entries", "entries/"),
        ("finance-entry", f"entries/{scene['entry']}/"),
        ("finance-periods", "periods/"),
        ("finance-invoices", "invoices/"),
        ("finance-invoice", f"invoices/{scene['invoice']}/"),
        ("finance-vat", "vat/"),
        ("finance-vat-period", "vat/2026/10/"),
        ("finance-receipts", "receipts/"),
        ("finance-receipt", f"receipts/{scene['receipt']}/"),
        ("finance-payments", "payments/"),
        ("finance-payment", f"payments/{scene['payment']}/"),
        ("finance-refunds", "refunds/"),
        ("finance-statements", "statements/"),
        ("finance-statement", f"statements/{scene['statement']}/"),
        ("finance-remittances", "remittances/"),
        ("finance-remittance", f"remittances/{scene['remittance']}/"),
    ]
    return [Look(name, f"/ops/finance/{path}", "accountant") for name, path in pages]


def _campaigns(scene: dict[str, Any]) -> list[Look]:
    pages = [
        ("campaigns", ""),
        ("campaign", "jesen/"),
        ("campaign-lines", "jesen/lines/"),
        ("campaign-entries", "jesen/entries/"),
        ("campaign-views", "jesen/views/"),
        ("campaign-undo", "jesen/undo/"),
    ]
    return [
        *(Look(f"ops-{name}", f"/ops/campaigns/{path}", "lead") for name, path in pages),
        Look("ops-coupons", "/ops/coupons/", "merchandiser"),
        Look("ops-coupons-cyrl", "/sr-cyrl/ops/coupons/?code=NEMATAKVOG", "merchandiser"),
        Look("ops-coupon-batch", f"/ops/coupons/{scene['coupon_batch']}/", "merchandiser"),
        Look("ops-loyalty-program", "/ops/customers/loyalty/", "merchandiser"),
        Look("cms-campaigns", "/cms/campaigns/", "merchandiser"),
        Look("cms-campaign-new", "/cms/campaigns/new/", "merchandiser"),
        Look("cms-references", "/cms/references/", "merchandiser"),
    ]


def _scan(scene: dict[str, Any]) -> list[Look]:
    shipments, places = scene["shipments"], scene["places"]
    pages = [
        ("scan-place", "WH-1", "place/"),
        ("scan-home", "WH-1", ""),
        ("scan-pick", "WH-1", "pick/"),
        ("scan-item", "WH-1", f"item/{scene['sku']}/"),
        ("scan-pack-list", "WH-1", "pack/"),
        ("scan-pack", places["pack"], f"pack/{shipments['pack']}/"),
        ("scan-labels", places["send"], f"pack/{shipments['send']}/labels/"),
        ("scan-dispatch", "WH-1", "dispatch/"),
        ("scan-handover-list", "S-001", "handover/"),
        ("scan-handover", "S-001", f"handover/{shipments['handover']}/"),
        ("scan-put-back-list", "WH-1", "put-back/"),
        ("scan-put-back", "WH-1", f"put-back/{scene['put_back']}/"),
        ("scan-receive-list", "WH-1", "receive/"),
        ("scan-receive", "WH-1", f"receive/{scene['purchase_order']}/"),
        ("scan-receive-finish", "WH-1", f"receive/{scene['purchase_order']}/finish/"),
        ("scan-send-list", "WH-1", "send/"),
        ("scan-send", "WH-1", f"send/{scene['transfer']}/"),
        ("scan-put-away-list", "WH-1", "put-away/"),
        ("scan-count", "WH-1", "count/"),
        ("scan-return", "WH-1", "returns/"),
    ]
    return [Look(name, f"/scan/{path}", "owner", place) for name, place, path in pages]


def _errors() -> list[Look]:
    return [
        Look("error-404", "/no-such-page/"),
        Look("error-403", "/ops/finance/", "picker"),
        *(Look(f"error-{status}", f"/__error/{status}/") for status in (400, 429, 500)),
    ]
