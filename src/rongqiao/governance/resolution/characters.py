"""Texts by their characters, many at a time: which characters they hold, and their shadows.

The engine's edit distances count bytes, of which a Chinese character has three. So names are compared by their *shadow*: one byte per
character. Two characters can cast one shadow, never the other way round; a shadow distance is therefore never too large.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    import numpy.typing as npt

    Signs = npt.NDArray[np.uint64]

#: Characters are counted into so many kinds by `signs`.
_KINDS = 64
#: Printable signs that a shadow is made of begin here.
_FIRST_SHADOW = 33


def signs(texts: pa.ChunkedArray) -> Signs:
    """Write which kinds of characters each text holds, as 64 bits."""
    written = [_signs_of(chunk) for chunk in texts.chunks]
    return np.concatenate(written) if written else np.empty(0, np.uint64)


def may_be_within(edits: int, ones: Signs, others: Signs) -> npt.NDArray[np.bool_]:
    """Whether texts of these signs may be so few edits apart; where not, they certainly are more.

    An insertion, deletion or substitution takes at most one kind of character away and brings at most one; a swap of neighbours none.
    """
    gone, come = np.bitwise_count(ones & ~others), np.bitwise_count(others & ~ones)
    within: npt.NDArray[np.bool_] = (gone <= edits) & (come <= edits)
    return within


def shadows(texts: pa.ChunkedArray, size: int) -> pa.ChunkedArray:
    """Write the shadow of each text, of so many different signs: one ASCII sign per character; null where there is no text."""
    return pa.chunked_array([_shadows_of(chunk, size) for chunk in texts.chunks], pa.string())


def _signs_of(texts: pa.StringArray) -> Signs:
    points, ends = _characters(texts)
    sizes = np.diff(ends)
    bits = np.left_shift(np.uint64(1), (points % _KINDS).astype(np.uint64))
    found = np.zeros(len(texts), np.uint64)
    if len(points):
        found[sizes > 0] = np.bitwise_or.reduceat(bits, ends[:-1][sizes > 0])
    return found


def _shadows_of(texts: pa.StringArray, size: int) -> pa.StringArray:
    points, ends = _characters(texts)
    cast = (_FIRST_SHADOW + points % size).astype(np.uint8)
    found = pa.StringArray.from_buffers(len(texts), pa.py_buffer(ends.astype(np.int32)), pa.py_buffer(cast))
    return pc.if_else(texts.is_valid(), found, None) if texts.null_count else found


def _characters(texts: pa.StringArray) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    """Code points of all texts one after the other, and where each text begins, with the end of the last."""
    _, offsets, data = texts.buffers()
    bounds = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    written = bytes(memoryview(data)[bounds[0] : bounds[-1]]) if data else b""
    sizes = pc.fill_null(pc.utf8_length(texts), 0).to_numpy(zero_copy_only=False)
    return np.frombuffer(written.decode().encode("utf-32-le"), np.uint32), np.concatenate(
        [[0], np.cumsum(sizes)]
    )
