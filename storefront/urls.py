"""Addresses of the shop; the roof mounts them at the root, inside the languages."""

from django.urls import path, register_converter

from storefront.views import (
    account,
    addresses,
    alerts,
    areas,
    basket,
    campaigns,
    checkout,
    collections,
    companies,
    consents,
    coupons,
    downloads,
    files,
    funnel,
    gift_cards,
    home,
    later,
    listing,
    orders,
    payment,
    picture_desk,
    product,
    returns,
    reviews,
    stores,
    wishes,
)
from storefront.views.after import changing, exchanging, slips
from storefront.views.machines import feeds, installed, maps, news, pictures, reports

app_name = "shop"


class Token:
    """A secret of the shop, as `secrets.token_urlsafe` makes it."""

    regex = "[A-Za-z0-9_-]{8,64}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


class Code(Token):
    """A SKU, a location's code, a document's number."""

    regex = r"[^\x00-\x1f/]{1,60}"


class Branch(Token):
    """The slugs of a category and what is above it."""

    regex = "[a-z0-9_-]+(?:/[a-z0-9_-]+)*"


class FeedFile(Token):
    """Which feed, in which form."""

    regex = r"google\.xml|meta\.csv"


class Link(Token):
    """A signed name, as `oms.operations.signed` writes it."""

    regex = "[A-Za-z0-9_.-]{20,160}"


register_converter(Link, "link")
register_converter(FeedFile, "feed_file")
register_converter(Token, "token")
register_converter(Code, "code")
register_converter(Branch, "branch")
urlpatterns = [
    path("", home.home, name="home"),
    path("c/<branch:path>/", listing.category, name="category"),
    path("collections/<slug:slug>/", listing.collection, name="collection"),
    path("search/", listing.search, name="search"),
    path("search/suggestions/", listing.suggestions, name="suggestions"),
    path("p/<slug:slug>/reviews/", reviews.shown, name="reviews"),
    path("p/<slug:slug>/review/", reviews.write, name="review"),
    path("p/<slug:slug>/", product.product, name="product"),
    path("p/<slug:slug>/<code:sku>/", product.product, name="variant"),
    path("wishes/", wishes.wishes, name="wishes"),
    path("wishes/change/", wishes.change, name="change_wish"),
    path("alerts/", alerts.ask, name="ask_alert"),
    path("alerts/<token:token>/", alerts.alert, name="alert"),
    path("alerts/<token:token>/end/", alerts.end, name="alert_end"),
    path("alerts/<token:token>/take/", alerts.take, name="alert_take"),
    path("seen/", funnel.seen, name="seen"),
    path("postcode/", product.postcode, name="postcode"),
    path("places/", stores.places, name="places"),
    path("stores/", stores.stores, name="stores"),
    path("stores/ground.svg", areas.ground, name="ground"),
    path("stores/<code:code>/mine/", stores.choose, name="choose_store"),
    path("help/", home.help_page, name="help"),
    path("offline/", installed.offline, name="offline"),
    path("campaigns/<slug:slug>/seen/", campaigns.seen, name="campaign_seen"),
    # Basket
    path("basket/", basket.basket, name="basket"),
    path("basket/add/", basket.add, name="add"),
    path("basket/put/<code:sku>/<int:quantity>/", basket.put_back, name="put_back"),
    path("basket/lines/<uuid:line>/", basket.change, name="basket_line"),
    path("basket/codes/", coupons.add, name="coupon_add"),
    path("basket/codes/remove/", coupons.remove, name="coupon_remove"),
    path("basket/lines/<uuid:line>/later/", later.save, name="save_later"),
    path("basket/later/<int:saved>/take/", later.take, name="take_later"),
    path("basket/later/<int:saved>/forget/", later.forget, name="forget_later"),
    path("basket/share/", later.share, name="share_basket"),
    path("basket/share/stop/", later.stop_sharing, name="stop_sharing"),
    path("basket/prices/", basket.accept_prices, name="accept_prices"),
    path("basket/hold/", basket.hold_again, name="hold_again"),
    path("basket/points/", coupons.use_points, name="use_points"),
    # Gift cards
    path("gift-card/", gift_cards.buy, name="gift_card"),
    path("gift-card/balance/", gift_cards.balance, name="gift_card_balance"),
    path("basket/gift-cards/remove/", coupons.remove_card, name="gift_card_remove"),
    # Checkout and paying
    path("checkout/", checkout.checkout, name="checkout"),
    path("checkout/company/", companies.company, name="company"),
    path("checkout/preview/", checkout.preview, name="checkout_preview"),
    path("order/<token:token>/pay/", payment.pay, name="pay"),
    path("order/<token:token>/payment/", payment.came_back, name="payment_return"),
    path("order/<token:token>/transfer/", payment.transfer, name="transfer"),
    path("order/<token:token>/transfer/qr.svg", payment.transfer_qr, name="transfer_qr"),
    # The order, by its secret
    path("order/<token:token>/", orders.order, name="order"),
    path("order/<token:token>/thanks/", orders.thanks, name="thanks"),
    path("order/<token:token>/again/", orders.again, name="again"),
    path("order/<token:token>/cancel/", orders.cancel, name="cancel"),
    path("order/<token:token>/change/", changing.change, name="change_order"),
    path("order/<token:token>/company/", changing.company, name="order_company"),
    path("order/<token:token>/return/", returns.start, name="return"),
    path("order/<token:token>/exchange/", exchanging.exchange, name="exchange"),
    path("order/<token:token>/returns/<code:number>/label.pdf", slips.label, name="return_label"),
    path("order/<token:token>/returns/<code:number>/code.svg", slips.qr, name="return_code"),
    path("order/<token:token>/papers/<slug:kind>/<code:number>/", orders.paper, name="paper"),
    path("order/<token:token>/files/<code:sku>/back/", downloads.give_back, name="file_back"),
    path("download/<link:link>/", downloads.download, name="download"),
    # The account
    path("account/", account.account, name="account"),
    path("account/e-books/", downloads.mine, name="ebooks"),
    path("account/data/", account.own_data, name="own_data"),
    path("account/erase/", account.erase_me, name="erase_me"),
    path("account/consents/", consents.consents, name="consents"),
    path("account/addresses/", addresses.addresses, name="addresses"),
    path("account/addresses/<int:pk>/remove/", addresses.remove, name="remove_address"),
    path("account/addresses/<int:pk>/default/", addresses.make_default, name="default_address"),
]

