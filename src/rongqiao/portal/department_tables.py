"""One table of a data department: how fresh it is, its standard, how the last delivery came out, and its governed rows; and receipts."""

from __future__ import annotations

import csv
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from rongqiao.accounts.roles import Role
from rongqiao.bases.enterprises import selectors as base
from rongqiao.bases.enterprises import table_rows
from rongqiao.bases.enterprises.intake.selectors import with_given_names
from rongqiao.contracts.catalog import code_list
from rongqiao.contracts.standards import load_contracts
from rongqiao.portal.access import for_roles, request_scope
from rongqiao.portal.freshness import judge_sources
from rongqiao.portal.listing import Column, Filter, Listing
from rongqiao.portal.table_standard import describe_table, receipts_listing

if TYPE_CHECKING:
    from django.http import HttpRequest

    from rongqiao.contracts.model import Contract, Item

KINDS = {"date": "date", "decimal": "number", "integer": "number"}


@require_safe
@for_roles(Role.DEPARTMENT_CLERK)
def show_table(request: HttpRequest, contract_id: str) -> HttpResponse:
    """Governed rows of one of the department's tables, with its freshness and the drift of its last delivery."""
    scope = request_scope(request)
    contract = table_rows.own_contract(scope, contract_id)
    if contract is None:
        raise Http404(contract_id)
    listing = Listing(
        request,
        table_rows.list_rows(scope, contract),
        name="rows",
        columns=_columns(contract),
        filters=[Filter("q", "企业名称、代码或公开项", apply=lambda rows, value: rows.matching(value[:60]))],
        page_size=20,
        empty_title="还没有入库的记录",
        empty_text="报送并通过六步治理后，合格的记录会列在这里。",
    )
    judged = judge_sources(base.source_statuses().filter(contract_id=contract_id), timezone.localdate())
    context = {**describe_table(contract, scope), "status": judged[0] if judged else None}
    return listing.respond("portal/department/table.html", context)


@require_safe
@for_roles(Role.DEPARTMENT_CLERK)
def send_template(request: HttpRequest, contract_id: str) -> HttpResponse:
    """Give an empty file with the headers of one of the department's tables, that spreadsheets open as UTF-8."""
    contract = table_rows.own_contract(request_scope(request), contract_id)
    if contract is None:
        raise Http404(contract_id)
    response = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{contract.id}.csv"'
    csv.writer(response).writerow([_heading(item) for item in contract.items])
    return response


@require_safe
@for_roles(Role.DEPARTMENT_CLERK)
def list_receipts(request: HttpRequest) -> HttpResponse:
    """Receipts of everything the department delivered, whichever way it came."""
    scope = request_scope(request)
    own = [(each.id, each.title) for each in load_contracts().values() if each.department == scope.department]
    listing = receipts_listing(
        request,
        with_given_names(scope, base.list_deliveries().filter(contract_id__in=[name for name, _ in own])),
        own,
        lambda row: reverse("portal:department_lineage_batch", args=[row.batch_id]),
        lambda row: reverse("portal:department_repair", args=[row.batch_id]) if row.rows_quarantined else "",
        aside="退回",
        empty_title="还没有签收过文件",
        empty_text="文件经网页上传、接口推送、共享目录或采集任务到达并完成治理后，每份文件一张回执列在这里。",
        empty_url=reverse("portal:department_send"),
        empty_label=_("上传数据"),
    )
    return listing.respond("portal/department/receipts.html")


def _columns(contract: Contract) -> list[Column]:
    return [
        Column("enterprise_id", "归到企业", sort="enterprise_id"),
        *(
            Column(item.id, _heading(item), _kind(item), sort=item.id, value=_reader(item))
            if item.sensitivity in ("L1", "L2")
            else Column(item.id, _heading(item), null_text="空")
            for item in contract.items
        ),
        Column("known_at", "获知日期", "date", sort="known_at"),
    ]


def _kind(item: Item) -> str:
    return "money" if item.unit == "元" else KINDS.get(item.type, "text")


def _heading(item: Item) -> str:
    return f"{item.title}（{item.unit}）" if item.unit and item.unit != "元" else item.title


def _reader(item: Item) -> Any:
    if item.code_list:
        titles = dict(code_list(item.code_list).choices())
        return lambda row: titles.get(row[item.id], row[item.id])
    if item.type == "boolean":
        return lambda row: {True: "是", False: "否"}.get(row[item.id])
    return itemgetter(item.id)
