"""Which lines the discounts cover, found from the lines by what a scope names: many discounts over many lines need not ask each pair."""

from __future__ import annotations

from collections.abc import Sequence

from oms.pricing.question import DiscountSet, PricingLine


def reached(discounts: DiscountSet, lines: Sequence[PricingLine]) -> dict[int, list[int]]:
    """For each discount that covers anything (by its place in the set) the places of the lines, ascending.

    The same that `Scope.covers` says of each line.
    """
    goods = [place for place, line in enumerate(lines) if line.is_discountable]
    found = {each: list(goods) for each in discounts.of_everything} if goods else {}
    by_sku, by_category = discounts.by_sku, discounts.by_category
    for place in goods:
        line = lines[place]
        for named in (by_sku.get(line.sku), *map(by_category.get, line.categories)):
            for each in named or ():
                places = found.get(each)
                if places is None:
                    found[each] = [place]
                elif places[-1] != place:
                    places.append(place)
    for each in discounts.with_exclusions:
        if each in found:
            covered = [place for place in found.pop(each) if discounts[each].scope.covers(lines[place])]
            if covered:
                found[each] = covered
    return found
