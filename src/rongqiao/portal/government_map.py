"""Colours of the county map: a few classes by quantile; hidden cells hatched, unknown ones blank."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from rongqiao.kernel.money import WAN, YI

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COLOURS = ("#dfe9f4", "#b3cbe3", "#7fa6cc", "#44749f", "#14427a")
METRICS = {
    "enterprises": (_("存续企业"), "户"),
    "demands": (_("融资需求"), "笔"),
    "loans": (_("放款笔数"), "笔"),
    "loan_amount_cny": (_("放款金额"), "元"),
}
# An amount is hidden with the count it rests on.
COUNT_OF = {"loan_amount_cny": "loans"}


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """One class of the map in words; ``colour`` is empty for the hatched class."""

    colour: str
    text: str


@dataclass(frozen=True, slots=True)
class CountyMap:
    """A map of counties.

    Parameters
    ----------
    metric, title, unit : str
        What is shown.
    cells : sequence of dict
        ``name`` (code), ``title``, ``text``, ``colour`` (empty: hatched), ``url``.
    legend : sequence of LegendEntry
        Classes in words, low to high.
    """

    metric: str
    title: str
    unit: str
    cells: Sequence[dict[str, Any]]
    legend: Sequence[LegendEntry]


def build_map(counties: Sequence[Mapping[str, Any]], metric: str, threshold: int) -> CountyMap:
    """Class the counties of the overview by one metric.

    Parameters
    ----------
    counties : sequence of mapping
        From the selector, small cells already null.
    metric : str
        A key of :data:`METRICS`; anything else shows loans.
    threshold : int
        Smallest count that is told.
    """
    metric = metric if metric in METRICS else "loans"
    title, unit = str(METRICS[metric][0]), METRICS[metric][1]
    places = [
        (
            row["code"],
            row["name"],
            _value(row, metric),
            reverse("portal:government_county", args=[row["code"]]),
        )
        for row in counties
    ]
    return draw_map(places, metric=metric, title=title, unit=unit, hidden=f"少于 {threshold}")


def draw_map(
    places: Sequence[tuple[str, str, Any, str]], *, metric: str, title: str, unit: str, hidden: str
) -> CountyMap:
    """Class counties by a value.

    Parameters
    ----------
    places : sequence of tuple
        Code, name, value (null: hidden) and address, empty for none.
    hidden : str
        What stands for a value that is not told.
    """
    values = [value for _, _, value, _ in places]
    divisor, unit = _scale([value for value in values if value is not None], unit)
    limits = class_limits([value for value in values if value])
    cells = [
        {
            "name": code,
            "title": name,
            "text": hidden if value is None else f"{_shown(value, divisor)} {unit}",
            "colour": "" if value is None else colour_of(value, limits),
            "url": url,
        }
        for code, name, value, url in places
    ]
    return CountyMap(metric, title, unit, cells, _legend(values, limits, divisor, hidden))


def _value(row: Mapping[str, Any], metric: str) -> Any:
    """Value of a cell; null where it is hidden, zero where there is nothing to sum."""
    if metric in COUNT_OF and row[COUNT_OF[metric]] == 0:
        return 0
    return row[metric]


def class_limits(values: Sequence[Any]) -> list[Any]:
    """Upper bounds of all classes but the last, at the quintiles; fewer where values repeat."""
    ordered = sorted(values)
    if not ordered:
        return []
    size = len(COLOURS)
    bounds = {ordered[len(ordered) * step // size] for step in range(1, size)}
    return sorted(bound for bound in bounds if bound < ordered[-1])


def colour_of(value: Any, limits: Sequence[Any]) -> str:
    """Colour of a value: white for zero, else by class, the darkest for the highest."""
    if not value:
        return "#ffffff"
    place = sum(value > limit for limit in limits)
    return COLOURS[place + len(COLOURS) - 1 - len(limits)]


def _scale(values: Sequence[Any], unit: str) -> tuple[Decimal, str]:
    if unit != "元":
        return Decimal(1), unit
    largest = max(values, default=0)
    return (YI, "亿元") if largest >= YI else (WAN, "万元")


def _shown(value: Any, divisor: Decimal) -> str:
    if divisor == 1:
        return f"{value:,}"
    return f"{Decimal(value) / divisor:,.2f}".rstrip("0").rstrip(".")


def _legend(values: Sequence[Any], limits: Sequence[Any], divisor: Decimal, hidden: str) -> list[LegendEntry]:
    entries = [LegendEntry("#ffffff", "0")] if any(value == 0 for value in values) else []
    known = sorted(value for value in values if value)
    first = len(COLOURS) - 1 - len(limits)
    bounds = [*limits, known[-1]] if known else []
    for place, bound in enumerate(bounds):
        inside = [value for value in known if value <= bound and (place == 0 or value > bounds[place - 1])]
        if inside:
            low, high = _shown(inside[0], divisor), _shown(inside[-1], divisor)
            entries.append(LegendEntry(COLOURS[first + place], low if low == high else f"{low}–{high}"))
    if any(value is None for value in values):
        entries.append(LegendEntry("", f"{hidden}，不显示"))
    return entries
