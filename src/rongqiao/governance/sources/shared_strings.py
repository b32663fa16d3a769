"""Text that a workbook writes once and many cells refer to: the reader holds a copy for every cell, so that a small file may become very much.

Layouts: ECMA-376 part 1, 18.4 for the shared strings of an xlsx; [MS-XLS] 2.4.265 and 2.5.293 for those of an xls, which records of a
limited size are cut into.
"""

from __future__ import annotations

import re
from array import array
from typing import TYPE_CHECKING

from rongqiao.governance.sources.blocks import LimitError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rongqiao.governance.sources.blocks import Limits

#: Bytes looked at again with the next portion, since what is looked for may lie across the cut.
_CARRIED = 256
_STRING = re.compile(rb"<(?:[^\s<>/:=]+:)?si[\s>/]")
_SHARED = re.compile(rb"""\st\s*=\s*["']s["']""")
_CELL = re.compile(rb"""\st\s*=\s*["']s["'][^<>]*>\s*<(?:[^\s<>/:=]+:)?v\s*>\s*(\d{1,9})\s*<""")
#: UTF-8 bytes that a character may become.
_CHARACTER_BYTES = 3


def check_repeated(expanded: int, size: int, limits: Limits) -> None:
    """Refuse a workbook whose cells would hold more text than the file can honestly stand for.

    Raises
    ------
    LimitError
        If it exceeds both limits on inflation.
    """
    if expanded > limits.inflation_free_bytes and expanded > limits.inflation_ratio * size:
        raise LimitError(
            "source.repeated_strings",
            f"文件 {size} 字节，同一段文字被大量单元格重复引用，展开后约 {expanded} 字节，超出 {limits.inflation_ratio} 倍的上限；"
            "请删去多余的重复内容后拆分上传，或另存为 CSV",
        )


def _new_matches(pattern: re.Pattern[bytes], portions: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Place in the whole and first group of every match, each once, however the portions are cut."""
    rest, begin, told = b"", 0, -1
    for portion in portions:
        data = rest + portion
        for match in pattern.finditer(data):
            if begin + match.start() > told:
                told = begin + match.start()
                yield told, match[1] if pattern.groups else b""
        rest = data[-_CARRIED:]
        begin += len(data) - len(rest)


class SharedUse:
    """How many cells of an xlsx refer to shared strings, and how long the longest string is, as far as its parts were read."""

    def __init__(self) -> None:
        self.cells = 0
        self.longest = 0
        self._rest = b""
        self._begin = self._counted = 0
        self._string: int | None = None

    def add(self, data: bytes) -> None:
        """Take in the next portion of a part."""
        data = self._rest + data
        base = self._begin
        self.cells += sum(base + found.end() > self._counted for found in _SHARED.finditer(data))
        for found in _STRING.finditer(data):
            self._end_string(base + found.start())
        self._counted = base + len(data)
        self._rest = data[-_CARRIED:]
        self._begin = self._counted - len(self._rest)

    def end_part(self) -> None:
        """Close a part: the next begins anew."""
        if self._string is not None:
            self._end_string(self._counted)
        self._rest = b""
        self._begin = self._counted = 0
        self._string = None

    @property
    def most(self) -> int:
        """Bytes that the cells hold at most."""
        return self.cells * self.longest

    def _end_string(self, place: int) -> None:
        begun = place if self._string is None else self._string
        self.longest = max(self.longest, place - begun)
        self._string = max(begun, place)


def measure_strings(portions: Iterable[bytes]) -> array[int]:
    """Length of every shared string of an xlsx in bytes, its marks included, in the order in which cells refer to them."""
    lengths, last, end = array("L"), -1, 0

    def counted() -> Iterator[bytes]:
        nonlocal end
        for portion in portions:
            end += len(portion)
            yield portion

    for place, _ in _new_matches(_STRING, counted()):
        if last >= 0:
            lengths.append(place - last)
        last = place
    if last >= 0:
        lengths.append(end - last)
    return lengths


def expand_cells(portions: Iterable[bytes], lengths: Sequence[int]) -> tuple[int, int]:
    """Cells of an xlsx part that name a shared string, and the bytes they hold together."""
    cells = total = 0
    for _, place in _new_matches(_CELL, portions):
        cells += 1
        number = int(place)
        total += lengths[number] if number < len(lengths) else 0
    return cells, total


def measure_table(segments: Sequence[bytes]) -> list[int]:
    """Length of every string of an xls in bytes at most, in the order in which cells refer to them.

    Parameters
    ----------
    segments : sequence of bytes
        Data of the table's record and of those that continue it.

    Notes
    -----
    A string that cannot be followed to its end ends the list.
    """
    reader = _Table(segments)
    lengths: list[int] = []
    while (length := reader.take_string()) is not None:
        lengths.append(length * _CHARACTER_BYTES)
    return lengths


class _Table:
    """Strings of an xls one after the other; characters go on in the next record behind a byte that says their width anew."""

    def __init__(self, segments: Sequence[bytes]) -> None:
        self._segments = segments
        self._number, self._at = 0, 8

    def take_string(self) -> int | None:
        """Pass over the next string and give its characters; ``None`` where there is none that is whole."""
        head = self._take(3)
        if head is None:
            return None
        count, flags = int.from_bytes(head[:2], "little"), head[2]
        runs = self._take(2) if flags & 8 else b""
        extended = self._take(4) if flags & 4 else b""
        if runs is None or extended is None:
            return None
        after = 4 * int.from_bytes(runs, "little") + int.from_bytes(extended, "little")
        return count if self._skip_characters(count, flags) and self._skip(after) else None

    def _skip_characters(self, count: int, flags: int) -> bool:
        while True:
            width = 2 if flags & 1 else 1
            here = min(count, self._left // width)
            self._at += here * width
            count -= here
            if not count:
                return True
            if not self._next() or not self._left:
                return False
            flags = self._segments[self._number][0]
            self._at = 1

    def _take(self, count: int) -> bytes | None:
        if not self._left and not self._next():
            return None
        found = self._segments[self._number][self._at : self._at + count]
        self._at += count
        return found if len(found) == count else None

    def _skip(self, count: int) -> bool:
        while count > self._left:
            count -= self._left
            if not self._next():
                return False
        self._at += count
        return True

    @property
    def _left(self) -> int:
        if self._number >= len(self._segments):
            return 0
        return max(len(self._segments[self._number]) - self._at, 0)

    def _next(self) -> bool:
        self._number, self._at = self._number + 1, 0
        return self._number < len(self._segments)
