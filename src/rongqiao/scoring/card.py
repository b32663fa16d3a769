"""The card: a scorecard as data, applied in one vectorised pass, with reasons in words."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rongqiao.kernel.errors import ContractError
from rongqiao.kernel.money import format_cny
from rongqiao.rules.levels import show_level

if TYPE_CHECKING:
    from collections.abc import Mapping

Floats = npt.NDArray[np.float64]
HIGHEST_SCORE = 1000.0
LOGISTIC_LIMIT = 700.0
DEFAULT_MODEL = "202610_credit"


@dataclass(frozen=True, slots=True)
class CardFeature:
    """One indicator of the card.

    Parameters
    ----------
    indicator : str
        Id; the column it is read from.
    title : str
        Chinese name.
    direction : str
        ``higher_better``, ``lower_better`` or ``neutral``.
    splits : tuple of float
        Inner edges; bin ``i`` holds ``splits[i-1] ≤ x < splits[i]``.
    points : tuple of float
        One per bin, the worst being 0.
    missing_points : float
        Points where the indicator has no value: its own bin, learnt from the sample.
    """

    indicator: str
    title: str
    direction: str
    splits: tuple[float, ...]
    points: tuple[float, ...]
    missing_points: float

    @property
    def max_points(self) -> float:
        """Most points that the indicator gives."""
        return max(*self.points, self.missing_points)


@dataclass(frozen=True, slots=True)
class Card:
    """A scorecard.

    Parameters
    ----------
    model, version : str
        Name (``202610_credit``) and version of the card.
    features : tuple of CardFeature
        In falling order of their most points.
    base_points : float
        Score of the worst bins everywhere; may be negative, the score is clipped to 0..1000.
    anchor_score, anchor_probability : float
        At this score the modelled probability of default is this.
    points_to_double_odds : float
        So many points more double the odds of not defaulting.
    """

    model: str
    version: str
    features: tuple[CardFeature, ...]
    base_points: float
    anchor_score: float
    anchor_probability: float
    points_to_double_odds: float

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def card_path(model: str) -> Path:
    """Where a shipped model's card stands."""
    return Path(__file__).parent / "models" / model / "card.json"


def load_card(path: Path) -> Card:
    """Read a card.

    Raises
    ------
    ContractError
        If the file is absent or is no card.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        features = tuple(
            CardFeature(**{**node, "splits": tuple(node["splits"]), "points": tuple(node["points"])})
            for node in data.pop("features")
        )
        card = Card(features=features, **data)
    except FileNotFoundError:
        raise ContractError("评分卡", str(path), "Run `rongqiao score train` first.") from None
    except (KeyError, TypeError, ValueError) as error:
        raise ContractError(
            "评分卡", str(path), f"It is not a card ({error}); export it again with `rongqiao score train`."
        ) from error
    for feature in features:
        if len(feature.points) != len(feature.splits) + 1 or list(feature.splits) != sorted(feature.splits):
            raise ContractError("评分卡", feature.indicator, "A feature has one more bin than rising splits.")
    return card


def save_card(card: Card, path: Path) -> None:
    """Write a card as JSON; the same card gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(card.to_dict(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def feature_points(card: Card, values: Mapping[str, Floats]) -> Floats:
    """Points of each feature.

    Parameters
    ----------
    card : Card
        What to apply.
    values : mapping
        Indicator id → one number per enterprise, NaN where there is none; an absent id is missing for all.

    Returns
    -------
    numpy.ndarray
        Rows are enterprises, columns the card's features.

    Raises
    ------
    ContractError
        If none of the card's indicators is given.
    """
    given = [feature.indicator for feature in card.features if feature.indicator in values]
    if not given:
        raise ContractError(
            "评分卡", card.model, "None of its indicators is in the data; compute indicators first."
        )
    rows = len(values[given[0]])
    result = np.empty((rows, len(card.features)))
    for column, feature in enumerate(card.features):
        x = values.get(feature.indicator)
        if x is None:
            result[:, column] = feature.missing_points
            continue
        bins = np.searchsorted(np.asarray(feature.splits), x, side="right")
        points = np.asarray(feature.points)[np.minimum(bins, len(feature.points) - 1)]
        result[:, column] = np.where(np.isnan(x), feature.missing_points, points)
    return result


def apply_card(card: Card, values: Mapping[str, Floats]) -> tuple[Floats, Floats]:
    """Score and probability of default of each enterprise.

    Returns
    -------
    score : numpy.ndarray
        0 to 1000, higher is better.
    default_probability : numpy.ndarray
        Within the target's horizon, 0 to 1, from the score before clipping.
    """
    raw = card.base_points + feature_points(card, values).sum(axis=1)
    return np.clip(raw, 0.0, HIGHEST_SCORE), probability(card, raw)


def probability(card: Card, score: Floats) -> Floats:
    """Probability of default that a score stands for."""
    odds = np.log(1 / card.anchor_probability - 1)
    logit = odds + (score - card.anchor_score) * np.log(2) / card.points_to_double_odds
    return np.asarray(1 / (1 + np.exp(np.clip(logit, -LOGISTIC_LIMIT, LOGISTIC_LIMIT))), dtype=np.float64)


def coverage(card: Card, values: Mapping[str, Floats], rows: int) -> Floats:
    """Share of the card's most points whose indicators have a value, per enterprise."""
    total = sum(feature.max_points for feature in card.features)
    known = np.zeros(rows)
    for feature in card.features:
        x = values.get(feature.indicator)
        if x is not None:
            known += np.where(np.isnan(x), 0.0, feature.max_points)
    return np.asarray(known / total if total else known, dtype=np.float64)


def reason_text(
    feature: CardFeature, value: float | None, points: float, *, is_held_back: bool = False
) -> str:
    """Explain one feature's points in Chinese; of an indicator that is held back from use, that it was not used."""
    if is_held_back:
        return f"{feature.title}：该指标暂停使用，未采用其数值，按缺失计 {points:.0f} 分（满分 {feature.max_points:.0f}）"
    if value is None:
        return f"{feature.title}：没有数据，按缺失计 {points:.0f} 分（满分 {feature.max_points:.0f}）"
    lost = feature.max_points - points
    # The title of a level explains its numbers, which the reader does not see.
    title = feature.title.split("（")[0] if feature.indicator.endswith("_level") else feature.title
    shown = f"{title}为 {show_number(feature.indicator, value)}"
    return f"{shown}，得满分 {points:.0f}" if lost < 0.5 else f"{shown}，较满分少 {lost:.0f} 分"


def show_number(indicator: str, value: float) -> str:
    """Show a value by the unit in its id's suffix."""
    if indicator.endswith("_ratio"):
        return f"{value * 100:.1f}%"
    if indicator.endswith("_cny"):
        return format_cny(value)
    if indicator.endswith("_level"):
        return show_level(indicator, value)
    unit = {"days": "天", "months": "个月"}.get(indicator.rsplit("_", 1)[-1], "")
    return f"{value:,.0f}{f' {unit}' if unit else ''}"
