"""Whether an indicator can still be relied on: how many enterprises it speaks of, and whether its values have drifted.

One that covers too few, or whose distribution moved too far, is not to be used (`rongqiao.indicators.suspension`). The limits are dated
numbers of the catalogue (``indicator_coverage_min``, ``indicator_drift_max``). Where too few enterprises stand behind a figure
(``indicator_population_min``) nothing is decided: that is unknown, neither healthy nor not.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rongqiao.contracts.numbers import threshold
from rongqiao.indicators.applicability import EVERYBODY, subjects_of
from rongqiao.indicators.computation import ENTERPRISES, TARGET
from rongqiao.indicators.distribution import Month, add_up, draw_bins
from rongqiao.indicators.registry import load_indicators
from rongqiao.kernel.errors import ContractError
from rongqiao.kernel.period import add_months, check_month
from rongqiao.lake.engine import connect, ibis_connection, quote
from rongqiao.rules.peer_groups import KNOTS

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from rongqiao.indicators.distribution import Picture
    from rongqiao.lake.tables import Lake

Floats = npt.NDArray[np.float64]
Verdict = Literal["ok", "failing", "unknown"]
HEALTH, GROUPS = "analytics/indicator_health", "analytics/indicator_groups"
BINS = 10
#: Fewer values than this on either side say nothing about a distribution.
COMPARABLE = 50
#: Stands for an empty bin, whose logarithm has no value.
EMPTY_SHARE = 1e-4
VERDICTS: dict[Verdict, str] = {"ok": "正常", "failing": "未达标", "unknown": "户数不足，未判定"}


@dataclass(frozen=True, slots=True)
class Health:
    """How one indicator stands in a month.

    Parameters
    ----------
    id, title, theme, owner : str
        Of the indicator.
    subjects : str
        Whom it speaks of, in Chinese.
    enterprises, applicable, covered : int
        All existing enterprises, those that it applies to, and those of them that have a value, stale ones included.
    coverage : float or None
        ``covered`` over ``applicable``; null where it applies to nobody.
    drift : float or None
        Population stability index against the month compared with; null where nothing can be compared.
    against : int or None
        Month compared with; null where there is none, or the indicator had another definition then.
    verdict : str
        ``ok``, ``failing``, or ``unknown`` where too few enterprises stand behind it.
    reasons : tuple of str
        Why it fails, in Chinese; empty when it does not.
    """

    id: str
    title: str
    theme: str
    owner: str
    subjects: str
    enterprises: int
    applicable: int
    covered: int
    coverage: float | None
    drift: float | None
    against: int | None
    verdict: Verdict
    reasons: tuple[str, ...]

    @property
    def is_failing(self) -> bool:
        """Whether nothing should rest on it."""
        return self.verdict == "failing"

    def as_dict(self) -> dict[str, Any]:
        """Everything as plain values."""
        names = (
            "id", "title", "theme", "owner", "subjects", "enterprises", "applicable", "covered", "coverage", "drift", "against", "verdict",
            "is_failing", "reasons",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class _Limits:
    coverage: float
    drift: float
    population: int


def examine(lake: Lake, *, as_of: int, known_at: dt.date, against: int | None = None) -> tuple[Health, ...]:
    """Examine every indicator that was computed for a month.

    Parameters
    ----------
    lake : Lake
        Holds ``published/enterprises`` and ``analytics/indicators``.
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
    return _examine(lake, as_of, known_at, against)[0]


