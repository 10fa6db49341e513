"""Documents are found by what they say, by those who may see them, and by nobody else."""

from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.core.management import call_command
from django.utils import timezone

from documents import lifecycle, search
from documents.creation import create_document
from documents.formats.markdown import from_markdown
from documents.formats.tree import new_document_update
from documents.models import Document, LogEntry, SearchText
from documents.search import Lookout, index
from documents.sync import log
from tests.documents.writing import write

pytestmark = pytest.mark.django_db

NOW = timezone.now()
MINUTE = timedelta(minutes=1)


@pytest.fixture
def recipe(alice):
    """A document of alice's that nobody else is in."""
    text = "# Süßes Brot\n\nFlour, *water* and 100% salt.\n"
    made = create_document(alice, "Sunday", new_document_update(from_markdown(text)))
    index(made.id, now=NOW)
    return made


@pytest.fixture
def found(browser_of):
    def found(user, words, **query):
        status, page = browser_of(user).get("documents?" + urlencode({"q": words, **query}))
        assert status == 200
        return [item["title"] for item in page["items"]]

    return found


@pytest.mark.parametrize(
    "words", ["flour", "SALT", "süsses", "SÜSSES BROT", "sunday water", "100%", "ater an", "  "]
)
def test_each_word_stands_in_the_title_or_the_text(recipe, alice, found, words):
    assert found(alice, words) == ["Sunday"]


def test_titles_are_found_whatever_their_case(recipe, alice, found):
    lifecycle.rename(recipe, "Übersicht STRASSE")
    for words in ("übersicht", "ÜBERSICHT", "straße"):
        assert found(alice, words) == ["Übersicht STRASSE"]
    assert found(alice, "sunday") == []


@pytest.mark.parametrize("words", ["flour sugar", "flo_r", "flour%water", "1000"])
def test_what_lacks_a_word_is_not_found(recipe, alice, found, words):
    assert found(alice, words) == []


def test_nobody_finds_what_they_may_not_see(recipe, document, bob, alice, found):
    index(document.id, now=NOW)
    assert found(bob, "flour") == []
    assert found(bob, "plan") == ["Plan"]
    lifecycle.trash(recipe)
    assert found(alice, "flour") == []
    assert found(alice, "flour", filter="trash") == ["Sunday"]


def test_the_worker_follows_the_text(document, alice, found):
    write(document, "one", by=alice)
    call_command("compact")
    assert found(alice, "one") == ["Plan"]
    write(document, "two", by=alice)
    call_command("compact")
    assert (found(alice, "two"), found(alice, "one")) == (["Plan"], [])


def looked_at(lookout, now):
    found = list(lookout.due(now))
    for document_id in found:
        lookout.look(document_id, now=now)
    return found


def test_only_what_has_news_is_read(document, alice):
    lookout = Lookout()
    assert looked_at(lookout, NOW) == [document.id]
    assert looked_at(lookout, NOW + MINUTE) == []
    write(document, "one", by=alice)
    assert looked_at(lookout, NOW + MINUTE) == [document.id]
    write(document, "two", by=alice)
    assert looked_at(lookout, NOW + MINUTE * 4 / 3) == [], "not so soon again"
    assert looked_at(lookout, NOW + 2 * MINUTE) == [document.id]
    assert looked_at(lookout, NOW + 3 * MINUTE) == []


def test_what_took_long_rests_long(document, alice, monkeypatch):
    lookout, clock = Lookout(), iter([0, 0, 0, 9, 100, 100, 100])
    monkeypatch.setattr(search, "monotonic", lambda: next(clock))
    assert looked_at(lookout, NOW) == [document.id]
    write(document, "one", by=alice)
    assert looked_at(lookout, NOW + 2.9 * MINUTE) == []
    assert list(lookout.due(NOW + 3 * MINUTE)) == [document.id]


def test_a_round_ends_in_time_and_the_next_one_goes_on(document, alice, monkeypatch):
    other, lookout = create_document(alice, "Another one"), Lookout()
    clock = iter([0, 0, 6, 10, 10, 10])
    monkeypatch.setattr(search, "monotonic", lambda: next(clock))
    first, second = list(lookout.due(NOW)), list(lookout.due(NOW + MINUTE))
    assert (len(first), {*first, *second}) == (1, {document.id, other.id})


def test_only_what_has_changed_lately_is_compared(document, alice):
    lookout = Lookout()
    looked_at(lookout, NOW)
    write(document, "one", by=alice)
    Document.objects.update(updated_at=NOW - 10 * MINUTE)
    assert looked_at(lookout, NOW + MINUTE) == []
    assert looked_at(lookout, NOW + 61 * MINUTE) == [document.id], "all of them, once an hour"


def test_what_cannot_be_read_keeps_no_other_waiting(document, alice):
    other = create_document(alice, "Another one")
    write(document, "one", by=alice)
    LogEntry.objects.filter(document=document, seq=1).delete()
    with pytest.raises(log.LogDamaged):
        index(document.id, now=NOW)
    assert next(Lookout().due(NOW + MINUTE)) == other.id


def test_a_worker_that_read_less_does_not_win(document, alice, monkeypatch):
    write(document, "one", by=alice)
    early = log.read(document.id)
    write(document, "two", by=alice)
    index(document.id, now=NOW)
    monkeypatch.setattr(log, "read", lambda document_id: early)
    index(document.id, now=NOW)
    assert SearchText.objects.get().text == "two\n"


def test_what_postgresql_cannot_store_is_no_failure(document, alice, found):
    write(document, "a\x00b", by=alice)
    index(document.id, now=NOW)
    assert found(alice, "ab") == ["Plan"]


def test_a_document_that_is_gone_is_left_alone(document):
    Document.objects.all().delete()
    index(document.id, now=NOW)
    assert not SearchText.objects.exists()
