"""Indicators of a month brought up to a later day: only enterprises whose values can differ are computed again."""

# ruff: noqa: S608  (names come from contracts of this repository and are quoted; values are bound)
from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from rongqiao.indicators.changes import Changes, find_changes
from rongqiao.indicators.computation import (
    TARGET,
    by_source,
    contracts_of,
    find_spans,
    indicators_key,
    select,
    wide_schema,
)
from rongqiao.indicators.province import SPAN, Named, compute_parts, write_indicators
from rongqiao.indicators.reading import ENTERPRISES, Reading
from rongqiao.indicators.registry import At
from rongqiao.indicators.runs import Run, declared_digest, last_run, versions_of
from rongqiao.kernel.period import check_month
from rongqiao.lake.engine import connect, quote

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from rongqiao.indicators.province import Part
    from rongqiao.lake.tables import Lake

#: Above this share of all enterprises, computing everybody costs no more than picking them out.
MOST_SHARE = 0.3
#: Fewer enterprises are computed by one process.
WORTH_A_PROCESS = 1_000
UNRECORDED = "该月此前没有留有记录的计算"


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh did.

    Parameters
    ----------
    base : date or None
        Day of the run that it started from; null where there was none.
    computed : int or None
        Enterprises that have a new row; null where everybody has.
    reasons : tuple of str
        In Chinese, why everybody was.
    """

    base: dt.date | None
    computed: int | None
    reasons: tuple[str, ...] = ()

    @property
    def is_written(self) -> bool:
        """Whether rows were written; nothing changed otherwise."""
        return self.computed != 0


def refresh_indicators(
    lake: Lake,
    *,
    as_of: int,
    known_at: dt.date,
    processes: int | None = None,
    span: int = SPAN,
    on_progress: Callable[[int, int], None] | None = None,
) -> Refreshed:
    """Bring the kept indicators of a month up to a day, as computing everybody on that day would leave them.

    Parameters
    ----------
    lake : Lake
        Holds ``published/*``, and ``analytics/indicators`` if the month was computed before.
    as_of : int
        Month ``YYYYMM``. Where it was never computed everybody is: in another month all windows lie elsewhere.
    known_at : date
        Facts that arrived by this day count.
    processes, span, on_progress
        As for `write_indicators`.

    Returns
    -------
    Refreshed
        Whom it computed. Rows are added in one commit, under the new day; who is not among them keeps the row that stands. If nobody
        changed, nothing is written.

    Notes
    -----
    Peers' spread is not renewed: it keeps the day under which `write_peers` kept it.
    """
    at = At(check_month(as_of), known_at)
    contracts = contracts_of(by_source(select(None).values()))
    versions = versions_of(lake, contracts)
    before = last_run(lake, at)
    if before is None and not lake.has(TARGET, indicators_key(as_of, known_at)):
        write_indicators(
            lake, as_of=as_of, known_at=known_at, processes=processes, span=span, on_progress=on_progress
        )
        return Refreshed(None, None, (UNRECORDED,))
    if (
        before is not None
        and before.at == at
        and dict(before.versions) == versions
        and before.declared == declared_digest()
    ):
        return Refreshed(known_at, 0)
    changes = _changes(lake, before, at)
    reading = Reading(lake, at, contracts)
    if not changes.reasons and _is_most(reading, lake, len(changes.moved_ids)):
        changes = Changes((), (), (), changes.delivered, (f"{len(changes.moved_ids):,} 户有变化，占多数",))
    parts: Sequence[Part] = _parts(changes, span, processes or os.cpu_count() or 1)
    delivered = changes.delivered
    if changes.reasons:
        parts, delivered = find_spans(reading, span), reading.delivered()
    base = before.at.known_at if before is not None else None
    if not parts:
        return Refreshed(base, 0)
    number = _next_number(lake, at)
    files = compute_parts(
        lake,
        reading,
        delivered,
        parts,
        read_ids=None if changes.reasons else changes.read_ids,
        amendment=number,
        processes=processes,
        on_progress=on_progress,
    )
    _commit(lake, Run(at, versions, delivered, declared_digest()), files, number=number)
    computed = sum(rows for _, rows in files)
    return Refreshed(base, None if changes.reasons else computed, changes.reasons)


def _changes(lake: Lake, before: Run | None, at: At) -> Changes:
    if before is None:
        return Changes((), (), (), {}, (UNRECORDED,))
    if before.declared != declared_digest():
        return Changes((), (), (), {}, ("指标的声明有变化",))
    return find_changes(lake, before, at, list(by_source(select(None).values())))


def _is_most(reading: Reading, lake: Lake, changed: int) -> bool:
    """Whether so many are more than are worth picking out; counted against the rows of the register, which are no fewer than enterprises."""
    if not reading.has_register:
        return False
    with connect(lake, [ENTERPRISES]) as connection:
        found = connection.execute(
            f"SELECT approx_count_distinct(enterprise_id) FROM {quote(ENTERPRISES)}"
        ).fetchone()
    return found is not None and changed > MOST_SHARE * found[0]


def _parts(changes: Changes, size: int, processes: int) -> list[Named]:
    """Cut those who are computed: of who is tied to others alone, all sources stand that look at one enterprise."""
    own = frozenset(
        source.id for source in by_source(select(None).values()) if source.contracts and not source.is_across
    )
    # Rows of who has news take nearly all the time: no process waits for another that has them all.
    step = min(size, max(-(-len(changes.moved_ids) // processes), WORTH_A_PROCESS))
    moved = [Named(ids, changes.standing) for ids in _cut(changes.moved_ids, step)]
    return moved + [Named(ids, own, is_tied=True) for ids in _cut(changes.tied_ids, size)]


def _cut(ids: Sequence[str], size: int) -> list[tuple[str, ...]]:
    return [tuple(ids[start : start + size]) for start in range(0, len(ids), size)]


def _next_number(lake: Lake, at: At) -> int | None:
    """Find the number by which fresh rows win over those that stand under the same day; ``None`` where there are none."""
    with connect(lake, [TARGET]) as connection:
        names = {row[0] for row in connection.execute(f"DESCRIBE {quote(TARGET)}").fetchall()}
        number = "max(amendment)" if "amendment" in names else "NULL::INTEGER"
        found = connection.execute(
            f"SELECT count(*), {number} FROM {quote(TARGET)} WHERE as_of = ? AND known_at = ?",
            [at.as_of, at.known_at],
        ).fetchone()
    rows, greatest = found or (0, None)
    return (greatest or 0) + 1 if rows else None


def _commit(lake: Lake, run: Run, files: list[tuple[Path, int]], *, number: int | None) -> None:
    """Make the files part of the table; a refresh of the same facts, started twice, enters once."""
    rested = json.dumps([dict(run.versions), run.declared], sort_keys=True)
    digest = hashlib.sha256(rested.encode()).hexdigest()[:16]
    keys = [f"refresh@{run.at.as_of}@{run.at.known_at.isoformat()}@{digest}"]
    whole = indicators_key(run.at.as_of, run.at.known_at)
    if not lake.has(TARGET, whole):
        # Rows of the pair stand as a full run would leave them: it needs none any more.
        keys.append(whole)
    lake.append_files(TARGET, _schema(number), files, transaction=keys, notes=run.note())


def _schema(number: int | None) -> pa.Schema:
    schema = wide_schema(list(select(None)))
    return schema if number is None else schema.append(pa.field("amendment", pa.int32()))
