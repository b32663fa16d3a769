"""The register as it is kept beside a lake from run to run: taught once, it catches up with what was published since.

It holds exactly what the published registry, bank list and changes say, as long as it notes the files it was taught from. While something is
entered that is not published yet it notes none, so that whatever a killed run leaves behind is taught anew.
"""

# ruff: noqa: S608  (names are constants of this module; values are bound)
from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import duckdb

from rongqiao.governance import cleaning
from rongqiao.governance.batch import NAME_CONTRACT, SUBJECT_CONTRACTS
from rongqiao.governance.register import Register
from rongqiao.governance.resolution.likeness import block_keys
from rongqiao.governance.resolution.name_parts import parts_rule
from rongqiao.lake.asof import newest_first
from rongqiao.lake.engine import add_view, files_sql, literal

if TYPE_CHECKING:
    from pathlib import Path

    from rongqiao.governance.batch import Workbench
    from rongqiao.lake.tables import Lake

#: Contracts that teach the register whom there is, and under which names.
TEACHERS = (*SUBJECT_CONTRACTS, NAME_CONTRACT)

_FILE, _INDEX, _CATALOG = ".register.duckdb", ".register.index", "kept_register"
_REGISTRY = "market_regulation.registry"
#: Of the register's tables.
_LAYOUT = 4
#: Number, name, and which rows of each teacher count.
_TAUGHT = {
    _REGISTRY: ("registration_no", "name", "true"),
    "bank.enterprise_credit": ("NULL::VARCHAR", "name", "true"),
    NAME_CONTRACT: ("NULL::VARCHAR", "value_before", "change_item = 'name'"),
}


def load_register(lake: Lake, connection: duckdb.DuckDBPyConnection, folder: Path) -> Register:
    """Open the register kept in a folder and teach it what was published since; empty when nothing was.

    Parameters
    ----------
    lake : Lake
    connection : duckdb.DuckDBPyConnection
        From now on shows the register's tables by their bare names.
    folder : Path
        Held by this run alone. The file in it may be removed at any time: that costs the time to teach it anew.
    """
    _attach(connection, folder / _FILE)
    register = Register(connection=connection, catalog=_CATALOG, folder=folder / _INDEX)
    register.facts = lambda asked: _facts(lake, asked)
    for table in ("register_taught(file VARCHAR)", "register_tried(since BIGINT)"):
        connection.execute(f"CREATE TABLE IF NOT EXISTS {register.place(table)}")
    noted = {file for (file,) in connection.execute("FROM register_taught").fetchall()}
    published = _published_files(lake)
    if not noted or noted - published.keys():
        register.clear()
        connection.execute("DELETE FROM register_tried")
        noted = set()
    if fresh := published.keys() - noted:
        doubt(register)
        for contract_id, (number, name, condition) in _TAUGHT.items():
            table = f"published/{contract_id}"
            uris = [published[file] for file in sorted(fresh) if file.startswith(f"{table}/")]
            if uris:
                register.add(
                    f"SELECT enterprise_id, {number} AS number, {name} AS name FROM {files_sql(uris)} WHERE {condition}"
                )
        _note(lake, register)
    return register


def doubt(register: Register) -> None:
    """Note before something is entered that what the register holds is not what was published; what was worked out of it goes."""
    register.connection.execute("DROP TABLE IF EXISTS register_facts")
    for table in ("register_shares", "register_taught"):
        register.connection.execute(f"DELETE FROM {table}")


def settle(work: Workbench, lake: Lake, register: Register) -> None:
    """Let the register hold what was published of a teacher's rows, and note that it does."""
    if work.contract.id == NAME_CONTRACT:
        cleaning.enter_former_names(work, register)
    else:
        cleaning.settle_subjects(work, register)
    _note(lake, register)


def has_news(register: Register) -> bool:
    """Whether anything came into the register since all rows that wait were last held against it."""
    tried = register.connection.execute("SELECT max(since) FROM register_tried").fetchone()
    return tried is None or tried[0] is None or register.latest() > tried[0]


def note_tried(register: Register) -> None:
    """Note that all rows that wait were held against the register as it is."""
    register.connection.execute("DELETE FROM register_tried")
    register.connection.execute("INSERT INTO register_tried VALUES (?)", [register.latest()])


def _rules() -> str:
    """Digest of the tables' layout and of all that keys and parts of names are worked out by."""
    return hashlib.sha256(repr((_LAYOUT, parts_rule(), block_keys())).encode()).hexdigest()


def _attach(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    attaching, rules = f"ATTACH {literal(str(file))} AS {_CATALOG}", _rules()
    try:
        connection.execute(attaching)
        made = [
            each for (each,) in connection.execute(f"SELECT rules FROM {_CATALOG}.register_made").fetchall()
        ]
    except duckdb.Error:
        # New, broken, or of an engine that is newer: it is taught anew, as one made by other rules is.
        made = []
    if made != [rules]:
        connection.execute(f"DETACH DATABASE IF EXISTS {_CATALOG}")
        for part in (file, file.with_name(f"{file.name}.wal")):
            part.unlink(missing_ok=True)
        connection.execute(attaching)
        connection.execute(f"CREATE TABLE {_CATALOG}.register_made AS SELECT {literal(rules)} AS rules")


def _published_files(lake: Lake) -> dict[str, str]:
    """Address of each file that teaches, by its name within the lake, which may be moved."""
    tables = [f"published/{contract_id}" for contract_id in _TAUGHT]
    return {
        f"{table}/{uri.rpartition('/')[2]}": uri
        for table in tables
        if lake.exists(table)
        for uri in lake.uris(table)
    }


def _note(lake: Lake, register: Register) -> None:
    files = ", ".join(f"({literal(file)})" for file in sorted(_published_files(lake)))
    register.connection.execute("DELETE FROM register_taught")
    if files:
        register.connection.execute(f"INSERT INTO register_taught VALUES {files}")


def _facts(lake: Lake, register: Register) -> str:
    """Write the query of what the registry says of each enterprise beside its name, as published by now.

    It is read once and kept until enterprises are named again: reading the registry for each portion of a province costs more than
    recognising its rows.
    """
    table, connection = f"published/{_REGISTRY}", register.connection
    if not lake.exists(table):
        return "SELECT NULL::VARCHAR AS enterprise_id, NULL AS county_code, NULL AS address, NULL AS legal_rep_name WHERE false"
    held = connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'register_facts'").fetchone()
    if not held:
        add_view(connection, lake, table, "registry facts")
        # Few enterprises have several rows. Only these are ranked: to rank all of a province takes a minute and gigabytes.
        connection.execute(
            """CREATE OR REPLACE TEMP TABLE told_again AS SELECT enterprise_id FROM "registry facts" GROUP BY enterprise_id HAVING count(*) > 1"""
        )
        told = 'SELECT enterprise_id, county_code, address, legal_rep_name FROM "registry facts"'
        order = f"snapshot_on DESC, {newest_first(lake.schema(table).names)}"
        connection.execute(
            f"""CREATE TABLE {register.place("register_facts")} AS {told} ANTI JOIN told_again USING (enterprise_id) UNION ALL
            {told} SEMI JOIN told_again USING (enterprise_id) QUALIFY row_number() OVER (PARTITION BY enterprise_id ORDER BY {order}) = 1"""
        )
        connection.execute("DROP TABLE told_again")
    return "SELECT * FROM register_facts"
