"""Pages of goods: the handheld (names in `scan:`) and the back office (names in `ops:`)."""

from django.urls import path

from warehouse.views import counts, places, purchasing, shipments, stock, transfers
from warehouse.views.scan import (
    dispatching,
    home,
    packing,
    picking,
    place,
    receiving,
    returning,
    sending,
    shelving,
)

scan_urlpatterns = [
    path("", home.home, name="home"),
    path("place/", place.choose_place, name="place"),
    path("item/<str:sku>/", picking.item, name="item"),
    path("receive/", receiving.receive_list, name="receive"),
    path("receive/<str:number>/", receiving.receive_order, name="receive_order"),
    path("receive/<str:number>/finish/", receiving.receive_finish, name="receive_finish"),
    path("send/", sending.send_list, name="send"),
    path("send/<str:number>/", sending.send_one, name="send_one"),
    path("put-away/", shelving.put_away_list, name="put_away"),
    path("put-away/<str:sku>/", shelving.put_away_one, name="put_away_one"),
    path("pick/", picking.pick_page, name="pick"),
    path("pick/take/", picking.take, name="take"),
    path("pick/skip/", picking.skip, name="skip"),
    path("pick/<int:claim_id>/short/", picking.short, name="short"),
    path("put-back/", shelving.put_back_list, name="put_back"),
    path("put-back/<int:claim_id>/", shelving.put_back_one, name="put_back_one"),
    path("pack/", packing.pack_list, name="pack"),
    path("pack/<str:number>/", packing.pack_one, name="pack_one"),
    path("pack/<str:number>/labels/", packing.labels, name="labels"),
    path("pack/<str:number>/announce/", packing.announce, name="announce"),
    path("label/<str:parcel>.pdf", packing.label_pdf, name="label_pdf"),
    path("dispatch/", dispatching.dispatch_page, name="dispatch"),
    path("handover/", dispatching.handover_list, name="handover"),
    path("handover/<str:number>/", dispatching.handover_one, name="handover_one"),
    path("returns/", returning.return_start, name="return"),
    path("returns/<str:number>/", returning.return_one, name="return_one"),
    path("count/", shelving.count_start, name="count"),
    path("count/<str:code>/", shelving.count_page, name="count_bin"),
    path("count/<str:code>/finish/", shelving.count_finish, name="count_finish"),
]

ops_urlpatterns = [
    path("stock/", stock.stock_page, name="stock"),
    path("stock/adjust/", stock.adjust, name="stock_adjust"),
    path("shipments/", shipments.shipment_list, name="shipments"),
    path("shipments/label/<str:parcel>.pdf", shipments.label_pdf, name="shipment_label"),
    path("shipments/<str:number>/", shipments.shipment_page, name="shipment"),
    path("shipments/<str:number>/<str:act>/", shipments.act, name="shipment_act"),
    path("purchase-orders/", purchasing.purchase_orders, name="purchase_orders"),
    path("purchase-orders/<str:number>/", purchasing.purchase_order, name="purchase_order"),
    path(
        "purchase-orders/<str:number>/change/",
        purchasing.change_purchase_order,
        name="change_purchase_order",
    ),
    path("transfers/", transfers.transfer_list, name="transfers"),
    path("transfers/new/", transfers.new_transfer, name="transfer_new"),
    path("transfers/<str:number>/", transfers.transfer_page, name="transfer"),
    path("transfers/<str:number>/<str:act>/", transfers.act, name="transfer_act"),
    path("counts/", counts.count_list, name="counts"),
    path("counts/<str:number>/", counts.count_page, name="count"),
    path("counts/<str:number>/<str:act>/", counts.act, name="count_act"),
    path("locations/", places.location_list, name="locations"),
    path("locations/<str:code>/", places.location_page, name="location"),
]
