"""Measures how enterprises are recognised, on planted identities."""

# ruff: noqa: S608  (names are constants of this module)
from __future__ import annotations

import resource
import time
from typing import TYPE_CHECKING, Any

import duckdb

from rongqiao.governance.register import Register
from rongqiao.governance.resolution import likeness, linkage
from rongqiao.governance.resolution.model import load_model
from rongqiao.lake.engine import stage
from rongqiao.synth.identities import plant_identities

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

_SAME = """d.county_code IS NOT DISTINCT FROM t.county_code AND d.address IS NOT DISTINCT FROM t.address
    AND d.legal_rep_name IS NOT DISTINCT FROM t.legal_rep_name"""


def stage_planted(
    connection: duckdb.DuckDBPyConnection, enterprises: int, rows: int, seed: int
) -> tuple[pa.Table, pa.Table]:
    """Draw planted identities and put them into the tables ``planted_register`` and ``delivered``."""
    planted = plant_identities(enterprises, rows, seed=seed)
    stage(connection, "planted_register", planted.register)
    stage(connection, "delivered", planted.deliveries)
    return planted.register, planted.deliveries


def measure_planted(enterprises: int, rows: int, *, seed: int) -> dict[str, Any]:
    """Recognise delivered rows among the enterprises of a register, and compare with the truth.

    Returns
    -------
    dict
        ``pair_precision``: right among assigned rows. ``pair_recall``: right among rows whose enterprise is registered. The same for
        rows without a code of the register, and for those the model assigned. ``blocking_loss``: share of true pairs, of rows that came to
        be compared, that no block brought together. ``undecidable_rows``: missed rows that tell nothing by which their enterprise differs
        from another one, and ``pair_recall_of_decidable`` the recall without them. Null where there was nothing to measure. Seconds begin
        when both tables stand in the engine.
    """
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.execute("SET preserve_insertion_order = false")
        stage_planted(connection, enterprises, rows, seed)
        took: dict[str, float] = {}
        started = time.perf_counter()
        register = Register(connection=connection)
        register.add("SELECT enterprise_id, number, name FROM planted_register")
        took["register"] = time.perf_counter() - started
        _recognise(connection, register, took)
        seconds = time.perf_counter() - started
        return {
            "enterprises": enterprises,
            "rows": rows,
            "seed": seed,
            "model": load_model().version,
            "seconds": round(seconds, 1),
            **{f"seconds_{name}": round(value, 1) for name, value in took.items()},
            "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            **_score(connection, "true", "pair"),
            **_score(connection, "spot IS NOT NULL", "without_code"),
            **_score(connection, "method = 'linked'", "linked", with_recall=False),
            "in_review": _count(connection, "method = 'review'"),
            "waiting": _count(connection, "enterprise_id IS NULL AND method <> 'review'"),
            "blocking_loss": _blocking_loss(connection),
            **_undecidable(connection),
        }


def _prove(connection: duckdb.DuckDBPyConnection, register: Register) -> None:
    """Write ``resolution``, what proof says of each identity, and ``told``, each delivered row with its identity."""
    run = connection.execute
    run(
        """CREATE TEMP TABLE identities AS SELECT row_number() OVER () - 1 AS spot, code AS raw_code, name AS raw_name
        FROM (SELECT DISTINCT code, name FROM delivered WHERE code IS NULL OR code NOT IN (SELECT enterprise_id FROM register_known))"""
    )
    register.resolve_table("identities", "resolution")
    run(
        """CREATE TEMP TABLE told AS SELECT d.*, i.spot FROM delivered d LEFT JOIN identities i
        ON i.raw_code IS NOT DISTINCT FROM d.code AND i.raw_name = d.name"""
    )


def _recognise(connection: duckdb.DuckDBPyConnection, register: Register, took: dict[str, float]) -> None:
    """Write table ``outcomes``: each delivered row with whom it was assigned to, and how."""
    run = connection.execute
    started = time.perf_counter()
    _prove(connection, register)
    took["proof"] = time.perf_counter() - started
    started = time.perf_counter()
    waiting = "SELECT spot FROM resolution WHERE method = 'unresolved' AND NOT is_valid"
    rows = f"SELECT spot, county_code, address, legal_rep_name FROM told SEMI JOIN ({waiting}) USING (spot)"
    decided = linkage.link(
        connection,
        rows,
        "SELECT enterprise_id, county_code, address, legal_rep_name FROM planted_register",
        load_model(),
    )
    if not decided:
        run(
            "CREATE TEMP TABLE link_told (unique_id VARCHAR, spot BIGINT, county_code VARCHAR, address VARCHAR, legal_rep_name VARCHAR)"
        )
        run("CREATE TEMP TABLE link_decisions (told VARCHAR, enterprise_id VARCHAR, outcome VARCHAR)")
    run(
        f"""CREATE TEMP TABLE outcomes AS SELECT d.line, d.kind, d.truth, d.spot,
        CASE WHEN d.spot IS NULL THEN d.code WHEN r.enterprise_id IS NULL AND k.outcome = 'linked' THEN k.enterprise_id ELSE r.enterprise_id END AS enterprise_id,
        CASE WHEN d.spot IS NULL THEN 'uscc' WHEN r.method = 'unresolved' THEN coalesce(k.outcome, 'unresolved') ELSE r.method END AS method
        FROM told d LEFT JOIN resolution r USING (spot)
        LEFT JOIN link_told t ON t.spot = d.spot AND r.method = 'unresolved' AND {_SAME} LEFT JOIN link_decisions k ON k.told = t.unique_id"""
    )
    took["likeness"] = time.perf_counter() - started


