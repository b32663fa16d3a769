"""How a delivered file is called: its day, an optional tag, and a suffix that a reader exists for."""

from __future__ import annotations

import datetime as dt
import re

from rongqiao.kernel.errors import InvalidValueError

#: Suffixes of files that collection can read; each may be compressed, save spreadsheets, which are already.
SUFFIXES = (".csv", ".xlsx", ".jsonl", ".csv.gz", ".jsonl.gz")
#: Suffixes of files that can be profiled, and brought into the form of a delivery.
SOURCE_SUFFIXES = (
    *SUFFIXES,
    *(f"{one}{packed}" for one in (".txt", ".tsv", ".json") for packed in ("", ".gz")),
    ".xls",
    ".parquet",
)
#: What names of regular deliveries match, for engines that search; :func:`read_name` gives them no tag.
REGULAR_NAME = r"^\d{4}-\d{2}-\d{2}\."
_NAME = re.compile(r"(\d{4}-\d{2}-\d{2})(?:_([^.]*))?(\..+)")


def suffix_of(name: str, suffixes: tuple[str, ...] = SUFFIXES) -> str:
    """Suffix of a file's name, in lower case, if it is among those that are read.

    Raises
    ------
    InvalidValueError
        If no reader exists for it.
    """
    lowered = name.lower()
    for suffix in sorted(suffixes, key=len, reverse=True):
        if lowered.endswith(suffix):
            return suffix
    raise InvalidValueError("文件类型", name, f"请上传 {'、'.join(suffixes)} 格式的文件。")


def name_delivery(day: dt.date, suffix: str, tag: str = "") -> str:
    """Name of a delivery: regular ones have no tag, corrections and parts carry one."""
    return f"{day.isoformat()}{f'_{tag}' if tag else ''}{suffix}"


def read_name(name: str) -> tuple[dt.date, str] | None:
    """Day and tag that a file's name states; ``None`` where it is not called like a delivery."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    try:
        return dt.date.fromisoformat(match[1]), match[2] or ""
    except ValueError:
        return None
