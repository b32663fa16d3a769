"""The register of enterprises that deliveries are resolved against, and the ways to recognise one in it.

It lives in DuckDB, so that six million enterprises need no six million Python objects, and answers many identities at a time.
"""

# ruff: noqa: S608  (names are constants of this module; values are bound)
from __future__ import annotations

import copy
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from rongqiao.governance.codes import right_codes
from rongqiao.governance.names import clean_name, core_name, core_sql, is_plain_sql
from rongqiao.governance.resolution.likeness import index_register, recognise_by_likeness
from rongqiao.kernel.identifiers import LOOKALIKES, normalise_uscc
from rongqiao.lake.engine import literal, stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

#: Rows taken out of DuckDB at a time.
PORTION = 200_000

_NAMES = "register_names(enterprise_id VARCHAR, folded VARCHAR, core VARCHAR)"
_NUMBERS = "register_numbers(number VARCHAR, enterprise_id VARCHAR)"
#: Who might be meant: table of pairs, where they come from, and condition on the identity's compared forms.
_LOOK_UPS = (
    ("numbered", "register_numbers", "o.plain = r.number AND o.plain <> ''"),
    ("bearers", "register_names", "o.folded = r.folded AND o.folded <> ''"),
    ("sames", "register_names", "o.core = r.core AND o.core <> ''"),
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
        Where its tables stand: ``register_known``, ``register_names``, ``register_numbers``. A new one in memory when omitted.
        Other sessions of the same engine see them, too.
    """

    def __init__(
        self,
        rows: Iterable[tuple[str, str | None, str | None]] = (),
        connection: duckdb.DuckDBPyConnection | None = None,
    ) -> None:
        self.connection = connection or duckdb.connect()
        for table in ("register_known(enterprise_id VARCHAR)", _NAMES, _NUMBERS):
            self.connection.execute(f"CREATE OR REPLACE TABLE {table}")
        #: Writes a query of ``enterprise_id, county_code, address, legal_rep_name``; called when likeness must be weighed.
        self.facts: Callable[[duckdb.DuckDBPyConnection], str] | None = None
        #: Held by the session that weighs likeness: it needs tables by fixed names.
        self.weighing = threading.Lock()
        self.connection.execute("DROP TABLE IF EXISTS register_parts")
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

    def beside(self, connection: duckdb.DuckDBPyConnection) -> Register:
        """Give the same register to another session of its engine."""
        other = copy.copy(self)
        other.connection = connection
        return other

    def prepare(self) -> None:
        """Build what is else built when it is first wanted, so that several sessions may look it up side by side."""
        index_register(self.connection)
        if self.facts:
            self.facts(self.connection)

    def __len__(self) -> int:
        return int(self._one("SELECT count(*) FROM register_known"))

    def _one(self, query: str) -> Any:
        row = self.connection.execute(query).fetchone()
        return row[0] if row else None

    def add(self, query: str) -> None:
        """Enter what a query yields: ``enterprise_id, number, name``; what is known already changes nothing."""
        run = self.connection.execute
        run(
            f"CREATE OR REPLACE TEMP TABLE entering AS SELECT DISTINCT enterprise_id, number, name FROM ({query})"
        )
        run(
            """INSERT INTO register_known SELECT DISTINCT enterprise_id FROM entering
            WHERE enterprise_id NOT IN (SELECT enterprise_id FROM register_known)"""
        )
        run(
            """INSERT INTO register_numbers SELECT DISTINCT number, enterprise_id FROM entering WHERE number IS NOT NULL
            EXCEPT SELECT number, enterprise_id FROM register_numbers"""
        )
        self._enter_names()
        run("DROP TABLE entering")

    def _enter_names(self) -> None:
        """Fold names that are new."""
        _fold_names(self.connection, "SELECT DISTINCT name FROM entering WHERE name IS NOT NULL", "folding")
        self.connection.execute(
            """INSERT INTO register_names SELECT DISTINCT enterprise_id, folded, core FROM entering JOIN folding USING (name)
            WHERE folded <> '' EXCEPT SELECT enterprise_id, folded, core FROM register_names"""
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
        for target_table, table, condition in _LOOK_UPS:
            # One statement each: all of them joined by UNION ALL have been seen to stall in the engine on a register of millions.
            run(
                f"""CREATE OR REPLACE TEMP TABLE {target_table} AS
                SELECT DISTINCT o.spot, r.enterprise_id FROM open_identities o JOIN {table} r ON {condition}"""
            )
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
    is_plain = is_plain_sql("name")
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE {target} AS SELECT name, lower(name) AS folded, {core_sql("lower(name)")} AS core
        FROM ({query}) WHERE {is_plain}"""
    )
    names = connection.execute(f"SELECT name FROM ({query}) WHERE NOT ({is_plain})").to_arrow_table()
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
