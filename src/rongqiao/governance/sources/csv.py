"""CSV in UTF-8 (with or without mark) or GB18030: strict decoding, and every broken line by its number."""

from __future__ import annotations

import codecs
import csv
from itertools import zip_longest
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.csv

from rongqiao.governance.batch import Broken, RawFile

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

#: A quoted field that runs on for more lines than this is taken for a stray quotation mark.
LONGEST_FIELD = 20
#: Bytes read at a time; a line longer than this is read with care.
BLOCK = 8 << 20


def read(content: bytes) -> RawFile:
    """Read CSV; line 1 is the header. Blank lines are no rows.

    Notes
    -----
    Most files are read by Arrow in one go. A file that holds what Arrow would silently read otherwise (stray quotation marks, fields
    over several lines, bytes of another encoding) is read line by line.
    """
    return _read_plain(content) or _read_carefully(content)


def _read_carefully(content: bytes) -> RawFile:
    encoding, text, broken = decode(content)
    head, _, body = text.partition("\n")
    headers = tuple(_split(head.rstrip("\r"))) if head.strip() else ()
    if not headers:
        raise ValueError("首行没有表头")
    numbers, rows, found = _read_with_care(body.split("\n"), len(headers), {fault.line for fault in broken})
    columns = list(zip_longest(*rows)) if rows else [() for _ in headers]
    arrays = tuple(pa.array(column, pa.string()) for column in columns)
    faults = sorted((*broken, *found), key=lambda fault: fault.line)
    return RawFile(headers, arrays, pa.array(numbers, pa.int32()), tuple(faults), encoding)


def decode(content: bytes) -> tuple[str, str, list[Broken]]:
    """Find the encoding and decode strictly.

    Text in GB18030 is next to never valid UTF-8, so a file most of whose non-ASCII lines are valid UTF-8 is UTF-8. Lines that then
    do not decode are blanked in the text, which keeps line numbers right, and returned as broken.
    """
    for name in ("utf-8-sig", "gb18030"):
        try:
            return name, content.decode(name), []
        except UnicodeDecodeError:
            continue
    lines = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    foreign = [line for line in lines if not line.isascii()]
    name = "utf-8" if 2 * sum(_is_valid(line, "utf-8") for line in foreign) > len(foreign) else "gb18030"
    texts, broken = [], []
    for number, line in enumerate(lines, start=1):
        if _is_valid(line, name):
            texts.append(line.decode(name))
            continue
        texts.append("")
        shown = line.decode(name, errors="replace").rstrip("\r")
        broken.append(Broken(number, "source.encoding", shown, f"该行含有不属于 {name} 编码的字节。"))
    if not texts[0].strip():
        raise ValueError(f"表头不能按 {name} 解码")
    return name, "\n".join(texts), broken


