"""Laying a source out for profiling: all rows are counted, an even sample of bounded size stands in DuckDB."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TYPE_CHECKING

import pyarrow as pa

from rongqiao.governance.discovery.layout import (
    LOOKED_AT,
    Layout,
    find_layout,
    is_artefact,
    is_note,
    is_repeated_header,
)
from rongqiao.governance.discovery.sheets import Faults

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import duckdb

    from rongqiao.governance.discovery.sheets import Row, Sheet

#: Rows that are kept for the profile; of a longer source every second, fourth, … row.
MOST_ROWS = 1_000_000
_PORTION = 20_000


@dataclass(slots=True)
class Staged:
    """What was laid out in table ``raw``: ``line`` and ``c0, c1, …``, one text column per header, blanks as null.

    Parameters
    ----------
    rows : int
        Rows of data in the source, sampled or not.
    kept : int
        Rows in ``raw``.
    repeated_headers, notes : int
        Rows that are the header once more, or remarks and totals; they are no data.
    faults : Faults
        Lines that are no rows, and rows wider than the header.
    """

    layout: Layout
    rows: int = 0
    kept: int = 0
    repeated_headers: int = 0
    notes: int = 0
    faults: Faults = field(default_factory=Faults)


def stage(connection: duckdb.DuckDBPyConnection, sheet: Sheet, *, most_rows: int = MOST_ROWS) -> Staged:
    """Read a sheet once from beginning to end and lay it out in table ``raw``."""
    faults = Faults()
    reading = sheet.read(faults)
    first = list(islice(reading, LOOKED_AT))
    layout = find_layout(first, sheet.headers)
    staged = Staged(layout, faults=faults)
    width = len(layout.headers)
    columns = ", ".join(f"c{at} VARCHAR" for at in range(width))
    connection.execute(f"CREATE OR REPLACE TABLE raw (line INTEGER, {columns})")
    schema = pa.schema([("line", pa.int32()), *((f"c{at}", pa.string()) for at in range(width))])
    pace = 1
    rows = data_rows(chain(first, reading), staged)
    while portion := list(islice(rows, _PORTION)):
        start = staged.rows - len(portion)
        chosen = [row for at, row in enumerate(portion, start) if at % pace == 0]
        _insert(connection, schema, chosen)
        staged.kept += len(chosen)
        while staged.kept > most_rows:
            # Rows stand in order, so every second of those that are kept is again an even sample.
            pace *= 2
            connection.execute("CREATE OR REPLACE TABLE raw AS SELECT * FROM raw WHERE rowid % 2 = 0")
            found = connection.execute("SELECT count(*) FROM raw").fetchone()
            staged.kept = int(found[0]) if found else 0
    return staged


def data_rows(rows: Iterable[Row], staged: Staged) -> Iterator[Row]:
    """Yield the rows of data as wide as the header, and count what is none."""
    layout, width = staged.layout, len(staged.layout.headers)
    for line, cells in rows:
        if line < layout.body_line:
            continue
        if len(cells) < width:
            cells = [*cells, *[""] * (width - len(cells))]
        cells = ["" if is_artefact(cell) else cell for cell in cells]
        if is_repeated_header(cells, layout):
            staged.repeated_headers += 1
        elif is_note(cells, width):
            staged.notes += 1
        elif any(cells[width:]):
            staged.faults.add(line, f"多出 {len(cells) - width} 列", "|".join(cells))
        else:
            staged.rows += 1
            yield line, cells[:width]


def _insert(connection: duckdb.DuckDBPyConnection, schema: pa.Schema, rows: list[Row]) -> None:
    if not rows:
        return
    columns = [pa.array([line for line, _ in rows], pa.int32())]
    columns.extend(
        pa.array([cells[at] or None for _, cells in rows], pa.string()) for at in range(len(schema) - 1)
    )
    connection.register("staged rows", pa.table(columns, schema=schema))
    connection.execute('INSERT INTO raw SELECT * FROM "staged rows"')
    connection.unregister("staged rows")
