"""Events of complete registers: counts, amounts and time since, by conditional aggregates.

Absence of an event is a fact here (nothing happened), because the department delivers its whole register.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis

from rongqiao.indicators.registry import At, Direction, Indicator, Source, declare, unit_bounds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


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
            id, title, title_en, "ip" if id.startswith("title_") else id.split("_", 1)[0], source, measure, direction,
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
            id, title, title_en, id.split("_", 1)[0], source, measure, "higher_better",
            "截至统计月距最近一次发生的月数；从未发生为不适用", 0, 0, "missing", consent_class, "1", unit_bounds(id),
        )
    )  # fmt: skip
