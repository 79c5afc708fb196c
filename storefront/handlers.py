"""Reactions of the shop to the login framework."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.account.signals import email_confirmed
from django.dispatch import receiver
from django.http import HttpRequest

from crm import operations as crm
from retail.kernel import clock


@receiver(email_confirmed)
def join_when_proved(request: HttpRequest, email_address: EmailAddress, **_: Any) -> None:
    """Who proved the address sees what was ordered with it before."""
    user = email_address.user
    if user.email.lower() == email_address.email.lower():
        crm.join_guest_account(user=user, now=clock.now())
