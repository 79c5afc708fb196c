"""The API described by itself: OpenAPI 3.1 from the views' own serializers, and a page to read it.

Only our addresses are described, whatever else has an API in this process. What every call shares (keys and scopes,
problem answers, idempotency) is added here, so that no view has to say it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from inspect import cleandoc
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, URLResolver, get_resolver, path
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from retail.kernel.errors import Refusal
from retail.rest.problems import _CODES as GENERAL
from retail.rest.views import ApiView

NAMESPACE = "api"
PREFIX = "api/v1/"
PROBLEM = "Problem"
INTRODUCTION = """
Records are named by their public keys (SKU, order number, token). Money is `{"amount": "1299.00", "currency": "RSD"}`, times are
ISO 8601 with their zone. Lists answer `{"results": […], "next": url or null}`; follow `next`, its cursor is opaque.

Errors are `application/problem+json` with a stable `code`. Unknown fields in a body are refused.
A key comes in `Authorization: Bearer onr_…`; each call says which scope it needs. Calls that create take `Idempotency-Key`: the same key
with the same body answers the same, with another body 422, while the first is in progress 409.
""".strip()


class ProblemAnswer(serializers.Serializer[Any]):
    """Why a call was refused. `errors` names the fields of a 400; more members belong to the code."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()
    errors = serializers.DictField(  # type: ignore[assignment]
        child=serializers.ListField(child=serializers.CharField()), required=False
    )


class ApiSchema(AutoSchema):
    """One operation: its scope, its idempotency key, and the problems that it may answer."""

    def get_auth(self) -> list[dict[str, Any]]:
        return [{"key": [scope]}] if (scope := self._scope()) else [{}, {"key": []}]

    def get_description(self) -> str:  # type: ignore[override]
        # Only what stands at the method itself: a base class speaks to us, not to integrators.
        text = cleandoc(getattr(self.view, self.method.lower()).__doc__ or "")
        scope = self._scope()
        said = f"Needs a key with the scope `{scope}`." if scope else "Public; no key is needed."
        return f"{text}\n\n{said}".strip()

    def get_tags(self) -> list[str]:
        return [self.path.removeprefix(f"/{PREFIX}").split("/")[0]]

    def get_override_parameters(self) -> list[Any]:
        how = getattr(self.view, "idempotent", "") if self.method == "POST" else ""
        if not how:
            return []
        return [
            OpenApiParameter(
                "Idempotency-Key",
                str,
                OpenApiParameter.HEADER,
                required=how == "required",
                description="A new random text for each new request, 1 to 255 characters.",
            )
        ]

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is None or not isinstance(self.view, ApiView):
            return operation
        problem = self.resolve_serializer(ProblemAnswer, "response").ref
        for status, words in self._problems(operation):
            operation["responses"].setdefault(
                status, {"description": words, "content": {"application/problem+json": {"schema": problem}}}
            )
        operation["responses"] = dict(sorted(operation["responses"].items()))
        return operation

    def _scope(self) -> str:
        scopes: dict[str, str] = getattr(self.view, "scopes", {})
        return scopes.get(self.method, "")

    def _problems(self, operation: dict[str, Any]) -> Iterator[tuple[str, str]]:
        has_input = "requestBody" in operation or any(
            one["in"] == "query" for one in operation.get("parameters", [])
        )
        is_idempotent = self.method == "POST" and bool(getattr(self.view, "idempotent", False))
        if has_input or "{" in self.path:
            yield "400", "A field is missing, unknown or not right; `errors` names them."
        yield "401", "The key is unknown, expired or revoked."
        if self._scope():
            yield "403", "The key lacks the scope."
        elif words := getattr(self.view, "forbids", {}).get(self.method):
            yield "403", words
        if "{" in self.path or has_input:
            yield "404", "There is no such record."
        if self.method != "GET":
            yield "409", "The record is in a state that does not allow this; `code` says which."
        if any(one["name"] == "If-Match" for one in operation.get("parameters", [])):
            yield "412", "`If-Match` names another version than the record's; read it again."
        if self.method == "POST" and getattr(self.view, "needs_version", False):
            yield "428", "Say which version of the record the change was made for."
        if "requestBody" in operation:
            yield "413", "The body is too large; nothing of it was read."
            yield "415", "The body is of a kind that this call does not take."
        if is_idempotent:
            yield "422", "The Idempotency-Key was used for another request."
        yield "429", "Too many requests; `Retry-After` says how long to wait."
        yield "503", "Busy, or a provider cannot be reached: repeat the call with the same key."


def _patterns() -> list[URLPattern | URLResolver]:
    """Our API alone: what the roof has mounted under its name."""
    return [one for one in get_resolver().url_patterns if getattr(one, "namespace", "") == NAMESPACE]


