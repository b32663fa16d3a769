"""Consistency between departments: every cross rule over what is published, per run and per enterprise.

A rule whose tables were never published, or that meets no enterprise which both sides know, is ``not_run``: never green.
"""

# ruff: noqa: S608  (names come from contracts of this repository and are quoted; values are bound)
from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from rongqiao.contracts.cross import CrossRule, Measure, load_cross_rules
from rongqiao.contracts.standards import load_contracts
from rongqiao.governance.batch import judge
from rongqiao.governance.service import SCHEMAS
from rongqiao.governance.staging import name_run, stage_contract
from rongqiao.lake.engine import connect, quote

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    import duckdb

    from rongqiao.lake.tables import Lake

RESULTS, FINDINGS = "operations/rule_results", "operations/findings"
#: Rows of each side that a finding carries as evidence.
EVIDENCE = 10
_TEXT, _NUMBER = pa.string(), pa.float64()
FINDING_SCHEMA = pa.schema(
    {
        **dict.fromkeys(
            ("run_id", "rule_id", "family", "severity", "outcome", "title", "enterprise_id", "period"), _TEXT
        ),
        **dict.fromkeys(("left_value", "right_value"), _NUMBER),
        **dict.fromkeys(("left_contract", "right_contract", "evidence"), _TEXT),
        "as_of": pa.int32(),
        "known_at": pa.date32(),
    }
)


@dataclass(frozen=True, slots=True)
class CrossResult:
    """How one rule came out: outcome, enterprises and periods judged, and those that broke it."""

    rule_id: str
    title: str
    family: str
    outcome: str
    checked: int
    failed: int


@dataclass(frozen=True, slots=True)
class EnterpriseOutcome:
    """How one rule came out for one enterprise: the worst of its periods, and the values of that period."""

    rule_id: str
    title: str
    family: str
    outcome: str
    period: str | None
    left_value: float | None
    right_value: float | None


def run_cross_checks(
    lake: Lake, *, as_of: int, known_at: dt.date, rules: Sequence[CrossRule] | None = None
) -> list[CrossResult]:
    """Judge all enterprises by every cross rule, and file outcomes and findings once.

    Parameters
    ----------
    lake : Lake
    as_of : int
        Month ``YYYYMM``; what became true later is left out.
    known_at : datetime.date
        Facts that arrived later are left out.
    rules : Sequence or None
        ``None`` for all.

    Returns
    -------
    list of CrossResult
        One per rule. Grain of ``checked`` and ``failed``: enterprise and period.

    Notes
    -----
    The same facts at the same two times give the same run; running it again files nothing twice.
    """
    chosen = list(rules if rules is not None else load_cross_rules().values())
    present = _present(lake, chosen)
    results: list[CrossResult] = []
    findings: list[dict[str, Any]] = []
    with connect(lake) as connection:
        for contract_id in present:
            stage_contract(connection, lake, load_contracts()[contract_id], as_of, known_at)
        run_id = name_run(
            "cross", connection, present, (as_of, known_at.isoformat()), [rule.id for rule in chosen]
        )
        for rule in chosen:
            if not set(rule.contracts) <= set(present):
                results.append(CrossResult(rule.id, rule.title, rule.family, "not_run", 0, 0))
                continue
            result, broken = _judge(connection, rule)
            results.append(result)
            findings += [
                {**one, "run_id": run_id, "as_of": as_of, "known_at": known_at, "outcome": result.outcome}
                for one in broken
            ]
    _file(lake, run_id, results, findings, known_at)
    return results


def check_enterprise(
    lake: Lake, enterprise_id: str, *, as_of: int, known_at: dt.date
) -> list[EnterpriseOutcome]:
    """Judge one enterprise by every cross rule; what cannot be judged is ``not_run``."""
    rules = list(load_cross_rules().values())
    present = _present(lake, rules)
    outcomes = []
    with connect(lake) as connection:
        for contract_id in present:
            stage_contract(connection, lake, load_contracts()[contract_id], as_of, known_at, enterprise_id)
        for rule in rules:
            row = None
            if set(rule.contracts) <= set(present):
                row = connection.execute(
                    f"SELECT period, left_value, right_value, is_good FROM ({_sql(rule)}) WHERE is_good IS NOT NULL ORDER BY is_good, period DESC LIMIT 1",
                    dict(rule.parameters) or None,
                ).fetchone()
            period, left, right, is_good = row or (None, None, None, None)
            outcome = judge(rule.severity, int(row is not None), int(is_good is False))
            outcomes.append(EnterpriseOutcome(rule.id, rule.title, rule.family, outcome, period, left, right))
    return outcomes


def _present(lake: Lake, rules: Sequence[CrossRule]) -> list[str]:
    known = load_contracts()
    named = sorted({contract for rule in rules for contract in rule.contracts})
    return [name for name in named if name in known and lake.exists(f"published/{name}")]