# Pages of the back office (names in `ops:`).
ops_urlpatterns = [
    path("collections/", collections.collection_list, name="collections"),
    path("collections/new/", collections.collection_page, name="collection_new"),
    path("collections/<int:pk>/", collections.collection_page, name="collection"),
    path("collections/<int:pk>/remove/", collections.remove, name="remove_collection"),
    path("e-books/", files.files, name="files"),
    path("pictures/", picture_desk.pictured, name="pictured"),
    path("pictures/<slug:slug>/", picture_desk.desk, name="product_pictures"),
    path("pictures/<slug:slug>/<slug:key>/", picture_desk.change, name="change_picture"),
    path("reviews/", reviews.queue, name="reviews"),
    path("reviews/<int:pk>/", reviews.decide, name="decide_review"),
    path("reviews/<int:pk>/reply/", reviews.reply, name="reply_review"),
    path("funnel/", funnel.funnel, name="funnel"),
    path("feeds/", reports.feed_report, name="feeds"),
    path("feeds/check/", reports.check_now, name="check_feed"),
]
# What programs ask at the root, in no language of its own (names in `machines:`).
root_urlpatterns = [
    path("robots.txt", maps.robots, name="robots"),
    path("sitemap.xml", maps.index, name="sitemap"),
    path("sitemap-pages.xml", maps.pages, name="sitemap_pages"),
    path("sitemap-products-<int:number>.xml", maps.products, name="sitemap_products"),
    path("feeds/<slug:channel>/<slug:language>/<feed_file:file>", feeds.feed, name="feed"),
    path("news/<slug:language>.atom", news.atom, name="atom"),
    path("pictures/<slug:form>/<code:sku>.png", pictures.picture, name="picture"),
    path("manifest.webmanifest", installed.manifest, name="manifest"),
    path("worker.js", installed.worker, name="worker"),
]
