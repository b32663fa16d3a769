"""Back office of this room: institutions, products and policies, for superusers."""

from __future__ import annotations

from django.contrib import admin

from rongqiao.accounts.admin import BackOfficeAdmin
from rongqiao.bases.resources.models import Institution, Policy, Product


@admin.register(Institution)
class InstitutionAdmin(BackOfficeAdmin):
    """Banks and other financial institutions."""

    list_display = ("short_name", "code", "kind", "phone", "is_synthetic")
    list_filter = ("kind", "is_synthetic")
    search_fields = ("short_name", "code")
    autocomplete_fields = ("organisation",)


@admin.register(Product)
class ProductAdmin(BackOfficeAdmin):
    """Products; one that is no longer sold is withdrawn, not deleted."""

    list_display = ("name", "code", "institution", "kind", "status", "published_on", "version")
    list_filter = ("kind", "status", "is_first_loan_friendly")
    search_fields = ("name", "code", "institution__short_name")
    list_select_related = ("institution",)
    autocomplete_fields = ("institution",)
    # Two persons of the bank change them, after a trial; or a load of the catalogue, which checks what it reads.
    readonly_fields = ("criteria", "version")


@admin.register(Policy)
class PolicyAdmin(BackOfficeAdmin):
    """Support policies, with document number and source."""

    list_display = ("title", "issuer", "document_no", "region_code", "effective_from", "effective_to")
    list_filter = ("region_code", "is_synthetic")
    search_fields = ("title", "document_no", "issuer")
