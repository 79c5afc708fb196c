"""People of the house with their roles and a second factor, as pages see them."""

from __future__ import annotations

from itertools import count

from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group
from django.test import Client

from retail.kernel.models import User

_serial = count(1)


def make_staff(*roles: str, name: str = "Ceca", has_second_factor: bool = True) -> User:
    """A member of staff with these roles (see `retail.kernel.access.ROLES`)."""
    user = User.objects.create_user(
        f"{name.lower()}.{next(_serial)}@prelist.example", "a long pass phrase", name=name, is_staff=True
    )
    user.groups.set([Group.objects.get_or_create(name=role)[0] for role in roles])
    if has_second_factor:
        Authenticator.objects.create(
            user=user, type=Authenticator.Type.TOTP, data={"secret": "JBSWY3DPEHPK3PXP"}
        )
    return user


def client_of(user: User | None, *, language: str = "en") -> Client:
    """A browser signed in as this person; pages come in English unless another language is asked for."""
    client = Client(headers={"accept-language": language})
    if user is not None:
        client.force_login(user)
    return client
