"""The sample chain: whole, consistent, the same every time, and not for production."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import decrypt
from django.conf import settings
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.db import connection

from audit.models import LogEntry
from crm.models import Customer, LoyaltyAccount
from oms.models import CarrierService, CarrierTariff, DeliveryPostcode, Lane, Order, OrderLine
from retail.doctor.examine import examine
from retail.kernel import access
from retail.kernel.identifiers import parse_account, parse_barcode, parse_pib
from retail.kernel.models import ApiKey, LegalEntity, Location, User
from retail.rest.keys import SCOPES, digest_of
from retail.sample import history, people, preorders, stock
from retail.sample.load import Plan, SampleNotAllowed, load
from storefront import selectors as catalog
from storefront.models import Category, Channel, PriceList, Product, Variant
from tests.databases import Databases
from tests.unchanged import digests, nothing_changes
from warehouse.models import Bin, PurchaseOrder, SafetyStock, StockItem, StockMove
from warehouse.states import BinKind

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
# Tables whose rows carry a secret of their own, or the moment of writing.
OWN = {
    # Kept under random names.
    "storefront_digitalfile",
    "storefront_productpicture",
    # A random number for each change of the discounts.
    "crm_offermark",
    "audit_logentry",
    "audit_personalchange",
    "oms_order",
    "crm_customer",
    "kernel_user",
    "kernel_apikey",
    "kernel_outboxevent",
    "finance_journalentry",
    # Random keys of campaigns and their pages, and rows that say when they changed.
    "audit_proposal",
    "cms_campaignpage",
    "crm_campaign",
    "crm_discount",
    "crm_segment",
    "warehouse_purchaseorder",
    "warehouse_shipment",
    "warehouse_transfer",
}


@pytest.fixture
def home(settings: Any) -> Path:
    """Where the test server lives; `small` moves the home of the sample away from it."""
    return Path(settings.ONEROW_HOME)


@pytest.fixture
def small(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A smaller chain than the small one: the same code, fewer rows. Titles are invented, so that nothing outside is needed."""
    settings.ONEROW_HOME = tmp_path
    monkeypatch.setattr(people, "SMALL_CUSTOMERS", 300)
    monkeypatch.setattr(history, "SMALL_ORDERS", 400)
    load(Plan(is_full=False), now=NOW)


@pytest.mark.django_db(transaction=True)
def test_the_sample_chain_is_whole_and_consistent(small: None, settings: Any) -> None:
    """One load, looked at from every side; deferred constraints have fired, and the doctor finds nothing."""
    findings = {
        finding.check.name: (finding.violations, finding.rows) for finding in examine() if finding.violations
    }
    assert findings == {}
    _company()
    _delivery()
    _titles()
    _stock()
    _history()
    _people(settings)
    _trace()
    with nothing_changes():
        load(Plan(is_full=False), now=datetime(2026, 12, 24, tzinfo=UTC))


def _company() -> None:
    entity = LegalEntity.objects.get()
    assert (entity.name, parse_pib(entity.pib), parse_account(entity.bank_account)) == (
        "Prelist d.o.o.",
        entity.pib,
        entity.bank_account,
    )
    assert sorted(Channel.objects.values_list("code", flat=True)) == ["api", "call-center", "pos", "web-rs"]
    codes = list(Location.objects.filter(kind="STORE").order_by("code").values_list("code", flat=True))
    assert codes == [f"S-{number:03d}" for number in range(1, 61)]
    assert set(Location.objects.filter(kind="WAREHOUSE").values_list("code", flat=True)) == {"WH-1", "WH-2"}
    for location in Location.objects.filter(kind__in=["STORE", "WAREHOUSE"]):
        defaults = sorted(
            Bin.objects.filter(location=location, is_default=True).values_list("kind", flat=True)
        )
        assert defaults == sorted(set(BinKind.values) - {BinKind.TRANSIT})
    assert Bin.objects.filter(location__code="WH-1", code="A-01-03", kind="STORAGE").exists()
    safety = {
        each.location.code if each.location else None: each.quantity
        for each in SafetyStock.objects.select_related("location")
    }
    assert safety == {None: 1, "WH-1": 0, "WH-2": 0}


