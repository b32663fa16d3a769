"""Records of JSON, Parquet, databases and interfaces as rows of text cells; nested objects become dotted columns."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any

from rongqiao.governance.sources.faults import fault_words
from rongqiao.kernel.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

#: Objects within objects that are looked into for the list of records, or unfolded into columns.
DEEPEST = 4
#: Characters of one JSON line beyond which it is taken for broken.
LONGEST_LINE = 1 << 20
_DECODER = json.JSONDecoder(parse_float=str, parse_int=str)


def write_cell(value: object) -> str:
    """Write a value as a clerk would see it: whole numbers without ``.0``, dates as ISO days, nothing as an empty text."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(sep=" ")
    if isinstance(value, (dt.date, Decimal)):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (list, dict)):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value).strip()


def flatten(record: dict[str, Any], prefix: str = "", depth: int = 0) -> dict[str, str]:
    """Unfold nested objects: ``{"a": {"b": 1}}`` → ``{"a.b": "1"}``; lists of plain values are joined by ``；``."""
    flat: dict[str, str] = {}
    for key, value in record.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and depth < DEEPEST:
            flat.update(flatten(value, f"{name}.", depth + 1))
        elif isinstance(value, list) and not any(isinstance(one, (dict, list)) for one in value):
            flat[name] = "；".join(write_cell(one) for one in value)
        else:
            flat[name] = write_cell(value)
    return flat


def find_list(document: Any, depth: int = 0) -> list[dict[str, Any]] | None:
    """Find the longest list of objects in a document; the document itself if it is one."""
    if isinstance(document, list):
        return document if document and all(isinstance(one, dict) for one in document) else None
    if not isinstance(document, dict) or depth > DEEPEST:
        return None
    lists = [found for value in document.values() if (found := find_list(value, depth + 1))]
    return max(lists, key=len, default=None)


def find_records(content: bytes, name: str) -> list[dict[str, str]]:
    """Read the records of a JSON document.

    Raises
    ------
    InvalidValueError
        If it is no JSON, or holds no list of objects.
    """
    try:
        document = _DECODER.decode(content.decode("utf-8-sig").strip())
    except ValueError as error:
        raise InvalidValueError("JSON 文件", name, f"不是完整的 JSON（{fault_words(error)}）。") from error
    except RecursionError:
        raise InvalidValueError("JSON 文件", name, "嵌套过深，请给出由记录组成的平面列表。") from None
    found = find_list(document)
    if found is None:
        raise InvalidValueError("JSON 文件", name, "其中没有由对象组成的列表，请给出记录所在的数组。")
    return [flatten(record) for record in found]


def read_lines(
    stream: IO[bytes], report: Callable[[int, str, str], None]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the object of every line that holds one; other lines are reported, and no line is held that has no end."""
    number = 0
    while line := stream.readline(LONGEST_LINE):
        number += 1
        if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            report(number, f"一行超过 {LONGEST_LINE} 字节", line[:200].decode(errors="replace"))
            while (rest := stream.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
                pass
            continue
        text = line.decode("utf-8-sig" if number == 1 else "utf-8", errors="replace").strip()
        if not text:
            continue
        try:
            record = _DECODER.decode(text)
        except ValueError as error:
            report(number, f"不是完整的 JSON（{fault_words(error)}）", text)
            continue
        except RecursionError:
            report(number, "JSON 嵌套过深", text)
            continue
        if isinstance(record, dict):
            yield number, flatten(record)
        else:
            report(number, "不是 JSON 对象", text)


def all_keys(records: Iterable[dict[str, str]]) -> tuple[str, ...]:
    """All keys in the order of their first appearance."""
    keys: dict[str, None] = {}
    for record in records:
        keys.update(dict.fromkeys(record))
    return tuple(keys)


def to_rows(
    records: Iterable[tuple[int, dict[str, str]]], headers: Sequence[str]
) -> Iterator[tuple[int, list[str]]]:
    """Lay records out by the headers."""
    for line, record in records:
        yield line, [record.get(header, "") for header in headers]
