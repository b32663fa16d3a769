"""CSV in UTF-8 (with or without mark) or GB18030: strict decoding, and every broken line by its number."""

from __future__ import annotations

import csv
import io
import re
from itertools import zip_longest

import pyarrow as pa
import pyarrow.csv

from rongqiao.governance.batch import Broken, RawFile

#: A quoted field that runs on for more lines than this is taken for a stray quotation mark.
LONGEST_FIELD = 20


def read(content: bytes) -> RawFile:
    """Read CSV; line 1 is the header. Blank lines are no rows."""
    encoding, text, broken = decode(content)
    head, _, body = text.partition("\n")
    headers = tuple(_split(head.rstrip("\r"))) if head.strip() else ()
    if not headers:
        raise ValueError("首行没有表头")
    table = None if broken else _read_plain(body, len(headers))
    if table is not None:
        lines = pa.array(range(2, table.num_rows + 2), pa.int32())
        return RawFile(headers, tuple(table.columns), lines, (), encoding)
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


def _read_plain(body: str, width: int) -> pa.Table | None:
    """Read fast when each physical line is one row; ``None`` where lines need care."""
    if '"' in body or "\n\n" in body or "\n\r\n" in body or re.search(r"\r(?!\n)", body):
        return None
    names = [f"c{position}" for position in range(width)]
    expected = body.count("\n") + (not body.endswith("\n") and bool(body))
    if not expected:
        return pa.table({name: pa.array([], pa.string()) for name in names})
    try:
        table = pa.csv.read_csv(
            io.BytesIO(body.encode()),
            read_options=pa.csv.ReadOptions(column_names=names),
            parse_options=pa.csv.ParseOptions(quote_char=False, ignore_empty_lines=False),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid:
        return None
    return table if table.num_rows == expected else None


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
