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

from rongqiao.governance.codes import right_codes
from rongqiao.governance.names import clean_name, core_name, core_sql, is_plain_sql
from rongqiao.governance.resolution.likeness import PARTS, index_register, recognise_by_likeness
from rongqiao.kernel.identifiers import LOOKALIKES, normalise_uscc
from rongqiao.lake.engine import literal, stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

#: Rows taken out of DuckDB at a time.
PORTION = 200_000

#: ``since`` numbers the addition that entered the row; ``name_at`` names a name for ever, as the engine's own row numbers do not.
#: Codes are looked through for every portion: unpacking them each time would cost a fourth more.
_TABLES = (
    "register_known(enterprise_id VARCHAR USING COMPRESSION uncompressed, since BIGINT)",
    "register_names(name_at BIGINT, enterprise_id VARCHAR, folded VARCHAR, core VARCHAR, since BIGINT)",
    "register_numbers(number VARCHAR, enterprise_id VARCHAR, since BIGINT)",
    f"register_parts({PARTS})",
    "register_shares(part VARCHAR, value VARCHAR, share DOUBLE, names BIGINT)",
)
_LATEST = """SELECT coalesce(max(since), 0) FROM (SELECT since FROM register_known UNION ALL SELECT since FROM register_names
    UNION ALL SELECT since FROM register_numbers)"""
#: Who might be meant: each table of pairs, and where they come from. Who bears a name bears its core, too: names of millions are looked
#: through once. An identity whose code is right means whom the code means.
_LOOK_UPS = (
    (
        "numbered",
        """SELECT DISTINCT spot, r.enterprise_id FROM open_identities JOIN register_numbers r ON plain = r.number
        WHERE plain <> '' AND NOT is_valid""",
    ),
    (
        "namesakes",
        """SELECT spot, r.enterprise_id, r.folded = o.folded AS is_whole, o.core <> '' AS has_core
        FROM open_identities o JOIN register_names r ON o.core = r.core WHERE o.folded <> '' AND NOT is_valid""",
    ),
    ("bearers", "SELECT DISTINCT spot, enterprise_id FROM namesakes WHERE is_whole"),
    ("sames", "SELECT DISTINCT spot, enterprise_id FROM namesakes WHERE has_core"),
)


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
        Where its tables stand: ``register_known``, ``register_names``, ``register_numbers``, ``register_parts``. A new one in memory when
        omitted. Other sessions of the same engine see them, too.
    catalog : str or None
        Attached database that holds the tables, and may hold them already; ``None`` for the connection's own, in which they begin empty.
    """

    def __init__(
        self,
        rows: Iterable[tuple[str, str | None, str | None]] = (),
        connection: duckdb.DuckDBPyConnection | None = None,
        catalog: str | None = None,
    ) -> None:
        self.connection = connection or duckdb.connect()
        self.catalog = catalog
        #: Writes a query of ``enterprise_id, county_code, address, legal_rep_name``; called when likeness must be weighed.
        self.facts: Callable[[Register], str] | None = None
        #: Held by the session that weighs likeness: it needs tables by fixed names.
        self.weighing = threading.Lock()
        if catalog:
            self._look_into_catalog()
            for table in _TABLES:
                self.connection.execute(f"CREATE TABLE IF NOT EXISTS {self.place(table)}")
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

    def beside(self, connection: duckdb.DuckDBPyConnection) -> Register:
        """Give the same register to another session of its engine."""
        other = copy.copy(self)
        other.connection = connection
        other._look_into_catalog()
        return other

    def prepare(self) -> None:
        """Build what is else built when it is first wanted, so that several sessions may look it up side by side."""
        index_register(self.connection)
        if self.facts:
            self.facts(self)

    def __len__(self) -> int:
        return int(self._one("SELECT count(*) FROM register_known"))

    def _one(self, query: str) -> Any:
        row = self.connection.execute(query).fetchone()
        return row[0] if row else None

    def latest(self) -> int:
        """Return the number of the latest addition of which anything stands."""
        return int(self._one(_LATEST))

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
            f"""INSERT INTO register_names SELECT {last} + row_number() OVER (), enterprise_id, folded, core, {self.since}
            FROM entering_names ANTI JOIN register_names USING (enterprise_id, folded)"""
        )
        for table in ("entering", "entering_names"):
            run(f"DROP TABLE {table}")

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
            for table in ("register_parts", "register_names"):
                run(f"DELETE FROM {table} WHERE name_at IN (FROM unfounded)")
            run(
                f"""DELETE FROM register_numbers WHERE {latest}
                AND (number, enterprise_id) NOT IN (SELECT number, enterprise_id FROM standing WHERE number IS NOT NULL)"""
            )
            run(
                f"DELETE FROM register_known WHERE {latest} AND enterprise_id NOT IN (SELECT enterprise_id FROM standing)"
            )
            for table in ("standing", "standing_names", "unfounded"):
                run(f"DROP TABLE {table}")
        run("DROP TABLE doubted")

    def _stage_names(self, source: str, target: str) -> None:
        """Write the distinct ``enterprise_id, folded, core`` of a table of enterprises and names."""
        _fold_names(self.connection, f"SELECT DISTINCT name FROM {source} WHERE name IS NOT NULL", "folding")
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
        for table, query in _LOOK_UPS:
            # One statement each: all of them joined by UNION ALL have been seen to stall in the engine on a register of millions.
            run(f"CREATE OR REPLACE TEMP TABLE {table} AS {query}")
        run(
            f"""CREATE OR REPLACE TEMP TABLE mended AS SELECT DISTINCT spot, enterprise_id
            FROM open_identities JOIN (FROM bearers UNION FROM sames) USING (spot) WHERE {_IS_ONE_SLIP}"""
        )
        run(f"CREATE OR REPLACE TEMP TABLE {target} AS {_DECISION}")
        recognise_by_likeness(self.connection, target)

    def _open(self, source: str) -> None:
        """Write table ``open_identities``: each identity in the forms it is compared in, and whether its code is right."""
        run = self.connection.execute
        _fold_names(
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


def _fold_names(connection: duckdb.DuckDBPyConnection, query: str, target: str) -> None:
    """Write table ``target`` with ``name, folded, core``: plain names folded by the engine, the others one by one."""
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE {target} AS SELECT name, folded, {core_sql("folded")} AS core
        FROM (SELECT name, CASE WHEN {is_plain_sql("name")} THEN lower(name) END AS folded FROM ({query}))"""
    )
    names = connection.execute(f"SELECT name FROM {target} WHERE folded IS NULL").to_arrow_table()
    if names.num_rows:
        connection.execute(f"DELETE FROM {target} WHERE folded IS NULL")
    for batch in names.to_batches(PORTION):
        written = batch.column(0).to_pylist()
        folded = [(clean_name(name) or "").casefold() for name in written]
        staged = pa.table(
            {
                "name": batch.column(0),
                "folded": pa.array(folded, pa.string()),
                "core": pa.array([core_name(name) if name else "" for name in folded], pa.string()),
            }
        )
        stage(connection, "folded_names", staged)
        connection.execute(f"INSERT INTO {target} SELECT * FROM folded_names")


