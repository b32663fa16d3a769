"""Rows as they were delivered, in memory: all of them for a while, since any may yet go to quarantine."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa


class KeptRows:
    """Tables of ``batch, line`` and strings, found again by batch and line."""

    def __init__(self) -> None:
        self._pieces: list[tuple[int, pa.Table]] = []

    def add(self, batch: int, rows: pa.Table) -> None:
        """Keep rows of one batch."""
        self._pieces.append((batch, rows))

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
