"""Verbs of reviews: written by a buyer, read by a person, then part of what the product is said to be."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.db.models import Avg, Count
from django.utils.translation import gettext as _

from crm.events import ReviewAnswered, ReviewDecided, ReviewWritten
from crm.models import Review
from crm.states import REVIEW_MOVES, ReviewState
from retail.kernel.context import acting
from retail.kernel.errors import InvalidInput, NotFound, Refusal
from retail.kernel.models import User
from retail.kernel.outbox import announce
from retail.kernel.states import check_move
from storefront import operations as catalog

TEXT_MAX, REPLY_MAX = 4000, 2000


class AlreadyReviewed(Refusal):
    """One review of a product from one buyer."""

    code = "ALREADY_REVIEWED"


class InvalidReview(InvalidInput):
    code = "INVALID_REVIEW"


class ReviewNotFound(NotFound):
    code = "UNKNOWN_REVIEW"


@transaction.atomic
def write_review(
    *,
    customer_id: int,
    product_id: int,
    order_line_id: int,
    rating: int,
    title: str,
    text: str,
    shown_name: str,
    language: str,
    by: User | None,
    now: datetime,
) -> Review:
    """It waits to be read. The caller has proved that the line is this customer's. Refuses InvalidReview, AlreadyReviewed."""
    if not 1 <= rating <= 5:
        raise InvalidReview(_("Choose from one to five stars."), field="rating")
    if not shown_name.strip():
        raise InvalidReview(_("Write the name to stand beside the review."), field="shown_name")
    if len(text) > TEXT_MAX:
        raise InvalidReview(_("The review is too long."), field="text")
    with acting(by=by):
        try:
            with transaction.atomic():
                review = Review.objects.create(
                    customer_id=customer_id,
                    product_id=product_id,
                    order_line_id=order_line_id,
                    rating=rating,
                    title=title.strip()[:120],
                    text=text.strip(),
                    shown_name=shown_name.strip()[:60],
                    language=language,
                    created_at=now,
                )
        except IntegrityError as error:
            raise AlreadyReviewed(_("You have written about it already."), product=product_id) from error
        announce(ReviewWritten(review.pk, product_id), subject=("review", str(review.pk)))
    return review


@transaction.atomic
def decide_review(*, review_id: int, is_published: bool, by: User, now: datetime, reason: str = "") -> Review:
    """Show it or not; the product's rating follows in the same transaction. Refuses ReviewNotFound, IllegalMove, InvalidReview."""
    product_id = Review.objects.filter(pk=review_id).values_list("product_id", flat=True).first()
    if product_id is None:
        raise ReviewNotFound(_("There is no such review."), review=review_id)
    catalog.lock_product(product_id)
    review = Review.objects.select_for_update().get(pk=review_id)
    wanted = ReviewState.PUBLISHED if is_published else ReviewState.REJECTED
    check_move(REVIEW_MOVES, review.state, wanted, what=str(review))
    if not is_published and not reason.strip():
        raise InvalidReview(_("Say why it is not shown."), field="reason")
    with acting(by=by):
        review.state, review.reason = wanted, "" if is_published else reason.strip()[:200]
        review.decided_by, review.decided_at = by, now
        review.save(update_fields=["state", "reason", "decided_by", "decided_at"])
        _rate(product_id)
        announce(ReviewDecided(review.pk, product_id, review.state), subject=("review", str(review.pk)))
    return review


@transaction.atomic
def reply_to_review(*, review_id: int, text: str, by: User, now: datetime) -> Review:
    """The shop's words below a review that is shown; no words take them back. Refuses ReviewNotFound, InvalidReview."""
    review = Review.objects.select_for_update(of=("self",)).filter(pk=review_id).first()
    if review is None:
        raise ReviewNotFound(_("There is no such review."), review=review_id)
    words = text.strip()
    if words and review.state != ReviewState.PUBLISHED:
        raise InvalidReview(_("Only a review that is shown is answered."), field="reply")
    if len(words) > REPLY_MAX:
        raise InvalidReview(_("The answer is too long."), field="reply")
    if words == review.reply:
        return review
    with acting(by=by):
        review.reply, review.replied_by, review.replied_at = words, by, now
        review.save(update_fields=["reply", "replied_by", "replied_at"])
        announce(ReviewAnswered(review.pk, review.product_id), subject=("review", str(review.pk)))
    return review


def _rate(product_id: int) -> None:
    """The mean of what is shown, to two places."""
    found = Review.objects.filter(product_id=product_id, state=ReviewState.PUBLISHED).aggregate(
        mean=Avg("rating"), count=Count("pk")
    )
    rating = Decimal(found["mean"]).quantize(Decimal("0.01")) if found["count"] else None
    catalog.rate_product(product_id=product_id, rating=rating, count=found["count"])
