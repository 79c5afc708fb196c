"""What is ordered ahead: claims on what is under way."""

from retail.doctor.check import Check

SUPPLY_CHECKS: tuple[Check, ...] = (
    Check(
        "supply_claimed_matches_claims",
        "What a purchase order line says is spoken for is exactly the sum of its live claims.",
        """SELECT l.id, l.quantity_claimed, COALESCE(c.units, 0) AS claims FROM warehouse_purchaseorderline l
        LEFT JOIN (SELECT purchase_order_line_id, sum(quantity) AS units FROM warehouse_supplyclaim WHERE state IN ('HELD', 'ALLOCATED') GROUP BY 1) c
               ON c.purchase_order_line_id = l.id WHERE l.quantity_claimed <> COALESCE(c.units, 0)""",
    ),
    Check(
        "supply_claims_only_what_comes",
        "Nobody waits for a purchase order that brings nothing more.",
        """SELECT c.id, o.number, o.status FROM warehouse_supplyclaim c
        JOIN warehouse_purchaseorderline l ON l.id = c.purchase_order_line_id JOIN warehouse_purchaseorder o ON o.id = l.order_id
        WHERE c.state IN ('HELD', 'ALLOCATED') AND (o.status NOT IN ('OPEN', 'PARTLY_RECEIVED') OR l.quantity_received >= l.quantity)""",
    ),
    Check(
        "order_that_waits_has_claims",
        "An order waits for supply exactly when something under way is claimed for it, and a finished one waits for nothing.",
        """SELECT o.id, o.number, o.status, o.is_awaiting_supply, COALESCE(c.units, 0) AS claims FROM oms_order o
        LEFT JOIN (SELECT d.order_id, sum(s.quantity) AS units FROM warehouse_supplyclaim s JOIN oms_orderline d ON d.id = s.order_line_id
                    WHERE s.state IN ('HELD', 'ALLOCATED') GROUP BY 1) c ON c.order_id = o.id
        WHERE (o.is_awaiting_supply OR c.units > 0)
          AND (o.is_awaiting_supply <> (COALESCE(c.units, 0) > 0) OR o.status IN ('CANCELED', 'COMPLETED'))""",
    ),
)
