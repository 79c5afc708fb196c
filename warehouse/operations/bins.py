"""The bins that verbs put units into without being told which."""

from warehouse.models import Bin
from warehouse.operations.refusals import UnknownBin
from warehouse.states import BinKind

PREORDER = "PREORDER"


def bin_of(*, location_id: int, kind: str) -> Bin:
    """The location's default bin of a kind, its first one, or a new one: a place that works needs a packing table."""
    found = Bin.objects.filter(location_id=location_id, kind=kind).order_by("-is_default", "id").first()
    if found is not None:
        return found
    made, _ = Bin.objects.get_or_create(
        location_id=location_id, code=kind, defaults={"kind": kind, "is_default": True}
    )
    return made


def preorder_bin(*, location_id: int) -> Bin:
    """A shelf of its own beside the door: what is spoken for is not carried into the shelves and back."""
    made, _ = Bin.objects.get_or_create(
        location_id=location_id, code=PREORDER, defaults={"kind": BinKind.STORAGE}
    )
    return made


def bin_by_code(*, location_id: int, code: str) -> Bin:
    """A bin as it is scanned; refuses UnknownBin."""
    found = Bin.objects.filter(location_id=location_id, code__iexact=code.strip()).first()
    if found is None:
        raise UnknownBin("There is no such bin here.", bin=code.strip()[:30])
    return found


def storage_bin(*, location_id: int, bin_id: int | None) -> Bin:
    """The named bin of the location, or its default STORAGE bin."""
    if bin_id is None:
        return bin_of(location_id=location_id, kind=BinKind.STORAGE)
    found = Bin.objects.filter(pk=bin_id, location_id=location_id).first()
    if found is None:
        raise UnknownBin("There is no such bin at this location.")
    return found
