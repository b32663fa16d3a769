"""Repair of rows that were sent back: see why, mend the cell, send it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from rongqiao.bases.enterprises.intake import duplicates, selectors, services
from rongqiao.bases.enterprises.selectors import list_deliveries
from rongqiao.contracts.catalog import code_list
from rongqiao.contracts.standards import load_contracts
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.portal.access import for_roles, request_scope
from rongqiao.portal.department_deliveries import CLERKS, table_title
from rongqiao.portal.listing import Column, Filter, Listing
from rongqiao.portal.operator_steps import rule_titles

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest, HttpResponse

    from rongqiao.contracts.model import Contract

PAGE_SIZE = 20
#: Digits of the greatest line number that can be.
LINE_DIGITS = 9


@require_safe
@for_roles(*CLERKS)
def list_batches(request: HttpRequest) -> HttpResponse:
    """Files with rows that wait for repair."""
    batches = selectors.list_open_batches(request_scope(request))
    listing = Listing(
        request,
        batches,
        name="batches",
        row_url=lambda row: reverse("portal:department_repair", args=[row["batch_id"]]),
        columns=[
            Column("given_name", "文件", sort="given_name"),
            Column(
                "contract_id", "数据表", sort="contract_id", value=lambda row: table_title(row["contract_id"])
            ),
            Column("known_on", "报送日期", "date", sort="known_on"),
            Column("rows", "待修复行数", "number", sort="rows"),
        ],
        filters=[
            Filter(
                "contract",
                "数据表",
                sorted({(row["contract_id"], table_title(row["contract_id"])) for row in batches}),
                lambda rows, value: [row for row in rows if row["contract_id"] == value],
            ),
            Filter("q", "文件名", apply=_of_file),
        ],
        empty_title="没有退回的数据",
        empty_text="上传的数据全部通过了检查，或退回的行都已修复。",
    )
    return listing.respond("portal/department/batches.html")


def _of_file(rows: list[dict[str, Any]], words: str) -> list[dict[str, Any]]:
    return [row for row in rows if words in row["given_name"] or words in row["file_name"]]


@require_http_methods(["GET", "POST"])
@for_roles(*CLERKS)
def repair_batch(request: HttpRequest, batch_id: str) -> HttpResponse:
    """Rows of one file: what was received, what is wrong with it, and a box to mend it in."""
    scope, rule_id = request_scope(request), request.GET.get("rule", "")
    rows = selectors.quarantined_rows(scope, batch_id, rule_id)
    contract = load_contracts().get(batch_id.partition("@")[0])
    if contract is None or contract.department != scope.department:
        raise Http404(batch_id)
    if not rows.exists():
        if not list_deliveries(contract_id=contract.id).filter(pk=batch_id).exists():
            raise Http404(batch_id)
        # Whoever follows an old link to rows that were mended since reads that nothing is left to do.
        messages.success(request, "这份文件退回的行都已修复重报或确认重复，没有待办。")
        return redirect("portal:department_repairs")
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    if request.method == "POST":
        try:
            repairs = {row.line: _changes(request, contract, row) for row in page}
            upload = services.repair_rows(scope=scope, batch_id=batch_id, repairs=repairs, now=timezone.now())
        except InvalidValueError as error:
            return _page(request, contract, batch_id, rows, error.remedy)
        return redirect("portal:department_upload", upload.pk)
    return _page(request, contract, batch_id, rows)


@require_POST
@for_roles(*CLERKS)
def close_duplicate(request: HttpRequest, batch_id: str) -> HttpResponse:
    """Confirm that a row repeats another one of its file; without a reason the page asks for it."""
    scope, line = request_scope(request), request.POST.get("line", "")
    contract = load_contracts().get(batch_id.partition("@")[0])
    is_line = line.isdecimal() and len(line) <= LINE_DIGITS
    if contract is None or contract.department != scope.department or not is_line:
        raise Http404(batch_id)
    try:
        closed = duplicates.close_duplicate(
            scope=scope,
            batch_id=batch_id,
            line=int(line),
            reason=request.POST.get(f"reason-{line}", ""),
            now=timezone.now(),
        )
    except InvalidValueError as error:
        rows = selectors.quarantined_rows(scope, batch_id)
        return _page(request, contract, batch_id, rows, f"第 {line} 行：{error.remedy}")
    messages.success(request, f"第 {closed.line} 行已确认重复，不再列为待修复。")
    return redirect("portal:department_repair", batch_id=batch_id)


def _page(
    request: HttpRequest, contract: Contract, batch_id: str, rows: Any, problem: str = ""
) -> HttpResponse:
    scope, rule_id = request_scope(request), request.GET.get("rule", "")
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    titles = rule_titles()
    context = {
        "batch_id": batch_id,
        "contract": contract,
        "file": selectors.with_given_names(scope, rows).first(),
        "page": page,
        "rows": [_describe(request, contract, row) for row in page],
        "reasons": [
            {**each, "title": titles.get(each["rule_id"], each["message"])}
            for each in selectors.count_by_rule(scope, batch_id)
        ],
        "rule": rule_id,
        "problem": problem,
    }
    return render(request, "portal/department/repair.html", context, status=422 if problem else 200)


def _name(line: int, item_id: str) -> str:
    return f"cell-{line}-{item_id}"


def _changes(request: HttpRequest, contract: Contract, row: Any) -> dict[str, str]:
    """Cells of a row whose text is no longer what was received."""
    sent = {item.id: request.POST.get(_name(row.line, item.id)) for item in contract.items}
    return {
        item_id: text
        for item_id, text in sent.items()
        if text is not None and text.strip() != (row.row.get(item_id) or "")
    }


def _describe(request: HttpRequest, contract: Contract, row: Any) -> dict[str, Any]:
    """Lay out a row: the cell that was refused first, who it is about, then the rest."""
    first = [row.column] if row.column in contract.columns else []
    order = dict.fromkeys(
        [*first, *(name for name in ("uscc", "name") if name in contract.columns), *contract.columns]
    )
    cells = [_cell(request, contract, row, item_id) for item_id in order] if row.row else []
    near = len(first) + 2
    told = {
        "is_duplicate": row.rule_id in contract.key_rules,
        "reason": request.POST.get(f"reason-{row.line}", ""),
    }
    return told | {
        "row": row,
        "near": cells[:near],
        "rest": cells[near:],
        "raw": "" if row.row else row.value,
    }


def _cell(request: HttpRequest, contract: Contract, row: Any, item_id: str) -> dict[str, Any]:
    item = contract.item(item_id)
    name = _name(row.line, item_id)
    received = row.row.get(item_id) or ""
    return {
        "name": name,
        "item": item,
        "value": request.POST.get(name, received),
        "received": received,
        "is_wrong": item_id == row.column,
        "choices": _titles(item.code_list) if item.code_list else [],
    }


def _titles(list_id: str) -> Iterable[str]:
    return [title for _, title in code_list(list_id).choices()]
