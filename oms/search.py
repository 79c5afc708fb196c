"""Finding orders: the filters of the list, as they stand in the URL, become a queryset through an allow-list."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import BooleanField, Exists, F, Func, OuterRef, Q, QuerySet

from oms.models import LineDiscount, Order, OrderException, OrderLine
from oms.states import (
    IN_STORE,
    OPEN_STATUSES,
    DeliveryKind,
    ExceptionState,
    FulfillmentStatus,
    OrderStatus,
    PaymentMethod,
    PaymentStatus,
)
from retail.kernel.clock import BUSINESS_ZONE
from retail.kernel.identifiers import parse_phone
from storefront.models import Variant

# As words of the statement, not as its parameters: only so is the index of open orders (`order_open`) asked by a plan that is kept for all
# values. Without it such a plan looks through every order there is for the few that are late.
OPEN_ONES = Q(
    Func(
        F("status"),
        template="%(expressions)s IN (" + ", ".join(f"'{each.value}'" for each in OPEN_STATUSES) + ")",
        output_field=BooleanField(),
    )
)
CHOICES = {
    "status": OrderStatus,
    "payment_status": PaymentStatus,
    "fulfillment_status": FulfillmentStatus,
    "delivery_method": DeliveryKind,
    "payment_method": PaymentMethod,
}


@dataclass(frozen=True, slots=True)
class Filters:
    """What the URL asks for; anything that is not on the list is left out."""

    text: str = ""
    view: str = ""
    channel: str = ""
    status: str = ""
    payment_status: str = ""
    fulfillment_status: str = ""
    delivery_method: str = ""
    payment_method: str = ""
    placed_from: date | None = None
    placed_to: date | None = None
    # The slug of a campaign: orders with a line that it priced.
    campaign: str = ""

    @classmethod
    def of_query(cls, query: Mapping[str, str]) -> "Filters":
        chosen = {
            name: query.get(name, "")
            for name, choices in CHOICES.items()
            if query.get(name) in choices.values
        }
        return cls(
            text=query.get("q", "").strip()[:100],
            view=query.get("view", "") if query.get("view", "") in VIEWS else "",
            channel=query.get("channel", "")[:20],
            placed_from=_day(query.get("placed_from", "")),
            placed_to=_day(query.get("placed_to", "")),
            campaign=query.get("campaign", "")[:60],
            **chosen,
        )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _today(now: datetime) -> Q:
    start = datetime.combine(now.astimezone(BUSINESS_ZONE).date(), time(), BUSINESS_ZONE)
    return Q(placed_at__gte=start)


def _late(now: datetime) -> Q:
    undone = Q(fulfillment_status__in=["UNROUTED", "ROUTED", "PICKING", "PACKED", "PARTLY_DISPATCHED"])
    return undone & OPEN_ONES & Q(promised_on__lt=now.astimezone(BUSINESS_ZONE).date())


# The views that everyone has: name → condition at a moment.
VIEWS: dict[str, Callable[[datetime], Q]] = {
    "today": _today,
    "unrouted": lambda now: Q(fulfillment_status="UNROUTED", status__in=["PLACED", "IN_FULFILLMENT"]),
    "late": _late,
    "held": lambda now: Q(status="ON_HOLD"),
    "unpaid": lambda now: Q(status="PENDING_PAYMENT"),
    "pickup": lambda now: Q(delivery_method__in=IN_STORE) & OPEN_ONES,
    "companies": lambda now: ~Q(company_pib="") & OPEN_ONES,
}


def orders(filters: Filters, *, among: QuerySet[Order], now: datetime) -> QuerySet[Order]:
    rows = among.select_related("channel")
    for name in CHOICES:
        if value := getattr(filters, name):
            rows = rows.filter(**{name: value})
    if filters.channel:
        rows = rows.filter(channel__code=filters.channel)
    if filters.placed_from:
        rows = rows.filter(placed_at__gte=datetime.combine(filters.placed_from, time(), BUSINESS_ZONE))
    if filters.placed_to:
        rows = rows.filter(
            placed_at__lt=datetime.combine(filters.placed_to + timedelta(days=1), time(), BUSINESS_ZONE)
        )
    if filters.campaign:
        priced = LineDiscount.objects.filter(campaign__slug=filters.campaign)
        rows = rows.filter(pk__in=priced.values("line__order"))
    if filters.view:
        rows = rows.filter(VIEWS[filters.view](now))
    return rows.filter(matching(filters.text)) if filters.text else rows


def matching(text: str) -> Q:
    """Number, name, e-mail, phone, PIB, SKU or barcode: whatever the person has in front of them."""
    digits = text.replace(" ", "").replace("-", "")
    if digits.isdigit() and len(digits) in (8, 10, 12, 13):
        articles = list(
            Variant.objects.filter(Q(sku=digits) | Q(barcode=digits)).values_list("pk", flat=True)
        )
        if articles:
            # An article says which orders are meant; any other condition beside it would read every line.
            return Q(Exists(OrderLine.objects.filter(order=OuterRef("pk"), variant__in=articles)))
    found = Q(number__icontains=text) | Q(name__icontains=text) | Q(email__icontains=text)
    if phone := parse_phone(text):
        found |= Q(phone=phone)
    if digits.isdigit():
        if len(digits.lstrip("0")) >= 6:
            found |= Q(phone__contains=digits.lstrip("0"))
        if len(digits) == 9:
            found |= Q(company_pib=digits)
    return found


def view_counts(*, among: QuerySet[Order], now: datetime) -> dict[str, int]:
    """How much waits in each of the work views; each is a short index scan. "today" of a large shop is capped like the others."""
    return {name: among.filter(condition(now))[:1000].count() for name, condition in VIEWS.items()}


def with_exceptions(rows: QuerySet[Order]) -> QuerySet[Order]:
    open_ones = OrderException.objects.filter(order=OuterRef("pk"), state=ExceptionState.OPEN)
    return rows.annotate(has_exception=Exists(open_ones))
