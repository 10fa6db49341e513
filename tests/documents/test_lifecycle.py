import pytest

from documents import lifecycle

pytestmark = pytest.mark.django_db


def test_a_new_title_is_shown_on_open_pages(document, told):
    with told() as messages:
        lifecycle.rename(document, "Better plan")
    message = {"type": "document.event", "event": "title", "data": {"title": "Better plan"}}
    assert messages == [(f"document.{document.id}", message)]


def test_trash_and_restore_are_told_once_however_often_they_are_asked_for(document, told):
    for change in (lifecycle.trash, lifecycle.restore):
        with told() as messages:
            change(document)
            change(document)
        assert messages == [(f"document.{document.id}", {"type": "access.changed"})]
    document.refresh_from_db()
    assert not document.is_deleted
