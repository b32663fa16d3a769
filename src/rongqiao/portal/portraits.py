"""Shows a portrait: figures by theme, standing among peers, charts over 24 months. For owners, banks and officials alike."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from rongqiao.bases.enterprises.identity import find_size_class, list_coverage, list_relations, list_tags
from rongqiao.bases.enterprises.portraits import readable_contracts
from rongqiao.bases.enterprises.selectors import group_figures, source_statuses
from rongqiao.bases.enterprises.standing import read_standing
from rongqiao.bases.enterprises.ties import MOST_EVENTS, MOST_TIES
from rongqiao.indicators.shown_series import SERIES
from rongqiao.portal.charts import Chart, Graph, scale_cny

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rongqiao.bases.enterprises.portraits import PortraitView
    from rongqiao.bases.enterprises.selectors import Figure, ThemeFigures
    from rongqiao.bases.enterprises.standing import Band, Standing
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
EVENTS_SHOWN = 30
#: More than these would hide each other; the table lists them all.
NODES_DRAWN = 24
#: A ring through fewer themes has no shape.
LEAST_THEMES = 3


def portrait_context(portrait: PortraitView) -> dict[str, Any]:
    """Everything that ``portal/components/rating.html``, ``standing.html`` and ``portrait.html`` show."""
    told = source_statuses().values_list("contract_id", "title", "delivered_on", named=True)
    sources = {source.contract_id: source for source in told}
    delivered = {key: source.delivered_on for key, source in sources.items()}
    groups = group_figures(portrait, delivered)
    standing = read_standing(portrait, groups)
    relations = list_relations(portrait)
    return {
        "portrait": portrait,
        "rows": main_figures(groups),
        "groups": groups,
        "known": sum(group.known for group in groups),
        "total": sum(len(group.figures) for group in groups),
        "charts": series_charts(portrait, sources, standing.bands),
        "events": portrait.events,
        "years": _by_year(portrait.events[:EVENTS_SHOWN]),
        "earlier": _by_year(portrait.events[EVENTS_SHOWN:]),
        "earlier_count": max(0, len(portrait.events) - EVENTS_SHOWN),
        "most_events": MOST_EVENTS,
        "most_relations": MOST_TIES,
        "sources": sources,
        "standing": standing,
        "radar": theme_chart(standing),
        "size_class": find_size_class(portrait),
        "tags": list_tags(portrait),
        "relations": relations,
        "graph": relation_graph(portrait.enterprise.name, relations),
        "coverage": list_coverage(portrait, groups, delivered),
    }


def _by_year(events: Sequence[Any]) -> list[tuple[str, list[Any]]]:
    return [(year, list(some)) for year, some in groupby(events, lambda event: event["on"][:4])]


def main_figures(groups: Sequence[ThemeFigures]) -> list[Figure]:
    """Return what readers ask first."""
    by_id = {figure.id: figure for group in groups for figure in group.figures}
    return [by_id[name] for name in MAIN_INDICATORS if name in by_id]


def theme_chart(standing: Standing) -> Chart | None:
    """Draw the themes around a circle; one without a value is a gap. Null where too few have one to give a shape."""
    values = [each.score for each in standing.themes]
    if standing.group is None or sum(value is not None for value in values) < LEAST_THEMES:
        return None
    return Chart(
        id="themes",
        title="各主题在同类中的位次",
        labels=[f"{each.title}{'（缺）' if each.standing is None else ''}" for each in standing.themes],
        series={"本企业": values, "同类居中": [50] * len(values)},
        unit="分",
        source=f"同类：{standing.group.title}，{standing.group.members} 户；已计方向，越高越好；缺项留空，不作零",
        kind="radar",
    )


def relation_graph(name: str, relations: Sequence[dict[str, Any]]) -> Graph | None:
    """Draw the present ties around the enterprise; null where there are none."""
    present = [row for row in relations if not row["is_past"]][:NODES_DRAWN]
    if not present:
        return None
    return Graph(
        "relations",
        "关联企业与人员",
        name,
        [(row["name"], row["kind_title"], f"{row['kind_title']}：{row['name']}") for row in present],
    )


def series_charts(
    portrait: PortraitView, sources: Mapping[str, Any], bands: Mapping[str, Band]
) -> list[Chart]:
    """Draw every series that the reader may see over its 24 months, with its peers' band; one without a value says so."""
    contracts = readable_contracts(portrait.data_classes)
    return [
        _chart(each, portrait.series.get(each.id) or [], sources, bands.get(each.id))
        for each in SERIES
        if each.contract_id in contracts
    ]


def _chart(
    declared: Series, points: Sequence[Sequence[Any]], sources: Mapping[str, Any], band: Band | None
) -> Chart:
    lines: dict[str, list[float | None]] = {declared.title: [point[1] for point in points]}
    if band is not None:
        for place, name in enumerate(("同类下四分位", "同类中位", "同类上四分位")):
            lines[name] = [band.months.get(point[0], (None, None, None))[place] for point in points]
    scaled, unit = _scale([value for line in lines.values() for value in line], declared.unit)
    width = len(points)
    source = sources.get(declared.contract_id)
    said = f"来源：{source.title}，最近报送 {source.delivered_on or '—'}" if source else "来源部门尚未报送"
    return Chart(
        id=declared.id,
        title=declared.title,
        labels=[f"{point[0] // 100}-{point[0] % 100:02d}" for point in points],
        series={name: scaled[n * width : (n + 1) * width] for n, name in enumerate(lines)},
        unit=unit,
        source=f"{said}；同类：{band.group.title}" if band is not None else said,
        nothing="来源部门已报送，其中没有本企业这些月份的记录；不等于零。"
        if source and source.delivered_on
        else "来源部门尚未报送。",
    )


def _scale(values: list[float | None], unit: str) -> tuple[list[float | None], str]:
    if unit == "元":
        return scale_cny(values)
    if unit == "千瓦时" and max((value or 0 for value in values), default=0) >= WAN_KWH:
        return [None if value is None else round(value / WAN_KWH, 2) for value in values], "万千瓦时"
    return values, unit
