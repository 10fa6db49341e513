"""Who was given access to a document, and how."""

import secrets

from django.conf import settings
from django.db import models
from django.utils import timezone


class Role(models.IntegerChoices):
    """What somebody may do with a document; each role may do all that the lower ones may."""

    VIEWER = 10
    COMMENTER = 20
    EDITOR = 30
    OWNER = 40

    @property
    def may_write(self) -> bool:
        return self >= _WRITES

    @property
    def key(self) -> str:
        """The role's name in the API and on the wire: viewer, commenter, editor, owner."""
        return self.name.lower()

    @classmethod
    def from_key(cls, key: str) -> "Role":
        """Raises KeyError for anything but the four names."""
        return cls[key.upper()]


_WRITES = int(Role.EDITOR)  # asked for with every edit: an enumeration's member takes long to get


class Membership(models.Model):
    """A person's own role in a document."""

    document = models.ForeignKey(
        "documents.Document", on_delete=models.CASCADE, related_name="memberships"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.PositiveSmallIntegerField(choices=Role.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["document", "user"], name="one_membership_each")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} is {Role(self.role).key} of {self.document_id}"


class AccessRequest(models.Model):
    """That somebody asks the owner for a role. Gone with the answer."""

    document = models.ForeignKey(
        "documents.Document", on_delete=models.CASCADE, related_name="access_requests"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="access_requests"
    )
    role = models.PositiveSmallIntegerField(choices=Role.choices)
    message = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["document", "user"], name="one_request_each")
        ]

    def __str__(self) -> str:
        return f"{self.user_id} asks to be {Role(self.role).key} of {self.document_id}"


def _new_token() -> str:
    return secrets.token_urlsafe(24)


class AccessChange(models.Model):
    """That somebody's access, or everybody's to a document, has changed.

    The rooms are told at once; this is for those that were not reached. Kept for an hour.
    """

    document_id = models.UUIDField(null=True)
    user_id = models.BigIntegerField(null=True)
    at = models.DateTimeField(auto_now_add=True, db_index=True)

    def __str__(self) -> str:
        return f"{self.document_id or self.user_id} at {self.at}"


class ShareLink(models.Model):
    """Access for whoever has the link. The share dialog shows its token again, so it is kept."""

    document = models.ForeignKey(
        "documents.Document", on_delete=models.CASCADE, related_name="links"
    )
    token = models.CharField(max_length=64, unique=True, default=_new_token, editable=False)
    role = models.PositiveSmallIntegerField(choices=Role.choices, default=Role.VIEWER)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    is_enabled = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"link {self.pk}: {Role(self.role).key} of {self.document_id}"

    @property
    def opens(self) -> bool:
        """Whether the link works at this moment."""
        return self.is_enabled and (self.expires_at is None or self.expires_at > timezone.now())
