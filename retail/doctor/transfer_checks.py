"""Invariants of units that travel to the store where their shopper collects them."""

from retail.doctor.check import Check

TRANSFER_CHECKS: tuple[Check, ...] = (
    Check(
        "claim_travels_with_its_transfer",
        "An order's claim on a transfer lies on the source's shelf until that is sent, then in transit to the target, and nowhere else.",
        """SELECT r.id, r.state, t.number, t.status, b.kind AS bin FROM warehouse_reservation r
        JOIN oms_orderline o ON o.id = r.order_line_id
        JOIN warehouse_stockitem s ON s.id = r.stock_item_id JOIN warehouse_bin b ON b.id = s.bin_id
        LEFT JOIN warehouse_transferline l ON l.id = r.transfer_line_id LEFT JOIN warehouse_transfer t ON t.id = l.transfer_id
        WHERE r.state IN ('HELD', 'ALLOCATED', 'PICKED', 'PACKED') AND (r.transfer_line_id IS NOT NULL OR b.kind = 'TRANSIT')
          AND (t.order_id = o.order_id AND r.variant_id = l.variant_id AND CASE t.status
                   WHEN 'REQUESTED' THEN r.state = 'ALLOCATED' AND s.location_id = t.source_id AND b.kind IN ('STORAGE', 'DISPLAY')
                   WHEN 'SHIPPED' THEN r.state = 'PICKED' AND s.location_id = t.target_id AND b.kind = 'TRANSIT'
                   WHEN 'PARTLY_RECEIVED' THEN r.state = 'PICKED' AND s.location_id = t.target_id AND b.kind = 'TRANSIT'
                   ELSE false END) IS NOT TRUE""",
    ),
    Check(
        "travelling_claims_are_under_way",
        "No more units of a transfer are claimed by orders than are still on their way.",
        """SELECT l.id, t.number, l.quantity_shipped - l.quantity_good - l.quantity_damaged - l.quantity_lost AS under_way, c.units
        FROM warehouse_transferline l JOIN warehouse_transfer t ON t.id = l.transfer_id
        JOIN (SELECT transfer_line_id, sum(quantity) AS units FROM warehouse_reservation
               WHERE state = 'PICKED' AND order_line_id IS NOT NULL GROUP BY 1) c ON c.transfer_line_id = l.id
        WHERE c.units > l.quantity_shipped - l.quantity_good - l.quantity_damaged - l.quantity_lost""",
    ),
    Check(
        "ordered_units_go_to_their_store",
        "A transfer for an order goes to the store where its shopper collects it.",
        """SELECT t.id, t.number, o.number AS order_number FROM warehouse_transfer t JOIN oms_order o ON o.id = t.order_id
        WHERE o.delivery_method <> 'SHIP_TO_STORE' OR o.pickup_location_id IS DISTINCT FROM t.target_id""",
    ),
)
