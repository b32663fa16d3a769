"""One table of a data department: how fresh it is, how the last delivery differs, and its governed rows."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any

from django.http import Http404
from django.utils import timezone
from django.views.decorators.http import require_safe

from rongqiao.accounts.roles import Role
from rongqiao.bases.enterprises import selectors as base
from rongqiao.bases.enterprises import table_rows
from rongqiao.contracts.catalog import code_list
from rongqiao.portal.access import for_roles, request_scope
from rongqiao.portal.drift import gather_drift
from rongqiao.portal.freshness import judge_sources
from rongqiao.portal.listing import Column, Filter, Listing

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

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
    context = {"contract": contract, "status": judged[0] if judged else None, "drift": gather_drift(contract)}
    return listing.respond("portal/department/table.html", context)


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
