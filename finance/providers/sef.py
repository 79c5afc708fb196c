"""SEF, the national system of electronic invoices: its register of companies."""

from __future__ import annotations

from functools import cache

import httpx
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from retail.kernel.outside import Breaker, Service, shared_breaker

SERVICE = "SEF"
# All companies of the country.
LIST_BYTES_MAX = 250_000_000
LIST_SECONDS = 180.0


class SefRegister:
    """Asks whether a company takes electronic invoices."""

    def __init__(
        self,
        *,
        base_url: str,
        timeout_seconds: float = 10.0,
        breaker: Breaker | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._service = Service(
            name=SERVICE,
            base_url=base_url,
            headers={},
            timeout_seconds=timeout_seconds,
            breaker=breaker,
            transport=transport,
        )

    def is_registered(self, *, pib: str, registration_number: str = "") -> bool:
        """Whether the company with this PIB, and company number when given, is in the register now."""
        answer = self._service.call(
            "is_registered",
            "POST",
            "api/publicApi/Company/CheckIfCompanyRegisteredOnEfaktura",
            payload={"vatNumber": pib, "registrationNumber": registration_number or None, "jbkjs": None},
        )
        found = answer.data.get("EFakturaRegisteredCompany") if isinstance(answer.data, dict) else None
        if not isinstance(found, bool):
            raise self._service.unreadable("is_registered")
        return found

    def companies(self) -> str:
        """Every company that is or was registered, as the text of a JSON list: too many for objects of ours."""
        answer = self._service.call(
            "companies",
            "GET",
            "api/publicApi/getAllCompanies",
            parameters={"includeAllStatuses": "true"},
            is_raw=True,
            bytes_max=LIST_BYTES_MAX,
        )
        text = bytes(answer.data).decode("utf-8-sig", errors="replace").replace("\\u0000", "")
        if not text.lstrip().startswith("["):
            raise self._service.unreadable("companies")
        return text


def from_settings(*, is_for_the_list: bool = False) -> SefRegister:
    """The register that the settings name; one client in a process, since making one is dear."""
    if not settings.SEF_URL:
        raise ImproperlyConfigured("SEF_URL must be set before companies can be looked up.")
    return _client(settings.SEF_URL, LIST_SECONDS if is_for_the_list else settings.SEF_TIMEOUT_SECONDS)


@cache
def _client(base_url: str, timeout_seconds: float) -> SefRegister:
    return SefRegister(base_url=base_url, timeout_seconds=timeout_seconds, breaker=shared_breaker(base_url))
