"""Loads rows into the web's tables: beside them first, then into their place or over what differs."""

# ruff: noqa: S608  (names are our models' and are quoted; values are bound)
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import connection

from rongqiao.bases.enterprises.portrait_rows import without_nul
from rongqiao.lake.engine import literal, quote

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from django.db import models

    from rongqiao.bases.enterprises.operations import Operations

CHUNK_BYTES = 1 << 20


def export_rows(taken: Operations, query: str | None, folder: Path) -> list[str]:
    """Write the rows as CSV and return the columns; no columns when there is nothing to take."""
    if query is None:
        return []
    cleaned, columns = without_nul(taken.connection, query)
    target = literal(str(folder / "rows.csv"))
    taken.connection.execute(f"COPY ({cleaned}) TO {target} (FORMAT csv, HEADER false)")
    return columns


def make_stage(cursor: Any, model: type[models.Model], columns: list[str]) -> str:
    """Make an empty temporary table of the model's shape and return its name. Row security forbids COPY into the tables themselves."""
    table = model._meta.db_table
    stage = f"stage_{table}"
    listed = ", ".join(quote(name) for name in columns)
    cursor.execute(f"DROP TABLE IF EXISTS {stage}")
    cursor.execute(f"CREATE TEMP TABLE {stage} AS SELECT {listed} FROM {table} WITH NO DATA")
    return stage


def load_stage(cursor: Any, model: type[models.Model], columns: list[str], folder: Path) -> str:
    """Load the CSV into a temporary table and return its name."""
    stage = make_stage(cursor, model, columns)
    listed = ", ".join(quote(name) for name in columns)
    with (
        cursor.copy(f"COPY {stage} ({listed}) FROM STDIN (FORMAT csv)") as copy,
        (folder / "rows.csv").open("rb") as file,
    ):
        while chunk := file.read(CHUNK_BYTES):
            copy.write(chunk)
    return stage


def replace_rows(
    model: type[models.Model],
    columns: list[str],
    folder: Path,
    column: str | None = None,
    named: Sequence[str] | None = None,
) -> int:
    """Put the exported rows in the place of all the table held, or of the parts that are named by a column."""
    where, values = ("", []) if named is None else (f" WHERE {quote(column or '')} = ANY(%s)", [list(named)])
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {model._meta.db_table}{where}", values)
    return insert_rows(model, columns, folder)


def insert_rows(model: type[models.Model], columns: list[str], folder: Path) -> int:
    """Add the exported rows."""
    if not columns:
        return 0
    listed = ", ".join(quote(name) for name in columns)
    with connection.cursor() as cursor:
        stage = load_stage(cursor, model, columns, folder)
        cursor.execute(f"INSERT INTO {model._meta.db_table} ({listed}) SELECT {listed} FROM {stage}")
        count: int = cursor.rowcount
        cursor.execute(f"DROP TABLE {stage}")
        return count


def merge_stage(
    cursor: Any, model: type[models.Model], columns: list[str], stage: str, *, unless: str = "false"
) -> int:
    """Insert staged rows that are new and change those that differ, and drop the stage; returns the staged rows."""
    table, key = model._meta.db_table, str(model._meta.pk.column)
    rest = [name for name in columns if name != key]
    listed = ", ".join(quote(name) for name in columns)
    sets = ", ".join(f"{quote(name)} = excluded.{quote(name)}" for name in rest)
    old = ", ".join(f"{table}.{quote(name)}" for name in rest)
    new = ", ".join(f"excluded.{quote(name)}" for name in rest)
    cursor.execute(f"SELECT count(*) FROM {stage}")
    count: int = cursor.fetchone()[0]
    cursor.execute(
        f"INSERT INTO {table} ({listed}) SELECT {listed} FROM {stage} ON CONFLICT ({quote(key)}) "
        f"DO UPDATE SET {sets} WHERE ({old}) IS DISTINCT FROM ({new}) AND NOT ({unless.format(table=table)})"
    )
    cursor.execute(f"DROP TABLE {stage}")
    return count
