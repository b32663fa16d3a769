"""URLs of the portal: one file of routes per reader."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path

app_name = "portal"


def _home(request: HttpRequest) -> HttpResponse:
    return HttpResponse("融桥")


urlpatterns = [path("", _home, name="home"), path("workspace/", _home, name="workspace")]
