"""Shows a portrait: figures by theme, what readers ask first, 24-month charts. For owners, banks and officials alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rongqiao.bases.enterprises.portraits import readable_contracts
from rongqiao.bases.enterprises.selectors import group_figures, source_statuses
from rongqiao.indicators.shown_series import SERIES
from rongqiao.portal.charts import Chart, scale_cny

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rongqiao.bases.enterprises.portraits import PortraitView
    from rongqiao.bases.enterprises.selectors import Figure, ThemeFigures
    from rongqiao.indicators.shown_series import Series

# What an enterprise and a loan officer ask first; all others stand below, by theme.
MAIN_INDICATORS = (
    "tax_taxable_sales_sum_m12_cny",
    "tax_taxable_sales_yoy_m12_ratio",
    "tax_arrears_open_cny",
    "invoice_void_m12_ratio",
    "social_insured_headcount_avg_m3_count",
    "utility_electricity_yoy_m12_ratio",
    "finance_debt_ratio",
    "judicial_executed_open_count",
    "judicial_dishonest_open_count",
    "regulatory_serious_penalty_m36_count",
    "registration_abnormal_open_flag",
    "ip_invention_valid_count",
)
WAN_KWH = 10_000


def portrait_context(portrait: PortraitView) -> dict[str, Any]:
    """Everything that ``portal/components/rating.html`` and ``portrait.html`` show."""
    sources = {source.contract_id: source for source in source_statuses()}
    groups = group_figures(portrait)
    return {
        "portrait": portrait,
        "rows": main_figures(groups),
        "groups": groups,
        "known": sum(group.known for group in groups),
        "total": sum(len(group.figures) for group in groups),
        "charts": series_charts(portrait, sources),
        "events": portrait.events,
        "sources": sources,
    }


def main_figures(groups: Sequence[ThemeFigures]) -> list[Figure]:
    """Return what readers ask first."""
    by_id = {figure.id: figure for group in groups for figure in group.figures}
    return [by_id[name] for name in MAIN_INDICATORS if name in by_id]


def series_charts(portrait: PortraitView, sources: Mapping[str, Any]) -> list[Chart]:
    """Draw every series that the reader may see over its 24 months; one without a value says so."""
    contracts = readable_contracts(portrait.data_classes)
    return [
        _chart(each, portrait.series.get(each.id) or [], sources)
        for each in SERIES
        if each.contract_id in contracts
    ]


def _chart(declared: Series, points: Sequence[Sequence[Any]], sources: Mapping[str, Any]) -> Chart:
    values: list[float | None] = [point[1] for point in points]
    unit = declared.unit
    if unit == "元":
        values, unit = scale_cny(values)
    elif unit == "千瓦时" and max((value or 0 for value in values), default=0) >= WAN_KWH:
        values, unit = [None if value is None else round(value / WAN_KWH, 2) for value in values], "万千瓦时"
    source = sources.get(declared.contract_id)
    return Chart(
        id=declared.id,
        title=declared.title,
        labels=[f"{point[0] // 100}-{point[0] % 100:02d}" for point in points],
        series={declared.title: values},
        unit=unit,
        source=f"来源：{source.title}，最近报送 {source.delivered_on or '—'}"
        if source
        else "来源部门尚未报送",
    )
