"""A form that was sent: its row, and the consents in it, which count when the mailbox is proved to be the reader's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from cms.events import FormAnswered, FormConfirmed
from cms.models import FormAnswer, FormExport
from crm import operations as crm
from crm.letters import consents as words
from crm.letters import write
from crm.models import Customer
from retail.kernel.context import acting
from retail.kernel.errors import NotFound
from retail.kernel.models import User
from retail.kernel.outbox import announce


class FormAnswerNotFound(NotFound):
    code = "UNKNOWN_FORM_ANSWER"


@dataclass(frozen=True, slots=True)
class Sent:
    """A form as its page has taken it; `consents` are those that were ticked, as (kind, wording)."""

    page_id: int
    page_title: str
    form: str
    form_name: str
    key: str
    language: str
    email: str
    answers: Sequence[tuple[str, str | bool]]
    consents: Sequence[tuple[str, str]]


@transaction.atomic
def answer_form(*, sent: Sent, customer: Customer | None, by: User | None, now: datetime) -> FormAnswer:
    """Keep it. Consents with the proved address of a login count at once; any other address gets a letter that asks.

    The same key again gives the same row and writes no second letter.
    """
    with acting(by=by):
        answer, is_new = FormAnswer.objects.get_or_create(
            key=sent.key,
            defaults={
                "page_id": sent.page_id,
                "page_title": sent.page_title,
                "form": sent.form,
                "form_name": sent.form_name,
                "language": sent.language,
                "customer": customer,
                "email": sent.email,
                "answers": [{"label": label, "value": value} for label, value in sent.answers],
                "consents": [{"kind": kind, "wording": wording} for kind, wording in sent.consents],
                "answered_at": now,
            },
        )
        if not is_new:
            return answer
        announce(FormAnswered(answer.pk, answer.form), subject=("form_answer", str(answer.pk)))
        if sent.consents and by is not None and _is_proved(by, sent.email):
            account = customer or crm.open_account(
                user=by, name=by.get_full_name(), language=sent.language, now=now
            )
            _count(answer, account, by, now)
        elif sent.consents:
            _ask(answer, now)
    return answer


@transaction.atomic
def confirm_answer(*, token: str, now: datetime) -> FormAnswer:
    """Whoever reads the mailbox says yes: the consents become the account's. Twice changes nothing. Refuses FormAnswerNotFound."""
    answer = FormAnswer.objects.select_for_update(of=("self",)).filter(token=token).first()
    if answer is None or not answer.consents or not answer.email:
        raise FormAnswerNotFound(_("There is nothing to confirm here."))
    if answer.confirmed_at is None:
        _count(answer, _account_of(answer, now), None, now)
    return answer


@transaction.atomic
def export_answers(*, form: str, by: User, now: datetime) -> list[FormAnswer]:
    """All answers of a form, with a row that says who took them and when (its audit entry comes with it)."""
    found = list(FormAnswer.objects.filter(form=form).order_by("pk"))
    if not found:
        raise FormAnswerNotFound(_("Nobody has answered this form."))
    FormExport.objects.create(
        form=form, form_name=found[-1].form_name, count=len(found), taken_by=by, taken_at=now
    )
    return found


def _count(answer: FormAnswer, account: Customer, by: User | None, now: datetime) -> None:
    for each in answer.consents:
        crm.record_consent(
            customer_id=account.pk,
            kind=each["kind"],
            is_given=True,
            wording=each["wording"],
            by=by,
            now=now,
            source=f"form:{answer.pk}",
        )
    answer.customer, answer.confirmed_at = account, now
    answer.save(update_fields=["customer", "confirmed_at"])
    announce(FormConfirmed(answer.pk, account.public_id), subject=("form_answer", str(answer.pk)))


def _account_of(answer: FormAnswer, now: datetime) -> Customer:
    """The login that has proved this address, else the guest's account of it."""
    proved = EmailAddress.objects.filter(email__iexact=answer.email, verified=True).select_related("user")
    if (login := proved.first()) is not None:
        user: Any = login.user
        return crm.open_account(user=user, name=user.get_full_name(), language=answer.language, now=now)
    return crm.find_or_create_person(
        name=answer.email, email=answer.email, phone="", language=answer.language, now=now
    )


def _is_proved(user: User, email: str) -> bool:
    return (
        user.email.lower() == email.lower()
        and EmailAddress.objects.filter(user=user, email__iexact=email, verified=True).exists()
    )


def _ask(answer: FormAnswer, now: datetime) -> None:
    language = answer.language
    with translation.override(language):
        url = f"{settings.BASE_URL}{reverse('form_confirm', args=[answer.token])}"
        wordings = tuple(each["wording"] for each in answer.consents)
        letter = write(words.confirm(wordings=wordings, url=url), language=language)
    crm.queue_message(
        kind="consent_confirm",
        subject=("form_answer", str(answer.pk)),
        once_key=f"consent_confirm:{answer.pk}",
        language=language,
        recipient=answer.email,
        subject_line=letter.subject,
        text_body=letter.text,
        html_body=letter.html,
        customer_id=answer.customer_id,
        now=now,
    )
