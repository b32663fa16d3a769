"""Brings what the lake says into the web's tables: built beside, then put in place in one transaction."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import connection

from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.catalogue.extraction import status_query
from rongqiao.bases.enterprises.catalogue.models import IndicatorStatus
from rongqiao.bases.enterprises.catalogue.services import reapply_pending
from rongqiao.bases.enterprises.extraction import Extraction
from rongqiao.bases.enterprises.models import (
    ColumnProfile,
    Delivery,
    Enterprise,
    PeerGroup,
    Portrait,
    QuarantinedRow,
    RuleResult,
    SourceStatus,
)
from rongqiao.bases.enterprises.operations import Operations
from rongqiao.bases.enterprises.parts import find_part, standing_of
from rongqiao.bases.enterprises.resolution.extraction import resolution_queries
from rongqiao.bases.enterprises.resolution.models import FactConflict, Merge, WaitingRow
from rongqiao.lake.engine import literal, quote

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from django.db import models

    from rongqiao.lake.tables import Lake

#: By which column the rows of a part are known; others are replaced whole.
PART_OF: dict[type[models.Model], str] = {
    SourceStatus: "contract_id",
    Delivery: "contract_id",
    RuleResult: "contract_id",
    ColumnProfile: "contract_id",
    QuarantinedRow: "batch_id",
    FactConflict: "conflict_id",
    WaitingRow: "batch_id",
    Merge: "batch_id",
}
CHUNK_BYTES = 1 << 20
#: Shown in the place of a character that PostgreSQL cannot hold.
NUL = "'␀'"


@dataclass(frozen=True, slots=True)
class Published:
    """Rows put in place, per table."""

    enterprises: int
    portraits: int
    peer_groups: int
    indicators: int
    sources: int
    deliveries: int
    rule_results: int
    profiles: int
    quarantined: int


def publish_from_lake(*, lake: Lake, as_of: int, known_at: dt.date) -> Published:
    """Replace the web's picture of enterprises and of the data by what the lake says as of two times.

    Readers see the whole old picture until the whole new one is there; a failure leaves the old one.

    Parameters
    ----------
    lake : Lake
        See `extraction.Extraction`.
    as_of : int
        Month ``YYYYMM`` of indicators and rating.
    known_at : datetime.date
        What arrived later is left out.

    Raises
    ------
    ContractError
        If governance or the indicators of the month were never run.
    """
    now = standing_of(lake, known_at)
    taken = Extraction(lake, as_of=as_of, known_at=known_at)
    queries: list[tuple[type[models.Model], str | None]] = [
        (Portrait, taken.portraits()),
        (PeerGroup, taken.peer_groups()),
        (IndicatorStatus, status_query(taken)),
        *_operations(taken),
    ]
    with tempfile.TemporaryDirectory() as name, system_scope():
        folder = Path(name)
        counts = [_merge(Enterprise, _export(taken, taken.enterprises(), folder), folder)]
        counts += [_replace(model, _export(taken, query, folder), folder) for model, query in queries]
        for model, query in resolution_queries(taken):
            _replace(model, _export(taken, query, folder), folder)
        reapply_pending(known_at)
        # Portraits of enterprises that left are gone now, so the enterprises can go.
        _drop_departed(Enterprise)
        now.note()
    return Published(*counts)


def republish(*, lake: Lake, enterprise_ids: Sequence[str], as_of: int, known_at: dt.date) -> None:
    """Renew the register entries and portraits of a few enterprises, and leave everybody else's as they are.

    Raises
    ------
    ContractError
        If governance or the indicators of the month were never run.
    """
    taken = Extraction(lake, as_of=as_of, known_at=known_at, only=enterprise_ids)
    with tempfile.TemporaryDirectory() as name, system_scope():
        for model, query in ((Enterprise, taken.enterprises()), (Portrait, taken.portraits())):
            _merge(model, _export(taken, query, Path(name)), Path(name))
            with connection.cursor() as cursor:
                cursor.execute(f"DROP TABLE stage_{model._meta.db_table}")


def publish_operations(*, lake: Lake, known_at: dt.date) -> None:
    """Bring what the web shows of the six steps up to the lake, and nothing else: receipts, rules, profiles, quarantine, sources, conflicts.

    Only batches, contracts and conflicts of which anything came since the last time are put in place anew; all are where that cannot be told.

    Raises
    ------
    ContractError
        If governance was never run.
    """
    now = standing_of(lake, known_at)
    with tempfile.TemporaryDirectory() as name, system_scope():
        part = find_part(lake, now)
        taken = Operations(lake, known_at=known_at, part=part)
        for model, query in [*_operations(taken), *resolution_queries(taken)]:
            column = PART_OF.get(model)
            named = part.of(column) if part is not None and column else None
            if named != []:
                _replace(model, _export(taken, query, Path(name)), Path(name), column, named)
        now.note()


def _operations(taken: Operations) -> list[tuple[type[models.Model], str | None]]:
    return [
        (SourceStatus, taken.sources()),
        (Delivery, taken.deliveries() if taken.has("receipts") else None),
        (RuleResult, taken.rule_results()),
        (ColumnProfile, taken.profiles() if taken.has("profiles") else None),
        (QuarantinedRow, taken.quarantine() if taken.has("quarantine") else None),
    ]


def _export(taken: Operations, query: str | None, folder: Path) -> list[str]:
    """Write the rows as CSV and return the columns; no columns when there is nothing to take."""
    if query is None:
        return []
    types = {row[0]: row[1] for row in taken.connection.execute(f"DESCRIBE {query}").fetchall()}
    # PostgreSQL holds no NUL: one in one department's file would keep everybody's news from the pages.
    listed = ", ".join(
        f"replace(replace({quote(name)}, chr(0), {NUL}), '\\u0000', {NUL}) AS {quote(name)}"
        if kind in ("VARCHAR", "JSON")
        else quote(name)
        for name, kind in types.items()
    )
    target = literal(str(folder / "rows.csv"))
    taken.connection.execute(
        f"COPY (SELECT {listed} FROM ({query})) TO {target} (FORMAT csv, HEADER false)"  # noqa: S608
    )
    return list(types)


def _stage(cursor: Any, model: type[models.Model], columns: list[str], folder: Path) -> str:
    """Load the CSV into a temporary table of the model's shape and return its name."""
    table = model._meta.db_table
    stage = f"stage_{table}"
    listed = ", ".join(quote(name) for name in columns)
    cursor.execute(f"DROP TABLE IF EXISTS {stage}")
    cursor.execute(f"CREATE TEMP TABLE {stage} AS SELECT {listed} FROM {table} WITH NO DATA")  # noqa: S608
    # Row security forbids COPY into the tables themselves.
    with (
        cursor.copy(f"COPY {stage} ({listed}) FROM STDIN (FORMAT csv)") as copy,
        (folder / "rows.csv").open("rb") as file,
    ):
        while chunk := file.read(CHUNK_BYTES):
            copy.write(chunk)
    return stage


