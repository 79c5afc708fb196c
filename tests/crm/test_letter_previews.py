"""Letters looked at before customers get them: every one, in every language and script, twice."""

import pytest

from crm.letters.samples import SAMPLES
from crm.views.letters import LANGUAGES, written
from tests.flows.chain import Chain, make_chain
from tests.staff import client_of, make_staff
from tests.unchanged import nothing_changes

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def chain(db: None) -> Chain:
    return make_chain()


def test_every_letter_says_the_same_in_both_forms_in_every_language() -> None:
    for name in SAMPLES:
        subjects = set()
        for language in LANGUAGES:
            told = written(name, language)
            subjects.add(told.subject)
            # The plain twin carries the words of the heading and the action's address.
            assert "http" in told.text
            assert "<html" in told.html
            assert "<" not in told.text.replace("<http", "")
        assert len(subjects) == len(LANGUAGES), name


def test_the_page_frames_the_letter_and_shows_its_twin() -> None:
    agent = client_of(make_staff("AGENT"))
    with nothing_changes():
        page = agent.get("/ops/letters/?letter=ready&language=sr-cyrl").text
        letter = agent.get("/ops/letters/ready/sr-cyrl/")
    assert 'src="/ops/letters/ready/sr-cyrl/"' in page
    assert "482913" in page
    assert "482913" in letter.text
    assert "script-src" not in letter.headers["Content-Security-Policy"]
    assert letter.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert letter.headers["X-Frame-Options"] == "SAMEORIGIN"


def test_what_is_no_letter_is_not_found() -> None:
    agent = client_of(make_staff("AGENT"))
    for address in ("?letter=nothing", "?language=de", "placed/de/", "nothing/en/"):
        assert agent.get(f"/ops/letters/{address}").status_code == 404
    assert client_of(make_staff("PICKER")).get("/ops/letters/").status_code == 403
