"""The register of enterprises that deliveries are resolved against, and the ways to recognise one in it.

It lives in DuckDB, so that six million enterprises need no six million Python objects, and answers many identities at a time.
"""

# ruff: noqa: S608  (names are constants of this module; values are bound)
from __future__ import annotations

import copy
import itertools
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from rongqiao.governance.codes import right_codes
from rongqiao.governance.resolution.likeness import block_keys, recognise_by_likeness
from rongqiao.governance.resolution.name_parts import stage_folded_names, stage_parts
from rongqiao.governance.resolution.register_index import LATEST, RegisterIndex
from rongqiao.kernel.identifiers import LOOKALIKES, normalise_uscc
from rongqiao.lake.engine import literal, stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

#: ``since`` numbers the addition that entered the row; ``name_at`` names a name for ever, as the engine's own row numbers do not.
_TABLES = (
    "register_known(enterprise_id VARCHAR, since BIGINT)",
    """register_names(name_at BIGINT, enterprise_id VARCHAR, folded VARCHAR, core VARCHAR, region VARCHAR, trade VARCHAR, industry VARCHAR,
    form VARCHAR, form_class VARCHAR, branch VARCHAR, since BIGINT)""",
    "register_numbers(number VARCHAR, enterprise_id VARCHAR, since BIGINT)",
    "register_shares(part VARCHAR, value VARCHAR, share DOUBLE, names BIGINT)",
    "register_indexed(token VARCHAR, since BIGINT, engine VARCHAR)",
)
#: Who might be meant: each table of pairs, and where they come from.
_LOOK_UPS = (
    (
        "numbered",
        "SELECT DISTINCT spot, enterprise_id FROM found_numbers JOIN open_identities USING (spot) WHERE plain = number",
    ),
    # Who bears a name bears its core, too: names are looked up once.
    (
        "namesakes",
        """SELECT spot, f.enterprise_id, f.folded = o.folded AS is_whole, o.core <> '' AS has_core
        FROM found_names f JOIN open_identities o USING (spot) WHERE f.core = o.core""",
    ),
    ("bearers", "SELECT DISTINCT spot, enterprise_id FROM namesakes WHERE is_whole"),
    ("sames", "SELECT DISTINCT spot, enterprise_id FROM namesakes WHERE has_core"),
)
#: What is asked of each identity, hashed. One whose code is right means whom the code means: its number and name are not asked.
_ASKED = """SELECT spot, CASE WHEN plain <> '' THEN hash(plain) END AS code, CASE WHEN plain <> '' AND NOT is_valid THEN hash(plain) END AS number,
    CASE WHEN folded <> '' AND NOT is_valid THEN hash(core) END AS core FROM open_identities"""


@dataclass(frozen=True, slots=True)
class Resolution:
    """Which enterprise a delivered identity means.

    Parameters
    ----------
    enterprise_id : str or None
        ``None`` when unresolved.
    method : str
        ``uscc``, ``uscc_repaired``, ``registration_no``, ``name_exact``, ``name_fuzzy`` or ``unresolved``.
    score : float
        1 for proven, below 1 for the share of the name that agrees, 0 for unresolved.
    message : str
        For unresolved: why, and what settles it.
    """

    enterprise_id: str | None
    method: str
    score: float
    message: str = ""


