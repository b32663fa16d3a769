"""Everybody is written once; who computes a span reads no more than those in it, and numbers them as everybody is numbered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from rongqiao.indicators import found
from rongqiao.indicators.population import Population, Span, read_population, write_population

if TYPE_CHECKING:
    from pathlib import Path

IDS = [f"E{number:03d}" for number in range(0, 40, 2)]
AGES = np.where(np.arange(20) % 5 == 0, np.nan, np.arange(20.0))


@pytest.fixture
def everybody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """File of twenty enterprises in batches of three."""
    monkeypatch.setattr(found, "BATCH_ROWS", 3)
    write_population(Population(pa.array(IDS), AGES, 0), tmp_path / "everybody.arrow")
    return tmp_path / "everybody.arrow"


def test_reads_everybody(everybody: Path) -> None:
    read = read_population(everybody, None)
    assert read.enterprise_ids.to_pylist() == IDS
    np.testing.assert_array_equal(read.age_months, AGES)
    assert read.first == 0


@pytest.mark.parametrize(
    ("start", "end"),
    [("E000", "E010"), ("E006", "E007"), ("E010", "E024"), ("E038", None), ("E000", None), ("E020", "E020")],
)
def test_reads_a_span_with_its_places_among_everybody(everybody: Path, start: str, end: str | None) -> None:
    first = IDS.index(start)
    read = read_population(everybody, Span(start, end, first))
    wanted = [each for each in IDS if each >= start and (end is None or each < end)]
    assert read.enterprise_ids.to_pylist() == wanted
    np.testing.assert_array_equal(read.age_months, AGES[first : first + len(wanted)])
    assert read.first == first
