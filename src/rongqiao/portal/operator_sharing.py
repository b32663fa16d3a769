"""Operator page of the national sharing lists: what departments are to share, which standards answer it, what has come in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.views.decorators.http import require_safe

from rongqiao.accounts.roles import Role
from rongqiao.bases.enterprises import selectors as base
from rongqiao.contracts.sharing import SharedItem, coverage, items_of, sharing_lists
from rongqiao.contracts.standards import load_contracts
from rongqiao.portal.access import for_roles
from rongqiao.portal.listing import Column, Filter, Listing

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from django.http import HttpRequest, HttpResponse

#: The list that holds all others.
LATEST = "74"
ANSWERED = [("yes", "已有标准"), ("no", "尚无标准")]


@require_safe
@for_roles(Role.OPERATOR)
def show_sharing(request: HttpRequest) -> HttpResponse:
    """Show how far the standards answer the national lists, by department and item by item."""
    lists = [
        {"list": listed, "answered": sum(one.answered for one in coverage(listed.id))}
        for listed in sharing_lists().values()
    ]
    departments = sorted(coverage(LATEST), key=lambda one: (one.ratio, -one.items))
    is_unverified = not all(listed.is_verified for listed in sharing_lists().values())
    context = {"lists": lists, "departments": departments, "is_unverified": is_unverified}
    return _items(request).respond("portal/operator/sharing.html", context)


def _items(request: HttpRequest) -> Listing:
    contracts = load_contracts()
    delivered = {
        source.contract_id: source.delivered_on for source in base.source_statuses() if source.delivered_on
    }
    names = {contract.department: contract.department_title for contract in contracts.values()}
    rows = [
        {
            "title": item.title,
            "class": item.class_title,
            "since": sharing_lists()[item.since].document,
            "department": item.department,
            "department_title": names.get(item.department, item.department),
            "is_answered": bool(item.contracts),
            "tables": "、".join(contracts[name].title for name in item.contracts) or "尚无标准",
            "delivered": _last(item, delivered),
        }
        for item in items_of(LATEST)
    ]
    return Listing(
        request,
        rows,
        name="shared_items",
        columns=[
            Column("title", "共享事项", sort="title"),
            Column("class", "类别", sort="class"),
            Column("department_title", "提供部门", sort="department_title"),
            Column("tables", "数据表"),
            Column("delivered", "最近报送", "date", sort="delivered", null_text="未报送"),
            Column("since", "出处", sort="since"),
        ],
        filters=[
            Filter("department", "部门", sorted(names.items()), _by_department),
            Filter("answered", "标准", ANSWERED, _by_answered),
        ],
        page_size=50,
    )


def _last(item: SharedItem, delivered: Mapping[str, dt.date]) -> dt.date | None:
    """Newest delivery of the item's tables; null while none has come."""
    return max((delivered[name] for name in item.contracts if name in delivered), default=None)


def _by_department(rows: list[dict[str, Any]], value: str) -> list[dict[str, Any]]:
    return [row for row in rows if row["department"] == value]


def _by_answered(rows: list[dict[str, Any]], value: str) -> list[dict[str, Any]]:
    return [row for row in rows if row["is_answered"] == (value == "yes")]
