"""Reactions of the shop to the login framework, and of the search server's index to the catalog."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.account.signals import email_confirmed
from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest

from crm import operations as crm
from crm.models import Customer
from oms.workflows import basket_later
from retail.kernel import clock
from retail.kernel.models import OutboxEvent, User
from retail.kernel.outbox import subscribe
from storefront import operations as catalog
from storefront.models import CatalogImport, Variant
from storefront.views import aside, wishes


@receiver(email_confirmed)
def join_when_proved(request: HttpRequest, email_address: EmailAddress, **_: Any) -> None:
    """Who proved the address sees what was ordered with it before."""
    user = email_address.user
    if user.email.lower() == email_address.email.lower():
        crm.join_guest_account(user=user, now=clock.now())


@receiver(user_logged_in)
def keep_wishes(request: HttpRequest | None, user: User, **_: Any) -> None:
    """What a stranger wished for goes with the account; staff have none."""
    skus = wishes.guest_skus(request) if request is not None and not user.is_staff else []
    if skus:
        customer = Customer.objects.filter(user=user).first() or crm.open_account(
            user=user, name=user.name or user.email, now=clock.now()
        )
        ids = dict(Variant.objects.filter(sku__in=skus).values_list("sku", "pk"))
        crm.add_wishes(
            customer_id=customer.pk,
            variant_ids=[ids[sku] for sku in reversed(skus) if sku in ids],
            by=user,
            now=clock.now(),
        )


@receiver(user_logged_in)
def keep_put_aside(request: HttpRequest | None, user: User, **_: Any) -> None:
    """What a stranger put aside goes with the account."""
    keeper = aside.keeper_of(request) if request is not None and not user.is_staff else ""
    if keeper:
        customer = Customer.objects.filter(user=user).first() or crm.open_account(
            user=user, name=user.name or user.email, now=clock.now()
        )
        basket_later.join_saved(keeper=keeper, customer_id=customer.pk)


@subscribe("storefront.product_created")
@subscribe("storefront.product_changed")
@subscribe("storefront.product_published")
@subscribe("storefront.product_archived")
def index_product(event: OutboxEvent) -> None:
    """Without a search server there is nothing to do: PostgreSQL's index is part of the row."""
    if settings.SEARCH_URL:
        catalog.index_products(product_ids=[event.payload["product_id"]])


@subscribe("storefront.variant_changed")
def index_product_of_variant(event: OutboxEvent) -> None:
    if settings.SEARCH_URL:
        of = Variant.objects.filter(pk=event.payload["variant_id"]).values_list("product_id", flat=True)
        catalog.index_products(product_ids=list(of))


@subscribe("storefront.catalog_imported")
def index_import(event: OutboxEvent) -> None:
    if settings.SEARCH_URL:
        catalog.index_changed(since=CatalogImport.objects.get(pk=event.payload["import_id"]).started_at)
