"""Text cut into blocks of whole lines, within limits: no line and no compressed file makes the reader hold more than it should."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from rongqiao.contracts.numbers import threshold
from rongqiao.governance.batch import Broken, RawFile

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence

#: Bytes of text read at a time.
BLOCK = 24 << 20
#: Characters shown of a line that is too long to be kept.
SHOWN = 200


class LimitError(ValueError):
    """A file exceeds a limit, and nothing of it is taken in.

    Parameters
    ----------
    rule_id : str
        The limit's name among the rules.
    message : str
        What was found and what is allowed, in Chinese.
    """

    def __init__(self, rule_id: str, message: str) -> None:
        super().__init__(message)
        self.rule_id = rule_id


@dataclass(frozen=True, slots=True)
class Limits:
    """What a delivered file may not exceed; the values in force stand in ``catalog/thresholds.yaml``.

    Parameters
    ----------
    line_bytes : int
        Longest line.
    inflation_ratio : int
        Most bytes that one compressed byte may become …
    inflation_free_bytes : int
        … once the file has grown beyond this size.
    sheet_cells : int
        Most cells of a worksheet from A1 to its last filled row and column, empty ones too.
    """

    line_bytes: int
    inflation_ratio: int
    inflation_free_bytes: int
    sheet_cells: int = 20_000_000


DEFAULT_LIMITS = Limits(8 << 20, 200, 256 << 20)


def limits_on(on: dt.date) -> Limits:
    """Limits in force on a day of delivery."""
    return Limits(
        int(threshold("delivery_line_bytes_max", on)),
        int(threshold("delivery_inflation_ratio_max", on)),
        int(threshold("delivery_inflation_free_bytes", on)),
        int(threshold("delivery_sheet_cells_max", on)),
    )


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines of a file.

    Parameters
    ----------
    first_line : int
        Number of the first, from 1.
    content : bytes
        The lines; each but the last of the file ends in a line feed.
    broken : tuple of Broken
        Lines longer than allowed; they stand empty in the content.
    is_last : bool
        Whether the file ends here.
    """

    first_line: int
    content: bytes
    broken: tuple[Broken, ...]
    is_last: bool


class Inflated:
    """A compressed file as it is read, refused as soon as it grows beyond what such a file can honestly hold."""

    def __init__(self, file: Any, size: int, limits: Limits) -> None:
        self._file = file
        self._size = max(size, 1)
        self._limits = limits
        self._read = 0

    def read(self, size: int) -> bytes:
        """Read up to ``size`` bytes.

        Raises
        ------
        LimitError
            If the file inflates beyond the limit.
        """
        data: bytes = self._file.read(size)
        self._read += len(data)
        check_inflation(self._read, self._size, self._limits)
        return data


def check_inflation(inflated: int, size: int, limits: Limits) -> None:
    """Refuse a file that compressed more than data of its kind can.

    Raises
    ------
    LimitError
        If it exceeds both limits on inflation.
    """
    if inflated > limits.inflation_free_bytes and inflated > limits.inflation_ratio * size:
        raise LimitError(
            "source.inflation",
            f"压缩文件 {size} 字节，解压后超过 {inflated} 字节，超出 {limits.inflation_ratio} 倍的上限，疑为压缩炸弹",
        )


def cut(file: IO[bytes], limits: Limits) -> Iterator[Block]:
    """Cut a file into blocks of whole lines; a line beyond the limit is passed over without being held."""
    number = 1
    rest = b""
    broken: list[Broken] = []
    is_skipping = False
    while data := file.read(BLOCK):
        if is_skipping:
            end = data.find(b"\n") + 1
            if not end:
                continue
            rest, data, is_skipping = b"\n", data[end:], False
        end = data.rfind(b"\n") + 1
        if end:
            content = b"".join((rest, memoryview(data)[:end]))
            yield Block(number, content, tuple(broken), is_last=False)
            number += count_sign(content, b"\n")
            rest, broken = data[end:], []
        else:
            rest += data
        if len(rest) > limits.line_bytes:
            broken.append(too_long(number, rest, limits))
            rest, is_skipping = b"", True
    yield Block(number, rest, tuple(broken), is_last=True)


def joined(pieces: Sequence[RawFile]) -> RawFile:
    """Join pieces of one file; a piece that lacks a header has null there."""
    headers = tuple(dict.fromkeys(header for piece in pieces for header in piece.headers))
    return RawFile(
        headers,
        tuple(_column(pieces, header) for header in headers),
        pa.concat_arrays([piece.lines for piece in pieces]),
        tuple(line for piece in pieces for line in piece.broken),
        pieces[-1].encoding,
    )


def _column(pieces: Sequence[RawFile], header: str) -> pa.ChunkedArray:
    parts = [
        dict(zip(piece.headers, piece.columns, strict=True)).get(
            header, pa.nulls(len(piece.lines), pa.string())
        )
        for piece in pieces
    ]
    chunks = [
        chunk for part in parts for chunk in (part.chunks if isinstance(part, pa.ChunkedArray) else [part])
    ]
    return pa.chunked_array(chunks, pa.string())


def count_sign(text: bytes, sign: bytes) -> int:
    """Count a single byte: several times as fast as `bytes.count`, and other threads may go on meanwhile."""
    return int(np.count_nonzero(np.frombuffer(text, np.uint8) == ord(sign)))


def is_utf8(text: bytes) -> bool:
    """Whether all of a text is UTF-8; faster than decoding it, and other threads may go on meanwhile."""
    ends = pa.py_buffer(np.array([0, len(text)], np.int32))
    try:
        pa.Array.from_buffers(pa.string(), 1, [None, ends, pa.py_buffer(text)]).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def too_long(number: int, line: bytes, limits: Limits) -> Broken:
    """Tell of a line beyond the limit, by its beginning."""
    shown = line[: 4 * SHOWN].decode(errors="replace")[:SHOWN]
    return Broken(
        number, "source.line_too_long", shown, f"该行超过 {limits.line_bytes} 字节，未予读取；此处仅示开头。"
    )
