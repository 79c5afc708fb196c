"""The SQL of one batch of past orders, in the order in which it runs.

`incoming.step` says what a line still waits for: 0 nothing, it is known; 1 to be a line of its order; 2 to be matched as a credit.
A matched credit leaves with `is_returned`; one that matches nothing becomes a line of an order of its own in step 2.
"""

SALE, CREDIT = 1, 2
# Imports run one batch at a time over the whole house: two of them would fight for the same orders.
LOCK = "SELECT pg_advisory_xact_lock(hashtext('oms.order_import'))"

PLAIN = (
    "line",
    "reference",
    "number",
    "position",
    "kind",
    "sku",
    "title",
    "quantity",
    "unit_price",
    "total",
    "ordered_at",
    "country",
)
_COPIED = (*PLAIN, "step", "customer_id", "customer_name", "variant_id", "token")
COPY = f"COPY incoming ({', '.join(_COPIED)}) FROM STDIN"

SETUP = """
    DROP TABLE IF EXISTS incoming, incoming_match;
    CREATE TEMP TABLE incoming (
        line int, reference text, number text, position smallint, kind text, sku text, title text, quantity int,
        unit_price numeric(12,2), total numeric(12,2), ordered_at timestamptz, country text, step smallint,
        customer_id bigint, customer_name text, variant_id bigint, token text,
        order_id bigint, was_known bool NOT NULL DEFAULT false, is_returned bool NOT NULL DEFAULT false
    ) ON COMMIT DROP
"""

# An empty reference is never looked for; saying so lets the partial index answer.
RESOLVE = """
    ANALYZE incoming;
    UPDATE incoming i SET order_id = o.id, was_known = true
      FROM oms_order o WHERE o.external_ref = i.reference AND o.external_ref <> '';
    UPDATE incoming i SET step = 0
      FROM oms_orderline l WHERE i.was_known AND l.order_id = i.order_id AND l.position = i.position;
    UPDATE incoming i SET step = 0, is_returned = true
      FROM oms_return r WHERE i.step = 2 AND r.number = i.number || '-' || i.position
"""

REFUSE_TAKEN = """
    WITH refused AS (
        DELETE FROM incoming i USING oms_order o
         WHERE o.number = i.number AND o.external_ref <> i.reference RETURNING i.line, i.number)
    SELECT line, number FROM refused
"""
REFUSE_DIFFERING = """
    WITH differing AS (
        SELECT i.line FROM incoming i JOIN oms_orderline l ON l.order_id = i.order_id AND l.position = i.position
         WHERE i.step = 0 AND NOT i.is_returned AND (l.sku, l.quantity, l.unit_price, l.total) <> (i.sku, i.quantity, i.unit_price, i.total)
        UNION ALL
        SELECT i.line FROM incoming i JOIN oms_return r ON r.number = i.number || '-' || i.position
          JOIN oms_returnline b ON b.parent_id = r.id JOIN oms_orderline l ON l.id = b.order_line_id
         WHERE i.is_returned AND (l.sku, -b.quantity, -b.refund_amount) <> (i.sku, i.quantity, i.total)
    ), refused AS (
        DELETE FROM incoming i USING differing d WHERE d.line = i.line RETURNING i.line, i.number)
    SELECT line, number FROM refused
"""
COUNT_KNOWN = "SELECT count(*) FROM incoming WHERE step = 0"


def _money(total: str, refunded: str) -> str:
    """due, captured, refunded and payment state of a settled order; what was taken back never exceeds what was taken in."""
    return f"""GREATEST({total} - {refunded}, 0), GREATEST({total}, 0), LEAST({refunded}, GREATEST({total}, 0)),
               CASE WHEN {total} < 0 THEN 'REFUNDED' WHEN {total} = 0 THEN 'NONE' WHEN {refunded} = 0 THEN 'PAID'
                    WHEN {refunded} >= {total} THEN 'REFUNDED' ELSE 'PARTLY_REFUNDED' END"""


_SUMS = """
    coalesce(sum(total) FILTER (WHERE kind <> 'DELIVERY'), 0) goods, coalesce(sum(total) FILTER (WHERE kind = 'DELIVERY'), 0) delivery,
    sum(total) total, bool_and(quantity < 0) is_back"""

INSERT_ORDERS = f"""
    WITH heads AS MATERIALIZED (
        SELECT reference, min(number) number, min(ordered_at) placed_at, max(token) token, (array_agg(customer_id ORDER BY position))[1] customer_id,
               (array_agg(customer_name ORDER BY position))[1] customer_name, (array_agg(country ORDER BY position))[1] country, {_SUMS}
          FROM incoming WHERE step = %(step)s AND order_id IS NULL GROUP BY reference
    ), made AS (
        INSERT INTO oms_order (number, token, channel_id, entity_id, customer_id, status, fulfillment_status, currency, language, name,
            country, delivery_method, payment_method, paper, goods_total, delivery_total, total, due_total, captured_total, refunded_total,
            payment_status, authorized_total, placed_at, completed_at, updated_at, version, external_ref, is_imported, promise,
            email, phone, street, city, postal_code, company_name, company_pib, company_registration_number, note, hold_reason,
            cancel_reason, idempotency_caller, idempotency_key)
        SELECT h.number, CASE WHEN h.token = '' THEN replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '') ELSE h.token END,
               %(channel)s, %(entity)s, h.customer_id, 'COMPLETED', CASE WHEN h.is_back THEN 'RETURNED' ELSE 'DELIVERED' END,
               %(currency)s, %(language)s, h.customer_name, h.country, %(delivery_method)s, %(payment_method)s, 'FISCAL',
               h.goods, h.delivery, h.total, {_money("h.total", "0")}, 0, h.placed_at, h.placed_at, %(now)s, 1, h.reference, true, '{{}}',
               '', '', '', '', '', '', '', '', '', '', '', '', ''
          FROM heads h ORDER BY h.placed_at, h.number
        RETURNING id, external_ref)
    UPDATE incoming i SET order_id = m.id FROM made m WHERE i.reference = m.external_ref
"""  # noqa: S608 - our own expressions
COUNT_NEW_ORDERS = "SELECT count(DISTINCT order_id) FROM incoming WHERE step = %(step)s AND NOT was_known AND order_id IS NOT NULL"

