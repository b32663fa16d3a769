"""What is packed reads back as it was: every float, every status, every text, whatever is declared since."""

from __future__ import annotations

import hashlib
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rongqiao.bases.enterprises import packing
from rongqiao.bases.enterprises.packing import (
    PLAIN,
    STATUSES,
    pack_cells,
    pack_text,
    unpack_cells,
    unpack_text,
)

#: Amounts, ratios and counts as they are published, and floats that are none of these.
NUMBERS = st.one_of(
    st.just(math.nan),
    st.sampled_from(
        [0.0, 1.0, -1.0, 0.1, 255.0, 256.0, 2.0**53, -(2.0**53), 2.0**60, 1e-300, 1e300, math.inf]
    ),
    st.integers(-(10**12), 10**12).map(float),
    st.integers(-(10**14), 10**14).map(lambda cents: round(cents / 100, 2)),
    st.floats(-1e6, 1e6).map(lambda ratio: round(ratio, 6)),
    st.floats(allow_nan=False),
)
CELL = st.tuples(NUMBERS, st.sampled_from(range(len(STATUSES))))
ROWS = st.integers(1, 12).flatmap(
    lambda width: st.lists(st.lists(CELL, min_size=width, max_size=width), min_size=1, max_size=4)
)
PARTS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(10**9), 10**9), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)),
    max_leaves=12,
)  # fmt: skip


@given(ROWS)
def test_cells_read_back(rows):
    values = np.array([[value for value, _ in row] for row in rows])
    statuses = np.array([[status for _, status in row] for row in rows], "uint8")
    packed = list(pack_cells(values, statuses))
    assert len(packed) == len(rows)
    for part, row, said in zip(packed, values, statuses, strict=True):
        read, told = unpack_cells(part, len(row))
        assert np.array_equal(read, row, equal_nan=True)
        assert np.array_equal(told, said)


def test_more_rows_than_are_packed_together(monkeypatch):
    monkeypatch.setattr(packing, "_BLOCK", 2)
    values = np.arange(15.0).reshape(5, 3) / 8
    packed = list(pack_cells(values, np.ones(values.shape, "uint8")))
    assert [unpack_cells(part, 3)[0].tolist() for part in packed] == values.tolist()


@given(PARTS)
def test_texts_read_back(said):
    text = json.dumps(said, ensure_ascii=False)
    assert unpack_text(pack_text(text)) == said
    assert unpack_text(PLAIN + text.encode()) == said


def test_a_form_of_a_later_release_is_refused():
    with pytest.raises(ValueError, match="later release"):
        unpack_text(b"\x09{}")


def test_phrases_never_change():
    # What was packed with them is read with them: other phrases go to a file, and a form, of their own.
    digest = hashlib.sha256(packing._phrases()).hexdigest()
    assert digest == "40c2a39a761ed99fec5485eff951ab7ad7a72ec48d0b2f7f1a5f51da1e1488c6"


def test_statuses_keep_their_places():
    assert STATUSES[:5] == ("missing", "ok", "not_applicable", "stale", "not_authorised")
