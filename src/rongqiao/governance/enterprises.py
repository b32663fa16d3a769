"""``published/enterprises``: who there is, as known from day to day, put together from registry, changes and bank list."""

# ruff: noqa: S608  (names come from contracts of this repository and are quoted; values are bound)
from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from rongqiao.governance.batch import ENTERPRISES, NAME_CONTRACT, SUBJECT_CONTRACTS
from rongqiao.lake.engine import add_view, files_sql, literal, quote

if TYPE_CHECKING:
    import duckdb

    from rongqiao.lake.tables import Lake

#: Enterprises that are put together at a time.
SPAN = 500_000
#: While no more than one enterprise in so many is touched, the rows of all others are taken over as they stand.
TOUCHED_AT_MOST = 4
#: Under which the commit says what the table was made of.
_NOTE = "made_of"


def publish_enterprises(lake: Lake, connection: duckdb.DuckDBPyConnection) -> None:
    """Write ``published/enterprises`` anew from registry, changes and bank list, unless it stands for exactly these batches.

    Notes
    -----
    Grain: one row per enterprise and day on which anything about it became known. It holds the latest snapshot known by that day, and as
    aliases all other names known by then. Enterprises of an anonymised source have no code, form, industry or place.

    A row depends on nothing but what is said of its enterprise: rows of enterprises that nothing new is said of are taken over.
    """
    tables = [f"published/{name}" for name in (*SUBJECT_CONTRACTS, NAME_CONTRACT)]
    present = [table for table in tables if lake.exists(table)]
    if not set(present) & set(tables[:2]):
        return
    for table in present:
        add_view(connection, lake, table)
    listed = " UNION ".join(f"SELECT DISTINCT batch_id FROM {quote(table)}" for table in present)
    batches = [row[0] for row in connection.execute(f"SELECT batch_id FROM ({listed}) ORDER BY 1").fetchall()]
    mark = "enterprises@" + hashlib.sha256("\n".join(batches).encode()).hexdigest()[:16]
    if lake.has(ENTERPRISES, mark):
        return
    parts = [
        query.format(
            receipt="ledger_index"
            if "ledger_index" in lake.schema(table).names
            else "NULL::BIGINT AS ledger_index"
        )
        for table, query in _ENTERPRISE_SOURCES.items()
        if table in present
    ]
    names = [query for table, query in _NAME_SOURCES.items() if table in present]
    facts, known = " UNION ALL ".join(parts), " UNION ".join(names)
    made_of = {
        "method": hashlib.sha256(_ENTERPRISES_SQL.encode() + facts.encode() + known.encode()).hexdigest()[
            :16
        ],
        "versions": {table: lake.version(table) for table in present},
    }
    if _stage_touched(lake, connection, made_of):
        queries = [_take_over(facts, known, span) for span in _spans_as_they_stand(lake, connection)]
    else:
        queries = [
            f"{_put_together(facts, known, span)} ORDER BY enterprise_id, known_at"
            for span in _spans(connection, facts)
        ]
    notes = {_NOTE: json.dumps(made_of)}
    lake.replace_queries(ENTERPRISES, connection, queries, transaction=mark, notes=notes)


def _put_together(facts: str, known: str, condition: str) -> str:
    return _ENTERPRISES_SQL.format(*(f"SELECT * FROM ({each}) WHERE {condition}" for each in (facts, known)))


def _take_over(facts: str, known: str, span: str) -> str:
    """Write the query of a span in which only touched enterprises are put together anew."""
    anew = _put_together(facts, known, f"{span} AND enterprise_id IN (FROM touched_enterprises)")
    return f"""SELECT * FROM (SELECT * FROM standing_enterprises ANTI JOIN touched_enterprises USING (enterprise_id) WHERE {span}
        UNION ALL BY NAME ({anew})) ORDER BY enterprise_id, known_at"""


def _stage_touched(lake: Lake, connection: duckdb.DuckDBPyConnection, made_of: dict[str, Any]) -> bool:
    """Write ``touched_enterprises``, of which something is said in files that came since the table was written, and the table's view.

    Returns
    -------
    bool
        False where all is to be put together anew: the table was made otherwise, files it was made of are gone, or much is touched.
    """
    note = next(iter(lake.notes(ENTERPRISES, _NOTE)), None)
    last = json.loads(note) if note else None
    if not last or last["method"] != made_of["method"]:
        return False
    if last["versions"].keys() != made_of["versions"].keys():
        return False
    added = {table: lake.added_since(table, version) for table, version in last["versions"].items()}
    if None in added.values():
        return False
    came = [f"SELECT enterprise_id FROM {files_sql(files)}" for files in added.values() if files]
    nobody = "SELECT NULL::VARCHAR AS enterprise_id WHERE false"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE touched_enterprises AS SELECT DISTINCT enterprise_id FROM ({' UNION ALL '.join(came) or nobody})"
    )
    add_view(connection, lake, ENTERPRISES, "standing_enterprises")
    counts = connection.execute(
        "SELECT (SELECT count(*) FROM touched_enterprises), (SELECT count(*) FROM standing_enterprises)"
    ).fetchone()
    return counts is not None and counts[0] * TOUCHED_AT_MOST <= counts[1]


