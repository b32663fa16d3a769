"""Whether an indicator can still be relied on: how many enterprises it speaks of, and whether its values have drifted.

One that covers too few, or whose distribution moved too far, is suspended: it stays readable, and nothing new should rest on it.
The limits are dated numbers of the catalogue (``indicator_coverage_min``, ``indicator_drift_max``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rongqiao.contracts.numbers import threshold
from rongqiao.indicators.computation import TARGET
from rongqiao.indicators.registry import At, load_indicators
from rongqiao.kernel.errors import ContractError
from rongqiao.kernel.period import add_months, check_month
from rongqiao.lake import asof
from rongqiao.lake.engine import ibis_connection

if TYPE_CHECKING:
    import datetime as dt

    from rongqiao.lake.tables import Lake

Floats = npt.NDArray[np.float64]
#: Enterprises whose values are compared; a share of several per cent shows in far fewer.
SAMPLE = 100_000
BINS = 10
#: Fewer values than this on either side say nothing about a distribution.
COMPARABLE = 50
#: Stands for an empty bin, whose logarithm has no value.
EMPTY_SHARE = 1e-4


@dataclass(frozen=True, slots=True)
class Health:
    """How one indicator stands in a month.

    Parameters
    ----------
    id, title, theme, owner : str
        Of the indicator.
    enterprises, applicable, covered : int
        All enterprises, those that it applies to, and those of them that have a value, stale ones included.
    coverage : float or None
        ``covered`` over ``applicable``; null where it applies to nobody.
    drift : float or None
        Population stability index against the month compared with; null where nothing can be compared.
    against : int or None
        Month compared with.
    reasons : tuple of str
        Why it is suspended, in Chinese; empty when it is not.
    """

    id: str
    title: str
    theme: str
    owner: str
    enterprises: int
    applicable: int
    covered: int
    coverage: float | None
    drift: float | None
    against: int | None
    reasons: tuple[str, ...]

    @property
    def is_suspended(self) -> bool:
        """Whether nothing new should rest on it."""
        return bool(self.reasons)

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain values."""
        names = (
            "id", "title", "theme", "owner", "enterprises", "applicable", "covered", "coverage", "drift", "against", "is_suspended",
            "reasons",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}


def examine(lake: Lake, *, as_of: int, known_at: dt.date, against: int | None = None) -> tuple[Health, ...]:
    """Examine every indicator that was computed for a month.

    Parameters
    ----------
    lake : Lake
        Holds ``analytics/indicators``.
    as_of : int
        Month ``YYYYMM``.
    known_at : date
        Computations and limits up to this day count.
    against : int or None
        Month to compare with; when ``None`` the same month of the year before, or else the last one computed before ``as_of``.

    Raises
    ------
    ContractError
        If a month was never computed.
    """
    if not lake.exists(TARGET):
        raise ContractError("指标", as_of, f"先运行 rongqiao indicators compute --as-of {as_of}。")
    table = ibis_connection(lake, [TARGET]).table(TARGET)
    months = _months(table, known_at)
    against = against or _comparable(months, as_of)
    for month in (check_month(as_of), *([check_month(against)] if against else [])):
        if month not in months:
            raise ContractError("指标", month, f"先运行 rongqiao indicators compute --as-of {month}。")
    now = _rows(table, At(as_of, known_at))
    before = _rows(table, At(against, known_at)) if against else None
    names = [name for name in load_indicators() if name in table.columns]
    counts = _counts(now, names)
    values, earlier = _sample(now, names), _sample(before, names) if before is not None else {}
    limits = _Limits(
        float(threshold("indicator_coverage_min", known_at)),
        float(threshold("indicator_drift_max", known_at)),
    )
    return tuple(
        _judge(
            name, counts, drift(earlier[name], values[name]) if against else None, against, limits
        )
        for name in names
    )  # fmt: skip


def drift(before: Floats, now: Floats) -> float | None:
    """Compute the population stability index of two samples, over the tenths of the earlier one.

    Parameters
    ----------
    before, now : array of float
        Values; NaN where there is none, which does not count.

    Returns
    -------
    float or None
        0 where the distributions are alike; null where either has fewer than :data:`COMPARABLE` values.
    """
    before, now = before[~np.isnan(before)], now[~np.isnan(now)]
    if min(len(before), len(now)) < COMPARABLE:
        return None
    edges = np.unique(np.quantile(before, np.linspace(0, 1, BINS + 1)[1:-1]))
    expected, actual = (_shares(values, edges) for values in (before, now))
    return float(((actual - expected) * np.log(actual / expected)).sum())


def _shares(values: Floats, edges: Floats) -> Floats:
    # A value that many share is an edge; it belongs below, so that what lies above it is told apart.
    counted = np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1)
    return np.maximum(counted / len(values), EMPTY_SHARE)


@dataclass(frozen=True, slots=True)
class _Limits:
    coverage: float
    drift: float


def _judge(
    name: str, counts: dict[str, int], moved: float | None, against: int | None, limits: _Limits
) -> Health:
    item = load_indicators()[name]
    everybody, covered = counts["enterprises"], counts[name]
    applicable = everybody - counts[f"{name}__inapplicable"]
    coverage = covered / applicable if applicable else None
    reasons = []
    if coverage is not None and coverage < limits.coverage:
        reasons.append(f"覆盖率 {coverage:.1%}，低于下限 {limits.coverage:.0%}")
    if moved is not None and moved > limits.drift:
        reasons.append(f"与 {against} 相比 PSI 为 {moved:.2f}，高于上限 {limits.drift:g}")
    return Health(
        name, item.title, item.theme, item.owner, everybody, applicable, covered, coverage, moved, against, tuple(reasons)
    )  # fmt: skip


def _months(table: Any, known_at: dt.date) -> set[int]:
    known = table.filter(table.known_at <= known_at)
    return set(known.select("as_of").distinct().to_pyarrow().column("as_of").to_pylist())


def _comparable(months: set[int], as_of: int) -> int | None:
    year_before = add_months(as_of, -12)
    if year_before in months:
        return year_before
    return max((month for month in months if month < as_of), default=None)


def _rows(table: Any, at: At) -> Any:
    """Rows of a month, each enterprise's as last computed."""
    return asof.latest(table.filter(table.as_of == at.as_of), ["enterprise_id"], known_at=at.known_at)


def _counts(rows: Any, names: list[str]) -> dict[str, int]:
    aggregates = {"enterprises": rows.count()}
    for name in names:
        status = rows[f"{name}__status"]
        aggregates[name] = status.isin(("ok", "stale")).sum()
        aggregates[f"{name}__inapplicable"] = (status == "not_applicable").sum()
    found: dict[str, int | None] = rows.aggregate(**aggregates).to_pyarrow().to_pylist()[0]
    return {name: value or 0 for name, value in found.items()}


def _sample(rows: Any, names: list[str]) -> dict[str, Floats]:
    """Values of some enterprises, the same ones in every month."""
    every = max(rows.count().to_pyarrow().as_py() // SAMPLE, 1)
    chosen = rows.filter(rows.enterprise_id.hash() % every == 0).select(*names).to_pyarrow()
    return {name: np.asarray(chosen.column(name).to_numpy(), dtype=np.float64) for name in names}
