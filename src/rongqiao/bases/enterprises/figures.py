"""Figures of a portrait as people read them: title, text with unit, status, window, source and its freshness."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
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
    from collections.abc import Mapping

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
    return f"{value:,.1f}".removesuffix(".0") + f" {_fixed(indicator_id).unit}"


@dataclass(frozen=True, slots=True)
class _Fixed:
    """What a figure says in every portrait."""

    unit: str
    window: str
    sources: tuple[str, ...]
    source_title: str


@lru_cache(maxsize=4096)
def _fixed(indicator_id: str) -> _Fixed:
    declared, contracts = load_indicators()[indicator_id], load_contracts()
    sources = tuple(
        "market_regulation.registry" if name == "enterprises" else name for name in declared.sources
    )
    titles = "、".join(contracts[name].title for name in sources if name in contracts)
    return _Fixed(declared.unit, declared.window, sources, titles)


def group_figures(
    view: PortraitView, delivered: Mapping[str, dt.date | None] | None = None
) -> list[ThemeFigures]:
    """All figures of a portrait by theme, in the order of their declaration; themes without figures are left out.

    Parameters
    ----------
    view : PortraitView
    delivered : mapping or None
        Day of the newest delivery of each contract; read here when ``None``.
    """
    if delivered is None:
        delivered = dict(SourceStatus.objects.values_list("contract_id", "delivered_on"))
    marks = marked_indicators(view.marks, view.as_of)
    oldest: dict[tuple[str, ...], dt.date | None] = {}
    groups: dict[str, list[Figure]] = {theme: [] for theme in THEMES}
    for key, declared in load_indicators().items():
        if key in view.indicators:
            fixed = _fixed(key)
            if fixed.sources not in oldest:
                oldest[fixed.sources] = _oldest(fixed.sources, delivered)
            figure = _figure(declared, fixed, view.indicators[key], oldest[fixed.sources], marks.get(key, ""))
            groups[declared.theme].append(figure)
    return [
        ThemeFigures(theme, THEMES[theme], tuple(figures)) for theme, figures in groups.items() if figures
    ]


def _oldest(sources: tuple[str, ...], delivered: Mapping[str, dt.date | None]) -> dt.date | None:
    """Oldest of the days; null where one of the sources was never delivered."""
    days = [day for name in sources if (day := delivered.get(name))]
    return min(days, default=None) if len(days) == len(sources) else None


def _figure(
    declared: Indicator, fixed: _Fixed, cell: dict[str, Any], delivered_on: dt.date | None, mark: str
) -> Figure:
    status = cell.get("status") or "missing"
    value = tidy(cell.get("value")) if status in {"ok", "stale"} else None
    title = STATUSES.get(status, status)
    return Figure(
        id=declared.id,
        title=declared.title,
        value=value,
        text=format_figure(declared.id, value),
        unit=fixed.unit,
        status=status,
        status_title=title,
        window=fixed.window,
        direction=declared.direction,
        formula=declared.formula,
        sources=fixed.sources,
        source_title=fixed.source_title,
        delivered_on=delivered_on,
        mark=mark,
        # The status says the first word already.
        reason=cell.get("reason", "").removeprefix(f"{title}："),
    )
