"""What the pages about accounts have to know of this installation."""

from django.conf import settings
from django.http import HttpRequest

_NO_MAIL = "django.core.mail.backends.dummy.EmailBackend"


def mail(request: HttpRequest) -> dict[str, bool]:
    """``can_mail``: whether a link to set a new password would reach anybody."""
    return {"can_mail": settings.EMAIL_BACKEND != _NO_MAIL}
