"""Figures and versions of a screening list in words, and its file."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_POST

from rongqiao.contracts.catalog import code_list, industries, regions
from rongqiao.platforms.financing.screening import selectors, services
from rongqiao.portal.access import BANK, for_roles, request_scope
from rongqiao.portal.listing import export_value, place_name
from rongqiao.portal.names import region_name

if TYPE_CHECKING:
    import datetime as dt
    import uuid
    from collections.abc import Sequence

    from django.http import HttpRequest

#: All prefectures and all sections of industry; counties are too many to compare by bars.
MOST_BARS = 25
STEPS = {"named": "已告知", "contacted": "已抢单对接", "quoted": "已报价", "drawn": "已放款"}


@dataclass(frozen=True, slots=True)
class Bar:
    """One told cell; ``width`` in percent of the largest."""

    title: str
    count: int
    width: int


@dataclass(frozen=True, slots=True)
class Bars:
    """Told cells of one dimension, largest first; ``left_out`` counts those for which there was no room."""

    title: str
    bars: list[Bar]
    left_out: int


def bars(figures: dict[str, Any] | None) -> list[Bars]:
    """Distribution by place, industry and size; hidden cells are absent, whether empty or small."""
    if not figures:
        return []
    sizes = {entry.code: entry.title for entry in code_list("size_classes").entries}
    found = {
        "regions": ("地区", {code: each.name for code, each in regions().items()}),
        "sections": ("行业门类", {code: each.name for code, each in industries().items() if len(code) == 1}),
        "sizes": ("企业规模", sizes),
    }
    return [_bars(title, figures[key], names) for key, (title, names) in found.items()]


def profiles(figures: dict[str, Any] | None) -> list[tuple[str, str, str, int]]:
    """Name the commonest kinds of enterprise: place, industry, size, and about how many; none where figures are older than the sample."""
    sizes = {entry.code: entry.title for entry in code_list("size_classes").entries}
    return [
        (
            place_name(region),
            industries()[section].name if section in industries() else section,
            sizes.get(size, size),
            count,
        )
        for region, section, size, count in (figures or {}).get("profiles", [])
    ]


def _bars(title: str, cells: Sequence[tuple[str, int]], names: dict[str, str]) -> Bars:
    most = max((count for _, count in cells), default=1)
    drawn = [
        Bar(names.get(code, code or "未知"), count, round(100 * count / most))
        for code, count in cells[:MOST_BARS]
    ]
    return Bars(title, drawn, max(0, len(cells) - MOST_BARS))


def section_title(industry_code: str) -> str | None:
    """Name of the section that an industry code begins with; null where the code is missing."""
    section = industries().get(industry_code[:1])
    return section.name if section else None


def figures_chart_source(figures: dict[str, Any] | None) -> str:
    """Where the figures come from and how they were blurred."""
    if not figures:
        return ""
    month = f"{figures['as_of'] // 100}-{figures['as_of'] % 100:02d}"
    return f"来源：企业信用信息库，截至 {month}，存续企业；为保护单户信息，各数经随机扰动并取整到 5，少于 {figures['hidden']} 户（含零）不显示"


def differences(versions: Sequence[Any]) -> list[dict[str, Any]]:
    """Versions newest first, each with what it dropped and added against the one before."""
    shown = []
    for at, version in enumerate(versions):
        before = versions[at + 1].conditions if at + 1 < len(versions) else []
        dropped, added = selectors.changes(before, version.conditions)
        total = (version.figures or {}).get("total")
        shown.append({"version": version, "dropped": dropped, "added": added, "total": total})
    return shown


def reader_mark(request: HttpRequest) -> str:
    """Who reads and when, as it stands across a list's names on the screen and in each line of its export."""
    name = getattr(request.user, "full_name", "")
    return f"{name}（{request.user.get_username()}）{timezone.localtime():%Y-%m-%d %H:%M}"


@require_POST
@for_roles(*BANK)
def export(request: HttpRequest, list_id: uuid.UUID, room: str) -> HttpResponse:
    """Send the names that may be shown as CSV, each line marked with who took it, when, and from which list."""
    scope, now = request_scope(request), timezone.now()
    if selectors.get_screening(scope, list_id) is None:
        raise Http404(str(list_id))
    screening = services.record_export(scope=scope, list_id=list_id, now=now)
    rows, _ = selectors.list_named(scope, screening, now)
    return names_file(request, rows, screening.title, screening.expires_on, list_id)


def names_file(
    request: HttpRequest, rows: Sequence[Any], title: str, expires_on: dt.date, number: uuid.UUID
) -> HttpResponse:
    """Give names as CSV; each line says who took it, when, and from which list."""
    mark = f"{reader_mark(request)} 导出，名单 {number}"
    response = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="screening-{str(number)[:8]}.csv"'
    response["Cache-Control"] = "no-store"
    writer = csv.writer(response)
    writer.writerow([f"{title}：有效期至 {expires_on}，仅供本机构联系企业，不得外传"])
    writer.writerow(["企业名称", "统一社会信用代码", "所在地", "区划代码", "进展", "导出标记"])
    for row in rows:
        place = (region_name(row.county_code), row.county_code)
        cells = (row.name, row.uscc, *place, STEPS[row.step], mark)
        writer.writerow([export_value(each) for each in cells])
    return response
