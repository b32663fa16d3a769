"""What was found at once lies in files by id; whoever computes some enterprises reads no more of them than they lie among."""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np
import pyarrow as pa
import pytest

from rongqiao.indicators import found
from rongqiao.indicators.found import ID, PLACE, Found, placed, read_found, write_found
from rongqiao.indicators.population import Population

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
        asked = population([each for each in ASKED if first <= each <= last])
        rows = placed(read_found(file, first, last), asked)
        told = {
            asked.enterprise_ids[place].as_py(): value for place, value in zip(*_columns(rows), strict=True)
        }
        assert told == {each: number for number, each in enumerate(IDS) if first <= each <= last}


def test_a_source_of_which_nothing_was_found_is_read_as_nothing(tmp_path):
    none = pa.table({ID: pa.array([], pa.string()), "value": pa.array([], pa.float64())})
    write_found(none, tmp_path / "none.arrow")
    assert read_found(tmp_path / "none.arrow", "E000", "E020").equals(none)


def population(ids, first=None):
    return Population(pa.array(ids, pa.string()), np.zeros(len(ids)), first)


@pytest.mark.parametrize("shift", [0, 1, -1])
def test_neighbours_are_found_by_their_place_unless_somebody_came_between(shift):
    """Of everybody, every second has rows; whoever stands elsewhere by now is sought by the id."""
    everybody = population(ASKED, 0)
    rows = Found(np.arange(20, -1, -2), {"value": np.arange(20.0, -1, -2)}).named(everybody)
    assert rows.column(PLACE).to_pylist() == list(range(0, 21, 2))
    for start, end in combinations_with_replacement(range(len(ASKED)), 2):
        part = population(ASKED[start : end + 1], start + shift)
        places, values = _columns(placed(rows, part))
        assert dict(zip((places + start).tolist(), values.tolist(), strict=True)) == {
            place: place for place in range(start, end + 1) if place % 2 == 0
        }


def test_a_place_spares_the_search(monkeypatch):
    rows = Found(np.array([1, 4]), {"value": np.array([1.0, 4.0])}).named(population(ASKED, 0))
    monkeypatch.setattr(found, "_sought", None)
    assert placed(rows, population(ASKED[3:9], 3)).places.tolist() == [1]


def test_those_named_have_no_place_among_everybody():
    rows = Found(np.array([0, 1]), {"value": np.array([5.0, 6.0])}).named(population(ASKED[4:8:2]))
    assert rows.column_names == [ID, "value"]


def _columns(rows):
    return rows.places, rows.columns["value"]
