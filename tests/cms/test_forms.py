"""Forms on pages: answered without script, with nothing typed lost, kept once; a consent counts when the mailbox is proved."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.test import Client, RequestFactory
from wagtail import blocks

from audit import operations as audit
from audit.models import LogEntry
from cms.blocks import FormBlock
from cms.models import ArticlePage, FormAnswer, FormExport
from cms.views import answers as views
from cms.views import pages
from cms.views.viewer import Viewer
from crm.models import Consent, Customer, Message
from crm.workflows import privacy
from retail.kernel import clock
from retail.kernel.models import User
from storefront.views import shopper
from tests.cms.pages import article, segment
from tests.cms.test_pages import seen, words
from tests.flows.chain import NOW, Chain
from tests.staff import client_of, make_staff
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db

ASKED = [
    ("text", "ime", {"label": "Ime", "hint": "", "required": True, "is_long": False}),
    ("email", "mejl", {"label": "E-pošta", "hint": "", "required": False}),
    ("phone", "tel", {"label": "Telefon", "hint": "", "required": False}),
    ("choice", "grad", {"label": "Grad", "required": True, "choices": ["Novi Sad", "Niš"], "is_many": False}),
    ("checkbox", "pravila", {"label": "Pročitao sam pravila", "required": True}),
    ("consent", "bilten", {"purpose": "NEWSLETTER", "wording": "Pišite mi o novim naslovima."}),
]
FIELDS = [{"type": kind, "id": name, "value": value} for kind, name, value in ASKED]
FORM: dict[str, Any] = {
    "heading": "Nagradna igra",
    "text": "<p>Do petka.</p>",
    "fields": FIELDS,
    "submit": "Pošalji",
    "thanks": "Hvala, javićemo se.",
    "segment": None,
}
GOOD = {
    "f-ime": "Ana Anić",
    "f-mejl": "Ana@Example.com",
    "f-tel": "060 123 4567",
    "f-grad": "Niš",
    "f-pravila": "on",
    "f-bilten": "on",
    "key": "k1",
}


@pytest.fixture
def page(chain: Chain) -> ArticlePage:
    return article("Igra", "igra", ("form", FORM))


def address(page: ArticlePage, prefix: str = "") -> str:
    return f"{prefix}/forms/{page.pk}/{page.body.raw_data[0]['id']}/"


def send(page: ArticlePage, client: Any = None, prefix: str = "", **change: Any) -> Any:
    """From a machine of this page's: how often somebody may send in a minute is counted by machine."""
    machine = f"10.7.{page.pk // 250 % 250}.{page.pk % 250}"
    with clock.standing_at(NOW):
        return (client or Client()).post(address(page, prefix), {**GOOD, **change}, REMOTE_ADDR=machine)


def test_what_was_answered_is_a_row_and_the_reader_is_thanked(page: ArticlePage) -> None:
    assert 'name="f-ime"' in seen("/igra/").content.decode()
    answer = send(page)
    block = page.body.raw_data[0]["id"]
    assert (answer.status_code, answer["Location"]) == (302, f"/igra/?sent={block}#b-{block}")
    assert words(seen(answer["Location"].partition("#")[0])) == "Igra Nagradna igra Hvala, javićemo se."

    row = FormAnswer.objects.get()
    assert [(each["label"], each["value"]) for each in row.answers] == [
        ("Ime", "Ana Anić"),
        ("E-pošta", "ana@example.com"),
        ("Telefon", "+381601234567"),
        ("Grad", "Niš"),
        ("Pročitao sam pravila", True),
        ("Pišite mi o novim naslovima.", True),
    ]
    assert (row.page_id, row.page_title, row.form, row.form_name) == (page.pk, "Igra", block, "Nagradna igra")
    assert (row.language, row.email, row.answered_at, row.customer) == (
        "sr-latn",
        "ana@example.com",
        NOW,
        None,
    )
    with nothing_changes():  # a double click, the back button
        assert send(page)["Location"] == answer["Location"]


