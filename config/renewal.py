"""Keeps what pages show of enterprises up to the day: indicators, ratings and portraits of those whose facts moved, and of nobody else."""

# ruff: noqa: S608  (table names are this repository's and are quoted; values are bound)
from __future__ import annotations

import datetime as dt
import hashlib
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Max

from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.models import Portrait
from rongqiao.bases.enterprises.publication import publish_from_lake, republish
from rongqiao.indicators.computation import TARGET
from rongqiao.indicators.health import write_health
from rongqiao.indicators.peers import write_peers
from rongqiao.indicators.refreshing import refresh_indicators
from rongqiao.indicators.suspension import settle_states
from rongqiao.lake.engine import connect, quote
from rongqiao.scoring.card import DEFAULT_MODEL, card_path, load_card
from rongqiao.scoring.rating import amend_ratings, unrated, write_ratings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pyarrow as pa

    from rongqiao.lake.tables import Lake

#: How far back rows are looked for that were computed and never came to a page, because the process that computed them ended.
OVERDUE_DAYS = 7
#: Enterprises whose ratings and portraits are renewed at a time.
LOT = 10_000


@dataclass(frozen=True, slots=True)
class Renewed:
    """What a renewal did.

    Parameters
    ----------
    as_of : int or None
        Month that pages show; null where nothing was ever published, and nothing was done.
    enterprises : int or None
        Portraits renewed; null where all were.
    """

    as_of: int | None
    enterprises: int | None


def renew(lake: Lake, *, known_at: dt.date, on_progress: Callable[[int, int], None] | None = None) -> Renewed:
    """Bring indicators, ratings and portraits of the month that pages show up to a day.

    Parameters
    ----------
    lake : Lake
    known_at : date
        Facts that arrived by this day count.
    on_progress : callable or None
        Called with parts computed and parts in all.

    Returns
    -------
    Renewed
        A new month begins with `rongqiao indicators compute` and `rongqiao database publish`; until then the old one is kept up.

    Notes
    -----
    It may be killed at any instant: rows that were computed and did not come to a page are found by comparing the lake with the
    pages, and the next renewal carries them there. Twice is once.
    """
    with system_scope() as scope:
        as_of = Portrait.objects.for_scope(scope).aggregate(newest=Max("as_of"))["newest"]
    if as_of is None or not lake.exists(TARGET):
        return Renewed(None, 0)
    done = refresh_indicators(lake, as_of=as_of, known_at=known_at, on_progress=on_progress)
    if done.computed is None:
        _renew_all(lake, as_of, known_at)
        return Renewed(as_of, None)
    count = 0
    for lot in _lots(_unshown(lake, as_of, known_at)):
        features = unrated(lake, as_of=as_of, known_at=known_at, enterprise_ids=lot)
        amend_ratings(lake, features, card=load_card(card_path(DEFAULT_MODEL)), cause=_cause(features))
        republish(lake=lake, enterprise_ids=lot, as_of=as_of, known_at=known_at)
        count += len(lot)
    return Renewed(as_of, count)


def _renew_all(lake: Lake, as_of: int, known_at: dt.date) -> None:
    write_peers(lake, as_of=as_of, known_at=known_at)
    write_health(lake, as_of=as_of, known_at=known_at)
    settle_states(lake, as_of=as_of, known_at=known_at)
    write_ratings(lake, as_of=as_of, known_at=known_at, card=load_card(card_path(DEFAULT_MODEL)))
    publish_from_lake(lake=lake, as_of=as_of, known_at=known_at)


def _lots(ids: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(ids)
    while lot := list(itertools.islice(rest, LOT)):
        yield lot


def _unshown(lake: Lake, as_of: int, known_at: dt.date) -> list[str]:
    """Enterprises whose newest row is today's, or never came to a page; today's may have come, and are renewed once more."""
    since = known_at - dt.timedelta(days=OVERDUE_DAYS)
    with connect(lake, [TARGET]) as connection:
        found = connection.execute(
            f"""SELECT max(known_at) AS day, enterprise_id FROM {quote(TARGET)}
            WHERE as_of = ? AND known_at BETWEEN ? AND ? GROUP BY enterprise_id ORDER BY ALL""",
            [as_of, since, known_at],
        ).fetchall()
    unshown: list[str] = []
    for day, rows in itertools.groupby(found, key=lambda row: row[0]):
        for lot in _lots([enterprise for _, enterprise in rows]):
            unshown += lot if day == known_at else _behind(lot, as_of, day)
    return unshown


def _behind(lot: list[str], as_of: int, day: dt.date) -> list[str]:
    with system_scope() as scope:
        shown = Portrait.objects.for_scope(scope).filter(pk__in=lot, as_of=as_of, known_at__gte=day)
        there = set(shown.values_list("pk", flat=True))
    return [enterprise for enterprise in lot if enterprise not in there]


def _cause(features: pa.Table) -> str:
    """Name the rows, so that the same are rated once."""
    rows = features.select(["enterprise_id", "known_at", "amendment"]).to_pylist()
    return f"renewal@{hashlib.sha256(repr(rows).encode()).hexdigest()[:16]}"