def _delivery() -> None:
    assert list(CarrierService.objects.order_by("position").values_list("code", flat=True)) == [
        "post-express-sutra",
        "d-express-sutra",
        "city-express",
        "rush-danas",
        "post-express-danas",
    ]
    tariffs = {
        (each.service.code, each.weight_grams_to): str(each.price_net)
        for each in CarrierTariff.objects.select_related("service")
    }
    # 350 gross; 202.90 net with 20 % fuel and 0.5 % levy; the contract list as it is.
    assert tariffs[("post-express-sutra", 500)] == "291.67"
    assert tariffs[("d-express-sutra", 500)] == "244.70"
    assert tariffs[("city-express", 2000)] == "250.00"
    places = dict(DeliveryPostcode.objects.values_list("postal_code", "zone__code"))
    assert {place.postal_code for place in Location.objects.filter(kind="STORE")} <= set(places)
    belgrade, village = places["11000"], places["23264"]

    def leads(zone: str, location: str) -> dict[str, int]:
        lanes = Lane.objects.filter(zone__code=zone, location__code=location)
        return dict(lanes.values_list("service__code", "lead_days"))

    assert leads(belgrade, "WH-1") == {
        "post-express-sutra": 1,
        "d-express-sutra": 1,
        "city-express": 1,
        "rush-danas": 0,
        "post-express-danas": 0,
    }
    assert leads(village, "WH-2") == {"post-express-sutra": 2, "d-express-sutra": 1, "city-express": 3}
    assert leads(village, "S-060") == {"post-express-sutra": 2}


def _titles() -> None:
    assert Product.objects.filter(kind="BOOK", status="PUBLISHED").count() == 800 + len(preorders.TITLES)
    assert all(
        parse_barcode(each) == each
        for each in Variant.objects.filter(is_kit=False, is_digital=False).values_list("barcode", flat=True)
    )
    kit = Variant.objects.get(is_kit=True)
    assert (kit.sku, kit.product.status, kit.components.count()) == ("KOMPLET-1", "PUBLISHED", 3)
    prices = catalog.unit_prices(
        Variant.objects.values_list("id", flat=True), PriceList.objects.get().pk, NOW
    )
    # Every title, the kit, and the electronic editions.
    assert len(prices) == 800 + 1 + 4 + Variant.objects.filter(is_digital=True).count() == 829
    assert Category.objects.filter(depth=0).count() == 6
    assert catalog.search("soba", PriceList.objects.get().pk, NOW).total > 10


def _stock() -> None:
    with_stock = StockItem.objects.filter(on_hand__gt=0)
    assert with_stock.values("location").distinct().count() == 62
    assert StockMove.objects.exclude(reason="OPENING").count() == 0
    assert PurchaseOrder.objects.filter(status="OPEN").count() == stock.PURCHASE_ORDERS + 4
    best = Variant.objects.order_by("-product__popularity", "sku").first()
    assert best is not None
    assert sum(with_stock.filter(variant=best).values_list("on_hand", flat=True)) > 50


