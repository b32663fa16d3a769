"""How people sign up and in: no open sign-up; enterprises register through the portal with their USCC."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allauth.account.adapter import DefaultAccountAdapter

if TYPE_CHECKING:
    from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Closes allauth's own sign-up page; registration is a service of this room."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Refuse sign-up outside the registration page."""
        return False
