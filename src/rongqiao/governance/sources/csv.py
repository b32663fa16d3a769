"""CSV in UTF-8 (with or without mark) or GB18030: strict decoding, and every broken line by its number."""

from __future__ import annotations

import codecs
import csv
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from rongqiao.governance.batch import Broken, RawFile
from rongqiao.governance.sources.blocks import Block, is_utf8, too_long

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import numpy.typing as npt

    from rongqiao.governance.sources.blocks import Limits

#: A quoted field that runs on for more lines than this is taken for a stray quotation mark.
LONGEST_FIELD = 20
UTF8, UTF8_WITH_FAULTS, GB = "utf-8-sig", "utf-8", "gb18030"
_MARK = b"\xef\xbb\xbf"
_FEED, _RETURN = ord("\n"), ord("\r")


def read_blocks(blocks: Iterable[Block], limits: Limits) -> Iterator[RawFile]:
    """Read CSV; line 1 is the header. Blank lines are no rows.

    Notes
    -----
    Most blocks are read by Arrow in one go. A block that holds what Arrow would silently read otherwise (stray quotation marks, fields
    over several lines, bytes of another encoding) is read line by line.

    Raises
    ------
    ValueError
        If there is no header, or it cannot be decoded.
    """
    headers: tuple[str, ...] = ()
    encoding = ""
    carried = b""
    for block in blocks:
        content = carried + block.content
        first_line = block.first_line - carried.count(b"\n")
        if first_line == 1:
            encoding = UTF8 if content.startswith(_MARK) else ""
            content = content.removeprefix(_MARK)
        encoding = encoding or ("" if content.isascii() else _guess(content))
        if first_line == 1:
            headers, content, first_line = _take_headers(content, encoding or UTF8)
        lines = _Lines(headers, encoding or UTF8, first_line, content, is_last=block.is_last)
        read = _read_plain(lines, limits)
        carried = b""
        if read is None:
            read, carried = _read_carefully(lines, limits)
        broken = sorted((*block.broken, *read.broken), key=lambda fault: fault.line)
        yield RawFile(read.headers, read.columns, read.lines, tuple(broken), read.encoding)


@dataclass(frozen=True, slots=True)
class _Lines:
    """Lines below the header, as bytes in the file's encoding."""

    headers: tuple[str, ...]
    encoding: str
    first_line: int
    content: bytes
    is_last: bool


def _guess(content: bytes) -> str:
    """Find the encoding.

    Text in GB18030 is next to never valid UTF-8, so a file most of whose non-ASCII lines are valid UTF-8 is UTF-8.
    """
    for name in (UTF8, GB):
        if _decodes(content, name):
            return name
    foreign = [line for line in content.split(b"\n") if not line.isascii()]
    is_utf8 = 2 * sum(_decodes(line, UTF8) for line in foreign) > len(foreign)
    return UTF8_WITH_FAULTS if is_utf8 else GB


def _take_headers(content: bytes, encoding: str) -> tuple[tuple[str, ...], bytes, int]:
    """Split off the header: its fields, the rest, and the line the rest begins on."""
    head, _, body = content.partition(b"\n")
    try:
        text = head.decode(encoding).rstrip("\r")
    except UnicodeDecodeError:
        raise ValueError(f"表头不能按 {encoding} 解码") from None
    if not text.strip():
        raise ValueError("首行没有表头")
    return tuple(_split(text)), body, 2


def _decodes(content: bytes, encoding: str) -> bool:
    if encoding == UTF8:
        return is_utf8(content)
    decoder = codecs.getincrementaldecoder(encoding)()
    view = memoryview(content)
    try:
        for start in range(0, len(view), 8 << 20):
            decoder.decode(view[start : start + (8 << 20)])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _read_plain(lines: _Lines, limits: Limits) -> RawFile | None:
    """Read fast when each physical line is one row or one broken line; ``None`` where lines need care."""
    text = _to_utf8(lines)
    if text is None or len(lines.headers) < 2:
        return None
    signs = np.frombuffer(text, np.uint8)
    ends = np.flatnonzero(signs == _FEED)
    if _has_lone_returns(text, signs) or _has_odd_quotes(text, signs, ends):
        return None
    expected = len(ends) + (bool(text) and not text.endswith(b"\n"))
    if not expected:
        nothing = pa.array([], pa.string())
        columns = (nothing,) * len(lines.headers)
        return RawFile(lines.headers, columns, pa.array([], pa.int32()), (), lines.encoding)
    misfits: list[pa.csv.InvalidRow] = []

    def set_aside(row: pa.csv.InvalidRow) -> str:
        misfits.append(row)
        return "skip"

    table = _parse(text, len(lines.headers), set_aside, limits)
    if table is None or table.num_rows + len(misfits) != expected:
        return None
    first = lines.first_line
    broken = tuple(
        _wrong_width(row.number + first - 1, row.text, (row.expected_columns, row.actual_columns))
        for row in misfits
    )
    numbers = np.delete(
        np.arange(first, first + expected, dtype=np.int32), [row.number - 1 for row in misfits]
    )
    # Arrow reads a line with nothing on it as a row of blanks.
    blank = _blank_lines(signs, ends) + (first - 1) if _has_blank(table.column(0)) else ()
    if len(blank):
        is_row = ~np.isin(numbers, blank)
        table, numbers = table.filter(pa.array(is_row)), numbers[is_row]
    return RawFile(lines.headers, tuple(table.columns), pa.array(numbers), broken, lines.encoding)


def _wrong_width(number: int, line: str, widths: tuple[int, int]) -> Broken:
    return Broken(number, "source.field_count", line, f"应有 {widths[0]} 列，实有 {widths[1]} 列。")


