"""What fails is held back by every reader, until it is healthy again or a person decides; nothing is rewritten."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import duckdb
import pytest

from rongqiao.indicators import enterprise_facts
from rongqiao.indicators.computation import TARGET
from rongqiao.indicators.distribution import draw_bins
from rongqiao.indicators.health import GROUPS, HEALTH, write_health
from rongqiao.indicators.suspension import Decision, State, carry_decision, follow, read_states, settle_states
from rongqiao.kernel.errors import ContractError, IllegalTransitionError
from rongqiao.lake.engine import connect
from rongqiao.lake.suspensions import held_back
from rongqiao.lake.tables import Lake
from rongqiao.scoring.card import DEFAULT_MODEL, card_path, load_card
from rongqiao.scoring.rating import rate, scale_of
from tests.spec.test_health import AGE, DAY, HEADS, RARE, SALES, SIZE, fill, wide

if TYPE_CHECKING:
    from pathlib import Path

OCTOBER = {"as_of": 202610, "known_at": DAY}
LATER = dt.date(2026, 12, 20)
RELEASE = Decision("d1", RARE, "release", "财务报表按季报送，覆盖率将在下月恢复。", "运营 林静", DAY)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Sales have drifted, statements cover a tenth; both are suspended."""
    kept = Lake(tmp_path)
    fill(kept)
    write_health(kept, **OCTOBER)
    settle_states(kept, **OCTOBER)
    return kept


def test_what_fails_is_suspended_once_with_figure_and_limit(lake: Lake) -> None:
    assert held_back(lake, known_at=DAY)[RARE] == "覆盖率 10.0%，低于 20%"
    assert set(held_back(lake, known_at=DAY)) == {SALES, RARE}
    # Nobody knew of it the day before.
    assert held_back(lake, known_at=DAY - dt.timedelta(days=1)) == {}
    assert not write_health(lake, **OCTOBER)
    assert not settle_states(lake, **OCTOBER)
    assert read_states(lake, known_at=DAY)[RARE] == State("suspended", "覆盖率 10.0%，低于 20%", DAY)


def test_states_need_figures(tmp_path: Path) -> None:
    empty = Lake(tmp_path)
    assert held_back(empty, known_at=DAY) == {}
    fill(empty)
    with pytest.raises(ContractError, match="202610"):
        settle_states(empty, **OCTOBER)


def test_criteria_do_not_know_it_though_its_values_stand(lake: Lake) -> None:
    facts = enterprise_facts(lake, **OCTOBER, indicators=[SALES, HEADS])
    assert facts.column(SALES).null_count == SIZE
    assert facts.column(HEADS).null_count == SIZE // 2
    assert lake.read(TARGET, [SALES]).column(SALES).null_count == 0
    before = enterprise_facts(lake, as_of=202510, known_at=dt.date(2025, 11, 20), indicators=[SALES])
    assert before.column(SALES).null_count == 0


def test_it_is_lifted_when_its_figures_are_good_again(lake: Lake) -> None:
    full = [float(each) for each in range(SIZE)]
    lake.append(
        TARGET, wide(202611, LATER, {RARE: full}, {RARE: ["ok"] * SIZE}), transaction="indicators@202611"
    )
    write_health(lake, as_of=202611, known_at=LATER)
    assert settle_states(lake, as_of=202611, known_at=LATER)
    states = read_states(lake, known_at=LATER)
    assert (states[RARE].state, states[RARE].since) == ("in_use", LATER)
    # Of sales the later month holds nothing.
    assert states[SALES].state == "suspended"
    assert RARE in held_back(lake, known_at=DAY)


def test_an_older_month_computed_late_decides_nothing(lake: Lake) -> None:
    write_health(lake, as_of=202510, known_at=LATER)
    assert not settle_states(lake, as_of=202510, known_at=LATER)
    assert set(held_back(lake, known_at=LATER)) == {SALES, RARE}


