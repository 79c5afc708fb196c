"""SEF's records of VAT (version 2): single and summary, added, corrected, withdrawn. Keys of answers are read in any case."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from finance.providers.sef_documents import SefDocuments, field_of
from finance.states import VatRecordKind
from retail.kernel.outside import ProviderTimeout

PATHS = {
    VatRecordKind.INDIVIDUAL: "api/v2/publicApi/vat-recording/individual",
    VatRecordKind.SUMMARY: "api/v2/publicApi/vat-recording/group",
}
# No source says how the id is called in an answer; these names were seen.
ID_NAMES = ("individualVatId", "groupVatId", "vatRecordingId", "id")
DRAFT, RECORDED, REPLACED, CANCELED = 0, 10, 20, 30


@dataclass(frozen=True, slots=True)
class Recorded:
    """A record as SEF has it."""

    sef_id: int
    number: str
    status: int


class SefVat:
    """The same key and the same pace as the company's documents."""

    def __init__(self, client: SefDocuments) -> None:
        self._client = client

    def add(self, *, kind: VatRecordKind, body: dict[str, Any]) -> Recorded:
        return self._one("record", "POST", PATHS[kind], payload=body)

    def correct(self, *, kind: VatRecordKind, sef_id: int, body: dict[str, Any]) -> Recorded:
        return self._one("correct", "POST", f"{PATHS[kind]}/correction/{sef_id}", payload=body)

    def cancel(self, *, kind: VatRecordKind, sef_id: int) -> Recorded:
        return self._one("withdraw", "POST", f"{PATHS[kind]}/cancel/{sef_id}", payload={})

    def read(self, *, kind: VatRecordKind, sef_id: int) -> Recorded:
        return self._one("standing", "GET", f"{PATHS[kind]}/{sef_id}")

    def find(self, *, kind: VatRecordKind, number: str, first: date, last: date) -> Recorded | None:
        """The record with this number, among those that were recorded in these days."""
        data = self._client.call(
            "records",
            "GET",
            PATHS[kind],
            parameters={"dateFrom": first.isoformat(), "dateTo": last.isoformat()},
        )
        if not isinstance(data, list):
            raise ProviderTimeout("SEF", "records", "UNREADABLE")
        return next((one for one in map(_recorded, data) if one is not None and one.number == number), None)

    def _one(self, operation: str, method: str, path: str, **options: Any) -> Recorded:
        found = _recorded(self._client.call(operation, method, path, **options))
        if found is None:
            raise ProviderTimeout("SEF", operation, "UNREADABLE")
        return found


def _recorded(data: Any) -> Recorded | None:
    sef_id = next((found for name in ID_NAMES if isinstance(found := field_of(data, name), int)), None)
    status = field_of(data, "vatRecordingStatus")
    if sef_id is None or not isinstance(status, int):
        return None
    return Recorded(sef_id, str(field_of(data, "calculationNumber") or ""), status)
