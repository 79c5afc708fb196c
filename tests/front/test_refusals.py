"""Refusals in words: every code that people can meet on a page has a sentence in the reader's language."""

import importlib
import pkgutil
from collections.abc import Iterator

import pytest
from django.utils import translation

from finance.views import words as finance_words
from oms.workflows.returns import NothingToReturn
from retail.front import refusals
from retail.kernel.errors import InvalidInput, NotAllowed, NotFound, Refusal
from warehouse.views import words as warehouse_words

ROOMS = ("audit", "oms", "warehouse", "finance")
# Each speaks of many things; what is said is the message itself, see refusals.SAID.
GENERAL = {"REFUSED", "INVALID_INPUT", "NOT_FOUND", "NOT_ALLOWED"}
# The shop says these in its own words, at the field or the line they are about.
IN_THE_SHOP = {
    "BASKET_ORDERED", "EMPTY_BASKET", "INVALID_CONTACT", "NOT_FOR_SALE", "PRICE_CHANGED",
    "TOO_MANY_ATTEMPTS", "TOO_MANY_COUPONS", "UNKNOWN_BASKET", "UNKNOWN_BASKET_LINE", "UNKNOWN_CHANNEL", "UNKNOWN_COUPON",
}  # fmt: skip
# Each is refused for several reasons; finance.views.words.SAID has their messages.
SAID_BY_MESSAGE = {
    "ALREADY_DECIDED", "HAS_DEPENDANTS", "NOT_WITHDRAWABLE", "UNKNOWN_EINVOICE", "UNKNOWN_PURCHASE_INVOICE",
}  # fmt: skip
# Only programs meet these: calls of the API, our own mistakes, files of the command line.
FOR_PROGRAMS = {
    "BAD_DISCOUNT", "INVALID_IPS_PAYMENT", "INVALID_SIGNATURE", "UNKNOWN_CAMPAIGN", "UNKNOWN_CUSTOMER", "UNKNOWN_ENTITY",
    "UNKNOWN_INVOICE", "UNKNOWN_PROVIDER", "UNKNOWN_SUBSCRIPTION", "UNKNOWN_TOPIC", "UNKNOWN_WEBHOOK", "UNPRICED", "UNREADABLE_FILE", "UNSAFE_URL", "VERSION_REQUIRED",
}  # fmt: skip


def classes() -> Iterator[type[Refusal]]:
    for room in ROOMS:
        package = importlib.import_module(room)
        for module in pkgutil.walk_packages(package.__path__, f"{room}."):
            if not {"migrations", "management"} & set(module.name.split(".")):
                importlib.import_module(module.name)
    waiting = [Refusal]
    while waiting:
        found = waiting.pop()
        waiting += found.__subclasses__()
        if found.__module__.split(".")[0] in ROOMS:
            yield found


def test_every_code_that_people_meet_has_its_words() -> None:
    known = {*refusals.WORDS, *warehouse_words.WORDS, *GENERAL, *IN_THE_SHOP}
    known |= SAID_BY_MESSAGE | FOR_PROGRAMS
    assert {found.code for found in classes()} - known == set()


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (NothingToReturn("Naslov: 1 can be returned, 3 asked."), "Може да се врати мање комада."),
        (InvalidInput("Say why the money goes back."), "Упишите зашто се новац враћа."),
        (NotFound("There is no such period."), "Нема таквог периода."),
        (NotAllowed("You may not."), "You may not."),
    ],
)
def test_pages_say_it_in_the_readers_script(refusal: Refusal, said: str) -> None:
    with translation.override("sr-cyrl"):
        assert refusals.say(refusal) == said
        assert finance_words.refusal(refusal) == said
    with translation.override("en"):
        assert refusals.say(NotFound("There is no such period.")) == "There is no such period."


def test_the_handheld_falls_back_to_the_same_words() -> None:
    with translation.override("sr-latn"):
        title, text = warehouse_words.say(NothingToReturn("x"))
    assert (title, text) == ("Ne može", "Može da se vrati manje komada.")
