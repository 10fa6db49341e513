"""People and their programs for operators. Tokens can be withdrawn here, never seen."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import User
from django.http import HttpRequest

from collab.accounts.models import ApiToken, Profile


class ProfileInline(admin.StackedInline):  # type: ignore[type-arg]
    model = Profile
    can_delete = False


class PersonAdmin(UserAdmin):  # type: ignore[type-arg]
    inlines = [ProfileInline]
    list_display = ["username", "email", "is_active", "is_staff", "last_login"]


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Only ``manage.py issue_token`` makes tokens: their text is shown once, and not here."""

    list_display = ["label", "user", "scope", "created_at", "expires_at"]
    list_filter = ["scope"]
    list_select_related = ["user"]
    search_fields = ["label", "user__username"]
    fields = ["user", "label", "scope", "created_at", "expires_at"]
    readonly_fields = ["user", "created_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


admin.site.unregister(User)
admin.site.register(User, PersonAdmin)
