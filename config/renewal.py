"""Keeps what pages show of enterprises up to the day: indicators, ratings and portraits of those whose facts moved, and of nobody else."""

# ruff: noqa: S608  (table names are this repository's and are quoted; values are bound)
from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.models import Portrait
from rongqiao.bases.enterprises.publication import (
    end_publication,
    one_at_a_time,
    publish_from_lake,
    published_month,
    republish,
)
from rongqiao.indicators.computation import TARGET
from rongqiao.indicators.health import write_health
from rongqiao.indicators.peers import write_peers
from rongqiao.indicators.refreshing import refresh_indicators
from rongqiao.indicators.suspension import settle_states
from rongqiao.lake.engine import connect, quote
from rongqiao.scoring.card import DEFAULT_MODEL, card_path, load_card
from rongqiao.scoring.rating import amend_ratings, unrated, write_ratings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
        Month that pages show; null where nothing was ever published, or a publication goes on: nothing was done.
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
    with one_at_a_time(wait=False) as is_alone:
        # What a publication that goes on does not bring over, the next renewal finds.
        return _renew(lake, known_at, on_progress) if is_alone else Renewed(None, 0)


def _renew(lake: Lake, known_at: dt.date, on_progress: Callable[[int, int], None] | None) -> Renewed:
    end_publication(lake=lake)
    as_of = published_month()
    if as_of is None or not lake.exists(TARGET):
        return Renewed(None, 0)
    done = refresh_indicators(lake, as_of=as_of, known_at=known_at, on_progress=on_progress)
    if done.computed is None:
        _renew_all(lake, as_of, known_at)
        return Renewed(as_of, None)
    count = 0
    for lot in _unshown(lake, as_of, known_at):
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


def _unshown(lake: Lake, as_of: int, known_at: dt.date) -> Iterator[list[str]]:
    """Enterprises, some at a time, whose newest row never came to a page.

    A page tells the day of its row and not which of the day's it is: whoever was computed again today is renewed once more.
    """
    since = known_at - dt.timedelta(days=OVERDUE_DAYS)
    with connect(lake, [TARGET]) as connection:
        columns = {row[0] for row in connection.execute(f"DESCRIBE {quote(TARGET)}").fetchall()}
        number = "amendment" if "amendment" in columns else "NULL"
        found = connection.execute(
            f"""SELECT enterprise_id, max(known_at), arg_max({number}, known_at) IS NOT NULL AND max(known_at) = ? FROM {quote(TARGET)}
            WHERE as_of = ? AND known_at BETWEEN ? AND ? GROUP BY enterprise_id ORDER BY enterprise_id""",
            [known_at, as_of, since, known_at],
        )
        while rows := found.fetchmany(LOT):
            shown = _shown(as_of, [enterprise for enterprise, _, _ in rows])
            lot = [each for each, day, is_again in rows if is_again or shown.get(each, dt.date.min) < day]
            if lot:
                yield lot


def _shown(as_of: int, enterprise_ids: list[str]) -> dict[str, dt.date]:
    """Day of the portrait of each that has one of the month."""
    with system_scope() as scope:
        found = Portrait.objects.for_scope(scope).filter(pk__in=enterprise_ids, as_of=as_of)
        return dict(found.values_list("pk", "known_at"))


def _cause(features: pa.Table) -> str:
    """Name the rows, so that the same are rated once."""
    rows = features.select(["enterprise_id", "known_at", "amendment"]).to_pylist()
    return f"renewal@{hashlib.sha256(repr(rows).encode()).hexdigest()[:16]}"
