"""Data department pages: what the department delivers, how fresh it is, and what is owed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from rongqiao.accounts.roles import Role
from rongqiao.bases.enterprises import selectors as base
from rongqiao.bases.enterprises.resolution.selectors import count_open_conflicts
from rongqiao.contracts.standards import load_contracts
from rongqiao.portal.access import for_roles, request_scope
from rongqiao.portal.freshness import judge_sources
from rongqiao.portal.source_listing import freshness_listing

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@require_safe
@for_roles(Role.DEPARTMENT_CLERK)
def show_sources(request: HttpRequest) -> HttpResponse:
    """Every table the department delivers under: freshness, rows, rules, and those never delivered."""
    scope = request_scope(request)
    contracts = [each for each in load_contracts().values() if each.department == scope.department]
    known = {contract.id for contract in contracts}
    delivered = [each for each in base.source_statuses() if each.contract_id in known]
    sources = judge_sources(delivered, timezone.localdate())
    listed = {source.contract_id for source in delivered}
    listing = freshness_listing(
        request,
        sources,
        row_url=lambda row: reverse("portal:department_table", args=[row.source.contract_id]),
        has_departments=False,
        aside="退回",
        empty_title="还没有报送过数据",
        empty_text="按数据标准上传第一批文件后，这里显示时效和质量。",
    )
    return listing.respond(
        "portal/department/sources.html",
        {
            "department": contracts[0].department_title if contracts else scope.department,
            "conflicts": count_open_conflicts(scope),
            "gaps": [each for each in sources if each.status != "ok"],
            "never": [each for each in contracts if each.id not in listed],
        },
    )
