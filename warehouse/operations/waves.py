"""Who picks what: a picker takes whole shipments, so that two people do not stand at the same shelf for one box."""

from collections.abc import Sequence

from django.db import transaction

from retail.kernel.errors import Refusal
from retail.kernel.models import User
from warehouse.models import Reservation
from warehouse.operations.claim_rows import UNPICKED


class TakenByOther(Refusal):
    """Another picker has taken this shipment."""

    code = "TAKEN_BY_OTHER"


@transaction.atomic
def take_to_pick(*, shipment_ids: Sequence[int], by: User, is_takeover: bool = False) -> int:
    """What is left to pick in these shipments is `by`'s; how many claims that is. Another's only as a takeover."""
    claims = list(
        Reservation.objects.select_for_update(of=("self",))
        .filter(shipment_id__in=shipment_ids, state__in=UNPICKED)
        .order_by("id")
    )
    if not is_takeover and any(claim.picker_id not in (None, by.pk) for claim in claims):
        raise TakenByOther("Somebody else picks this shipment.")
    return Reservation.objects.filter(pk__in=[claim.pk for claim in claims]).update(picker=by)
