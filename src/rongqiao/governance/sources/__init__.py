"""Readers of departments' files: raw strings with their line numbers, piece by piece. Each row of a file is counted once."""

from __future__ import annotations

import io
import zlib
from typing import IO, TYPE_CHECKING

import pyarrow as pa
from isal import igzip, isal_zlib

from rongqiao.governance.batch import Broken, RawFile
from rongqiao.governance.sources import csv, excel, jsonl
from rongqiao.governance.sources.blocks import (
    DEFAULT_LIMITS,
    Inflated,
    LimitError,
    Limits,
    cut,
    joined,
    limits_on,
)
from rongqiao.governance.sources.faults import fault_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["DEFAULT_LIMITS", "READERS", "Limits", "is_readable", "limits_on", "read", "read_pieces"]

READERS: dict[str, Callable[[IO[bytes], Limits], Iterator[RawFile]]] = {
    ".csv": lambda file, limits: csv.read_blocks(cut(file, limits), limits),
    ".xlsx": excel.read,
    ".jsonl": lambda file, limits: jsonl.read_blocks(cut(file, limits)),
}
#: What readers raise of files that are not what their suffix says; the last is declared as a value by its library.
_FAULTS: tuple[type[Exception], ...] = (
    ValueError,
    OSError,
    EOFError,
    RecursionError,
    zlib.error,
    isal_zlib.IsalError,  # type: ignore[assignment]
)


def is_readable(name: str) -> bool:
    """Whether a reader exists for a file of this name; ``.gz`` may follow the suffix."""
    return any(name.lower().removesuffix(".gz").endswith(suffix) for suffix in READERS)


def read_pieces(file: IO[bytes], name: str, limits: Limits = DEFAULT_LIMITS) -> Iterator[RawFile]:
    """Read a file by its suffix, a piece at a time, so that memory does not grow with its size.

    Parameters
    ----------
    file : binary file
        Open at its beginning, and seekable.
    name : str
        Gives the suffix.
    limits : Limits
        What a file may not exceed.

    Yields
    ------
    RawFile
        Pieces in the order of the file. A file that cannot be read to its end, or exceeds a limit, ends in a piece ``is_lost`` with
        one broken line 0, so that its loss is counted too.
    """
    lowered = name.lower()
    suffix = lowered.removesuffix(".gz")
    reader = next(reader for ending, reader in READERS.items() if suffix.endswith(ending))
    try:
        if lowered.endswith(".gz"):
            size = file.seek(0, io.SEEK_END)
            file.seek(0)
            file = Inflated(igzip.open(file, "rb"), size, limits)  # type: ignore[assignment]
        yield from reader(file, limits)
    except _FAULTS as error:
        yield _lost(name, error)


def _lost(name: str, error: Exception) -> RawFile:
    rule_id, message = "source.unreadable", f"文件无法打开（{fault_words(error)}），请重新导出后再报送。"
    if isinstance(error, LimitError):
        rule_id, message = error.rule_id, f"文件未予接收：{error}。"
    broken = Broken(0, rule_id, name, message)
    return RawFile((), (), pa.array([], pa.int32()), (broken,), "unknown", is_lost=True)


def read(content: bytes, name: str, limits: Limits = DEFAULT_LIMITS) -> RawFile:
    """Read a small file whole; see `read_pieces`."""
    pieces = list(read_pieces(io.BytesIO(content), name, limits))
    if pieces[-1].is_lost or len(pieces) == 1:
        return pieces[-1]
    return joined(pieces)
