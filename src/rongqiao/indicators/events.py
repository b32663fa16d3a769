"""Events of complete registers: counts, amounts and time since, by conditional aggregates.

Absence of an event is a fact here (nothing happened), because the department delivers its whole register.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis

from rongqiao.indicators.registry import At, Direction, Indicator, Source, declare, indicator, unit_bounds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

#: More than any level there is.
LEVELS = 100


def months_back(day: Any, at: At) -> Any:
    """Months from a date column back from ``as_of``; 0 is ``as_of`` itself, null where there is no date."""
    return at.index - (day.year() * 12 + day.month() - 1)


def dated(
    contract_id: str, column: str, derive: Callable[[Any, At], Mapping[str, Any]] | None = None
) -> Callable[[Mapping[str, Any], At], Any]:
    """Prepare events: adds ``back`` from their date, and derived columns."""

    def prepare(tables: Mapping[str, Any], at: At) -> Any:
        rows = tables[contract_id]
        rows = rows.mutate(back=months_back(rows[column], at))
        return rows.mutate(**derive(rows, at)) if derive else rows

    return prepare


def is_open(ended: Any, at: At) -> Any:
    """Whether something that ends on a date has not ended by the end of ``as_of``."""
    return ended.isnull() | (ended > at.end_on)


def lowest_of_last_day(level: Any, day: Any) -> Any:
    """Level of the last day on which there is one; of several on that day the lowest, so that no engine's order of rows shows."""
    order = day.delta(ibis.date(1970, 1, 1), unit="day") * LEVELS - level
    return level.argmax(order, where=level.notnull())


def declare_events(
    source: Source,
    *,
    id: str,
    title: str,
    title_en: str,
    formula: str,
    window: int = 0,
    where: Callable[[Any], Any] | None = None,
    amount: str | None = None,
    flag: bool = False,
    direction: Direction = "lower_better",
    consent_class: str,
) -> None:
    """Declare a count, an amount or a flag of events.

    Parameters
    ----------
    source : Source
        Of grain ``event``.
    id, title, title_en, formula : str
        As in :class:`Indicator`; the theme is the id's first word.
    window : int
        Months looked back on; 0 takes all events.
    where : callable or None
        Further condition on a row.
    amount : str or None
        Column to sum instead of counting.
    flag : bool
        1 if there is any, else 0.
    direction : Direction
        Of more events.
    consent_class : str
        As in :class:`Indicator`.
    """

    def measure(t: Any) -> Any:
        condition = where(t) if where else ibis.literal(value=True)
        if window:
            condition = condition & (t.back < window)
        if amount:
            return t[amount].sum(where=condition)
        counted = condition.cast("int32").sum()
        return (counted > 0).cast("int32") if flag else counted

    declare(
        Indicator(
            id, title, title_en, _theme(id), source, measure, direction,
            formula, window, 0, "absent_is_zero", consent_class, "1", unit_bounds(id),
        )
    )  # fmt: skip


def declare_recency(
    source: Source,
    *,
    id: str,
    title: str,
    title_en: str,
    where: Callable[[Any], Any] | None = None,
    consent_class: str,
) -> None:
    """Declare months since the last event; not applicable where there was none."""

    def measure(t: Any) -> Any:
        return t.back.min(where=where(t)) if where else t.back.min()

    declare(
        Indicator(
            id, title, title_en, _theme(id), source, measure, "higher_better",
            "截至统计月距最近一次发生的月数；从未发生为不适用", 0, 0, "missing", consent_class, "1", unit_bounds(id),
        )
    )  # fmt: skip


#: The catalogue's statistics of a type of event: 12 and 36 months, still open, months since the last.
EVENT_CORE = ("m12", "m36", "open", "last")
_OPPOSITE: dict[Direction, Direction] = {"lower_better": "higher_better", "higher_better": "lower_better"}


def declare_event_type(
    source: Source,
    *,
    id: str,
    title: str,
    title_en: str,
    dated_by: str,
    where: Callable[[Any], Any] | None = None,
    is_open: Callable[[Any], Any] | None = None,
    open_title: str = "",
    open_title_en: str = "",
    open_formula: str = "",
    without: Sequence[str] = (),
    direction: Direction = "lower_better",
    consent_class: str,
    version: str = "1",
) -> None:
    """Declare the four statistics of one type of event.

    Parameters
    ----------
    source : Source
        Rows with ``back``, one per event. Of a complete register (grain ``event``) an enterprise without a row has
        none; of other sources it is not known.
    id : str
        Ids become ``<id>_m12_count``, ``<id>_m36_count``, ``<id>_open_count``, ``<id>_last_months``; the theme is the
        first word, or the one of titles.
    title, title_en : str
        Noun of the event.
    dated_by : str
        In Chinese, the date that tells in which month it happened.
    where : callable or None
        Which rows are of this type.
    is_open : callable or None
        Which of them have not ended by the end of ``as_of``; ``None`` for a type that has no end.
    open_title, open_title_en, open_formula : str
        Names and Chinese rule of the open ones; the English name follows the type's by default.
    without : sequence of str
        Members of :data:`EVENT_CORE` that are declared elsewhere under ids of their own.
    direction : Direction
        Of more events; a longer time since the last is the opposite.
    consent_class, version : str
        As in :class:`Indicator`.
    """

    def those(t: Any) -> Any:
        # A date that was not given, or that lies ahead, is no event yet.
        happened = t.back >= 0
        return happened & where(t) if where else happened

    def counted(condition: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda t: condition(t).cast("int32").sum()

    def enter(
        key: str, name: str, english: str, formula: str, measure: Callable[[Any], Any], window: int = 0
    ) -> None:
        if key in without:
            return
        is_last = key == "last"
        indicator(
            id=f"{id}_{key}_{'months' if is_last else 'count'}", title=name, title_en=english, theme=_theme(id), source=source,
            direction=_OPPOSITE.get(direction, direction) if is_last else direction, formula=formula, window=window,
            consent_class=consent_class, version=version, null_policy="missing" if is_last else None,
            undefined=(lambda t: t.back.count() > 0) if is_last and source.grain != "event" else None,
        )(measure)  # fmt: skip

    def recent(months: int) -> Callable[[Any], Any]:
        return counted(lambda t: those(t) & (t.back < months))

    for months in (12, 36):
        enter(
            f"m{months}", f"近{months}个月{title}次数", f"{title_en} in {months} months", f"{dated_by}在窗口内的件数",
            recent(months), months,
        )  # fmt: skip
    if is_open is not None:
        enter(
            "open",
            open_title,
            open_title_en or f"{title_en}, still open",
            open_formula,
            counted(lambda t: those(t) & is_open(t)),
        )
    enter(
        "last", f"距最近一次{title}月数", f"Months since the last: {title_en[0].lower()}{title_en[1:]}",
        f"截至统计月距最近一次{title}（{dated_by}）的月数；从未发生为不适用", lambda t: t.back.min(where=those(t)),
    )  # fmt: skip


def _theme(indicator_id: str) -> str:
    """Theme by the first word of an id; titles belong to science and technology."""
    return "ip" if indicator_id.startswith("title_") else indicator_id.split("_", 1)[0]
