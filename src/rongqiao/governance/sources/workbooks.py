"""What a workbook may make its reader hold: it is measured part by part before it is opened."""

from __future__ import annotations

import io
import re
import zipfile
from typing import IO, TYPE_CHECKING

from rongqiao.governance.sources.blocks import LimitError, check_inflation
from rongqiao.governance.sources.faults import UNREADABLE_WORKBOOK
from rongqiao.governance.sources.shared_strings import (
    SharedUse,
    check_repeated,
    expand_cells,
    measure_strings,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rongqiao.governance.sources.blocks import Limits

_PORTION = 1 << 20
#: Bytes carried over to the next portion, since a tag may lie across the cut.
_CARRIED = 1 << 16
_TAG = re.compile(
    rb"""<(?:[^\s<>/:=]+:)?(c|row)((?:\s+[^\s=<>/]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*(/?)>""",
)
_PLACE = re.compile(rb"""\sr\s*=\s*["']([A-Za-z]*)(\d*)["']""")
#: Tags as nearly all programs write them, which are taken together; and by how often these stand there, whether there are others.
_PLAIN = re.compile(rb"""<(?:c|row) r="([A-Z]{0,3})(\d{1,7})"(?: [A-Za-z0-9:.]+="[^"<>]*")*(/?)>""")
_BEGINNINGS = [
    b"%c%b%c" % (mark, kind, end) for mark in b"<:" for kind in (b"c", b"row") for end in b" \t\r\n\v\f/>"
]
#: Worksheets of other forms than XML, which the reader would open whatever the file is called.
_OTHER_FORMS = ("xl/workbook.bin", "content.xml")
_STRINGS = "xl/sharedstrings.xml"


def check_workbook(file: IO[bytes], limits: Limits) -> None:
    """Inflate every part once without keeping it, and measure its worksheets; what the archive says of itself need not be true.

    Parameters
    ----------
    file : binary file
        Seekable; stands at its beginning afterwards.
    limits : Limits

    Raises
    ------
    LimitError
        If it inflates beyond the limit, a worksheet reaches over more cells than allowed, filled or not, or text that is written once
        stands in so many cells that it would: the reader holds them all.
    ValueError
        If it is no workbook.
    """
    size = file.seek(0, io.SEEK_END)
    try:
        with zipfile.ZipFile(file) as archive:
            check_inflation(sum(part.file_size for part in archive.infolist()), size, limits)
            inflated, use = 0, SharedUse()
            for part in archive.infolist():
                if part.filename.lower() in _OTHER_FORMS:
                    raise ValueError("不是 xlsx 格式的工作表")
                extent = _Extent(limits)
                for data in _portions(archive, part):
                    inflated += len(data)
                    check_inflation(inflated, size, limits)
                    extent.add(data)
                    use.add(data)
                use.end_part()
            _check_strings(archive, use, size, limits)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise ValueError(UNREADABLE_WORKBOOK) from error
    file.seek(0)


def _portions(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(part) as opened:
        while data := opened.read(_PORTION):
            yield data


def _check_strings(archive: zipfile.ZipFile, use: SharedUse, size: int, limits: Limits) -> None:
    """Measure what the cells hold of shared strings, exactly only where it may be too much."""
    try:
        check_repeated(use.most, size, limits)
    except LimitError:
        parts = archive.infolist()
        tables = [
            measure_strings(_portions(archive, part)) for part in parts if part.filename.lower() == _STRINGS
        ]
        lengths: Sequence[int] = max(tables, key=len, default=[])
        cells = total = 0
        for part in parts:
            found = expand_cells(_portions(archive, part), lengths)
            cells, total = cells + found[0], total + found[1]
        # Cells written in another way than programs write them may hold the longest.
        check_repeated(total + max(use.cells - cells, 0) * use.longest, size, limits)


class _Extent:
    """The rectangle from A1 that a worksheet's filled cells span, as far as it was read. Cells may leave out where they stand."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._rest = b""
        self._row = self._column = 0
        self._rows = self._columns = 0

    def add(self, data: bytes) -> None:
        """Take in the next portion.

        Raises
        ------
        LimitError
            If the sheet spans more cells than allowed.
        """
        data = self._rest + data
        if not self._take_plain(data):
            self._take_any(data)
        if self._rows * self._columns > self._limits.sheet_cells:
            raise LimitError(
                "source.sheet_extent",
                f"工作表从 A1 延伸到第 {self._rows} 行、第 {self._columns} 列，超出 {self._limits.sheet_cells} 格的上限；"
                "请删去数据区以外的零星内容，或另存为 CSV",
            )

    def _take_plain(self, data: bytes) -> bool:
        """Take all tags at once where each is written as usual."""
        cut = data.rfind(b"<")
        whole = data[: max(cut, 0)]
        found = _PLAIN.findall(whole)
        if len(found) != sum(whole.count(beginning) for beginning in _BEGINNINGS):
            return False
        filled = {(letters, digits) for letters, digits, closed in found if letters and not closed}
        columns, rows = {letters for letters, _ in filled}, {digits for _, digits in filled}
        self._rows = max(self._rows, *map(int, rows), 0)
        self._columns = max(self._columns, *map(_column, columns), 0)
        for letters, digits, _ in reversed(found):
            if not letters:
                self._row = int(digits)
                break
        if found:
            self._column = _column(found[-1][0])
        self._rest = data[max(cut, 0) :][-_CARRIED:]
        return True

    def _take_any(self, data: bytes) -> None:
        """Take tag by tag, however they are written."""
        end = 0
        for tag in _TAG.finditer(data):
            end = tag.end()
            kind, attributes, closed = tag.groups()
            places = _PLACE.findall(attributes)
            if kind == b"row":
                self._row = max((int(digits or 0) for _, digits in places), default=self._row + 1)
                self._column = 0
                continue
            self._column = max((_column(letters) for letters, _ in places), default=self._column + 1)
            if not closed:
                row = max((int(digits or 0) for _, digits in places), default=self._row)
                self._rows, self._columns = max(self._rows, row), max(self._columns, self._column)
        self._rest = data[max(end, len(data) - _CARRIED) :]


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters[:8].upper():
        number = number * 26 + letter - 64
    return number
