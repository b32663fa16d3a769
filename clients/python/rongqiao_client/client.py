"""Reads data interfaces: signs, waits when asked to, turns pages."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlencode

import httpx

from rongqiao_client.signing import sign

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

RETRIED = frozenset({429, 502, 503})


class Refused(Exception):
    """A call that was not answered.

    Parameters
    ----------
    status : int
        HTTP status.
    code : str
        Such as ``platform.consent_missing``; the part before the dot says whose it is.
    title, detail : str
        What it says to people, in Chinese.
    source : str
        The provider department, or ``platform``.
    retry_after : float or None
        Seconds after which it may be tried again.
    """

    def __init__(
        self, status: int, code: str, title: str, detail: str, source: str, retry_after: float | None
    ) -> None:
        super().__init__(f"{code}: {title}。{detail}")
        self.status, self.code, self.title, self.detail = status, code, title, detail
        self.source, self.retry_after = source, retry_after


@dataclass(frozen=True, slots=True)
class Answer:
    """What an interface answered; ``remaining`` is null where the platform did not say."""

    body: Mapping[str, Any]
    remaining: int | None

    @property
    def meta(self) -> Mapping[str, Any]:
        """Freshness, completeness, quality, masks and disputes, by table under ``datasets``."""
        found: Mapping[str, Any] = self.body["meta"]
        return found

    @property
    def has_next(self) -> bool:
        """Whether a further page holds more."""
        return bool(self.meta["has_next"])

    @property
    def missing(self) -> dict[str, str]:
        """Tables that are not in the answer, and why: ``missing`` or ``not_authorised``."""
        return {
            table: about["status"]
            for table, about in self.meta["datasets"].items()
            if about["status"] != "ok"
        }

    def records(self, table: str) -> list[dict[str, Any]]:
        """Return the records of one table; empty where there are none, or none may be read (see ``missing``)."""
        found: list[dict[str, Any]] = self.body["data"].get(table, [])
        return found


class Client:
    """One connection to a platform, for one key.

    Parameters
    ----------
    base_url : str
        Such as ``https://rongqiao.example.com``.
    key, secret : str
        As shown once when the key was made.
    attempts : int
        How often a call is tried in all, where the platform asks to come back or the network fails.
    patience : float
        Longest wait in seconds between two attempts; a longer one is not waited for.
    transport : httpx.BaseTransport or None
        Another way to the platform, for tests.
    clock, sleep : callable
        Unix time, and how to wait.
    """

    def __init__(
        self,
        base_url: str,
        *,
        key: str,
        secret: str,
        attempts: int = 4,
        patience: float = 60.0,
        timeout: float = 10.0,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.key, self.secret = key, secret
        self.attempts, self.patience = attempts, patience
        self.clock, self.sleep = clock, sleep
        self.http = httpx.Client(base_url=base_url, timeout=timeout, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self.http.close()

    def read(
        self,
        interface: str,
        *,
        uscc: str,
        purpose: str,
        as_of: str | None = None,
        known_at: str | None = None,
        page: int = 1,
    ) -> Answer:
        """Read one page about one enterprise.

        Parameters
        ----------
        as_of : str or None
            Month ``YYYYMM`` up to which records count; the present one when none is given.
        known_at : str or None
            Day ``YYYY-MM-DD`` as of whose knowledge; today when none is given. An earlier day is answered only for the
            purpose ``government_duty`` and to sandbox keys.

        Raises
        ------
        Refused
            If the platform does not answer, after the attempts that it allows.
        httpx.HTTPError
            If it is not reached.
        """
        values = {"uscc": uscc, "purpose": purpose, "as_of": as_of, "known_at": known_at, "page": str(page)}
        query = urlencode({name: value for name, value in values.items() if value is not None})
        response = self._get(f"/data/v1/{interface}?{query}")
        remaining = response.headers.get("RateLimit-Remaining", "")
        return Answer(response.json(), int(remaining) if remaining.isdecimal() else None)

    def pages(self, interface: str, *, uscc: str, purpose: str, **values: Any) -> Iterator[Answer]:
        """Read page after page until there is no further one."""
        page = 1
        while True:
            answer = self.read(interface, uscc=uscc, purpose=purpose, page=page, **values)
            yield answer
            if not answer.has_next:
                return
            page += 1

    def ping(self, interface: str) -> dict[str, Any]:
        """Ask whether an interface answers now; needs no right to it."""
        found: dict[str, Any] = self.http.get(f"/data/v1/{interface}/ping").json()
        return found

    def _get(self, path: str) -> httpx.Response:
        for attempt in range(1, self.attempts + 1):
            is_last = attempt == self.attempts
            # Signed anew each time: a signature is good for five minutes only.
            header = sign(
                key=self.key, secret=self.secret, method="GET", path=path, body=b"", second=int(self.clock())
            )
            try:
                response = self.http.get(path, headers={"Authorization": header})
            except httpx.TransportError:
                if is_last:
                    raise
                self.sleep(_pause(attempt))
                continue
            if response.is_success:
                return response
            refused = _refused(response)
            wait = refused.retry_after if refused.retry_after is not None else _pause(attempt)
            if is_last or response.status_code not in RETRIED or wait > self.patience:
                raise refused
            self.sleep(wait)
        raise AssertionError("attempts must be at least 1")


def _pause(attempt: int) -> float:
    return float(min(2 ** (attempt - 1), 30))


def _refused(response: httpx.Response) -> Refused:
    try:
        body = response.json()
    except ValueError:
        body = {}
    told = body if isinstance(body, dict) else {}
    words = [str(told.get(name, "")) for name in ("code", "title", "detail", "source")]
    after = response.headers.get("Retry-After", "")
    return Refused(
        response.status_code,
        words[0] or "platform.unreadable",
        words[1] or "平台应答无法读取",
        words[2],
        words[3] or "platform",
        float(after) if after.isdecimal() else None,
    )
