"""One wrong write for each invariant: what it does, which row it spoils, and whether the database alone would have kept it out.

`%(name)s` is the id of that order of the story; `also` names checks that must notice the same write; `rows` is how many rows
the check shows for it (a kit has one for each component).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Corruption:
    """`row` selects what the check's first row must show, column by column."""

    sql: str
    row: str
    table: str
    is_refused: bool = False
    also: frozenset[str] = frozenset()
    rows: int = 1


def _copy(table: str, of: str, **changes: str) -> str:
    """A new row like another one, with some columns changed."""
    values = ", ".join(f"'{name}', {value}" for name, value in changes.items())
    return (
        f"INSERT INTO {table} SELECT (jsonb_populate_record(NULL::{table}, to_jsonb(t) || jsonb_build_object({values}))).* "
        f"FROM {table} t WHERE {of}"
    )


def _line(order: str) -> str:
    return f"(SELECT id FROM oms_orderline WHERE order_id = %({order})s AND kind = 'GOODS')"


def _claim(order: str) -> str:
    return f"(SELECT min(id) FROM warehouse_reservation WHERE order_line_id = {_line(order)})"


def _item(order: str) -> str:
    return f"(SELECT stock_item_id FROM warehouse_reservation WHERE id = {_claim(order)})"


def _payment(order: str) -> str:
    return f"(SELECT id FROM finance_payment WHERE order_id = %({order})s)"


def _receipt(order: str) -> str:
    return (
        f"(SELECT id FROM finance_fiscalreceipt WHERE order_id = %({order})s AND kind = 'NORMAL' "
        "AND transaction = 'SALE')"
    )


def _number(order: str) -> str:
    return f"(SELECT number FROM oms_order WHERE id = %({order})s)"


def _journal_line(order: str, account: str) -> str:
    return (
        "(SELECT min(l.id) FROM finance_journalline l JOIN finance_journalentry e ON e.id = l.entry_id "
        "JOIN finance_ledgeraccount a ON a.id = l.account_id "
        f"WHERE e.order_number = {_number(order)} AND a.code = '{account}')"
    )


_HELD = "(SELECT min(id) FROM warehouse_reservation WHERE basket_line_id IS NOT NULL AND state = 'HELD')"
_INVOICE = "(SELECT max(id) FROM finance_invoice WHERE order_id = %(company)s)"
_SEF_INVOICE = "(SELECT max(id) FROM finance_invoice WHERE order_id = %(sef)s)"
_VALUE = f"(SELECT min(v.id) FROM finance_stockvalue v WHERE v.variant_id = (SELECT variant_id FROM warehouse_stockitem WHERE id = {_item('waiting')}))"
_LAST_EVENT = f"(SELECT max(id) FROM kernel_outboxevent WHERE subject_key = {_number('waiting')})"
_FIRST_EVENT = f"(SELECT min(id) FROM kernel_outboxevent WHERE subject_key = {_number('sold')})"
_DISPATCH_MOVE = (
    f"(SELECT min(id) FROM warehouse_stockmove WHERE reason = 'DISPATCH' AND order_line_id = {_line('sold')})"
)

_SENT_LINE = "(SELECT l.id FROM warehouse_transferline l JOIN warehouse_transfer t ON t.id = l.transfer_id WHERE t.status = 'SHIPPED' AND t.order_id IS NULL)"
_ASKED_LINE = "(SELECT l.id FROM warehouse_transferline l JOIN warehouse_transfer t ON t.id = l.transfer_id WHERE t.status = 'REQUESTED')"
_IN_TRANSIT = "(SELECT s.id FROM warehouse_stockitem s JOIN warehouse_bin b ON b.id = s.bin_id AND b.kind = 'TRANSIT' WHERE s.reserved = 0)"
_TRAVELLING_LINE = f"(SELECT transfer_line_id FROM warehouse_reservation WHERE id = {_claim('to_store')})"

_COMING_CLAIM = f"(SELECT id FROM warehouse_supplyclaim WHERE order_line_id = {_line('ahead')})"
_COMING_LINE = f"(SELECT purchase_order_line_id FROM warehouse_supplyclaim WHERE id = {_COMING_CLAIM})"

