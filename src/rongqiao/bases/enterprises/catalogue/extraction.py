"""How indicators stand, as a query that shapes it for the web."""

# ruff: noqa: S608  (names are constants and are quoted; values are numbers and dates)
from __future__ import annotations

from typing import TYPE_CHECKING

from rongqiao.indicators.health import GROUPS, HEALTH
from rongqiao.lake.engine import add_view, quote
from rongqiao.lake.suspensions import STATES

if TYPE_CHECKING:
    from rongqiao.bases.enterprises.extraction import Extraction

_NO_STATES = """SELECT NULL::VARCHAR AS indicator_id, NULL::VARCHAR AS state, NULL::VARCHAR AS reason, NULL::DATE AS since,
    NULL::VARCHAR AS changes WHERE false"""


def status_query(taken: Extraction) -> str | None:
    """One row per indicator of the month that is published; null where its health was never computed."""
    lake = taken.lake
    if not lake.exists(HEALTH):
        return None
    tables = [HEALTH, GROUPS, *([STATES] if lake.exists(STATES) else [])]
    for table in tables:
        add_view(taken.connection, lake, table)
    day = f"DATE '{taken.known_at.isoformat()}'"
    # A month without kept health shows the figures of the one before, with its date, rather than forget what is held back.
    times = f"""as_of = (SELECT max(as_of) FROM {quote(HEALTH)} WHERE as_of <= {taken.as_of} AND known_at <= {day})
        AND known_at = (SELECT arg_max(known_at, (as_of, known_at)) FROM {quote(HEALTH)} WHERE as_of <= {taken.as_of} AND known_at <= {day})"""
    states = (
        f"""SELECT indicator_id, arg_max(state, sequence) AS state, arg_max(reason, sequence) AS reason,
            arg_max(known_at, sequence) AS since,
            to_json(list([event, state, cause, reason, known_at::VARCHAR, decided_by] ORDER BY sequence))::VARCHAR AS changes
            FROM {quote(STATES)} WHERE known_at <= {day} GROUP BY 1"""
        if STATES in tables
        else _NO_STATES
    )
    return f"""WITH said AS (SELECT indicator_id, to_json(list([version, formula, first::VARCHAR, last::VARCHAR, since::VARCHAR]
            ORDER BY since, first))::VARCHAR AS editions FROM (SELECT indicator_id, version, formula, min(as_of) AS first, max(as_of) AS last,
            min(known_at) AS since FROM {quote(HEALTH)} WHERE known_at <= {day} GROUP BY ALL) GROUP BY 1),
        spread AS (SELECT indicator_id, to_json(list([to_json(dimension), to_json(code), to_json(enterprises), to_json(applicable),
            to_json(covered), to_json(sampled), to_json(knots)] ORDER BY dimension, code))::VARCHAR AS groups
            FROM {quote(GROUPS)} WHERE {times} GROUP BY 1),
        states AS ({states})
        SELECT indicator_id, as_of, known_at, subjects, enterprises, applicable, covered, coverage, drift, against, verdict,
            to_json(reasons)::VARCHAR AS reasons, sampled, bins, coalesce(spread.groups, '[]') AS groups, said.editions,
            coalesce(states.changes, '[]') AS changes, coalesce(states.state, 'in_use') AS state,
            CASE WHEN states.state IS NULL OR states.state = 'in_use' THEN '' ELSE left(states.reason, 500) END AS state_reason,
            states.since AS state_since
        FROM {quote(HEALTH)} LEFT JOIN spread USING (indicator_id) JOIN said USING (indicator_id)
        LEFT JOIN states USING (indicator_id) WHERE {times} ORDER BY indicator_id"""
