"""JSON lines in UTF-8: one object per line, keys are English item ids; numbers keep their digits."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from rongqiao.governance.batch import Broken, RawFile
from rongqiao.governance.sources.blocks import SHOWN, count_sign, is_utf8, joined
from rongqiao.governance.sources.faults import fault_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy.typing as npt

    from rongqiao.governance.sources.blocks import Block

    Line = tuple[int, bytes]
    Flags = npt.NDArray[np.bool_]

#: Bytes that are read together; also the longest line that is read fast.
LINES = 8 << 20
_DECODER = json.JSONDecoder(parse_float=str, parse_int=str)
_MARK = b"\xef\xbb\xbf"
#: Stands in no text of JSON.
_UNIT = b"\x1f"
#: Signs of a number, and what is left of the words when they are taken off both ends.
_DIGITS, _WORDS = "0123456789.-+eE", ("", "tru", "fals", "null")


def read_blocks(blocks: Iterable[Block]) -> Iterator[RawFile]:
    """Read JSON lines; headers are all keys of a block in order of first appearance.

    Notes
    -----
    Systems write the same flat keys in the same order on every line. Such lines are cut at their commas and rid of the keys, all at
    once; those that differ, such as by an escaped sign, are read one by one.
    """
    for block in blocks:
        content = block.content.removeprefix(_MARK) if block.first_line == 1 else block.content
        read = _read_uniform(content, block.first_line)
        if read is None:
            read = _read_lines(enumerate(content.split(b"\n"), start=block.first_line))
        broken = sorted((*block.broken, *read.broken), key=lambda fault: fault.line)
        yield RawFile(read.headers, read.columns, read.lines, tuple(broken), read.encoding)


def _read_uniform(text: bytes, first_line: int) -> RawFile | None:
    """Read fast what is like the first line, and the other lines one by one; ``None`` where there is nothing to go by."""
    first = text[: text.find(b"\n") + 1]
    keys = _keys(first)
    if len(keys) < 2 or not is_utf8(text):
        return None
    separator, openings, text = _mark_cuts(text, first, keys)
    odd: list[Line] = []

    def set_aside(row: pa.csv.InvalidRow) -> str:
        odd.append((row.number - 1 + first_line, row.text.encode()))
        return "skip"

    fields = _cut(text, len(openings), separator, set_aside) if openings else None
    lines = count_sign(text, b"\n") + (not text.endswith(b"\n"))
    if (
        fields is None
        or fields.num_rows + len(odd) != lines
        or pc.min(pc.binary_length(fields[0])).as_py() == 0
    ):
        return None
    numbers = np.delete(
        np.arange(first_line, first_line + lines, dtype=np.int32), [number - first_line for number, _ in odd]
    )
    columns, is_like, quotes = _take_off_keys(fields, openings)
    quotes += 2 * len(keys) * fields.num_rows + sum(line.count(b'"') for _, line in odd)
    # Next to no text holds either sign, and to look for them in each value costs as much as all the rest.
    is_quoting = not is_like.all() or count_sign(text, b'"') != quotes
    for sign, is_held in (("\\", b"\\" in text), ('"', is_quoting)):
        if is_held:
            for column in columns:
                is_like &= ~pc.fill_null(pc.match_substring(column, sign), False).to_numpy()
    if not is_like.all():
        strange = fields.filter(pa.array(~is_like)).to_pydict().values()
        odd += zip(numbers[~is_like].tolist(), map(separator.join, zip(*strange, strict=True)), strict=True)
        columns = [column.filter(pa.array(is_like)) for column in columns]
        numbers = numbers[is_like]
    uniform = RawFile(tuple(keys), tuple(columns), pa.array(numbers), (), "utf-8")
    if not odd:
        return uniform
    return joined([uniform, _read_lines((at, line.replace(_UNIT, b", ")) for at, line in sorted(odd))])


def _keys(line: bytes) -> list[str]:
    try:
        return [str(key) for key in json.loads(line)] if line else []
    except (ValueError, RecursionError, TypeError):
        return []


def _mark_cuts(text: bytes, first: bytes, keys: Sequence[str]) -> tuple[bytes, list[bytes], bytes]:
    """Find what lines are to be cut at, what stands then before each value of the first, and give the text with that between its fields."""
    if openings := _openings(first.split(b","), keys):
        return b",", openings, text
    # Texts hold commas: only one that a key follows is where to cut.
    for gap in (b', "', b',"'):
        if openings := _openings(first.replace(gap, _UNIT + b'"').split(_UNIT), keys):
            return _UNIT, openings, text.replace(gap, _UNIT + b'"')
    return _UNIT, [], text


def _openings(fields: Sequence[bytes], keys: Sequence[str]) -> list[bytes]:
    """Tell what stands before the value of each field of a line; none where it is no flat object of these keys."""
    openings = [
        re.match(rb'[{ ]*"%s" *: *' % re.escape(key.encode()), field)
        for key, field in zip(keys, fields, strict=False)
    ]
    found = [opening[0] for opening in openings if opening]
    return found if len(found) == len(fields) == len(keys) else []


def _cut(text: bytes, width: int, separator: bytes, set_aside: Any) -> pa.Table | None:
    """Cut lines at every separator; those with more or fewer are set aside. ``None`` where a line is too long to be read so."""
    names = [f"c{position}" for position in range(width)]
    try:
        return pa.csv.read_csv(
            pa.BufferReader(text),
            # One thread, so that what is set aside comes with the number of its line.
            read_options=pa.csv.ReadOptions(column_names=names, use_threads=False, block_size=LINES),
            parse_options=pa.csv.ParseOptions(
                delimiter=separator.decode(),
                quote_char=False,
                ignore_empty_lines=False,
                invalid_row_handler=set_aside,
            ),
            convert_options=pa.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.binary()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid:
        return None


def _take_off_keys(fields: pa.Table, openings: Sequence[bytes]) -> tuple[list[pa.ChunkedArray], Flags, int]:
    """Give the values, ``null`` as null; which rows have the keys they should, and texts or words for values; and the quotation marks taken off."""
    is_like = np.ones(fields.num_rows, bool)
    columns, taken = [], 0
    for at, (field, opening) in enumerate(zip(fields.columns, openings, strict=True)):
        is_like &= pc.starts_with(field, opening).to_numpy()
        longest = pc.max(pc.binary_length(field)).as_py() or 0
        value = pc.binary_slice(field, len(opening), max(longest, len(opening))).cast(pa.string())
        if at == len(openings) - 1:
            closed, value = value, pc.ascii_rtrim(value, "}")
            is_like &= _shorter_by(closed, value) == 1
        text = pc.ascii_trim(value, '"')
        quotes = _shorter_by(value, text)
        taken += int(quotes.sum())
        if not (quotes == 2).all():
            is_word = pc.is_in(pc.ascii_trim(text, _DIGITS), pa.array(_WORDS)).to_numpy()
            is_word &= pc.binary_length(text).to_numpy() > 0
            is_like &= (quotes == 2) | ((quotes == 0) & is_word)
            text = pc.if_else(pc.equal(value, "null"), pa.scalar(None, pa.string()), text)
        columns.append(text)
    return columns, is_like, taken


def _shorter_by(before: pa.ChunkedArray, after: pa.ChunkedArray) -> npt.NDArray[np.int32]:
    return np.asarray(pc.subtract(pc.binary_length(before), pc.binary_length(after)))


def _read_lines(content: Iterable[Line]) -> RawFile:
    """Read lines one by one, each with its number."""
    numbers: list[int] = []
    rows: list[dict[str, Any]] = []
    broken: list[Broken] = []
    for number, line in content:
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
