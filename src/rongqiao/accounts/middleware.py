"""Binds the scope of the signed-in person to the request and its transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import SuspiciousOperation
from django.db import transaction

from rongqiao.accounts.scope import bind, scope_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse


class ScopeMiddleware:
    """One transaction per request, under the limited database role and the caller's scope.

    A view that raises, or answers with a server error, leaves nothing behind.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Run the view inside the bound transaction."""
        scope = scope_of(request.user)
        request.scope = scope  # type: ignore[attr-defined]
        with transaction.atomic():
            bind(scope)
            response = self.get_response(request)
            # A data interface that tells of maintenance or a broken provider has broken nothing itself.
            if response.status_code >= 500 and not getattr(response, "keeps_records", False):
                transaction.set_rollback(True)
        return response


class NullByteMiddleware:
    """Refuses addresses with a null byte, which PostgreSQL cannot store: a bad request, not an error of ours.

    Forms refuse it by themselves.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer 400 where the path or query holds one."""
        if "\0" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            raise SuspiciousOperation("Null byte in the address.")
        return self.get_response(request)
