"""Which lines a discount covers, found by what its scope names: many discounts over many lines need not ask each pair."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from oms.pricing.question import Discount, PricingLine, Scope


class Reach:
    """The lines of one basket by SKU and branch; `of` answers what `Scope.covers` would say of each line."""

    def __init__(self, lines: Sequence[PricingLine]) -> None:
        self._goods = [place for place, line in enumerate(lines) if line.is_discountable]
        self._by_sku: dict[str, list[int]] = {}
        self._by_category: dict[str, list[int]] = {}
        for place in self._goods:
            self._by_sku.setdefault(lines[place].sku, []).append(place)
            for category in lines[place].categories:
                self._by_category.setdefault(category, []).append(place)
        self._known: dict[str, list[int]] = {}

    def of(self, discount: Discount) -> list[int]:
        """Places of the covered lines, ascending."""
        found = self._known.get(discount.code)
        if found is None:
            found = self._known[discount.code] = self._covered(discount.scope)
        return found

    def _covered(self, scope: Scope) -> list[int]:
        if not scope.skus and not scope.categories:
            if not scope.excluded_skus and not scope.excluded_categories:
                return self._goods
            named = set(self._goods)
        else:
            named = self._named(scope.skus, scope.categories)
        return sorted(named - self._named(scope.excluded_skus, scope.excluded_categories))

    def _named(self, skus: Iterable[str], categories: Iterable[str]) -> set[int]:
        found: set[int] = set()
        for sku in skus:
            found.update(self._by_sku.get(sku, ()))
        for category in categories:
            found.update(self._by_category.get(category, ()))
        return found