def test_a_person_may_release_and_halt_with_a_reason_once(lake: Lake) -> None:
    assert carry_decision(lake, RELEASE)
    assert not carry_decision(lake, RELEASE)
    assert RARE not in held_back(lake, known_at=DAY)
    with pytest.raises(IllegalTransitionError, match="halt"):
        carry_decision(lake, replace(RELEASE, id="d2"))
    halt = Decision("d3", AGE, "halt", "登记日期批量有误。", "运营 林静", DAY)
    carry_decision(lake, halt)
    assert held_back(lake, known_at=DAY)[AGE] == "登记日期批量有误。"
    # Good figures do not start again what a person stopped.
    write_health(lake, as_of=202610, known_at=LATER)
    settle_states(lake, as_of=202610, known_at=LATER)
    assert AGE in held_back(lake, known_at=LATER)
    assert carry_decision(lake, replace(halt, id="d4", event="resume", decided_on=LATER))
    assert AGE not in held_back(lake, known_at=LATER)


def test_what_is_derived_follows_what_it_rests_on() -> None:
    derived = "finance_sales_tax_vs_report_ratio"
    states = {SALES: State("halted", "口径有误", DAY)}
    followed = {name: state for name, _, state in follow(states, SALES)}
    assert followed[derived] == State("suspended", "所依据的“近12个月应税销售额合计”停用", DAY)
    again = {**followed, SALES: State("in_use", "", LATER)}
    assert {name: state.state for name, _, state in follow(again, SALES)}[derived] == "in_use"
    # One that also fails by itself waits for its figures.
    again[derived] = State("suspended", f"覆盖率 3.0%，低于 20%；{followed[derived].reason}", DAY)
    assert derived not in {name for name, _, _ in follow(again, SALES)}


def test_a_rating_does_not_use_it_and_says_so() -> None:
    card = load_card(card_path(DEFAULT_MODEL))
    name = card.features[0].indicator
    row = {each.indicator: [1.0] for each in card.features}
    table = duckdb.sql(
        f"SELECT 'E1' AS enterprise_id, {OCTOBER['as_of']} AS as_of, DATE '{DAY}' AS known_at, "
        + ", ".join(f"{value[0]}::DOUBLE AS {key}" for key, value in row.items())
    ).to_arrow_table()
    used, stopped = rate(table, card, scale_of(DAY)), rate(table, card, scale_of(DAY), held_back={name})
    assert stopped.column("coverage_ratio")[0].as_py() < used.column("coverage_ratio")[0].as_py()
    reasons = {each["indicator"]: each for each in json.loads(stopped.column("reasons")[0].as_py())}
    assert "该指标暂停使用，未采用其数值" in reasons[name]["text"]
    assert reasons[name]["points"] == pytest.approx(card.features[0].missing_points, abs=0.01)


def test_groups_keep_coverage_of_all_and_quantiles_of_enough(lake: Lake) -> None:
    with connect(lake, [GROUPS, HEALTH]) as connection:
        rows = connection.execute(
            f'SELECT dimension, code, enterprises, covered, knots FROM "{GROUPS}" WHERE indicator_id = ? AND as_of = 202610',
            [RARE],
        ).fetchall()
        (version, bins) = connection.execute(
            f'SELECT version, bins FROM "{HEALTH}" WHERE indicator_id = ?', [RARE]
        ).fetchone()  # type: ignore[misc]
    found = {
        (dimension, code): (enterprises, covered, knots)
        for dimension, code, enterprises, covered, knots in rows
    }
    assert set(found) == {
        ("all", ""),
        ("region", "4301"),
        ("region", "4302"),
        ("section", ""),
        ("section", "C"),
        ("section", "F"),
    }
    assert found["all", ""][:2] == (1980, 198)
    assert found["region", "4301"][0] + found["region", "4302"][0] == 1980
    assert found["section", "C"][2][5] == pytest.approx(5.9, abs=0.5)
    assert version == "1"
    assert sum(count for _, _, count in json.loads(bins)) == 198


def test_bins_are_round_and_tell_few_values_one_by_one() -> None:
    import numpy as np

    assert draw_bins(np.array([np.nan])) == []
    assert draw_bins(np.array([0.0, 0.0, 3.0])) == [(0.0, 0.0, 2), (3.0, 3.0, 1)]
    even = draw_bins(np.linspace(0, 97.3, 500))
    assert [low for low, _, _ in even][1:4] == [0.0, 10.0, 20.0]
    skewed = draw_bins(np.exp(np.linspace(2, 12, 500)))
    assert {f"{low:g}"[0] for low, _, _ in skewed if low} <= {"1", "2", "5"}
    assert sum(count for _, _, count in skewed) == 500
