"""What each stand-in has on record, and the forms that act in the place of courier, payer and register."""

from __future__ import annotations

from collections.abc import Callable

from retail.sandbox import bank, card, carrier, sef, sef_documents
from retail.sandbox.layout import empty, moment, padded, panel
from retail.sandbox.markup import Markup, chip, element, field, select, table, text_input
from retail.sandbox.store import Store
from retail.sandbox.texts import Words

Cells = list[list[Markup | str | int]]

_CARD_TONES = {
    "CREATED": ("warn", "clock"),
    "AUTHORIZED": ("info", "lock"),
    "PARTLY_CAPTURED": ("busy", "half"),
    "CAPTURED": ("good", "paid"),
}
_SEF_TONES = {
    "Sending": ("busy", "clock"),
    "Sent": ("info", "mail"),
    "Approved": ("good", "check"),
    "Rejected": ("bad", "no"),
    "Mistake": ("bad", "alert"),
}
_PARCEL_TONES = {
    "ANNOUNCED": ("info", "barcode"),
    "DELIVERED": ("good", "delivered"),
    "REFUSED": ("bad", "no"),
    "UNDELIVERABLE": ("bad", "no"),
    "LOST": ("bad", "alert"),
    "RETURNED": ("idle", "return"),
    "CANCELED": ("idle", "x"),
}


def payments(words: Words, store: Store) -> Markup:
    rows: Cells = [
        [
            moment(row["created_at"]),
            row["reference"],
            chip(*_CARD_TONES.get(row["status"], ("idle", "x")), row["status"]),
            *(
                words.amount(card.amount_text(row[name]), row["currency"])
                for name in ("amount", "captured", "refunded")
            ),
            element("a", words("Show"), href=f"/kartica/pay/{row['page_token']}"),
        ]
        for row in card.list_payments(store)
    ]
    heads = ("Time", "Reference", "State", "Amount", "Captured", "Refunded", "Shopper's page")
    return _listing(words, "Payments", "No payment yet", heads, rows, frozenset({3, 4, 5}))


def receipts(words: Words, store: Store) -> Markup:
    with store.transaction() as db:
        found = db.execute("SELECT * FROM fiscal_invoice ORDER BY id DESC LIMIT 100").fetchall()
    rows: Cells = [
        [
            moment(row["signed_at"]),
            row["number"],
            row["request_id"] or "",
            words.amount(row["total"], "RSD"),
            element("a", words("Show"), href=f"/fiscal/sandbox/v/?vl={row['number']}"),
        ]
        for row in found
    ]
    return _listing(
        words,
        "Receipts",
        "No receipt yet",
        ("Time", "Number", "Reference", "Total", "Show"),
        rows,
        frozenset({3}),
    )


def parcels(words: Words, store: Store) -> Markup:
    rows: Cells = []
    for row in carrier.list_parcels(store):
        cash = words.amount(card.amount_text(row["cash"]), row["currency"]) if row["cash"] else ""
        state = chip(*_PARCEL_TONES.get(row["status"], ("busy", "truck")), row["status"])
        moves = carrier.MOVES[row["status"]]
        step = _step_form(words, row["reference"], moves) if moves else ""
        rows.append([row["reference"], row["tracking_number"], row["carrier"], state, cash, step])
    heads = ("Reference", "Tracking number", "Carrier", "State", "Cash on delivery", "What happened")
    return _listing(words, "Parcels", "No parcel yet", heads, rows, frozenset({4}))


def remittances(words: Words, store: Store) -> Markup:
    rows: Cells = [
        [
            day,
            name,
            count,
            words.amount(total, "RSD"),
            element("a", words("Download CSV"), href=f"/kurir/v1/remittances/{day}.csv"),
        ]
        for day, name, count, total in carrier.remittance_days(store)
    ]
    heads = ("Day", "Carrier", "Parcels", "Total", "Download CSV")
    return _listing(words, "Courier remittances", "No cash was collected yet", heads, rows, frozenset({2, 3}))


def statement_form(words: Words, store: Store) -> Markup:
    hint = words("For example 1299.00; with a minus for money out")
    fields = element(
        "div",
        field(
            words("Amount"),
            text_input("amount", inputmode="decimal", required=True, aria_describedby="amount-hint"),
            "amount",
            hint,
        ),
        field(words("Reference of the transfer"), text_input("reference", autocomplete="off"), "reference"),
        field(words("Payer"), text_input("payer_name", autocomplete="off"), "payer_name"),
        field(words("Payer's account"), text_input("payer_account", autocomplete="off"), "payer_account"),
        field(words("Purpose"), text_input("purpose", autocomplete="off"), "purpose"),
        field(words("Account"), text_input("account", bank.DEFAULT_ACCOUNT, autocomplete="off"), "account"),
        field(words("Day"), text_input("booked_on", type="date"), "booked_on"),
        class_="fields",
    )
    form = element(
        "form",
        fields,
        element("div", element("button", words("Make the statement"), class_="button button-main")),
        method="post",
        action="/parts/bank/statement",
        class_="stack",
    )
    return panel(words("New statement"), padded(form), name="new-statement")


def statements(words: Words, store: Store) -> Markup:
    rows: Cells = [
        [
            row["number"],
            row["booked_on"],
            row["account"],
            row["lines"],
            words.amount(card.amount_text(row["total"] or 0), "RSD"),
            element("a", words("Download CSV"), href=f"/bank/statements/{row['number']}.csv"),
        ]
        for row in bank.list_statements(store)
    ]
    heads = ("Number", "Day", "Account", "Lines", "Total", "Download CSV")
    return _listing(words, "Statements", "No statement yet", heads, rows, frozenset({3, 4}))


