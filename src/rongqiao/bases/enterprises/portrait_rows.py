"""Rows of portraits as the database keeps them, made of what was taken out of the lake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rongqiao.bases.enterprises.cells import OK, indicator_cells, series_cells
from rongqiao.bases.enterprises.layouts import declared_layouts
from rongqiao.bases.enterprises.packing import pack_text
from rongqiao.indicators.registry import load_indicators
from rongqiao.lake.engine import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from duckdb import DuckDBPyConnection

    from rongqiao.bases.enterprises.extraction import Extraction

#: Columns in the order of the rows, with their types.
COLUMNS = {
    "enterprise_id": "varchar",
    "region_code": "varchar",
    "as_of": "int4",
    "known_at": "date",
    "indicators": "bytea",
    "facts": "bytea",
    "series": "bytea",
    "events": "bytea",
    "tags": "bytea",
    "relations": "bytea",
    "score": "float8",
    "grade": "varchar",
    "default_probability": "float8",
    "coverage_ratio": "float8",
    "reasons": "bytea",
    "model": "varchar",
    "publication": "int4",
}
#: Shown in the place of a character that PostgreSQL cannot hold.
NUL = "'␀'"


def without_nul(connection: DuckDBPyConnection, query: str) -> tuple[str, list[str]]:
    """Give the query without the one character that PostgreSQL cannot hold, and its columns.

    One in one department's file would keep everybody's news from the pages.
    """
    types = {row[0]: row[1] for row in connection.execute(f"DESCRIBE {query}").fetchall()}
    listed = ", ".join(
        f"replace(replace({quote(name)}, chr(0), {NUL}), '\\u0000', {NUL}) AS {quote(name)}"
        if kind in ("VARCHAR", "JSON")
        else quote(name)
        for name, kind in types.items()
    )
    return f"SELECT {listed} FROM ({query})", list(types)  # noqa: S608


def portrait_rows(taken: Extraction, *, publication: int) -> Iterator[tuple[Any, ...]]:
    """Yield a row of :data:`COLUMNS` per enterprise that was taken, in the order of codes."""
    query, _ = without_nul(taken.connection, taken.portraits())
    read = taken.connection.execute(query).to_arrow_table()
    words = {name: read.column(name).to_pylist() for name in read.column_names}
    (values, statuses), (months, reported) = indicator_cells(taken), series_cells(taken)
    computed = len(taken.computed() & set(load_indicators()))
    known = ((statuses == OK).sum(axis=1) / max(computed, 1)).tolist()
    of_indicators, of_series = declared_layouts()
    packed = zip(
        of_indicators.pack(values, statuses, taken.as_of),
        of_series.pack(months, reported, taken.as_of),
        strict=True,
    )
    for place, (indicators, series) in enumerate(packed):
        row = {name: column[place] for name, column in words.items()}
        texts = ("facts", "events", "tags", "relations", "reasons")
        row |= {name: pack_text(row[name]) if row[name] else b"" for name in texts}
        if row["coverage_ratio"] is None:
            row["coverage_ratio"] = known[place]
        row |= {"as_of": taken.as_of, "known_at": taken.known_at, "publication": publication}
        row |= {"indicators": indicators, "series": series}
        yield tuple(row[name] for name in COLUMNS)
