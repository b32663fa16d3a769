"""Any source as sheets of rows: text cells with the line each row stands on, one after the other, never the whole in memory.

A workbook has one sheet per worksheet, every other source has one. Workbooks and JSON documents are the exception to the rule on memory:
they cannot be read in part, so a size limit stands before them.
"""

from __future__ import annotations

import gzip
import io
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import pyarrow.parquet as pq
from python_calamine import CalamineError, CalamineWorkbook

from rongqiao.governance.discovery import records, texts
from rongqiao.governance.sources.blocks import DEFAULT_LIMITS, LimitError, Limits
from rongqiao.governance.sources.faults import fault_words
from rongqiao.governance.sources.legacy_workbooks import MAGIC, check_legacy_workbook, is_legacy
from rongqiao.governance.sources.workbooks import check_workbook
from rongqiao.kernel.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Bytes of a workbook or JSON document that may be opened at once.
LARGEST_WHOLE = 256 << 20
_BLANK = ""

Row = tuple[int, list[str]]


@dataclass(slots=True)
class Fault:
    """A line that is no row, and why."""

    line: int
    message: str
    value: str


@dataclass(slots=True)
class Faults:
    """Lines that are no rows: their number, and the first of them."""

    count: int = 0
    examples: list[Fault] = field(default_factory=list)

    def add(self, line: int, message: str, value: str) -> None:
        """Count one line; keep it as an example while there are few."""
        self.count += 1
        if len(self.examples) < 20:
            self.examples.append(Fault(line, message, value[:200]))


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table of a source.

    Parameters
    ----------
    name : str
        Name of the worksheet or table; empty where there is but one.
    form : str
        ``csv``, ``xlsx``, ``xls``, ``json``, ``jsonl``, ``parquet``, ``table`` or ``api``.
    encoding : str
        Of a text; else empty.
    read : callable
        Given where to report broken lines, yields the rows from the beginning.
    headers : tuple of str
        Names that the form itself declares (JSON keys, Parquet and table columns); empty where they stand in a row.
    titles : dict
        Header → Chinese title that the source itself gives, such as the comment of a database column.
    """

    name: str
    form: str
    encoding: str
    read: Callable[[Faults], Iterator[Row]]
    headers: tuple[str, ...] = ()
    titles: dict[str, str] = field(default_factory=dict)


def open_sheets(path: Path, limits: Limits = DEFAULT_LIMITS) -> list[Sheet]:
    """List the sheets of a file; rows are read when asked for.

    Parameters
    ----------
    path : Path
    limits : Limits
        What a workbook may not exceed.

    Raises
    ------
    InvalidValueError
        If no reader exists for the suffix, or the file cannot be opened; the error names it.
    """
    name = path.name.lower().removesuffix(".gz")
    suffix = Path(name).suffix
    if suffix not in _READERS:
        raise InvalidValueError(
            "数据源文件", path.name, f"请给出 {'、'.join(_READERS)} 文件（可用 .gz 压缩）。"
        )
    try:
        return _READERS[suffix](path, limits)
    except LimitError as error:
        raise InvalidValueError("数据源文件", path.name, f"文件未予接收：{error}。") from error
    except (OSError, EOFError, ValueError, CalamineError) as error:
        if isinstance(error, InvalidValueError):
            raise
        raise InvalidValueError(
            "数据源文件", path.name, f"文件无法打开（{fault_words(error)}），请重新导出。"
        ) from error


def open_stream(path: Path) -> IO[bytes]:
    """Open a file for reading, unpacked if it is compressed."""
    return cast("IO[bytes]", gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb"))


def _open_text(path: Path, _: Limits) -> list[Sheet]:
    with open_stream(path) as stream:
        form = texts.examine(stream)

    def read(faults: Faults) -> Iterator[Row]:
        with open_stream(path) as stream:
            yield from texts.read_rows(stream, form, faults.add)

    return [Sheet("", "csv", form.encoding, read)]


def _read_whole(path: Path) -> bytes:
    with open_stream(path) as stream:
        content = stream.read(LARGEST_WHOLE + 1)
    if len(content) > LARGEST_WHOLE:
        raise InvalidValueError(
            "数据源文件", path.name, f"超过 {LARGEST_WHOLE >> 20} MB，请改用 CSV、JSON 行或 Parquet 报送。"
        )
    return content


def _open_workbook(path: Path, limits: Limits) -> list[Sheet]:
    content = io.BytesIO(_read_whole(path))
    # Either form, or both: the reader looks at what is in a file, not at what it is called.
    if is_legacy(content.getvalue()[: len(MAGIC)]):
        check_legacy_workbook(content.getvalue(), limits)
    if zipfile.is_zipfile(content):
        check_workbook(content, limits)
    content.seek(0)
    book = CalamineWorkbook.from_filelike(content)
    form = "xls" if ".xls" in path.name.lower() and ".xlsx" not in path.name.lower() else "xlsx"
    return [
        Sheet(name, form, "", _worksheet_reader(book, name))
        for name in book.sheet_names
        if book.get_sheet_by_name(name).total_height
    ]


def _worksheet_reader(book: Any, name: str) -> Callable[[Faults], Iterator[Row]]:
    def read(_: Faults) -> Iterator[Row]:
        sheet = book.get_sheet_by_name(name)
        rows = sheet.to_python(skip_empty_area=False)
        _fill_merged(rows, sheet.merged_cell_ranges or ())
        for number, row in enumerate(rows, start=1):
            cells = [records.write_cell(cell) for cell in row]
            if any(cells):
                yield number, cells

    return read


def _fill_merged(rows: list[list[Any]], ranges: Any) -> None:
    """Give every cell of a merged area its value; titles over the whole width excepted, they are no group of columns."""
    width = max((len(row) for row in rows), default=0)
    for (top, left), (bottom, right) in ranges:
        if bottom >= len(rows) or right - left + 1 >= width > 1:
            continue
        value = rows[top][left]
        for row in rows[top : bottom + 1]:
            for column in range(left, min(right + 1, len(row))):
                row[column] = value


def _open_json(path: Path, _: Limits) -> list[Sheet]:
    found = records.find_records(_read_whole(path), path.name)
    headers = records.all_keys(found)
    return [
        Sheet("", "json", "utf-8", lambda _: records.to_rows(enumerate(found, start=1), headers), headers)
    ]


def _open_lines(path: Path, _: Limits) -> list[Sheet]:
    def parse(faults: Faults) -> Iterator[tuple[int, dict[str, str]]]:
        with open_stream(path) as stream:
            yield from records.read_lines(stream, faults.add)

    headers = records.all_keys(record for _, record in parse(Faults()))

    def read(faults: Faults) -> Iterator[Row]:
        return records.to_rows(parse(faults), headers)

    return [Sheet("", "jsonl", "utf-8", read, headers)]


def _open_parquet(path: Path, _: Limits) -> list[Sheet]:
    headers = tuple(pq.read_schema(path).names)

    def read(_: Faults) -> Iterator[Row]:
        line = 0
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(10_000):
                for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    line += 1
                    yield line, [records.write_cell(value) for value in row]

    return [Sheet("", "parquet", "", read, headers)]


_READERS: dict[str, Callable[[Path, Limits], list[Sheet]]] = {
    ".csv": _open_text,
    ".txt": _open_text,
    ".tsv": _open_text,
    ".xlsx": _open_workbook,
    ".xls": _open_workbook,
    ".json": _open_json,
    ".jsonl": _open_lines,
    ".parquet": _open_parquet,
}
