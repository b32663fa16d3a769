"""Departments that disagree on one fact of an enterprise: found in one pass, kept until they agree, never settled by overwriting.

``operations/conflicts`` only grows. A row says that a conflict is ``open``, with what every side says, or that it is ``closed``; the last
row of a conflict is how it stands. ``version`` names the values that contradict each other: what a person settled holds for one version.
"""

# ruff: noqa: S608  (names come from contracts of this repository and are quoted; values are bound)
from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from rongqiao.contracts.shared_facts import SharedFact, load_shared_facts
from rongqiao.contracts.standards import load_contracts
from rongqiao.governance.comparisons import (
    COMPARISONS,
    Rested,
    columns_of,
    last_comparison,
    stage_touched,
    touched_condition,
)
from rongqiao.governance.staging import stage_contract
from rongqiao.lake.asof import newest_first
from rongqiao.lake.engine import add_view, connect, literal, quote

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    import duckdb

    from rongqiao.contracts.shared_facts import Side
    from rongqiao.lake.tables import Lake

CONFLICTS = "operations/conflicts"
_TEXT, _COUNT = pa.string(), pa.int64()
CONFLICT_SCHEMA = pa.schema(
    {
        **dict.fromkeys(
            ("conflict_id", "fact", "enterprise_id", "state", "period", "version", "sides"), _TEXT
        ),
        "as_of": pa.int32(),
        "known_at": pa.date32(),
        "run_no": _COUNT,
    }
)
COMPARISON_SCHEMA = pa.schema(
    {
        **dict.fromkeys(("fact", "outcome"), _TEXT),
        **dict.fromkeys(("compared", "disagreeing"), _COUNT),
        "as_of": pa.int32(),
        "known_at": pa.date32(),
        "run_no": _COUNT,
        # What the run rested on, as `rongqiao.governance.comparisons` reads it; null in rows that are older than that.
        "rested": _TEXT,
    }
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """How one fact came out: enterprises of which two departments or more speak, and those of which they disagree.

    ``outcome`` is ``passed``, ``warned`` or ``not_run``: nobody, or one department alone, has spoken.
    """

    fact: str
    title: str
    outcome: str
    compared: int
    disagreeing: int

    def plus(self, compared: int, disagreeing: int) -> Comparison:
        """Count enterprises that were not compared anew, as they stand."""
        compared, disagreeing = self.compared + compared, self.disagreeing + disagreeing
        outcome = "not_run" if not compared else "warned" if disagreeing else "passed"
        return replace(self, outcome=outcome, compared=compared, disagreeing=disagreeing)


def find_conflicts(lake: Lake, *, as_of: int, known_at: dt.date) -> list[Comparison]:
    """Compare what departments say, open a conflict where they disagree, and close those where they agree by now.

    Parameters
    ----------
    lake : Lake
    as_of : int
        Month ``YYYYMM``; what became true later is left out.
    known_at : datetime.date
        Facts that arrived later are left out.

    Returns
    -------
    list of Comparison
        One per shared fact, of all enterprises.

    Notes
    -----
    The same facts at the same two times file nothing twice. A conflict is closed too where one side has fallen silent: nothing
    contradicts any more. A comparison says what it rested on, so that the next one of the month looks only at enterprises of which rows
    came or became known since; the others count as they did. All are compared where that cannot be told.
    """
    facts = list(load_shared_facts().values())
    named = {contract for fact in facts for contract in fact.contracts}
    present = sorted(one for one in named & set(load_contracts()) if lake.exists(f"published/{one}"))
    rested = Rested.now(lake, present, facts)
    with connect(lake) as connection:
        last = last_comparison(connection, lake, as_of, known_at)
        counted: dict[str, tuple[int, int]] = {}
        among = ""
        if last is not None and stage_touched(connection, lake, last, rested, known_at):
            among = touched_condition(connection)
            # What they counted for until now, which is taken from the totals; the rest of the totals stands.
            _stage_sides(connection, lake, present, (as_of, last.known_at), among, last.rested.files(lake))
            gone = {one.fact: one for one in (_compare(connection, fact, present) for fact in facts)}
            counted = {
                fact: (compared - gone[fact].compared, disagreeing - gone[fact].disagreeing)
                for fact, (compared, disagreeing) in last.counted.items()
                if fact in gone
            }
        _stage_sides(connection, lake, present, (as_of, known_at), among, rested.files(lake))
        run_no = _stage_standing(connection, lake, known_at, among)
        results, rows = [], []
        for fact in facts:
            result = _compare(connection, fact, present)
            results.append(result.plus(*counted.get(fact.id, (0, 0))))
            # What nobody says any more closes too; only where tables are absent all stays as it was.
            if len(set(fact.contracts) & set(present)) > 1:
                rows += _changes(connection, fact)
    times = {"as_of": as_of, "known_at": known_at, "run_no": run_no}
    _file(lake, rested.name_run(as_of, known_at), results, rows, times | {"rested": rested.note()})
    return results


def _stage_sides(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    present: Sequence[str],
    times: tuple[int, dt.date],
    among: str,
    files: Mapping[str, Sequence[str]],
) -> None:
    for contract_id in present:
        contract = load_contracts()[contract_id]
        stage_contract(connection, lake, contract, *times, among=among, files=files[contract_id])


def _stage_standing(connection: duckdb.DuckDBPyConnection, lake: Lake, known_at: dt.date, among: str) -> int:
    """Write table ``standing``: the last row of each conflict as known by then; returns the number of this run."""
    if not lake.exists(CONFLICTS):
        connection.execute(
            "CREATE TEMP TABLE standing (conflict_id VARCHAR, fact VARCHAR, enterprise_id VARCHAR, state VARCHAR, version VARCHAR)"
        )
    else:
        add_view(connection, lake, CONFLICTS, "conflicts")
        connection.execute(
            f"""CREATE TEMP TABLE standing AS SELECT conflict_id, fact, enterprise_id, state, version FROM conflicts
            WHERE known_at <= DATE {literal(known_at.isoformat())} AND {among or "true"}
            QUALIFY row_number() OVER (PARTITION BY conflict_id ORDER BY known_at DESC, run_no DESC) = 1"""
        )
    if not lake.exists(COMPARISONS):
        return 1
    add_view(connection, lake, COMPARISONS, "conflict runs")
    row = connection.execute('SELECT coalesce(max(run_no), 0) + 1 FROM "conflict runs"').fetchone()
    return int(row[0]) if row else 1


def _compare(connection: duckdb.DuckDBPyConnection, fact: SharedFact, present: Sequence[str]) -> Comparison:
    """Write tables ``said`` (what each side says) and ``judged`` (enterprises of which two speak)."""
    sides = [(rank, side) for rank, side in enumerate(fact.sides) if side.contract in present]
    if len(sides) < 2:
        return Comparison(fact.id, fact.title, "not_run", 0, 0)
    union = " UNION ALL ".join(
        _side_sql(fact, rank, side, newest_first(columns_of(connection, side.contract)))
        for rank, side in sides
    )
    connection.execute(f"CREATE OR REPLACE TEMP TABLE said AS {union}")
    differ = (
        f"max(compared) - min(compared) > max(abs(compared)) * {fact.tolerance} + {fact.allowance}"
        if fact.comparison == "number"
        else "count(DISTINCT compared) > 1"
    )
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE judged AS SELECT enterprise_id, period, {differ} AS differs FROM said
        GROUP BY enterprise_id, period HAVING count(*) > 1
        QUALIFY row_number() OVER (PARTITION BY enterprise_id ORDER BY period DESC NULLS LAST) = 1"""
    )
    row = connection.execute("SELECT count(*), coalesce(count_if(differs), 0) FROM judged").fetchone()
    compared, disagreeing = row or (0, 0)
    outcome = "not_run" if not compared else "warned" if disagreeing else "passed"
    return Comparison(fact.id, fact.title, outcome, compared, disagreeing)


def _side_sql(fact: SharedFact, rank: int, side: Side, order: str) -> str:
    contract = load_contracts()[side.contract]
    compared = side.compared or quote(side.value)
    folded = {
        "number": f"CAST({compared} AS DOUBLE)",
        "text": _FOLDED.format(compared),
        "exact": f"CAST({compared} AS VARCHAR)",
    }[fact.comparison]
    period = f"CAST({quote(side.period)} AS VARCHAR)" if side.period else "NULL::VARCHAR"
    newest = f"{quote(contract.valid_on)} DESC NULLS LAST," if contract.valid_on else ""
    where = f"({side.where}) AND" if side.where else ""
    return f"""SELECT enterprise_id, {period} AS period, {rank} AS rank, {literal(side.contract)} AS contract_id,
        CAST({quote(side.value)} AS VARCHAR) AS value, {folded} AS compared, batch_id, line, known_at
        FROM {quote(side.contract)} WHERE {where} ({folded}) IS NOT NULL
        QUALIFY row_number() OVER (PARTITION BY enterprise_id, {period}
            ORDER BY {newest} {order}) = 1"""


#: Brackets and width of signs, case and blanks are ways of writing, not of naming.
_FOLDED = r"""nullif(upper(regexp_replace(translate(CAST({0} AS VARCHAR), '（）〔〕【】－—', '()[][]--'), '[\s　·•]', '', 'g')), '')"""


def _changes(connection: duckdb.DuckDBPyConnection, fact: SharedFact) -> list[dict[str, Any]]:
    """List conflicts of a fact that are new, stand otherwise than before, or are over."""
    run = connection.execute
    run(
        f"""CREATE OR REPLACE TEMP TABLE found AS SELECT concat({literal(fact.id + "@")}, enterprise_id) AS conflict_id,
        enterprise_id, any_value(s.period) AS period,
        md5(string_agg(concat(contract_id, '=', compared), '|' ORDER BY rank)) AS version,
        to_json(list(struct_pack(contract := contract_id, value := value, batch_id := batch_id, line := line,
            known_at := CAST(s.known_at AS VARCHAR), agrees := compared = top) ORDER BY rank))::VARCHAR AS sides
        FROM (SELECT *, first_value(compared) OVER (PARTITION BY enterprise_id, period ORDER BY rank) AS top FROM said) s
        JOIN judged j USING (enterprise_id) WHERE j.differs AND s.period IS NOT DISTINCT FROM j.period GROUP BY enterprise_id"""
    )
    rows = run(
        f"""SELECT f.conflict_id, f.enterprise_id, 'open', f.period, f.version, f.sides FROM found f LEFT JOIN standing s USING (conflict_id)
        WHERE s.state IS DISTINCT FROM 'open' OR s.version IS DISTINCT FROM f.version
        UNION ALL SELECT s.conflict_id, s.enterprise_id, 'closed', NULL, s.version, NULL FROM standing s
        WHERE s.fact = {literal(fact.id)} AND s.state = 'open' AND s.conflict_id NOT IN (SELECT conflict_id FROM found)
        ORDER BY 1"""
    ).fetchall()
    names = ("conflict_id", "enterprise_id", "state", "period", "version", "sides")
    return [{**dict(zip(names, row, strict=True)), "fact": fact.id} for row in rows]


def _file(
    lake: Lake,
    run_id: str,
    results: Sequence[Comparison],
    rows: Sequence[dict[str, Any]],
    times: dict[str, Any],
) -> None:
    """Append conflicts first and the run last, each once; so a run that was killed is filed whole by the next."""
    if rows:
        own = {name: times[name] for name in ("as_of", "known_at", "run_no")}
        table = pa.Table.from_pylist([{**row, **own} for row in rows], schema=CONFLICT_SCHEMA)
        lake.append(CONFLICTS, table, transaction=run_id)
    told = [{key: value for key, value in asdict(one).items() if key != "title"} | times for one in results]
    lake.append(COMPARISONS, pa.Table.from_pylist(told, schema=COMPARISON_SCHEMA), transaction=run_id)
