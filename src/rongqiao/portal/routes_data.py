"""Routes of the data interfaces."""

from __future__ import annotations

from django.urls import path

from rongqiao.portal import data_api, data_mcp

app_name = "data"
urlpatterns = [
    path("mcp", data_mcp.serve, name="mcp"),
    path("openapi.json", data_api.openapi, name="openapi"),
    path("v1/<str:interface_id>", data_api.ask, name="ask"),
    path("v1/<str:interface_id>/ping", data_api.ping, name="ping"),
]