def _side(side: Measure) -> str:
    period = f"CAST({side.period} AS VARCHAR)" if side.period else "NULL::VARCHAR"
    where = f"WHERE {side.where}" if side.where else ""
    having = f"HAVING {side.complete}" if side.complete else ""
    return f"""SELECT enterprise_id, {period} AS period, CAST({side.measure} AS DOUBLE) AS value
        FROM {quote(side.contract)} {where} GROUP BY 1, 2 {having}"""


def _sql(rule: CrossRule) -> str:
    """Write the query of a rule: one row per enterprise and period, with both values and whether it is good."""
    is_open = rule.join == "exists"
    right = "coalesce(r.value, 0)" if is_open else "r.value"
    joined = "LEFT JOIN" if is_open else "JOIN"
    return f"""SELECT enterprise_id, period, left_value, right_value, CAST(({rule.good}) AS BOOLEAN) AS is_good FROM (
        SELECT l.enterprise_id, l.period, l.value AS left_value, {right} AS right_value FROM ({_side(rule.left)}) l
        {joined} ({_side(rule.right)}) r ON l.enterprise_id = r.enterprise_id AND l.period IS NOT DISTINCT FROM r.period
        WHERE l.value IS NOT NULL)"""


def _judge(
    connection: duckdb.DuckDBPyConnection, rule: CrossRule
) -> tuple[CrossResult, list[dict[str, Any]]]:
    """Judge all enterprises by one rule; what breaks it comes with the rows that say so."""
    connection.execute(f"CREATE OR REPLACE TEMP TABLE judged AS {_sql(rule)}", dict(rule.parameters) or None)
    counted = connection.execute(
        "SELECT count(is_good), count(*) FILTER (NOT is_good) FROM judged"
    ).fetchone()
    checked, failed = counted or (0, 0)
    result = CrossResult(
        rule.id, rule.title, rule.family, judge(rule.severity, checked, failed), checked, failed
    )
    if not failed:
        return result, []
    rows = connection.execute(
        f"""SELECT j.enterprise_id, j.period, left_value, right_value, l.found, r.found FROM (SELECT * FROM judged WHERE NOT is_good) j
        LEFT JOIN ({_evidence(rule.left)}) l ON l.enterprise_id = j.enterprise_id AND l.period IS NOT DISTINCT FROM j.period
        LEFT JOIN ({_evidence(rule.right)}) r ON r.enterprise_id = j.enterprise_id AND r.period IS NOT DISTINCT FROM j.period
        ORDER BY 1, 2"""
    ).fetchall()
    return result, [_to_finding(rule, row) for row in rows]


def _evidence(side: Measure) -> str:
    period = f"CAST({side.period} AS VARCHAR)" if side.period else "NULL::VARCHAR"
    where = f"AND ({side.where})" if side.where else ""
    return f"""SELECT enterprise_id, {period} AS period,
        list({{'batch_id': batch_id, 'line': line}} ORDER BY batch_id, line)[:{EVIDENCE}] AS found FROM {quote(side.contract)}
        WHERE enterprise_id IN (SELECT enterprise_id FROM judged WHERE NOT is_good) {where} GROUP BY 1, 2"""


def _to_finding(rule: CrossRule, row: tuple[Any, ...]) -> dict[str, Any]:
    enterprise_id, period, left, right, left_rows, right_rows = row
    evidence = [
        {"contract": side.contract, "batch_id": one["batch_id"], "line": one["line"]}
        for side, rows in ((rule.left, left_rows), (rule.right, right_rows))
        for one in rows or ()
    ]
    return {
        "rule_id": rule.id,
        "family": rule.family,
        "severity": rule.severity,
        "title": rule.title,
        "enterprise_id": enterprise_id,
        "period": period,
        "left_value": left,
        "right_value": right,
        "left_contract": rule.left.contract,
        "right_contract": rule.right.contract,
        "evidence": json.dumps(evidence, ensure_ascii=False),
    }


def _file(
    lake: Lake,
    run_id: str,
    results: Sequence[CrossResult],
    findings: Sequence[dict[str, Any]],
    known_at: dt.date,
) -> None:
    """Append findings first and outcomes last, each once; so a run that was killed is filed whole by the next."""
    rules = load_cross_rules()
    if findings:
        lake.append(FINDINGS, pa.Table.from_pylist(list(findings), schema=FINDING_SCHEMA), transaction=run_id)
    rows = [
        {
            "batch_id": run_id,
            # The department of the left side is asked first.
            "contract_id": rules[one.rule_id].left.contract if one.rule_id in rules else "",
            "rule_id": one.rule_id,
            "family": one.family,
            "outcome": one.outcome,
            "rows_checked": one.checked,
            "rows_failed": one.failed,
            "known_at": known_at,
        }
        for one in results
    ]
    lake.append(RESULTS, pa.Table.from_pylist(rows, schema=SCHEMAS[RESULTS]), transaction=run_id)
