"""Secrets of keys and webhooks: derived from the installation's own and a salt, so the database alone lets nobody sign."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    import uuid


def secret_of(key_id: uuid.UUID, salt: str) -> str:
    """Secret of a key or webhook."""
    return hmac_sm3(settings.SECRET_KEY.encode(), f"interface|{key_id}|{salt}")


def digest_of(secret: str) -> str:
    """HMAC-SM3 of a secret: what is kept of it."""
    return hmac_sm3(settings.SECRET_KEY.encode(), secret)


def hmac_sm3(key: bytes, text: str) -> str:
    """HMAC-SM3 of a text, in hex."""
    return hmac.new(key, text.encode(), "sm3").hexdigest()


def sm3_hex(data: bytes) -> str:
    """SM3 of bytes, in hex."""
    return hashlib.new("sm3", data).hexdigest()
