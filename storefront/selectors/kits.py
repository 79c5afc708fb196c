"""What a kit is made of."""

from storefront.models import KitComponent


def kit_parts(kit_id: int) -> list[KitComponent]:
    """The parts with their variants and products, in the order they were given; one statement."""
    rows = KitComponent.objects.filter(kit_id=kit_id).select_related("component__product")
    return list(rows.order_by("pk"))
