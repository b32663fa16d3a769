"""Routes of the enterprise workspace, and its links in the header."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path

from rongqiao.portal import registration

if TYPE_CHECKING:
    from django.urls import URLPattern

urlpatterns: list[URLPattern] = [
    path("enterprise/demands/new/", registration.open_workspace, name="enterprise_demand_new")
]
NAVIGATION: list[tuple[str, str]] = []
