"""URLs of the portal: one file of routes per reader."""

from __future__ import annotations

from django.urls import path
from django.views.i18n import set_language

from rongqiao.portal import (
    routes_bank,
    routes_bank_interfaces,
    routes_department,
    routes_enterprise,
    routes_government,
    routes_operator,
    routes_public,
)

app_name = "portal"

urlpatterns = [
    *routes_public.urlpatterns,
    *routes_enterprise.urlpatterns,
    *routes_bank.urlpatterns,
    *routes_bank_interfaces.urlpatterns,
    *routes_department.urlpatterns,
    *routes_government.urlpatterns,
    *routes_operator.urlpatterns,
    path("language/", set_language, name="set_language"),
]
