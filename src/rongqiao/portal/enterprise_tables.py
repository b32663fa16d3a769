"""Tables of the departments as an enterprise looks for its own records in them: first those that hold some."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from rongqiao.bases.enterprises import selectors as base
from rongqiao.bases.enterprises.objections import disputable
from rongqiao.bases.enterprises.own_tables import own_holdings
from rongqiao.indicators.registry import load_indicators
from rongqiao.portal.access import ENTERPRISE, for_roles, request_scope
from rongqiao.portal.listing import Column, Filter, Listing
from rongqiao.portal.templatetags.figures import moment

if TYPE_CHECKING:
    import datetime as dt

    from django.http import HttpRequest, HttpResponse

NOT_KNOWN = "暂不能统计"
WITHOUT, ALL = "none", "all"


@dataclass(frozen=True, slots=True)
class OwnTable:
    """One table; ``records`` is null where nobody counted them."""

    contract_id: str
    title: str
    department: str
    delivered_on: dt.date | None
    records: int | None
    newest: str


@require_safe
@for_roles(*ENTERPRISE)
def list_tables(request: HttpRequest) -> HttpResponse:
    """Tables with our data, those that hold most first; of one figure only those it rests on."""
    scope, asked = request_scope(request), request.GET.get("indicator", "")
    indicator = load_indicators().get(asked)
    behind = disputable.tables_behind(asked) if indicator else {}
    if len(behind) == 1:
        (only,) = behind
        return redirect(f"{reverse('portal:enterprise_records', args=[only])}?indicator={asked}")
    query = f"?indicator={asked}" if indicator else ""
    tables = _tables(request, behind if indicator else None)
    counted = [table for table in tables if table.records is not None]
    # Of one figure all tables are shown, and where nothing was counted there is nothing to tell apart.
    is_narrowed = bool(counted) and not indicator
    wanted = request.GET.get("held", "") if is_narrowed else ALL
    listing = Listing(
        request,
        tables if wanted in (WITHOUT, ALL) else [table for table in tables if table.records != 0],
        name="tables",
        row_url=lambda row: f"{reverse('portal:enterprise_records', args=[row.contract_id])}{query}",
        columns=[
            Column("title", "数据表", sort="title"),
            Column("department", "来源部门", "code", option="departments", sort="department"),
            Column("records", "本企业记录（条）", "count", sort="records", null_text=NOT_KNOWN),
            Column("newest", "最新一条", value=_newest),
            Column("delivered_on", "部门最近报送", "date", sort="delivered_on"),
        ],
        filters=[
            *([_by_holding()] if is_narrowed else []),
            Filter("q", "数据表", apply=lambda rows, text: [row for row in rows if text in row.title]),
        ],
        page_size=50,
        empty_title="还没有部门报送过本企业的记录" if counted else "部门还没有报送数据",
        empty_text="部门报送后，可以在这里逐条核对本企业的记录。",
        empty_url=f"{request.path}?held={ALL}" if counted else reverse("portal:enterprise_profile"),
        empty_label=_("看全部数据表") if counted else _("回到我的画像"),
        none_fit_text="只在选定的范围内查找；清除筛选，或把范围改为全部数据表再找。",
    )
    context = {
        "indicator": indicator,
        "is_certified": bool(scope.uscc),
        "is_narrowed": is_narrowed,
        "holding": sum(table.records > 0 for table in counted if table.records is not None),
        "without": sum(table.records == 0 for table in counted),
        "unknown": len(tables) - len(counted),
    }
    return listing.respond("portal/enterprise/tables.html", context)


def _tables(request: HttpRequest, behind: dict[str, Any] | None) -> list[OwnTable]:
    """Delivered tables, most records first, then those that nobody counted, then those without any."""
    sources = [
        source
        for source in base.source_statuses()
        if source.delivered_on and (behind is None or source.contract_id in behind)
    ]
    names = [source.contract_id for source in sources]
    held = own_holdings(request_scope(request), names, today=timezone.localdate()) or {}
    tables = []
    for source in sources:
        holding = held.get(source.contract_id)
        records, newest = (holding.records, holding.newest) if holding else (None, "")
        tables.append(
            OwnTable(
                source.contract_id, source.title, source.department, source.delivered_on, records, newest
            )
        )
    return sorted(
        tables, key=lambda table: (table.records == 0, table.records is None, -(table.records or 0))
    )


def _newest(row: OwnTable) -> Any:
    if row.records is None:
        return NOT_KNOWN
    return moment(row.newest) if row.newest else ("未注明日期" if row.records else None)


def _by_holding() -> Filter:
    def narrow(rows: list[OwnTable], value: str) -> list[OwnTable]:
        return [row for row in rows if row.records == 0] if value == WITHOUT else rows

    choices = [(WITHOUT, "没有记录的表"), (ALL, "全部数据表")]
    return Filter("held", "范围", choices, narrow, unset="有记录的表")