def company_form(words: Words, store: Store) -> Markup:
    fields = element(
        "div",
        field(
            words("PIB"),
            text_input("pib", inputmode="numeric", required=True, aria_describedby="pib-hint"),
            "pib",
            words("Nine digits"),
        ),
        field(
            words("Company number"),
            text_input("registration_number", inputmode="numeric"),
            "registration_number",
        ),
        field(words("Name"), text_input("name", autocomplete="off"), "name"),
        element(
            "label",
            element("input", type="checkbox", name="is_registered", checked=True),
            element("span", words("Registered at SEF")),
            class_="choice",
        ),
        class_="fields",
    )
    form = element(
        "form",
        fields,
        element("div", element("button", words("Save the company"), class_="button button-main")),
        method="post",
        action="/parts/sef/company",
        class_="stack",
    )
    return panel(words("Save the company"), padded(form), name="new-company")


def companies(words: Words, store: Store) -> Markup:
    rows: Cells = []
    for row in sef.list_companies(store):
        is_member = bool(row["registered_on"]) and not row["deleted_on"]
        state = chip("good", "check", words("yes")) if is_member else chip("idle", "x", words("no"))
        rows.append([row["pib"], row["registration_number"], row["name"], state])
    heads = ("PIB", "Company number", "Name", "Registered at SEF")
    return _listing(words, "Companies", "No company yet", heads, rows, frozenset())


def documents(words: Words, store: Store) -> Markup:
    rows: Cells = []
    for row in sef_documents.list_documents(store):
        state = chip(*_SEF_TONES.get(row["status"], ("idle", "x")), row["status"])
        answer = _decision_form(words, row["number"]) if row["status"] in ("Sent", "Rejected") else ""
        rows.append(
            [
                row["kind"],
                row["number"],
                row["buyer_pib"],
                state,
                words.amount(row["payable"], "RSD"),
                row["comment"],
                answer,
            ]
        )
    heads = ("Kind", "Number", "Buyer", "State", "Amount", "Comment", "The buyer's answer")
    return _listing(words, "Documents", "No document yet", heads, rows, frozenset({4}))


def _decision_form(words: Words, number: str) -> Markup:
    name = f"comment-{number}"
    return element(
        "form",
        element("input", type="hidden", name="number", value=number),
        element("label", f"{words('Comment')} {number}", class_="sr", for_=name),
        element("input", class_="input", id=name, name="comment", autocomplete="off"),
        element("button", words("Approve"), class_="button button-small", name="status", value="Approved"),
        element("button", words("Reject"), class_="button button-small", name="status", value="Rejected"),
        method="post",
        action="/parts/sef/decide",
        class_="tag-form",
    )


def switches(words: Words, store: Store) -> Markup:
    with store.transaction() as db:
        chosen = {name: sef_documents.switch(db, name) for name in sef_documents.SWITCHES}
    rows: Cells = [
        [
            name,
            element(
                "form",
                element("input", type="hidden", name="name", value=name),
                element("label", f"{words('Choice')} {name}", class_="sr", for_=f"switch-{name}"),
                element(
                    "select",
                    [element("option", one, selected=one == chosen[name]) for one in choices],
                    class_="input",
                    id=f"switch-{name}",
                    name="value",
                ),
                element("button", words("Record"), class_="button button-small"),
                method="post",
                action="/parts/sef/switch",
                class_="tag-form",
            ),
        ]
        for name, choices in sef_documents.SWITCHES.items()
    ]
    return _listing(
        words, "Behavior that sources dispute", "Behavior", ("Behavior", "Choice"), rows, frozenset()
    )


def fault_fields(words: Words, part: str, kinds: list[tuple[str, str]]) -> Markup:
    """The form that switches a fault on."""
    fields = element(
        "div",
        field(words("Fault"), select("kind", kinds), "kind"),
        field(words("Call (empty: any)"), text_input("operation", autocomplete="off"), "operation"),
        field(
            words("How many times"),
            text_input("count", "1", inputmode="numeric", aria_describedby="count-hint"),
            "count",
            words("Empty: until switched off"),
        ),
        field(words("Chance in percent"), text_input("percent", "100", inputmode="decimal"), "percent"),
        field(
            words("Seconds"),
            text_input("seconds", inputmode="decimal", aria_describedby="seconds-hint"),
            "seconds",
            words("Empty: as usual for this fault"),
        ),
        class_="fields",
    )
    return element(
        "form",
        fields,
        element("div", element("button", words("Switch on"), class_="button button-main")),
        method="post",
        action=f"/parts/{part}/fault",
        class_="stack",
    )


def _step_form(words: Words, reference: str, moves: tuple[str, ...]) -> Markup:
    name = f"status-{reference}"
    return element(
        "form",
        element("input", type="hidden", name="reference", value=reference),
        element("label", f"{words('Next step of')} {reference}", class_="sr", for_=name),
        element(
            "select", [element("option", move) for move in moves], class_="input", id=name, name="status"
        ),
        element("button", words("Record"), class_="button button-small"),
        method="post",
        action="/parts/carrier/move",
        class_="tag-form",
    )


def _listing(
    words: Words, title: str, nothing: str, heads: tuple[str, ...], rows: Cells, ends: frozenset[int]
) -> Markup:
    name = title.lower().replace(" ", "-")
    if not rows:
        return panel(words(title), padded(empty(words(nothing))), name=name)
    return panel(
        words(title), table(words(title), [words(head) for head in heads], rows, ends=ends), name=name
    )


OF_PART: dict[str, tuple[Callable[[Words, Store], Markup], ...]] = {
    "card": (payments,),
    "fiscal": (receipts,),
    "carrier": (parcels, remittances),
    "bank": (statement_form, statements),
    "sef": (documents, switches, company_form, companies),
}
