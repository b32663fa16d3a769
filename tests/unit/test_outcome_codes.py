"""Outcomes as codes: packed and read back, and counted four criteria at a time."""

from __future__ import annotations

import numpy as np
import pytest

from rongqiao.rules.outcome_codes import CODES, OutcomeCounts, pack, read_code, to_codes, unpack


@pytest.mark.parametrize("size", [1, 3, 4, 5, 64, 1001])
def test_packed_codes_read_back(size: int) -> None:
    outcomes = np.random.default_rng(size).integers(-1, 2, size).astype(np.int8)
    packed = pack(to_codes(outcomes))
    assert len(packed) == -(-size // 4)
    assert unpack(packed, size).tolist() == to_codes(outcomes).tolist()
    for row in range(size):
        assert read_code(packed, row) is CODES[outcomes[row] + 1]


@pytest.mark.parametrize("criteria", [1, 3, 4, 9])
def test_counts_of_spans_add_up_to_plain_counting(criteria: int) -> None:
    drawn = np.random.default_rng(criteria)
    outcomes = drawn.integers(-1, 2, (criteria, 500)).astype(np.int8)
    groups = drawn.integers(0, 7, 500).astype(np.uint8)
    whole, other = OutcomeCounts(criteria, 7), OutcomeCounts(criteria, 7)
    whole.add([to_codes(each[:321]) for each in outcomes], groups[:321])
    other.add([to_codes(each[321:]) for each in outcomes], groups[321:])
    whole.merge(other)
    for at in range(criteria):
        for group in range(7):
            inside = outcomes[at][groups == group]
            plain = [int((inside == each).sum()) for each in (-1, 0, 1)]
            assert whole.totals()[at, group].tolist() == plain