@cache
def openapi() -> dict[str, Any]:
    """The document; it cannot change while the process runs."""
    generator = SchemaGenerator(patterns=_patterns())  # type: ignore[no-untyped-call]
    made: dict[str, Any] = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    made["info"] |= {"description": INTRODUCTION}
    made.setdefault("components", {})["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "bearerFormat": "onr_…"}
    }
    return made


class Schema(ApiView):
    scopes = {"GET": ""}

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        return Response(openapi(), headers={"Cache-Control": "max-age=300"})


# -- The page --------------------------------------------------------------------------------------------------


class Field(NamedTuple):
    """A line of a body or answer; `depth` says how far it lies inside others."""

    name: str
    kind: str
    is_required: bool
    words: str
    depth: int


def refusal_codes() -> list[tuple[str, int, str]]:
    """Every code that a call may answer: (code, status, what it means), once each."""
    found = {code: (getattr(error, "status_code", 400), title) for error, (code, title) in GENERAL.items()}
    found["TRY_AGAIN"] = (503, "The house is busy. Repeat the call with the same key.")
    for kind in _kinds(Refusal):
        words = (kind.__doc__ or "").strip().split("\n\n")[0] if "__doc__" in vars(kind) else ""
        if words or kind.code not in found:
            found[kind.code] = (kind.status, words or kind.code.replace("_", " ").capitalize() + ".")
    return [(code, *found[code]) for code in sorted(found)]


def _kinds(kind: type[Refusal]) -> Iterator[type[Refusal]]:
    for one in kind.__subclasses__():
        yield one
        yield from _kinds(one)


def fields_of(schema: dict[str, Any], components: dict[str, Any], depth: int = 0) -> Iterator[Field]:
    """The lines of a shape, nested ones below theirs."""
    schema = _resolved(schema, components)
    if "items" in schema:
        yield from fields_of(schema["items"], components, depth)
        return
    needed = set(schema.get("required", ()))
    for name, inner in schema.get("properties", {}).items():
        plain = _resolved(inner, components)
        yield Field(name, _kind(plain, components), name in needed, plain.get("description", ""), depth)
        if depth < 4:
            yield from fields_of(plain, components, depth + 1)


def _resolved(schema: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    for wrapper in ("allOf", "oneOf", "anyOf"):
        if wrapper in schema:
            named = [one for one in schema[wrapper] if one.get("type") != "null"]
            return {
                **_resolved(named[0], components),
                **{k: v for k, v in schema.items() if k == "description"},
            }
    if ref := schema.get("$ref"):
        found: dict[str, Any] = components[ref.rpartition("/")[2]]
        return _resolved(found, components)
    return schema


def _kind(schema: dict[str, Any], components: dict[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"] if value not in (None, ""))
    kind = schema.get("type", "any")
    words = " or ".join(kind) if isinstance(kind, list) else str(kind)
    if "items" in schema:
        return f"list of {_kind(_resolved(schema['items'], components), components)}"
    form = schema.get("format", "")
    return f"{words} ({form})" if form else words


def operations() -> list[tuple[str, list[dict[str, Any]]]]:
    """Operations by resource, as the page shows them."""
    document = openapi()
    components = document.get("components", {}).get("schemas", {})
    groups: dict[str, list[dict[str, Any]]] = {}
    for address, methods in document["paths"].items():
        for method, operation in methods.items():
            body = operation.get("requestBody", {}).get("content", {})
            good: tuple[str, dict[str, Any]] = next(
                ((status, said) for status, said in operation["responses"].items() if status < "300"),
                ("", {}),
            )
            answer: dict[str, Any] = next(iter(good[1].get("content", {}).values()), {})
            groups.setdefault(operation["tags"][0], []).append(
                {
                    "id": operation["operationId"],
                    "method": method.upper(),
                    "path": address,
                    "parts": address.removeprefix("/").split("/"),
                    "words": operation.get("description", ""),
                    "parameters": [
                        Field(
                            one["name"],
                            f"{_kind(one.get('schema', {}), components)}, {one['in']}",
                            one.get("required", False),
                            one.get("description", ""),
                            0,
                        )
                        for one in operation.get("parameters", [])
                    ],
                    "body_kinds": list(body),
                    "body": list(fields_of(next(iter(body.values()))["schema"], components)) if body else [],
                    "status": good[0],
                    "answer": list(fields_of(answer.get("schema", {}), components)),
                    "refusals": [
                        (status, said["description"])
                        for status, said in operation["responses"].items()
                        if status >= "300"
                    ],
                }
            )
    return sorted(groups.items())


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    return render(
        request,
        "rest/docs.html",
        {
            "document": openapi(),
            "introduction": INTRODUCTION.split("\n\n"),
            "groups": operations(),
            "codes": refusal_codes(),
        },
    )


urlpatterns: list[URLPattern | URLResolver] = [
    path("schema/", Schema.as_view(), name="schema"),
    path("docs/", docs, name="docs"),
]
