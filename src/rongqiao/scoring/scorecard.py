"""Monotone weight-of-evidence scorecard on scikit-learn's contract.

Bins come from optbinning, monotone in the direction each indicator declares; missing is a bin of its own. Weights of
evidence are smoothed and made monotone; a logistic regression joins them, and whatever gets the wrong sign is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
from optbinning import OptimalBinning
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from rongqiao.kernel.errors import ContractError
from rongqiao.scoring.card import Card, CardFeature, Floats, apply_card

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

TRENDS = {"higher_better": "descending", "lower_better": "ascending"}
# Share of a good and a bad that each bin is given beforehand: keeps small bins near "no evidence".
SMOOTHING = 2.0
ANCHOR_SCORE, ANCHOR_PROBABILITY, POINTS_TO_DOUBLE = 640.0, 0.04, 80.0
MAX_BINS, PREBINS = 10, 16
KEYS = frozenset({"enterprise_id", "as_of", "known_at"})


@dataclass(frozen=True, slots=True)
class Binned:
    """Bins of one indicator with the weight of evidence (higher is better) of each and of missing."""

    splits: Floats
    evidence: Floats
    missing: float
    information: float

    def transform(self, x: Floats) -> Floats:
        """Replace values by their bin's evidence."""
        found = self.evidence[np.searchsorted(self.splits, x, side="right").clip(max=len(self.evidence) - 1)]
        return np.asarray(np.where(np.isnan(x), self.missing, found), dtype=np.float64)


def feature_frame(features: pa.Table | pd.DataFrame) -> pd.DataFrame:
    """Take the indicator columns of a wide table as numbers; null becomes NaN, keys and statuses are left out."""
    frame = features if isinstance(features, pd.DataFrame) else features.to_pandas()
    names = [name for name in frame.columns if name not in KEYS and not name.endswith("__status")]
    return frame[names].apply(pd.to_numeric).astype("float64")


