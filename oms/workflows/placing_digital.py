"""Files in an order that is placed: paid before they are sent, and only with the buyer's word about the right of withdrawal."""

from datetime import datetime

from django.utils import translation
from django.utils.translation import gettext as _

from oms.models import Order, WithdrawalConsent
from oms.states import PaymentMethod
from oms.workflows.checkout import Checkout
from oms.workflows.placing_rows import Desk
from retail.kernel.errors import InvalidInput, Refusal


class PaidBeforeSent(Refusal):
    """A file leaves with its money, so nothing of the order is paid at a door."""

    code = "DIGITAL_NOT_ON_DELIVERY"


class ConsentMissing(InvalidInput):
    """The buyer has not agreed that the right of withdrawal ends with the first download."""

    code = "CONSENT_MISSING"


def check_digital(desk: Desk, checkout: Checkout) -> None:
    if not has_digital(desk):
        return
    if checkout.payment_method == PaymentMethod.CASH_ON_DELIVERY:
        raise PaidBeforeSent("An order with an electronic edition is paid before it is sent.")
    if not checkout.has_withdrawal_consent:
        raise ConsentMissing("Agree that the right of withdrawal ends when the download begins.")


def has_digital(desk: Desk) -> bool:
    return any(line.goods.is_digital for line in desk.lines)


def keep_consent(order: Order, now: datetime) -> None:
    """To which words the buyer agreed, in the language in which they were read."""
    with translation.override(order.language):
        words = withdrawal_words()
    WithdrawalConsent.objects.create(order=order, words=words, language=order.language, given_at=now)


def withdrawal_words() -> str:
    """What the buyer of something digital agrees to."""
    return _(
        "I ask for the electronic edition before the 14 days of withdrawal are over, and I know that I lose the right of withdrawal "
        "when its download begins."
    )
