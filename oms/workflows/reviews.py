"""A review is of somebody who bought it: the purchase is proved before a word is taken."""

from __future__ import annotations

from datetime import datetime

from django.db.models import F
from django.utils.translation import gettext as _

from crm import operations as crm
from crm.models import Customer, Review
from oms.models import OrderLine
from retail.kernel.errors import Refusal
from retail.kernel.models import User
from storefront.models import Product


class NotBought(Refusal):
    """Only who bought it and has kept it may review it."""

    code = "NOT_BOUGHT"


def bought_line(*, customer: Customer, product: Product) -> OrderLine | None:
    """The newest line of this account by which a copy left for them and did not come back."""
    lines = OrderLine.objects.filter(
        order__customer=customer, variant__product=product, quantity_dispatched__gt=F("quantity_returned")
    )
    return lines.order_by("-ordered_at", "-pk").first()


def write_review(
    *,
    customer: Customer,
    product: Product,
    rating: int,
    title: str,
    text: str,
    shown_name: str,
    language: str,
    by: User | None,
    now: datetime,
) -> Review:
    """Refuses NotBought, AlreadyReviewed, InvalidReview."""
    line = bought_line(customer=customer, product=product)
    if line is None:
        raise NotBought(_("Whoever bought it here and has it may review it."), product=product.slug)
    return crm.write_review(
        customer_id=customer.pk,
        product_id=product.pk,
        order_line_id=line.pk,
        rating=rating,
        title=title,
        text=text,
        shown_name=shown_name,
        language=language,
        by=by,
        now=now,
    )
