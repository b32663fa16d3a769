"""Rows as they were delivered: all of them for a while, since any may yet go to quarantine."""

from __future__ import annotations

import os
import tempfile
from typing import Any

import numpy as np
import pyarrow as pa

#: What is kept in memory; the rest stands in files without a name, which are gone when nobody needs them any more.
KEPT_BYTES = 768 << 20


class KeptRows:
    """Tables of ``batch, line`` and strings, found again by batch and line."""

    def __init__(self) -> None:
        self._pieces: list[tuple[int, pa.Table]] = []
        self._bytes = 0

    def add(self, batch: int, rows: pa.Table) -> None:
        """Keep rows of one batch."""
        self._bytes += rows.nbytes
        self._pieces.append((batch, rows if self._bytes <= KEPT_BYTES else _lay_aside(rows)))

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
        if not self._pieces:
            return None
        batches, lines = places["batch"].to_numpy(), places["line"].to_numpy()
        found = []
        for batch, rows in self._pieces:
            wanted = np.flatnonzero(np.isin(rows["line"].to_numpy(), lines[batches == batch]))
            found.append(rows.take(pa.array(wanted)))
        return pa.concat_tables(found)


def _lay_aside(rows: pa.Table) -> pa.Table:
    """Write rows to a file, and give them as mapped from there."""
    handle, path = tempfile.mkstemp(suffix=".arrow")
    os.close(handle)
    try:
        with pa.ipc.new_file(path, rows.schema) as file:
            file.write_table(rows)
        return pa.ipc.open_file(pa.memory_map(path)).read_all()
    finally:
        os.unlink(path)