def _examine(
    lake: Lake, as_of: int, known_at: dt.date, against: int | None
) -> tuple[tuple[Health, ...], Picture]:
    months = _months(lake, known_at)
    against = against or _comparable(months, as_of)
    for month in (check_month(as_of), *([check_month(against)] if against else [])):
        if month not in months:
            raise ContractError("指标", month, f"先运行 rongqiao indicators compute --as-of {month}。")
    picture = Month(lake, as_of=as_of, known_at=known_at).picture()
    moved: dict[str, tuple[float | None, int]] = {}
    if against:
        before = Month(lake, as_of=against, known_at=known_at)
        versions = _versions(lake, against, known_at)
        for name, values in before.values(_same_definition(before.names, versions, picture)):
            now = picture.spreads[name].values
            moved[name] = drift(values, now), min(_known(values), _known(now))
    limits = _Limits(
        float(threshold("indicator_coverage_min", known_at)),
        float(threshold("indicator_drift_max", known_at)),
        int(threshold("indicator_population_min", known_at)),
    )
    found = (
        _judge(name, add_up(spread, None).get("", (0, 0, 0)), moved.get(name), against, limits)
        for name, spread in picture.spreads.items()
    )
    return tuple(found), picture


def health_key(as_of: int, known_at: dt.date) -> str:
    """Transaction by which the health of a pair of times is kept once."""
    return f"health@{as_of}@{known_at:%Y%m%d}"


def write_health(lake: Lake, *, as_of: int, known_at: dt.date) -> bool:
    """Keep the health of a pair of times and how every indicator spreads, exactly once.

    Returns
    -------
    bool
        Whether rows were written; ``False`` if they stand there already.

    Raises
    ------
    ContractError
        If the indicators of the month were never computed.

    Notes
    -----
    ``analytics/indicator_health``: one row per indicator, with version and formula as they were then; ``bins`` is JSON of
    `distribution.draw_bins` over the ``sampled`` values. ``analytics/indicator_groups``: one row per indicator and group;
    ``dimension`` is ``all``, ``region`` (prefecture) or ``section``; ``knots`` are the values at `rules.peer_groups.KNOTS` and null
    where fewer than the catalogue's ``peer_group_min`` of the sample have one: a quantile of a few would be one enterprise's.
    """
    key = health_key(as_of, known_at)
    if lake.has(HEALTH, key):
        return False
    found, picture = _examine(lake, as_of, known_at, None)
    least = int(threshold("peer_group_min", known_at))
    times = {"as_of": as_of, "known_at": known_at}
    groups = [times | row for each in found for row in _groups(each.id, picture, least)]
    rows = [times | _health_row(each, picture.spreads[each.id].values, least) for each in found]
    # Last: whoever finds the health finds the groups, too.
    lake.append(GROUPS, pa.Table.from_pylist(groups, _GROUP_SCHEMA), transaction=key)
    return lake.append(HEALTH, pa.Table.from_pylist(rows, _HEALTH_SCHEMA), transaction=key)


_TIMES = [("as_of", pa.int32()), ("known_at", pa.date32())]
_COUNTS = [("enterprises", pa.int64()), ("applicable", pa.int64()), ("covered", pa.int64())]
_GROUP_SCHEMA = pa.schema(
    [
        *_TIMES,
        *((name, pa.string()) for name in ("indicator_id", "dimension", "code")),
        *_COUNTS,
        ("sampled", pa.int64()),
        ("knots", pa.list_(pa.float64())),
    ]
)
_HEALTH_SCHEMA = pa.schema(
    [
        *_TIMES,
        *((name, pa.string()) for name in ("indicator_id", "version", "formula", "subjects")),
        *_COUNTS,
        ("coverage", pa.float64()),
        ("drift", pa.float64()),
        ("against", pa.int32()),
        ("verdict", pa.string()),
        ("reasons", pa.list_(pa.string())),
        ("sampled", pa.int64()),
        ("bins", pa.string()),
    ]
)


def _health_row(health: Health, values: Floats, least: int) -> dict[str, Any]:
    declared, sampled = load_indicators()[health.id], _known(values)
    names = ("subjects", "enterprises", "applicable", "covered", "coverage", "drift", "against", "verdict")
    return {
        "indicator_id": health.id,
        "version": declared.version,
        "formula": declared.formula,
        **{name: getattr(health, name) for name in names},
        "reasons": list(health.reasons),
        "sampled": sampled,
        "bins": json.dumps(draw_bins(values) if sampled >= least else []),
    }


