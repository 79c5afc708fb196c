"""Answers judged by the API's own description: the status must be a described one, the body of its shape."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from retail.rest.schema import openapi

# What no operation can describe: an address or a method that there is not.
OUTSIDE = (404, 405)


def check_described(method: str, path: str, answer: Any) -> None:
    address = _address_of(method, path)
    if address is None:
        assert answer.status_code in OUTSIDE, f"{method} {path} is not described, but answers"
        return
    where = f"{method} {address} {answer.status_code}"
    said = _document()["paths"][address][method]["responses"].get(str(answer.status_code))
    assert said is not None, f"{where} is not described: {answer.content[:300]!r}"
    kind = answer.get("Content-Type", "").partition(";")[0]
    if "json" in kind:
        assert kind in said.get("content", {}), f"{where}: {kind} is not described"
        _judge(said["content"][kind]["schema"], answer.json(), where)


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(openapi()))
    return document


def _address_of(method: str, path: str) -> str | None:
    """The described address that this path is of; a literal one before one with gaps."""
    asked = "/api/v1/" + path.partition("?")[0].removeprefix("http://testserver/api/v1/")
    fitting = [
        address
        for address, methods in _document()["paths"].items()
        if method in methods and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", address), asked)
    ]
    return min(fitting, key=lambda address: address.count("{"), default=None)


def _judge(schema: dict[str, Any], data: Any, where: str) -> None:
    whole = {**schema, "components": _document()["components"]}
    problems = [
        f"{where}: {'/'.join(map(str, one.absolute_path))}: {one.message}"
        for one in Draft202012Validator(whole).iter_errors(data)
    ]
    assert problems == []
