"""Who of the register comes near a delivered identity: candidates found by blocks of equal parts, and names one slip away.

The engine's edit distances count bytes, of which a Chinese character has three. So names are compared by their *shadow*: one byte per
character. Two characters can cast one shadow, never the other way round; a shadow distance is therefore never too large, rivals are never
overlooked, and whoever is recognised is compared once more by the characters themselves.
"""

# ruff: noqa: S608  (names are constants of this module)
from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from rongqiao.governance.names import edits
from rongqiao.governance.resolution.name_parts import stage_parts
from rongqiao.lake.engine import literal, stage

if TYPE_CHECKING:
    import duckdb

#: A name may differ by one edit, if it is long enough and no other enterprise comes near.
SHORTEST_FUZZY_CORE = 6
SAFE_EDITS = 1
RUNNER_UP_EDITS = 3
#: A broken code that agrees with the candidate's in so many of 18 places lets the name differ by two edits.
CORROBORATING_PLACES = 14
#: A block that more names of the register fall into says too little; it is left out, and its loss is measured.
LARGEST_BLOCK = 400
#: Two shadows of coprime sizes: characters that share both are one pair in several thousand.
_SHADOWS = (89, 83)

#: Who is compared at all: key of the delivered identity and of the register's name, and what must be there.
BLOCKS: dict[str, tuple[str, str]] = {
    "trade_industry": ("concat(trade, '|', industry)", "trade <> ''"),
    "place_trade": ("concat(region, '|', left(trade, 2))", "region <> '' AND trade <> ''"),
    "place_industry_first": (
        "concat(region, '|', industry, '|', left(trade, 1))",
        "region <> '' AND industry <> ''",
    ),
    "place_industry_last": (
        "concat(region, '|', industry, '|', right(trade, 1))",
        "region <> '' AND industry <> ''",
    ),
    "industry_trade_end": (
        "concat(industry, '|', right(trade, 2))",
        "industry <> '' AND length(trade) >= 2",
    ),
    "code_end": ("right(plain, 5)", "length(plain) = 18"),
    "code_start": ("left(plain, 13)", "length(plain) = 18"),
}
#: Columns of table ``register_parts``: a name taken apart, and the hashed key of each block it falls into.
PARTS = """name_at BIGINT, plain VARCHAR, core VARCHAR, region VARCHAR, trade VARCHAR, industry VARCHAR, form VARCHAR,
    form_class VARCHAR, branch VARCHAR, """ + ", ".join(f"in_{name} UBIGINT" for name in BLOCKS)
_NO_MATCH = "代码无效，名称也不能唯一认定，请核对营业执照后重报。"


def shadow_sql(text: str, size: int) -> str:
    """Write the shadow of a text: one printable ASCII sign per character; of an empty text the engine makes a blank, which goes."""
    return f"trim(array_to_string(list_transform(string_split({text}, ''), lambda c: chr((33 + unicode(c) % {size})::INT)), ''))"


def index_register(connection: duckdb.DuckDBPyConnection) -> None:
    """Take apart those names of the register that came since the last time, into ``register_parts``; names are only ever added.

    Beside the parts stand the keys of the blocks that a name falls into, hashed: every portion of a delivery looks through them all.
    """
    run = connection.execute
    row = run("SELECT coalesce(max(name_at), -1) FROM register_parts").fetchone()
    fresh = f"(SELECT name_at, enterprise_id, folded, core FROM register_names WHERE name_at > {row[0] if row else -1})"
    if not run(f"SELECT 1 FROM {fresh} LIMIT 1").fetchone():
        return
    stage_parts(connection, f"SELECT folded AS name FROM {fresh}", "fresh_parts")
    run(
        f"""INSERT INTO register_parts SELECT *, {_block_keys()} FROM (
        SELECT name_at, enterprise_id AS plain, core, region, trade, industry, form, form_class, branch
        FROM {fresh} n JOIN fresh_parts p ON p.name = n.folded)"""
    )
    run("DROP TABLE fresh_parts")


def _block_keys() -> str:
    """Write the columns of hashed block keys; null where a block does not take the name."""
    return ", ".join(
        f"CASE WHEN {condition} THEN hash({key}) END AS in_{name}"
        for name, (key, condition) in BLOCKS.items()
    )


def stage_candidates(connection: duckdb.DuckDBPyConnection, spots: str) -> None:
    """Write who might be meant, of identities in ``open_identities``.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Holds the register's tables and ``open_identities``.
    spots : str
        Query of the ``spot`` of each identity that candidates are wanted for.

    Notes
    -----
    Writes ``open_parts``, the parts of those identities, and ``candidates``: ``spot, name_at``, each pair once.
    """
    run = connection.execute
    index_register(connection)
    wanted = f"(SELECT * FROM open_identities SEMI JOIN ({spots}) USING (spot))"
    stage_parts(connection, f"SELECT folded AS name FROM {wanted}", "wanted_parts")
    run(
        f"""CREATE OR REPLACE TEMP TABLE open_parts AS SELECT *, {_block_keys()} FROM (
        SELECT o.spot, o.plain, o.core, p.* EXCLUDE (name, folded) FROM {wanted} o JOIN wanted_parts p ON p.name = o.folded)"""
    )
    run("CREATE OR REPLACE TEMP TABLE found_pairs (spot BIGINT, name_at BIGINT)")
    for name in BLOCKS:
        key = f"in_{name}"
        run(
            f"""CREATE OR REPLACE TEMP TABLE block AS SELECT name_at, {key} AS key FROM register_parts
            SEMI JOIN (SELECT DISTINCT {key} FROM open_parts WHERE {key} IS NOT NULL) USING ({key})"""
        )
        run(
            f"DELETE FROM block WHERE key IN (SELECT key FROM block GROUP BY key HAVING count(*) > {LARGEST_BLOCK})"
        )
        run(
            f"INSERT INTO found_pairs SELECT spot, name_at FROM (SELECT spot, {key} AS key FROM open_parts) JOIN block USING (key)"
        )
    run("CREATE OR REPLACE TEMP TABLE candidates AS SELECT DISTINCT spot, name_at FROM found_pairs")
    for table in ("found_pairs", "block", "wanted_parts"):
        run(f"DROP TABLE {table}")


