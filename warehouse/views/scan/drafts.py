"""A count in progress, kept in the session of the handheld until it is written: it survives a flat battery."""

from dataclasses import dataclass, field

from django.http import HttpRequest

_KEY = "scan.drafts"
SEEN_KEPT = 40
UNITS_MAX = 9_999


@dataclass
class Draft:
    """Units by variant, good and damaged; `seen` are the ids of the last scans, so that none counts twice."""

    name: str
    counts: dict[str, list[int]] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)

    def of(self, variant_id: int) -> tuple[int, int]:
        arrived, broken = self.counts.get(str(variant_id), [0, 0])
        return arrived, broken

    def count(self, variant_id: int, units: int, *, is_damaged: bool = False, scan_id: str = "") -> bool:
        """False when this scan was counted before."""
        if scan_id and scan_id in self.seen:
            return False
        pair = self.counts.setdefault(str(variant_id), [0, 0])
        pair[int(is_damaged)] += units
        if scan_id:
            self.seen = [*self.seen, scan_id[:64]][-SEEN_KEPT:]
        return True


def open_draft(request: HttpRequest, name: str) -> Draft:
    kept = request.session.get(_KEY, {}).get(name, {})
    return Draft(
        name, {key: list(pair) for key, pair in kept.get("counts", {}).items()}, list(kept.get("seen", []))
    )


def keep(request: HttpRequest, draft: Draft) -> None:
    request.session[_KEY] = {
        **request.session.get(_KEY, {}),
        draft.name: {"counts": draft.counts, "seen": draft.seen},
    }


def forget(request: HttpRequest, draft: Draft) -> None:
    request.session[_KEY] = {
        name: kept for name, kept in request.session.get(_KEY, {}).items() if name != draft.name
    }


def units(typed: str, *, least: int = 1) -> int | None:
    """A whole number of units, or None."""
    text = typed.strip() or str(least)
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        return None
    return int(text) if least <= int(text) <= UNITS_MAX else None
