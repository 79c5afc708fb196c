"""Every invariant: what it protects, and the SQL that finds what breaks it. The first column names the offending row.

Marked history (is_imported) has no journals and no claims; the checks of money and goods leave it out, and the command says how many rows that is.
"""

from crm.selectors import is_segment_readable
from finance.selectors.campaigns import DISAGREEING
from retail.doctor.check import Check
from retail.doctor.digital_checks import DIGITAL_CHECKS
from retail.doctor.exchange_checks import EXCHANGE_CHECKS
from retail.doctor.gift_card_checks import GIFT_CARD_CHECKS
from retail.doctor.offer_checks import OFFER_CHECKS
from retail.doctor.picture_checks import PICTURE_CHECKS
from retail.doctor.supply_checks import SUPPLY_CHECKS
from retail.doctor.transfer_checks import TRANSFER_CHECKS

__all__ = ["CHECKS", "Check"]

CHECKS: tuple[Check, ...] = (
    # --- segments
    Check(
        "segment_in_use_is_readable",
        "Every segment that is in use, or that a live campaign or discount asks, parses and names only known conditions.",
        """SELECT s.id, s.slug, s.definition FROM crm_segment s WHERE s.state = 'ACTIVE'
            OR s.id IN (SELECT segment_id FROM crm_campaign WHERE state = 'RATIFIED' AND (ends_at IS NULL OR ends_at > now()))
            OR s.id IN (SELECT segment_id FROM crm_discount WHERE state = 'ACTIVE')""",
        lambda row: not is_segment_readable(definition=row["definition"]),
    ),
    Check(
        "segment_is_its_newest_version",
        "What a segment asks now is kept as its newest version.",
        """SELECT s.id, s.slug FROM crm_segment s LEFT JOIN crm_segmentversion v ON v.segment_id = s.id AND v.version = s.version
        WHERE v.id IS NULL OR v.definition <> s.definition""",
    ),
    Check(
        "order_line_knows_its_customer",
        "An order line names the account of its order.",
        """SELECT l.id, l.customer_id, o.customer_id AS of_order FROM oms_orderline l JOIN oms_order o ON o.id = l.order_id
        WHERE l.customer_id IS DISTINCT FROM o.customer_id""",
    ),
    Check(
        "credit_knows_popularity",
        "A contribution repeats how much its product is read.",
        """SELECT c.id, c.popularity, p.popularity AS of_product FROM storefront_contribution c JOIN storefront_product p ON p.id = c.product_id
        WHERE c.popularity IS DISTINCT FROM p.popularity""",
    ),
    # --- goods
    Check(
        "stock_not_oversold",
        "No unit is promised twice: 0 ≤ reserved ≤ on hand on every stock item.",
        "SELECT id, variant_id, on_hand, reserved FROM warehouse_stockitem WHERE reserved < 0 OR reserved > on_hand",
    ),
    Check(
        "stock_reserved_matches_claims",
        "What a stock item says is reserved is exactly the sum of its live claims.",
        """SELECT s.id, s.reserved, COALESCE(c.units, 0) AS claimed FROM warehouse_stockitem s
        LEFT JOIN (SELECT stock_item_id, sum(quantity) units FROM warehouse_reservation WHERE state IN ('HELD', 'ALLOCATED', 'PICKED', 'PACKED') GROUP BY 1) c
               ON c.stock_item_id = s.id WHERE s.reserved <> COALESCE(c.units, 0)""",
    ),
    Check(
        "stock_on_hand_matches_moves",
        "What lies in a bin is what was moved in less what was moved out.",
        """SELECT COALESCE(s.id, 0), m.variant_id, m.bin_id, COALESCE(s.on_hand, 0) AS on_hand, m.units AS moved FROM (
            SELECT variant_id, bin_id, sum(units) units FROM (
                SELECT variant_id, to_bin_id bin_id, quantity units FROM warehouse_stockmove WHERE to_bin_id IS NOT NULL
                UNION ALL SELECT variant_id, from_bin_id, -quantity FROM warehouse_stockmove WHERE from_bin_id IS NOT NULL) x
            GROUP BY 1, 2) m
        FULL JOIN warehouse_stockitem s ON s.variant_id = m.variant_id AND s.bin_id = m.bin_id
        WHERE COALESCE(s.on_hand, 0) <> COALESCE(m.units, 0)""",
    ),
    Check(
        "stock_item_follows_its_bin",
        "A stock item stands where its bin stands, and is sellable when its bin is.",
        """SELECT s.id FROM warehouse_stockitem s JOIN warehouse_bin b ON b.id = s.bin_id
        WHERE s.location_id <> b.location_id OR s.is_sellable <> (b.kind IN ('STORAGE', 'DISPLAY'))""",
    ),
    Check(
        "claim_stands_at_its_item",
        "A live claim names the variant and location of its stock item.",
        """SELECT r.id FROM warehouse_reservation r JOIN warehouse_stockitem s ON s.id = r.stock_item_id
        WHERE r.state IN ('HELD', 'ALLOCATED', 'PICKED', 'PACKED') AND (r.variant_id <> s.variant_id OR r.location_id <> s.location_id)""",
    ),
    Check(
        "edge_move_has_entry",
        "No unit enters or leaves the company without its journal entry.",
        """SELECT m.id, m.reason FROM warehouse_stockmove m LEFT JOIN finance_journalentry e ON e.id = m.entry_id
        WHERE (m.from_bin_id IS NULL OR m.to_bin_id IS NULL) AND NOT m.is_imported AND e.id IS NULL""",
    ),
    Check(
        "stock_value_matches_units",
        "The valued quantity of each variant is what lies in the bins of the entity.",
        """SELECT COALESCE(v.variant_id, s.variant_id), COALESCE(v.entity_id, s.entity_id), COALESCE(v.quantity, 0) valued, COALESCE(s.units, 0) AS lying
        FROM finance_stockvalue v FULL JOIN (
            SELECT l.entity_id, i.variant_id, sum(i.on_hand) units FROM warehouse_stockitem i JOIN kernel_location l ON l.id = i.location_id GROUP BY 1, 2
        ) s ON s.variant_id = v.variant_id AND s.entity_id = v.entity_id WHERE COALESCE(v.quantity, 0) <> COALESCE(s.units, 0)""",
    ),
    Check(
        "inventory_account_equals_stock_value",
        "The ledger's inventory (134) equals the value of the goods, exactly.",
        """SELECT e.id, COALESCE(v.value, 0) AS goods, COALESCE(l.balance, 0) AS ledger FROM kernel_legalentity e
        LEFT JOIN (SELECT entity_id, sum(value) AS value FROM finance_stockvalue GROUP BY 1) v ON v.entity_id = e.id
        LEFT JOIN (SELECT j.entity_id, sum(x.debit - x.credit) balance FROM finance_journalline x
                     JOIN finance_journalentry j ON j.id = x.entry_id JOIN finance_ledgeraccount a ON a.id = x.account_id
                    WHERE a.code = '134' GROUP BY 1) l ON l.entity_id = e.id
        WHERE COALESCE(v.value, 0) <> COALESCE(l.balance, 0)""",
    ),
    Check(
        "units_in_transit_are_on_a_transfer",
        "What lies in transit to a place is what transfers have sent there and not delivered yet.",
        """SELECT COALESCE(i.id, 0) AS id, COALESCE(i.variant_id, t.variant_id) AS variant_id, COALESCE(i.units, 0) AS lying, COALESCE(t.units, 0) AS under_way
        FROM (SELECT min(s.id) AS id, s.variant_id, s.location_id, sum(s.on_hand) AS units FROM warehouse_stockitem s
                JOIN warehouse_bin b ON b.id = s.bin_id AND b.kind = 'TRANSIT' GROUP BY 2, 3) i
        FULL JOIN (SELECT l.variant_id, t.target_id, sum(l.quantity_shipped - l.quantity_good - l.quantity_damaged - l.quantity_lost) AS units
                     FROM warehouse_transferline l JOIN warehouse_transfer t ON t.id = l.transfer_id GROUP BY 1, 2) t
               ON t.variant_id = i.variant_id AND t.target_id = i.location_id
        WHERE COALESCE(i.units, 0) <> COALESCE(t.units, 0)""",
    ),
    Check(
        "transfer_units_match_moves",
        "What a transfer says was sent and arrived is what was moved for it.",
        """SELECT l.id, t.number, l.quantity_shipped, COALESCE(m.sent, 0) AS sent, COALESCE(m.arrived, 0) AS arrived
        FROM warehouse_transferline l JOIN warehouse_transfer t ON t.id = l.transfer_id
        LEFT JOIN (SELECT document_key, variant_id, sum(m.quantity) FILTER (WHERE b.kind = 'TRANSIT') AS sent,
                          sum(m.quantity) FILTER (WHERE f.kind = 'TRANSIT') AS arrived
                     FROM warehouse_stockmove m LEFT JOIN warehouse_bin b ON b.id = m.to_bin_id LEFT JOIN warehouse_bin f ON f.id = m.from_bin_id
                    WHERE m.document_kind = 'transfer' GROUP BY 1, 2) m ON m.document_key = t.number AND m.variant_id = l.variant_id
        WHERE l.quantity_shipped <> COALESCE(m.sent, 0)
           OR l.quantity_good + l.quantity_damaged + l.quantity_lost <> COALESCE(m.arrived, 0)""",
    ),
    Check(
        "transfer_claims_only_what_it_asks",
        "A transfer claims no more than it asks for, and once it has left or was canceled nothing, unless an order's units travel.",
        """SELECT l.id, t.number, t.status, l.quantity, c.units FROM warehouse_transferline l JOIN warehouse_transfer t ON t.id = l.transfer_id
        JOIN (SELECT transfer_line_id, sum(quantity) AS units FROM warehouse_reservation
               WHERE state IN ('HELD', 'ALLOCATED', 'PICKED', 'PACKED') GROUP BY 1) c ON c.transfer_line_id = l.id
        WHERE (t.status <> 'REQUESTED' AND t.order_id IS NULL) OR c.units > l.quantity""",
    ),
    # --- claims and orders
    Check(
        "no_claim_on_a_closed_order",
        "Canceled and completed orders hold no stock (units waiting to be put back apart).",
        """SELECT r.id, o.number FROM warehouse_reservation r JOIN oms_orderline l ON l.id = r.order_line_id JOIN oms_order o ON o.id = l.order_id
        WHERE r.state IN ('HELD', 'ALLOCATED', 'PICKED', 'PACKED') AND NOT r.is_put_back AND o.status IN ('CANCELED', 'COMPLETED')""",
    ),
    Check(
        "open_order_line_is_claimed",
        "Every unit that a confirmed order still owes is claimed, unless an exception tells why not.",
        """SELECT l.id, o.number, l.quantity - l.quantity_canceled - l.quantity_dispatched AS owed, COALESCE(c.units, 0) AS claimed
        FROM oms_orderline l JOIN oms_order o ON o.id = l.order_id JOIN storefront_variant v ON v.id = l.variant_id
        LEFT JOIN (SELECT order_line_id, sum(quantity) units FROM (
                       SELECT order_line_id, quantity FROM warehouse_reservation WHERE state IN ('HELD', 'ALLOCATED', 'PICKED', 'PACKED') AND NOT is_put_back
                       UNION ALL SELECT order_line_id, quantity FROM warehouse_supplyclaim WHERE state IN ('HELD', 'ALLOCATED')) x
                    GROUP BY 1) c ON c.order_line_id = l.id
        WHERE l.kind = 'GOODS' AND NOT v.is_kit AND o.status IN ('PLACED', 'IN_FULFILLMENT', 'ON_HOLD') AND NOT o.is_imported
          AND l.quantity - l.quantity_canceled - l.quantity_dispatched <> COALESCE(c.units, 0)
          AND NOT EXISTS (SELECT 1 FROM oms_orderexception x WHERE x.order_id = o.id AND x.state = 'OPEN'
                             AND x.kind IN ('SHORT_PICK', 'DISPLACED_CLAIM', 'UNROUTABLE'))""",
    ),
    Check(
        "open_kit_line_is_claimed",
        "Every kit that a confirmed order still owes is claimed whole: the same number of sets of every component.",
        """SELECT l.id, o.number, l.quantity - l.quantity_canceled - l.quantity_dispatched AS owed, c.variant_id, c.units
        FROM oms_orderline l JOIN oms_order o ON o.id = l.order_id JOIN storefront_variant v ON v.id = l.variant_id
        LEFT JOIN (SELECT order_line_id, variant_id, sum(quantity) units FROM warehouse_reservation
                    WHERE state IN ('HELD', 'ALLOCATED', 'PICKED', 'PACKED') AND NOT is_put_back GROUP BY 1, 2) c ON c.order_line_id = l.id
        WHERE l.kind = 'GOODS' AND v.is_kit AND o.status IN ('PLACED', 'IN_FULFILLMENT', 'ON_HOLD') AND NOT o.is_imported
          AND CASE WHEN l.quantity = l.quantity_canceled + l.quantity_dispatched THEN c.units IS NOT NULL
                   ELSE c.units IS NULL OR c.units % (l.quantity - l.quantity_canceled - l.quantity_dispatched) <> 0 END
          AND NOT EXISTS (SELECT 1 FROM oms_orderexception x WHERE x.order_id = o.id AND x.state = 'OPEN'
                             AND x.kind IN ('SHORT_PICK', 'DISPLACED_CLAIM', 'UNROUTABLE'))""",
    ),
    Check(
        "dispatched_units_match_claims",
        "What a line says was dispatched is what its claims say.",
        """SELECT l.id, l.quantity_dispatched, COALESCE(c.units, 0) AS by_claims FROM oms_orderline l JOIN oms_order o ON o.id = l.order_id
        JOIN storefront_variant v ON v.id = l.variant_id
        LEFT JOIN (SELECT order_line_id, sum(quantity) units FROM warehouse_reservation WHERE state = 'DISPATCHED' GROUP BY 1) c ON c.order_line_id = l.id
        WHERE l.kind = 'GOODS' AND NOT v.is_kit AND NOT o.is_imported AND l.quantity_dispatched <> COALESCE(c.units, 0)""",
    ),
    Check(
        "dispatched_kits_match_claims",
        "A kit leaves whole: the same number of sets of every component.",
        """SELECT l.id, o.number, l.quantity_dispatched, c.variant_id, c.units FROM oms_orderline l
        JOIN oms_order o ON o.id = l.order_id AND NOT o.is_imported JOIN storefront_variant v ON v.id = l.variant_id AND v.is_kit
        LEFT JOIN (SELECT order_line_id, variant_id, sum(quantity) units FROM warehouse_reservation WHERE state = 'DISPATCHED' GROUP BY 1, 2) c
               ON c.order_line_id = l.id
        WHERE CASE WHEN l.quantity_dispatched = 0 THEN c.units IS NOT NULL ELSE c.units IS NULL OR c.units % l.quantity_dispatched <> 0 END""",
    ),
    Check(
        "dispatched_units_left_the_house",
        "Every dispatched claim has its stock move out, once.",
        """SELECT l.id, COALESCE(c.units, 0) AS claims, COALESCE(m.units, 0) AS moves FROM oms_orderline l
        JOIN oms_order o ON o.id = l.order_id AND NOT o.is_imported
        LEFT JOIN (SELECT order_line_id, sum(quantity) units FROM warehouse_reservation WHERE state = 'DISPATCHED' GROUP BY 1) c ON c.order_line_id = l.id
        LEFT JOIN (SELECT order_line_id, sum(quantity) units FROM warehouse_stockmove WHERE reason = 'DISPATCH' GROUP BY 1) m ON m.order_line_id = l.id
        WHERE COALESCE(c.units, 0) <> COALESCE(m.units, 0)""",
    ),
    Check(
        "line_quantities_in_order",
        "returned ≤ dispatched ≤ ordered − canceled on every line.",
        """SELECT id FROM oms_orderline WHERE NOT is_imported
        AND NOT (quantity_returned <= quantity_dispatched AND quantity_dispatched <= quantity - quantity_canceled)""",
    ),
    Check(
        "returned_units_match_returns",
        "What a line says came back is what the returns received and what undelivered and lost shipments held.",
        """SELECT l.id, l.quantity_returned, COALESCE(r.units, 0) AS by_returns, COALESCE(u.units, 0) AS by_shipments FROM oms_orderline l
        JOIN oms_order o ON o.id = l.order_id AND NOT o.is_imported JOIN storefront_variant v ON v.id = l.variant_id AND NOT v.is_kit
        LEFT JOIN (SELECT order_line_id, sum(quantity_received) units FROM oms_returnline GROUP BY 1) r ON r.order_line_id = l.id
        LEFT JOIN (SELECT c.order_line_id, sum(c.quantity) units FROM warehouse_reservation c JOIN warehouse_shipment s ON s.id = c.shipment_id
                    WHERE c.state = 'DISPATCHED' AND s.status IN ('RETURNED', 'LOST') GROUP BY 1) u ON u.order_line_id = l.id
        -- A unit that the buyer had brought back before the carrier called its parcel lost counts once.
        WHERE l.kind = 'GOODS' AND l.quantity_returned NOT BETWEEN GREATEST(COALESCE(r.units, 0), COALESCE(u.units, 0))
                                                               AND COALESCE(r.units, 0) + COALESCE(u.units, 0)""",
    ),
    Check(
        "order_total_is_sum_of_lines",
        "What the shopper agreed to pay is the sum of what the lines say.",
        """SELECT o.id, o.number, o.total, sum(l.total) AS lines FROM oms_order o JOIN oms_orderline l ON l.order_id = o.id
        WHERE NOT o.is_imported GROUP BY o.id HAVING o.total <> sum(l.total)""",
    ),
    Check(
        "order_has_lines",
        "No order is empty.",
        "SELECT o.id, o.number FROM oms_order o WHERE NOT EXISTS (SELECT 1 FROM oms_orderline l WHERE l.order_id = o.id)",
    ),
    Check(
        "expired_hold_is_released",
        "A basket hold that ran out an hour ago does not keep units from others.",
        "SELECT id FROM warehouse_reservation WHERE state = 'HELD' AND basket_line_id IS NOT NULL AND expires_at < now() - interval '1 hour'",
    ),
    Check(
        "overdue_order_is_canceled",
        "An order whose payment deadline passed an hour ago was canceled or paid.",
        "SELECT id, number FROM oms_order WHERE status = 'PENDING_PAYMENT' AND payment_deadline < now() - interval '1 hour'",
    ),
    # --- money
    Check(
        "journal_entry_balances",
        "Every journal entry balances.",
        "SELECT entry_id, sum(debit) AS debit, sum(credit) AS credit FROM finance_journalline GROUP BY 1 HAVING sum(debit) <> sum(credit)",
    ),
    Check(
        "journal_entry_has_lines",
        "No entry is empty.",
        "SELECT e.id FROM finance_journalentry e WHERE NOT EXISTS (SELECT 1 FROM finance_journalline l WHERE l.entry_id = e.id)",
    ),
    Check(
        "payment_sums_follow_its_operations",
        "What a payment says was captured and refunded is the sum of its done captures and refunds.",
        """SELECT p.id, p.captured, p.refunded FROM finance_payment p
        LEFT JOIN (SELECT payment_id, sum(amount) s FROM finance_capture WHERE state = 'DONE' GROUP BY 1) c ON c.payment_id = p.id
        LEFT JOIN (SELECT payment_id, sum(amount) s FROM finance_refund WHERE state = 'DONE' GROUP BY 1) r ON r.payment_id = p.id
        WHERE p.captured <> COALESCE(c.s, 0) OR p.refunded <> COALESCE(r.s, 0)""",
    ),
    Check(
        "payment_in_bounds",
        "0 ≤ refunded ≤ captured, and a card never captures more than it authorized.",
        "SELECT id FROM finance_payment WHERE refunded < 0 OR refunded > captured OR (method = 'CARD' AND captured > authorized)",
    ),
    Check(
        "order_sums_follow_its_payments",
        "The order's captured and refunded sums are those of its payments.",
        """SELECT o.id, o.number, o.captured_total, o.refunded_total FROM oms_order o
        LEFT JOIN (SELECT order_id, sum(captured) c, sum(refunded) r FROM finance_payment GROUP BY 1) p ON p.order_id = o.id
        WHERE NOT o.is_imported AND (o.captured_total <> COALESCE(p.c, 0) OR o.refunded_total <> COALESCE(p.r, 0))""",
    ),
    Check(
        "done_money_has_entry",
        "No capture and no refund without its journal entry.",
        """SELECT 'capture', id FROM finance_capture WHERE state = 'DONE' AND entry_id IS NULL
        UNION ALL SELECT 'refund', id FROM finance_refund WHERE state = 'DONE' AND entry_id IS NULL""",
    ),
    Check(
        "canceled_order_keeps_no_money",
        "Money of a canceled order went back, or is on its way.",
        """SELECT o.id, o.number, o.captured_total - o.refunded_total AS kept FROM oms_order o WHERE o.status = 'CANCELED' AND NOT o.is_imported
        AND o.captured_total - o.refunded_total > COALESCE((SELECT sum(r.amount) FROM finance_refund r JOIN finance_payment p ON p.id = r.payment_id
             WHERE p.order_id = o.id AND r.state = 'PENDING'), 0)
        AND NOT EXISTS (SELECT 1 FROM oms_orderexception x WHERE x.order_id = o.id AND x.state = 'OPEN'
                           AND x.kind IN ('PAYMENT_MISMATCH', 'OVERPAID'))""",
    ),
    Check(
        "overpaid_order_is_seen",
        "Every overpaid order is in the exceptions inbox.",
        """SELECT o.id, o.number FROM oms_order o WHERE o.payment_status = 'OVERPAID'
        AND NOT EXISTS (SELECT 1 FROM oms_orderexception x WHERE x.order_id = o.id AND x.kind = 'OVERPAID')""",
    ),
    Check(
        "card_receivable_equals_payments",
        "What the ledger says the card acquirer owes us for an order (2280) is what its cards were charged less what went back to them.",
        """SELECT o.id, o.number, COALESCE(p.net, 0) AS payments, COALESCE(j.balance, 0) AS ledger FROM oms_order o
        LEFT JOIN (SELECT c.order_id, sum(c.captured - c.refunded + COALESCE(m.moved, 0)) net FROM finance_payment c
                     LEFT JOIN (SELECT payment_id, sum(amount) AS moved FROM finance_refund WHERE state = 'DONE' AND moved_to_id IS NOT NULL GROUP BY 1) m
                            ON m.payment_id = c.id
                    WHERE c.method = 'CARD' GROUP BY 1) p ON p.order_id = o.id
        LEFT JOIN (SELECT e.order_number, sum(l.debit - l.credit) balance FROM finance_journalline l JOIN finance_journalentry e ON e.id = l.entry_id
                     JOIN finance_ledgeraccount a ON a.id = l.account_id WHERE a.code = '2280' AND e.order_number <> '' GROUP BY 1) j
               ON j.order_number = o.number
        WHERE NOT o.is_imported AND COALESCE(p.net, 0) <> COALESCE(j.balance, 0)""",
    ),
    Check(
        "order_accounts_equal_papers_and_money",
        "What an order still owes or is owed in the ledger (advances, gift cards it sold, customers, couriers) is its papers less its money.",
        """SELECT o.id, o.number, COALESCE(s.sold, 0) AS papers, o.captured_total - o.refunded_total AS money, COALESCE(j.balance, 0) AS ledger
        FROM oms_order o
        LEFT JOIN (SELECT e.order_number, sum(l.debit - l.credit) balance FROM finance_journalline l JOIN finance_journalentry e ON e.id = l.entry_id
                     JOIN finance_ledgeraccount a ON a.id = l.account_id
                    WHERE (a.code IN ('430', '204', '2281') OR a.code = '4305' AND e.document_kind IN ('gift_cards', 'gift_card_return'))
                      AND e.order_number <> '' GROUP BY 1) j
               ON j.order_number = o.number
        LEFT JOIN (SELECT order_id, sum(amount) sold FROM (
                SELECT order_id, CASE WHEN transaction = 'SALE' THEN total ELSE -total END AS amount FROM finance_fiscalreceipt WHERE kind = 'NORMAL'
                UNION ALL
                SELECT i.order_id, CASE WHEN i.kind = 'INVOICE' THEN i.total ELSE -i.total END FROM finance_invoice i JOIN oms_order x ON x.id = i.order_id
                  LEFT JOIN finance_invoice c ON c.id = i.credits_id
                 WHERE x.paper = 'SEF' AND NOT i.is_imported AND i.replaces_id IS NULL AND i.kind <> 'ADVANCE' AND c.kind IS DISTINCT FROM 'ADVANCE') y GROUP BY 1) s
               ON s.order_id = o.id
        WHERE NOT o.is_imported AND COALESCE(j.balance, 0) <> COALESCE(s.sold, 0) - (o.captured_total - o.refunded_total)""",
    ),
    Check(
        "vat_account_equals_papers",
        "The VAT that the ledger owes for an order (sales and advances) is the VAT on its papers.",
        """SELECT o.id, o.number, COALESCE(s.tax, 0) AS papers, COALESCE(j.balance, 0) AS ledger FROM oms_order o
        LEFT JOIN (SELECT e.order_number, sum(l.credit - l.debit) balance FROM finance_journalline l JOIN finance_journalentry e ON e.id = l.entry_id
                     JOIN finance_ledgeraccount a ON a.id = l.account_id
                    WHERE a.code IN ('4700', '4710', '4720', '4730', '4760', '4761') AND e.order_number <> '' GROUP BY 1) j ON j.order_number = o.number
        LEFT JOIN (SELECT order_id, sum(tax) tax FROM (
                SELECT f.order_id, CASE WHEN f.transaction = 'SALE' THEN (r ->> 'tax')::numeric ELSE -(r ->> 'tax')::numeric END AS tax
                  FROM finance_fiscalreceipt f CROSS JOIN jsonb_array_elements(f.tax_by_rate) r WHERE f.kind IN ('NORMAL', 'ADVANCE')
                UNION ALL
                SELECT i.order_id, CASE WHEN i.kind = 'CREDIT_NOTE' THEN -i.tax_total ELSE i.tax_total END
                  FROM finance_invoice i JOIN oms_order x ON x.id = i.order_id WHERE x.paper = 'SEF' AND NOT i.is_imported AND i.replaces_id IS NULL
                UNION ALL
                SELECT i.order_id, -(r ->> 'tax')::numeric FROM finance_invoice i JOIN oms_order x ON x.id = i.order_id
                 CROSS JOIN jsonb_array_elements(i.prepaid_by_rate) r WHERE x.paper = 'SEF' AND NOT i.is_imported AND i.replaces_id IS NULL) y GROUP BY 1) s
               ON s.order_id = o.id
        WHERE NOT o.is_imported AND COALESCE(j.balance, 0) <> COALESCE(s.tax, 0)""",
    ),
    Check(
        "cost_of_order_equals_its_moves",
        "What an order's goods cost in the ledger (501, lost ones 577) is what its units left with less what they came back with.",
        """SELECT o.id, o.number, COALESCE(m.cost, 0) AS moves, COALESCE(j.sold, 0) AS sold, COALESCE(j.lost, 0) AS lost FROM oms_order o
        LEFT JOIN (SELECT l.order_id, sum(CASE WHEN s.reason = 'DISPATCH' THEN s.value ELSE -s.value END) AS cost
                     FROM warehouse_stockmove s JOIN oms_orderline l ON l.id = s.order_line_id
                    WHERE s.reason = 'DISPATCH' AND s.to_bin_id IS NULL OR s.reason = 'RETURN' AND s.from_bin_id IS NULL GROUP BY 1) m ON m.order_id = o.id
        LEFT JOIN (SELECT e.order_number, sum(l.debit - l.credit) FILTER (WHERE a.code = '501') AS sold,
                          sum(l.debit - l.credit) FILTER (WHERE a.code = '577') AS lost
                     FROM finance_journalline l JOIN finance_journalentry e ON e.id = l.entry_id JOIN finance_ledgeraccount a ON a.id = l.account_id
                    WHERE a.code IN ('501', '577') AND e.order_number <> '' GROUP BY 1) j ON j.order_number = o.number
        -- Neither below zero: a unit is not lost and back on the shelf.
        WHERE NOT o.is_imported AND (COALESCE(m.cost, 0) <> COALESCE(j.sold, 0) + COALESCE(j.lost, 0) OR j.sold < 0 OR j.lost < 0)""",
    ),
    Check(
        "card_operation_settles",
        "No card is in doubt for more than a day: captures, refunds and voids are done, refused, or in the inbox.",
        """SELECT 'capture' AS what, c.id, p.order_id FROM finance_capture c JOIN finance_payment p ON p.id = c.payment_id
         WHERE c.state = 'PENDING' AND p.method = 'CARD' AND c.created_at < now() - interval '1 day'
        UNION ALL SELECT 'refund', r.id, p.order_id FROM finance_refund r JOIN finance_payment p ON p.id = r.payment_id
         WHERE r.state = 'PENDING' AND p.method = 'CARD' AND r.created_at < now() - interval '1 day'
        UNION ALL SELECT 'void', id, order_id FROM finance_payment
         WHERE state = 'AUTHORIZED' AND void_requested_at < now() - interval '1 day'""",
    ),
    # --- papers
    Check(
        "invoice_numbers_without_gaps",
        "The numbers of each series run from 1 without a gap.",
        "SELECT entity_id, kind, year, min(sequence), max(sequence), count(*) FROM finance_invoice GROUP BY 1, 2, 3 HAVING min(sequence) <> 1 OR max(sequence) <> count(*)",
    ),
    Check(
        "invoice_adds_up",
        "An invoice is the sum of its lines, and net, tax and rounding are its gross.",
        """SELECT i.id, i.number FROM finance_invoice i LEFT JOIN (SELECT invoice_id, sum(gross) g, sum(tax) t FROM finance_invoiceline GROUP BY 1) l
        ON l.invoice_id = i.id WHERE i.total <> i.net_total + i.tax_total + i.rounding OR i.total <> COALESCE(l.g, 0) OR i.tax_total <> COALESCE(l.t, 0)""",
    ),
    Check(
        "units_invoiced_once",
        "No unit and no amount of a line is on two live invoices, and no more is credited than was invoiced.",
        """SELECT l.order_line_id, o.quantity, o.total, sum(l.quantity) FILTER (WHERE i.kind = 'INVOICE') AS units,
               sum(l.gross) FILTER (WHERE i.kind = 'INVOICE') AS invoiced, sum(l.gross) FILTER (WHERE i.kind <> 'INVOICE') AS credited
        FROM finance_invoiceline l JOIN finance_invoice i ON i.id = l.invoice_id JOIN oms_orderline o ON o.id = l.order_line_id
        LEFT JOIN finance_invoice c ON c.id = i.credits_id
        WHERE i.kind <> 'ADVANCE' AND c.kind IS DISTINCT FROM 'ADVANCE' AND NOT i.is_imported AND i.replaces_id IS NULL GROUP BY l.order_line_id, o.quantity, o.kind, o.total
        -- A delivery fee stands on a line for each VAT rate, so only goods are counted by units.
        HAVING o.kind = 'GOODS' AND sum(CASE WHEN i.kind = 'INVOICE' THEN l.quantity ELSE 0 END) > o.quantity
            OR o.kind = 'GOODS' AND sum(CASE WHEN i.kind = 'INVOICE' THEN l.quantity ELSE -l.quantity END) < 0
            OR sum(CASE WHEN i.kind = 'INVOICE' THEN l.gross ELSE 0 END) > o.total
            OR sum(CASE WHEN i.kind = 'INVOICE' THEN l.gross ELSE -l.gross END) < 0""",
    ),
    Check(
        "dispatched_shipment_has_paper",
        "Goods that left carry their fiscal receipt or invoice.",
        """SELECT s.id, s.number FROM warehouse_shipment s WHERE s.status IN ('DISPATCHED', 'DELIVERED')
        AND NOT EXISTS (SELECT 1 FROM finance_fiscalreceipt f WHERE f.shipment_id = s.id)
        AND NOT EXISTS (SELECT 1 FROM finance_invoice i WHERE i.shipment_id = s.id)""",
    ),
    Check(
        "fiscal_refunds_within_sales",
        "Per order, fiscal refunds never exceed fiscal sales of the same kind.",
        """SELECT order_id, kind FROM finance_fiscalreceipt WHERE kind <> 'COPY' AND state <> 'FAILED' GROUP BY 1, 2
        HAVING sum(CASE WHEN transaction = 'SALE' THEN total ELSE -total END) < 0""",
    ),
    Check(
        "fiscal_receipt_adds_up",
        "A receipt is the sum of its items, of its rates and of its payments.",
        """SELECT f.id, f.cause_key, f.total FROM finance_fiscalreceipt f
        WHERE f.total <> (SELECT COALESCE(sum((i ->> 'total')::numeric), 0) FROM jsonb_array_elements(f.items) i)
           OR f.total <> (SELECT COALESCE(sum((p ->> 'amount')::numeric), 0) FROM jsonb_array_elements(f.payments) p)
           OR f.total <> (SELECT COALESCE(sum((r ->> 'gross')::numeric), 0) FROM jsonb_array_elements(f.tax_by_rate) r)""",
    ),
    Check(
        "fiscal_receipt_is_signed",
        "Every receipt was signed within a day, or a person knows why not.",
        """SELECT f.id, f.cause_key, f.state FROM finance_fiscalreceipt f
        WHERE f.state <> 'SIGNED' AND f.issued_at < now() - interval '1 day'
          AND NOT EXISTS (SELECT 1 FROM oms_orderexception x WHERE x.order_id = f.order_id AND x.kind = 'PAPER_FAILED' AND x.state = 'OPEN')""",
    ),
    Check(
        "document_counter_follows_numbers",
        "The next number of a series is one above the last that was given.",
        """SELECT c.id, c.kind, c.year, c.next_number, i.last FROM finance_documentcounter c
        JOIN (SELECT entity_id, kind, year, max(sequence) AS last FROM finance_invoice WHERE NOT is_imported GROUP BY 1, 2, 3) i
          ON i.entity_id = c.entity_id AND i.kind = c.kind AND i.year = c.year
        WHERE c.next_number <> i.last + 1""",
    ),
    # --- electronic invoices
    Check(
        "sef_paper_has_its_way",
        "Every paper for a buyer who is at SEF has its one row on the way there.",
        """SELECT i.id, i.number FROM finance_invoice i JOIN oms_order o ON o.id = i.order_id LEFT JOIN finance_einvoice e ON e.invoice_id = i.id
        WHERE o.paper = 'SEF' AND NOT i.is_imported AND e.id IS NULL""",
    ),
    Check(
        "einvoice_moves_on",
        "No document waits for SEF for more than a day unless a person knows.",
        """SELECT e.id, i.number, e.state FROM finance_einvoice e JOIN finance_invoice i ON i.id = e.invoice_id
        WHERE (e.state = 'QUEUED' AND e.created_at < now() - interval '1 day' OR e.state = 'SENDING' AND e.stored_at < now() - interval '1 day'
               OR e.withdrawal <> '' AND COALESCE(e.next_attempt_at, e.created_at) < now() - interval '1 day')
          AND NOT EXISTS (SELECT 1 FROM oms_orderexception x WHERE x.kind = 'PAPER_FAILED' AND x.cause_key = 'einvoice:' || e.id AND x.state = 'OPEN')""",
    ),
    Check(
        "einvoice_state_follows_history",
        "Where a document stands is what its history says last.",
        """SELECT e.id, e.state, h.state AS last FROM finance_einvoice e
        LEFT JOIN LATERAL (SELECT v.state FROM finance_einvoiceevent v WHERE v.einvoice_id = e.id ORDER BY v.id DESC LIMIT 1) h ON true
        WHERE e.state IS DISTINCT FROM h.state""",
    ),
    Check(
        "replaced_paper_is_withdrawn",
        "A paper that another one replaces is no longer valid at SEF, and both say the same amounts.",
        """SELECT o.id, o.number, e.state, n.number AS successor FROM finance_invoice n JOIN finance_invoice o ON o.id = n.replaces_id
        LEFT JOIN finance_einvoice e ON e.invoice_id = o.id
        WHERE e.state IS NULL OR e.state NOT IN ('CANCELED', 'STORNO')
           OR (n.kind, n.total, n.tax_total, n.entry_id) IS DISTINCT FROM (o.kind, o.total, o.tax_total, o.entry_id)""",
    ),
    # --- trace and events
    Check(
        "order_has_audit_row",
        "Every order written here left its audit row.",
        """SELECT o.id, o.number FROM oms_order o WHERE NOT o.is_imported AND NOT EXISTS (
            SELECT 1 FROM audit_logentry a JOIN django_content_type t ON t.id = a.content_type_id
             WHERE t.app_label = 'oms' AND t.model = 'order' AND a.object_id = o.id AND a.action = 0)""",
    ),
    Check(
        "outbox_drains",
        "Every event was handled within ten minutes of being due, or is set aside with its reason.",
        """SELECT id, topic, pending FROM kernel_outboxevent WHERE pending <> '{}' AND dead_reason = ''
        AND COALESCE(next_attempt_at, created_at) < now() - interval '10 minutes'""",
    ),
    Check(
        "no_dead_event",
        "No event waits for a person.",
        "SELECT id, topic, dead_reason FROM kernel_outboxevent WHERE dead_reason <> ''",
    ),
    Check(
        "event_numbers_without_gaps",
        "The events of one subject are numbered from 1 without a gap.",
        "SELECT subject_kind, subject_key, count(*), max(sequence) FROM kernel_outboxevent GROUP BY 1, 2 HAVING max(sequence) <> count(*) OR min(sequence) <> 1",
    ),
    Check(
        "idempotency_key_not_stuck",
        "No key is in progress long after its lease.",
        "SELECT id, caller, key FROM kernel_idempotencykey WHERE state = 'STARTED' AND leased_until < now() - interval '1 day'",
    ),
    Check(
        "payment_event_processed",
        "Every provider message was processed.",
        "SELECT id, provider, event_id FROM finance_paymentevent WHERE processed_at IS NULL AND received_at < now() - interval '10 minutes'",
    ),
    Check(
        "no_writer_open_for_long",
        "No transaction is open for more than a minute: it would hold up the feed and the seal.",
        """SELECT pid, application_name, now() - xact_start AS age FROM pg_stat_activity
        WHERE datname = current_database() AND backend_xid IS NOT NULL AND xact_start < now() - interval '1 minute' AND pid <> pg_backend_pid()""",
    ),
    Check(
        "loyalty_points_match_entries",
        "A member's points are the sum of the entries.",
        """SELECT a.id, a.points, COALESCE(sum(e.points), 0) AS entries FROM crm_loyaltyaccount a LEFT JOIN crm_loyaltyentry e ON e.account_id = a.id
        GROUP BY a.id HAVING a.points <> COALESCE(sum(e.points), 0)""",
    ),
    Check(
        "points_owed_match_ledger",
        "Account 495 of each company is the value of the points that members still have.",
        """SELECT COALESCE(p.entity_id, l.entity_id) AS entity_id, COALESCE(p.value, 0) AS points, COALESCE(l.value, 0) AS ledger
        FROM (SELECT entity_id, sum(value) AS value FROM crm_loyaltyentry WHERE entity_id IS NOT NULL GROUP BY 1) p
        FULL JOIN (SELECT j.entity_id, sum(x.credit - x.debit) AS value FROM finance_journalline x JOIN finance_journalentry j ON j.id = x.entry_id
                     JOIN finance_ledgeraccount c ON c.id = x.account_id WHERE c.code = '495' GROUP BY 1) l ON l.entity_id = p.entity_id
        WHERE COALESCE(p.value, 0) <> COALESCE(l.value, 0)""",
    ),
    Check(
        "tier_follows_spending",
        "A member stands in the tier that the spending of the window gives; the window moves once a night.",
        """SELECT a.id, a.tier_id, newest.id AS by_rule FROM crm_loyaltyaccount a
        JOIN crm_loyaltyprogram g ON g.valid_to IS NULL AND g.valid_from <= now(),
        LATERAL (SELECT COALESCE(sum(o.captured_total - o.refunded_total) FILTER (WHERE o.placed_at >= current_date - make_interval(months => g.window_months)), 0) AS spent,
                        COALESCE(sum(o.captured_total - o.refunded_total), 0) AS spent_yesterday FROM oms_order o
                  WHERE o.customer_id = a.customer_id AND o.currency = g.currency
                    AND o.placed_at >= current_date - make_interval(months => g.window_months) - interval '2 days') s,
        LATERAL (SELECT t.id FROM crm_tier t WHERE t.spend_from <= s.spent OR t.spend_from = (SELECT min(spend_from) FROM crm_tier)
                  ORDER BY t.spend_from DESC, t.rank DESC LIMIT 1) newest,
        LATERAL (SELECT t.id FROM crm_tier t WHERE t.spend_from <= s.spent_yesterday OR t.spend_from = (SELECT min(spend_from) FROM crm_tier)
                  ORDER BY t.spend_from DESC, t.rank DESC LIMIT 1) older
        WHERE a.tier_id NOT IN (newest.id, older.id)
          AND NOT EXISTS (SELECT 1 FROM kernel_outboxevent e JOIN oms_order o ON o.number = e.subject_key
                           WHERE e.subject_kind = 'order' AND e.pending <> '{}' AND o.customer_id = a.customer_id)""",
    ),
    Check(
        "shipment_of_its_order",
        "A shipment carries only units of its own order, from its own location.",
        """SELECT r.id, s.number FROM warehouse_reservation r JOIN warehouse_shipment s ON s.id = r.shipment_id JOIN oms_orderline l ON l.id = r.order_line_id
        WHERE r.state <> 'RELEASED' AND (l.order_id <> s.order_id OR r.location_id <> s.location_id)""",
    ),
    # --- one number
    Check(
        "campaign_report_equals_ledger",
        "What a campaign sold, took back, cost and gave away is the same by its papers and by the journal lines of its order lines.",
        DISAGREEING,
    ),
    *OFFER_CHECKS,
    *DIGITAL_CHECKS,
    *SUPPLY_CHECKS,
    *PICTURE_CHECKS,
    *GIFT_CARD_CHECKS,
    *TRANSFER_CHECKS,
    *EXCHANGE_CHECKS,
)