def _replace(
    model: type[models.Model],
    columns: list[str],
    folder: Path,
    column: str | None = None,
    named: Sequence[str] | None = None,
) -> int:
    """Put the staged rows in the place of all the table held, or of the parts that are named by a column."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        where, values = (
            ("", []) if named is None else (f" WHERE {quote(column or '')} = ANY(%s)", [list(named)])
        )
        cursor.execute(f"DELETE FROM {table}{where}", values)  # noqa: S608
        if not columns:
            return 0
        stage = _stage(cursor, model, columns, folder)
        listed = ", ".join(quote(name) for name in columns)
        cursor.execute(f"INSERT INTO {table} ({listed}) SELECT {listed} FROM {stage}")  # noqa: S608
        count: int = cursor.rowcount
        cursor.execute(f"DROP TABLE {stage}")
        return count


def _merge(model: type[models.Model], columns: list[str], folder: Path) -> int:
    """Insert new rows and change those that differ; the stage stays for :func:`_drop_departed`."""
    table, key = model._meta.db_table, str(model._meta.pk.column)
    rest = [name for name in columns if name != key]
    listed = ", ".join(quote(name) for name in columns)
    sets = ", ".join(f"{quote(name)} = excluded.{quote(name)}" for name in rest)
    old = ", ".join(f"{table}.{quote(name)}" for name in rest)
    new = ", ".join(f"excluded.{quote(name)}" for name in rest)
    with connection.cursor() as cursor:
        stage = _stage(cursor, model, columns, folder)
        cursor.execute(
            f"INSERT INTO {table} ({listed}) SELECT {listed} FROM {stage} ON CONFLICT ({quote(key)}) "  # noqa: S608
            f"DO UPDATE SET {sets} WHERE ({old}) IS DISTINCT FROM ({new})"
        )
        cursor.execute(f"SELECT count(*) FROM {stage}")  # noqa: S608
        count: int = cursor.fetchone()[0]
        return count


def _drop_departed(model: type[models.Model]) -> None:
    table, key = model._meta.db_table, str(model._meta.pk.column)
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {table} t WHERE NOT EXISTS (SELECT FROM stage_{table} s WHERE s.{key} = t.{key})"  # noqa: S608
        )
        cursor.execute(f"DROP TABLE stage_{table}")
