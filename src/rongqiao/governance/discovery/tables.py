"""Tables of PostgreSQL and MySQL as sheets: read by a cursor on the server, named by the database's own comments."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import psycopg
import pymysql
from psycopg import sql
from pymysql.cursors import SSCursor

from rongqiao.governance.discovery.records import write_cell
from rongqiao.governance.discovery.sheets import Faults, Sheet
from rongqiao.kernel.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rongqiao.governance.discovery.sheets import Row

#: Rows that travel at a time.
PORTION = 5_000
_POSTGRES, _MYSQL = ("postgresql", "postgres"), ("mysql", "mariadb")


def open_table(url: str, table: str) -> Sheet:
    """Open one table.

    Parameters
    ----------
    url : str
        ``postgresql://…`` or ``mysql://…``.
    table : str
        ``table`` or ``schema.table``; it must be among those that the database lists.

    Raises
    ------
    InvalidValueError
        If the address is of another kind, or there is no such table.
    """
    columns = list_columns(url, table)

    def read(_: Faults) -> Iterator[Row]:
        for line, row in enumerate(read_rows(url, table, [name for name, _ in columns]), start=1):
            yield line, [write_cell(value) for value in row]

    titles = {name: comment for name, comment in columns if comment}
    return Sheet(table, "table", "", read, tuple(name for name, _ in columns), titles)


def fetch_table(url: str, table: str, target: Path) -> int:
    """Write a table's rows as JSON lines, named by the comments of its columns where there are any; returns their number.

    Raises
    ------
    InvalidValueError
        As `open_table`.
    """
    sheet = open_table(url, table)
    headers = [sheet.titles.get(name, name) for name in sheet.headers]
    if len(set(headers)) < len(headers):
        headers = list(sheet.headers)
    lines = 0
    waiting = target.with_name(f".{target.name}.part")
    with waiting.open("w", encoding="utf-8") as file:
        for lines, cells in sheet.read(Faults()):  # noqa: B007  (the last number is how many there were)
            file.write(json.dumps(dict(zip(headers, cells, strict=True)), ensure_ascii=False) + "\n")
    waiting.replace(target)
    return lines


def _split(table: str) -> tuple[str | None, str]:
    schema, _, name = table.rpartition(".")
    return schema or None, name


def list_columns(url: str, table: str) -> list[tuple[str, str]]:
    """List the columns of a table with their comments.

    Raises
    ------
    InvalidValueError
        If there is no such table.
    """
    schema, name = _split(table)
    if urlsplit(url).scheme in _POSTGRES:
        with psycopg.connect(url) as connection:
            rows = connection.execute(
                """SELECT a.attname, coalesce(col_description(a.attrelid, a.attnum), '') FROM pg_attribute a
                JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE c.relname = %s AND n.nspname = coalesce(%s, current_schema()) AND a.attnum > 0 AND NOT a.attisdropped
                ORDER BY a.attnum""",
                [name, schema],
            ).fetchall()
    else:
        with _mysql(url) as connection, connection.cursor() as cursor:
            cursor.execute(
                """SELECT column_name, column_comment FROM information_schema.columns
                WHERE table_name = %s AND table_schema = coalesce(%s, database()) ORDER BY ordinal_position""",
                (name, schema),
            )
            rows = list(cursor.fetchall())
    if not rows:
        raise InvalidValueError("数据库表", table, "库中没有这张表，或账号无权读取。")
    return [(str(column), str(comment or "")) for column, comment in rows]


@contextmanager
def _mysql(url: str) -> Iterator[Any]:
    parts = urlsplit(url)
    if parts.scheme not in _MYSQL:
        raise InvalidValueError("数据库地址", parts.scheme, "请使用 postgresql:// 或 mysql:// 地址。")
    connection = pymysql.connect(
        host=parts.hostname or "localhost",
        port=parts.port or 3306,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=parts.path.strip("/"),
        charset="utf8mb4",
    )
    try:
        yield connection
    finally:
        connection.close()


def read_rows(
    url: str, table: str, columns: list[str], *, watermark: str = "", low: Any = None, high: Any = None
) -> Iterator[tuple[Any, ...]]:
    """Yield rows, ``PORTION`` at a time; of those with a watermark after ``low`` and up to ``high``, in its order.

    Names and values are quoted by the driver, or doubled and bound here: what a table calls its columns is never read as SQL.
    """
    schema, name = _split(table)
    if urlsplit(url).scheme in _POSTGRES:
        query = sql.SQL("SELECT {} FROM {}").format(
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.Identifier(schema, name) if schema else sql.Identifier(name),
        )
        if watermark:
            mark = sql.Identifier(watermark)
            query += sql.SQL(
                " WHERE ({low}::text IS NULL OR {mark} > {low}) AND {mark} <= {high} ORDER BY {mark}"
            ).format(mark=mark, low=sql.Literal(low), high=sql.Literal(high))
        with psycopg.connect(url) as connection, connection.cursor(name="rongqiao_rows") as cursor:
            cursor.itersize = PORTION
            # Values stand in the query as quoted literals: with parameters, a percent sign in a name would be read as a placeholder.
            cursor.execute(query)
            yield from cursor
        return
    listed = ", ".join(map(_tick, columns))
    place = f"{_tick(schema)}.{_tick(name)}" if schema else _tick(name)
    text = f"SELECT {listed} FROM {place}"  # noqa: S608  (names are quoted)
    bound: tuple[Any, ...] = ()
    if watermark:
        column = _tick(watermark)
        text += f" WHERE (%s IS NULL OR {column} > %s) AND {column} <= %s ORDER BY {column}"
        bound = (low, low, high)
    with _mysql(url) as connection, connection.cursor(SSCursor) as cursor:
        cursor.execute(text, bound)
        while rows := cursor.fetchmany(PORTION):
            yield from rows


def _tick(name: str) -> str:
    # The driver reads a percent sign as the place of a value.
    return "`" + name.replace("`", "``").replace("%", "%%") + "`"


def newest(url: str, table: str, watermark: str) -> Any:
    """Highest watermark that the table holds now; ``None`` where it is empty."""
    schema, name = _split(table)
    if urlsplit(url).scheme in _POSTGRES:
        place = sql.Identifier(schema, name) if schema else sql.Identifier(name)
        query = sql.SQL("SELECT max({}) FROM {}").format(sql.Identifier(watermark), place)
        with psycopg.connect(url) as connection:
            found = connection.execute(query).fetchone()
            return found[0] if found else None
    place_text = f"{_tick(schema)}.{_tick(name)}" if schema else _tick(name)
    with _mysql(url) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT max({_tick(watermark)}) FROM {place_text}")  # noqa: S608  (names are quoted)
        found = cursor.fetchone()
        return found[0] if found else None
