"""Finding one of a million accounts by anything that somebody has in front of them: the page of staff and the call of the API.

Asked in the database of the segments.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Any

from bench import cpu
from bench.figures import quantile

ASKED = 15


def measure() -> dict[str, float]:
    """Milliseconds of the whole answer, by what was typed; the slowest kind of question apart. By CPU: of the page, Python and server."""
    from django.db import transaction

    with transaction.atomic():
        page, call = _page(), _call()
        times: dict[str, list[float]] = {}
        worked: dict[str, list[float]] = {}
        api: list[float] = []
        for ask in (page, call):  # what a process and a connection learn once
            ask("Ana")
        for kind, text in _questions():
            before = cpu.used()
            times.setdefault(kind, []).append(page(text))
            worked.setdefault(kind, []).append((cpu.used() - before) * 1_000)
            api.append(call(text))
        transaction.set_rollback(True)
    every = [each for group in times.values() for each in group]
    by_kind = {kind: quantile(group, 0.5) for kind, group in times.items()}
    return {
        "p50_ms": quantile(every, 0.5),
        "p95_ms": quantile(every, 0.95),
        "slowest_kind_ms": max(by_kind.values()),
        "api_p95_ms": quantile(api, 0.95),
        "p95_cpu_ms": quantile([each for group in worked.values() for each in group], 0.95),
        "slowest_kind_cpu_ms": max(quantile(group, 0.5) for group in worked.values()),
        **{f"by_{kind}_ms": value for kind, value in by_kind.items()},
    }


def _questions() -> Iterator[tuple[str, str]]:
    """What is typed, by kind: whole and cut short, in both scripts, found often, once and never."""
    from crm.models import Customer, LoyaltyAccount
    from retail.kernel.script import to_cyrillic

    ids = random.Random(5).sample(range(1, Customer.objects.count() + 1), ASKED)
    chosen = Customer.objects.in_bulk(ids)
    companies = list(Customer.objects.exclude(pib="").order_by("pk")[:ASKED])
    members = list(LoyaltyAccount.objects.order_by("-pk").values_list("number", flat=True)[:ASKED])
    for at, pk in enumerate(ids):
        one = chosen[pk]
        first, last = one.name.split()
        yield "name", f"{first} {last}"
        yield "name_cyrillic", to_cyrillic(f"{last} {first}")
        yield "surname", last
        yield "beginning", f"{first[:3]} {last[:4]}"
        yield "letters", last[:3]
        yield "two_letters", first[:2]
        yield "email", one.email
        yield "part_of_email", one.email.split("@")[0].partition(".")[2]
        yield "phone", one.phone
        yield "phone_as_written", f"0{one.phone[4:6]} {one.phone[6:9]}-{one.phone[9:]}"
        yield "end_of_phone", one.phone[-6:]
        yield "member", members[at]
        yield "pib", companies[at].pib
        yield "order", f"B-{1 + pk % 100_000}"
        yield "unknown", f"{first} Nepoznatović"
        yield "misspelled", f"qx{last[:3]}"


def _page() -> Any:
    from allauth.mfa.models import Authenticator
    from django.contrib.auth.models import Group
    from django.test import Client

    from retail.kernel.models import User

    user = User.objects.create_user(
        "bench@prelist.example", "a long pass phrase", name="Bench", is_staff=True
    )
    user.groups.add(Group.objects.get_or_create(name="AGENT")[0])
    Authenticator.objects.create(user=user, type=Authenticator.Type.TOTP, data={"secret": "JBSWY3DPEHPK3PXP"})
    client = Client(SERVER_NAME="localhost")
    client.force_login(user)
    return _timed(client, "/ops/customers/", "q", (200, 302))


def _call() -> Any:
    from django.test import Client

    from retail.kernel import clock
    from retail.kernel.models import User
    from retail.rest.keys import issue_key

    user = User.objects.create_user("program@prelist.example", "a long pass phrase", name="Program")
    _, clear = issue_key(name="bench", user=user, scopes=["customers:read"], now=clock.now())
    client = Client(SERVER_NAME="localhost", headers={"authorization": f"Bearer {clear}"})
    return _timed(client, "/api/v1/customers", "search", (200,))


def _timed(client: Any, path: str, name: str, good: tuple[int, ...]) -> Any:
    def ask(text: str) -> float:
        began = time.perf_counter()
        answer = client.get(path, {name: text})
        passed = (time.perf_counter() - began) * 1_000
        assert answer.status_code in good, (path, text, answer.status_code)
        return passed

    return ask
