"""How well a scorecard tells defaults from others, on rows it has not seen."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.model_selection import StratifiedKFold

from rongqiao.scoring.scorecard import Scorecard, feature_frame

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    import pyarrow as pa

    from rongqiao.scoring.card import Floats

SEED = 20261123


@dataclass(frozen=True, slots=True)
class Fold:
    """One fold: rows and defaults held out, AUC and KS on them, and the indicators that were chosen without them."""

    fold: int
    rows: int
    events: int
    auc: float
    ks: float
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Out-of-fold quality.

    Parameters
    ----------
    auc, ks : float
        Over all rows, each scored by the model that has not seen it.
    folds : tuple of Fold
        Per fold.
    scores : tuple of float
        Out-of-fold probability of default, in the order of the rows given.
    """

    auc: float
    ks: float
    folds: tuple[Fold, ...]
    scores: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without the scores."""
        return {"auc": self.auc, "ks": self.ks, "folds": [asdict(fold) for fold in self.folds]}


def kolmogorov_smirnov(target: Any, scores: Any) -> float:
    """Largest distance between the distributions of the two classes."""
    false_positive, true_positive, _ = roc_curve(target, scores)
    return float(np.max(np.abs(true_positive - false_positive)))


def cross_validate(
    features: pa.Table | pd.DataFrame,
    target: Any,
    *,
    folds: int = 5,
    seed: int = SEED,
    directions: Mapping[str, str] | None = None,
    **parameters: Any,
) -> Evaluation:
    """Fit on all folds but one, score the one, in turn; bins and choice are learnt inside each fold.

    Parameters
    ----------
    features : pa.Table or DataFrame
        Wide table of indicators; keys and statuses are left out.
    target : array-like
        1 for default, 0 otherwise, in the rows' order.
    folds : int
        Stratified, at least 2.
    seed : int
        Of the shuffling.
    directions : mapping or None
        Indicator id → direction that the bins must follow.
    **parameters
        Of :class:`Scorecard`.

    Returns
    -------
    Evaluation
        Deterministic for equal input.
    """
    frame, truth = feature_frame(features), np.asarray(target, dtype=np.int64)
    scores: Floats = np.full(len(truth), np.nan)
    results = []
    splitter = StratifiedKFold(n_splits=folds, shuffle=True, random_state=seed)
    for number, (learn, held) in enumerate(splitter.split(frame, truth), start=1):
        model = Scorecard(directions=directions, **parameters).fit(frame.iloc[learn], truth[learn])
        scores[held] = model.predict_proba(frame.iloc[held])[:, 1]
        results.append(
            Fold(
                number,
                len(held),
                int(truth[held].sum()),
                float(roc_auc_score(truth[held], scores[held])),
                kolmogorov_smirnov(truth[held], scores[held]),
                tuple(model.weights_),
            )
        )
    return Evaluation(
        float(roc_auc_score(truth, scores)),
        kolmogorov_smirnov(truth, scores),
        tuple(results),
        tuple(scores.tolist()),
    )
