"""Rows that a publication of a lake leaves in the web's tables: kept after the first one, and put back instead of working them out again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.apps import apps
from django.db import connection

from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.loading import make_stage
from rongqiao.lake.engine import quote

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import Model


def _models() -> dict[str, type[Model]]:
    """Every table of ours, with its model."""
    models = [model for model in apps.get_models(include_auto_created=True) if model._meta.managed]
    return {model._meta.db_table: model for model in models}


def count_rows(tables: Iterable[str] | None = None) -> dict[str, int]:
    """Rows by table; of all tables when omitted."""
    names = sorted(_models() if tables is None else tables)
    counts = ", ".join(f"(SELECT count(*) FROM {quote(name)})" for name in names)
    with system_scope(), connection.cursor() as cursor:
        cursor.execute(f"SELECT {counts}")
        return dict(zip(names, cursor.fetchone(), strict=True))


def _listed(model: type[Model]) -> list[str]:
    return [field.column for field in model._meta.concrete_fields]


def take_rows(tables: Iterable[str]) -> dict[str, bytes]:
    """All rows of the tables, as the database writes them."""
    models, taken = _models(), {}
    with system_scope(), connection.cursor() as cursor:
        for table in tables:
            columns = ", ".join(quote(name) for name in _listed(models[table]))
            with cursor.copy(
                f"COPY (SELECT {columns} FROM {quote(table)}) TO STDOUT (FORMAT binary)"
            ) as copy:
                taken[table] = b"".join(bytes(part) for part in copy)
    return taken


def put_rows(rows: dict[str, bytes]) -> None:
    """Put rows back into tables that hold none; their numbers are never given again, for sequences only run forward."""
    models = _models()
    with system_scope(), connection.cursor() as cursor:
        for table, data in rows.items():
            stage = make_stage(cursor, models[table], _listed(models[table]))
            listed = ", ".join(quote(name) for name in _listed(models[table]))
            with cursor.copy(f"COPY {stage} ({listed}) FROM STDIN (FORMAT binary)") as copy:
                copy.write(data)
            cursor.execute(f"INSERT INTO {quote(table)} ({listed}) SELECT {listed} FROM {stage}")
            cursor.execute(f"DROP TABLE {stage}")
