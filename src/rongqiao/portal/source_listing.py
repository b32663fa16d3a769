"""The list of data sources with their freshness, as the operator, officials and a department see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rongqiao.portal.listing import Column, Filter, Listing
from rongqiao.portal.wording import choices

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.http import HttpRequest

    from rongqiao.portal.freshness import SourceFreshness

STATES = ("stale", "missing", "ok")


def freshness_listing(
    request: HttpRequest,
    sources: Sequence[SourceFreshness],
    *,
    row_url: Callable[[Any], str] | None = None,
    has_departments: bool = True,
    aside: str = "",
    **given: Any,
) -> Listing:
    """List sources, what needs care first.

    Parameters
    ----------
    has_departments : bool
        Whether they are of several departments.
    aside : str
        What rows set aside are called; empty where neither rows nor rules are shown.
    """
    columns = [
        Column("title", "数据表", sort="title", value=lambda row: row.source.title),
        *([Column("department", "部门", sort="department", value=_department)] if has_departments else []),
        Column("status", "状态", "status", option="schedule", sort="status"),
        Column("cycle", "约定周期", "short"),
        Column("delivered_on", "最近报送", "date", sort="delivered_on", value=lambda row: row.source.delivered_on),
        Column("age_days", "距今（天）", "count", sort="age_days"),
        Column("enterprises", "覆盖企业", "count", sort="enterprises", value=_if_delivered("enterprises")),
    ]  # fmt: skip
    if aside:
        columns += [
            Column("rows_accepted", "入库", "count", sort="rows_accepted", value=_if_delivered("rows_accepted")),
            Column("rows_quarantined", aside, "count", sort="rows_quarantined", value=_if_delivered("rows_quarantined")),
            Column("rules_failed", "规则未通过", "count", sort="rules_failed", value=_if_delivered("rules_failed")),
            Column("rules_not_run", "规则未运行", "count", sort="rules_not_run", value=lambda row: row.source.rules_not_run),
        ]  # fmt: skip
    filters = [
        Filter("status", "状态", choices(STATES, "schedule"), lambda rows, v: [r for r in rows if r.status == v]),
        Filter("q", "数据表", apply=lambda rows, text: [row for row in rows if text in row.source.title]),
    ]  # fmt: skip
    if has_departments:
        names = sorted({_department(row) for row in sources})
        by_name = Filter(
            "department", "部门", [(name, name) for name in names],
            lambda rows, v: [row for row in rows if _department(row) == v],
        )  # fmt: skip
        filters.insert(1, by_name)
    return Listing(
        request,
        list(sources),
        name="sources",
        columns=columns,
        filters=filters,
        row_url=row_url,
        page_size=15,
        **given,
    )


def _department(row: SourceFreshness) -> str:
    return str(row.source.department)


def _if_delivered(name: str) -> Callable[[SourceFreshness], Any]:
    """Read a count of what was delivered; of what never was, there is none."""
    return lambda row: getattr(row.source, name) if row.source.delivered_on else None
