"""What a comparison of departments rested on, and of which enterprises anything came since: nobody else need be compared again."""

# ruff: noqa: S608  (names come from contracts of this repository and are quoted; values are bound)
from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from rongqiao.contracts.standards import load_contracts
from rongqiao.lake.engine import add_view, files_sql, literal, quote

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    import duckdb

    from rongqiao.contracts.shared_facts import SharedFact
    from rongqiao.lake.tables import Lake

COMPARISONS = "operations/conflict_runs"
#: So few enterprises are named in the query itself: the engine then passes over parts of files that hold none of them.
MOST_NAMED = 1_000


@dataclass(frozen=True, slots=True)
class Rested:
    """What a comparison rests on: the version of each table, and what is compared how."""

    versions: Mapping[str, int]
    facts: str

    @classmethod
    def now(cls, lake: Lake, present: Sequence[str], facts: Sequence[SharedFact]) -> Self:
        """Read the versions of the tables as they are."""
        versions = {one: lake.version(f"published/{one}") or 0 for one in present}
        rules = json.dumps([asdict(fact) for fact in facts], ensure_ascii=False, sort_keys=True)
        return cls(versions, hashlib.sha256(rules.encode()).hexdigest()[:16])

    def note(self) -> str:
        """Write it down beside the results."""
        return json.dumps(asdict(self), sort_keys=True)

    def files(self, lake: Lake) -> dict[str, list[str]]:
        """Files of each table that it reads, whatever came since."""
        return {
            one: lake.uris_at(f"published/{one}", version) or [] for one, version in self.versions.items()
        }

    def name_run(self, as_of: int, known_at: dt.date) -> str:
        """Name a run: of the same facts at the same two times there is one."""
        told = json.dumps([as_of, known_at.isoformat(), self.note()])
        return f"conflicts@{hashlib.sha256(told.encode()).hexdigest()[:16]}"


@dataclass(frozen=True, slots=True)
class LastComparison:
    """The newest comparison of a month as known by a day: its own day, what it rested on, and by fact how many it compared and found to disagree."""

    known_at: dt.date
    rested: Rested
    counted: Mapping[str, tuple[int, int]]


def last_comparison(
    connection: duckdb.DuckDBPyConnection, lake: Lake, as_of: int, known_at: dt.date
) -> LastComparison | None:
    """Find it; ``None`` where there is none of the month, or the newest does not say what it rested on."""
    if not lake.exists(COMPARISONS) or "rested" not in lake.schema(COMPARISONS).names:
        return None
    add_view(connection, lake, COMPARISONS, "comparisons")
    rows = connection.execute(
        """SELECT fact, compared, disagreeing, known_at, rested FROM comparisons WHERE as_of = ? AND known_at <= ?
        QUALIFY run_no = max(run_no) OVER ()""",
        [as_of, known_at],
    ).fetchall()
    if not rows or rows[0][4] is None:
        return None
    node: dict[str, Any] = json.loads(rows[0][4])
    counted = {fact: (compared, disagreeing) for fact, compared, disagreeing, _, _ in rows}
    return LastComparison(rows[0][3], Rested(node["versions"], node["facts"]), counted)


def stage_touched(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    last: LastComparison,
    rested: Rested,
    known_at: dt.date,
) -> bool:
    """Write table ``touched``: enterprises of which rows came since a comparison, or became known.

    Returns
    -------
    bool
        False where that cannot be told: tables or facts differ, a log was cut back, or a key does not name its enterprise.
    """
    contracts = [load_contracts()[one] for one in rested.versions]
    if (
        last.rested.facts != rested.facts
        or set(last.rested.versions) != set(rested.versions)
        or any(each.identifier not in each.key for each in contracts)
    ):
        return False
    parts = ["SELECT NULL::VARCHAR AS enterprise_id WHERE false"]
    for one, version in last.rested.versions.items():
        table = f"published/{one}"
        added = lake.added_since(table, version)
        before = lake.uris_at(table, version)
        if added is None or not before:
            return False
        if added:
            parts.append(f"SELECT enterprise_id FROM {files_sql(added)}")
        if known_at > last.known_at:
            days = f"known_at > DATE {literal(last.known_at.isoformat())} AND known_at <= DATE {literal(known_at.isoformat())}"
            parts.append(f"SELECT enterprise_id FROM {files_sql(before)} WHERE {days}")
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE touched AS SELECT DISTINCT enterprise_id FROM ({' UNION ALL '.join(parts)})"
    )
    return True


def touched_condition(connection: duckdb.DuckDBPyConnection) -> str:
    """Condition on a row that its enterprise is in the table ``touched``."""
    found = connection.execute(f"SELECT enterprise_id FROM touched LIMIT {MOST_NAMED + 1}").fetchall()
    if not found:
        return "false"
    if len(found) > MOST_NAMED:
        return "enterprise_id IN (SELECT enterprise_id FROM touched)"
    return f"enterprise_id IN ({', '.join(literal(one) for (one,) in found)})"


def columns_of(connection: duckdb.DuckDBPyConnection, view: str) -> set[str]:
    """Columns of a view."""
    return {row[0] for row in connection.execute(f"DESCRIBE {quote(view)}").fetchall()}
