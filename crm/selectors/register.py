"""Who a PIB belongs to, by the public register of companies."""

from __future__ import annotations

from crm.models import RegisteredCompany


def company_of(pib: str) -> RegisteredCompany | None:
    """The company with this PIB that is registered today; the first of public bodies that share one."""
    return RegisteredCompany.objects.filter(pib=pib, deleted_on=None).order_by("jbkjs").first()


def jbkjs_of(pib: str) -> str:
    """The number of a public body, when there is exactly one with this PIB."""
    found = RegisteredCompany.objects.filter(pib=pib, deleted_on=None).exclude(jbkjs="")
    numbers = list(found.values_list("jbkjs", flat=True)[:2])
    return numbers[0] if len(numbers) == 1 else ""