_MISTAKEN, _MEANT = "".join(LOOKALIKES), "".join(LOOKALIKES.values())
#: One wrong character, one swap of neighbours, or look-alike letters away from a candidate's code.
_IS_ONE_SLIP = f"""length(plain) = length(enterprise_id) AND (damerau_levenshtein(plain, enterprise_id) <= 1
    OR translate(plain, {literal(_MISTAKEN)}, {literal(_MEANT)}) = enterprise_id)"""
_DECISION = """WITH
numbers AS (SELECT spot, count(*) AS found, min(enterprise_id) AS one FROM numbered GROUP BY spot),
slips AS (SELECT spot, count(*) AS found, min(enterprise_id) AS one FROM mended GROUP BY spot),
names AS (SELECT spot, count(*) AS found, min(enterprise_id) AS one, list(enterprise_id ORDER BY enterprise_id)[:3] AS few FROM bearers GROUP BY spot),
cores AS (SELECT spot, count(*) AS found, min(enterprise_id) AS one FROM sames GROUP BY spot),
judged AS (SELECT o.*, k.enterprise_id AS known, numbers.one AS by_number, slips.one AS by_slip, names.one AS by_name, cores.one AS by_core,
    names.found AS bearers, names.few, cores.found AS sames,
    CASE WHEN k.enterprise_id IS NOT NULL THEN 'uscc' WHEN is_valid THEN 'stranger' WHEN numbers.found = 1 THEN 'registration_no'
        WHEN o.folded = '' THEN 'nothing' WHEN slips.found = 1 THEN 'uscc_repaired' WHEN names.found = 1 THEN 'name_exact'
        WHEN names.found > 1 THEN 'namesakes' WHEN cores.found = 1 THEN 'name_fuzzy' WHEN cores.found > 1 THEN 'samecores' END AS way
    FROM open_identities o LEFT JOIN register_known k ON k.enterprise_id = o.plain LEFT JOIN numbers USING (spot)
    LEFT JOIN slips USING (spot) LEFT JOIN names USING (spot) LEFT JOIN cores USING (spot))
SELECT spot, CASE way WHEN 'uscc' THEN known WHEN 'registration_no' THEN by_number WHEN 'uscc_repaired' THEN by_slip
        WHEN 'name_exact' THEN by_name WHEN 'name_fuzzy' THEN by_core END AS enterprise_id,
    CASE WHEN way IN ('uscc', 'registration_no', 'uscc_repaired', 'name_exact', 'name_fuzzy') THEN way ELSE 'unresolved' END AS method,
    CASE WHEN way IN ('uscc', 'registration_no', 'uscc_repaired', 'name_exact') THEN 1.0 WHEN way = 'name_fuzzy' THEN 0.98
        ELSE 0.0 END::DOUBLE AS score,
    CASE way WHEN 'stranger' THEN '代码校验通过，但企业登记库中查无此户，请先补报登记信息。'
        WHEN 'nothing' THEN '代码无效且无名称，请补报统一社会信用代码。'
        WHEN 'namesakes' THEN concat('同名企业有 ', bearers, ' 户（', array_to_string(few, '、'), '），请补报代码。')
        WHEN 'samecores' THEN concat('去掉组织形式后同名企业有 ', sames, ' 户，请补报代码。') ELSE '' END AS message,
    way IS NULL AS is_open, is_valid FROM judged"""
