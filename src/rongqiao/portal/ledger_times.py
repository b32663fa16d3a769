"""When what an entry of the ledger tells of happened, and by when the entry stood there.

A receipt has no instant of its own in the ledger: the steps that write it never ask the clock. The web knows the day of its delivery, and of
an upload the minute; the signed heads prove by when it was entered.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from rongqiao.bases.enterprises import selectors as base
from rongqiao.bases.enterprises.intake.selectors import received_instants
from rongqiao.portal.templatetags.figures import instant

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from rongqiao.accounts.scope import Scope
    from rongqiao.ledger.entries import Entry
    from rongqiao.ledger.log import Ledger

RECEIPT = "receipt"


@dataclass(frozen=True, slots=True)
class When:
    """When an entry's event was, in words, and when the first signed head that covers it was signed; empty where none does."""

    event: str
    sealed: str


def date_entries(scope: Scope, ledger: Ledger, entries: Iterable[Entry]) -> dict[int, When]:
    """Say of each entry, by its place, when it happened and by when it was sealed."""
    known = list(entries)
    untimed = [entry for entry in known if entry.kind == RECEIPT and not entry.at]
    days: dict[str, dt.date] = {}
    instants: dict[str, dt.datetime] = {}
    if untimed:
        batches = [entry.subject for entry in untimed]
        days = dict(base.list_deliveries().filter(pk__in=batches).values_list("pk", "delivered_on"))
        instants = received_instants(scope, [entry.digest for entry in untimed])
    heads = sorted(ledger.signed_heads(), key=lambda head: head.size)
    sizes = [head.size for head in heads]

    def seal(index: int) -> str:
        place = bisect_right(sizes, index)
        return instant(heads[place].at) if place < len(heads) else ""

    return {entry.index: When(_event(entry, days, instants), seal(entry.index)) for entry in known}


def _event(entry: Entry, days: dict[str, Any], instants: dict[str, Any]) -> str:
    if entry.at:
        return instant(entry.at)
    if entry.subject in instants:
        return f"{timezone.localtime(instants[entry.subject]):%Y-%m-%d %H:%M} 收到"
    return f"{days[entry.subject]:%Y-%m-%d} 报送" if entry.subject in days else "回执尚未发布"
