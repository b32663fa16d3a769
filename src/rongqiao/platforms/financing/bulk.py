"""Many rows at once: streamed into a temporary table, then inserted where their key is new."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import AutoField
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterable


def insert_new(model: Any, rows: Iterable[Any]) -> int:
    """Insert instances whose key, or unique columns, are not there yet; in the caller's transaction.

    Parameters
    ----------
    model : type
        Django model.
    rows : iterable of model instances
        Unsaved; an automatic number is drawn by the database.

    Returns
    -------
    int
        Rows that were new.

    Notes
    -----
    COPY itself is refused on tables with row security, so the rows go through a temporary table.
    """
    # Built first: a generator that queries while COPY holds the connection would wait for itself for ever.
    built = list(rows)
    fields = [field for field in model._meta.concrete_fields if not isinstance(field, AutoField)]
    names = sql.SQL(", ").join(sql.Identifier(field.column) for field in fields)
    target, stage = sql.Identifier(model._meta.db_table), sql.Identifier(f"stage_{model._meta.model_name}")
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(stage))
        cursor.execute(
            sql.SQL("CREATE TEMP TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
                stage, names, target
            )
        )
        with cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(stage, names)) as copy:
            for row in built:
                copy.write_row([_prepared(field, row) for field in fields])
        cursor.execute(
            sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {} ON CONFLICT DO NOTHING").format(
                target, names, names, stage
            )
        )
        count: int = cursor.rowcount
        cursor.execute(sql.SQL("DROP TABLE {}").format(stage))
    return count


def _prepared(field: Any, row: Any) -> Any:
    return field.get_db_prep_save(field.pre_save(row, True), connection)