def _groups(name: str, picture: Picture, least: int) -> list[dict[str, Any]]:
    spread = picture.spreads[name]
    rows = []
    for dimension, place in (("all", None), ("region", 0), ("section", 1)):
        for code, counts in sorted(add_up(spread, place).items()):
            values = spread.values
            if place is not None:
                members = picture.groups.get((dimension, code))
                values = values[members] if members is not None else values[:0]
            values = values[~np.isnan(values)]
            knots = (
                [round(float(each), 6) for each in np.quantile(values, KNOTS)]
                if len(values) >= least
                else None
            )
            rows.append(
                {
                    "indicator_id": name,
                    "dimension": dimension,
                    "code": code,
                    "sampled": len(values),
                    "knots": knots,
                }
                | dict(zip(("enterprises", "applicable", "covered"), counts, strict=True))
            )
    return rows


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


def _judge(
    name: str,
    counts: tuple[int, int, int],
    moved: tuple[float | None, int] | None,
    against: int | None,
    limits: _Limits,
) -> Health:
    item, subjects = load_indicators()[name], subjects_of(name)
    everybody, applicable, covered = counts
    coverage = covered / applicable if applicable else None
    index, compared = moved or (None, 0)
    reasons = []
    is_judged = coverage is not None and applicable >= limits.population
    if is_judged and coverage is not None and coverage < limits.coverage:
        reasons.append(f"覆盖率 {coverage:.1%}，低于 {limits.coverage:.0%}")
    if index is not None and index > limits.drift and compared >= limits.population:
        reasons.append(
            f"取值分布比 {_month(against)} 变化过大（群体稳定性指数 {index:.2f}，上限 {limits.drift:g}）"
        )
    verdict: Verdict = "failing" if reasons else "ok" if is_judged else "unknown"
    return Health(
        name, item.title, item.theme, item.owner, subjects.title if subjects else EVERYBODY, everybody, applicable, covered, coverage,
        index, against if moved else None, verdict, tuple(reasons),
    )  # fmt: skip


def _month(as_of: int | None) -> str:
    return f"{as_of // 100} 年 {as_of % 100} 月" if as_of else "此前"


def _known(values: Floats) -> int:
    return int(np.count_nonzero(~np.isnan(values)))


def _months(lake: Lake, known_at: dt.date) -> set[int]:
    if not lake.exists(TARGET) or not lake.exists(ENTERPRISES):
        return set()
    table: Any = ibis_connection(lake, [TARGET]).table(TARGET)
    known = table.filter(table.known_at <= known_at)
    return set(known.select("as_of").distinct().to_pyarrow().column("as_of").to_pylist())


def _versions(lake: Lake, month: int, known_at: dt.date) -> dict[str, str]:
    """Version that each indicator had when the month was computed; none where that was not kept."""
    if not lake.exists(HEALTH):
        return {}
    with connect(lake, [HEALTH]) as connection:
        rows = connection.execute(
            f"SELECT indicator_id, arg_max(version, known_at) FROM {quote(HEALTH)} WHERE as_of = ? AND known_at <= ? GROUP BY 1",  # noqa: S608
            [month, known_at],
        ).fetchall()
    return dict(rows)


def _same_definition(names: Sequence[str], versions: Mapping[str, str], picture: Picture) -> list[str]:
    """List indicators of both months that were not defined anew between them: else a new meaning would look like drift."""
    declared = load_indicators()
    return [
        name
        for name in names
        if name in picture.spreads and versions.get(name, declared[name].version) == declared[name].version
    ]


def _comparable(months: set[int], as_of: int) -> int | None:
    year_before = add_months(as_of, -12)
    if year_before in months:
        return year_before
    return max((month for month in months if month < as_of), default=None)
