"""For whom, when and at which prices a page is drawn: the shopper of the request, or somebody a preview plays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from django.http import HttpRequest

from cms.views.answer_forms import AnswerForm
from crm import selectors as crm
from oms.offers import Offers
from retail.kernel import clock
from storefront.models import Channel
from storefront.views import shopper


@dataclass(frozen=True)
class Viewer:
    """`offers` and `played` are a preview's: what the draft would offer, and the segments that the played person is in."""

    request: HttpRequest
    channel: Channel
    now: datetime
    offers: Offers | None = None
    played: frozenset[int] = field(default_factory=frozenset)
    is_preview: bool = False
    # The form of this page that was just sent and not taken: it is drawn again with everything typed.
    refused: AnswerForm | None = None

    @cached_property
    def customer_id(self) -> int | None:
        if self.is_preview:
            return None
        customer = shopper.customer_of(self.request)
        return customer.pk if customer else None

    def segments(self, asked: Iterable[int]) -> set[int]:
        """Those that hold for this person; one statement, and none when no block asks or nobody is signed in."""
        wanted = set(asked)
        if self.is_preview:
            return wanted & self.played
        if not wanted or self.customer_id is None:
            return set()
        return set(crm.segments_of(customer_id=self.customer_id, segment_ids=wanted, now=self.now))


def of(request: HttpRequest, *, refused: AnswerForm | None = None) -> Viewer:
    return Viewer(request, shopper.channel(), clock.now(), refused=refused)
