"""URLs of the one portal."""

from __future__ import annotations

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

from rongqiao.portal.api import api

# The back office has no sign-in of its own: the portal's is throttled and asks for the second factor.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("backoffice/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    path("api/v1/deliveries/", include("rongqiao.portal.routes_deliveries")),
    path("data/", include("rongqiao.portal.routes_data")),
    path("api/v1/", api.urls),
    path("", include("rongqiao.portal.urls")),
]
