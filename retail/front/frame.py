"""What the page frames show but only a later room knows (basket count, aisles, what waits): registered, not imported.

A room registers a source by name at start-up (`AppConfig.ready`); the frame asks when it is drawn. An unregistered part is
simply not drawn, so the frame works from the first day.

Parts in use: shop: `aisles` [(title, url)], `basket_count`, `account` (title or None), `my_store` (name or None), `foot`
[(title, [(title, url)])]; ops: `tenant`, `exceptions`, `proposals`, `returns`, `invoices_refused` (counts of what waits).
"""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest

type_of_source = Callable[[HttpRequest], Any]
_sources: dict[str, type_of_source] = {}


def register_frame_part(name: str, source: type_of_source) -> None:
    _sources[name] = source


def frame_part(name: str, request: HttpRequest | None) -> Any:
    source = _sources.get(name)
    return source(request) if source and request is not None else None
