"""URLs of the one portal."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from rongqiao.portal.api import api

urlpatterns = [
    path("backoffice/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    path("api/v1/", api.urls),
    path("", include("rongqiao.portal.urls")),
]
