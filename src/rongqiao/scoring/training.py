"""Training: who defaulted later, a card from what was known before, and the model card that says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rongqiao.kernel.errors import ContractError
from rongqiao.kernel.period import add_months, last_day
from rongqiao.lake.asof import newest_first
from rongqiao.lake.engine import connect, quote
from rongqiao.scoring.evaluation import SEED, Evaluation, cross_validate
from rongqiao.scoring.scorecard import Scorecard, feature_frame

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    import pyarrow as pa

    from rongqiao.lake.tables import Lake
    from rongqiao.scoring.card import Card

LOANS = "published/platform.loan_performance"
DEFAULT_DAYS = 90
HORIZON_MONTHS = 12


@dataclass(frozen=True, slots=True)
class Trained:
    """A card with its out-of-fold quality and the sample behind it."""

    card: Card
    evaluation: Evaluation
    rows: int
    events: int


def default_target(lake: Lake, *, as_of: int, known_at: dt.date) -> dict[str, int]:
    """Say which borrowers defaulted in the 12 months after ``as_of``.

    Parameters
    ----------
    lake : Lake
        Holds the loan performance that the market returns.
    as_of : int
        Month of the features; the horizon is the 12 months after it.
    known_at : date
        Reports that arrived later are not read.

    Returns
    -------
    dict
        Enterprise id → 1 if any of its loans was overdue by more than 90 days or classed substandard or worse within
        the horizon, else 0. Enterprises without a report in the horizon, or in default already, are left out.
    """
    start, end = last_day(as_of), last_day(add_months(as_of, HORIZON_MONTHS))
    query = f"""
        WITH known AS (
            SELECT * FROM {quote(LOANS)} WHERE known_at <= $known
            QUALIFY row_number() OVER (PARTITION BY loan_no, reported_on ORDER BY {newest_first(lake.schema(LOANS).names)}) = 1
        ), marked AS (
            SELECT enterprise_id, reported_on,
                   coalesce(overdue_days > {DEFAULT_DAYS}, FALSE)
                   OR coalesce(five_class IN ('substandard', 'doubtful', 'loss'), FALSE) AS is_default
            FROM known
        )
        SELECT enterprise_id, max(is_default::INTEGER) FILTER (reported_on > $start AND reported_on <= $end) AS target
        FROM marked GROUP BY enterprise_id
        HAVING target IS NOT NULL AND NOT coalesce(bool_or(is_default) FILTER (reported_on <= $start), FALSE)
        ORDER BY enterprise_id
    """  # noqa: S608
    with connect(lake, [LOANS]) as connection:
        rows = connection.execute(query, {"known": known_at, "start": start, "end": end}).fetchall()
    return dict(rows)


def join_target(features: pa.Table, target: Mapping[str, int]) -> tuple[pa.Table, list[int]]:
    """Keep the rows that have a target, and give it in their order.

    Raises
    ------
    ContractError
        If no row has one.
    """
    ids = features.column("enterprise_id").to_pylist()
    kept = [row for row, name in enumerate(ids) if name in target]
    if not kept:
        raise ContractError(
            "训练样本", len(target), "No borrower with a known outcome has indicators of that month."
        )
    return features.take(kept), [target[ids[row]] for row in kept]


def train(
    features: pa.Table,
    target: Sequence[int],
    *,
    model: str,
    directions: Mapping[str, str],
    titles: Mapping[str, str],
    version: str = "1",
    folds: int = 5,
    seed: int = SEED,
) -> Trained:
    """Fit a card on all rows, and measure the same recipe out of fold.

    Parameters
    ----------
    features : pa.Table
        Wide table of indicators as they stood before the target's horizon.
    target : sequence of int
        1 for default, in the rows' order.
    model : str
        Name of the card, ``yyyymm_name``.
    directions, titles : mapping
        Indicator id → direction and Chinese name.
    version : str
        Of the card.
    folds, seed : int
        Of the cross-validation.

    Raises
    ------
    ContractError
        If only one class is present, or nothing tells them apart.
    """
    evaluation = cross_validate(features, target, folds=folds, seed=seed, directions=directions)
    fitted = Scorecard(directions=directions, titles=titles).fit(features, target)
    return Trained(fitted.export(model, version), evaluation, len(target), int(np.sum(target)))


def model_card(trained: Trained, *, features: pa.Table, data: str) -> str:
    """Write the model card in Markdown: data, target, method, quality, limits.

    Parameters
    ----------
    trained : Trained
        The card and its quality.
    features : pa.Table
        The sample, for the coverage of each indicator.
    data : str
        What the sample is, in a sentence.
    """
    card, quality = trained.card, trained.evaluation
    frame = feature_frame(features)
    lines = [
        f"# {card.model} (version {card.version})",
        "",
        "Monotone weight-of-evidence scorecard for the probability of default within 12 months.",
        "",
        "## Data",
        "",
        f"{data} {trained.rows} enterprises with a loan, {trained.events} of them defaulted "
        f"({trained.events / trained.rows:.1%}).",
        "",
        "## Target",
        "",
        "1 if any loan was overdue by more than 90 days, or classed substandard or worse, in the 12 months after the "
        "month of the indicators; borrowers in default before are left out.",
        "",
        "## Quality, out of fold",
        "",
        f"AUC {quality.auc:.3f}, KS {quality.ks:.3f}; bins, choice and weights are learnt inside each fold.",
        "",
        "| fold | rows | defaults | AUC | KS |",
        "|---|---|---|---|---|",
        *(f"| {f.fold} | {f.rows} | {f.events} | {f.auc:.3f} | {f.ks:.3f} |" for f in quality.folds),
        "",
        "## Indicators",
        "",
        "| indicator | name | direction | most points | covered |",
        "|---|---|---|---|---|",
        *(
            f"| {f.indicator} | {f.title} | {f.direction} | {f.max_points:.0f} | {frame[f.indicator].notna().mean():.0%} |"
            for f in card.features
        ),
        "",
        "## Scale",
        "",
        f"Score {card.anchor_score:.0f} stands for a probability of {card.anchor_probability:.0%}; "
        f"{card.points_to_double_odds:.0f} points double the odds. Grades come from the catalogue's dated cut-offs.",
        "",
        "## Limits",
        "",
        "- Only borrowers are in the sample: enterprises that were refused are not (no reject inference).",
        "- No bank's own grade is read. Missing data has its own points and lowers the coverage that is shown.",
        "- It ranks and explains; it does not decide, and it promises no loan.",
        "",
    ]
    return "\n".join(lines)
