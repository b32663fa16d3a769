"""Who of the register comes near a delivered identity: candidates found by blocks of equal parts, and names one slip away.

Names are compared by their shadows (`rongqiao.governance.resolution.characters`): rivals are never overlooked, and whoever is recognised is
compared once more by the characters themselves.
"""

# ruff: noqa: S608  (names are constants of this module)
from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rongqiao.governance.names import edits
from rongqiao.governance.resolution.characters import may_be_within, shadows, signs
from rongqiao.governance.resolution.name_parts import stage_parts
from rongqiao.lake.engine import literal, stage

if TYPE_CHECKING:
    import duckdb
    import numpy.typing as npt

    from rongqiao.governance.resolution.register_index import Places, RegisterIndex

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
#: Edits of a code from which on it means somebody else: it is no slip of the pen.
CONTRADICTING_EDITS = 5
#: Signs of a code of a whole enterprise; shorter ones forbid nobody.
_WHOLE_CODE = 18
_NO_MATCH = "代码无效，名称也不能唯一认定，请核对营业执照后重报。"


def block_keys() -> dict[str, str]:
    """Write the hashed key of each block that a name falls into; null where a block does not take it."""
    return {name: f"CASE WHEN {condition} THEN hash({key}) END" for name, (key, condition) in BLOCKS.items()}


def stage_candidates(connection: duckdb.DuckDBPyConnection, index: RegisterIndex, spots: str) -> None:
    """Write who might be meant, of identities in ``open_identities``.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Holds ``open_identities``.
    index : RegisterIndex
        The register.
    spots : str
        Query of the ``spot`` of each identity that candidates are wanted for.

    Notes
    -----
    Writes ``open_parts``, the parts of those identities; ``candidates``, each pair that a block brings together once: ``spot, name_at``, whether
    the names ``may_be_near`` each other, and whether the identity ``may_mean`` the name's bearer for all that its code says; and
    ``candidate_names``, the register's names of those pairs of which either holds.
    """
    run = connection.execute
    wanted = f"(SELECT * FROM open_identities SEMI JOIN ({spots}) USING (spot))"
    stage_parts(connection, f"SELECT folded AS name FROM {wanted}", "wanted_parts")
    run(
        f"""CREATE OR REPLACE TEMP TABLE open_parts AS SELECT o.spot, o.plain, o.core, p.* EXCLUDE (name, folded)
        FROM {wanted} o JOIN wanted_parts p ON p.name = o.folded"""
    )
    run("DROP TABLE wanted_parts")
    keys = ", ".join(f"{key} AS in_{name}" for name, key in block_keys().items())
    opened = connection.sql(f"SELECT spot, plain, core, {keys} FROM open_parts").to_arrow_table()
    asked, places = _bring_together(opened, index)
    is_near, is_meant = _tell_apart(opened, index, asked, places)
    pairs = {
        "spot": opened["spot"].to_numpy()[asked],
        "name_at": index.name_ats(places),
        "may_be_near": is_near,
        "may_mean": is_meant,
    }
    stage(connection, "candidates", pa.table(pairs))
    stage(connection, "candidate_names", index.names(np.unique(places[is_near | is_meant])))


def _bring_together(opened: pa.Table, index: RegisterIndex) -> tuple[Places, Places]:
    """Row of ``opened`` and place in the register of each pair that shares a block, once."""
    found = []
    for name in BLOCKS:
        keys = opened[f"in_{name}"]
        rows = np.flatnonzero(pc.is_valid(keys).to_numpy())
        at, places = index.pairs(name, pc.drop_null(keys).to_numpy(), most=LARGEST_BLOCK)
        # Both in one number: pairs are told apart by sorting once.
        found.append(rows[at] << 32 | places)
    pairs = np.sort(np.concatenate(found))
    pairs = pairs[np.concatenate([[True], pairs[1:] != pairs[:-1]])] if len(pairs) else pairs
    return pairs >> 32, pairs & 0xFFFFFFFF


def _tell_apart(
    opened: pa.Table, index: RegisterIndex, asked: Places, places: Places
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Whether names may be within the edits of a rival, and codes within those of a slip, by the characters they hold."""
    near, meant = (
        may_be_within(edits, signs(opened[column])[asked], index.signs(kind, places))
        for kind, column, edits in (
            ("core", "core", RUNNER_UP_EDITS - 1),
            ("code", "plain", CONTRADICTING_EDITS - 1),
        )
    )
    is_whole = pc.equal(pc.utf8_length(opened["plain"]), _WHOLE_CODE).to_numpy(zero_copy_only=False)
    return near, meant | ~is_whole[asked]


def recognise_by_likeness(
    connection: duckdb.DuckDBPyConnection, index: RegisterIndex, resolutions: str
) -> None:
    """Settle identities that are open after all proofs: a slip of the pen where nobody else comes near.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    index : RegisterIndex
    resolutions : str
        Table as `Register.resolve_table` decided it, with ``is_open``; its open rows are settled here.
    """
    run = connection.execute
    # Names that several bear stay unresolved here, and are weighed later; they want candidates, too.
    waiting = f"SELECT spot FROM {resolutions} WHERE method = 'unresolved' AND NOT is_valid"
    row = run(f"SELECT count(*) FROM ({waiting})").fetchone()
    if not row or not row[0]:
        return
    stage_candidates(connection, index, waiting)
    _stage_near(connection, resolutions)
    run(f"CREATE OR REPLACE TEMP TABLE likely AS {_LIKELY}")
    winners = run(
        "SELECT spot, o.core, n.core FROM likely JOIN open_parts o USING (spot) JOIN candidate_names n USING (name_at) ORDER BY spot"
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


def stage_shadows(connection: duckdb.DuckDBPyConnection, query: str, target: str) -> None:
    """Write table ``target``: each ``core`` that a query yields, and both its shadows, ``one`` and ``two``."""
    cores = connection.sql(query).to_arrow_table()
    for name, size in zip(("one", "two"), _SHADOWS, strict=True):
        cores = cores.append_column(name, shadows(cores["core"], size))
    stage(connection, target, cores)


def _stage_near(connection: duckdb.DuckDBPyConnection, resolutions: str) -> None:
    """Write table ``near``: pairs of open identities and names within two edits, by their shadows."""
    run = connection.execute
    run(
        f"""CREATE OR REPLACE TEMP TABLE pairs AS SELECT spot, name_at, n.enterprise_id, o.plain, o.core, n.core AS other
        FROM candidates JOIN open_parts o USING (spot) JOIN candidate_names n USING (name_at)
        SEMI JOIN (SELECT spot FROM {resolutions} WHERE is_open) USING (spot)
        WHERE may_be_near AND abs(length(o.core) - length(n.core)) < {RUNNER_UP_EDITS}"""
    )
    stage_shadows(connection, "SELECT core FROM pairs UNION SELECT other FROM pairs", "shadows")
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
