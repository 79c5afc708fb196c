"""Keys point down the arrow of the sale; import-linter cannot see keys written as strings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps

ARROW = ["kernel", "audit", "storefront", "crm", "oms", "warehouse", "finance", "cms"]


def cross_app_keys() -> Iterator[tuple[str, str, str, Any]]:
    for model in apps.get_models(include_auto_created=True):
        here = model._meta.app_label
        field: Any
        for field in model._meta.get_fields():
            if (
                here not in ARROW
                or not field.is_relation
                or field.auto_created
                or field.related_model is None
            ):
                continue
            if field.model._meta.app_label not in ARROW:
                continue  # a page's own keys are Wagtail's, which it inherits
            there = field.related_model._meta.app_label
            if there in ARROW and there != here:
                yield f"{model._meta.label}.{field.name}", here, there, field


def test_keys_point_to_earlier_steps() -> None:
    assert [name for name, here, there, _ in cross_app_keys() if ARROW.index(there) > ARROW.index(here)] == []


def test_cross_app_keys_have_no_way_back() -> None:
    assert [name for name, _, _, field in cross_app_keys() if not field.remote_field.hidden] == []
