"""Invariants of exchanges: no money stays between two orders, and what pays is what came."""

from retail.doctor.check import Check

EXCHANGE_CHECKS: tuple[Check, ...] = (
    Check(
        "exchange_account_is_empty",
        "Account 4306 owes nothing: what leaves one order of an exchange has come to the other.",
        """SELECT x.source_key AS payment, sum(x.credit - x.debit) AS between_orders FROM finance_journalline x
        JOIN finance_ledgeraccount c ON c.id = x.account_id WHERE c.code = '4306' GROUP BY 1 HAVING sum(x.credit - x.debit) <> 0""",
    ),
    Check(
        "exchange_payment_is_what_was_moved",
        "What an exchange paid of an order, less what went home, is what left the order whose goods came back.",
        """SELECT p.id, p.captured - COALESCE(h.home, 0) AS paid, COALESCE(m.moved, 0) AS moved FROM finance_payment p
        LEFT JOIN (SELECT moved_to_id, sum(amount) AS moved FROM finance_refund WHERE state = 'DONE' AND moved_to_id IS NOT NULL GROUP BY 1) m
               ON m.moved_to_id = p.id
        LEFT JOIN (SELECT payment_id, sum(amount) AS home FROM finance_refund WHERE state = 'DONE' AND moved_to_id IS NULL GROUP BY 1) h
               ON h.payment_id = p.id
        WHERE (p.method = 'EXCHANGE' OR m.moved IS NOT NULL)
          AND (p.method <> 'EXCHANGE' OR p.captured - COALESCE(h.home, 0) <> COALESCE(m.moved, 0))""",
    ),
    Check(
        "exchange_pays_no_more_than_agreed",
        "An exchange pays of its new order at most what was agreed, and only when its goods are here.",
        """SELECT e.id, e.state, e.credit, sum(p.captured) AS paid FROM oms_exchange e JOIN oms_return r ON r.id = e.returned_id
        JOIN finance_payment p ON p.order_id = e.order_id AND p.method = 'EXCHANGE'
        GROUP BY e.id, r.status HAVING sum(p.captured) > e.credit OR (sum(p.captured) > 0 AND (e.state <> 'PAID' OR r.status NOT IN ('RECEIVED', 'REFUNDED')))""",
    ),
)
