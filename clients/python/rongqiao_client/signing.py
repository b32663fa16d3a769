"""Signatures: of requests that we send, and of events that we receive."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from typing import Any

SCHEME = "RQ-HMAC-SM3"
EVENT_SECONDS = 300


class EventRefusedError(ValueError):
    """An event that does not come from the platform, or comes too late."""


def sign(*, key: str, secret: str, method: str, path: str, body: bytes, second: int, nonce: str = "") -> str:
    """Return the ``Authorization`` header of a request.

    Parameters
    ----------
    path : str
        Path with query, exactly as it is sent.
    second : int
        Unix time; the platform takes five minutes' difference.
    nonce : str
        Drawn when empty.
    """
    nonce = nonce or secrets.token_hex(16)
    text = "\n".join((method, path, str(second), nonce, hashlib.new("sm3", body).hexdigest()))
    signature = hmac.new(secret.encode(), text.encode(), "sm3").hexdigest()
    return f"{SCHEME} key={key}, ts={second}, nonce={nonce}, sig={signature}"


def verify_event(body: bytes, signature: str, *, secret: str, now: float | None = None) -> dict[str, Any]:
    """Return the event that a body holds, once its signature was checked.

    Parameters
    ----------
    signature : str
        Header ``Rongqiao-Signature``; after a rotation it bears two, of which one must hold.
    now : float or None
        Unix time, the clock's when none is given; an older event than five minutes is refused, so that nobody sends it again.

    Raises
    ------
    EventRefusedError
        If the signature is not the platform's, or too old.
    """
    now = time.time() if now is None else now
    parts = [part.strip().partition("=")[::2] for part in signature.split(",")]
    second = next((value for name, value in parts if name == "t"), "")
    if not (second.isascii() and second.isdecimal()) or abs(now - int(second)) > EVENT_SECONDS:
        raise EventRefusedError("签名时间缺失，或与本机相差超过五分钟。")
    expected = hmac.new(secret.encode(), f"{second}.".encode() + body, "sm3").hexdigest()
    given = [value for name, value in parts if name == "v1"]
    if not any(hmac.compare_digest(expected.encode(), value.encode()) for value in given):
        raise EventRefusedError("签名与内容不符。")
    event: dict[str, Any] = json.loads(body)
    return event
