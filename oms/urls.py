"""Back office pages of orders (names in `ops:`)."""

from django.urls import path

from oms.views import change, exceptions, gift_cards, order, orders, palette, proposals, shared_baskets

ops_urlpatterns = [
    path("", exceptions.home, name="home"),
    path("find/", palette.palette, name="palette"),
    path("orders/", orders.order_list, name="orders"),
    path("orders/views/", orders.save_view, name="save_view"),
    path("orders/views/<int:pk>/forget/", orders.forget_view, name="forget_view"),
    path("orders/<str:number>/", order.order_page, name="order"),
    path("orders/<str:number>/hold/", order.hold, name="order_hold"),
    path("orders/<str:number>/release/", order.release, name="order_release"),
    path("orders/<str:number>/cancel/", order.cancel, name="order_cancel"),
    path("orders/<str:number>/change/", change.change_order, name="order_change"),
    path("orders/<str:number>/route/", order.route, name="order_route"),
    path("orders/<str:number>/note/", order.add_note, name="order_note"),
    path("orders/<str:number>/return/", order.start_return, name="order_return"),
    path("orders/<str:number>/receive/", order.receive_return, name="order_receive"),
    path("orders/<str:number>/refund/", order.refund, name="order_refund"),
    path("baskets/", shared_baskets.find_basket, name="find_basket"),
    path("baskets/<str:code>/", shared_baskets.shared_basket, name="shared_basket"),
    path("baskets/<str:code>/change/", shared_baskets.change_basket, name="change_basket"),
    path("gift-cards/", gift_cards.card_list, name="gift_cards"),
    path("gift-cards/sell/", gift_cards.sell, name="sell_gift_card"),
    path("gift-cards/<str:public_id>/", gift_cards.card_page, name="gift_card"),
    path("gift-cards/<str:public_id>/block/", gift_cards.block, name="block_gift_card"),
    path("gift-cards/<str:public_id>/unblock/", gift_cards.unblock, name="unblock_gift_card"),
    path("gift-cards/<str:public_id>/send/", gift_cards.send_again, name="send_gift_card"),
    path("gift-cards/<str:public_id>/return/", gift_cards.give_back, name="return_gift_card"),
    path("proposals/", proposals.proposal_queue, name="proposals"),
    path("proposals/decide/", proposals.decide, name="decide_proposals"),
    path("proposals/<str:public_id>/", proposals.proposal_page, name="proposal"),
    path("exceptions/", exceptions.inbox, name="exceptions"),
    path("exceptions/<str:public_id>/", exceptions.decide, name="decide_exception"),
    path("returns/", exceptions.return_list, name="returns"),
]
