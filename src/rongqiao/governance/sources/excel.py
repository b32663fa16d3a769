"""Excel workbooks: the first sheet, its first row with at least two filled cells as header."""

from __future__ import annotations

import datetime as dt
from typing import IO, TYPE_CHECKING

import pyarrow as pa
from python_calamine import CalamineError, CalamineWorkbook

from rongqiao.governance.batch import RawFile
from rongqiao.governance.sources.faults import UNREADABLE_WORKBOOK
from rongqiao.governance.sources.legacy_workbooks import MAGIC, is_legacy
from rongqiao.governance.sources.workbooks import check_workbook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rongqiao.governance.sources.blocks import Limits


def read(file: IO[bytes], limits: Limits) -> Iterator[RawFile]:
    """Read the first sheet in one piece; a row's line is its row number in the sheet. Empty rows are no rows.

    Raises
    ------
    ValueError
        If it is no workbook, has no header, or exceeds a limit.
    """
    # The reader would open one as such whatever else is in the file.
    if is_legacy(file.read(len(MAGIC))):
        raise ValueError("内容是旧版 xls 工作簿，请用 Excel 或 WPS 另存为 xlsx")
    check_workbook(file, limits)
    try:
        sheet = CalamineWorkbook.from_filelike(file).get_sheet_by_index(0)
    except (CalamineError, IndexError) as error:
        raise ValueError(UNREADABLE_WORKBOOK) from error
    rows = sheet.to_python(skip_empty_area=False)
    start = next((number for number, row in enumerate(rows) if sum(cell != "" for cell in row) >= 2), None)
    if start is None:
        raise ValueError("工作表没有表头")
    headers = tuple(_text(cell) or "" for cell in rows[start])
    filled = [
        (n, row) for n, row in enumerate(rows[start + 1 :], start + 2) if any(cell != "" for cell in row)
    ]
    columns = tuple(pa.array([_text(row[i]) for _, row in filled], pa.string()) for i in range(len(headers)))
    yield RawFile(headers, columns, pa.array([number for number, _ in filled], pa.int32()), (), "xlsx")


def _text(cell: object) -> str | None:
    """Write a cell as the clerk sees it: whole numbers without ``.0``, dates as ISO days."""
    if cell is None or cell == "":
        return None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat(sep=" ")
    if isinstance(cell, dt.date):
        return cell.isoformat()
    return str(cell)
