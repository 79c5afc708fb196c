"""Invariants of gift cards: what is on them is what was paid and not spent, and the books owe exactly that."""

from retail.doctor.check import Check

GIFT_CARD_CHECKS: tuple[Check, ...] = (
    Check(
        "gift_card_balance_is_its_entries",
        "What is on a gift card is the sum of its entries.",
        """SELECT c.id, c.balance, COALESCE(sum(e.amount), 0) AS entries FROM crm_giftcard c LEFT JOIN crm_giftcardentry e ON e.card_id = c.id
        GROUP BY c.id HAVING c.balance <> COALESCE(sum(e.amount), 0)""",
    ),
    Check(
        "gift_card_in_bounds",
        "No gift card holds less than nothing, or more than was paid for it.",
        "SELECT id, balance, amount FROM crm_giftcard WHERE balance < 0 OR balance > amount",
    ),
    Check(
        "gift_cards_match_ledger",
        "Account 4305 of each company is what its gift cards hold.",
        """SELECT COALESCE(g.entity_id, l.entity_id) AS entity_id, COALESCE(g.value, 0) AS cards, COALESCE(l.value, 0) AS ledger
        FROM (SELECT entity_id, sum(balance) AS value FROM crm_giftcard GROUP BY 1) g
        FULL JOIN (SELECT j.entity_id, sum(x.credit - x.debit) AS value FROM finance_journalline x JOIN finance_journalentry j ON j.id = x.entry_id
                     JOIN finance_ledgeraccount c ON c.id = x.account_id WHERE c.code = '4305' GROUP BY 1) l ON l.entity_id = g.entity_id
        WHERE COALESCE(g.value, 0) <> COALESCE(l.value, 0)""",
    ),
    Check(
        "gift_card_entry_is_booked",
        "Each change of a gift card is a line of the journal entry of its document, on 4305, with the card and the amount.",
        """SELECT e.id, e.card_id, e.amount FROM crm_giftcardentry e JOIN crm_giftcard g ON g.id = e.card_id WHERE NOT EXISTS (
            SELECT 1 FROM finance_journalentry j JOIN finance_journalline x ON x.entry_id = j.id JOIN finance_ledgeraccount c ON c.id = x.account_id
             WHERE j.document_kind = e.source_kind AND j.document_key = e.source_key AND c.code = '4305'
               AND x.source_kind = 'gift_card' AND x.source_key = g.public_id AND x.credit - x.debit = e.amount)""",
    ),
    Check(
        "order_paid_by_cards_is_what_they_gave",
        "What gift cards paid of an order, less what came back to them, is what left the cards for it.",
        """SELECT o.id, o.number, COALESCE(p.net, 0) AS payments, COALESCE(e.spent, 0) AS cards FROM oms_order o
        LEFT JOIN (SELECT order_id, sum(captured - refunded) net FROM finance_payment WHERE method = 'GIFT_CARD' GROUP BY 1) p ON p.order_id = o.id
        LEFT JOIN (SELECT order_number, -sum(amount) spent FROM crm_giftcardentry WHERE reason IN ('SPENT', 'GIVEN_BACK') GROUP BY 1) e
               ON e.order_number = o.number
        WHERE COALESCE(p.net, 0) <> COALESCE(e.spent, 0)""",
    ),
)
