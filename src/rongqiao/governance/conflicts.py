"""Departments that disagree on one fact of an enterprise: found in one pass, kept until they agree, never settled by overwriting.

``operations/conflicts`` only grows. A row says that a conflict is ``open``, with what every side says, or that it is ``closed``; the last
row of a conflict is how it stands. ``version`` names the values that contradict each other: what a person settled holds for one version.
"""

# ruff: noqa: S608  (names come from contracts of this repository and are quoted; values are bound)
from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from rongqiao.contracts.shared_facts import SharedFact, load_shared_facts
from rongqiao.contracts.standards import load_contracts
from rongqiao.governance.staging import name_run, stage_contract
from rongqiao.lake.asof import newest_first
from rongqiao.lake.engine import add_view, connect, literal, quote

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    import duckdb

    from rongqiao.contracts.shared_facts import Side
    from rongqiao.lake.tables import Lake

CONFLICTS, COMPARISONS = "operations/conflicts", "operations/conflict_runs"
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
        One per shared fact.

    Notes
    -----
    The same facts at the same two times file nothing twice. A conflict is closed too where one side has fallen silent: nothing
    contradicts any more.
    """
    facts = list(load_shared_facts().values())
    named = {contract for fact in facts for contract in fact.contracts}
    present = sorted(one for one in named & set(load_contracts()) if lake.exists(f"published/{one}"))
    with connect(lake) as connection:
        orders = {one: newest_first(lake.schema(f"published/{one}").names) for one in present}
        for contract_id in present:
            stage_contract(connection, lake, load_contracts()[contract_id], as_of, known_at)
        rules = [json.dumps(asdict(fact), ensure_ascii=False) for fact in facts]
        run_id = name_run("conflicts", connection, present, (as_of, known_at.isoformat()), rules)
        run_no = _stage_standing(connection, lake, known_at)
        results, rows = [], []
        for fact in facts:
            result = _compare(connection, fact, orders)
            results.append(result)
            # What nobody says any more closes too; only where tables are absent all stays as it was.
            if len(set(fact.contracts) & set(present)) > 1:
                rows += _changes(connection, fact)
    times = {"as_of": as_of, "known_at": known_at, "run_no": run_no}
    _file(lake, run_id, results, rows, times)
    return results


def _stage_standing(connection: duckdb.DuckDBPyConnection, lake: Lake, known_at: dt.date) -> int:
    """Write table ``standing``: the last row of each conflict as known by then; returns the number of this run."""
    if not lake.exists(CONFLICTS):
        connection.execute(
            "CREATE TEMP TABLE standing (conflict_id VARCHAR, fact VARCHAR, enterprise_id VARCHAR, state VARCHAR, version VARCHAR)"
        )
    else:
        add_view(connection, lake, CONFLICTS, "conflicts")
        connection.execute(
            f"""CREATE TEMP TABLE standing AS SELECT conflict_id, fact, enterprise_id, state, version FROM conflicts
            WHERE known_at <= DATE {literal(known_at.isoformat())}
            QUALIFY row_number() OVER (PARTITION BY conflict_id ORDER BY known_at DESC, run_no DESC) = 1"""
        )
    if not lake.exists(COMPARISONS):
        return 1
    add_view(connection, lake, COMPARISONS, "conflict runs")
    row = connection.execute('SELECT coalesce(max(run_no), 0) + 1 FROM "conflict runs"').fetchone()
    return int(row[0]) if row else 1


def _compare(
    connection: duckdb.DuckDBPyConnection, fact: SharedFact, orders: Mapping[str, str]
) -> Comparison:
    """Write tables ``said`` (what each side says) and ``judged`` (enterprises of which two speak)."""
    sides = [(rank, side) for rank, side in enumerate(fact.sides) if side.contract in orders]
    if len(sides) < 2:
        return Comparison(fact.id, fact.title, "not_run", 0, 0)
    union = " UNION ALL ".join(_side_sql(fact, rank, side, orders[side.contract]) for rank, side in sides)
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
    row = connection.execute("SELECT count(*), count_if(differs) FROM judged").fetchone()
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
        table = pa.Table.from_pylist([{**row, **times} for row in rows], schema=CONFLICT_SCHEMA)
        lake.append(CONFLICTS, table, transaction=run_id)
    told = [{key: value for key, value in asdict(one).items() if key != "title"} | times for one in results]
    lake.append(COMPARISONS, pa.Table.from_pylist(told, schema=COMPARISON_SCHEMA), transaction=run_id)