def test_nothing_typed_is_lost_and_each_mistake_is_named(page: ArticlePage) -> None:
    with nothing_changes():
        answer = send(
            page, **{"f-ime": "", "f-mejl": "ana", "f-tel": "12", "f-grad": "Pariz", "f-pravila": ""}
        )
    text = answer.content.decode()
    assert answer.status_code == 422
    assert "<title>Greška: Igra" in text
    found = re.findall(r'<a href="#id_f-(\w+)">([^<]*)</a>', text)
    assert found == [
        ("ime", "Ime: Popunite ovo polje."),
        ("mejl", "E-pošta: Upišite e-adresu, na primer ana@example.com."),
        ("tel", "Telefon: Upišite broj telefona, na primer 060 123 4567."),
        ("grad", "Grad: Izaberite jedan od ponuđenih odgovora."),
        ("pravila", "Pročitao sam pravila: Označite ovo da biste nastavili."),
    ]
    assert 'value="ana"' in text and 'value="12"' in text and 'name="key" value="k1"' in text
    assert re.search(r'name="f-bilten"[^>]* checked', text)


def test_a_consent_without_an_address_is_asked_for_it(page: ArticlePage) -> None:
    with nothing_changes():
        answer = send(page, **{"f-mejl": ""})
    assert "E-pošta: Upišite adresu za koju dajete saglasnost." in answer.content.decode()
    assert send(page, **{"f-mejl": "", "f-bilten": ""}).status_code == 302
    assert FormAnswer.objects.get().consents == []


def test_a_strangers_consent_counts_when_the_mailbox_says_yes(page: ArticlePage) -> None:
    send(page)
    row = FormAnswer.objects.get()
    letter = Message.objects.get(kind="consent_confirm")
    assert letter.recipient == "ana@example.com"
    assert f"/forms/confirm/{row.token}/" in letter.text_body
    assert "„Pišite mi o novim naslovima.”" in letter.text_body
    assert not Consent.objects.exists() and not Customer.objects.exists()

    link, client = f"/forms/confirm/{row.token}/", Client()
    with nothing_changes():
        assert "Pišite mi o novim naslovima." in client.get(link).content.decode()
    with clock.standing_at(NOW):
        client.post(link)
    row.refresh_from_db()
    consent = Consent.objects.get()
    assert (consent.kind, consent.is_given, consent.wording, consent.source) == (
        "NEWSLETTER",
        True,
        "Pišite mi o novim naslovima.",
        f"form:{row.pk}",
    )
    assert (row.confirmed_at, row.customer, consent.customer.email) == (NOW, consent.customer, row.email)
    with nothing_changes():
        client.post(link)
        assert client.post("/forms/confirm/nothing/").status_code == 404


def test_the_proved_address_of_a_login_needs_no_letter(page: ArticlePage) -> None:
    user = User.objects.create_user("ana@example.com", name="Ana Anić")
    EmailAddress.objects.create(user=user, email="ana@example.com", verified=True, primary=True)
    client = Client()
    client.force_login(user)
    assert 'value="ana@example.com"' in seen("/igra/", client=client).content.decode()
    send(page, client)
    row = FormAnswer.objects.get()
    assert Consent.objects.get().customer == row.customer == Customer.objects.get(user=user)
    assert not Message.objects.exists()

    send(page, client, **{"key": "k2", "f-mejl": "druga@example.com"})
    assert Message.objects.get().recipient == "druga@example.com"
    assert Consent.objects.count() == 1


def test_each_language_has_its_words_and_cyrillic_turns_them(page: ArticlePage) -> None:
    english = [{"type": "text", "id": "name", "value": {"label": "Your name", "required": True}}]
    article(
        "Game", "igra", ("form", {**FORM, "heading": "Prize", "fields": english, "text": ""}), language="en"
    )
    assert "Your name" in words(seen("/en/igra/"))
    assert "Наградна игра До петка. Име" in words(seen("/sr-cyrl/igra/"))
    answer = send(page, prefix="/sr-cyrl", **{"f-ime": ""})
    assert "Име: Попуните ово поље." in answer.content.decode()
    assert send(page, prefix="/sr-cyrl")["Location"].startswith("/sr-cyrl/igra/?sent=")
    row = FormAnswer.objects.get()
    assert row.language == "sr-cyrl" and {"label": "Град", "value": "Niš"} in row.answers
    assert row.consents == [{"kind": "NEWSLETTER", "wording": "Пишите ми о новим насловима."}]


