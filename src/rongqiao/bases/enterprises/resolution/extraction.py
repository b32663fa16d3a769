"""What governance left undecided, and how rows came to their enterprises, as queries that shape it for the web."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rongqiao.bases.enterprises.resolution.models import FactComparison, FactConflict, Merge, WaitingRow

if TYPE_CHECKING:
    from django.db import models

    from rongqiao.bases.enterprises.operations import Operations

_CONFLICTS = """WITH named AS (SELECT enterprise_id, arg_max(name, known_at) AS name FROM "published/enterprises"
        WHERE enterprise_id IN (SELECT enterprise_id FROM conflicts) GROUP BY 1),
    rows AS (SELECT *, min(known_at) OVER one AS since, row_number() OVER (one ORDER BY known_at DESC, run_no DESC) AS place
        FROM conflicts WINDOW one AS (PARTITION BY conflict_id)),
    said AS (SELECT conflict_id, arg_max(sides, (known_at, run_no)) AS sides, arg_max(period, (known_at, run_no)) AS period
        FROM conflicts WHERE state = 'open' GROUP BY 1)
    SELECT conflict_id, fact, enterprise_id, coalesce(name, '') AS name, state, coalesce(said.period, '') AS period, version, said.sides,
    to_json(list_distinct(list_transform(from_json(said.sides, '["JSON"]'), lambda x: split_part(x ->> 'contract', '.', 1))))::VARCHAR AS departments,
    since, rows.known_at FROM rows JOIN said USING (conflict_id) LEFT JOIN named USING (enterprise_id) WHERE place = 1"""
_COMPARISONS = """SELECT fact, outcome, compared, disagreeing, known_at FROM conflict_runs
    QUALIFY row_number() OVER (PARTITION BY fact ORDER BY known_at DESC, run_no DESC) = 1"""
_WAITING = """SELECT split_part(contract_id, '.', 1) AS department, contract_id, batch_id, line, any_value(told) AS told,
    to_json(list(struct_pack(enterprise_id := enterprise_id, name := name, probability := probability, weight_bits := weight_bits,
        facts := facts::JSON) ORDER BY rank))::VARCHAR AS candidates,
    max(probability) AS probability, any_value(model) AS model, max(known_at) AS known_at FROM reviews {settled} GROUP BY ALL"""
_UNSETTLED = "WHERE (batch_id, line) NOT IN (SELECT (batch_id, line) FROM settlements)"
_MERGES = """SELECT split_part(contract_id, '.', 1) AS department, contract_id, batch_id, line, method, left(coalesce(raw_uscc, ''), 60) AS raw_uscc,
    left(coalesce(raw_name, ''), 300) AS raw_name, enterprise_id, score, coalesce(evidence, '{}') AS evidence, known_at
    FROM merges WHERE enterprise_id IS NOT NULL"""


def resolution_queries(taken: Operations) -> list[tuple[type[models.Model], str | None]]:
    """Give each published table of this room its query; none where governance left nothing of the kind."""
    waiting = _WAITING.format(settled=_UNSETTLED if taken.has("settlements") else "")
    queries = (
        (FactConflict, "conflicts", _CONFLICTS),
        (FactComparison, "conflict_runs", _COMPARISONS),
        (WaitingRow, "reviews", waiting),
        (Merge, "merges", _MERGES),
    )
    return [(model, query if taken.has(source) else None) for model, source, query in queries]
