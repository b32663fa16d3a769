"""The spool: where rows of a run are written until the file is complete. Nothing in it counts before the state says so."""

from __future__ import annotations

import hashlib
import json
import os
from typing import IO, TYPE_CHECKING, Any

from rongqiao.governance.collectors.state import sync_folder, write_whole
from rongqiao.governance.collectors.watermarks import rank

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rongqiao.contracts.collectors import WatermarkKind

#: Bytes of a mark: enough that two rows share one in no source that exists.
MARK_BYTES = 16


class Spool:
    """Rows of one run as JSON lines, and beside them the mark of each row that was read, so that the next run knows it again.

    Parameters
    ----------
    folder : Path
        The collector's own.
    sequence : int
        Number of the delivery that is being written; marks are kept per delivery.
    origin : str
        What the run reads and from where on. A draft of the same origin that a killed run left is gone on with, any other is dropped.
    """

    def __init__(self, folder: Path, sequence: int, origin: str) -> None:
        self.folder = folder / "spool"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._known = _read_marks(folder / "spool" / f"marks-{sequence - 1:06}")
        self.sequence = sequence
        self._origin = hashlib.sha256(origin.encode()).hexdigest()
        self.rows = self.repeated = 0
        self.position: Any = None
        self.highest = ""
        self._rows_file: IO[bytes]
        self._marks_file: IO[bytes]
        self._open()

    @property
    def rows_path(self) -> Path:
        """Where the rows stand."""
        return self.folder / "rows.draft"

    def _open(self) -> None:
        try:
            left = json.loads((self.folder / "progress.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            left = {}
        marks_path = self.folder / "marks.draft"
        if left.get("origin") != self._origin or not (
            _has(self.rows_path, left["rows_bytes"]) and _has(marks_path, left["marks_bytes"])
        ):
            left = {"rows_bytes": 0, "marks_bytes": 0}
        self._rows_file = _reopen(self.rows_path, left["rows_bytes"])
        self._marks_file = _reopen(marks_path, left["marks_bytes"])
        self.rows, self.repeated = left.get("rows", 0), left.get("repeated", 0)
        self.position, self.highest = left.get("position"), left.get("highest", "")

    def restart(self) -> None:
        """Drop what was written: the source is read from the beginning of the run again."""
        self.close()
        (self.folder / "progress.json").unlink(missing_ok=True)
        self._open()

    def add(self, row: Mapping[str, str | None], watermark: str, kind: WatermarkKind) -> bool:
        """Write a row unless the very same one was delivered before; returns whether it was written."""
        line = json.dumps(row, ensure_ascii=False).encode() + b"\n"
        mark = hashlib.blake2b(watermark.encode() + b"\n" + line, digest_size=MARK_BYTES).hexdigest()
        if watermark:
            self._marks_file.write(f"{mark} {watermark}\n".encode())
            if not self.highest or rank(kind, watermark) > rank(kind, self.highest):
                self.highest = watermark
        if mark in self._known:
            self.repeated += 1
            return False
        self._rows_file.write(line)
        self.rows += 1
        return True

    def checkpoint(self, position: Any) -> None:
        """Note how far the source was read; a killed run goes on from here."""
        for file in (self._rows_file, self._marks_file):
            file.flush()
            os.fsync(file.fileno())
        left = {
            "origin": self._origin,
            "rows_bytes": self._rows_file.tell(),
            "marks_bytes": self._marks_file.tell(),
            "rows": self.rows,
            "repeated": self.repeated,
            "position": position,
            "highest": self.highest,
        }
        write_whole(self.folder / "progress.json", json.dumps(left))

    def complete(self, floor: str, kind: WatermarkKind) -> tuple[str, str]:
        """Close the file, keep the marks of rows that the next run will read again, and name the file and its digest.

        Parameters
        ----------
        floor : str
            Watermark from which the next run reads; marks before it are forgotten.

        Returns
        -------
        tuple of str
            Name in the spool, and SM3 digest.
        """
        self.checkpoint(self.position)
        self.close()
        self._keep_marks(floor, kind)
        with self.rows_path.open("rb") as file:
            digest = hashlib.file_digest(file, lambda: hashlib.new("sm3")).hexdigest()
        name = f"rows-{self.sequence:06}.jsonl"
        self.rows_path.replace(self.folder / name)
        sync_folder(self.folder)
        return name, digest

    def _keep_marks(self, floor: str, kind: WatermarkKind) -> None:
        least = rank(kind, floor) if floor else None
        kept = self.folder / f"marks-{self.sequence:06}"
        with (
            (self.folder / "marks.draft").open(encoding="utf-8") as source,
            kept.open("w", encoding="utf-8") as target,
        ):
            for line in source:
                if least is None or rank(kind, line[2 * MARK_BYTES + 1 : -1]) >= least:
                    target.write(line)
            target.flush()
            os.fsync(target.fileno())

    def forget(self) -> None:
        """Drop drafts, and marks of deliveries before the last; only once the state is on disk."""
        self.close()
        drop_drafts(self.folder.parent)
        for marks in self.folder.glob("marks-*"):
            if marks.name < f"marks-{self.sequence:06}":
                marks.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the files."""
        self._rows_file.close()
        self._marks_file.close()


def drop_drafts(folder: Path) -> None:
    """Remove what a run left unfinished in a collector's folder, once its delivery is committed."""
    for name in ("rows.draft", "marks.draft", "progress.json"):
        (folder / "spool" / name).unlink(missing_ok=True)


def _has(path: Path, size: int) -> bool:
    return path.exists() and path.stat().st_size >= size


def _reopen(path: Path, size: int) -> IO[bytes]:
    """Open a draft at the place that is known to be whole; what was written after it is cut off."""
    path.touch()
    file = path.open("r+b")
    file.truncate(size)
    file.seek(size)
    return file


def _read_marks(path: Path) -> set[str]:
    try:
        with path.open(encoding="utf-8") as file:
            return {line[: 2 * MARK_BYTES] for line in file}
    except FileNotFoundError:
        return set()
