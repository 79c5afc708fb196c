"""Fills a started house for the proofs: the chain in small, stock, a key with all scopes. Prints what a client needs to know as JSON.

A program of its own (`python -m tests.proof.furnish`), because it works in the house under test, not in the test's database.
"""

from __future__ import annotations

import json
import sys
from decimal import Decimal

import django

TITLES, UNITS = 6, 400


def main() -> None:
    django.setup()
    from django.utils import timezone

    from oms.models import RoutingRule
    from retail.kernel.models import User
    from retail.rest.keys import SCOPES, issue_key
    from tests.flows.chain import make_chain

    chain = make_chain()
    skus = [chain.variant(stock=UNITS, store_stock=UNITS, price="1100.00").sku for _ in range(TITLES)]
    # Plans of these orders ratify themselves, so that the worker carries them to the shelf alone.
    RoutingRule.objects.create(name="every plan", ratify_value_below=Decimal("1000000.00"))
    igor = User.objects.create_user("igor@prelist.example", name="Igor", is_staff=True)
    key = issue_key(name="proof", user=igor, scopes=list(SCOPES), now=timezone.now())[1]
    sys.stdout.write(json.dumps({"skus": skus, "key": key, "channel": chain.channel.code}))


if __name__ == "__main__":
    main()
