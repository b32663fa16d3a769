"""Statistics of monthly series, each with its guard: a month that was not observed is never zero.

``back`` counts months back from ``as_of`` (0 is ``as_of`` itself). Formulae: catalogue of indicators, section on
definitions (SUM12, AVG3, YOY12 …).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ibis

from rongqiao.indicators.registry import UNIT_BOUNDS, At, Bounds, Direction, Indicator, Source, declare

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ibis.expr.types import Table

# Fewest observed months that stand for a window.
MINIMUM = {1: 1, 3: 2, 6: 5, 12: 10, 24: 20}
EPSILON = 1e-6
GROWTH_BOUNDS = (-1.0, 5.0)


def within(t: Any, months: int, start: int = 0) -> Any:
    """Whether a row lies in the window of so many months that begins ``start`` months back."""
    return (t.back >= start) & (t.back < start + months)


def guarded(t: Any, column: str, months: int, value: Any, start: int = 0) -> Any:
    """Return the value where the window holds enough observed months, else null."""
    observed = t[column].count(where=within(t, months, start))
    return ibis.ifelse(observed >= MINIMUM[months], value, None)


def total(t: Any, column: str, months: int, start: int = 0) -> Any:
    """Guarded sum."""
    return guarded(t, column, months, t[column].sum(where=within(t, months, start)), start)


def mean(t: Any, column: str, months: int, start: int = 0) -> Any:
    """Guarded mean of the observed months."""
    return guarded(t, column, months, t[column].mean(where=within(t, months, start)), start)


def divide(numerator: Any, denominator: Any) -> Any:
    """Quotient; null where the denominator is not clearly above zero."""
    return numerator / ibis.ifelse(denominator > EPSILON, denominator, None)


def per(t: Any, above: Any, below: Any, months: int, start: int = 0) -> Any:
    """Quotient of two sums over the months in which both were observed; null with too few of them, or on a base of zero.

    Sums over different months are no measure of each other: a month whose void invoices are known, and the issued ones not, would
    make a share above one.
    """
    both = within(t, months, start) & above.notnull() & below.notnull()
    value = divide(above.sum(where=both), below.sum(where=both))
    return ibis.ifelse(both.sum() >= MINIMUM[months], value, None)


def growth(now: Any, before: Any) -> Any:
    """Relative change, clipped to -1..5; null on a base of zero."""
    return (divide(now, before) - 1).clip(*GROWTH_BOUNDS)


def deviation(t: Any, column: str, months: int) -> Any:
    """Divide standard deviation by mean."""
    spread = t[column].std(where=within(t, months), how="pop")
    return divide(guarded(t, column, months, spread), mean(t, column, months))


def slope(t: Any, column: str, months: int) -> Any:
    """Least-squares slope per month over mean."""
    # A month that was delivered without the item has a place in time and no value: it must not widen the spread.
    where = within(t, months) & t[column].notnull()
    forward = -t.back
    moves = t[column].cov(forward, where=where, how="pop")
    spread = forward.var(where=where, how="pop")
    steepness = divide(moves, spread)
    return divide(guarded(t, column, months, steepness), mean(t, column, months))


def zeros(t: Any, column: str, months: int) -> Any:
    """Observed months at zero."""
    return guarded(t, column, months, (t[column] == 0).sum(where=within(t, months)))


def longest_gap(t: Any, column: str, months: int) -> Any:
    """Longest run of observed zero months; reads the column that :func:`with_runs` adds."""
    runs = t[f"{column}__run"].max(where=within(t, months))
    return guarded(t, column, months, runs.coalesce(0))


def with_runs(t: Table, column: str, months: int) -> Table:
    """Add ``<column>__run``: at each row the length of the run of zeros it lies in, within the window."""
    inside = (t.back < months) & t[column].notnull()
    is_zero = (t[column] == 0) & inside
    is_other = (t[column] != 0) & inside
    ordered = ibis.window(group_by="enterprise_id", order_by=t.back, preceding=None, following=0)
    marked = t.mutate(__zero=is_zero.cast("int32"), __block=is_other.cast("int32").sum().over(ordered))
    block = ibis.window(group_by=["enterprise_id", "__block"])
    return marked.mutate(**{f"{column}__run": marked["__zero"].sum().over(block)}).drop("__zero", "__block")


@dataclass(frozen=True, slots=True)
class Statistic:
    """One way to condense a series.

    Parameters
    ----------
    name : str
        Part of the id.
    title, title_en, meaning : str
        Words around the noun of the series, which stands for ``{}``.
    formula : str
        With the guard.
    window, minimum : int
        As in :class:`Indicator`.
    suffix : str
        Unit; empty for the unit of the series itself.
    bounds : Bounds or None
        Of the value; ``None`` for those of the unit. A lower bound of zero falls where the series can be negative.
    build : callable
        ``(rows, column) -> aggregate``.
    version : str
        As in :class:`Indicator`.
    """

    name: str
    title: str
    title_en: str
    meaning: str
    formula: str
    window: int
    minimum: int
    suffix: str
    bounds: Bounds | None
    build: Callable[[Any, str], Any]
    version: str = "1"


STATISTICS = {
    statistic.name: statistic
    for statistic in (
        Statistic(
            "sum_m12", "近12个月{}合计", "{}, sum of 12 months", "截至统计月12个月内{}的总量，看全年规模",
            "Σx[T-11..T]，至少10个月有数据", 12, 10, "", None, lambda t, c: total(t, c, 12),
        ),
        Statistic(
            "avg_m3", "近3个月月均{}", "{}, monthly mean of 3 months", "最近3个月{}的月均水平，看当前规模",
            "x[T-2..T]均值，至少2个月有数据", 3, 2, "", None, lambda t, c: mean(t, c, 3),
        ),
        Statistic(
            "yoy_m12", "近12个月{}同比", "{}, 12 months against the 12 before", "全年{}比上一年增减的比例",
            "近12个月月均÷前12个月月均−1，两段各至少10个月，截断于[-1,5]", 24, 20, "ratio", GROWTH_BOUNDS,
            lambda t, c: growth(mean(t, c, 12), mean(t, c, 12, 12)),
        ),
        Statistic(
            "yoy_m3", "近3个月{}同比", "{}, 3 months against the same months a year before", "最近3个月{}比上年同期增减的比例，消除季节",
            "x[T-2..T]月均÷x[T-14..T-12]月均−1，截断于[-1,5]", 15, 4, "ratio", GROWTH_BOUNDS,
            lambda t, c: growth(mean(t, c, 3), mean(t, c, 3, 12)),
        ),
        Statistic(
            "qoq_m3", "近3个月{}环比", "{}, 3 months against the 3 before", "最近3个月{}比前3个月增减的比例，受季节影响",
            "x[T-2..T]月均÷x[T-5..T-3]月均−1，截断于[-1,5]", 6, 4, "ratio", GROWTH_BOUNDS,
            lambda t, c: growth(mean(t, c, 3), mean(t, c, 3, 3)),
        ),
        Statistic(
            "cv_m12", "近12个月{}波动系数", "{}, coefficient of variation over 12 months", "全年各月{}起伏的大小，越大越不平稳",
            "标准差÷均值，至少10个月", 12, 10, "ratio", (0.0, None), lambda t, c: deviation(t, c, 12),
        ),
        Statistic(
            "slope_m12", "近12个月{}月趋势", "{}, monthly trend over 12 months", "全年{}平均每月升降占均值的比例",
            "最小二乘斜率÷均值，只计有数据的月份，至少10个月", 12, 10, "ratio", (None, None), lambda t, c: slope(t, c, 12), "2",
        ),
        Statistic(
            "zero_m12", "近12个月{}为零月数", "{}, months at zero of 12", "全年{}为零的月份个数",
            "x=0的月数，缺数不计为零，至少10个月", 12, 10, "count", (0.0, 12.0), lambda t, c: zeros(t, c, 12),
        ),
        Statistic(
            "gap_m24", "近24个月{}最长连续为零", "{}, longest run of months at zero of 24", "两年内{}中断最久的一次",
            "最长连续为零月数，至少20个月", 24, 20, "months", (0.0, 24.0), lambda t, c: longest_gap(t, c, 24),
        ),
        Statistic(
            "recent_m12", "近3个月{}与全年月均之比", "{}, 3 months over the mean of 12", "最近{}与全年水平相比，低于0.5为急降",
            "近3个月月均÷近12个月月均", 12, 10, "ratio", (0.0, None), lambda t, c: divide(mean(t, c, 3), mean(t, c, 12)),
        ),
    )
}  # fmt: skip
CORE = tuple(STATISTICS)
SWINGS = ("cv_m12", "zero_m12", "gap_m24")


def declare_series(
    source: Source,
    column: str,
    *,
    theme: str,
    measure: str,
    title: str,
    title_en: str,
    unit: str,
    statistics: Sequence[str] = CORE,
    consent_class: str,
    direction: Direction = "higher_better",
    swings: Direction = "lower_better",
    signed: bool = False,
) -> None:
    """Declare one indicator per statistic of a monthly column.

    Parameters
    ----------
    source : Source
        Of grain ``series``; marks the runs of zeros of the column if ``gap_m24`` is among the statistics.
    column : str
        Column with the monthly value.
    theme, measure : str
        Ids become ``theme_measure_statistic_unit``.
    title, title_en : str
        Noun that the statistic's title is built around.
    unit : str
        Suffix of sums and means.
    statistics : sequence of str
        Keys of :data:`STATISTICS`; the ten core statistics by default.
    consent_class : str
        As in :class:`Indicator`.
    direction : Direction
        Of level and growth.
    swings : Direction
        Of variation, months at zero and gaps; neutral where a month without is the ordinary case.
    signed : bool
        Whether a month can be below zero.
    """
    for name in statistics:
        statistic = STATISTICS[name]
        declare(
            Indicator(
                id=f"{theme}_{measure}_{name}_{statistic.suffix or unit}",
                title=statistic.title.format(title),
                title_en=statistic.title_en.format(title_en),
                theme=theme,
                source=source,
                measure=_bind(statistic, column),
                direction=swings if name in SWINGS else direction,
                formula=statistic.formula,
                window_months=statistic.window,
                minimum_months=statistic.minimum,
                null_policy="missing",
                consent_class=consent_class,
                version=statistic.version,
                bounds=_bounds(statistic, unit, signed=signed),
                meaning=statistic.meaning.format(title),
                undefined=_is_observed(column, statistic),
            )
        )


def _bounds(statistic: Statistic, unit: str, *, signed: bool) -> Bounds:
    bounds = statistic.bounds or UNIT_BOUNDS[unit]
    follows_sign = statistic.name in ("sum_m12", "avg_m3", "recent_m12")
    return (None, bounds[1]) if signed and follows_sign else bounds


def _is_observed(column: str, statistic: Statistic) -> Callable[[Any], Any]:
    """Whether the column itself has the months: then a null is the formula's, not the data's."""
    months = max(statistic.window, 1)
    return lambda t: t[column].count(where=within(t, months)) >= statistic.minimum


def _bind(statistic: Statistic, column: str) -> Callable[[Any], Any]:
    return lambda t: statistic.build(t, column)


def monthly(contract_id: str, *, runs: Sequence[str] = ()) -> Callable[[Mapping[str, Any], At], Any]:
    """Prepare a contract's monthly rows: adds ``back``, keeps 36 months, marks runs of zeros."""

    def prepare(tables: Mapping[str, Any], at: At) -> Any:
        rows = tables[contract_id]
        back = at.index - (rows.period // 100 * 12 + rows.period % 100 - 1)
        rows = rows.mutate(back=back)
        rows = rows.filter((rows.back >= 0) & (rows.back < 36))
        for column in runs:
            rows = with_runs(rows, column, 24)
        return rows

    return prepare
