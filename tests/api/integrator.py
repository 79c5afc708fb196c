"""A program that calls the API: with a key of some scopes, or as the public."""

from __future__ import annotations

from typing import Any

from django.test import Client
from django.utils import timezone

from retail.rest.keys import issue_key
from tests.api.documented import check_described
from tests.staff import make_staff


class Api:
    """Paths are below /api/v1/. Without scopes it is the public: no key is sent.

    Every answer must have a status and a shape that the API's own description promises.
    """

    def __init__(self, *scopes: str) -> None:
        headers = {}
        if scopes:
            _, clear = issue_key(
                name="Igor",
                user=make_staff("INTEGRATOR", name="Igor"),
                scopes=list(scopes),
                now=timezone.now(),
            )
            headers = {"authorization": f"Bearer {clear}"}
        self.client = Client(headers=headers, raise_request_exception=False)
        if scopes:
            self.get("ledger/accounts")  # the first call of a day notes that the key is used

    def get(self, path: str, /, **query: Any) -> Any:
        answer = self.client.get(path if path.startswith("http") else f"/api/v1/{path}", query)
        check_described("get", path, answer)
        return answer

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str = "",
        kind: str = "application/json",
        **headers: str,
    ) -> Any:
        sent = {"Idempotency-Key": key} if key else {}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        answer = getattr(self.client, method)(
            f"/api/v1/{path}", {} if body is None else body, content_type=kind, headers=sent
        )
        check_described(method, path, answer)
        return answer

    def post(self, path: str, body: Any = None, **more: Any) -> Any:
        return self.send("post", path, body, **more)

    def put(self, path: str, body: Any = None, **more: Any) -> Any:
        return self.send("put", path, body, **more)


def refused(answer: Any) -> tuple[int, str]:
    """(status, code) of a problem, after a look at its form."""
    problem = answer.json()
    assert answer["Content-Type"] == "application/problem+json"
    assert problem["status"] == answer.status_code
    assert {"type", "title", "detail"} <= set(problem)
    assert problem["type"] == f"/api/v1/docs/#{problem['code'].lower()}"
    return answer.status_code, problem["code"]
