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
#: Files of rows that came beside the spans, until all are written as spans again: each costs its readers a look.
MOST_ADDED = 20
#: Under which the commit says what the table was made of.
_NOTE = "made_of"


def publish_enterprises(lake: Lake, connection: duckdb.DuckDBPyConnection) -> None:
    """Let ``published/enterprises`` say what registry, changes and bank list do, unless it stands for exactly these batches.

    Notes
    -----
    Grain: one row per enterprise and day on which anything about it became known. It holds the latest snapshot known by that day, and as
    aliases all other names known by then. Enterprises of an anonymised source have no code, form, industry or place.

    A row depends on nothing but what is said of its enterprise, so only those are put together anew of whom something new is said. Where
    every row of theirs still holds, the new ones are added; else the table is written anew, with the rows of all others taken over.
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
    standing = _stage_touched(lake, connection, made_of)
    bounds = _bounds(connection, facts) if standing is None else standing
    notes = {_NOTE: json.dumps(made_of | {"bounds": bounds})}
    if standing is None:
        queries = [
            f"{_put_together(facts, known, span)} ORDER BY enterprise_id, known_at"
            for span in _between(bounds)
        ]
    else:
        _stage_anew(connection, facts, known, bounds)
        if len(lake.uris(ENTERPRISES)) <= len(bounds) + MOST_ADDED and _do_all_hold(connection):
            lake.append_query(ENTERPRISES, connection, _ADDED_SQL, transaction=[mark], notes=notes)
            return
        queries = [_take_over(span) for span in _between(bounds)]
    lake.replace_queries(ENTERPRISES, connection, queries, transaction=mark, notes=notes)


def _put_together(facts: str, known: str, condition: str) -> str:
    return _ENTERPRISES_SQL.format(*(f"SELECT * FROM ({each}) WHERE {condition}" for each in (facts, known)))


def _stage_anew(connection: duckdb.DuckDBPyConnection, facts: str, known: str, bounds: list[str]) -> None:
    """Write ``enterprises_stood`` and ``enterprises_anew``: all rows of the touched, as they stand and as they are put together now."""
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE enterprises_stood AS FROM standing_enterprises SEMI JOIN touched_enterprises USING (enterprise_id)"
    )
    connection.execute("CREATE OR REPLACE TEMP TABLE enterprises_anew AS FROM enterprises_stood LIMIT 0")
    for span in _between(bounds):
        touched = f"{span} AND enterprise_id IN (FROM touched_enterprises)"
        connection.execute(f"INSERT INTO enterprises_anew BY NAME ({_put_together(facts, known, touched)})")


_ADDED_SQL = (
    "SELECT * FROM (FROM enterprises_anew EXCEPT FROM enterprises_stood) ORDER BY enterprise_id, known_at"
)


def _do_all_hold(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether every standing row of the touched is among those put together anew."""
    gone = connection.execute("FROM enterprises_stood EXCEPT FROM enterprises_anew LIMIT 1").fetchone()
    return gone is None


def _take_over(span: str) -> str:
    """Write the query of a span in which only the touched are put together anew."""
    return f"""SELECT * FROM (SELECT * FROM standing_enterprises ANTI JOIN touched_enterprises USING (enterprise_id) WHERE {span}
        UNION ALL BY NAME SELECT * FROM enterprises_anew WHERE {span}) ORDER BY enterprise_id, known_at"""


def _stage_touched(
    lake: Lake, connection: duckdb.DuckDBPyConnection, made_of: dict[str, Any]
) -> list[str] | None:
    """Write ``touched_enterprises``, of which something is said in files that came since the table was written, and the table's view.

    Returns
    -------
    list of str or None
        Bounds of the table's spans; ``None`` where all is to be put together anew: the table was made otherwise, files it was made of are
        gone, or much is touched.
    """
    note = next(iter(lake.notes(ENTERPRISES, _NOTE)), None)
    last = json.loads(note) if note else None
    if not last or last["method"] != made_of["method"] or "bounds" not in last:
        return None
    if last["versions"].keys() != made_of["versions"].keys():
        return None
    added = {table: lake.added_since(table, version) for table, version in last["versions"].items()}
    if None in added.values():
        return None
    came = [f"SELECT enterprise_id FROM {files_sql(files)}" for files in added.values() if files]
    nobody = "SELECT NULL::VARCHAR AS enterprise_id WHERE false"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE touched_enterprises AS SELECT DISTINCT enterprise_id FROM ({' UNION ALL '.join(came) or nobody})"
    )
    add_view(connection, lake, ENTERPRISES, "standing_enterprises")
    counts = connection.execute(
        "SELECT (SELECT count(*) FROM touched_enterprises), (SELECT count(*) FROM standing_enterprises)"
    ).fetchone()
    is_much = counts is None or counts[0] * TOUCHED_AT_MOST > counts[1]
    return None if is_much else list(last["bounds"])


def _bounds(connection: duckdb.DuckDBPyConnection, facts: str) -> list[str]:
    """Ids that cut the enterprises into spans, in their order: all at once do not fit into the engine's memory."""
    found = connection.execute(
        f"""SELECT enterprise_id FROM (SELECT enterprise_id, row_number() OVER (ORDER BY enterprise_id) AS place
        FROM (SELECT DISTINCT enterprise_id FROM ({facts}))) WHERE place % {SPAN} = 0 ORDER BY 1"""
    ).fetchall()
    return [enterprise_id for (enterprise_id,) in found]


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
