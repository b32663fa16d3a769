"""Pull from a table of PostgreSQL or MySQL: by watermark and key, row by row from the server, in a read-only transaction."""

# ruff: noqa: S608  (names are quoted, values are bound)
from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg
import pymysql
from pymysql.cursors import SSCursor

from rongqiao.governance.collectors.calling import DownError
from rongqiao.governance.collectors.causes import cause_of, technical_text
from rongqiao.governance.collectors.watermarks import floor
from rongqiao.governance.discovery.records import write_cell
from rongqiao.kernel.errors import InvalidValueError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rongqiao.contracts.collectors import Database
    from rongqiao.governance.collectors.spool import Spool
    from rongqiao.governance.collectors.state import State

#: Faults of the way, not of the question: these may pass.
_DOWN = (psycopg.OperationalError, pymysql.err.OperationalError, pymysql.err.InterfaceError, OSError)
#: MySQL calls these operational too; trying again does not mend a wrong password or a missing table.
_LASTING = {1044, 1045, 1049, 1054, 1142, 1143, 1146, 1792}


@dataclass(frozen=True, slots=True)
class Read:
    """What a pull found: whether it stopped at its limit, and how many rows have no watermark and could not be collected."""

    is_cut: bool
    ceiling: str
    last_key: list[str]
    unmarked: int


def credential(variable: str) -> str:
    """Value of an environment variable that the declaration names.

    Raises
    ------
    InvalidValueError
        If it is not set.
    """
    value = os.environ.get(variable)
    if not value:
        raise InvalidValueError(
            "环境变量", variable, "没有设置；请在服务的环境里写入来源单位给的用户名或口令。"
        )
    return value


def pull(source: Database, state: State, spool: Spool) -> Read:
    """Read all rows from the last watermark on into the spool.

    Raises
    ------
    DownError
        If the database cannot be reached, or the connection breaks.
    SourceError
        If the table or a column is not there, or the account may not read it.
    """
    spool.restart()
    try:
        with _connect(source) as connection:
            return _read(source, state, spool, connection)
    except _DOWN as error:
        if "authentication failed" in str(error) or (error.args and error.args[0] in _LASTING):
            raise _refused(source, error) from error
        cause = cause_of(error)
        raise DownError(cause.words, remedy=cause.remedy, detail=technical_text(error)) from error
    except (psycopg.Error, pymysql.MySQLError) as error:
        raise _refused(source, error) from error


def _refused(source: Database, error: Exception) -> SourceError:
    cause = cause_of(error)
    return SourceError(
        f"来源表 {source.table}", cause.words, f"{cause.remedy}没有内容入库。", detail=technical_text(error)
    )


@contextmanager
def _connect(source: Database) -> Iterator[Any]:
    """Open a read-only transaction that sees the table as it stood at its beginning."""
    parts = urlsplit(source.address)
    user, password = credential(source.user_env), credential(source.password_env)
    name = parts.path.strip("/")
    if parts.scheme == "postgresql":
        with psycopg.connect(
            source.address,
            user=user,
            password=password,
            connect_timeout=source.connect_timeout_seconds,
            options=f"-c statement_timeout={source.read_timeout_seconds * 1000}",
        ) as connection:
            connection.read_only = True
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            yield connection
        return
    mysql = pymysql.connect(
        host=parts.hostname,
        port=parts.port or 3306,
        user=user,
        password=password,
        database=name,
        charset="utf8mb4",
        connect_timeout=source.connect_timeout_seconds,
        read_timeout=source.read_timeout_seconds,
    )
    try:
        with mysql.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
        yield mysql
    finally:
        mysql.close()


def _quote(name: str, *, is_mysql: bool) -> str:
    """Quote a name; drivers read a percent sign as the place of a value, so it is doubled."""
    mark = "`" if is_mysql else '"'
    return mark + name.replace(mark, mark * 2).replace("%", "%%") + mark


def _read(source: Database, state: State, spool: Spool, connection: Any) -> Read:
    is_mysql = isinstance(connection, pymysql.connections.Connection)

    def quoted(name: str) -> str:
        return _quote(name, is_mysql=is_mysql)

    table = ".".join(map(quoted, source.table.split(".")))
    mark, key = quoted(source.watermark), [quoted(name) for name in source.key]
    highest, unmarked = _extent(connection, table, mark)
    ceiling = state.ceiling or highest
    if not ceiling:
        return Read(is_cut=False, ceiling="", last_key=state.last_key, unmarked=unmarked)
    condition, values = f"{mark} <= %s", [ceiling]
    low = floor(source, state.watermark)
    if low == state.watermark and low:
        # Nothing is read again, so of rows with the last watermark only those behind the last key are new.
        places = ", ".join(["%s"] * (1 + len(key)))
        condition += f" AND ({', '.join([mark, *key])}) > ({places})"
        values += [low, *state.last_key]
    elif low:
        condition += f" AND {mark} >= %s"
        values.append(low)
    listed = ", ".join([mark, *key, *map(quoted, source.columns)])
    query = f"SELECT {listed} FROM {table} WHERE {condition} ORDER BY {', '.join([mark, *key])}"
    cursor = connection.cursor(SSCursor) if is_mysql else connection.cursor(name="rongqiao_collector")
    with cursor:
        if not is_mysql:
            cursor.itersize = source.rows_per_fetch
        cursor.execute(query, values)
        is_cut, last_key = _take(source, cursor, spool)
    return Read(is_cut, ceiling, last_key or state.last_key, unmarked)


def _extent(connection: Any, table: str, mark: str) -> tuple[str, int]:
    """Highest watermark that the table holds, and its rows without one."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT max({mark}), count(*) - count({mark}) FROM {table}".replace("%%", "%"))
        highest, unmarked = cursor.fetchone()
    return ("" if highest is None else _text(highest)), unmarked


def _take(source: Database, cursor: Any, spool: Spool) -> tuple[bool, list[str]]:
    """Write rows into the spool, at most as many new ones as one run takes."""
    targets = list(source.columns.values())
    first = 1 + len(source.key)
    last_key: list[str] = []
    for row in cursor:
        if spool.rows >= source.rows_per_run:
            return True, last_key
        cells = [None if value is None else write_cell(value) for value in row[first:]]
        spool.add(dict(zip(targets, cells, strict=True)), _text(row[0]), source.watermark_kind)
        last_key = [_text(value) for value in row[1:first]]
    return False, last_key


def _text(value: Any) -> str:
    """Write a watermark or key so that the source reads it back as the same value."""
    return value.isoformat(sep=" ") if hasattr(value, "hour") else str(value)