def recognise_by_likeness(connection: duckdb.DuckDBPyConnection, resolutions: str) -> None:
    """Settle identities that are open after all proofs: a slip of the pen where nobody else comes near.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    resolutions : str
        Table as `Register.resolve_table` decided it, with ``is_open``; its open rows are settled here.
    """
    run = connection.execute
    # Names that several bear stay unresolved here, and are weighed later; they want candidates, too.
    waiting = f"SELECT spot FROM {resolutions} WHERE method = 'unresolved' AND NOT is_valid"
    row = run(f"SELECT count(*) FROM ({waiting})").fetchone()
    if not row or not row[0]:
        return
    stage_candidates(connection, waiting)
    _stage_near(connection, resolutions)
    run(f"CREATE OR REPLACE TEMP TABLE likely AS {_LIKELY}")
    winners = run(
        "SELECT spot, o.core, n.core FROM likely JOIN open_parts o USING (spot) JOIN register_names n USING (name_at) ORDER BY spot"
    ).fetchall()
    # Shadows can hide an edit; the characters themselves decide.
    false = [
        spot for spot, core, other in winners if edits(core, other, RUNNER_UP_EDITS - 1) >= RUNNER_UP_EDITS
    ]
    stage(connection, "shadowed", pa.table({"spot": pa.array(false, pa.int64())}))
    run(
        f"""UPDATE {resolutions} AS t SET enterprise_id = l.enterprise_id, method = 'name_fuzzy', score = l.score
        FROM likely l WHERE l.spot = t.spot AND t.is_open AND l.spot NOT IN (SELECT spot FROM shadowed)"""
    )
    run(f"UPDATE {resolutions} SET message = {literal(_NO_MATCH)} WHERE is_open AND enterprise_id IS NULL")
    for table in ("near", "likely", "shadowed"):
        run(f"DROP TABLE {table}")


def _stage_near(connection: duckdb.DuckDBPyConnection, resolutions: str) -> None:
    """Write table ``near``: pairs of open identities and names within two edits, by their shadows."""
    run = connection.execute
    first, second = (shadow_sql("core", size) for size in _SHADOWS)
    run(
        f"""CREATE OR REPLACE TEMP TABLE pairs AS SELECT spot, name_at, n.enterprise_id, o.plain, o.core, n.core AS other
        FROM candidates JOIN open_parts o USING (spot) JOIN register_names n USING (name_at)
        SEMI JOIN (SELECT spot FROM {resolutions} WHERE is_open) USING (spot)
        WHERE abs(length(o.core) - length(n.core)) < {RUNNER_UP_EDITS}"""
    )
    run(
        f"""CREATE OR REPLACE TEMP TABLE shadows AS SELECT core, {first} AS one, {second} AS two
        FROM (SELECT core FROM pairs UNION SELECT other FROM pairs)"""
    )
    run(
        f"""CREATE OR REPLACE TEMP TABLE near AS SELECT p.*, greatest(damerau_levenshtein(a.one, b.one), damerau_levenshtein(a.two, b.two)) AS distance
        FROM pairs p JOIN shadows a ON a.core = p.core JOIN shadows b ON b.core = p.other
        WHERE damerau_levenshtein(a.one, b.one) < {RUNNER_UP_EDITS} AND damerau_levenshtein(a.two, b.two) < {RUNNER_UP_EDITS}"""
    )
    for table in ("pairs", "shadows"):
        run(f"DROP TABLE {table}")


_AGREEING = "list_sum(list_transform(range(1, 19), lambda i: (substr(plain, i, 1) = substr(enterprise_id, i, 1) AND length(plain) >= i)::INT))"
#: The nearest where no other enterprise is near; else the only near one whose code agrees with what was delivered.
_LIKELY = f"""WITH best AS (SELECT spot, enterprise_id, any_value(plain) AS plain, any_value(core) AS core,
    min(distance) AS distance, arg_min(name_at, distance) AS name_at FROM near WHERE length(core) >= {SHORTEST_FUZZY_CORE} GROUP BY ALL),
ranked AS (SELECT *, count(*) OVER (PARTITION BY spot) AS rivals, {_AGREEING} >= {CORROBORATING_PLACES} AS agrees FROM best),
told AS (SELECT *, min(distance) OVER (PARTITION BY spot) AS nearest, count(*) FILTER (agrees) OVER (PARTITION BY spot) AS agreeing FROM ranked)
SELECT spot, enterprise_id, name_at, round(1 - nearest / greatest(length(core), 1), 4) AS score FROM told
WHERE CASE WHEN rivals = 1 AND distance <= {SAFE_EDITS} THEN true ELSE agrees AND agreeing = 1 END"""