class Scorecard(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Estimator: ``fit(X, y)`` with y 1 for default, ``predict_proba(X)``, ``export()`` as a card.

    Parameters
    ----------
    directions : mapping or None
        Indicator id → ``higher_better``, ``lower_better`` or ``neutral`` (monotone either way); absent is neutral.
    titles : mapping or None
        Indicator id → Chinese name; the id where absent.
    max_features : int
        Most indicators on the card.
    max_correlation : float
        Of two whose evidence correlates more strongly, the one with less information is dropped.
    min_information : float
        Indicators with less information value are dropped.
    regularisation : float
        Inverse strength of the L2 penalty.
    """

    def __init__(
        self,
        directions: Mapping[str, str] | None = None,
        titles: Mapping[str, str] | None = None,
        max_features: int = 25,
        max_correlation: float = 0.7,
        min_information: float = 0.05,
        regularisation: float = 0.1,
    ) -> None:
        self.directions = directions
        self.titles = titles
        self.max_features = max_features
        self.max_correlation = max_correlation
        self.min_information = min_information
        self.regularisation = regularisation

    def fit(self, X: pa.Table | pd.DataFrame, y: Any) -> Scorecard:
        """Learn bins, choice and weights.

        Raises
        ------
        ContractError
            If only one class is present, or no indicator carries information.
        """
        frame, target = feature_frame(X), np.asarray(y, dtype=np.int64)
        if set(np.unique(target)) != {0, 1}:
            raise ContractError(
                "训练样本", sorted(np.unique(target)), "It needs both defaults (1) and others (0)."
            )
        frame = frame.loc[:, frame.nunique() >= 2]
        self.classes_ = np.array([0, 1])
        binned = self._bin(frame, target)
        chosen = self._choose(frame, target, binned)
        self._weigh(frame, target, {name: binned[name] for name in chosen})
        return self

    def _bin(self, frame: pd.DataFrame, target: Any) -> dict[str, Binned]:
        directions = self.directions or {}
        found = {}
        for name in frame.columns:
            trend = TRENDS.get(directions.get(name, ""), "auto_asc_desc")
            x = frame[name].to_numpy()
            edges = _populated(x, target, candidate_splits(x))
            found[name] = _evidence(x, target, _merge(name, x, target, edges, trend), trend)
        return found

    def _choose(self, frame: pd.DataFrame, target: Any, binned: Mapping[str, Binned]) -> list[str]:
        """Most informative first, skipping what repeats a chosen one."""
        ranked = sorted(binned, key=lambda name: (-binned[name].information, name))
        informative = [
            name
            for name in ranked
            if binned[name].information >= self.min_information and len(binned[name].splits)
        ]
        chosen: list[str] = []
        columns: list[Floats] = []
        for name in informative:
            column = binned[name].transform(frame[name].to_numpy())
            if column.std() < 1e-9:
                continue
            if all(abs(np.corrcoef(column, other)[0, 1]) <= self.max_correlation for other in columns):
                chosen.append(name)
                columns.append(column)
            if len(chosen) == self.max_features:
                break
        if not chosen:
            raise ContractError("训练样本", len(frame), "No indicator tells defaults from others.")
        return chosen

    def _weigh(self, frame: pd.DataFrame, target: Any, binned: dict[str, Binned]) -> None:
        """Logistic regression on the evidence; a weight of the wrong sign drops its indicator, worst first."""
        while True:
            names = list(binned)
            evidence = np.column_stack([binned[name].transform(frame[name].to_numpy()) for name in names])
            model = LogisticRegression(C=self.regularisation, max_iter=2000, tol=1e-8)
            model.fit(evidence, 1 - target)
            weights = model.coef_[0]
            if len(names) == 1 or weights.min() > 0:
                break
            del binned[names[int(weights.argmin())]]
        self.binned_ = binned
        self.weights_ = dict(zip(names, weights.tolist(), strict=True))
        self.intercept_ = float(model.intercept_[0])

    def decision_function(self, X: pa.Table | pd.DataFrame) -> Floats:
        """Log-odds of not defaulting."""
        frame = feature_frame(X)
        total = np.full(len(frame), self.intercept_)
        for name, weight in self.weights_.items():
            total += weight * self.binned_[name].transform(frame[name].to_numpy())
        return total

    def predict_proba(self, X: pa.Table | pd.DataFrame) -> Floats:
        """Probability of the classes 0 and 1 (default)."""
        good = 1 / (1 + np.exp(-self.decision_function(X)))
        return np.column_stack([good, 1 - good])

    def predict(self, X: pa.Table | pd.DataFrame) -> Any:
        """Class that is more probable."""
        return (self.predict_proba(X)[:, 1] >= 0.5).astype(np.int64)

    def export(self, model: str, version: str = "1") -> Card:
        """Write down the fitted scorecard as a card; it scores as the estimator does."""
        titles, directions = self.titles or {}, self.directions or {}
        factor = POINTS_TO_DOUBLE / np.log(2)
        base = ANCHOR_SCORE + factor * (self.intercept_ - np.log(1 / ANCHOR_PROBABILITY - 1))
        features = []
        for name, weight in self.weights_.items():
            binned = self.binned_[name]
            raw = factor * weight * np.append(binned.evidence, binned.missing)
            base += raw.min()
            points = (raw - raw.min()).tolist()
            features.append(
                CardFeature(
                    name,
                    titles.get(name, name),
                    directions.get(name, "neutral"),
                    tuple(binned.splits.tolist()),
                    tuple(points[:-1]),
                    points[-1],
                )
            )
        features.sort(key=lambda feature: (-feature.max_points, feature.indicator))
        return Card(
            model, version, tuple(features), float(base), ANCHOR_SCORE, ANCHOR_PROBABILITY, POINTS_TO_DOUBLE
        )


def candidate_splits(x: Floats) -> Floats:
    """Edges that bins may be merged from: between all values if they are few, else the 16-quantiles."""
    known = x[~np.isnan(x)]
    values = np.unique(known)
    if len(values) <= PREBINS:
        return np.asarray((values[1:] + values[:-1]) / 2)
    edges = np.unique(np.quantile(known, np.linspace(0, 1, PREBINS + 1)[1:-1]))
    return np.asarray(edges[edges > values[0]])


def _populated(x: Floats, target: Any, edges: Floats) -> Floats:
    """Keep the edges between which both classes occur: optbinning cannot start from a bin of one class."""
    known = ~np.isnan(x)
    bins = np.searchsorted(edges, x[known], side="right")
    bad = np.bincount(bins, weights=target[known], minlength=len(edges) + 1)
    good = np.bincount(bins, minlength=len(edges) + 1) - bad
    kept: list[float] = []
    open_bad = open_good = 0.0
    for place, edge in enumerate(edges):
        open_bad, open_good = open_bad + bad[place], open_good + good[place]
        rest_bad, rest_good = bad[place + 1 :].sum(), good[place + 1 :].sum()
        if min(open_bad, open_good, rest_bad, rest_good) >= 1:
            kept.append(float(edge))
            open_bad = open_good = 0.0
    return np.asarray(kept, dtype=np.float64)


def _merge(name: str, x: Floats, target: Any, edges: Floats, trend: str) -> Floats:
    """Merge bins to the monotone binning of most information; none where no edge is left."""
    if len(edges) == 0:
        return edges
    # One variable at a time: BinningProcess also builds reports, which pandas 3 warns about.
    binning = OptimalBinning(
        name, user_splits=edges, max_n_bins=MAX_BINS, min_bin_size=0.05, monotonic_trend=trend
    )
    binning.fit(x, target)
    return np.asarray(binning.splits, dtype=np.float64)


def _evidence(x: Floats, target: Any, splits: Any, trend: str) -> Binned:
    """Smoothed weight of evidence per bin, monotone as asked, and the information value of all."""
    edges = np.asarray(splits, dtype=np.float64)
    known = ~np.isnan(x)
    bins = np.where(known, np.searchsorted(edges, x, side="right"), len(edges) + 1)
    bad = np.bincount(bins, weights=target, minlength=len(edges) + 2)
    good = np.bincount(bins, minlength=len(edges) + 2) - bad
    bad_share, good_share = target.mean(), 1 - target.mean()
    smooth_bad, smooth_good = bad + SMOOTHING * bad_share, good + SMOOTHING * good_share
    evidence = np.log(smooth_good / smooth_bad) - np.log(good_share / bad_share)
    inner = evidence[:-1]
    if len(inner) > 1:
        increasing: Any = {"descending": True, "ascending": False}.get(trend, "auto")
        weights = (bad + good)[:-1] + SMOOTHING
        places = np.arange(len(inner))
        if increasing == "auto":
            # optbinning already found one direction; the ends tell which.
            increasing = bool(inner[-1] >= inner[0])
        inner = (
            IsotonicRegression(increasing=increasing)
            .fit(places, inner, sample_weight=weights)
            .predict(places)
        )
    spread = good / max(good.sum(), 1.0) - bad / max(bad.sum(), 1.0)
    full = np.append(inner, evidence[-1])
    information = float(np.clip(spread * full, 0, None).sum())
    return Binned(edges, np.asarray(inner, dtype=np.float64), float(evidence[-1]), information)


def card_probability(card: Card, features: pa.Table | pd.DataFrame) -> Floats:
    """Probability of default by the card alone, from a wide table."""
    frame = feature_frame(features)
    values = cast("dict[str, Floats]", {name: frame[name].to_numpy() for name in frame.columns})
    return apply_card(card, values)[1]
