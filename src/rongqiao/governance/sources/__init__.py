"""Readers of departments' files: raw strings with their line numbers. Each row of a file is counted once."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

import pyarrow as pa

from rongqiao.governance.batch import Broken, RawFile
from rongqiao.governance.sources import csv, excel, jsonl

if TYPE_CHECKING:
    from collections.abc import Callable

READERS: dict[str, Callable[[bytes], RawFile]] = {
    ".csv": csv.read,
    ".xlsx": excel.read,
    ".jsonl": jsonl.read,
}


def is_readable(name: str) -> bool:
    """Whether a reader exists for a file of this name; ``.gz`` may follow the suffix."""
    return any(name.lower().removesuffix(".gz").endswith(suffix) for suffix in READERS)


def read(content: bytes, name: str) -> RawFile:
    """Read a file by its suffix.

    A file that cannot be opened at all yields no rows and one broken line 0, so that its loss is counted too.
    """
    lowered = name.lower()
    try:
        if lowered.endswith(".gz"):
            content = gzip.decompress(content)
            lowered = lowered.removesuffix(".gz")
        reader = next(reader for suffix, reader in READERS.items() if lowered.endswith(suffix))
        return reader(content)
    except (ValueError, OSError, EOFError, zlib.error) as error:
        broken = Broken(0, "source.unreadable", name, f"文件无法打开（{error}），请重新导出后再报送。")
        return RawFile((), (), pa.array([], pa.int32()), (broken,), "unknown")
