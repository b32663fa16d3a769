"""Unified social credit codes by the million: the check of `rongqiao.kernel.identifiers` on whole columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rongqiao.kernel.identifiers import is_uscc, normalise_uscc

if TYPE_CHECKING:
    import numpy.typing as npt

_ALPHABET = b"0123456789ABCDEFGHJKLMNPQRTUWXY"
_WEIGHTS = np.array([3**place % 31 for place in range(17)], np.int16)
_LENGTH = 18
#: Leading places that are digits alone.
_DIGITS = 8
_VALUES = np.full(256, -1, np.int16)
_VALUES[np.frombuffer(_ALPHABET, np.uint8)] = np.arange(len(_ALPHABET))


def right_codes(delivered: pa.ChunkedArray) -> pa.Table:
    """Find which delivered codes are right, once folded.

    Parameters
    ----------
    delivered : pa.ChunkedArray
        Strings without null.

    Returns
    -------
    pa.Table
        ``raw`` and ``code``, its standard form; codes that are not right are left out. Source: GB 32100-2015.
    """
    plain = _is_plain(delivered)
    # Folding changes nothing of digits and capitals: what of them is not right as it stands is not right.
    is_folded = pc.match_substring_regex(delivered, "^[0-9A-Z]*$").to_numpy()
    others = [raw for raw in delivered.filter(pa.array(~plain & ~is_folded)).to_pylist() if is_uscc(raw)]
    codes = [*delivered.filter(pa.array(plain)).chunks, pa.array(map(normalise_uscc, others), pa.string())]
    raws = [*codes[:-1], pa.array(others, pa.string())]
    return pa.table(
        {"raw": pa.chunked_array(raws, pa.string()), "code": pa.chunked_array(codes, pa.string())}
    )


def _is_plain(delivered: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """Whether each string is a right code as it stands."""
    parts = [_is_plain_part(chunk) for chunk in delivered.chunks]
    return np.concatenate(parts) if parts else np.array([], np.bool_)


def _is_plain_part(chunk: pa.Array) -> npt.NDArray[np.bool_]:
    is_right: npt.NDArray[np.bool_] = pc.equal(pc.binary_length(chunk), _LENGTH).to_numpy(
        zero_copy_only=False
    )
    fitting = chunk.filter(pa.array(is_right))
    if not len(fitting):
        return is_right
    start = fitting.offset * _LENGTH
    signs = np.frombuffer(fitting.buffers()[2], np.uint8)[start : start + len(fitting) * _LENGTH]
    values = _VALUES[signs.reshape(-1, _LENGTH)]
    check = (31 - values[:, :-1] @ _WEIGHTS % 31) % 31
    is_valid = (values >= 0).all(axis=1) & (values[:, :_DIGITS] < 10).all(axis=1) & (values[:, -1] == check)
    is_right = is_right.copy()
    is_right[is_right] = is_valid
    return is_right
