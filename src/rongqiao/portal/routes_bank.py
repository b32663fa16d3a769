"""Routes of the bank workspace, and its links in the header."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
# Pairs of (title, URL name), such as ("工作台", "portal:bank").
NAVIGATION: list[tuple[str, str]] = []
