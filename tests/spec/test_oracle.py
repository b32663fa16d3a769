"""The systematic statistics of the catalogue, worked out a second time in plain Python: frozen answers and random months agree."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from catalogue_events import EVENTS, WITHOUT_A_CONTRACT, event_answers
from catalogue_series import SERIES, series_answers
from drawn import publish
from drawn_cast import AS_OF, BIAN, KNOWN_AT, WU, XIN, YUAN, Row, months
from oracle import REACH, STATISTICS, months_of

from rongqiao.indicators import compute, load_indicators
from rongqiao.lake.tables import Lake

if TYPE_CHECKING:
    from oracle import Answer

NAMES = (YUAN, BIAN, XIN, WU)
SPECS: dict[str, list[Any]] = yaml.safe_load(
    (Path(__file__).parent / "expected.yaml").read_text(encoding="utf-8")
)
ANSWERS = dict(series_answers(NAMES))
EVENT_ANSWERS = dict(event_answers(NAMES))


def same(found: Answer | None, expected: Answer) -> bool:
    if isinstance(found, str) or isinstance(expected, str):
        return found == expected
    return found == pytest.approx(expected, rel=1e-5, abs=1e-9)


def test_the_catalogue_has_23_series_of_ten_statistics_less_what_was_argued_away() -> None:
    assert (len(SERIES), len(STATISTICS)) == (23, 10)
    argued_away = sum(len(series.without) for series in SERIES)
    assert len(ANSWERS) == 230 - argued_away == 227
    assert set(ANSWERS) <= set(load_indicators())


def test_the_catalogue_has_48_types_of_event_of_four_less_what_was_argued_away() -> None:
    types = {event.catalogue for event in EVENTS}
    assert len(types) + len(WITHOUT_A_CONTRACT) == 48
    assert len(EVENT_ANSWERS) + len({"hpf_arrears_open_months"}) == 48 * 4 - 16
    assert set(EVENT_ANSWERS) <= set(load_indicators())


def test_windows_are_as_declared() -> None:
    for name in ANSWERS:
        statistic = next(each for each in REACH if f"_{each}_" in name)
        declared = load_indicators()[name]
        assert (declared.window_months, declared.minimum_months) == REACH[statistic], name


@pytest.mark.parametrize("name", [*ANSWERS, *EVENT_ANSWERS])
def test_frozen_answers_are_those_of_the_oracle(name: str) -> None:
    for expected, told in zip({**ANSWERS, **EVENT_ANSWERS}[name], SPECS[name], strict=True):
        assert same(told, expected)


def _random_months(draw: random.Random) -> list[Row]:
    """Forty lives of YUAN's age: months that were not delivered, items without a value, zeros, and any amount."""
    rows: list[Row] = []
    for life in range(40):
        gaps, zeros = draw.choice((0.0, 0.1, 0.3)), draw.choice((0.0, 0.2, 0.8))
        for _, period in months(30):
            if draw.random() < gaps:
                continue
            values = {}
            for item in ("export_cny", "import_cny"):
                amount = 0 if draw.random() < zeros else draw.choice((draw.randint(1, 9), 1000.25, 0.01))
                values[item] = None if draw.random() < gaps / 2 else amount
            rows.append({"enterprise_id": f"LIFE{life:02d}", "period": period, **values})
    return rows


def test_random_months_come_to_what_the_oracle_says(tmp_path: Path) -> None:
    rows = _random_months(random.Random(20261126))
    lake = Lake(tmp_path)
    # Without a register everybody counts whom a table knows.
    publish(lake, "customs.trade_monthly", rows)
    units = {name: name.rsplit("_", 1)[1] for name in ANSWERS if name.startswith("customs_")}
    wide = {
        row["enterprise_id"]: row
        for row in compute(lake, as_of=AS_OF, known_at=KNOWN_AT, only=list(units)).to_pylist()
    }
    told = 0
    for measure, item in (("export", "export_cny"), ("import", "import_cny")):
        for enterprise in sorted({row["enterprise_id"] for row in rows}):
            x = months_of(rows, enterprise, lambda row, item=item: row[item])  # type: ignore[misc]
            for statistic in STATISTICS:
                name = next(each for each in units if each.startswith(f"customs_{measure}_{statistic}_"))
                found, status = wide[enterprise][name], wide[enterprise][f"{name}__status"]
                value = STATISTICS[statistic](x)
                assert (found is None) == (value is None), (enterprise, name)
                if value is None:
                    assert status in ("missing", "not_applicable")
                else:
                    told += 1
                    assert found == pytest.approx(value, rel=1e-9, abs=1e-9), (enterprise, name)
                    declared = load_indicators()[name].bounds
                    assert declared[0] is None or found >= declared[0]
                    assert declared[1] is None or found <= declared[1]
    assert told > 500
