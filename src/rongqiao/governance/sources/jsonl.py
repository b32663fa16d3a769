"""JSON lines in UTF-8: one object per line, keys are English item ids; numbers keep their digits."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from rongqiao.governance.batch import Broken, RawFile

_DECODER = json.JSONDecoder(parse_float=str, parse_int=str)


def read(content: bytes) -> RawFile:
    """Read JSON lines; headers are all keys in order of first appearance."""
    numbers: list[int] = []
    rows: list[dict[str, Any]] = []
    broken: list[Broken] = []
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            row = _DECODER.decode(line.decode().strip())
        except UnicodeDecodeError:
            shown = line.decode(errors="replace")
            broken.append(Broken(number, "source.encoding", shown, "该行含有不属于 utf-8 编码的字节。"))
            continue
        except ValueError as error:
            broken.append(Broken(number, "source.json", line.decode(), f"该行不是完整的 JSON：{error}。"))
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