def _spans_as_they_stand(lake: Lake, connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Conditions that cut the enterprises as the table's files do, each of which holds one span."""
    firsts = " UNION ALL ".join(
        f"SELECT min(enterprise_id) AS first FROM {files_sql([uri])}" for uri in lake.uris(ENTERPRISES)
    )
    found = connection.execute(f"SELECT first FROM ({firsts}) WHERE first IS NOT NULL ORDER BY 1").fetchall()
    return _between([first for (first,) in found[1:]])


def _spans(connection: duckdb.DuckDBPyConnection, facts: str) -> list[str]:
    """Conditions that cut the enterprises into spans, in order of their ids: all at once do not fit into the engine's memory."""
    found = connection.execute(
        f"""SELECT enterprise_id FROM (SELECT enterprise_id, row_number() OVER (ORDER BY enterprise_id) AS place
        FROM (SELECT DISTINCT enterprise_id FROM ({facts}))) WHERE place % {SPAN} = 0 ORDER BY 1"""
    ).fetchall()
    return _between([enterprise_id for (enterprise_id,) in found])


def _between(bounds: list[str]) -> list[str]:
    """Conditions on an enterprise's id between one bound and the next, and on both sides of all."""
    written = [literal(bound) for bound in bounds]
    return [
        f"enterprise_id >= {low}" + (f" AND enterprise_id < {high}" if high else "")
        for low, high in zip(["''", *written], [*written, None], strict=True)
    ]


_REGISTRY, _CREDIT, _CHANGE = (
    "market_regulation.registry",
    "bank.enterprise_credit",
    "market_regulation.change",
)
_ENTERPRISE_SOURCES = {
    f"published/{_REGISTRY}": f"""SELECT enterprise_id, uscc, name, status, legal_form, industry_code, county_code, address,
        registered_capital_cny, established_on, legal_rep_name, legal_rep_id_hmac, phone_hmac, snapshot_on, known_at, batch_id, line, {{receipt}}
        FROM "published/{_REGISTRY}\"""",
    f"published/{_CREDIT}": f"""SELECT enterprise_id, NULL::VARCHAR AS uscc, name, NULL::VARCHAR AS status, NULL::VARCHAR AS legal_form,
        NULL::VARCHAR AS industry_code, NULL::VARCHAR AS county_code, NULL::VARCHAR AS address,
        NULL::DECIMAL(18,2) AS registered_capital_cny, NULL::DATE AS established_on, NULL::VARCHAR AS legal_rep_name,
        NULL::VARCHAR AS legal_rep_id_hmac, NULL::VARCHAR AS phone_hmac, known_at AS snapshot_on, known_at, batch_id, line, {{receipt}}
        FROM "published/{_CREDIT}\"""",
}
_NAME_SOURCES = {
    f"published/{_REGISTRY}": f'SELECT enterprise_id, name, known_at FROM "published/{_REGISTRY}"',
    f"published/{_CREDIT}": f'SELECT enterprise_id, name, known_at FROM "published/{_CREDIT}"',
    f"published/{_CHANGE}": f"""SELECT enterprise_id, value_before AS name, known_at FROM "published/{_CHANGE}"
        WHERE change_item = 'name'""",
}
_ENTERPRISES_SQL = """
WITH facts AS ({}), names AS ({}),
days AS (SELECT DISTINCT enterprise_id, known_at FROM (SELECT enterprise_id, known_at FROM facts UNION ALL
    SELECT enterprise_id, known_at FROM names)),
known AS (SELECT days.known_at AS day, facts.* FROM days JOIN facts
    ON facts.enterprise_id = days.enterprise_id AND facts.known_at <= days.known_at
    QUALIFY row_number() OVER (PARTITION BY days.enterprise_id, days.known_at
        ORDER BY snapshot_on DESC, facts.known_at DESC, ledger_index DESC NULLS LAST, batch_id DESC, line DESC) = 1),
aliases AS (SELECT known.enterprise_id, known.day, list(DISTINCT names.name ORDER BY names.name) AS aliases
    FROM known JOIN names ON names.enterprise_id = known.enterprise_id AND names.known_at <= known.day
    WHERE names.name <> known.name GROUP BY ALL)
SELECT enterprise_id, uscc, name, coalesce(aliases, []::VARCHAR[]) AS aliases, status, legal_form, industry_code, county_code, address,
    registered_capital_cny, established_on, legal_rep_name, legal_rep_id_hmac, phone_hmac, day AS known_at
FROM known LEFT JOIN aliases USING (enterprise_id, day)
"""
