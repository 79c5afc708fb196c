"""`{% customer_segments customer %}`: the panel "segments right now" of an account, each with the conditions that hold and why."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils import timezone

from crm.models import Customer
from crm.segment_pages.words import reason_words
from crm.selectors import segments_with_reasons

register = template.Library()


@register.inclusion_tag("crm/segments/of_customer.html")
def customer_segments(customer: Customer) -> dict[str, Any]:
    """Asked live, two statements."""
    found = segments_with_reasons(customer_id=customer.pk, now=timezone.now())
    return {
        "segments": [
            (each.fact.slug, each.name, [(reason_words(reason), reason.is_met) for reason in each.reasons])
            for each in found
        ]
    }
