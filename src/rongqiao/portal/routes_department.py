"""Routes of the data department's workspace, and its links in the header."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path
from django.utils.translation import gettext_lazy as _

from rongqiao.portal import department

if TYPE_CHECKING:
    from django.urls import URLPattern

urlpatterns: list[URLPattern] = [
    path("department/", department.show_sources, name="department"),
]
NAVIGATION = [
    (_("本部门数据"), "portal:department"),
]
