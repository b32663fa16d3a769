"""The scorecard: monotone, explained, the same from estimator and card, and honest about what it does not know."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from rongqiao.indicators.registry import load_indicators
from rongqiao.kernel.errors import ContractError
from rongqiao.lake.tables import Lake
from rongqiao.rules.levels import LEVELS, show_level
from rongqiao.scoring import rating
from rongqiao.scoring.card import Card, CardFeature, apply_card, load_card, reason_text, save_card
from rongqiao.scoring.evaluation import cross_validate, kolmogorov_smirnov
from rongqiao.scoring.rating import RATINGS, GradeScale, grade_of, rate, scale_of, write_ratings
from rongqiao.scoring.scorecard import Scorecard, card_probability
from rongqiao.scoring.training import default_target, join_target, model_card, train

if TYPE_CHECKING:
    from pathlib import Path

DIRECTIONS = {"sales_yoy_ratio": "higher_better", "overdue_count": "lower_better", "noise_ratio": "neutral"}
SCALE = GradeScale({"A": 600.0, "B": 400.0, "C": 300.0, "D": 0.0}, 0.4)
AS_OF, KNOWN_AT = 202610, dt.date(2026, 11, 20)


def sample(rows: int = 600) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(7)
    health = rng.normal(size=rows)
    frame = pd.DataFrame(
        {
            "sales_yoy_ratio": health + rng.normal(size=rows),
            "sales_copy_ratio": health * 2,
            "overdue_count": np.maximum(0, np.round(-health + rng.normal(size=rows))),
            "noise_ratio": rng.normal(size=rows),
            "constant_count": 1.0,
        }
    )
    frame["sales_copy_ratio"] = frame["sales_yoy_ratio"] * 2
    frame.loc[rng.random(rows) < 0.2, "overdue_count"] = np.nan
    target = (health + rng.normal(size=rows) < -1.3).astype(int)
    return frame, target


@pytest.fixture(scope="module")
def fitted() -> tuple[Scorecard, pd.DataFrame, np.ndarray]:
    frame, target = sample()
    return (
        Scorecard(directions=DIRECTIONS, titles={"overdue_count": "逾期次数"}).fit(frame, target),
        frame,
        target,
    )


def test_card_scores_as_the_estimator_does(
    fitted: tuple[Scorecard, pd.DataFrame, np.ndarray], tmp_path: Path
) -> None:
    model, frame, _ = fitted
    card = model.export("202610_test")
    save_card(card, tmp_path / "card.json")
    again = load_card(tmp_path / "card.json")
    assert again == card
    np.testing.assert_allclose(card_probability(again, frame), model.predict_proba(frame)[:, 1], rtol=1e-9)


def test_points_follow_the_declared_direction_and_weights_have_one_sign(
    fitted: tuple[Scorecard, pd.DataFrame, np.ndarray],
) -> None:
    card = fitted[0].export("202610_test")
    assert min(fitted[0].weights_.values()) > 0
    for feature in card.features:
        if feature.direction == "higher_better":
            assert list(feature.points) == sorted(feature.points)
        if feature.direction == "lower_better":
            assert list(feature.points) == sorted(feature.points, reverse=True)
        assert min(*feature.points, feature.missing_points) == pytest.approx(0.0)


def test_what_repeats_another_or_never_varies_is_left_out(
    fitted: tuple[Scorecard, pd.DataFrame, np.ndarray],
) -> None:
    chosen = set(fitted[0].weights_)
    assert len(chosen & {"sales_yoy_ratio", "sales_copy_ratio"}) == 1
    assert "constant_count" not in chosen


def test_cross_validation_is_out_of_fold_and_repeatable() -> None:
    frame, target = sample()
    first, again = (cross_validate(frame, target, directions=DIRECTIONS) for _ in range(2))
    assert first == again
    assert 0.7 < first.auc < 0.95
    assert sum(fold.rows for fold in first.folds) == len(target)
    assert sum(fold.events for fold in first.folds) == target.sum()
    shuffled = np.random.default_rng(1).permutation(target)
    # Nothing to learn: a leak of the held-out rows into bins or choice would show here as a good AUC.
    assert cross_validate(frame, shuffled, directions=DIRECTIONS, min_information=0.0).auc < 0.6


def test_ks_of_perfect_and_of_no_separation() -> None:
    assert kolmogorov_smirnov([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9]) == 1.0
    assert kolmogorov_smirnov([0, 1, 0, 1], [0.5, 0.5, 0.5, 0.5]) == 0.0


def test_bins_of_one_class_alone_are_merged_before_binning() -> None:
    frame, target = sample()
    frame["rare_flag"] = ((target == 0) & (frame["noise_ratio"] > 2)).astype(float)
    assert "rare_flag" not in Scorecard(directions=DIRECTIONS).fit(frame, target).weights_


def test_a_sample_of_one_class_is_refused() -> None:
    frame, target = sample(60)
    with pytest.raises(ContractError):
        Scorecard().fit(frame, np.zeros_like(target))


CARD = Card(
    "202610_test",
    "1",
    (
        CardFeature("sales_yoy_ratio", "销售同比", "higher_better", (0.0,), (0.0, 300.0), 100.0),
        CardFeature("overdue_count", "逾期次数", "lower_better", (1.0,), (200.0, 0.0), 150.0),
    ),
    250.0,
    640.0,
    0.04,
    80.0,
)


def wide(**columns: list[float | None]) -> pa.Table:
    rows = len(next(iter(columns.values())))
    table = {
        "enterprise_id": [f"E{n}" for n in range(rows)],
        "as_of": pa.array([AS_OF] * rows, pa.int32()),
        "known_at": pa.array([KNOWN_AT] * rows),
    }
    return pa.table(table | {name: pa.array(values, pa.float64()) for name, values in columns.items()})


def test_rating_explains_abstains_and_knocks_out() -> None:
    rated = rate(
        wide(
            sales_yoy_ratio=[0.1, -0.1, None, 0.1],
            overdue_count=[0, 3, None, 0],
            judicial_dishonest_open_count=[0, 0, 0, 1],
        ),
        CARD,
        SCALE,
    ).to_pylist()
    assert [row["score"] for row in rated] == [750.0, 250.0, None, 299.0]
    assert [row["grade"] for row in rated] == ["A", "D", None, "D"]
    assert [row["coverage_ratio"] for row in rated] == [1.0, 1.0, 0.0, 1.0]
    assert rated[2]["default_probability"] is None
    assert json.loads(rated[3]["knock_outs"]) == ["列为失信被执行人且未了结"]
    assert json.loads(rated[3]["reasons"])[0] == {
        "indicator": "judicial_dishonest_open_count",
        "points": None,
        "max_points": None,
        "text": "列为失信被执行人且未了结：一票否决，等级为 D",
    }
    assert len(json.loads(rated[3]["reasons"])) == len(json.loads(rated[1]["reasons"])) + 1
    worst = json.loads(rated[1]["reasons"])[0]
    assert worst == {
        "indicator": "sales_yoy_ratio",
        "points": 0.0,
        "max_points": 300.0,
        "text": "销售同比为 -10.0%，较满分少 300 分",
    }
    assert "没有数据" in json.loads(rated[2]["reasons"])[0]["text"]


def test_bins_hold_their_lower_edge_and_missing_has_its_own_points() -> None:
    values = {
        "sales_yoy_ratio": np.array([-0.01, 0.0, np.nan]),
        "overdue_count": np.array([0.99, 1.0, np.nan]),
    }
    score, probability = apply_card(CARD, values)
    assert score.tolist() == [450.0, 550.0, 500.0]
    assert probability[0] > probability[2] > probability[1]
    at_anchor = Card("m", "1", CARD.features[:1], 640.0, 640.0, 0.04, 80.0)
    assert apply_card(at_anchor, {"sales_yoy_ratio": np.array([-1.0])})[1][0] == pytest.approx(0.04)


def test_grades_follow_the_dated_cutoffs() -> None:
    scale = scale_of(dt.date(2026, 10, 31))
    assert [grade_of(score, scale) for score in (1000, 900, 899.9, 560, 300, 299, None)] == [
        "AAA",
        "AAA",
        "AA",
        "B",
        "C",
        "D",
        None,
    ]


def test_broken_cards_are_named(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="score train"):
        load_card(tmp_path / "none.json")
    (tmp_path / "card.json").write_text('{"features": [{"indicator": "x"}]}', encoding="utf-8")
    with pytest.raises(ContractError):
        load_card(tmp_path / "card.json")


def test_ratings_are_written_once_from_the_kept_indicators(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    with pytest.raises(ContractError, match="indicators compute"):
        write_ratings(lake, as_of=AS_OF, known_at=KNOWN_AT, card=CARD, scale=SCALE)
    lake.append(
        "analytics/indicators",
        wide(sales_yoy_ratio=[0.1, -0.1], overdue_count=[0, 3]),
        transaction=f"indicators@{AS_OF}@{KNOWN_AT.isoformat()}",
    )
    assert write_ratings(lake, as_of=AS_OF, known_at=KNOWN_AT, card=CARD, scale=SCALE)
    assert not write_ratings(lake, as_of=AS_OF, known_at=KNOWN_AT, card=CARD, scale=SCALE)
    assert lake.read(RATINGS).num_rows == 2


def test_ratings_of_a_province_are_written_some_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Lake(tmp_path)
    features = wide(sales_yoy_ratio=[0.1, -0.1, None], overdue_count=[0, 3, None])
    key = f"indicators@{AS_OF}@{KNOWN_AT.isoformat()}"
    lake.append("analytics/indicators", features, transaction=key)
    monkeypatch.setattr(rating, "SPAN", 2)
    assert write_ratings(lake, as_of=AS_OF, known_at=KNOWN_AT, card=CARD, scale=SCALE)
    written = lake.read(RATINGS).sort_by("enterprise_id")
    assert written.select(rating.SCHEMA.names).to_pylist() == rate(features, CARD, SCALE).to_pylist()


def test_target_looks_only_at_the_twelve_months_after(tmp_path: Path) -> None:
    def report(name: str, on: str, overdue: int, kind: str, known: str = "2026-11-15") -> dict[str, object]:
        return {
            "enterprise_id": name,
            "loan_no": f"L{name}",
            "reported_on": dt.date.fromisoformat(on),
            "overdue_days": overdue,
            "five_class": kind,
            "known_at": dt.date.fromisoformat(known),
            "batch_id": "b",
            "line": 2,
        }

    lake = Lake(tmp_path)
    rows = [
        report("good", "2026-05-31", 90, "special_mention"),
        report("late", "2026-10-31", 91, "special_mention"),
        report("classed", "2025-11-30", 0, "doubtful"),
        report("already", "2025-10-31", 120, "substandard"), report("already", "2026-01-31", 0, "normal"),
        report("after", "2026-11-30", 200, "loss"),
        report("corrected", "2026-03-31", 200, "loss"), report("corrected", "2026-03-31", 0, "normal", "2026-11-18"),
    ]  # fmt: skip
    lake.append("published/platform.loan_performance", pa.Table.from_pylist(rows), transaction="t")
    target = default_target(lake, as_of=202510, known_at=KNOWN_AT)
    assert target == {"classed": 1, "corrected": 0, "good": 0, "late": 1}
    with pytest.raises(ContractError):
        join_target(wide(sales_yoy_ratio=[0.1]), target)


def test_training_makes_a_card_and_says_what_it_is() -> None:
    frame, target = sample()
    features = pa.Table.from_pandas(frame, preserve_index=False)
    trained = train(features, target.tolist(), model="202610_test", directions=DIRECTIONS, titles={})
    text = model_card(trained, features=features, data="Drawn at random.")
    assert trained.events == target.sum()
    assert f"AUC {trained.evaluation.auc:.3f}" in text
    assert all(feature.indicator in text for feature in trained.card.features)


def test_reasons_name_a_level_as_its_department_does() -> None:
    grade = CardFeature(
        "tax_grade_now_level",
        "最近纳税缴费信用级别（5为A，1为D）",
        "higher_better",
        (3.0,),
        (0.0, 60.0),
        20.0,
    )
    assert reason_text(grade, 1.0, 0.0) == "最近纳税缴费信用级别为 D 级，较满分少 60 分"
    assert reason_text(grade, 5.0, 60.0) == "最近纳税缴费信用级别为 A 级，得满分 60"


def test_every_level_of_an_indicator_has_a_name() -> None:
    declared = {name for name in load_indicators() if name.endswith("_level") and "_trend_" not in name}
    assert {name for name in declared if show_level(name, 1.0) == "1 级"} == set()
    assert set(LEVELS) <= declared
