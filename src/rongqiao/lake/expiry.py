"""Clocks of records that serve for a time only: public adverse records above all.

A record whose clock ran out by the day a reader stands at (``known_at``) is kept for ever, but enters no new portrait, report,
interface or score. As the day is the reader's own, what was issued on an earlier day can be issued again as it was.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import ibis

from rongqiao.contracts.catalog import threshold_table
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.kernel.period import shift_date
from rongqiao.lake.engine import literal, quote

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from ibis.expr.types import BooleanValue, Table

    from rongqiao.contracts.model import Contract

SEVERITIES = "penalty_severities"
#: Item by which a source itself says when publication ended: the term's end, or the day of a credit repair.
UNTIL = "published_until"


def _start(contract: Contract) -> str | None:
    """Item that the clock begins with; a contract whose records have only a month or a year has none."""
    start = contract.retention_from or contract.valid_on
    return start if start and contract.item(start).type == "date" else None


def _severity(contract: Contract) -> str | None:
    return next((item.id for item in contract.items if item.code_list == SEVERITIES), None)


def months_by_severity(known_at: dt.date) -> dict[str, int]:
    """Longest publication by severity in force on a day; empty before the first rule.

    Notes
    -----
    Source: 《信用修复管理办法》（国家发展改革委令第36号）, in the catalogue as ``penalty_publication_months_max``.
    """
    try:
        return {
            key: int(value)
            for key, value in threshold_table("penalty_publication_months_max", known_at).items()
        }
    except InvalidValueError:
        return {}


def has_clock(contract: Contract) -> bool:
    """Whether records of the contract serve for a time only."""
    return contract.retention_months is not None and _start(contract) is not None


def unexpired(table: Table, contract: Contract, *, known_at: dt.date) -> Table:
    """Leave out records whose clock ran out before the day; a record whose clock has not begun stays."""
    gone = _gone(table, contract, known_at)
    return table if gone is None else table.filter(~gone)


def turning(table: Table, contract: Contract, *, before: dt.date, now: dt.date) -> Table | None:
    """Choose records that serve on one of two days only: their clock ran out in between, or the rules of the days differ; ``None`` without a clock."""
    then, since = _gone(table, contract, before), _gone(table, contract, now)
    return None if then is None or since is None else table.filter(then != since)


def _gone(table: Table, contract: Contract, known_at: dt.date) -> BooleanValue | None:
    """Whether a record's clock ran out before the day, never null; ``None`` where records of the contract have no clock."""
    start = _start(contract)
    if contract.retention_months is None or start is None or start not in table.columns:
        return None
    severity = _severity(contract)
    by_severity = months_by_severity(known_at)
    gone = _is_before(table[start], contract.retention_months, known_at)
    if severity in table.columns and by_severity:
        known = [
            (table[severity] == code, _is_before(table[start], months, known_at))
            for code, months in by_severity.items()
        ]
        gone = ibis.cases(*known, else_=gone)
    if UNTIL in table.columns:
        gone = gone | (table[UNTIL] < known_at).fill_null(False)
    found: BooleanValue = gone.fill_null(False)
    return found


def _is_before(value: Any, months: int, known_at: dt.date) -> BooleanValue:
    """Whether so many months after the date the day has passed; null where the clock has not begun."""
    passed: BooleanValue = (value + ibis.interval(months=months)).cast("date") < known_at
    return passed


def expires_on(contract: Contract, row: Mapping[str, Any], *, known_at: dt.date) -> dt.date | None:
    """Last day on which a record serves, by the rules in force on a day; null while it has no end.

    Parameters
    ----------
    row : Mapping
        A published row; dates as dates or as ISO text.
    """
    start = _start(contract)
    if contract.retention_months is None or start is None:
        return None
    ends = [_day(row.get(UNTIL))]
    if (began := _day(row.get(start))) is not None:
        by_severity = months_by_severity(known_at)
        severity = _severity(contract)
        months = (
            by_severity.get(str(row.get(severity)), contract.retention_months)
            if severity
            else contract.retention_months
        )
        ends.append(shift_date(began, months))
    return min((end for end in ends if end is not None), default=None)


def serves_sql(contract: Contract, *, known_at: dt.date, columns: Container[str]) -> str:
    """Condition of DuckDB on a published table with these columns that keeps the rows of :func:`unexpired`."""
    if not has_clock(contract) or _start(contract) not in columns:
        return "true"
    end = expires_on_sql(contract, known_at=known_at, columns=columns)
    return f"coalesce({end} >= DATE {literal(known_at.isoformat())}, true)"


def expires_on_sql(contract: Contract, *, known_at: dt.date, columns: Container[str] | None = None) -> str:
    """DuckDB expression over a published table that gives the same day as :func:`expires_on`; of its columns if they are told."""
    start, there = _start(contract), contract.columns if columns is None else columns
    if contract.retention_months is None or start is None:
        return "NULL::DATE"
    months = str(contract.retention_months)
    severity, by_severity = _severity(contract), months_by_severity(known_at)
    if severity and severity in there and by_severity:
        cases = " ".join(f"WHEN {literal(code)} THEN {number}" for code, number in by_severity.items())
        months = f"CASE {quote(severity)} {cases} ELSE {months} END"
    end = f"({quote(start)} + to_months(({months})::INTEGER))::DATE"
    return f"least({end}, {quote(UNTIL)})" if UNTIL in there else end


def is_expired(contract: Contract, row: Mapping[str, Any], *, known_at: dt.date) -> bool:
    """Whether the record's clock ran out before the day; the same answer as :func:`unexpired`."""
    end = expires_on(contract, row, known_at=known_at)
    return end is not None and end < known_at


def _day(value: object) -> dt.date | None:
    """Read a day; null where there is none."""
    if isinstance(value, dt.date):
        return value
    return dt.date.fromisoformat(value) if isinstance(value, str) and value else None
