"""Invariants of electronic editions: nothing of them is claimed, and leave to download goes with the money."""

from retail.doctor.check import Check

DIGITAL_CHECKS: tuple[Check, ...] = (
    Check(
        "file_is_not_claimed",
        "A line of a file claims no stock, in no basket and in no order, and no shelf holds a file.",
        """SELECT r.id, v.sku FROM warehouse_reservation r JOIN storefront_variant v ON v.id = r.variant_id WHERE v.is_digital
        UNION ALL SELECT i.id, v.sku FROM warehouse_stockitem i JOIN storefront_variant v ON v.id = i.variant_id WHERE v.is_digital""",
    ),
    Check(
        "sold_file_is_there",
        "An electronic edition that is on sale has its file.",
        """SELECT v.id, v.sku FROM storefront_variant v WHERE v.is_digital AND v.is_sellable
        AND NOT EXISTS (SELECT 1 FROM storefront_digitalfile f WHERE f.variant_id = v.id)""",
    ),
    Check(
        "paid_file_can_be_fetched",
        "A delivered file has its leave to download, an undelivered one has none.",
        """SELECT l.id, o.number, l.quantity_dispatched, count(g.id) AS grants FROM oms_orderline l JOIN oms_order o ON o.id = l.order_id
        LEFT JOIN oms_downloadgrant g ON g.line_id = l.id WHERE l.kind = 'DIGITAL' AND NOT o.is_imported
        GROUP BY l.id, o.number HAVING count(g.id) <> l.quantity_dispatched""",
    ),
    Check(
        "file_given_back_was_not_fetched",
        "A file went back exactly where its leave was taken back, and nobody had fetched it.",
        """SELECT g.id, l.order_id, l.quantity_returned, g.revoked_at, g.downloads FROM oms_downloadgrant g JOIN oms_orderline l ON l.id = g.line_id
        WHERE (g.revoked_at IS NOT NULL) <> (l.quantity_returned > 0) OR (g.revoked_at IS NOT NULL AND g.downloads > 0)""",
    ),
    Check(
        "delivered_file_has_paper",
        "A delivered file stands on a fiscal receipt or an invoice that no parcel carried.",
        """SELECT l.id, o.number FROM oms_orderline l JOIN oms_order o ON o.id = l.order_id
        WHERE l.kind = 'DIGITAL' AND l.quantity_dispatched > 0 AND NOT o.is_imported
          AND NOT EXISTS (SELECT 1 FROM finance_fiscalreceipt f, jsonb_array_elements(f.items) i
                           WHERE f.order_id = o.id AND f.kind = 'NORMAL' AND f.shipment_id IS NULL AND (i ->> 'order_line')::bigint = l.id)
          AND NOT EXISTS (SELECT 1 FROM finance_invoiceline p JOIN finance_invoice v ON v.id = p.invoice_id
                           WHERE p.order_line_id = l.id AND v.kind = 'INVOICE' AND v.shipment_id IS NULL)""",
    ),
    Check(
        "buyer_of_a_file_consented",
        "Whoever ordered a file agreed that the right of withdrawal ends with the first download.",
        """SELECT DISTINCT o.id, o.number FROM oms_order o JOIN oms_orderline l ON l.order_id = o.id AND l.kind = 'DIGITAL'
        WHERE NOT o.is_imported AND NOT EXISTS (SELECT 1 FROM oms_withdrawalconsent c WHERE c.order_id = o.id)""",
    ),
)
