"""Routes of the government workspace, and its links in the header."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path
from django.utils.translation import gettext_lazy as _

from rongqiao.portal import government, government_enterprises, government_products
from rongqiao.portal.routes_screening import screening_routes

if TYPE_CHECKING:
    from django.urls import URLPattern

urlpatterns: list[URLPattern] = [
    path("government/", government.show_overview, name="government"),
    path("government/map.json", government.send_shapes, name="government_map"),
    path("government/counties/", government.list_counties, name="government_counties"),
    path("government/counties/<slug:code>/", government.show_county, name="government_county"),
    path("government/institutions/", government.list_institutions, name="government_institutions"),
    path("government/products/", government_products.list_reach, name="government_products"),
    *screening_routes("government"),
    path("government/enterprises/", government_enterprises.list_enterprises, name="government_enterprises"),
    path(
        "government/enterprises/<slug:uscc>/",
        government_enterprises.show_enterprise,
        name="government_enterprise",
    ),
    path(
        "government/enterprises/<slug:uscc>/trace/<slug:indicator_id>/",
        government_enterprises.trace_figure,
        name="government_figure_trace",
    ),
]
NAVIGATION = [
    (_("总览"), "portal:government"),
    (_("县市区"), "portal:government_counties"),
    (_("机构响应"), "portal:government_institutions"),
    (_("产品适配"), "portal:government_products"),
    (_("企业名单"), "portal:government_screenings"),
    (_("企业查询"), "portal:government_enterprises"),
    (_("指标目录"), "portal:indicators"),
]
