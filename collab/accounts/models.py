"""What we know of a person beyond Django's user, and the tokens of their programs."""

import hashlib
import secrets
from datetime import timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.utils import timezone


class Profile(models.Model):
    """How a person appears to others."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="profile"
    )
    name = models.CharField(max_length=100, blank=True)
    colour = models.CharField(max_length=7, blank=True, help_text="#rrggbb; empty: by user id")
    avatar = models.URLField(blank=True)

    def __str__(self) -> str:
        return self.name or self.user.get_username()


class ApiToken(models.Model):
    """A program's way in, as its user. Only the hash is stored: a stolen database opens nothing."""

    class Scope(models.TextChoices):
        READ = "read"
        WRITE = "write"
        ADMIN = "admin"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens"
    )
    hash = models.CharField(max_length=64, unique=True)
    scope = models.CharField(max_length=5, choices=Scope, default=Scope.WRITE)
    label = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.label or f"token {self.pk}"

    @staticmethod
    def hashed(token: str) -> str:
        # 256 random bits cannot be guessed: a fast hash is enough, and it is looked up by.
        return hashlib.sha256(token.encode()).hexdigest()

    @classmethod
    def issue(
        cls, user_id: int, *, scope: str = Scope.WRITE, days: int | None = None, label: str = ""
    ) -> tuple[Self, str]:
        """Create a token; return it and its text, which is shown this once and never stored."""
        text = "collab_" + secrets.token_urlsafe(32)
        expires_at = timezone.now() + timedelta(days=days) if days is not None else None
        token = cls.objects.create(
            user_id=user_id, hash=cls.hashed(text), scope=scope, label=label, expires_at=expires_at
        )
        return token, text

    @classmethod
    def find(cls, text: str) -> Self | None:
        """The token with this text, unless it has expired or its user is inactive."""
        token = cls.objects.select_related("user").filter(hash=cls.hashed(text)).first()
        if token is None or not token.user.is_active:
            return None
        if token.expires_at is not None and token.expires_at <= timezone.now():
            return None
        return token