_SEGMENT = (
    "INSERT INTO crm_segment (slug, name, description, definition, version, state, created_at, updated_at) "
    "VALUES ('spoiled', 'Spoiled', '', '{words}', 1, '{state}', now(), now())"
)
_OF_SEGMENT = "SELECT id, slug FROM crm_segment WHERE slug = 'spoiled'"

# The one that paid, and has nothing left.
_FILE = "(SELECT id FROM oms_orderline WHERE kind = 'DIGITAL')"
_CARD = "(SELECT card_id FROM crm_giftcardentry WHERE reason = 'SPENT')"

CORRUPTIONS: dict[str, Corruption] = {
    # --- on the way to a store
    "claim_travels_with_its_transfer": Corruption(
        f"UPDATE warehouse_reservation SET state = 'ALLOCATED' WHERE id = {_claim('to_store')}",
        f"SELECT {_claim('to_store')} AS id, 'SHIPPED' AS status",
        "warehouse_reservation",
    ),
    "travelling_claims_are_under_way": Corruption(
        f"UPDATE warehouse_transferline SET quantity_good = 1 WHERE id = {_TRAVELLING_LINE}",
        f"SELECT {_TRAVELLING_LINE} AS id, 0 AS under_way",
        "warehouse_transferline",
        also=frozenset({"units_in_transit_are_on_a_transfer", "transfer_units_match_moves"}),
    ),
    "ordered_units_go_to_their_store": Corruption(
        "UPDATE oms_order SET pickup_location_id = (SELECT id FROM kernel_location WHERE code = 'WH-1') WHERE id = %(to_store)s",
        "SELECT id FROM warehouse_transfer WHERE order_id = %(to_store)s",
        "oms_order",
    ),
    # --- ordered ahead of a delivery
    "supply_claimed_matches_claims": Corruption(
        f"UPDATE warehouse_purchaseorderline SET quantity_claimed = 3 WHERE id = {_COMING_LINE}",
        f"SELECT {_COMING_LINE} AS id, 3 AS quantity_claimed, 2 AS claims",
        "warehouse_purchaseorderline",
    ),
    "supply_claims_only_what_comes": Corruption(
        f"UPDATE warehouse_purchaseorder SET status = 'RECEIVED' WHERE id = (SELECT order_id FROM warehouse_purchaseorderline WHERE id = {_COMING_LINE})",
        f"SELECT {_COMING_CLAIM} AS id, 'RECEIVED' AS status",
        "warehouse_purchaseorder",
    ),
    "order_that_waits_has_claims": Corruption(
        "UPDATE oms_order SET is_awaiting_supply = false WHERE id = %(ahead)s",
        "SELECT %(ahead)s AS id, 2 AS claims",
        "oms_order",
    ),
    # --- segments
    "segment_in_use_is_readable": Corruption(
        f"WITH made AS ({_SEGMENT.format(words='gone_with_its_room = 1', state='ACTIVE')} RETURNING *) "
        "INSERT INTO crm_segmentversion (segment_id, version, definition, created_at) SELECT id, version, definition, now() FROM made",
        _OF_SEGMENT,
        "crm_segment",
    ),
    "segment_is_its_newest_version": Corruption(
        _SEGMENT.format(words="company", state="ACTIVE"), _OF_SEGMENT, "crm_segment"
    ),
    "order_line_knows_its_customer": Corruption(
        f"UPDATE oms_orderline SET customer_id = NULL WHERE id = {_line('sold')}",
        f"SELECT {_line('sold')} AS id",
        "oms_orderline",
    ),
    "credit_knows_popularity": Corruption(
        "WITH who AS (INSERT INTO storefront_contributor (slug, name, sort_name) VALUES ('planted', 'Planted', 'Planted') RETURNING id) "
        "INSERT INTO storefront_contribution (product_id, contributor_id, role, position, popularity) "
        "SELECT p.id, who.id, 'AUTHOR', 0, p.popularity + 1 FROM storefront_product p, who ORDER BY p.id LIMIT 1",
        "SELECT max(id) AS id FROM storefront_contribution",
        "storefront_contribution",
    ),
    # --- goods
    "stock_not_oversold": Corruption(
        f"UPDATE warehouse_stockitem SET reserved = on_hand + 1 WHERE id = {_item('waiting')}",
        f"SELECT {_item('waiting')} AS id",
        "warehouse_stockitem",
        is_refused=True,
        also=frozenset({"stock_reserved_matches_claims"}),
    ),
    "stock_reserved_matches_claims": Corruption(
        f"UPDATE warehouse_stockitem SET reserved = reserved - 1 WHERE id = {_item('waiting')}",
        f"SELECT {_item('waiting')} AS id",
        "warehouse_stockitem",
    ),
    "stock_on_hand_matches_moves": Corruption(
        f"UPDATE warehouse_stockitem SET on_hand = on_hand + 1 WHERE id = {_item('waiting')}",
        f"SELECT variant_id FROM warehouse_stockitem WHERE id = {_item('waiting')}",
        "warehouse_stockitem",
        also=frozenset({"stock_value_matches_units"}),
    ),
    "stock_item_follows_its_bin": Corruption(
        f"UPDATE warehouse_stockitem SET is_sellable = false WHERE id = {_item('waiting')}",
        f"SELECT {_item('waiting')} AS id",
        "warehouse_stockitem",
        is_refused=True,
    ),
    "claim_stands_at_its_item": Corruption(
        f"UPDATE warehouse_reservation SET location_id = (SELECT id FROM kernel_location WHERE code = 'S-001') WHERE id = {_claim('waiting')}",
        f"SELECT {_claim('waiting')} AS id",
        "warehouse_reservation",
    ),
    "edge_move_has_entry": Corruption(
        f"UPDATE warehouse_stockmove SET entry_id = NULL WHERE id = {_DISPATCH_MOVE}",
        f"SELECT {_DISPATCH_MOVE} AS id",
        "warehouse_stockmove",
        is_refused=True,
    ),
    "stock_value_matches_units": Corruption(
        f"UPDATE finance_stockvalue SET quantity = quantity + 1 WHERE id = {_VALUE}",
        f"SELECT quantity AS valued FROM finance_stockvalue WHERE id = {_VALUE}",
        "finance_stockvalue",
    ),
    "inventory_account_equals_stock_value": Corruption(
        f"UPDATE finance_stockvalue SET value = value + 1 WHERE id = {_VALUE}",
        "SELECT id FROM kernel_legalentity",
        "finance_stockvalue",
    ),
    "units_in_transit_are_on_a_transfer": Corruption(
        f"UPDATE warehouse_stockitem SET on_hand = on_hand - 1 WHERE id = {_IN_TRANSIT}",
        f"SELECT {_IN_TRANSIT} AS id",
        "warehouse_stockitem",
        also=frozenset({"stock_on_hand_matches_moves", "stock_value_matches_units"}),
    ),
    "transfer_units_match_moves": Corruption(
        f"UPDATE warehouse_transferline SET quantity_good = 1 WHERE id = {_SENT_LINE}",
        f"SELECT {_SENT_LINE} AS id",
        "warehouse_transferline",
        also=frozenset({"units_in_transit_are_on_a_transfer"}),
    ),
    "transfer_claims_only_what_it_asks": Corruption(
        f"UPDATE warehouse_transferline SET quantity = 1 WHERE id = {_ASKED_LINE}",
        f"SELECT {_ASKED_LINE} AS id",
        "warehouse_transferline",
    ),
    # --- claims and orders
    "no_claim_on_a_closed_order": Corruption(
        "UPDATE oms_order SET status = 'CANCELED' WHERE id = %(waiting)s",
        f"SELECT {_claim('waiting')} AS id",
        "oms_order",
    ),
    "open_order_line_is_claimed": Corruption(
        f"UPDATE oms_orderline SET quantity_canceled = 1 WHERE id = {_line('waiting')}",
        f"SELECT {_line('waiting')} AS id",
        "oms_orderline",
    ),
    "open_kit_line_is_claimed": Corruption(
        f"UPDATE oms_orderline SET quantity_canceled = 1 WHERE id = {_line('kits')}",
        f"SELECT {_line('kits')} AS id",
        "oms_orderline",
    ),
    "dispatched_units_match_claims": Corruption(
        f"UPDATE oms_orderline SET quantity_dispatched = 2 WHERE id = {_line('sold')}",
        f"SELECT {_line('sold')} AS id",
        "oms_orderline",
    ),
    "dispatched_kits_match_claims": Corruption(
        f"UPDATE oms_orderline SET quantity_dispatched = 0 WHERE id = {_line('kit_sold')}",
        f"SELECT {_line('kit_sold')} AS id",
        "oms_orderline",
        rows=2,
    ),
    "dispatched_units_left_the_house": Corruption(
        f"UPDATE warehouse_stockmove SET order_line_id = NULL WHERE id = {_DISPATCH_MOVE}",
        f"SELECT {_line('sold')} AS id",
        "warehouse_stockmove",
        is_refused=True,
        also=frozenset({"cost_of_order_equals_its_moves"}),
    ),
    "line_quantities_in_order": Corruption(
        f"UPDATE oms_orderline SET quantity_returned = 1 WHERE id = {_line('waiting')}",
        f"SELECT {_line('waiting')} AS id",
        "oms_orderline",
        is_refused=True,
        also=frozenset({"returned_units_match_returns"}),
    ),
    "returned_units_match_returns": Corruption(
        f"UPDATE oms_returnline SET quantity_received = 0 WHERE order_line_id = {_line('sold')}",
        f"SELECT {_line('sold')} AS id",
        "oms_returnline",
    ),
    "order_total_is_sum_of_lines": Corruption(
        f"UPDATE oms_orderline SET total = total + 1 WHERE id = {_line('waiting')}",
        "SELECT %(waiting)s AS id",
        "oms_orderline",
        also=frozenset({"line_discounts_add_up"}),
    ),
    "line_discounts_add_up": Corruption(
        f"UPDATE oms_linediscount SET amount = amount - 0.01 WHERE line_id = {_line('offered')} AND campaign_id IS NULL",
        f"SELECT {_line('offered')} AS id",
        "oms_linediscount",
    ),
    "coupon_uses_match_redemptions": Corruption(
        "UPDATE crm_coupon SET uses = uses + 1",
        "SELECT id, 2 AS uses, 1 AS held FROM crm_coupon",
        "crm_coupon",
        is_refused=True,
    ),
    "redemption_has_its_order": Corruption(
        "UPDATE crm_couponredemption SET order_number = 'ORD-0' WHERE released_at IS NULL",
        "SELECT id FROM crm_couponredemption WHERE released_at IS NULL",
        "crm_couponredemption",
        also=frozenset({"order_has_its_redemption"}),
    ),
    "order_has_its_redemption": Corruption(
        "UPDATE crm_couponredemption SET released_at = now() WHERE released_at IS NULL",
        "SELECT %(offered)s AS id",
        "crm_couponredemption",
        also=frozenset({"coupon_uses_match_redemptions"}),
    ),
    "campaign_budget_matches_orders": Corruption(
        "UPDATE crm_campaignbudget SET used = used + 1",
        "SELECT campaign_id AS id FROM crm_campaignbudget",
        "crm_campaignbudget",
    ),
    "offer_uses_match_orders": Corruption(
        "UPDATE crm_customerdiscount SET uses = 0",
        "SELECT id FROM crm_customerdiscount",
        "crm_customerdiscount",
    ),
    "active_discount_can_be_priced": Corruption(
        "UPDATE crm_discount SET kind = 'N_FOR_M' WHERE code = 'uz-kod'",
        "SELECT code FROM crm_discount WHERE code = 'uz-kod'",
        "crm_discount",
    ),
    "order_has_lines": Corruption(
        _copy(
            "oms_order",
            "id = %(waiting)s",
            id="999999",
            number="'ORD-EMPTY'",
            token="'x'",
            basket_id="NULL",
            idempotency_key="''",
        ),
        "SELECT 999999 AS id",
        "",
    ),
    "expired_hold_is_released": Corruption(
        f"UPDATE warehouse_reservation SET expires_at = now() - interval '2 hours' WHERE id = {_HELD}",
        f"SELECT {_HELD} AS id",
        "warehouse_reservation",
    ),
    "overdue_order_is_canceled": Corruption(
        "UPDATE oms_order SET payment_deadline = now() - interval '2 hours' WHERE id = %(pending)s",
        "SELECT %(pending)s AS id",
        "oms_order",
    ),
    # --- money
    "journal_entry_balances": Corruption(
        f"UPDATE finance_journalline SET debit = debit + 1 WHERE id = {_journal_line('sold', '501')}",
        f"SELECT entry_id FROM finance_journalline WHERE id = {_journal_line('sold', '501')}",
        "finance_journalline",
        is_refused=True,
        also=frozenset({"cost_of_order_equals_its_moves"}),
    ),
    "journal_entry_has_lines": Corruption(
        _copy(
            "finance_journalentry",
            f"order_number = {_number('pending')} OR id = (SELECT min(id) FROM finance_journalentry)",
            id="999999",
        ),
        "SELECT 999999 AS id",
        "finance_journalentry",
        is_refused=True,
    ),
    "payment_sums_follow_its_operations": Corruption(
        f"UPDATE finance_capture SET amount = amount + 1 WHERE payment_id = {_payment('sold')}",
        f"SELECT {_payment('sold')} AS id",
        "finance_capture",
    ),
    "payment_in_bounds": Corruption(
        f"UPDATE finance_payment SET method = 'CARD', authorized = 1 WHERE id = {_payment('sold')}",
        f"SELECT {_payment('sold')} AS id",
        "finance_payment",
        is_refused=True,
        also=frozenset({"card_receivable_equals_payments"}),
    ),
    "order_sums_follow_its_payments": Corruption(
        "UPDATE oms_order SET captured_total = captured_total + 1 WHERE id = %(sold)s",
        "SELECT %(sold)s AS id",
        "oms_order",
        also=frozenset({"order_accounts_equal_papers_and_money"}),
    ),
    "done_money_has_entry": Corruption(
        f"UPDATE finance_capture SET entry_id = NULL WHERE payment_id = {_payment('sold')}",
        f"SELECT id FROM finance_capture WHERE payment_id = {_payment('sold')}",
        "finance_capture",
        is_refused=True,
    ),
    "canceled_order_keeps_no_money": Corruption(
        f"DELETE FROM finance_refund WHERE payment_id = {_payment('canceled')}",
        "SELECT %(canceled)s AS id",
        "finance_refund",
    ),
    "overpaid_order_is_seen": Corruption(
        "UPDATE oms_order SET payment_status = 'OVERPAID' WHERE id = %(waiting)s",
        "SELECT %(waiting)s AS id",
        "oms_order",
    ),
    "card_receivable_equals_payments": Corruption(
        "UPDATE finance_journalline SET account_id = (SELECT id FROM finance_ledgeraccount WHERE code = '2280') "
        f"WHERE id = {_journal_line('company', '241')}",
        "SELECT %(company)s AS id",
        "finance_journalline",
        is_refused=True,
    ),
    "order_accounts_equal_papers_and_money": Corruption(
        "UPDATE finance_journalline SET account_id = (SELECT id FROM finance_ledgeraccount WHERE code = '300') "
        f"WHERE id = {_journal_line('company', '430')}",
        "SELECT %(company)s AS id",
        "finance_journalline",
        is_refused=True,
    ),
    "vat_account_equals_papers": Corruption(
        f"UPDATE finance_fiscalreceipt SET tax_by_rate = jsonb_set(tax_by_rate, '{{0,tax}}', '\"1.00\"') WHERE id = {_receipt('sold')}",
        "SELECT %(sold)s AS id",
        "finance_fiscalreceipt",
        is_refused=True,
    ),
    "cost_of_order_equals_its_moves": Corruption(
        "UPDATE finance_journalline SET account_id = (SELECT id FROM finance_ledgeraccount WHERE code = '531') "
        f"WHERE id = {_journal_line('kit_sold', '501')}",
        "SELECT %(kit_sold)s AS id",
        "finance_journalline",
        is_refused=True,
    ),
    "card_operation_settles": Corruption(
        "UPDATE finance_payment SET state = 'AUTHORIZED', void_requested_at = now() - interval '2 days' "
        f"WHERE id = {_payment('pending')}",
        f"SELECT {_payment('pending')} AS id",
        "finance_payment",
    ),
    # --- papers
    "invoice_numbers_without_gaps": Corruption(
        f"UPDATE finance_invoice SET sequence = sequence + 5 WHERE id = {_INVOICE}",
        f"SELECT kind FROM finance_invoice WHERE id = {_INVOICE}",
        "finance_invoice",
        is_refused=True,
        also=frozenset({"document_counter_follows_numbers"}),
    ),
    "invoice_adds_up": Corruption(
        f"UPDATE finance_invoice SET tax_total = tax_total + 1, net_total = net_total - 1 WHERE id = {_INVOICE}",
        f"SELECT {_INVOICE} AS id",
        "finance_invoice",
        is_refused=True,
    ),
    "sef_paper_has_its_way": Corruption(
        f"UPDATE finance_einvoice SET invoice_id = {_INVOICE} WHERE invoice_id = {_SEF_INVOICE}",
        f"SELECT {_SEF_INVOICE} AS id",
        "finance_einvoice",
    ),
    "einvoice_moves_on": Corruption(
        f"UPDATE finance_einvoice SET created_at = now() - interval '2 days' WHERE invoice_id = {_SEF_INVOICE}",
        f"SELECT id, state FROM finance_einvoice WHERE invoice_id = {_SEF_INVOICE}",
        "finance_einvoice",
    ),
    "einvoice_state_follows_history": Corruption(
        f"UPDATE finance_einvoice SET state = 'REFUSED' WHERE invoice_id = {_SEF_INVOICE}",
        f"SELECT id, state FROM finance_einvoice WHERE invoice_id = {_SEF_INVOICE}",
        "finance_einvoice",
    ),
    "replaced_paper_is_withdrawn": Corruption(
        f"UPDATE finance_invoice SET replaces_id = {_SEF_INVOICE} WHERE id = {_INVOICE}",
        f"SELECT {_SEF_INVOICE} AS id",
        "finance_invoice",
        is_refused=True,
    ),
    "units_invoiced_once": Corruption(
        f"UPDATE finance_invoiceline SET quantity = quantity + 1 WHERE invoice_id = {_INVOICE} AND order_line_id = {_line('company')}",
        f"SELECT {_line('company')} AS order_line_id",
        "finance_invoiceline",
        is_refused=True,
    ),
    "dispatched_shipment_has_paper": Corruption(
        f"UPDATE finance_fiscalreceipt SET shipment_id = NULL WHERE id = {_receipt('sold')}",
        "SELECT id FROM warehouse_shipment WHERE order_id = %(sold)s",
        "finance_fiscalreceipt",
    ),
    "fiscal_refunds_within_sales": Corruption(
        f"UPDATE finance_fiscalreceipt SET transaction = 'REFUND' WHERE id = {_receipt('kit_sold')}",
        "SELECT %(kit_sold)s AS order_id",
        "finance_fiscalreceipt",
        is_refused=True,
        also=frozenset({"order_accounts_equal_papers_and_money", "vat_account_equals_papers"}),
    ),
    "fiscal_receipt_adds_up": Corruption(
        f"UPDATE finance_fiscalreceipt SET items = jsonb_set(items, '{{0,total}}', '\"1.00\"') WHERE id = {_receipt('sold')}",
        f"SELECT {_receipt('sold')} AS id",
        "finance_fiscalreceipt",
        is_refused=True,
    ),
    "fiscal_receipt_is_signed": Corruption(
        f"UPDATE finance_fiscalreceipt SET issued_at = now() - interval '2 days' WHERE id = {_receipt('sold')}",
        f"SELECT {_receipt('sold')} AS id",
        "finance_fiscalreceipt",
    ),
    "document_counter_follows_numbers": Corruption(
        "UPDATE finance_documentcounter SET next_number = next_number + 1 WHERE kind = 'INVOICE'",
        "SELECT id FROM finance_documentcounter WHERE kind = 'INVOICE'",
        "finance_documentcounter",
    ),
    # --- trace and events
    "order_has_audit_row": Corruption(
        "DELETE FROM audit_logentry WHERE object_id = %(waiting)s AND action = 0 AND content_type_id = "
        "(SELECT id FROM django_content_type WHERE app_label = 'oms' AND model = 'order')",
        "SELECT %(waiting)s AS id",
        "audit_logentry",
        is_refused=True,
    ),
    "outbox_drains": Corruption(
        f"UPDATE kernel_outboxevent SET pending = '{{x}}', created_at = now() - interval '1 hour' WHERE id = {_LAST_EVENT}",
        f"SELECT {_LAST_EVENT} AS id",
        "kernel_outboxevent",
    ),
    "no_dead_event": Corruption(
        f"UPDATE kernel_outboxevent SET dead_reason = 'ValueError' WHERE id = {_LAST_EVENT}",
        f"SELECT {_LAST_EVENT} AS id",
        "kernel_outboxevent",
    ),
    "event_numbers_without_gaps": Corruption(
        f"DELETE FROM kernel_outboxevent WHERE id = {_FIRST_EVENT}",
        "SELECT number AS subject_key FROM oms_order WHERE id = %(sold)s",
        "kernel_outboxevent",
    ),
    "idempotency_key_not_stuck": Corruption(
        "INSERT INTO kernel_idempotencykey (id, caller, key, request_hash, state, leased_until, subject, created_at) "
        "VALUES (999999, 'c', 'k', 'h', 'STARTED', now() - interval '2 days', '', now())",
        "SELECT 999999 AS id",
        "",
    ),
    "payment_event_processed": Corruption(
        "INSERT INTO finance_paymentevent (id, provider, event_id, kind, payload, outcome, received_at) "
        "VALUES (999999, 'card', 'e', 'payment.captured', '{}', '', now() - interval '1 hour')",
        "SELECT 999999 AS id",
        "",
    ),
    "loyalty_points_match_entries": Corruption(
        "UPDATE crm_loyaltyaccount SET points = points + 1",
        "SELECT id FROM crm_loyaltyaccount",
        "crm_loyaltyaccount",
    ),
    "campaign_report_equals_ledger": Corruption(
        "WITH c AS (INSERT INTO crm_campaign SELECT (jsonb_populate_record(NULL::crm_campaign, jsonb_build_object('id', 999999, 'public_id', 'x', "
        "'slug', 'x', 'name', 'x', 'description', '', 'holdout_percent', 0, 'state', 'DRAFT', 'version', 1, 'end_reason', '', "
        "'created_at', now(), 'updated_at', now()))).* RETURNING id), "
        "d AS (INSERT INTO crm_discount SELECT (jsonb_populate_record(NULL::crm_discount, jsonb_build_object('id', 999999, 'code', 'x', "
        "'name', 'x', 'name_en', '', 'campaign_id', 999999, 'kind', 'PERCENT', 'value', 10, 'audience', 'EVERYONE', 'group', '', "
        "'priority', 1, 'is_exclusive', false, 'minimum_amount', 0, 'minimum_quantity', 0, 'minimum_basis', 'AFTER_DISCOUNTS', "
        "'is_per_unit', false, 'take', 0, 'pay', 0, 'tiers', '[]'::jsonb, 'gift_quantity', 1, 'delivery_methods', '[]'::jsonb, "
        "'state', 'ENDED', 'version', 1, 'created_at', now(), 'updated_at', now()))).* RETURNING id) "
        "INSERT INTO oms_linediscount (line_id, discount_id, campaign_id, code, name, kind, discount_version, segment_slug, "
        "segment_definition, amount, tax_share, created_at) "
        f"SELECT {_line('sold')}, d.id, c.id, 'x', 'x', 'PERCENT', 1, '', '', 1.00, 0.09, now() FROM c, d",
        "SELECT 999999 AS campaign_id",
        "",
        also=frozenset({"line_discounts_add_up"}),
    ),
    "points_owed_match_ledger": Corruption(
        "UPDATE crm_loyaltyentry SET entity_id = (SELECT min(id) FROM kernel_legalentity), value = 20",
        "SELECT min(id) AS entity_id FROM kernel_legalentity",
        "crm_loyaltyentry",
        is_refused=True,
    ),
    "tier_follows_spending": Corruption(
        "UPDATE crm_loyaltyaccount SET tier_id = (SELECT id FROM crm_tier WHERE code = 'gold')",
        "SELECT id FROM crm_loyaltyaccount",
        "crm_loyaltyaccount",
    ),
    "shipment_of_its_order": Corruption(
        "UPDATE warehouse_shipment SET location_id = (SELECT id FROM kernel_location WHERE code = 'S-001') WHERE order_id = %(routed)s",
        "SELECT number FROM warehouse_shipment WHERE order_id = %(routed)s",
        "warehouse_shipment",
    ),
    # --- pictures
    "pictures_stand_without_gaps": Corruption(
        "UPDATE storefront_productpicture SET position = 3 WHERE position = 1",
        "SELECT product_id FROM storefront_productpicture WHERE position = 3",
        "storefront_productpicture",
    ),
    "picture_names_files_of_ours": Corruption(
        "UPDATE storefront_productpicture SET key = '../../secret' WHERE position = 0",
        "SELECT id FROM storefront_productpicture WHERE position = 0",
        "storefront_productpicture",
    ),
    # --- electronic editions
    "file_is_not_claimed": Corruption(
        _copy(
            "warehouse_stockitem",
            "t.id = (SELECT min(id) FROM warehouse_stockitem)",
            id="(SELECT max(id) + 1 FROM warehouse_stockitem)",
            variant_id="(SELECT id FROM storefront_variant WHERE is_digital)",
            on_hand="0",
            reserved="0",
        ),
        "SELECT max(id) AS id FROM warehouse_stockitem",
        "warehouse_stockitem",
    ),
    "sold_file_is_there": Corruption(
        "DELETE FROM storefront_digitalfile",
        "SELECT id FROM storefront_variant WHERE is_digital",
        "storefront_digitalfile",
    ),
    "paid_file_can_be_fetched": Corruption(
        f"DELETE FROM oms_downloadgrant WHERE line_id = {_FILE}", f"SELECT {_FILE} AS id", "oms_downloadgrant"
    ),
    "file_given_back_was_not_fetched": Corruption(
        f"UPDATE oms_downloadgrant SET revoked_at = now() WHERE line_id = {_FILE}",
        "SELECT id FROM oms_downloadgrant",
        "oms_downloadgrant",
    ),
    "delivered_file_has_paper": Corruption(
        f"UPDATE finance_fiscalreceipt SET shipment_id = (SELECT min(id) FROM warehouse_shipment) WHERE id = {_receipt('file')}",
        f"SELECT {_FILE} AS id",
        "finance_fiscalreceipt",
    ),
    "buyer_of_a_file_consented": Corruption(
        "DELETE FROM oms_withdrawalconsent", "SELECT %(file)s AS id", "oms_withdrawalconsent"
    ),
    # --- gift cards
    "gift_card_balance_is_its_entries": Corruption(
        f"UPDATE crm_giftcard SET balance = balance + 1 WHERE id = {_CARD}",
        f"SELECT {_CARD} AS id",
        "crm_giftcard",
        also=frozenset({"gift_cards_match_ledger"}),
    ),
    "gift_card_in_bounds": Corruption(
        f"UPDATE crm_giftcard SET amount = -1 WHERE id = {_CARD}",
        f"SELECT {_CARD} AS id",
        "crm_giftcard",
        is_refused=True,
    ),
    "gift_cards_match_ledger": Corruption(
        "UPDATE finance_journalline SET account_id = (SELECT id FROM finance_ledgeraccount WHERE code = '679') "
        "WHERE entry_id = (SELECT id FROM finance_journalentry WHERE document_kind = 'gift_card_expiry') AND debit > 0",
        "SELECT entity_id FROM crm_giftcard LIMIT 1",
        "finance_journalline",
        is_refused=True,
        also=frozenset({"gift_card_entry_is_booked"}),
    ),
    "gift_card_entry_is_booked": Corruption(
        f"UPDATE crm_giftcardentry SET source_key = 'x' WHERE card_id = {_CARD} AND reason = 'ISSUED'",
        f"SELECT id FROM crm_giftcardentry WHERE card_id = {_CARD} AND reason = 'ISSUED'",
        "crm_giftcardentry",
        is_refused=True,
    ),
    "order_paid_by_cards_is_what_they_gave": Corruption(
        "UPDATE crm_giftcardentry SET reason = 'ISSUED' WHERE reason = 'SPENT'",
        "SELECT %(gift)s AS id",
        "crm_giftcardentry",
        is_refused=True,
    ),
    # --- exchanges
    "exchange_account_is_empty": Corruption(
        "UPDATE finance_journalline SET account_id = (SELECT id FROM finance_ledgeraccount WHERE code = '430') "
        "WHERE debit > 0 AND account_id = (SELECT id FROM finance_ledgeraccount WHERE code = '4306')",
        "SELECT public_id AS payment FROM finance_payment WHERE method = 'EXCHANGE'",
        "finance_journalline",
        is_refused=True,
        also=frozenset({"order_accounts_equal_papers_and_money"}),
    ),
    "exchange_payment_is_what_was_moved": Corruption(
        "UPDATE finance_refund SET moved_to_id = NULL WHERE moved_to_id IS NOT NULL",
        "SELECT id FROM finance_payment WHERE method = 'EXCHANGE'",
        "finance_refund",
    ),
    "exchange_pays_no_more_than_agreed": Corruption(
        "UPDATE oms_exchange SET credit = credit - 1", "SELECT id FROM oms_exchange", "oms_exchange"
    ),
}
