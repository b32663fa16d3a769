"""Rows as they were delivered, compressed in memory: all of them for a while, since any may yet go to quarantine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    import numpy.typing as npt


class KeptRows:
    """Tables of ``batch, line`` and strings, found again by batch and line."""

    def __init__(self) -> None:
        self._pieces: list[tuple[int, npt.NDArray[np.int32], pa.Buffer]] = []
        self._schema: pa.Schema | None = None

    def add(self, batch: int, rows: pa.Table) -> None:
        """Keep rows of one batch."""
        sink = pa.BufferOutputStream()
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with pa.ipc.new_stream(sink, rows.schema, options=options) as writer:
            writer.write_table(rows)
        lines: npt.NDArray[np.int32] = rows["line"].to_numpy()
        self._schema = rows.schema
        self._pieces.append((batch, lines, sink.getvalue()))

    def forget(self, batch: int) -> None:
        """Drop all rows of a batch."""
        self._pieces = [piece for piece in self._pieces if piece[0] != batch]

    def find(self, places: pa.Table) -> Any:
        """Give the kept rows that stand at the places.

        Parameters
        ----------
        places : pa.Table
            Columns ``batch`` and ``line``.

        Returns
        -------
        pa.Table or None
            In no promised order; ``None`` where nothing was ever kept.
        """
        if self._schema is None:
            return None
        batches, lines = places["batch"].to_numpy(), places["line"].to_numpy()
        found = []
        for batch, kept_lines, buffer in self._pieces:
            wanted = np.flatnonzero(np.isin(kept_lines, lines[batches == batch]))
            if len(wanted):
                found.append(pa.ipc.open_stream(buffer).read_all().take(pa.array(wanted)))
        return pa.concat_tables(found) if found else self._schema.empty_table()
