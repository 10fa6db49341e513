"""What happens to people and their credentials ends their sockets, too.

Signals, because accounts know nothing of documents, and because Django's admin, its commands
and allauth change the same rows.
"""

from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_out
from django.db.models.signals import post_delete, post_save, pre_delete
from django.dispatch import receiver
from django.http import HttpRequest

from collab.accounts.models import ApiToken
from documents.announce import access_changed
from documents.models import Document

_IRRELEVANT = {"last_login"}  # saved with every log-in


@receiver(post_save, sender=User)
def _user_saved(instance: User, created: bool, update_fields: Any = None, **signal: Any) -> None:
    """Deactivated, perhaps, or given a new password."""
    if not created and not (update_fields and set(update_fields) <= _IRRELEVANT):
        access_changed(user_id=instance.pk)


@receiver(pre_delete, sender=User)
def _user_deleted(instance: User, **signal: Any) -> None:
    access_changed(user_id=instance.pk)


@receiver(post_delete, sender=Document)
def _document_deleted(instance: Document, **signal: Any) -> None:
    """For good: by an operator, or with its owner."""
    access_changed(document_id=instance.pk)


@receiver(user_logged_out)
def _logged_out(request: HttpRequest | None, user: User | None, **signal: Any) -> None:
    if request is not None and request.session.session_key:
        # Django ends it only after this signal: whoever asks until then would find it valid.
        request.session.delete()
    if user is not None:
        access_changed(user_id=user.pk)


@receiver([post_save, post_delete], sender=ApiToken)
def _token_changed(instance: ApiToken, created: bool = False, **signal: Any) -> None:
    if not created:
        access_changed(user_id=instance.user_id)