def test_programs_and_floods_leave_nothing(page: ArticlePage, monkeypatch: pytest.MonkeyPatch) -> None:
    with nothing_changes():
        assert send(page, website="http://spam.example").status_code == 302
        assert Client(enforce_csrf_checks=True).post(address(page), GOOD).status_code == 403
        monkeypatch.setattr(views, "count_request", lambda who: views.REQUESTS_A_MINUTE + 1)
        answer = send(page)
    assert answer.status_code == 429 and 'value="Ana Anić"' in answer.content.decode()


def test_a_form_is_closed_with_its_page_and_to_those_outside_its_segment(
    chain: Chain, page: ArticlePage
) -> None:
    closed = article("Članovi", "clanovi", ("form", {**FORM, "segment": segment("nova", "company").pk}))
    draft = article("Skica", "skica", ("form", FORM))
    draft.unpublish()
    with nothing_changes():
        assert send(closed).status_code == 404
        assert send(draft).status_code == 404
        assert Client().post(f"/forms/{page.pk}/drugi/", GOOD).status_code == 404
    assert Client().get(address(page)).headers["Location"] == "/igra/"


def test_staff_read_answers_and_take_them_with_a_trace(page: ArticlePage, mila: User) -> None:
    send(page, **{"f-ime": "=HYPERLINK(1)"})
    form = page.body.raw_data[0]["id"]
    merchandiser = client_of(mila)
    assert "=HYPERLINK(1)" in merchandiser.get("/ops/answers/").content.decode()
    answer = merchandiser.post(f"/ops/answers/{form}/export/")
    rows = list(csv.reader(io.StringIO(answer.content.decode().lstrip("\ufeff"))))
    assert rows[0][5:] == [each["label"] for each in FormAnswer.objects.get().answers]
    assert rows[1][5:] == ["'=HYPERLINK(1)", "ana@example.com", "'+381601234567", "Niš", "1", "1"]
    taken = FormExport.objects.get()
    assert (taken.form, taken.count, taken.taken_by) == (form, 1, mila)
    assert LogEntry.objects.get(content_type__model="formexport").actor_id == mila.pk

    agent = client_of(make_staff("AGENT"))
    with nothing_changes():
        assert agent.get("/ops/answers/").status_code == 200
        assert agent.post(f"/ops/answers/{form}/export/").status_code == 403
        assert merchandiser.post("/ops/answers/nothing/export/").status_code == 404


def test_erasing_a_person_empties_what_they_answered(page: ArticlePage, mila: User) -> None:
    send(page)
    send(page, key="k2")
    send(page, **{"key": "k3", "f-mejl": "vera@example.com", "f-ime": "Vera"})
    first = FormAnswer.objects.order_by("pk")[0]
    with clock.standing_at(NOW):
        Client().post(f"/forms/confirm/{first.token}/")
    ana = Customer.objects.get()
    assert len(privacy.export_person(customer_id=ana.pk)["form_answers"]) == 1
    audit.seal(now=NOW)
    privacy.erase_person(customer_id=ana.pk, by=mila, now=NOW)
    left = FormAnswer.objects.order_by("pk").values_list("email", "answers")
    assert [(email, len(said)) for email, said in left] == [("", 0), ("", 0), ("vera@example.com", 6)]
    trace = LogEntry.objects.filter(content_type__model="formanswer")
    assert trace.filter(personal__changes__isnull=False).distinct().count() == 1
    assert Client().get(f"/forms/confirm/{first.token}/").status_code == 404
    audit.seal(now=NOW)
    assert audit.verify() is None


def test_the_editor_is_told_that_a_consent_needs_an_address(chain: Chain) -> None:
    block = FormBlock()
    without = [each for each in FIELDS if each["type"] != "email"]
    with pytest.raises(blocks.StructBlockValidationError) as refused:
        block.clean(block.to_python({**FORM, "fields": without}))
    (wrong,) = refused.value.block_errors["fields"].non_block_errors
    assert wrong == "Obrascu sa saglasnošću treba polje za e-adresu."
    block.clean(block.to_python(FORM))


def test_a_preview_cannot_be_sent(page: ArticlePage, rf: RequestFactory) -> None:
    request = rf.get("/igra/")
    viewer = Viewer(request, shopper.channel(), NOW, is_preview=True)
    drawn = pages.preview(page, request, "sr-latn", viewer).content.decode()
    assert '<button class="button button-main" disabled>Pošalji</button>' in drawn
    assert '<button class="button button-main">Pošalji</button>' in seen("/igra/").content.decode()
