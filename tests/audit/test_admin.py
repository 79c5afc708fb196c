"""The audited history of a row stands in the Django admin, and nothing can be written there."""

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from retail.kernel.context import acting
from retail.kernel.models import Holiday, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> Client:
    client = Client()
    user = User.objects.create_superuser("owner@example.com", "x", name="Olga")
    Authenticator.objects.create(user=user, type=Authenticator.Type.TOTP, data={"secret": "JBSWY3DPEHPK3PXP"})
    client.force_login(user)
    return client


def test_history_shows_who_changed_what(owner: Client) -> None:
    with acting(by=User.objects.get(email="owner@example.com"), request_id="req-9"):
        row = Holiday.objects.create(date="2044-01-01", name="Nova")
        row.name = "Nova godina"
        row.save()
    assert "2044-01-01" in owner.get("/admin/kernel/holiday/").text
    shown = owner.get(f"/admin/kernel/holiday/{row.pk}/auditlog/").text
    assert "Nova godina" in shown
    assert "Olga" in shown


def test_nothing_can_be_written_in_the_admin(owner: Client) -> None:
    row = Holiday.objects.create(date="2044-01-01", name="Nova")
    assert owner.get("/admin/kernel/holiday/add/").status_code == 403
    assert owner.post(f"/admin/kernel/holiday/{row.pk}/change/", {"name": "x"}).status_code == 403
    assert owner.post(f"/admin/kernel/holiday/{row.pk}/delete/", {"post": "yes"}).status_code == 403
    row.refresh_from_db()
    assert row.name == "Nova"


def test_secrets_are_not_shown(owner: Client) -> None:
    user = User.objects.get(email="owner@example.com")
    assert user.password not in owner.get(f"/admin/kernel/user/{user.pk}/change/").text


def test_staff_without_the_role_and_superusers_without_a_factor_do_not_enter() -> None:
    for user in (
        User.objects.create_user("staff@example.com", "x", is_staff=True),
        User.objects.create_superuser("bare@example.com", "x"),
    ):
        client = Client()
        client.force_login(user)
        assert client.get("/admin/kernel/holiday/").status_code in (302, 403)
