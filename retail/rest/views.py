"""The base of every API view, with idempotent POST."""

import logging
from collections.abc import Callable
from typing import Any

from django.db import OperationalError, transaction
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from retail.kernel import failpoints, idempotency
from retail.kernel.errors import InvalidInput
from retail.kernel.models import ApiKey, User
from retail.rest.keys import BearerKey, NeedsScope
from retail.rest.parsers import BodyTooLarge, JsonParser
from retail.rest.problems import handle
from retail.rest.throttles import PerClient

logger = logging.getLogger("onerow.api")


class ApiView(APIView):
    """Set `scopes` by method; `idempotent` = "required", "optional" or "" for POST; `forbids` says when a public call answers 403.

    With `is_one_transaction` the verb and the answer kept for its key are committed together: for verbs that nothing else keeps from
    acting twice and that call nobody outside. A verb refuses by raising; nothing here catches. Write handlers answer `(status, body)`
    through `Response` as usual.
    """

    scopes: dict[str, str] = {}
    forbids: dict[str, str] = {}
    idempotent = ""
    is_one_transaction = False
    body_bytes_max = 1_000_000
    authentication_classes = [BearerKey]
    parser_classes = [JsonParser]
    permission_classes = [NeedsScope]
    throttle_classes = [PerClient]

    def get_exception_handler(self) -> Callable[..., Any]:
        return handle

    @property
    def actor(self) -> User | None:
        """The key's user; None for the public."""
        return self.request.user if isinstance(self.request.user, User) else None

    @property
    def caller(self) -> str:
        """Who owns an idempotency key: the API key, else the secret token that the request names, else the client's address."""
        if isinstance(self.request.auth, ApiKey):
            return f"key:{self.request.auth.pk}"
        token = self.kwargs.get("token") or (
            self.request.data.get("basket") if isinstance(self.request.data, dict) else ""
        )
        return (
            f"token:{idempotency.hash_request(token)[:32]}"
            if token
            else f"ip:{self.request.META.get('REMOTE_ADDR', '')}"
        )

    @property
    def idempotency_key(self) -> str:
        return str(self.request.headers.get("Idempotency-Key", ""))

    def claims_later(self, data: Any) -> bool:
        """Whether the verb itself claims `self.claim` for this body, in the transaction of what it writes and answers."""
        return False

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        refuse_unreadable(request, kwargs, self.body_bytes_max)
        self.answer_before: idempotency.Answer | None = None
        self.claim: idempotency.Claim | None = None
        self._claimed = False
        if request.method != "POST" or not self.idempotent:
            return
        if not self.idempotency_key:
            if self.idempotent == "required":
                raise idempotency.KeyMissing(
                    "Send an Idempotency-Key: a new random text for each new request."
                )
            return
        claim = idempotency.Claim(
            self.caller,
            self.idempotency_key,
            idempotency.hash_request(request.method, request.path, request.data),
        )
        if self.claims_later(request.data):
            idempotency.check_length(claim.key)
            self.claim = claim
            return
        self.answer_before = idempotency.claim_key(
            caller=claim.caller, key=claim.key, request_hash=claim.request_hash, now=timezone.now()
        )
        self._claimed = self.answer_before is None
        failpoints.hit("key.claimed")
        if self.answer_before is not None:
            # Give the stored answer instead of calling the verb again.
            before = self.answer_before
            self.post = lambda *_, **__: Response(before.body, status=before.status)
        elif self.is_one_transaction:
            self.post = self._with_its_answer(self.post)

    def _with_its_answer(self, verb: Callable[..., Response]) -> Callable[..., Response]:
        def act(*args: Any, **kwargs: Any) -> Response:
            with transaction.atomic():
                response = verb(*args, **kwargs)
                self._keep(response)
                return response

        return act

    def _keep(self, response: Any) -> None:
        """What is stored is what was sent: plain JSON, not lazy texts or decimals."""
        idempotency.store_answer(
            caller=self.caller,
            key=self.idempotency_key,
            status=response.status_code,
            body=plain(response.data),
        )

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        done = super().finalize_response(request, response, *args, **kwargs)
        if getattr(self, "_claimed", False) or getattr(self, "claim", None):
            failpoints.hit("answer.ready")
        if getattr(self, "_claimed", False):
            try:
                if response.status_code >= 400:
                    idempotency.free_key(caller=self.caller, key=self.idempotency_key)
                elif not self.is_one_transaction:
                    self._keep(response)
            except OperationalError as error:
                # What happened has happened and is told; the key is free again when its lease is over.
                logger.warning("an answer could not be kept: %s", type(error).__name__)
        return done


def refuse_unreadable(request: Request, kwargs: dict[str, Any], bytes_max: int) -> None:
    """A body that is too long is refused by its announced length; a zero byte in an address names nothing."""
    announced = str(request.META.get("CONTENT_LENGTH") or 0)
    if not announced.isdigit() or int(announced) > bytes_max:
        raise BodyTooLarge(f"A body of this call has at most {bytes_max} bytes.", maximum=bytes_max)
    texts = [*kwargs.values(), *request.query_params.keys()]
    texts += [value for values in request.query_params.lists() for value in values[1]]
    if any("\0" in str(text) for text in texts):
        raise InvalidInput("The address has a zero byte.")


def plain(data: Any) -> Any:
    """What is kept is what is sent: JSON, without lazy texts or decimals."""
    import json

    from rest_framework.utils.encoders import JSONEncoder

    return json.loads(json.dumps(data, cls=JSONEncoder))
