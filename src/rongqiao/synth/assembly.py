"""Joins the blocks of a province: files grow block by block, and lines count through."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from rongqiao.synth.writer import compress

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Part:
    """What one block wrote.

    Attributes
    ----------
    folder : Path
        Holds the block's rows, one file per delivery; taken away once joined.
    rows, heads : dict
        As :class:`rongqiao.synth.writer.DeliveryWriter` counts and keeps them.
    truth : dict
        Name → table; lines of mistakes count from the block's first row.
    market : dict
        Name → records.
    """

    folder: Path
    rows: dict[str, int]
    heads: dict[str, bytes]
    truth: dict[str, pa.Table]
    market: dict[str, list[dict[str, Any]]]


class Assembly:
    """A province's ``deliveries/``, ``truth/`` and ``market/`` as they grow.

    Parameters
    ----------
    out : Path
        The province's folder.

    Attributes
    ----------
    rows, market : dict
        File → rows, and market file → lines, so far.
    dirty : int
        Planted mistakes so far.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self.rows: dict[str, int] = {}
        self.market: dict[str, int] = {}
        self.dirty = 0
        self._truth: dict[str, pq.ParquetWriter] = {}

    def add(self, part: Part) -> None:
        """Append a block's rows, and its truth with lines as they stand in the joined files."""
        before = {file: self._lines_before(file) for file in part.rows}
        for file in part.rows:
            self._append(file, part)
        shutil.rmtree(part.folder, ignore_errors=True)
        dirt = part.truth["dirt"]
        offsets = pa.array([before[file] for file in dirt["file"].to_pylist()], pa.int64())
        lines = pa.compute.add(dirt["line"].combine_chunks(), offsets)
        truth = {**part.truth, "dirt": dirt.set_column(dirt.column_names.index("line"), "line", lines)}
        self.dirty += dirt.num_rows
        for name, table in truth.items():
            if name not in self._truth:
                self._truth[name] = pq.ParquetWriter(self.out / "truth" / f"{name}.parquet", table.schema)
            self._truth[name].write_table(table)
        self.add_market(part.market)

    def _lines_before(self, file: str) -> int:
        """Lines that stand above a block's rows: the head, which JSON lines do not have, and earlier rows."""
        return self.rows.get(file, 0) + (".jsonl" not in file)

    def _append(self, file: str, part: Part) -> None:
        target = self.out / "deliveries" / file
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("ab") as joined, (part.folder / file).open("rb") as rows:
            head = part.heads[file]
            if file not in self.rows and head:
                joined.write(compress(head) if file.endswith(".gz") else head)
            shutil.copyfileobj(rows, joined, 1 << 20)
        self.rows[file] = self.rows.get(file, 0) + part.rows[file]

    def add_market(self, records: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Append records to the market's files."""
        for name, rows in records.items():
            with (self.out / "market" / f"{name}.jsonl").open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            self.market[name] = self.market.get(name, 0) + len(rows)

    def close(self) -> None:
        """Finish the truth's files."""
        for writer in self._truth.values():
            writer.close()
