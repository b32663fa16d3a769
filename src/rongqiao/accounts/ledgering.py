"""Moves the outbox into the Merkle log, and checks that nothing was lost or altered on the way."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction

from rongqiao.accounts.models import LedgerEntry
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.ledger.entries import Draft

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rongqiao.ledger.entries import Entry
    from rongqiao.ledger.heads import SignedHead
    from rongqiao.ledger.log import Ledger
    from rongqiao.ledger.signing import Signer

BATCH = 1_000


@dataclass(frozen=True, slots=True)
class OutboxProblem:
    """One outbox entry that the log does not bear out; ``text`` says how, for the operator."""

    entry_id: int
    kind: str
    subject: str
    text: str


def drain(*, ledger: Ledger, now: dt.datetime) -> int:
    """Move waiting entries into the log, in the order they were written.

    Safe to repeat after a crash at any point: the log records a fact of the outbox once, because kind, subject and
    digest are its key there as they are unique here.

    Parameters
    ----------
    ledger : Ledger
        Where to.
    now : datetime.datetime
        Entries of a later instant stay for the next run.

    Returns
    -------
    int
        Entries moved.
    """
    moved = 0
    while count := _drain_batch(ledger, now):
        moved += count
    return moved


@transaction.atomic
def _drain_batch(ledger: Ledger, now: dt.datetime) -> int:
    # The lock makes a second drain wait and then find these rows done.
    waiting = (
        LedgerEntry.objects.select_for_update().filter(leaf_index=None, created_at__lte=now).order_by("id")
    )
    entries = list(waiting[:BATCH])
    if not entries:
        return 0
    for entry, index in zip(entries, ledger.append_many(_draft(entry) for entry in entries), strict=True):
        entry.leaf_index = index
    LedgerEntry.objects.bulk_update(entries, ["leaf_index"])
    return len(entries)


def _draft(entry: LedgerEntry) -> Draft:
    return Draft(entry.kind, entry.subject, entry.digest, entry.created_at.astimezone(dt.UTC).isoformat())


def seal_growth(*, ledger: Ledger, signer: Signer, now: dt.datetime) -> SignedHead | None:
    """Sign the log's head if entries were added since the last signed one; null when there is nothing to sign.

    Raises
    ------
    LedgerDamagedError
        If the log no longer agrees with its last signed head.
    """
    heads = ledger.signed_heads()
    if ledger.size == (heads[-1].size if heads else 0):
        return None
    return ledger.seal(signer, now.astimezone(dt.UTC).isoformat())


def verify_outbox(*, ledger: Ledger) -> Iterator[OutboxProblem]:
    """Yield every outbox entry that waits, or whose place in the log is empty or says something else."""
    for entry in LedgerEntry.objects.order_by("id").iterator():
        if text := _problem(ledger, entry):
            yield OutboxProblem(entry.pk, entry.kind, entry.subject, text)


def _problem(ledger: Ledger, entry: LedgerEntry) -> str:
    if entry.leaf_index is None:
        return "尚未入账，请运行 rongqiao database drain"
    try:
        kept: Entry = ledger.entry(entry.leaf_index)
    except InvalidValueError:
        return f"账本中没有第 {entry.leaf_index} 条，或该条已被改动"
    if (kept.kind, kept.subject, kept.digest) != (entry.kind, entry.subject, entry.digest):
        return f"与账本第 {entry.leaf_index} 条不一致"
    return ""