def _is_valid(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _read_plain(content: bytes) -> RawFile | None:
    """Read fast when each physical line is one row or one broken line; ``None`` where lines need care."""
    found = _to_utf8(content)
    if found is None:
        return None
    encoding, text = found
    start = text.find(b"\n") + 1
    headers = tuple(_split(text[: start or None].decode().strip("\r\n")))
    if not start or len(headers) < 2 or text.count(b"\r") != text.count(b"\r\n") or _has_odd_quotes(text):
        return None
    body = memoryview(text)[start:]
    expected = text.count(b"\n") - 1 + (not text.endswith(b"\n"))
    if not expected:
        nothing = pa.array([], pa.string())
        return RawFile(headers, (nothing,) * len(headers), pa.array([], pa.int32()), (), encoding)
    misfits: list[pa.csv.InvalidRow] = []

    def set_aside(row: pa.csv.InvalidRow) -> str:
        misfits.append(row)
        return "skip"

    table = _parse(body, len(headers), set_aside)
    if table is None or table.num_rows + len(misfits) != expected:
        return None
    broken = tuple(
        Broken(
            row.number + 1,
            "source.field_count",
            row.text,
            f"应有 {row.expected_columns} 列，实有 {row.actual_columns} 列。",
        )
        for row in misfits
    )
    lines = np.delete(np.arange(2, expected + 2, dtype=np.int32), [row.number - 1 for row in misfits])
    blank = _blank_lines(text)
    if len(blank):
        is_row = ~np.isin(lines, blank)
        table, lines = table.filter(pa.array(is_row)), lines[is_row]
    return RawFile(headers, tuple(table.columns), pa.array(lines), broken, encoding)


def _parse(body: memoryview, width: int, set_aside: Callable[[pa.csv.InvalidRow], str]) -> pa.Table | None:
    """Read rows of strings; rows of another width are set aside. ``None`` where a line is longer than a block."""
    names = [f"c{position}" for position in range(width)]
    try:
        return pa.csv.read_csv(
            pa.BufferReader(pa.py_buffer(body)),
            # One thread, so that what is set aside comes with the number of its line.
            read_options=pa.csv.ReadOptions(column_names=names, use_threads=False, block_size=BLOCK),
            parse_options=pa.csv.ParseOptions(ignore_empty_lines=False, invalid_row_handler=set_aside),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid:
        return None


def _blank_lines(text: bytes) -> npt.NDArray[np.int64]:
    """Numbers of lines with nothing on them; Arrow reads such a line as a row of blanks."""
    if b"\n\n" not in text and b"\n\r\n" not in text:
        return np.array([], np.int64)
    signs = np.frombuffer(text, np.uint8)
    ends = np.flatnonzero(signs == ord("\n"))
    lengths = np.diff(ends, prepend=-1) - 1
    is_return = signs[np.maximum(ends - 1, 0)] == ord("\r")
    blank: npt.NDArray[np.int64] = np.flatnonzero((lengths == 0) | ((lengths == 1) & is_return)) + 1
    return blank


def _to_utf8(content: bytes) -> tuple[str, bytes] | None:
    """Find the encoding and give the text in UTF-8, portion by portion; ``None`` where not every byte fits one encoding."""
    text = content.removeprefix(b"\xef\xbb\xbf")
    if _decodes(text):
        return "utf-8-sig", text
    try:
        stream = pa.transcoding_input_stream(pa.BufferReader(content), "gb18030", "utf8")
        return "gb18030", stream.read()
    except (UnicodeDecodeError, pa.ArrowInvalid):
        return None


def _decodes(text: bytes) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(text)
    try:
        for start in range(0, len(view), BLOCK):
            decoder.decode(view[start : start + BLOCK])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _has_odd_quotes(text: bytes) -> bool:
    """Whether any line holds an odd number of quotation marks: a stray one, or a field that goes on in the next line."""
    if b'"' not in text:
        return False
    signs = np.frombuffer(text, np.uint8)
    line_of_quote = np.searchsorted(np.flatnonzero(signs == ord("\n")), np.flatnonzero(signs == ord('"')))
    return bool((np.unique(line_of_quote, return_counts=True)[1] % 2).any())


def _split(line: str) -> list[str]:
    return next(csv.reader([line]), []) if '"' in line else line.split(",")


def _read_with_care(
    lines: list[str], width: int, skipped: set[int]
) -> tuple[list[int], list[list[str]], list[Broken]]:
    """Read line by line; a quoted field may span lines, a stray quotation mark swallows only its own."""
    numbers: list[int] = []
    rows: list[list[str]] = []
    broken: list[Broken] = []
    position = 0
    while position < len(lines):
        number = position + 2
        line, used = _logical_line(lines, position)
        position += used
        if not line.strip() or number in skipped:
            continue
        fields = _split(line)
        if line.count('"') % 2:
            broken.append(Broken(number, "source.quote", line, "引号不成对，无法分列。"))
        elif len(fields) != width:
            message = f"应有 {width} 列，实有 {len(fields)} 列。"
            broken.append(Broken(number, "source.field_count", line, message))
        else:
            numbers.append(number)
            rows.append(fields)
    return numbers, rows, broken


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
