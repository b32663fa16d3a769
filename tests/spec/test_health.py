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
from rongqiao.indicators.health import COMPARABLE, Health, drift, examine
from rongqiao.kernel.errors import ContractError
from rongqiao.lake.tables import Lake

if TYPE_CHECKING:
    from pathlib import Path

SALES, HEADS, RARE, EXPORTS, AGE = (
    "tax_taxable_sales_sum_m12_cny", "social_insured_headcount_avg_m3_count", "finance_statement_revenue_y1_cny",
    "customs_export_avg_m3_cny", "registration_age_months",
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


SIZE = 2_000


def register(size: int) -> pa.Table:
    """Enterprises of two prefectures and two sections; one in a hundred is closed."""
    return pa.table(
        {
            "enterprise_id": [f"E{number:05d}" for number in range(size)],
            "county_code": [("430102", "430203")[number % 2] for number in range(size)],
            "industry_code": [("C3071", "F5132", "unknown")[number % 3] for number in range(size)],
            "status": ["注销" if number % 100 == 99 else "存续" for number in range(size)],
            "legal_form": ["有限责任公司"] * size,
            "registered_capital_cny": [100.0] * size,
            "established_on": pa.array([dt.date(2018, 5, 1)] * size, pa.date32()),
            "known_at": pa.array([dt.date(2025, 1, 10)] * size, pa.date32()),
        }
    )


def wide(
    month: int, known_at: dt.date, values: dict[str, list[float | None]], statuses: dict[str, list[str]]
) -> pa.Table:
    """Rows of the wide table as a computation leaves them."""
    size = len(next(iter(values.values())))
    columns = {
        "enterprise_id": [f"E{number:05d}" for number in range(size)],
        "as_of": pa.array([month] * size, pa.int32()),
        "known_at": pa.array([known_at] * size, pa.date32()),
    }
    for name, column in values.items():
        columns |= {name: pa.array(column, pa.float64()), f"{name}__status": statuses[name]}
    return pa.table(columns)


def fill(lake: Lake, size: int = SIZE, factor: float = 3.0) -> None:
    """Two Octobers: sales grew by the factor, heads stayed, a tenth has statements, a twentieth exports, age is a new indicator."""
    base, half, tenth, few = (
        [float(each) for each in np.linspace(1, 100, size)],
        size // 2,
        size // 10,
        size // 20,
    )
    lake.replace("published/enterprises", register(size))
    for month, known_at, times in ((202510, dt.date(2025, 11, 20), 1.0), (202610, DAY, factor)):
        values: dict[str, list[float | None]] = {
            SALES: [each * times for each in base],
            HEADS: [*base[:half], *[None] * half],
            RARE: [*base[:tenth], *[None] * (size - tenth)],
            EXPORTS: [*base[:few], *[None] * (size - few)],
        }
        statuses = {
            SALES: ["ok"] * size,
            HEADS: [*["stale"] * (half // 2), *["ok"] * (half - half // 2), *["not_applicable"] * half],
            RARE: [*["ok"] * tenth, *["missing"] * (size - tenth)],
            EXPORTS: [*["ok"] * few, *["missing"] * (size - few)],
        }
        if month == 202610:
            values[AGE], statuses[AGE] = list(base), ["ok"] * size
        lake.append(TARGET, wide(month, known_at, values, statuses), transaction=f"indicators@{month}")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    kept = Lake(tmp_path)
    fill(kept)
    return kept


def examined(lake: Lake, **asked: int) -> dict[str, Health]:
    return {each.id: each for each in examine(lake, as_of=202610, known_at=DAY, **asked)}


def test_coverage_counts_existing_ones_it_applies_to_and_limits_come_from_the_catalogue(lake: Lake) -> None:
    found = examined(lake)
    assert set(found) == {SALES, HEADS, RARE, EXPORTS, AGE}
    assert found[SALES].against == 202510
    assert (found[SALES].enterprises, found[SALES].coverage, found[SALES].verdict) == (1980, 1.0, "failing")
    assert found[SALES].reasons == (
        f"取值分布比 2025 年 10 月 变化过大（群体稳定性指数 {found[SALES].drift:.2f}，上限 0.25）",
    )
    heads = found[HEADS]
    # Closed ones are left out of both.
    assert (heads.applicable, heads.covered) == (990, 990)
    assert heads.drift == pytest.approx(0)
    rare = found[RARE]
    assert (rare.coverage, rare.drift, rare.reasons) == (0.1, pytest.approx(0), ("覆盖率 10.0%，低于 20%",))
    assert (found[AGE].drift, found[AGE].against, found[AGE].verdict) == (None, 202510, "ok")


def test_what_applies_to_few_by_nature_is_counted_over_those_few(lake: Lake) -> None:
    exports = examined(lake)[EXPORTS]
    assert (exports.subjects, exports.applicable, exports.covered, exports.coverage) == (
        "有进出口记录的企业",
        99,
        99,
        1.0,
    )


def test_too_few_enterprises_decide_nothing(tmp_path: Path) -> None:
    small = Lake(tmp_path)
    fill(small, size=400)
    found = examined(small)
    # Both figures lie beyond the limits; neither counts.
    assert found[RARE].coverage == pytest.approx(0.1, abs=0.01)
    assert (found[RARE].verdict, found[RARE].reasons) == ("unknown", ())
    assert found[SALES].drift is not None
    assert found[SALES].drift > 0.25
    assert found[SALES].verdict == "unknown"


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
    assert {each["id"] for each in json.loads(told.output) if each["is_failing"]} == {SALES, RARE}
    words = CliRunner().invoke(app, asked).output
    assert words.count("未达标  ") == 2
    assert "共 5 个指标，未达标 2 个；2 个适用企业太少，未判定；1 个没有足够的值可比，漂移未知。" in words
