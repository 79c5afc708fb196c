"""The chart of accounts as data: the statutory three digits, with the analytics that this house posts to.

(code, Serbian name, English name, is the debit side its normal one)
"""

from typing import NamedTuple


class Account(NamedTuple):
    code: str
    name: str
    name_en: str
    is_debit_normal: bool = True


GOODS = "134"
CUSTOMERS = "204"
CARD_RECEIVABLE = "2280"
COURIER_RECEIVABLE = "2281"
BANK = "241"
CASH = "243"
COURIER_IN_TRANSIT = "2480"
CAPITAL = "300"
ADVANCES = "430"
GIFT_CARDS = "4305"
EXCHANGES = "4306"
UNIDENTIFIED = "4308"
ADVANCES_VAT = "4309"
NOT_INVOICED = "4359"
COST_OF_GOODS = "501"
FEES = "553"
SHORTAGES = "574"
WRITE_OFFS = "577"
OTHER_EXPENSE = "579"
GOODS_REVENUE = "604"
POINTS = "495"
SERVICES_REVENUE = "614"
POINTS_REVENUE = "6049"
SURPLUSES = "674"
OTHER_INCOME = "679"

ACCOUNTS: tuple[Account, ...] = (
    Account(GOODS, "Roba u prometu na malo", "Goods in retail"),
    Account(CUSTOMERS, "Kupci u zemlji", "Domestic customers"),
    Account(CARD_RECEIVABLE, "Potraživanja od kartičara", "Receivable from the card acquirer"),
    Account(COURIER_RECEIVABLE, "Potraživanja od kurira za pouzeće", "Cash on delivery held by couriers"),
    Account(BANK, "Tekući (poslovni) računi", "Bank accounts"),
    Account(CASH, "Blagajna", "Cash in hand"),
    Account(COURIER_IN_TRANSIT, "Novac na putu od kurira", "Courier remittances on their way"),
    Account("270", "PDV u primljenim fakturama po opštoj stopi", "Input VAT, general rate"),
    Account("271", "PDV u primljenim fakturama po posebnoj stopi", "Input VAT, reduced rate"),
    Account(CAPITAL, "Osnovni kapital", "Capital", False),
    Account("330", "Revalorizacione rezerve", "Revaluation reserves", False),
    Account(ADVANCES, "Primljeni avansi, depoziti i kaucije", "Advances received", False),
    Account(GIFT_CARDS, "Poklon kartice u opticaju", "Gift cards in circulation", False),
    Account(EXCHANGES, "Zamene robe u toku", "Exchanges under way", False),
    Account(UNIDENTIFIED, "Neraspoređene uplate", "Payments not yet identified", False),
    Account(ADVANCES_VAT, "PDV sadržan u primljenim avansima", "VAT contained in advances received"),
    Account("435", "Dobavljači u zemlji", "Domestic suppliers", False),
    Account(NOT_INVOICED, "Primljena nefakturisana roba", "Goods received, not invoiced", False),
    Account("4700", "PDV po izdatim fakturama, opšta stopa", "Output VAT on invoices, general rate", False),
    Account("4710", "PDV po izdatim fakturama, posebna stopa", "Output VAT on invoices, reduced rate", False),
    Account("4720", "PDV po primljenim avansima, opšta stopa", "Output VAT on advances, general rate", False),
    Account(
        "4730", "PDV po primljenim avansima, posebna stopa", "Output VAT on advances, reduced rate", False
    ),
    Account(
        "4760", "PDV po osnovu prodaje za gotovinu, opšta stopa", "Output VAT in retail, general rate", False
    ),
    Account(
        "4761",
        "PDV po osnovu prodaje za gotovinu, posebna stopa",
        "Output VAT in retail, reduced rate",
        False,
    ),
    Account("479", "Obaveze za PDV po osnovu razlike", "VAT payable", False),
    Account(POINTS, "Odloženi prihodi za poene lojalnosti", "Deferred income for loyalty points", False),
    Account(COST_OF_GOODS, "Nabavna vrednost prodate robe", "Cost of goods sold"),
    Account("531", "Troškovi transportnih usluga", "Transport"),
    Account(FEES, "Troškovi platnog prometa", "Payment and bank fees"),
    Account(SHORTAGES, "Manjkovi", "Shortages"),
    Account(WRITE_OFFS, "Rashodi po osnovu rashodovanja zaliha", "Stock written off"),
    Account(OTHER_EXPENSE, "Ostali nepomenuti rashodi", "Other expenses"),
    Account(GOODS_REVENUE, "Prihodi od prodaje robe na domaćem tržištu", "Sales of goods", False),
    Account(
        POINTS_REVENUE, "Prihodi odloženi poenima lojalnosti", "Revenue deferred by loyalty points", False
    ),
    Account(SERVICES_REVENUE, "Prihodi od usluga na domaćem tržištu", "Sales of services", False),
    Account(SURPLUSES, "Viškovi", "Surpluses", False),
    Account(OTHER_INCOME, "Ostali nepomenuti prihodi", "Other income", False),
)
