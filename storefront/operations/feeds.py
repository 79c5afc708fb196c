"""The report of a product feed: what it leaves out, and why."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from storefront.models import Channel, FeedRejection
from storefront.rules import feed_reason
from storefront.selectors.feeds import feed_pieces


def check_feed(*, channel: Channel, feed: str, now: datetime) -> int:
    """Write the report of this feed anew; returns how many variants it leaves out.

    What is left out for the same reason as before keeps the moment when that was found.
    """
    found = {
        row.variant.pk: reason
        for piece in feed_pieces(channel, now)
        for row in piece
        if (reason := feed_reason(feed, row.facts))
    }
    with transaction.atomic():
        rows = FeedRejection.objects.select_for_update().filter(channel=channel, feed=feed)
        known = {row.variant_id: row for row in rows}
        gone = [row.pk for row in known.values() if found.get(row.variant_id) != row.reason]
        FeedRejection.objects.filter(pk__in=gone).delete()
        FeedRejection.objects.bulk_create(
            (
                FeedRejection(channel=channel, feed=feed, variant_id=variant_id, reason=reason, found_at=now)
                for variant_id, reason in found.items()
                if variant_id not in known or known[variant_id].reason != reason
            ),
            batch_size=1000,
            ignore_conflicts=True,
        )
    return len(found)