def _parse(
    body: bytes, width: int, set_aside: Callable[[pa.csv.InvalidRow], str], limits: Limits
) -> pa.Table | None:
    """Read rows of strings; rows of another width are set aside. ``None`` where a line is longer than allowed."""
    names = [f"c{position}" for position in range(width)]
    try:
        return pa.csv.read_csv(
            pa.BufferReader(body),
            # One thread, so that what is set aside comes with the number of its line.
            read_options=pa.csv.ReadOptions(
                column_names=names, use_threads=False, block_size=limits.line_bytes
            ),
            parse_options=pa.csv.ParseOptions(ignore_empty_lines=False, invalid_row_handler=set_aside),
            # That all of it is UTF-8 is known by now.
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False, check_utf8=False
            ),
        )
    except pa.ArrowInvalid:
        return None


def _has_blank(column: pa.ChunkedArray) -> bool:
    return bool(pc.min(pc.binary_length(column)).as_py() == 0)


def _has_lone_returns(text: bytes, signs: npt.NDArray[np.uint8]) -> bool:
    """Whether a carriage return stands anywhere but before a line feed."""
    if b"\r" not in text:
        return False
    is_return = signs == _RETURN
    return bool(is_return[-1] or (is_return[:-1] & (signs[1:] != _FEED)).any())


def _blank_lines(signs: npt.NDArray[np.uint8], ends: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Numbers of lines with nothing on them, from 1; the lines end at the positions given."""
    lengths = np.diff(ends, prepend=-1) - 1
    is_return = signs[np.maximum(ends - 1, 0)] == _RETURN
    blank: npt.NDArray[np.int64] = np.flatnonzero((lengths == 0) | ((lengths == 1) & is_return)) + 1
    return blank


def _to_utf8(lines: _Lines) -> bytes | None:
    """Give the text in UTF-8; ``None`` where not every byte fits the encoding."""
    if lines.encoding != GB:
        return lines.content if is_utf8(lines.content) else None
    try:
        stream = pa.transcoding_input_stream(pa.BufferReader(lines.content), GB, "utf8")
        text: bytes = stream.read()
    except (UnicodeDecodeError, pa.ArrowInvalid):
        return None
    return text


def _has_odd_quotes(text: bytes, signs: npt.NDArray[np.uint8], ends: npt.NDArray[np.int64]) -> bool:
    """Whether any line holds an odd number of quotation marks: a stray one, or a field that goes on in the next line."""
    if b'"' not in text:
        return False
    line_of_quote = np.searchsorted(ends, np.flatnonzero(signs == ord('"')))
    return bool((np.unique(line_of_quote, return_counts=True)[1] % 2).any())


def _split(line: str) -> list[str]:
    return next(csv.reader([line]), []) if '"' in line else line.split(",")


def _read_carefully(lines: _Lines, limits: Limits) -> tuple[RawFile, bytes]:
    """Read line by line; a quoted field may span lines, a stray quotation mark swallows only its own.

    Returns
    -------
    tuple of RawFile and bytes
        What was read, and the last lines where a quoted field may go on in the next block.
    """
    raw = lines.content.split(b"\n")
    if raw and not raw[-1]:
        raw.pop()
    texts, faults = _decode_lines(raw, lines, limits)
    numbers: list[int] = []
    rows: list[list[str]] = []
    width = len(lines.headers)
    position = 0
    while position < len(texts):
        line, used = _logical_line(texts, position)
        number = position + lines.first_line
        is_open = line.count('"') % 2 == 1
        if is_open and not lines.is_last and position + LONGEST_FIELD > len(texts):
            break
        position += used
        if not line.strip() or number in faults:
            continue
        fields = _split(line)
        if is_open:
            faults[number] = Broken(number, "source.quote", line, "引号不成对，无法分列。")
        elif len(fields) != width:
            faults[number] = _wrong_width(number, line, (width, len(fields)))
        else:
            numbers.append(number)
            rows.append(fields)
    columns = list(zip_longest(*rows)) if rows else [() for _ in lines.headers]
    arrays = tuple(pa.array(column, pa.string()) for column in columns)
    end = position + lines.first_line
    broken = tuple(fault for fault in faults.values() if fault.line < end)
    read = RawFile(lines.headers, arrays, pa.array(numbers, pa.int32()), broken, lines.encoding)
    return read, b"".join(line + b"\n" for line in raw[position:])


def _decode_lines(raw: list[bytes], lines: _Lines, limits: Limits) -> tuple[list[str], dict[int, Broken]]:
    """Decode strictly; lines that do not decode, or are too long, are blanked and returned as broken by number."""
    encoding = lines.encoding.removesuffix("-sig")
    texts: list[str] = []
    faults: dict[int, Broken] = {}
    for number, line in enumerate(raw, start=lines.first_line):
        if len(line) > limits.line_bytes:
            faults[number] = too_long(number, line, limits)
            texts.append("")
            continue
        try:
            texts.append(line.decode(encoding))
        except UnicodeDecodeError:
            shown = line.decode(encoding, errors="replace").rstrip("\r")
            message = f"该行含有不属于 {encoding} 编码的字节。"
            faults[number] = Broken(number, "source.encoding", shown, message)
            texts.append("")
    return texts, faults


def _logical_line(lines: list[str], position: int) -> tuple[str, int]:
    """Join lines until quotation marks are balanced; alone if they never are."""
    line = lines[position].rstrip("\r")
    quotes = line.count('"')
    if quotes % 2 == 0:
        return line, 1
    for end in range(position + 1, min(position + LONGEST_FIELD, len(lines))):
        quotes += lines[end].count('"')
        if quotes % 2 == 0:
            return "\n".join(part.rstrip("\r") for part in lines[position : end + 1]), end - position + 1
    return line, 1
