"""What was found of the enterprises that have a row; laid out by id, it serves whoever computes some of them later."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.ipc

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rongqiao.indicators.population import Population

ID = "enterprise_id"
#: Of each enterprise, how many of everybody come before it.
PLACE = "place"
#: Rows of a file that are read together, and what tells the first enterprise of each.
BATCH_ROWS, STARTS = 65_536, b"starts"


@dataclass(frozen=True, slots=True)
class Found:
    """What was found of the enterprises that have a row, most of which have none in most sources.

    Parameters
    ----------
    places : array of int
        Enterprises, each once.
    columns : dict
        Name → value of each; NaN for null.
    """

    places: npt.NDArray[Any]
    columns: dict[str, npt.NDArray[np.float64]]

    def beside(self, other: Found) -> Found:
        """Put columns of both side by side; null where an enterprise is in one of them only."""
        places = np.union1d(self.places, other.places)
        columns = {}
        for part in (self, other):
            rows = np.searchsorted(places, part.places)
            for name, values in part.columns.items():
                columns[name] = np.full(len(places), np.nan)
                columns[name][rows] = values
        return Found(places, columns)

    def named(self, population: Population) -> pa.Table:
        """Lay out by id: ``enterprise_id`` in order, ``place`` where the population has its own among everybody, and the columns."""
        order = np.argsort(self.places)
        places = self.places[order]
        ids = {ID: population.enterprise_ids.take(pa.array(places))}
        if population.first is not None:
            ids[PLACE] = pa.array(places + population.first, pa.int32())
        return pa.table({**ids, **{name: values[order] for name, values in self.columns.items()}})


def comparable(ids: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.bytes_]:
    """Ids as numpy compares them fast, in the order in which the engine puts them."""
    return np.asarray(ids.cast(pa.binary()).to_pylist(), dtype=np.bytes_)


def placed(
    rows: pa.Table, population: Population, ids: Callable[[], npt.NDArray[np.bytes_]] | None = None
) -> Found:
    """Take what was found of some enterprises, as :meth:`Found.named` laid it out, for others in the order of their ids.

    Parameters
    ----------
    rows : pa.Table
    population : Population
        At least one.
    ids : callable or None
        Gives their ids as `comparable`, where somebody has them already.
    """
    if PLACE in rows.column_names and population.first is not None:
        own = rows.column(PLACE).to_numpy() - population.first
        start, end = np.searchsorted(own, [0, len(population)])
        part, places = rows.slice(start, end - start), own[start:end]
        held, asked = part.column(ID), population.enterprise_ids
        # Both are in order, and nobody leaves a register: where the first and the last are the same, nobody has come between them since.
        if len(places) and all(held[end] == asked[int(places[end])] for end in (0, -1)):
            return Found(places, _columns(part))
    return _sought(rows, ids() if ids else comparable(population.enterprise_ids))


def _sought(rows: pa.Table, ids: npt.NDArray[np.bytes_]) -> Found:
    held = rows.column(ID)
    first, last = ids[0].decode(), ids[-1].decode()
    start = bisect_left(held, first, key=_text)
    rows = rows.slice(start, bisect_right(held, last, key=_text) - start)
    own = comparable(rows.column(ID))
    places = np.searchsorted(ids, own)
    is_among = ids[places] == own
    columns = {name: values[is_among] for name, values in _columns(rows).items()}
    return Found(places[is_among], columns)


def _columns(rows: pa.Table) -> dict[str, npt.NDArray[np.float64]]:
    return {name: rows.column(name).to_numpy() for name in rows.column_names if name not in (ID, PLACE)}


def _text(value: pa.StringScalar) -> str:
    return str(value.as_py())


def write_found(rows: pa.Table, file: Path) -> None:
    """Write what was found so that :func:`read_found` reads no more of it than is used."""
    starts = rows.column(ID).take(pa.array(range(0, rows.num_rows, BATCH_ROWS), pa.int64())).to_pylist()
    schema = rows.schema.with_metadata({STARTS: json.dumps(starts)})
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for start in range(0, rows.num_rows, BATCH_ROWS):
            part = rows.slice(start, BATCH_ROWS).combine_chunks()
            writer.write_table(part.replace_schema_metadata(schema.metadata))


def read_found(file: Path, first: str, last: str) -> pa.Table:
    """Read of what :func:`write_found` wrote as much as has enterprises from the first to the last.

    The file is not mapped into memory: what was read of a map for one span would count as held until all are computed.
    """
    with pa.OSFile(str(file), "rb") as source, pa.ipc.open_file(source) as found:
        starts = json.loads(found.schema.metadata[STARTS])
        wanted = range(max(bisect_right(starts, first) - 1, 0), bisect_right(starts, last))
        return pa.Table.from_batches([found.get_batch(number) for number in wanted], found.schema)
