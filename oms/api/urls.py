from django.urls import path

from oms.api import changes, exchanges, gift_cards, views

urlpatterns = [
    path("baskets", views.Baskets.as_view(), name="baskets"),
    path("baskets/<str:token>", views.BasketOne.as_view(), name="basket"),
    path("baskets/<str:token>/lines", views.BasketLines.as_view(), name="basket-lines"),
    path("baskets/<str:token>/lines/<str:line>", views.BasketLineOne.as_view(), name="basket-line"),
    path("baskets/<str:token>/coupons", views.BasketCoupons.as_view(), name="basket-coupons"),
    path("baskets/<str:token>/coupons/<str:code>", views.BasketCouponOne.as_view(), name="basket-coupon"),
    path("baskets/<str:token>/tenders", gift_cards.BasketTenders.as_view(), name="basket-tenders"),
    path(
        "baskets/<str:token>/tenders/<str:tender>", gift_cards.BasketTenderOne.as_view(), name="basket-tender"
    ),
    path("gift-cards", gift_cards.GiftCards.as_view(), name="gift-cards"),
    path("gift-cards/balance", gift_cards.GiftCardBalance.as_view(), name="gift-card-balance"),
    path("gift-cards/<str:public_id>", gift_cards.GiftCardOne.as_view(), name="gift-card"),
    path("gift-cards/<str:public_id>/block", gift_cards.GiftCardBlock.as_view(), name="gift-card-block"),
    path(
        "gift-cards/<str:public_id>/unblock", gift_cards.GiftCardUnblock.as_view(), name="gift-card-unblock"
    ),
    path("gift-cards/<str:public_id>/return", gift_cards.GiftCardReturn.as_view(), name="gift-card-return"),
    path("orders", views.Orders.as_view(), name="orders"),
    path("orders/<str:number>", views.OrderOne.as_view(), name="order"),
    path("orders/<str:number>/cancel", views.OrderCancel.as_view(), name="order-cancel"),
    path("orders/<str:number>/changes", changes.OrderChanges.as_view(), name="order-changes"),
    path("orders/<str:number>/payments", views.OrderPayments.as_view(), name="order-payments"),
    path("orders/<str:number>/returns", views.OrderReturns.as_view(), name="order-returns"),
    path(
        "orders/<str:number>/returns/<str:return_number>/receive",
        views.ReturnReceive.as_view(),
        name="return-receive",
    ),
    path("orders/<str:number>/exchanges", exchanges.OrderExchanges.as_view(), name="order-exchanges"),
    path("orders/<str:number>/send-ahead", exchanges.OrderSendAhead.as_view(), name="order-send-ahead"),
    path("orders/<str:number>/refunds", views.OrderRefunds.as_view(), name="order-refunds"),
    path("proposals", views.Proposals.as_view(), name="proposals"),
    path("proposals/<str:public_id>/ratify", views.ProposalRatify.as_view(), name="proposal-ratify"),
    path("proposals/<str:public_id>/reject", views.ProposalReject.as_view(), name="proposal-reject"),
]
