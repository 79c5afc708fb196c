"""Bodies as they may come: JSON and CSV in UTF-8, of a bounded size, without anything that the database cannot keep."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from retail.kernel.errors import InvalidInput


class BodyTooLarge(InvalidInput):
    """The announced body is longer than the call takes; nothing of it was read."""

    code = "BODY_TOO_LARGE"
    status = 413


def _text(stream: IO[Any]) -> str:
    try:
        text: str = stream.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ParseError("The body is not UTF-8.") from error
    return text


class JsonParser(BaseParser):
    """Strict JSON: no NaN, no half characters, no depth that would break the reader."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        text = _text(stream)
        try:
            data = json.loads(text, parse_constant=_refuse_constant)
            if "\\u" in text:
                json.dumps(data, ensure_ascii=False).encode()
        except RecursionError as error:
            raise ParseError("The body is nested too deeply.") from error
        except ValueError as error:
            raise ParseError("The body is not valid JSON.") from error
        return data


class CsvParser(BaseParser):
    """The text of a CSV file as it is; what its columns are is the verb's business."""

    media_type = "text/csv"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        return _text(stream)


class Content(bytes):
    """The bytes of a file; what an idempotency key remembers of them is their digest."""

    def __str__(self) -> str:
        return hashlib.sha256(self).hexdigest()


class ContentParser(BaseParser):
    """The bytes of a file as they came: the view says which kinds it takes, the verb what they are."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        return Content(stream.read())


def takes(*kinds: str) -> list[type[BaseParser]]:
    """Parsers of files of these media types."""
    return [type("Parser", (ContentParser,), {"media_type": kind}) for kind in kinds]


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
