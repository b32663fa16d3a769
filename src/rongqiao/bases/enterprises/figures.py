"""Figures of a portrait as people read them: title, text with unit, status, window, source and its freshness."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rongqiao.bases.enterprises.models import SourceStatus
from rongqiao.bases.enterprises.objections.marks import marked_indicators
from rongqiao.contracts.standards import load_contracts
from rongqiao.indicators.registry import THEMES, load_indicators
from rongqiao.indicators.value_words import STATUSES
from rongqiao.kernel.money import format_cny
from rongqiao.rules.levels import show_level

if TYPE_CHECKING:
    import datetime as dt

    from rongqiao.bases.enterprises.portraits import PortraitView
    from rongqiao.indicators.registry import Indicator


@dataclass(frozen=True, slots=True)
class Figure:
    """One indicator's value with everything needed to read and to doubt it.

    ``value`` is null unless the status is ok or stale; ``text`` is then a dash. ``sources`` are contract ids,
    ``delivered_on`` the day of the oldest of their newest deliveries; null when one was never delivered. ``mark`` says
    that it rests on a disputed fact, ``reason`` why it is held back from use; both are empty otherwise.
    """

    id: str
    title: str
    value: float | int | None
    text: str
    unit: str
    status: str
    status_title: str
    window: str
    direction: str
    formula: str
    sources: tuple[str, ...]
    source_title: str
    delivered_on: dt.date | None
    mark: str = ""
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        plain = asdict(self)
        plain["sources"] = list(self.sources)
        plain["delivered_on"] = self.delivered_on.isoformat() if self.delivered_on else None
        for name in ("mark", "reason"):
            if not plain[name]:
                del plain[name]
        return plain


@dataclass(frozen=True, slots=True)
class ThemeFigures:
    """Figures of one theme; ``known`` of them carry a value."""

    id: str
    title: str
    figures: tuple[Figure, ...]

    @property
    def known(self) -> int:
        """Number of figures with a value."""
        return sum(figure.value is not None for figure in self.figures)


def tidy(value: float | None) -> float | int | None:
    """Whole numbers as integers, others to six places, so that every JSON reader reads the same number back."""
    if value is None:
        return None
    return int(value) if float(value).is_integer() else round(float(value), 6)


def format_figure(indicator_id: str, value: float | None) -> str:
    """Show a value with its unit; a dash for null."""
    if value is None:
        return "—"
    suffix = indicator_id.rsplit("_", 1)[-1]
    if suffix == "cny":
        return format_cny(value)
    if suffix == "ratio":
        return f"{value * 100:.1f}%"
    if suffix == "flag":
        return "是" if value else "否"
    if suffix == "level":
        return show_level(indicator_id, value)
    return f"{value:,.1f}".removesuffix(".0") + f" {load_indicators()[indicator_id].unit}"


def group_figures(view: PortraitView) -> list[ThemeFigures]:
    """All figures of a portrait by theme, in the order of their declaration; themes without figures are left out."""
    delivered = dict(SourceStatus.objects.values_list("contract_id", "delivered_on"))
    marks = marked_indicators(view.marks, view.as_of)
    titles = {name: contract.title for name, contract in load_contracts().items()}
    groups: dict[str, list[Figure]] = {theme: [] for theme in THEMES}
    for key, declared in load_indicators().items():
        if key in view.indicators:
            groups[declared.theme].append(
                _figure(declared, view.indicators[key], delivered, titles, marks.get(key, ""))
            )
    return [
        ThemeFigures(theme, THEMES[theme], tuple(figures)) for theme, figures in groups.items() if figures
    ]


def _figure(
    declared: Indicator,
    cell: dict[str, Any],
    delivered: dict[str, dt.date | None],
    titles: dict[str, str],
    mark: str,
) -> Figure:
    status = cell.get("status") or "missing"
    value = tidy(cell.get("value")) if status in {"ok", "stale"} else None
    sources = tuple(
        "market_regulation.registry" if name == "enterprises" else name for name in declared.sources
    )
    days = [delivered.get(name) for name in sources]
    return Figure(
        id=declared.id,
        title=declared.title,
        value=value,
        text=format_figure(declared.id, value),
        unit=declared.unit,
        status=status,
        status_title=STATUSES.get(status, status),
        window=declared.window,
        direction=declared.direction,
        formula=declared.formula,
        sources=sources,
        source_title="、".join(titles[name] for name in sources if name in titles),
        delivered_on=min((day for day in days if day), default=None) if all(days) else None,
        mark=mark,
        # The status says the first word already.
        reason=cell.get("reason", "").removeprefix(f"{STATUSES.get(status, status)}："),
    )
