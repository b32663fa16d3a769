"""What was found at once lies in files by id; whoever computes some enterprises reads no more of them than they lie among."""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np
import pyarrow as pa
import pytest

from rongqiao.indicators import found
from rongqiao.indicators.found import ID, comparable, placed, read_found, write_found

IDS = [f"E{number:03}" for number in range(0, 20, 2)]
ASKED = [f"E{number:03}" for number in range(22)]


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setattr(found, "BATCH_ROWS", 3)
    write_found(pa.table({ID: IDS, "value": np.arange(10.0)}), tmp_path / "found.arrow")
    return tmp_path / "found.arrow"


def test_only_batches_that_hold_somebody_between_are_read(file):
    assert read_found(file, "E007", "E009").column(ID).to_pylist() == ["E006", "E008", "E010"]
    assert read_found(file, "E005", "E012").column(ID).to_pylist() == IDS[:9]
    assert read_found(file, "A", "B").num_rows == 0


def test_nobody_between_is_left_out(file):
    for first, last in combinations_with_replacement(ASKED, 2):
        asked = comparable(pa.array([each for each in ASKED if first <= each <= last]))
        rows = placed(read_found(file, first, last), asked)
        told = {asked[place].decode(): value for place, value in zip(*_columns(rows), strict=True)}
        assert told == {each: number for number, each in enumerate(IDS) if first <= each <= last}


def test_a_source_of_which_nothing_was_found_is_read_as_nothing(tmp_path):
    none = pa.table({ID: pa.array([], pa.string()), "value": pa.array([], pa.float64())})
    write_found(none, tmp_path / "none.arrow")
    assert read_found(tmp_path / "none.arrow", "E000", "E020").equals(none)


def _columns(rows):
    return rows.places, rows.columns["value"]
