"""A million codes for one use each, as the desk of coupons makes them: told apart, kept by their constraint, each with its trace."""

from __future__ import annotations

import time

from bench import cpu

DATABASE = "coupons"
COUNT = 1_000_000


def measure(count: int) -> dict[str, float]:
    """Seconds by the clock and of CPU, until the codes are committed."""
    from crm.models import Coupon, Discount
    from crm.operations import create_batch
    from crm.states import Audience
    from retail.kernel import clock
    from retail.kernel.context import acting

    discount = Discount.objects.create(code="bench", name="Bench", audience=Audience.COUPON)
    began, before = time.perf_counter(), cpu.used()
    with acting(label="bench"):
        create_batch(discount_id=discount.pk, name="Bench", by=None, now=clock.now(), count=count)
    found = {"seconds": time.perf_counter() - began, "cpu_seconds": cpu.used() - before}
    assert Coupon.objects.count() == count
    return found