INSERT_LINES = """
    INSERT INTO oms_orderline (order_id, customer_id, position, kind, variant_id, sku, title, quantity, unit_price, total, tax_class, tax_rate,
        weight_grams, quantity_canceled, quantity_dispatched, quantity_returned, explanation, ordered_at, is_imported)
    SELECT i.order_id, o.customer_id, i.position, i.kind, i.variant_id, i.sku, i.title, i.quantity, i.unit_price, i.total, %(tax_class)s,
           %(tax_rate)s, 0, 0, GREATEST(i.quantity, 0), 0, '[]', i.ordered_at, true
      FROM incoming i JOIN oms_order o ON o.id = i.order_id WHERE i.step = %(step)s ORDER BY i.line
"""

GROW_ORDERS = f"""
    UPDATE oms_order o
       SET goods_total = o.goods_total + s.goods, delivery_total = o.delivery_total + s.delivery, total = o.total + s.total,
           (due_total, captured_total, refunded_total, payment_status) = ROW({_money("(o.total + s.total)", "o.refunded_total")})
      FROM (SELECT order_id, {_SUMS} FROM incoming WHERE step = %(step)s AND was_known GROUP BY order_id) s
     WHERE o.id = s.order_id
"""  # noqa: S608 - our own expressions

CREDITS = """
    SELECT line, customer_id, sku, unit_price, -quantity, ordered_at FROM incoming
     WHERE step = 2 AND customer_id IS NOT NULL ORDER BY line
"""
SALES_OF_CREDITS = """
    SELECT l.id, l.order_id, o.customer_id, l.sku, l.unit_price, l.quantity - l.quantity_returned, l.ordered_at
      FROM (SELECT DISTINCT customer_id FROM incoming WHERE step = 2 AND customer_id IS NOT NULL) c
      JOIN oms_order o ON o.customer_id = c.customer_id AND o.is_imported
      JOIN oms_orderline l ON l.order_id = o.id
     WHERE l.quantity > l.quantity_returned
       AND (o.customer_id, l.sku, l.unit_price) IN (SELECT customer_id, sku, unit_price FROM incoming WHERE step = 2)
"""

SETUP_MATCHES = """
    CREATE TEMP TABLE incoming_match ON COMMIT DROP AS
    SELECT m.line, m.order_line_id, m.order_id, m.quantity, i.number || '-' || i.position AS number, -i.total AS amount, i.ordered_at
      FROM unnest(%s::int[], %s::bigint[], %s::bigint[], %s::int[]) m(line, order_line_id, order_id, quantity)
      JOIN incoming i ON i.line = m.line
"""
TAKE_BACK = (
    """INSERT INTO oms_return (number, order_id, status, shipment_number, buyer_id_kind, buyer_id_encrypted, bank_account_encrypted, refund_total,
           reject_reason, requested_at, received_at, refunded_at)
       SELECT number, order_id, 'REFUNDED', '', '', '', '', amount, '', ordered_at, ordered_at, ordered_at FROM incoming_match ORDER BY line""",
    """INSERT INTO oms_returnline (parent_id, order_line_id, quantity, quantity_received, reason, disposition, refund_amount)
       SELECT r.id, m.order_line_id, m.quantity, m.quantity, 'IMPORTED', '', m.amount
         FROM incoming_match m JOIN oms_return r ON r.number = m.number ORDER BY m.line""",
    """UPDATE oms_orderline l SET quantity_returned = l.quantity_returned + s.quantity
         FROM (SELECT order_line_id, sum(quantity) quantity FROM incoming_match GROUP BY 1) s WHERE l.id = s.order_line_id""",
    f"""UPDATE oms_order o
           SET (due_total, captured_total, refunded_total, payment_status) = ROW({_money("o.total", "(o.refunded_total + s.amount)")})
          FROM (SELECT order_id, sum(amount) amount FROM incoming_match GROUP BY 1) s WHERE o.id = s.order_id""",  # noqa: S608 - our own expressions
    "UPDATE incoming i SET step = 0, is_returned = true, order_id = NULL FROM incoming_match m WHERE m.line = i.line",
)

# What the rows hold of this batch: lines as they are, returns with their sign turned.
STORED = """
    SELECT count(*)::int, coalesce(sum(total), 0) FROM (
        SELECT l.total FROM incoming i JOIN oms_orderline l ON l.order_id = i.order_id AND l.position = i.position WHERE NOT i.is_returned
        UNION ALL
        SELECT -b.refund_amount FROM incoming i JOIN oms_return r ON r.number = i.number || '-' || i.position
          JOIN oms_returnline b ON b.parent_id = r.id WHERE i.is_returned) stored
"""
