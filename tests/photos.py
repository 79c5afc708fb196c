"""Pictures as a phone or a publisher sends them, made by code; each number another one."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image


def photo(number: int = 1, *, size: tuple[int, int] = (400, 600), form: str = "PNG", **more: Any) -> bytes:
    made = io.BytesIO()
    color = (number * 37 % 256, number * 91 % 256, number * 153 % 256)
    Image.new("RGB", size, color).save(made, form, **more)
    return made.getvalue()