class Register:
    """Enterprises by code, 15-digit number, and present and former names.

    Parameters
    ----------
    rows : iterable of (str, str or None, str or None)
        Enterprise id, 15-digit registration number, one of its names.
    connection : duckdb.DuckDBPyConnection, optional
        Where its tables stand: ``register_known``, ``register_names``, ``register_numbers``. A new one in memory when omitted. Other
        sessions of the same engine see them, too.
    catalog : str or None
        Attached database that holds the tables, and may hold them already; ``None`` for the connection's own, in which they begin empty.
    folder : Path or None
        Where the index of a large register is kept; ``None`` to make it anew.
    """

    def __init__(
        self,
        rows: Iterable[tuple[str, str | None, str | None]] = (),
        connection: duckdb.DuckDBPyConnection | None = None,
        catalog: str | None = None,
        folder: Path | None = None,
    ) -> None:
        self.connection = connection or duckdb.connect()
        self.catalog = catalog
        self._index = RegisterIndex(block_keys(), folder)
        #: Writes a query of ``enterprise_id, county_code, address, legal_rep_name``; called when likeness must be weighed.
        self.facts: Callable[[Register], str] | None = None
        #: Held by the session that weighs likeness: it needs tables by fixed names.
        self.weighing = threading.Lock()
        if catalog:
            self._look_into_catalog()
            for table in _TABLES:
                self.connection.execute(f"CREATE TABLE IF NOT EXISTS {self.place(table)}")
            self._index.open(self.connection)
        else:
            self.clear()
        #: Numbers additions; shared by all sessions.
        self._additions = itertools.count(self.latest() + 1)
        self.since = 0
        rows = list(rows)
        if rows:
            columns = ("enterprise_id", "number", "name")
            staged = pa.table(
                {
                    name: pa.array(column, pa.string())
                    for name, column in zip(columns, zip(*rows, strict=True), strict=True)
                }
            )
            stage(self.connection, "first", staged)
            self.add("SELECT enterprise_id, number, name FROM first")

    def place(self, table: str) -> str:
        """Write where a table of the register is created."""
        return f"{self.catalog}.{table}" if self.catalog else table

    def _look_into_catalog(self) -> None:
        """Let the session find the register's tables by their bare names, and create all others in memory."""
        if self.catalog:
            self.connection.execute(f"SET search_path = 'memory.main,{self.catalog}.main'")

    def clear(self) -> None:
        """Forget everything."""
        for table in _TABLES:
            self.connection.execute(f"CREATE OR REPLACE TABLE {self.place(table)}")
        self._index.forget(self.connection)

    def beside(self, connection: duckdb.DuckDBPyConnection) -> Register:
        """Give the same register to another session of its engine."""
        other = copy.copy(self)
        other.connection = connection
        other._look_into_catalog()
        return other

    @property
    def index(self) -> RegisterIndex:
        """What the register holds now, by key and by place."""
        self._index.refresh(self.connection)
        return self._index

    def keep(self) -> None:
        """Keep the index for the runs that follow."""
        self._index.keep(self.connection)

    def prepare(self) -> None:
        """Build what is else built when it is first wanted, so that several sessions may look it up side by side."""
        self.index.lay_down()
        if self.facts:
            self.facts(self)

    def __len__(self) -> int:
        return int(self._one("SELECT count(*) FROM register_known"))

    def _one(self, query: str) -> Any:
        row = self.connection.execute(query).fetchone()
        return row[0] if row else None

    def latest(self) -> int:
        """Return the number of the latest addition of which anything stands."""
        return int(self._one(LATEST))

    def add(self, query: str) -> None:
        """Enter what a query yields: ``enterprise_id, number, name``; what is known already changes nothing."""
        run = self.connection.execute
        self.since = next(self._additions)
        run(
            f"""CREATE OR REPLACE TEMP TABLE entering AS SELECT DISTINCT enterprise_id, number, name FROM ({query})
            WHERE enterprise_id IS NOT NULL"""
        )
        run(
            f"""INSERT INTO register_known SELECT DISTINCT enterprise_id, {self.since} FROM entering
            ANTI JOIN register_known USING (enterprise_id)"""
        )
        run(
            f"""INSERT INTO register_numbers SELECT DISTINCT number, enterprise_id, {self.since} FROM entering
            ANTI JOIN register_numbers USING (number, enterprise_id) WHERE number IS NOT NULL"""
        )
        self._stage_names("entering", "entering_names")
        last = self._one("SELECT coalesce(max(name_at), -1) FROM register_names")
        run(
            "CREATE OR REPLACE TEMP TABLE fresh_names AS FROM entering_names ANTI JOIN register_names USING (enterprise_id, folded)"
        )
        if self._one("SELECT count(*) FROM fresh_names"):
            stage_parts(self.connection, "SELECT folded AS name FROM fresh_names", "fresh_parts")
            run(
                f"""INSERT INTO register_names SELECT {last} + row_number() OVER (), enterprise_id, n.folded, core, region, trade, industry,
                form, form_class, branch, {self.since} FROM fresh_names n JOIN fresh_parts p ON p.name = n.folded"""
            )
            run("DROP TABLE fresh_parts")
        for table in ("entering", "entering_names", "fresh_names"):
            run(f"DROP TABLE {table}")
        self._index.forget(self.connection, self.since)

    def retract(self, doubted: str, standing: str) -> None:
        """Take back what the latest `add` entered of rows that went out after all, unless other rows say the same.

        Parameters
        ----------
        doubted : str
            Query of ``enterprise_id, number, name``: the rows that went out.
        standing : str
            Query of the same: all rows of that addition that stand.
        """
        run = self.connection.execute
        run(f"CREATE OR REPLACE TEMP TABLE doubted AS SELECT DISTINCT enterprise_id FROM ({doubted})")
        if self._one("SELECT count(*) FROM doubted"):
            run(
                f"""CREATE OR REPLACE TEMP TABLE standing AS SELECT DISTINCT enterprise_id, number, name FROM ({standing})
                SEMI JOIN doubted USING (enterprise_id)"""
            )
            self._stage_names("standing", "standing_names")
            latest = f"since = {self.since} AND enterprise_id IN (FROM doubted)"
            run(
                f"""CREATE OR REPLACE TEMP TABLE unfounded AS SELECT name_at FROM register_names
                ANTI JOIN standing_names USING (enterprise_id, folded) WHERE {latest}"""
            )
            run("DELETE FROM register_names WHERE name_at IN (FROM unfounded)")
            run(
                f"""DELETE FROM register_numbers WHERE {latest}
                AND (number, enterprise_id) NOT IN (SELECT number, enterprise_id FROM standing WHERE number IS NOT NULL)"""
            )
            run(
                f"DELETE FROM register_known WHERE {latest} AND enterprise_id NOT IN (SELECT enterprise_id FROM standing)"
            )
            for table in ("standing", "standing_names", "unfounded"):
                run(f"DROP TABLE {table}")
            self._index.forget(self.connection, self.since)
        run("DROP TABLE doubted")

    def _stage_names(self, source: str, target: str) -> None:
        """Write the distinct ``enterprise_id, folded, core`` of a table of enterprises and names."""
        stage_folded_names(
            self.connection, f"SELECT DISTINCT name FROM {source} WHERE name IS NOT NULL", "folding"
        )
        self.connection.execute(
            f"""CREATE OR REPLACE TEMP TABLE {target} AS SELECT DISTINCT enterprise_id, folded, core
            FROM {source} JOIN folding USING (name) WHERE folded <> ''"""
        )
        self.connection.execute("DROP TABLE folding")

    def resolve(self, code: str | None, name: str | None) -> Resolution:
        """Recognise one enterprise; see :meth:`resolve_all`."""
        return self.resolve_all([(code, name)])[0]

    def resolve_all(self, identities: Sequence[tuple[str | None, str | None]]) -> list[Resolution]:
        """Recognise enterprises, each by the strongest evidence first; see :meth:`resolve_table`."""
        columns = list(zip(*identities, strict=True)) or [(), ()]
        rows = {
            "spot": pa.array(range(len(identities)), pa.int64()),
            "raw_code": pa.array(columns[0], pa.string()),
            "raw_name": pa.array(columns[1], pa.string()),
        }
        stage(self.connection, "some_identities", pa.table(rows))
        self.resolve_table("some_identities", "some_resolutions")
        found = self.connection.execute(
            "SELECT enterprise_id, method, score, message FROM some_resolutions ORDER BY spot"
        ).fetchall()
        return [Resolution(*row) for row in found]

    def resolve_table(self, source: str, target: str) -> None:
        """Recognise enterprises by the million, without leaving the engine.

        Parameters
        ----------
        source : str
            Table with ``spot, raw_code, raw_name``; a spot names an identity.
        target : str
            Temporary table that is written: ``spot, enterprise_id, method, score, message``, as in `Resolution`.

        Notes
        -----
        A code whose check character is right but which the register does not hold means another enterprise: its name is not consulted.
        A broken code is mended where exactly one bearer of the name has a code one slip away from it.
        """
        run = self.connection.execute
        self._open(source)
        self._look_up()
        for table, query in _LOOK_UPS:
            run(f"CREATE OR REPLACE TEMP TABLE {table} AS {query}")
        run(
            f"""CREATE OR REPLACE TEMP TABLE mended AS SELECT DISTINCT spot, enterprise_id
            FROM open_identities JOIN (FROM bearers UNION FROM sames) USING (spot) WHERE {_IS_ONE_SLIP}"""
        )
        run(f"CREATE OR REPLACE TEMP TABLE {target} AS {_DECISION}")
        recognise_by_likeness(self.connection, self.index, target)

    def _look_up(self) -> None:
        """Write ``known``, the spots whose code somebody bears, and ``found_numbers`` and ``found_names``: who may bear the number or the core."""
        index, asked = self.index, self.connection.sql(_ASKED).to_arrow_table()
        spots, codes = _told(asked, "code")
        stage(self.connection, "known", pa.table({"spot": spots[index.knows(codes)]}))
        spots, numbers = _told(asked, "number")
        at, places = index.pairs("number", numbers)
        stage(
            self.connection, "found_numbers", index.numbers(places).append_column("spot", pa.array(spots[at]))
        )
        spots, cores = _told(asked, "core")
        at, places = index.pairs("core", cores)
        bearers = index.names(places, ("enterprise_id", "folded", "core"))
        stage(self.connection, "found_names", bearers.append_column("spot", pa.array(spots[at])))

    def _open(self, source: str) -> None:
        """Write table ``open_identities``: each identity in the forms it is compared in, and whether its code is right."""
        run = self.connection.execute
        stage_folded_names(
            self.connection,
            f"SELECT DISTINCT raw_name AS name FROM {source} WHERE raw_name IS NOT NULL",
            "open_names",
        )
        codes = self.connection.sql(
            f"SELECT DISTINCT raw_code FROM {source} WHERE raw_code IS NOT NULL"
        ).to_arrow_table()
        stage(self.connection, "open_codes", right_codes(codes["raw_code"]))
        others = self.connection.sql(
            f"""SELECT DISTINCT raw_code AS raw FROM {source} WHERE raw_code IS NOT NULL AND raw_code NOT IN (SELECT raw FROM open_codes)
            AND NOT regexp_full_match(raw_code, '[0-9A-Z]*')"""
        ).to_arrow_table()
        plain = pa.array([normalise_uscc(code) for code in others["raw"].to_pylist()], pa.string())
        stage(self.connection, "odd_codes", others.append_column("plain", plain))
        run(
            f"""CREATE OR REPLACE TEMP TABLE open_identities AS SELECT spot, coalesce(c.code, b.plain, raw_code, '') AS plain,
            c.code IS NOT NULL AS is_valid, coalesce(folded, '') AS folded, coalesce(core, '') AS core
            FROM {source} s LEFT JOIN open_codes c ON c.raw = s.raw_code LEFT JOIN odd_codes b ON b.raw = s.raw_code
            LEFT JOIN open_names n ON n.name = s.raw_name"""
        )
        for table in ("open_names", "open_codes", "odd_codes"):
            run(f"DROP TABLE {table}")


