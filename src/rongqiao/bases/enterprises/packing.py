"""How a portrait's parts are kept: numbers as small integers side by side, words squeezed against phrases that portraits share.

A packed part begins with one byte that says its form, so that parts written by any earlier release are read for ever:

- ``1``: text (JSON), deflated against ``packing_phrases_1.txt``;
- ``2``: text (JSON) as it is;
- ``3``: cells of a layout, deflated. A cell is a status and a number; where each stands is said by the layout.

No byte at all is an empty part.
"""

from __future__ import annotations

import json
import zlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from isal import isal_zlib

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

SQUEEZED, PLAIN, CELLS = b"\x01", b"\x02", b"\x03"
#: Statuses that a cell can have; the place is what is kept. Appended, never changed.
STATUSES = ("missing", "ok", "not_applicable", "stale", "not_authorised")
#: Raw deflate; what comes out must be whole, so no checksum is kept with each part.
_RAW = -zlib.MAX_WBITS
_LEVEL = 2
#: A cell's head is ``kind * 8 + status``. Kinds: nothing, nought, one, then decimals by length, then a float as it is.
_NOTHING, _NOUGHT, _ONE, _FIRST = 0, 1, 2, 3
_DECIMALS = (0, 2, 6)
_LONGEST = 7
_FLOAT = _FIRST + len(_DECIMALS) * _LONGEST
#: Rows that are packed together, and stay in the processor's cache.
_BLOCK = 500
#: Whole numbers that a float tells apart.
_EXACT = 2.0**53
_LENGTHS = np.zeros(32, "int64")
_LENGTHS[_FIRST:_FLOAT] = np.tile(np.arange(1, _LONGEST + 1), len(_DECIMALS))
_LENGTHS[_FLOAT] = 8
_SCALES = np.ones(32)
_SCALES[_FIRST:_FLOAT] = np.repeat([10.0**each for each in _DECIMALS], _LONGEST)


@lru_cache(maxsize=1)
def _phrases() -> bytes:
    """Text that parts are squeezed against. A file of this name never changes: what was written with it is read with it."""
    return Path(__file__).with_name("packing_phrases_1.txt").read_bytes()


def pack_text(text: str) -> bytes:
    """Squeeze a JSON text."""
    squeezer = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, _RAW, zdict=_phrases())
    return SQUEEZED + squeezer.compress(text.encode()) + squeezer.flush()


def unpack_text(part: bytes) -> Any:
    """Read what a part of text says.

    Raises
    ------
    ValueError
        If the part is of no form that this release knows.
    """
    form, rest = part[:1], part[1:]
    if form == PLAIN:
        return json.loads(rest)
    if form == SQUEEZED:
        return json.loads(isal_zlib.decompressobj(_RAW, zdict=_phrases()).decompress(rest))
    raise ValueError(f"A part of form {form!r} is no text; it was written by a later release.")


def pack_cells(values: NDArray[Any], statuses: NDArray[Any]) -> Iterator[bytes]:
    """Pack rows of cells.

    Parameters
    ----------
    values : array of float, rows by cells
        NaN where there is no number.
    statuses : array of uint8, rows by cells
        Places in :data:`STATUSES`.

    Yields
    ------
    bytes
        Per row.
    """
    for first in range(0, len(values), _BLOCK):
        yield from _pack_block(values[first : first + _BLOCK], statuses[first : first + _BLOCK])


def _pack_block(values: NDArray[Any], statuses: NDArray[Any]) -> Iterator[bytes]:
    kinds, numbers = _kinds(values)
    lengths = _LENGTHS[kinds]
    ends = lengths.sum(axis=1).cumsum()
    body = _lay_side_by_side(numbers, lengths[lengths > 0]).tobytes()
    heads = (kinds * 8 + statuses).astype("uint8").tobytes()
    width, start = values.shape[1], 0
    for row, end in enumerate(ends.tolist()):
        squeezer = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, _RAW)
        yield squeezer.compress(heads[row * width : (row + 1) * width] + body[start:end]) + squeezer.flush()
        start = end


def unpack_cells(packed: bytes, width: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Read one row of cells: values (NaN where there is none) and places in :data:`STATUSES`."""
    whole = isal_zlib.decompressobj(_RAW).decompress(packed)
    heads = np.frombuffer(whole, "uint8", width)
    kinds = heads >> 3
    lengths = _LENGTHS[kinds]
    starts = width + np.cumsum(lengths) - lengths
    values = np.where(kinds == _NOTHING, np.nan, kinds == _ONE).astype("float64")
    held = np.flatnonzero(lengths)
    if len(held):
        # Each number lies in the eight bytes from its beginning; what follows it is cut off.
        padded = np.frombuffer(whole + b"\0" * 8, "uint8")
        windows = padded[starts[held][:, None] + np.arange(8)].copy().view("<u8")[:, 0]
        windows &= np.uint64(0xFFFFFFFFFFFFFFFF) >> (64 - 8 * lengths[held]).astype("uint64")
        whole_numbers = (windows >> np.uint64(1)).astype("int64") ^ -(windows & np.uint64(1)).astype("int64")
        values[held] = np.where(
            kinds[held] == _FLOAT, windows.view("float64"), whole_numbers / _SCALES[kinds[held]]
        )
    return values, heads & 7


def _kinds(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Kind of each cell, and for those that take room what is kept: a whole number folded so that its sign stands last, or a float's bits."""
    kinds = np.full(values.shape, _FLOAT, "uint8")
    kinds[np.isnan(values)] = _NOTHING
    kinds[values == 0] = _NOUGHT
    kinds[values == 1] = _ONE
    takes_room = kinds == _FLOAT
    floats = values[takes_room]
    numbers, found = floats.view("uint64").copy(), np.full(len(floats), _FLOAT, "uint8")
    with np.errstate(invalid="ignore", over="ignore"):
        # The fewest decimals last, so that they stand.
        for place in reversed(range(len(_DECIMALS))):
            scale = 10.0 ** _DECIMALS[place]
            scaled = np.rint(floats * scale)
            fits = (np.abs(scaled) < _EXACT) & (scaled / scale == floats)
            whole = scaled[fits].astype("int64")
            folded = ((whole << 1) ^ (whole >> 63)).view("uint64")
            numbers[fits] = folded
            found[fits] = _FIRST + place * _LONGEST + _bytes_needed(folded) - 1
    kinds[takes_room] = found
    return kinds, numbers


def _bytes_needed(numbers: NDArray[Any]) -> NDArray[Any]:
    needed = np.ones(len(numbers), "uint8")
    for more in range(1, _LONGEST):
        needed += numbers >= np.uint64(1 << (8 * more))
    return needed


def _lay_side_by_side(numbers: NDArray[Any], lengths: NDArray[Any]) -> NDArray[Any]:
    """Lay the low bytes of each number after those of the one before."""
    body = np.empty(int(lengths.sum()), "uint8")
    starts = np.cumsum(lengths) - lengths
    for place in range(8):
        reaching = lengths > place
        body[starts[reaching] + place] = (numbers[reaching] >> np.uint64(8 * place)).astype("uint8")
    return body
