"""What one line of the ledger says: what happened, to what, and the digest of the evidence. Never the evidence."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes

from rongqiao.kernel.errors import InvalidValueError
from rongqiao.ledger.tree import leaf_hash, sm3

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = re.compile(r"[0-9a-f]{64}")
LONGEST_SUBJECT = 200
LONGEST_KEY = 500
CHUNK_BYTES = 1 << 20


class Kind(StrEnum):
    """What may be recorded."""

    RECEIPT = "receipt"
    CONSENT_GIVEN = "consent_given"
    CONSENT_REVOKED = "consent_revoked"
    REPORT = "report"
    QUOTE = "quote"
    ACCEPTANCE = "acceptance"
    APPLICATION = "application"
    LOAN = "loan"
    CORRECTION = "correction"


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry that has no place in the ledger yet.

    Parameters
    ----------
    kind : str
        One of `Kind`.
    subject : str
        Reference to the thing, such as a batch id or ``consent:123``; never a person's name or number.
    digest : str
        SM3 of the payload, 64 lower-case hexadecimal digits.
    at : str, optional
        Instant of the event, ISO 8601 with an offset; ``None`` when the event has no instant of its own.
    key : str, optional
        The same key is recorded once only; ``kind|subject|digest`` by default.
    """

    kind: str
    subject: str
    digest: str
    at: str | None = None
    key: str | None = None

    @property
    def effective_key(self) -> str:
        """The key that makes the entry unique."""
        return self.key if self.key is not None else f"{self.kind}|{self.subject}|{self.digest}"

    def check(self) -> None:
        """Refuse what may not go in.

        Raises
        ------
        InvalidValueError
            If kind, subject, digest, instant or key is not of the form above.
        """
        if self.kind not in set(Kind):
            raise InvalidValueError("ledger kind", self.kind, f"Use one of: {', '.join(Kind)}.")
        if not DIGEST.fullmatch(self.digest):
            raise InvalidValueError("ledger digest", self.digest, "Give SM3 as 64 lower-case hex digits.")
        _check_text("ledger subject", self.subject, LONGEST_SUBJECT)
        _check_text("ledger key", self.effective_key, LONGEST_KEY)
        if self.at is not None:
            check_instant(self.at)


@dataclass(frozen=True, slots=True)
class Entry:
    """One recorded fact and its place; grain: one per key, counted from 0. ``at`` is null when not given."""

    index: int
    kind: str
    subject: str
    digest: str
    at: str | None
    key: str

    @property
    def draft(self) -> Draft:
        """The entry without its place."""
        return Draft(self.kind, self.subject, self.digest, self.at, self.key)

    def to_bytes(self) -> bytes:
        """Canonical bytes: what is hashed, and the line in the file without its line feed."""
        return canonical_bytes(asdict(self))

    def leaf(self) -> bytes:
        """Leaf hash of the entry."""
        return leaf_hash(self.to_bytes())

    @classmethod
    def from_bytes(cls, line: bytes) -> Entry:
        """Read one line.

        Raises
        ------
        InvalidValueError
            If it is not, byte for byte, what `to_bytes` would have written for an allowed entry.
        """
        try:
            entry = cls(**json.loads(line))
            entry.draft.check()
            is_canonical = type(entry.index) is int and entry.to_bytes() == line
        except (ValueError, TypeError, RecursionError):
            is_canonical = False
        if not is_canonical:
            raise InvalidValueError("ledger entry", line[:80], "The line is torn or was altered.")
        return entry


def canonical_bytes(payload: Mapping[str, object]) -> bytes:
    """JSON in one form only: keys sorted, no blanks, UTF-8; Decimal and dates as text.

    Raises
    ------
    InvalidValueError
        If a key is not text, or a value has no such form: not-a-number, bytes, sets, objects.
    """
    _check_keys(payload)
    try:
        text = json.dumps(
            payload,
            sort_keys=True,
            ensure_ascii=False,
            allow_nan=False,
            separators=(",", ":"),
            default=_to_text,
        )
        return text.encode()
    except (TypeError, ValueError):
        raise InvalidValueError(
            "ledger payload", payload, "Use text, numbers, booleans, Decimal, dates, lists and mappings."
        ) from None


def digest_payload(payload: Mapping[str, object]) -> str:
    """SM3 of the canonical bytes, as hex. ``Decimal("1.0")`` and ``Decimal("1.00")`` are different payloads."""
    return sm3(canonical_bytes(payload)).hex()


def digest_bytes(data: bytes) -> str:
    """SM3 of the bytes, as hex."""
    return sm3(data).hex()


def digest_file(path: Path) -> str:
    """SM3 of a file's bytes, as hex, read in pieces."""
    digest = hashes.Hash(hashes.SM3())
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.finalize().hex()


def check_instant(at: str) -> dt.datetime:
    """Read an instant.

    Raises
    ------
    InvalidValueError
        If it is not ISO 8601, or has no offset from UTC.
    """
    try:
        instant = dt.datetime.fromisoformat(at)
    except (ValueError, TypeError):
        instant = None
    if instant is None or instant.tzinfo is None:
        raise InvalidValueError(
            "instant", at, "Give ISO 8601 with an offset, such as 2026-11-20T08:00:00+00:00."
        )
    return instant


def _check_text(thing: str, value: str, longest: int) -> None:
    if not value or len(value) > longest or not value.isprintable():
        raise InvalidValueError(thing, value, f"Give 1 to {longest} printable characters.")


def _check_keys(value: object) -> None:
    # json.dumps would quietly turn 1, True and None into text keys, and two payloads into one digest.
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise InvalidValueError("ledger payload key", key, "Use text keys only.")
            _check_keys(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _check_keys(inner)


def _to_text(value: object) -> object:
    if isinstance(value, Decimal) and value.is_finite():
        return format(value, "f")
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError
