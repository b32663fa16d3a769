"""What an old workbook (.xls) may make its reader hold: its records are measured before it is opened, since the reader lays out all sheets at once.

Layouts: [MS-CFB] for the compound file, of which the workbook is one stream; [MS-XLS] 2.1.4 for the records in it, each a type, a length and
its data.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from rongqiao.governance.sources.blocks import LimitError
from rongqiao.governance.sources.faults import UNREADABLE_WORKBOOK
from rongqiao.governance.sources.shared_strings import check_repeated, measure_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rongqiao.governance.sources.blocks import Limits

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
#: Sector numbers from here on end a chain or mark free space.
_NO_SECTOR = 0xFFFFFFFA
_STREAMS = ("workbook", "book")
_SHEET, _END, _DIMENSIONS, _MULTIPLE = 0x0085, 0x000A, (0x0000, 0x0200), (0x00BD, 0x00BE)
#: Strings that cells share, what goes on with a record that was too long, and a cell that names such a string.
_TABLE, _CONTINUED, _SHARED = 0x00FC, 0x003C, 0x00FD
#: Records that begin with row and column: numbers, labels, results and formulas of all editions, blanks.
_CELLS = frozenset(
    (
        *(0x0001, 0x0002, 0x0003, 0x0004, 0x0005, 0x0006, 0x00BD, 0x00BE, 0x00D6, 0x00FD),
        *(0x0201, 0x0203, 0x0204, 0x0205, 0x0206, 0x027E, 0x0406),
    )
)


def is_legacy(content: bytes) -> bool:
    """Whether a file is of the old form by its first bytes, whatever it is called."""
    return content.startswith(MAGIC)


def check_legacy_workbook(content: bytes, limits: Limits) -> None:
    """Measure every sheet of an old workbook.

    Parameters
    ----------
    content : bytes
        The whole file.
    limits : Limits

    Raises
    ------
    LimitError
        If a sheet declares more cells than allowed, the filled ones of all sheets span more, sheets overlap, or cells together hold more text
        than such a file can: the reader holds it all.
    ValueError
        If it is no such workbook.
    """
    try:
        streams = list(_workbook_streams(content))
        if not streams:
            raise ValueError("不是可读的 xls 工作簿：里面没有工作簿")
        for stream in streams:
            _check_stream(stream, limits)
            check_repeated(_measure_text(stream), len(content), limits)
    except (struct.error, IndexError) as error:
        raise ValueError(UNREADABLE_WORKBOOK) from error


def _check_stream(stream: bytes, limits: Limits) -> None:
    cells = scanned = 0
    for start in _sheet_starts(stream):
        rows, columns, declared, end = _measure(stream, start)
        cells += rows * columns
        scanned += end - start
        if max(cells, declared) > limits.sheet_cells:
            raise LimitError(
                "source.sheet_extent",
                f"工作表从 A1 延伸到第 {rows} 行、第 {columns} 列，声明 {declared} 格，各表合计 {cells} 格，超出 {limits.sheet_cells} 格的上限；"
                "请删去数据区以外的零星内容，或另存为 CSV",
            )
        if scanned > len(stream):
            raise LimitError(
                "source.sheet_extent",
                "各工作表的内容相互重叠，不是正常导出的 xls 文件；请重新导出，或另存为 CSV",
            )


def _measure_text(stream: bytes) -> int:
    """Bytes at most that all cells hold of the strings they share."""
    segments: list[bytes] = []
    cells: list[int] = []
    last = None
    for kind, at, length in _records(stream, 0):
        if kind == _TABLE or (kind == _CONTINUED and last == _TABLE):
            segments.append(stream[at : at + length])
            last = _TABLE
            continue
        last = kind
        if kind == _SHARED and length >= 10 and at + 10 <= len(stream):
            cells.append(struct.unpack_from("<I", stream, at + 6)[0])
    lengths = measure_table(segments)
    # A string that could not be followed may be as long as all of them.
    unknown = sum(map(len, segments))
    return sum(lengths[cell] if cell < len(lengths) else unknown for cell in cells)


def _records(stream: bytes, start: int) -> Iterator[tuple[int, int, int]]:
    """Yield type, place of the data and length of each record, to the end of the stream."""
    place, last = start, len(stream) - 4
    read = struct.Struct("<HH").unpack_from
    while 0 <= place <= last:
        kind, length = read(stream, place)
        yield kind, place + 4, length
        place += 4 + length


def _sheet_starts(stream: bytes) -> list[int]:
    """Where the sheets begin, as the records before them say."""
    starts = []
    for kind, at, length in _records(stream, 0):
        if kind == _END:
            break
        if kind == _SHEET and length >= 4:
            starts.append(struct.unpack_from("<I", stream, at)[0])
    return starts


def _measure(stream: bytes, start: int) -> tuple[int, int, int, int]:
    """Rows and columns from A1 to the last cell of a sheet, cells that it declares, and where it ends."""
    rows = columns = declared = 0
    end = start
    read = struct.Struct("<HH").unpack_from
    for kind, at, length in _records(stream, start):
        end = at + length
        if kind == _END:
            break
        if kind in _DIMENSIONS:
            declared = max(declared, _declared(stream, at, length))
        elif kind in _CELLS and length >= 4 and end <= len(stream):
            row, column = read(stream, at)
            if kind in _MULTIPLE:
                column = struct.unpack_from("<H", stream, end - 2)[0]
            rows, columns = max(rows, row + 1), max(columns, column + 1)
    return rows, columns, declared, end


def _declared(stream: bytes, at: int, length: int) -> int:
    """Cells between the first and the last row and column that a sheet declares."""
    if length < 8 or at + length > len(stream):
        return 0
    first, last, left, right = struct.unpack_from("<IIHH" if length >= 12 else "<HHHH", stream, at)
    return int(max(last - first, 0) * max(right - left, 0))


# -- the compound file -----------------------------------------------------------------------------------------------


class _Compound:
    """Sectors of a compound file and how they follow each other. Chains are cut where they would come back to themselves."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        shift, small_shift = struct.unpack_from("<HH", content, 30)
        if shift not in (9, 12) or small_shift != 6:
            raise ValueError("不是可读的 xls 工作簿：扇区大小不合规范")
        self.size = 1 << shift
        self.cutoff = struct.unpack_from("<I", content, 56)[0]
        self._next = self._table(list(self._table_sectors()))
        self._small_next = self._table(self._chain(struct.unpack_from("<I", content, 60)[0], self._next))

    def _sector(self, number: int) -> bytes:
        begin = (number + 1) * self.size
        return self._content[begin : begin + self.size]

    def _table_sectors(self) -> Iterator[int]:
        """Sectors of the allocation table: the first 109 are named in the header, the others in sectors that name the next."""
        yield from self._named(struct.unpack_from("<109I", self._content, 76))
        number, seen = struct.unpack_from("<I", self._content, 68)[0], set[int]()
        while number < _NO_SECTOR and number not in seen:
            seen.add(number)
            named = struct.unpack(f"<{self.size // 4}I", self._sector(number))
            yield from self._named(named[:-1])
            number = named[-1]

    @staticmethod
    def _named(numbers: tuple[int, ...]) -> Iterator[int]:
        return (number for number in numbers if number < _NO_SECTOR)

    def _table(self, sectors: list[int]) -> list[int]:
        most = len(self._content) // self.size + 1
        data = b"".join(self._sector(number) for number in sectors[:most])
        return list(struct.unpack(f"<{len(data) // 4}I", data[: len(data) // 4 * 4]))

    @staticmethod
    def _chain(start: int, following: list[int]) -> list[int]:
        found: list[int] = []
        number = start
        while number < len(following) and len(found) <= len(following):
            found.append(number)
            number = following[number]
        return found

    def read(self, start: int, size: int) -> bytes:
        """Bytes of a stream that lies in sectors of its own."""
        return b"".join(map(self._sector, self._chain(start, self._next)))[:size]

    def read_small(self, start: int, size: int, container: bytes) -> bytes:
        """Bytes of a short stream, which lies in the container of short streams."""
        parts = (container[number * 64 : number * 64 + 64] for number in self._chain(start, self._small_next))
        return b"".join(parts)[:size]


def _workbook_streams(content: bytes) -> Iterator[bytes]:
    """Yield the streams that a reader may take for the workbook."""
    compound = _Compound(content)
    directory = compound.read(struct.unpack_from("<I", content, 48)[0], len(content))
    container: bytes | None = None
    for place in range(0, len(directory) - 127, 128):
        entry = directory[place : place + 128]
        length = struct.unpack_from("<H", entry, 64)[0]
        name = entry[: max(length - 2, 0)].decode("utf-16-le", errors="replace").lower()
        start, size = struct.unpack_from("<IQ", entry, 116)
        # Of files with short sectors only the lower half of the size counts.
        size = size & 0xFFFFFFFF if compound.size == 512 else size
        if container is None:
            container = compound.read(start, size)
        elif name in _STREAMS:
            is_small = size < compound.cutoff
            yield compound.read_small(start, size, container) if is_small else compound.read(start, size)
