"""Chinese first: the language changes only where the reader chose another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.middleware.locale import LocaleMiddleware
from django.utils import translation

if TYPE_CHECKING:
    from django.http import HttpRequest


class LanguageMiddleware(LocaleMiddleware):
    """Reads the language from the reader's cookie alone.

    A browser's ``Accept-Language`` says what its maker installed, not what an official in Hunan wants to read.
    """

    def process_request(self, request: HttpRequest) -> None:
        """Activate the chosen language, else the installation's."""
        chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
        language = chosen if chosen in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
        translation.activate(language)
        request.LANGUAGE_CODE = translation.get_language()
