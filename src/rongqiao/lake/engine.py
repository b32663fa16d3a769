"""The embedded engine: DuckDB reads the Delta tables' Parquet files directly; Ibis speaks to it."""

# ruff: noqa: S608  (names come from contracts of this repository and are quoted; values are bound)
from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ibis.backends.duckdb import Backend

    from rongqiao.lake.tables import Lake


def quote(name: str) -> str:
    """Write a table or column name as an SQL identifier."""
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


def literal(text: str) -> str:
    """Write a string as an SQL literal."""
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def stage(
    connection: duckdb.DuckDBPyConnection, name: str, rows: pa.Table, *, is_temporary: bool = True
) -> None:
    """Copy rows into a table of the engine, a temporary one unless others must find it.

    Notes
    -----
    Queries must not read a registered Arrow table more than once: its scans take Python's lock, and parallel ones of one query have
    been seen to wait for each other for ever.
    """
    connection.register("staged rows", rows)
    try:
        kind = "TEMP TABLE" if is_temporary else "TABLE"
        connection.execute(f'CREATE OR REPLACE {kind} {quote(name)} AS SELECT * FROM "staged rows"')
    finally:
        connection.unregister("staged rows")


def files_sql(files: Sequence[str]) -> str:
    """Write a relation of some Parquet files of one table; columns added later are null in older rows."""
    listed = ", ".join(literal(file) for file in files)
    return f"read_parquet([{listed}], union_by_name = true)"


def parquet_options(schema: pa.Schema) -> str:
    """Write the options under which the engine copies rows of a schema into a file of a table.

    Notes
    -----
    The second version of the format, which writes differences of numbers, and texts apart from their lengths, is read in three quarters of
    the time. Spark cannot read how it writes floating numbers. Dictionaries of values that never repeat are not worth building; codes,
    days and batches still fit.
    """
    version = "V1" if any(map(pa.types.is_floating, schema.types)) else "V2"
    return f"FORMAT parquet, PARQUET_VERSION {version}, COMPRESSION zstd, COMPRESSION_LEVEL 1, DICTIONARY_SIZE_LIMIT 4096"


def connect(lake: Lake, tables: Sequence[str] = ()) -> duckdb.DuckDBPyConnection:
    """Open DuckDB in memory with one view per lake table, named as the table is.

    Parameters
    ----------
    lake : Lake
        Where the tables stand.
    tables : Sequence[str]
        Such as ``published/taxation.tax_filing``. A view shows the version that is newest now and keeps to it.

    Raises
    ------
    ContractError
        If a table was never written.
    """
    connection = duckdb.connect(":memory:")
    connection.execute("SET enable_progress_bar = false")
    for table in tables:
        add_view(connection, lake, table)
    return connection


def add_view(connection: duckdb.DuckDBPyConnection, lake: Lake, table: str, name: str | None = None) -> None:
    """Show one lake table as a view; columns added later are null in older rows."""
    view = quote(name or table)
    files = lake.uris(table)
    if files:
        connection.execute(f"CREATE OR REPLACE TEMP VIEW {view} AS SELECT * FROM {files_sql(files)}")
        return
    empty = lake.schema(table).empty_table()
    connection.register(f"{name or table} (empty)", empty)
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {view} AS SELECT * FROM {quote(f'{name or table} (empty)')}"
    )


def ibis_connection(lake: Lake, tables: Sequence[str] = ()) -> Backend:
    """Open an Ibis connection on DuckDB with the same views as :func:`connect`."""
    import ibis  # Half a second of imports that plain SQL need not pay.

    backend: Backend = ibis.duckdb.from_connection(connect(lake, tables))
    return backend
