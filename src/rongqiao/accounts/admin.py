"""Back office of this room: organisations and people, for superusers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from rongqiao.accounts.models import Organisation, User

if TYPE_CHECKING:
    from django.http import HttpRequest

# Roles are the only permissions of this platform.
admin.site.unregister(Group)


class BackOfficeAdmin(ModelAdmin):  # type: ignore[misc]
    """Superusers only, whatever permissions a staff member was given; nothing is deleted, only ended."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Show the room to superusers."""
        return bool(request.user.is_superuser)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let superusers look."""
        return bool(request.user.is_superuser)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Let superusers add."""
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let superusers change."""
        return bool(request.user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: consents, loans and audit lines point here."""
        return False


@admin.register(Organisation)
class OrganisationAdmin(BackOfficeAdmin):
    """Organisations; certifying an enterprise by hand is setting its ``certified_at``."""

    list_display = ("name", "kind", "uscc", "region_code", "certified_at")
    list_filter = ("kind",)
    search_fields = ("name", "uscc")
    readonly_fields = ("created_at",)


@admin.register(User)
class PersonAdmin(UserAdmin, BackOfficeAdmin):  # type: ignore[type-arg]
    """People with organisation and role; a person who left is made inactive."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("username", "full_name", "organisation", "role", "is_active", "is_superuser")
    list_filter = ("role", "is_active", "is_superuser")
    search_fields = ("username", "full_name", "phone")
    list_select_related = ("organisation",)
    autocomplete_fields = ("organisation",)
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("人员", {"fields": ("full_name", "phone", "organisation", "role")}),
        ("状态", {"fields": ("is_active", "is_staff", "is_superuser", "last_login", "date_joined")}),
    )
    add_fieldsets = (
        (
            None,
            {"classes": ("wide",), "fields": ("username", "organisation", "role", "password1", "password2")},
        ),
    )
