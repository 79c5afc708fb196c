"""Addresses of the shop; the roof mounts them at the root, inside the languages."""

from django.urls import path

from storefront.views import (
    account,
    addresses,
    basket,
    checkout,
    home,
    listing,
    orders,
    payment,
    product,
    returns,
    stores,
)

app_name = "shop"
urlpatterns = [
    path("", home.home, name="home"),
    path("c/<path:path>/", listing.category, name="category"),
    path("search/", listing.search, name="search"),
    path("search/suggestions/", listing.suggestions, name="suggestions"),
    path("p/<slug:slug>/", product.product, name="product"),
    path("p/<slug:slug>/<str:sku>/", product.product, name="variant"),
    path("postcode/", product.postcode, name="postcode"),
    path("places/", stores.places, name="places"),
    path("stores/", stores.stores, name="stores"),
    path("stores/<str:code>/mine/", stores.choose, name="choose_store"),
    path("help/", home.help_page, name="help"),
    # Basket
    path("basket/", basket.basket, name="basket"),
    path("basket/add/", basket.add, name="add"),
    path("basket/put/<str:sku>/<int:quantity>/", basket.put_back, name="put_back"),
    path("basket/lines/<uuid:line>/", basket.change, name="basket_line"),
    path("basket/prices/", basket.accept_prices, name="accept_prices"),
    path("basket/hold/", basket.hold_again, name="hold_again"),
    # Checkout and paying
    path("checkout/", checkout.checkout, name="checkout"),
    path("checkout/preview/", checkout.preview, name="checkout_preview"),
    path("order/<str:token>/pay/", payment.pay, name="pay"),
    path("order/<str:token>/payment/", payment.came_back, name="payment_return"),
    path("order/<str:token>/transfer/", payment.transfer, name="transfer"),
    path("order/<str:token>/transfer/qr.svg", payment.transfer_qr, name="transfer_qr"),
    # The order, by its secret
    path("order/<str:token>/", orders.order, name="order"),
    path("order/<str:token>/thanks/", orders.thanks, name="thanks"),
    path("order/<str:token>/cancel/", orders.cancel, name="cancel"),
    path("order/<str:token>/return/", returns.start, name="return"),
    path("order/<str:token>/papers/<str:kind>/<str:number>/", orders.paper, name="paper"),
    # The account
    path("account/", account.account, name="account"),
    path("account/addresses/", addresses.addresses, name="addresses"),
    path("account/addresses/<int:pk>/remove/", addresses.remove, name="remove_address"),
    path("account/addresses/<int:pk>/default/", addresses.make_default, name="default_address"),
]
