"""The same key gives one effect and one answer, whoever asks at once, whatever dies in between."""

from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from retail.kernel.errors import InvalidInput
from retail.kernel.idempotency import (
    Answer,
    KeyInFlight,
    KeyReused,
    claim_key,
    forget_old_keys,
    free_key,
    hash_request,
    store_answer,
)
from retail.kernel.models import IdempotencyKey

NOW = timezone.now()
HASH = hash_request("POST", "/orders", {"a": 1})


@pytest.mark.django_db
def test_first_claim_goes_on_and_the_stored_answer_comes_back() -> None:
    assert claim_key(caller="igor", key="k", request_hash=HASH, now=NOW) is None
    store_answer(caller="igor", key="k", status=201, body={"number": "ORD-1"})
    assert claim_key(caller="igor", key="k", request_hash=HASH, now=NOW) == Answer(201, {"number": "ORD-1"})


@pytest.mark.django_db
def test_another_body_is_refused_and_another_caller_is_independent() -> None:
    claim_key(caller="igor", key="k", request_hash=HASH, now=NOW)
    with pytest.raises(KeyReused):
        claim_key(caller="igor", key="k", request_hash=hash_request("POST", "/orders", {"a": 2}), now=NOW)
    assert claim_key(caller="ana", key="k", request_hash=HASH, now=NOW) is None


@pytest.mark.django_db
def test_in_flight_is_refused_until_the_lease_ends_then_taken_over() -> None:
    claim_key(caller="igor", key="k", request_hash=HASH, now=NOW)
    with pytest.raises(KeyInFlight):
        claim_key(caller="igor", key="k", request_hash=HASH, now=NOW + timedelta(seconds=59))
    assert claim_key(caller="igor", key="k", request_hash=HASH, now=NOW + timedelta(seconds=61)) is None
    with pytest.raises(KeyInFlight):
        claim_key(caller="igor", key="k", request_hash=HASH, now=NOW + timedelta(seconds=62))


@pytest.mark.django_db
def test_a_refused_request_does_not_burn_its_key_but_a_done_one_stays() -> None:
    claim_key(caller="igor", key="k", request_hash=HASH, now=NOW)
    free_key(caller="igor", key="k")
    assert claim_key(caller="igor", key="k", request_hash=hash_request("other"), now=NOW) is None
    store_answer(caller="igor", key="k", status=201, body={})
    free_key(caller="igor", key="k")
    assert IdempotencyKey.objects.filter(key="k").exists()


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_of_a_wrong_length_is_refused(key: str) -> None:
    with pytest.raises(InvalidInput):
        claim_key(caller="igor", key=key, request_hash=HASH, now=NOW)
    assert not IdempotencyKey.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_and_one_goes_on(run_together) -> None:  # type: ignore[no-untyped-def]
    def ask(_: int) -> str:
        try:
            return (
                "go on"
                if claim_key(caller="igor", key="race", request_hash=HASH, now=NOW) is None
                else "again"
            )
        except KeyInFlight:
            return "in flight"

    assert Counter(run_together(20, ask)) == {"go on": 1, "in flight": 19}


@pytest.mark.django_db
def test_answers_are_forgotten_after_three_days() -> None:
    claim_key(caller="igor", key="old", request_hash=HASH, now=NOW - timedelta(hours=73))
    claim_key(caller="igor", key="new", request_hash=HASH, now=NOW)
    assert forget_old_keys(now=NOW) == 1
    assert list(IdempotencyKey.objects.values_list("key", flat=True)) == ["new"]
