from django.urls import path

from warehouse.api import purchasing, shipments, stock, transfers

urlpatterns = [
    path("stock", stock.Stock.as_view(), name="stock"),
    path("stock/adjustments", stock.Adjustments.as_view(), name="stock-adjustments"),
    path("stock/moves", stock.Moves.as_view(), name="stock-moves"),
    path("purchase-orders", purchasing.PurchaseOrders.as_view(), name="purchase-orders"),
    path("purchase-orders/<str:number>", purchasing.PurchaseOrderOne.as_view(), name="purchase-order"),
    path("purchase-orders/<str:number>/receipts", purchasing.Receipts.as_view(), name="receipts"),
    path("transfers", transfers.Transfers.as_view(), name="transfers"),
    path("transfers/<str:number>", transfers.TransferOne.as_view(), name="transfer"),
    path("transfers/<str:number>/ship", transfers.TransferShip.as_view(), name="transfer-ship"),
    path("transfers/<str:number>/missing", transfers.TransferMissing.as_view(), name="transfer-missing"),
    path("transfers/<str:number>/receive", transfers.TransferReceive.as_view(), name="transfer-receive"),
    path("transfers/<str:number>/cancel", transfers.TransferCancel.as_view(), name="transfer-cancel"),
    path("shipments", shipments.Shipments.as_view(), name="shipments"),
    path("shipments/<str:number>", shipments.ShipmentOne.as_view(), name="shipment"),
    path("shipments/<str:number>/pick", shipments.ShipmentPick.as_view(), name="shipment-pick"),
    path(
        "shipments/<str:number>/short-pick", shipments.ShipmentShortPick.as_view(), name="shipment-short-pick"
    ),
    path("shipments/<str:number>/pack", shipments.ShipmentPack.as_view(), name="shipment-pack"),
    path("shipments/<str:number>/dispatch", shipments.ShipmentDispatch.as_view(), name="shipment-dispatch"),
    path("shipments/<str:number>/deliver", shipments.ShipmentDeliver.as_view(), name="shipment-deliver"),
    path("shipments/<str:number>/fail", shipments.ShipmentFail.as_view(), name="shipment-fail"),
    path(
        "shipments/<str:number>/return-to-sender",
        shipments.ShipmentReturnToSender.as_view(),
        name="shipment-return-to-sender",
    ),
    path("carriers/<str:carrier>/events", shipments.CarrierEvents.as_view(), name="carrier-events"),
]