def _told(asked: pa.Table, kind: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64]]:
    """Spots that are asked for by one kind of key, and their keys."""
    told = asked.select(["spot", kind]).filter(pc.field(kind).is_valid())
    return told["spot"].to_numpy(), told[kind].to_numpy()


_MISTAKEN, _MEANT = "".join(LOOKALIKES), "".join(LOOKALIKES.values())
#: One wrong character, one swap of neighbours, or look-alike letters away from a candidate's code.
_IS_ONE_SLIP = f"""length(plain) = length(enterprise_id) AND (damerau_levenshtein(plain, enterprise_id) <= 1
    OR translate(plain, {literal(_MISTAKEN)}, {literal(_MEANT)}) = enterprise_id)"""
_DECISION = """WITH
numbers AS (SELECT spot, count(*) AS found, min(enterprise_id) AS one FROM numbered GROUP BY spot),
slips AS (SELECT spot, count(*) AS found, min(enterprise_id) AS one FROM mended GROUP BY spot),
names AS (SELECT spot, count(*) AS found, min(enterprise_id) AS one, list(enterprise_id ORDER BY enterprise_id)[:3] AS few FROM bearers GROUP BY spot),
cores AS (SELECT spot, count(*) AS found, min(enterprise_id) AS one FROM sames GROUP BY spot),
judged AS (SELECT o.*, k.spot IS NOT NULL AS is_known, numbers.one AS by_number, slips.one AS by_slip, names.one AS by_name, cores.one AS by_core,
    names.found AS bearers, names.few, cores.found AS sames,
    CASE WHEN is_known THEN 'uscc' WHEN is_valid THEN 'stranger' WHEN numbers.found = 1 THEN 'registration_no'
        WHEN o.folded = '' THEN 'nothing' WHEN slips.found = 1 THEN 'uscc_repaired' WHEN names.found = 1 THEN 'name_exact'
        WHEN names.found > 1 THEN 'namesakes' WHEN cores.found = 1 THEN 'name_fuzzy' WHEN cores.found > 1 THEN 'samecores' END AS way
    FROM open_identities o LEFT JOIN known k USING (spot) LEFT JOIN numbers USING (spot)
    LEFT JOIN slips USING (spot) LEFT JOIN names USING (spot) LEFT JOIN cores USING (spot))
SELECT spot, CASE way WHEN 'uscc' THEN plain WHEN 'registration_no' THEN by_number WHEN 'uscc_repaired' THEN by_slip
        WHEN 'name_exact' THEN by_name WHEN 'name_fuzzy' THEN by_core END AS enterprise_id,
    CASE WHEN way IN ('uscc', 'registration_no', 'uscc_repaired', 'name_exact', 'name_fuzzy') THEN way ELSE 'unresolved' END AS method,
    CASE WHEN way IN ('uscc', 'registration_no', 'uscc_repaired', 'name_exact') THEN 1.0 WHEN way = 'name_fuzzy' THEN 0.98
        ELSE 0.0 END::DOUBLE AS score,
    CASE way WHEN 'stranger' THEN '代码校验通过，但企业登记库中查无此户，请先补报登记信息。'
        WHEN 'nothing' THEN '代码无效且无名称，请补报统一社会信用代码。'
        WHEN 'namesakes' THEN concat('同名企业有 ', bearers, ' 户（', array_to_string(few, '、'), '），请补报代码。')
        WHEN 'samecores' THEN concat('去掉组织形式后同名企业有 ', sames, ' 户，请补报代码。') ELSE '' END AS message,
    way IS NULL AS is_open, is_valid FROM judged"""