def _count(connection: duckdb.DuckDBPyConnection, condition: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM outcomes WHERE {condition}").fetchone()
    return int(row[0]) if row else 0


def _score(
    connection: duckdb.DuckDBPyConnection, condition: str, name: str, *, with_recall: bool = True
) -> dict[str, Any]:
    right = _count(connection, f"({condition}) AND enterprise_id = truth")
    assigned = _count(connection, f"({condition}) AND enterprise_id IS NOT NULL")
    registered = _count(connection, f"({condition}) AND truth IS NOT NULL")
    told = {f"{name}_assigned": assigned, f"{name}_precision": ratio(right, assigned)}
    if with_recall:
        told[f"{name}_recall"] = ratio(right, registered)
        told[f"{name}_f1"] = ratio(2 * right, assigned + registered)
    return told


def ratio(part: int, whole: int) -> float | None:
    """Give a share; null of nothing."""
    return round(part / whole, 5) if whole else None


def _blocking_loss(connection: duckdb.DuckDBPyConnection) -> float | None:
    """Share of true pairs that no block brought together, of the rows that came to be compared."""
    row = connection.execute(
        """SELECT count(*), count(*) FILTER (NOT found) FROM (SELECT o.line, bool_or(n.enterprise_id = o.truth) IS TRUE AS found
        FROM outcomes o SEMI JOIN open_parts USING (spot) LEFT JOIN candidates c ON c.spot = o.spot
        LEFT JOIN register_names n ON n.name_at = c.name_at WHERE o.truth IS NOT NULL GROUP BY o.line)"""
    ).fetchone()
    return ratio(row[1], row[0]) if row else None


def _undecidable(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Count missed rows whose enterprise has a rival: as near by name, and no less in agreement with all else that the row tells.

    Names are as near as their fewest edits. Who knew how clerks err would tell some of these rows apart, and others not that count as decidable
    here: a place left out counts by its characters, and rivals are sought among the candidates only.
    """
    agrees = " AND ".join(
        f"(m.{item} IS NULL OR f.{item} = m.{item} OR own.{item} IS DISTINCT FROM m.{item})"
        for item in ("county_code", "address", "legal_rep_name")
    )
    connection.execute(
        """CREATE TEMP TABLE missed AS SELECT line, spot, truth, core, county_code, address, legal_rep_name
        FROM outcomes JOIN (SELECT line, county_code, address, legal_rep_name FROM told) USING (line) JOIN open_identities USING (spot)
        WHERE truth IS NOT NULL AND enterprise_id IS DISTINCT FROM truth;
        CREATE TEMP TABLE compared AS SELECT line, m.core, n.enterprise_id, n.core AS other
        FROM missed m JOIN candidates USING (spot) JOIN register_names n USING (name_at)
        UNION SELECT line, m.core, truth, n.core FROM missed m JOIN register_names n ON n.enterprise_id = truth"""
    )
    likeness.stage_shadows(
        connection, "SELECT core FROM compared UNION SELECT other FROM compared", "core_shadows"
    )
    connection.execute(
        """CREATE TEMP TABLE apart AS SELECT line, enterprise_id, min(damerau_levenshtein(a.one, b.one)) AS distance
        FROM compared c JOIN core_shadows a ON a.core = c.core JOIN core_shadows b ON b.core = c.other GROUP BY ALL"""
    )
    row = connection.execute(
        f"""SELECT count(DISTINCT line) FROM missed m JOIN apart USING (line) JOIN apart mine ON mine.line = m.line AND mine.enterprise_id = truth
        JOIN planted_register f ON f.enterprise_id = apart.enterprise_id JOIN planted_register own ON own.enterprise_id = truth
        WHERE apart.enterprise_id <> truth AND apart.distance <= mine.distance AND {agrees}"""
    ).fetchone()
    rows = int(row[0]) if row else 0
    registered = _count(connection, "truth IS NOT NULL")
    right = _count(connection, "enterprise_id = truth")
    return {"undecidable_rows": rows, "pair_recall_of_decidable": ratio(right, registered - rows)}


def train_model(target: Path, *, enterprises: int, rows: int, seed: int) -> None:
    """Estimate the weights of the model on planted identities whose code is not of the register."""
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        stage_planted(connection, enterprises, rows, seed)
        register = Register(connection=connection)
        register.add("SELECT enterprise_id, number, name FROM planted_register")
        _prove(connection, register)
        likeness.stage_candidates(
            connection, register.index, "SELECT spot FROM resolution WHERE NOT is_valid"
        )
        told = "SELECT spot, county_code, address, legal_rep_name FROM told WHERE spot IS NOT NULL"
        linkage.stage_records(
            connection,
            told,
            "SELECT enterprise_id, county_code, address, legal_rep_name FROM planted_register",
        )
        linkage.train(connection, target, seed=seed)
