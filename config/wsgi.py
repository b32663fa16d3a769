"""Server entry: `granian --interface wsgi config.wsgi:application`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from django.core.wsgi import get_wsgi_application

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

_portal = get_wsgi_application()
_DATA = "/data/v1/"


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Serve the portal; signed machine calls pass by sessions, languages and pages, which they do not have."""
    path = environ.get("PATH_INFO", "")
    if not path.startswith(_DATA) or "/" in path.removeprefix(_DATA):
        return _portal(environ, start_response)
    from django.core.handlers.wsgi import WSGIRequest
    from django.db import close_old_connections, connection

    from rongqiao.portal.data_api import ask_safely

    # A connection is looked at only after an error: a look before each of 500 calls a second would be one more question.
    if connection.connection is None or connection.errors_occurred:
        close_old_connections()
    response = ask_safely(WSGIRequest(environ), path.removeprefix(_DATA))
    start_response(f"{response.status_code} {response.reason_phrase}", list(response.items()))
    return [response.content]
