"""Choosing without branches gives what branches give, to the bit."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from rongqiao.indicators.array_forms import choose
from rongqiao.indicators.evaluation import MISSING, NOT_APPLICABLE, OK, STALE, _codes

VALUES = np.array([[1.5, -0.0, np.nan, np.inf], [-np.inf, 0.0, 5e-324, -2.25]])
FLAGS = np.array([[True, False, True, False], [False, True, True, False]])


def bits(array):
    return np.asarray(array, dtype=np.float64).view(np.int64).tolist()


@pytest.mark.parametrize("no", [None, 0.0, -0.0, np.nan, np.inf, 7.0, VALUES[::-1].copy(), VALUES[0]])
@pytest.mark.parametrize("yes", [VALUES, VALUES[:, :1], VALUES.T.copy().T, 3.0, np.nan])
@pytest.mark.parametrize("flags", [FLAGS, FLAGS[:, :1], FLAGS[0], np.True_, False])
def test_a_choice_is_numpys_to_the_bit(flags, yes, no):
    expected = np.where(flags, yes, 0.0 if no is None else no)
    found = choose(flags, yes, no)
    shape = expected.shape
    assert bits(np.broadcast_to(found, shape)) == bits(np.broadcast_to(expected, shape))


def test_statuses_are_those_of_a_choice_among_four():
    rows = np.array(list(itertools.product([False, True], repeat=3)))
    is_known, is_old, has_none = rows.T
    expected = np.where(
        is_known, np.where(is_old, STALE, OK), np.where(has_none, NOT_APPLICABLE, MISSING)
    )  # fmt: skip
    found = _codes(is_known, is_old, has_none)
    assert found.dtype == np.int8
    assert found.tolist() == expected.tolist()
    # One truth for all, as a register's age is.
    assert _codes(is_known, True, False).tolist() == np.where(is_known, STALE, MISSING).tolist()