def _history() -> None:
    orders = Order.objects.all()
    assert orders.count() == 400
    assert set(orders.values_list("is_imported", flat=True)) == {True}
    assert set(orders.values_list("status", flat=True)) == {"COMPLETED", "CANCELED"}
    placed = sorted(orders.values_list("placed_at", flat=True))
    assert 355 < (NOW - placed[0]).days <= 366
    assert 5 <= (NOW - placed[-1]).days < 12
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(*) FROM oms_order o JOIN (SELECT order_id, sum(total) s FROM oms_orderline GROUP BY 1) l ON l.order_id = o.id
                WHERE o.total <> l.s OR o.due_total <> CASE WHEN o.status = 'CANCELED' THEN 0 ELSE o.total - o.refunded_total END"""
        )
        assert cursor.fetchone() == (0,)
        cursor.execute(
            "SELECT count(*) FROM oms_order o JOIN crm_customer c ON c.id = o.customer_id WHERE o.placed_at < c.created_at"
        )
        assert cursor.fetchone() == (0,)
    sold = OrderLine.objects.filter(kind="GOODS")
    popular = set(Product.objects.order_by("-popularity").values_list("id", flat=True)[:80])
    ana = orders.filter(customer__user__email="ana@prelist.example")
    assert 8 < ana.count() < 40
    share = sold.filter(variant__product__in=popular).count() / sold.count()
    assert share > 0.2, "best sellers are what people read"


def _people(settings: Any) -> None:
    content = json.loads((settings.ONEROW_HOME / "sample.json").read_text())
    assert set(content) == {"base_url", "api_key", "logins"}
    key = ApiKey.objects.get(digest=digest_of(content["api_key"]))
    assert (key.user.email, sorted(key.scopes)) == ("igor@prelist.example", sorted(SCOPES))
    roles = {login["role"]: login for login in content["logins"]}
    assert set(roles) == {
        "owner",
        "agent",
        "picker",
        "store",
        "accountant",
        "ops lead",
        "merchandiser",
        "second merchandiser",
        "auditor",
        "integrator",
        "shopper",
    }
    for login in content["logins"]:
        user = authenticate(None, email=login["email"], password=login["password"])
        assert isinstance(user, User), login["role"]
        if login["role"] != "shopper":
            secret = Authenticator.objects.get(user=user, type="totp").data["secret"]
            assert decrypt(secret) == login["totp_secret"]
    assert {
        user.email: sorted(user.groups.values_list("name", flat=True))
        for user in User.objects.filter(groups__isnull=False)
    } == {
        "vesna@prelist.example": ["AGENT"],
        "bojan@prelist.example": ["PICKER"],
        "sava@prelist.example": ["STORE"],
        "ceca@prelist.example": ["ACCOUNTANT"],
        "dragan@prelist.example": ["OPS_LEAD"],
        "mila@prelist.example": ["MERCHANDISER"],
        "nada@prelist.example": ["MERCHANDISER"],
        "rada@prelist.example": ["AUDITOR"],
        "igor@prelist.example": ["INTEGRATOR"],
    }
    rada = User.objects.get(email="rada@prelist.example")
    assert access.permissions_of(rada) == access.ROLES["AUDITOR"]
    mila = User.objects.get(email="mila@prelist.example")
    assert mila.has_perms(["wagtailadmin.access_admin", "crm.change_customer"])
    assert not mila.has_perm("finance.view_payment")
    assert Customer.objects.count() == 300
    assert all(
        parse_pib(pib) == pib for pib in Customer.objects.exclude(pib="").values_list("pib", flat=True)
    )
    assert set(LoyaltyAccount.objects.values_list("tier__rank", flat=True)) >= {1, 2}


def _trace() -> None:
    owner = User.objects.get(email="olga@prelist.example")
    entries = LogEntry.objects.filter(batch__startswith="sample:")
    assert set(entries.values_list("actor_id", flat=True)) <= {owner.pk, None}
    assert (
        LogEntry.objects.filter(batch="sample: stock", content_type__model="stockitem").get().row_count
        == StockItem.objects.count()
    )
    assert LogEntry.objects.filter(batch="").count() == 0


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_two_loads_make_the_same_chain(home: Path, small: None, settings: Any) -> None:
    """Another empty database, the same day: the same rows. Secrets differ, so their tables are left out."""
    first = _comparable()
    settings.ONEROW_HOME = home
    Databases(connection.settings_dict["NAME"].rsplit("_", 1)[-1]).renew()
    load(Plan(is_full=False), now=NOW)
    second = _comparable()
    assert {table for table in first if first[table] != second[table]} == set()
    assert sum(1 for digest in first.values() if digest) > 25


def _comparable() -> dict[str, str]:
    return {table: digest for table, (_, digest) in digests().items() if table not in OWN}


@pytest.mark.django_db
def test_production_refuses_the_sample(settings: Any) -> None:
    settings.SAMPLE_IS_ALLOWED = False
    before = digests()
    with pytest.raises(SampleNotAllowed):
        load(Plan(is_full=False), now=NOW)
    assert digests() == before
    with pytest.raises(CommandError, match="SAMPLE_NOT_ALLOWED"):
        call_command("load_sample", verbosity=0)


def test_a_book_file_that_is_not_there_is_an_error() -> None:
    with pytest.raises(CommandError, match="There is no file"):
        call_command("load_sample", books="nothing.csv")


def test_secrets_belong_to_the_machine(settings: Any, tmp_path: Path) -> None:
    """Nobody knows the logins of another machine's sample."""
    ours = (people.password(), people.api_key())
    settings.ONEROW_HOME = tmp_path
    assert {people.password(), people.api_key()}.isdisjoint(ours)
    assert people.logins() == people.logins()


def test_the_settings_allow_the_sample_only_locally() -> None:
    assert settings.SAMPLE_IS_ALLOWED
