"""The goals: what is measured, against which reference, what it should reach at least and what it aims at."""

from __future__ import annotations

from dataclasses import dataclass

from bench import growing
from bench.accounts import COMPARED


@dataclass(frozen=True, slots=True)
class Goal:
    """One row of the results. With a reference the goals are ratios, else values of the unit.

    `is_less_better` turns it round: then `at_least` is the most that is allowed.
    """

    name: str
    unit: str
    reference: str | None
    at_least: float | None = None
    aim: float | None = None
    is_less_better: bool = False

    def is_reached(self, figure: float) -> bool | None:
        """Against `at_least`; None where there is no goal."""
        if self.at_least is None:
            return None
        return figure <= self.at_least if self.is_less_better else figure >= self.at_least


PLACING, TEMPLATE, JSON = "pgbench_function", "template_floor", "json_floor"
GOALS = (
    Goal("pgbench_function", "orders/s", None),
    Goal("template_floor", "requests/s", None),
    Goal("json_floor", "requests/s", None),
    Goal("place_order", "orders/s", PLACING, 0.10, 0.25),
    Goal("pgbench_function_by_cpu", "orders/s of CPU", None),
    Goal("template_floor_by_cpu", "requests/s of CPU", None),
    Goal("json_floor_by_cpu", "requests/s of CPU", None),
    Goal("place_order_by_cpu", "orders/s of CPU", "pgbench_function_by_cpu", 0.10, 0.25),
    Goal("place_order_p50", "ms", None),
    Goal("place_order_p95", "ms", None),
    Goal("place_order_p99", "ms", None),
    Goal("full_guest_flow", "orders/s", PLACING, 0.02, 0.04),
    Goal("full_guest_flow_by_cpu", "orders/s of CPU", "pgbench_function_by_cpu", 0.02, 0.04),
    Goal("full_guest_flow_p50", "ms", None),
    Goal("full_guest_flow_p95", "ms", None),
    Goal("full_guest_flow_p99", "ms", None),
    Goal("statements_placing", "statements", None, 12, 5, is_less_better=True),
    Goal("statements_pricing", "statements", None, 6, 3, is_less_better=True),
    Goal("statements_full_flow", "statements", None, 60, 30, is_less_better=True),
    Goal("statements_growth_with_lines", "statements", None, 0, 0, is_less_better=True),
    # Fifty lines under two hundred discounts and fifty segments: at most five times the bare view with one query.
    Goal("price_under_discounts_by_cpu", "prices/s of CPU", "json_floor_by_cpu", 0.2, 0.33),
    Goal("price_under_discounts", "ms", None),
    Goal("statements_price_under_discounts", "statements", None, 6, 2, is_less_better=True),
    Goal("product_page", "requests/s", TEMPLATE, 0.25, 0.5),
    Goal("product_page_by_cpu", "requests/s of CPU", "template_floor_by_cpu", 0.25, 0.5),
    Goal("product_page_p95", "ms", None),
    Goal("listing", "requests/s", TEMPLATE, 0.10, 0.25),
    Goal("listing_by_cpu", "requests/s of CPU", "template_floor_by_cpu", 0.10, 0.25),
    Goal("listing_p95", "ms", None),
    Goal("search", "requests/s", None, 50, 150),
    Goal("search_alone_p95", "ms", None, 100, 100, is_less_better=True),
    Goal("stock_figure", "requests/s", JSON, 0.6, 0.8),
    Goal("stock_figure_by_cpu", "requests/s of CPU", "json_floor_by_cpu", 0.6, 0.8),
    Goal("availability", "requests/s", None),
    Goal("availability_alone_p95", "ms", None, 30, 30, is_less_better=True),
    Goal("hot_sku", "orders/s", "cold_checkout", 0.6, 0.9),
    Goal("race_100_for_10", "share of runs with exactly 10 sold and no 5xx", None, 1, 1),
    Goal("race_100_for_10_sold_out_p95", "ms", None, None, 300, is_less_better=True),
    Goal("import_catalog", "lines/s", None, 5000, 5000),
    Goal("doctor", "s", None, 60, 60, is_less_better=True),
    Goal("segment_accounts", "accounts", None),
    Goal(
        "segment_count_ratio",
        "worst of seven counts / hand-written SQL, by CPU",
        None,
        1.5,
        1.1,
        is_less_better=True,
    ),
    *(
        Goal(
            f"segment_count_{name}_{by}",
            "ms",
            f"segment_count_{name}_raw_{by}",
            1.5,
            1.1,
            is_less_better=True,
        )
        for name in COMPARED
        for by in ("cpu_ms", "ms")
    ),
    Goal("segment_membership_ms", "ms", None, 1, 0.1, is_less_better=True),
    Goal("segment_membership_p95_ms", "ms", None, 1, 1, is_less_better=True),
    Goal("segment_membership_first_ms", "ms", None),
    Goal("segment_membership_busiest_ms", "ms", None),
    Goal("segment_membership_planning_ms", "ms", None),
    Goal("segment_membership_of_20_ms", "ms", None),
    Goal("segment_membership_of_20_planning_ms", "ms", None),
    # The whole page of the back office, of a million accounts.
    Goal("find_account_p95_ms", "ms", None, 100, 50, is_less_better=True),
    Goal("find_account_slowest_kind_ms", "ms", None, 100, 50, is_less_better=True),
    Goal("find_account_api_p95_ms", "ms", None, 100, 50, is_less_better=True),
    Goal("find_account_p50_ms", "ms", None),
    Goal("find_account_p95_cpu_ms", "ms", None, 100, 50, is_less_better=True),
    Goal("find_account_slowest_kind_cpu_ms", "ms", None, 100, 50, is_less_better=True),
    Goal("coupons_million", "s", None, 60, 30, is_less_better=True),
    Goal("coupons_million_by_cpu", "s of CPU", None, 60, 20, is_less_better=True),
    Goal("growth_product_page", "ms of CPU-bound time", "product_page_1x", 1.5, 1.1, is_less_better=True),
    Goal("growth_listing", "ms of CPU-bound time", "listing_1x", 1.5, 1.1, is_less_better=True),
    Goal("growth_search", "ms of CPU-bound time", "search_1x", 1.5, 1.1, is_less_better=True),
    Goal("growth_orders_list", "ms of CPU-bound time", "orders_list_1x", 1.5, 1.1, is_less_better=True),
    *(Goal(f"full_{name}", "ms", f"full_{name}_1x", 1.5, 1.1, is_less_better=True) for name in growing.PAGES),
)
