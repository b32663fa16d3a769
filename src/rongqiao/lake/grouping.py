"""Records of lake files by enterprise: all files of a table at once, range of enterprises by range, so that memory stays bounded."""

# ruff: noqa: S608  (names come from contracts of this repository and are quoted; values are bound)
from __future__ import annotations

import json
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING

import duckdb

from rongqiao.lake import engine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rongqiao.contracts.model import Contract

#: Records that the engine groups at a time.
RANGE_RECORDS = 1_000_000
_FETCHED = 20_000
#: Enterprises looked at to draw the borders of ranges, and records to learn what they have in common.
_SAMPLE, _EXAMPLES = 20_000, 64
_LINEAGE = ("enterprise_id", "known_at", "batch_id", "line", "ledger_index", "withdrawn")


class GroupedFiles:
    """Parquet files of one table, to be read by enterprise. Exact amounts and dates travel as text.

    Parameters
    ----------
    connection : DuckDBPyConnection
        Where it is read.
    uris : sequence of str
        Files; a column that one of them has not is null in its records.
    contract : Contract
        Of the table.

    Attributes
    ----------
    names : str
        JSON array of the columns, in the order of each record's values.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, uris: Sequence[str], contract: Contract
    ) -> None:
        self._connection = connection
        self._source = engine.files_sql(uris)
        described = connection.execute(f"DESCRIBE SELECT * FROM {self._source}").fetchall()
        types = {name: kind for name, kind, *_ in described}
        columns, fields = [], []
        for name in dict.fromkeys(each for each in (*contract.columns, *_LINEAGE) if each in types):
            quoted = engine.quote(name)
            as_text = types[name].startswith(("DECIMAL", "DATE", "TIMESTAMP"))
            columns.append(name)
            fields.append(f"CAST({quoted} AS VARCHAR)" if as_text else quoted)
        self.names = json.dumps(columns)
        self._packed = f"json_array({', '.join(fields)})"

    def examples(self) -> list[str]:
        """Return some records as JSON arrays, of different batches as far as there are."""
        query = f"""SELECT any_value(packed) FROM (SELECT batch_id, line % 8 AS place, {self._packed} AS packed FROM {self._source}
            WHERE line < 1000) GROUP BY batch_id, place ORDER BY place, batch_id LIMIT {_EXAMPLES}"""
        return [packed for (packed,) in self._connection.execute(query).fetchall()]

    def groups(self) -> Iterator[tuple[str, str]]:
        """Yield each enterprise once, in ascending order, with a JSON array of its records; without those of no enterprise."""
        for condition in self._ranges():
            found = self._connection.execute(
                f"""SELECT enterprise_id, '[' || string_agg({self._packed}, ',') || ']' FROM {self._source}
                WHERE {condition} GROUP BY enterprise_id ORDER BY enterprise_id"""
            )
            while rows := found.fetchmany(_FETCHED):
                yield from rows

    def _ranges(self) -> list[str]:
        counted = self._connection.execute(f"SELECT count(enterprise_id) FROM {self._source}").fetchone()
        wanted = -(-(counted[0] if counted else 0) // RANGE_RECORDS)
        if wanted <= 1:
            return ["enterprise_id IS NOT NULL"]
        drawn = self._connection.execute(
            f"""SELECT enterprise_id FROM (SELECT enterprise_id FROM {self._source} WHERE enterprise_id IS NOT NULL)
            USING SAMPLE reservoir({_SAMPLE} ROWS) REPEATABLE (1)"""
        ).fetchall()
        known = sorted(enterprise for (enterprise,) in drawn)
        starts = sorted({known[len(known) * n // wanted] for n in range(1, wanted)})
        borders = [engine.literal(each) for each in starts]
        return [
            f"enterprise_id < {borders[0]}",
            *(f"enterprise_id >= {lower} AND enterprise_id < {upper}" for lower, upper in pairwise(borders)),
            f"enterprise_id >= {borders[-1]}",
        ]


@contextmanager
def grouped(uris: Sequence[str], contract: Contract) -> Iterator[GroupedFiles]:
    """Open files to be read by enterprise."""
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET enable_progress_bar = false; SET parquet_metadata_cache = true")
        yield GroupedFiles(connection, uris, contract)
