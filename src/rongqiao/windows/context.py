"""Gives every page the window it is seen through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rongqiao.windows.selectors import get_window

if TYPE_CHECKING:
    from django.http import HttpRequest

    from rongqiao.windows.selectors import Window


def window(request: HttpRequest) -> dict[str, Window]:
    """Put the present window into the template context."""
    return {"window": get_window()}
