"""Documents for operators: who owns what, who has access, how much it weighs. Never content.

Logs and snapshots are not here on purpose, and neither are share links' tokens: an operator
needs neither to read nor to enter a document.
"""

from django.contrib import admin
from django.http import HttpRequest

from documents.announce import access_changed
from documents.models import Document, Membership, ShareLink, Webhook


class MembershipInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Membership
    autocomplete_fields = ["user"]
    extra = 0


class ShareLinkInline(admin.TabularInline):  # type: ignore[type-arg]
    model = ShareLink
    fields = ["role", "is_enabled", "expires_at", "created_by", "created_at"]
    readonly_fields = ["created_by", "created_at"]
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Document | None = None) -> bool:
        return False


@admin.register(Document)
class DocumentAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["id", "title", "owner", "head", "size", "updated_at", "deleted_at"]
    list_filter = ["general_role", "deleted_at"]
    list_select_related = ["owner"]
    search_fields = ["id", "title", "owner__username", "owner__email"]
    autocomplete_fields = ["owner"]
    readonly_fields = ["id", "head", "folded", "size", "created_at", "updated_at"]
    date_hierarchy = "updated_at"
    inlines = [MembershipInline, ShareLinkInline]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # a document begins with row 1 of its log: documents.creation

    def save_related(self, request, form, formsets, change):  # type: ignore[no-untyped-def]
        """Owner, members and links are all saved by now: the rooms must hear of it."""
        super().save_related(request, form, formsets, change)
        access_changed(document_id=form.instance.pk)


@admin.register(Webhook)
class WebhookAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Who has what sent where; to be switched off or removed. Neither secrets nor whole URLs."""

    list_display = ["id", "host", "user", "document", "is_enabled", "failing_since"]
    list_filter = ["is_enabled"]
    list_select_related = ["user", "document"]
    search_fields = ["host", "user__username"]
    fields = ["is_enabled", "host", "user", "document", "events", "failing_since", "created_at"]
    readonly_fields = ["host", "user", "document", "events", "failing_since", "created_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # their addresses are checked where people make them: documents.api.webhooks
