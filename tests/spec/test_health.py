"""Coverage and drift: what covers too few or moved too far is suspended, and what cannot be compared is not called steady."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from config.commands.indicators import app
from rongqiao.indicators.computation import TARGET
from rongqiao.indicators.health import COMPARABLE, drift, examine
from rongqiao.kernel.errors import ContractError
from rongqiao.lake.tables import Lake

if TYPE_CHECKING:
    from pathlib import Path

SALES, HEADS, RARE, AGE = (
    "tax_taxable_sales_sum_m12_cny", "social_insured_headcount_avg_m3_count", "hpf_depositor_avg_m3_count", "registration_age_months",
)  # fmt: skip
DAY = dt.date(2026, 11, 20)


def test_drift_of_the_same_is_nothing_and_of_a_shift_is_large() -> None:
    random = np.random.default_rng(1)
    before = random.lognormal(10, 1, 5_000)
    assert drift(before, before) == pytest.approx(0)
    assert drift(before, random.lognormal(10, 1, 5_000)) < 0.02  # type: ignore[operator]
    assert drift(before, before * 3) > 0.25  # type: ignore[operator]


def test_drift_by_hand() -> None:
    # All were zero, and three in ten are not any more: shares 1 and nothing (1e-4) become 0.7 and 0.3.
    before, now = np.zeros(100), np.array([0.0] * 70 + [5.0] * 30)
    expected = (0.7 - 1) * np.log(0.7 / 1) + (0.3 - 1e-4) * np.log(0.3 / 1e-4)
    assert drift(before, now) == pytest.approx(expected)


def test_too_few_values_cannot_be_compared() -> None:
    few = np.append(np.arange(COMPARABLE - 1.0), np.nan)
    assert drift(few, np.arange(1000.0)) is None


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Two hundred enterprises in two Octobers: sales tripled, heads stayed, the fund knows a tenth, age is a new indicator."""
    kept = Lake(tmp_path)
    size = 200
    base = np.linspace(1, 100, size)
    for month, known_at, factor in ((202510, dt.date(2025, 11, 20), 1.0), (202610, DAY, 3.0)):
        columns = {
            "enterprise_id": [f"E{number:03d}" for number in range(size)],
            "as_of": pa.array([month] * size, pa.int32()),
            "known_at": pa.array([known_at] * size, pa.date32()),
            SALES: base * factor, f"{SALES}__status": ["ok"] * size,
            HEADS: [*base[:100], *[None] * 100], f"{HEADS}__status": [*["stale"] * 50, *["ok"] * 50, *["not_applicable"] * 100],
            RARE: [*base[:20], *[None] * 180], f"{RARE}__status": [*["ok"] * 20, *["missing"] * 180],
        }  # fmt: skip
        if month == 202610:
            columns |= {AGE: base, f"{AGE}__status": ["ok"] * size}
        kept.append(TARGET, pa.table(columns), transaction=f"indicators@{month}")
    return kept


def test_coverage_counts_those_it_applies_to_and_limits_come_from_the_catalogue(lake: Lake) -> None:
    found = {each.id: each for each in examine(lake, as_of=202610, known_at=DAY)}
    assert set(found) == {SALES, HEADS, RARE, AGE}
    assert found[SALES].against == 202510
    assert (found[SALES].coverage, found[SALES].is_suspended) == (1.0, True)
    assert found[SALES].reasons == (f"与 202510 相比 PSI 为 {found[SALES].drift:.2f}，高于上限 0.25",)
    heads = found[HEADS]
    assert (heads.enterprises, heads.applicable, heads.covered) == (200, 100, 100)
    assert heads.drift == pytest.approx(0)
    assert not heads.is_suspended
    rare = found[RARE]
    assert (rare.coverage, rare.drift, rare.reasons) == (0.1, None, ("覆盖率 10.0%，低于下限 20%",))
    assert (found[AGE].drift, found[AGE].is_suspended) == (None, False)


def test_without_an_earlier_month_drift_is_not_known(lake: Lake) -> None:
    for each in examine(lake, as_of=202510, known_at=DAY):
        assert (each.against, each.drift) == (None, None)


def test_a_month_that_was_never_computed_is_named(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="202512"):
        examine(lake, as_of=202610, known_at=DAY, against=202512)
    with pytest.raises(ContractError, match="202610"):
        # Not known yet on that day.
        examine(lake, as_of=202610, known_at=dt.date(2026, 1, 1))
    with pytest.raises(ContractError, match="202610"):
        examine(Lake(tmp_path / "empty"), as_of=202610, known_at=DAY)


def test_the_command_tells_all_as_json_and_the_suspended_in_words(lake: Lake) -> None:
    asked = [
        "health",
        "--as-of",
        "202610",
        "--known-at",
        "2026-11-20",
        "--lake",
        str(lake.root),
    ]
    told = CliRunner().invoke(app, [*asked, "--json"])
    assert told.exit_code == 0, told.output
    assert {each["id"] for each in json.loads(told.output) if each["is_suspended"]} == {SALES, RARE}
    words = CliRunner().invoke(app, asked).output
    assert words.count("停用  ") == 2
    assert "共 4 个指标，停用 2 个；2 个没有足够的值可比，漂移未知。" in words
