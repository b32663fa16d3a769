"""New sources as the operator sees them: finished drafts, each to be put in force or sent back."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from rongqiao.accounts.roles import Role
from rongqiao.bases.enterprises.inventory import selectors, services
from rongqiao.contracts.code_lists import code_lists
from rongqiao.contracts.draft_rules import custom
from rongqiao.contracts.drafts import TYPES
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.portal.access import for_roles, request_scope
from rongqiao.portal.inventory_forms import state_draft
from rongqiao.portal.listing import Column, Filter, Listing
from rongqiao.portal.pictures import TYPE_WORDS, draw_columns

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from rongqiao.portal.pictures import ColumnPicture

_UNIT = re.compile(r"[（(\[【][^）)\]】]*[）)\]】]$")
STATUSES = [
    ("submitted", "待审批"),
    ("approved", "正在入库"),
    ("delivered", "已送入治理"),
    ("failed", "未能入库"),
    ("drafted", "已退回"),
]


@require_safe
@for_roles(Role.OPERATOR)
def list_drafts(request: HttpRequest) -> HttpResponse:
    """Drafts that departments handed in, those that wait first."""
    listing = Listing(
        request,
        selectors.list_tables(request_scope(request)),
        name="drafts",
        row_url=lambda row: reverse("portal:operator_source_draft", args=[row.pk]),
        columns=[
            Column("title", "数据表", sort="title"),
            Column("submitted_by.organisation.name", "部门"),
            Column("upload.file_name", "来源文件"),
            Column("rows", "行数", "number", sort="rows"),
            Column("status", "状态", value=lambda row: dict(STATUSES).get(row.status, row.get_status_display()), sort="status"),
            Column("submitted_at", "提交时间", "time", sort="submitted_at"),
        ],
        filters=[Filter("status", "状态", STATUSES, lambda rows, value: rows.filter(status=value))],
        default_sort="-submitted_at",
        empty_title="没有新数据源的标准草稿",
        empty_text="部门盘点新数据源、补全数据标准并提交后，会列在这里等待审批。",
    )  # fmt: skip
    return listing.respond("portal/operator/inventory_drafts.html")


@require_http_methods(["GET", "POST"])
@for_roles(Role.OPERATOR)
def decide_draft(request: HttpRequest, table_id: int) -> HttpResponse:
    """One draft beside what its source holds; put it in force, or send it back with what to mend."""
    scope = request_scope(request)
    table = selectors.get_table(scope, table_id)
    if table is None:
        raise Http404(str(table_id))
    problem = ""
    if request.method == "POST":
        is_approved = "approve" in request.POST
        reason = request.POST.get("reason", "")[:500]
        try:
            services.decide_table(
                scope=scope, table_id=table_id, is_approved=is_approved, reason=reason, now=timezone.now()
            )
        except InvalidValueError as error:
            problem = error.remedy
        else:
            messages.success(request, "数据标准已启用，正在入库。" if is_approved else "已退回部门修改。")
            return redirect("portal:operator_source_drafts")
    found = {each.header: each for each in draw_columns(table.profile)}
    items = [
        (
            node,
            {**custom(node), "list": _list_name(node)},
            TYPE_WORDS[_type_of(node)],
            _column_of(node, found),
        )
        for node in table.document["schema"][0]["properties"]
    ]
    context = {
        "table": table,
        "profile": table.profile,
        "draft": state_draft(table.document),
        "items": items,
        "key": [node["businessName"] for node, *_ in items if node.get("primaryKey")],
        "left_out": _left_out(items, found),
        "rules": table.document["schema"][0]["quality"],
        "problem": problem,
    }
    return render(request, "portal/operator/inventory_draft.html", context, status=422 if problem else 200)


def _list_name(node: dict[str, Any]) -> str:
    """Title of an item's code list; its id where the catalogue no longer has it."""
    list_id = custom(node).get("codeList") or ""
    return code_lists()[list_id].name if list_id in code_lists() else list_id


def _type_of(node: dict[str, Any]) -> str:
    return next(name for name, (physical, _) in TYPES.items() if physical == node["physicalType"])


def _column_of(node: dict[str, Any], found: dict[str, ColumnPicture]) -> ColumnPicture | None:
    """Column that an item was made from; a header may state a unit that the title does not."""
    spellings = [node["businessName"], *custom(node).get("headers", [])]
    bare = {_UNIT.sub("", header): column for header, column in found.items()}
    return next((bare[_UNIT.sub("", one)] for one in spellings if _UNIT.sub("", one) in bare), None)


def _left_out(items: list[Any], found: dict[str, ColumnPicture]) -> list[ColumnPicture]:
    """Columns of the source that no item takes; of persons above all."""
    taken = {column.header for _, _, _, column in items if column is not None}
    return [column for header, column in found.items() if header not in taken]
