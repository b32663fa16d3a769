"""JSON lines in UTF-8: one object per line, keys are English item ids; numbers keep their digits."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv

from rongqiao.governance.batch import Broken, RawFile
from rongqiao.governance.sources.blocks import SHOWN, count_sign, is_utf8
from rongqiao.governance.sources.faults import fault_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rongqiao.governance.sources.blocks import Block

#: Bytes that are read together; also the longest line that is read fast.
LINES = 8 << 20
_DECODER = json.JSONDecoder(parse_float=str, parse_int=str)


def read_blocks(blocks: Iterable[Block]) -> Iterator[RawFile]:
    """Read JSON lines; headers are all keys of a block in order of first appearance.

    Notes
    -----
    Systems write the same flat keys in the same order on every line. Such a block is CSV once the keys are taken away, and is
    read as such; any other is read line by line.
    """
    for block in blocks:
        content = block.content.removeprefix(b"\xef\xbb\xbf") if block.first_line == 1 else block.content
        read = _read_uniform(content, block.first_line) or _read_lines(content, block.first_line)
        broken = sorted((*block.broken, *read.broken), key=lambda fault: fault.line)
        yield RawFile(read.headers, read.columns, read.lines, tuple(broken), read.encoding)


def _read_uniform(text: bytes, first_line: int) -> RawFile | None:
    """Read fast where every line is ``{"key": value, …}`` with the first line's keys and no escapes; else ``None``."""
    first = text[: text.find(b"\n") + 1]
    try:
        keys = list(json.loads(first)) if first else []
    except (ValueError, RecursionError):
        return None
    rows = count_sign(text, b"\n")
    is_flat = (
        count_sign(text, b"{") == count_sign(text, b"}") == rows and b"\\" not in text and b"[" not in text
    )
    if len(keys) < 2 or not is_flat or not text.endswith(b"}\n") or not is_utf8(text):
        return None
    for position, key in enumerate(keys):
        opening = "{" if position == 0 else ", "
        prefix, sign = f'{opening}"{key}": '.encode(), b"," if position else b""
        shorter = text.replace(prefix, sign)
        if len(text) - len(shorter) != rows * (len(prefix) - len(sign)):
            return None
        text = shorter
    table = _read_values(text.replace(b"}\n", b"\n"), len(keys))
    if table is None or table.num_rows != rows:
        return None
    lines = pa.array(np.arange(first_line, first_line + rows, dtype=np.int32))
    return RawFile(tuple(keys), tuple(table.columns), lines, (), "utf-8")


def _read_values(text: bytes, width: int) -> pa.Table | None:
    """Read what is left of the lines: quoted strings, bare numbers and words; ``null`` is null, ``"null"`` a string."""
    names = [f"c{position}" for position in range(width)]
    try:
        return pa.csv.read_csv(
            pa.BufferReader(text),
            read_options=pa.csv.ReadOptions(column_names=names, block_size=LINES),
            parse_options=pa.csv.ParseOptions(ignore_empty_lines=False),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=["null"],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid:
        return None


def _read_lines(content: bytes, first_line: int) -> RawFile:
    numbers: list[int] = []
    rows: list[dict[str, Any]] = []
    broken: list[Broken] = []
    for number, line in enumerate(content.split(b"\n"), start=first_line):
        if not line.strip():
            continue
        try:
            row = _DECODER.decode(line.decode().strip())
        except UnicodeDecodeError:
            shown = line.decode(errors="replace")
            broken.append(Broken(number, "source.encoding", shown, "该行含有不属于 utf-8 编码的字节。"))
            continue
        except ValueError as error:
            broken.append(
                Broken(number, "source.json", line.decode(), f"该行不是完整的 JSON：{fault_words(error)}。")
            )
            continue
        except RecursionError:
            shown = line[: 4 * SHOWN].decode(errors="replace")[:SHOWN]
            broken.append(Broken(number, "source.json", shown, "该行的 JSON 嵌套过深，无法读取。"))
            continue
        if not isinstance(row, dict):
            broken.append(Broken(number, "source.json", line.decode(), "该行不是 JSON 对象。"))
            continue
        numbers.append(number)
        rows.append(row)
    headers = tuple(dict.fromkeys(key for row in rows for key in row))
    columns = tuple(pa.array([_text(row.get(header)) for row in rows], pa.string()) for header in headers)
    return RawFile(headers, columns, pa.array(numbers, pa.int32()), tuple(broken), "utf-8")


def _text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
