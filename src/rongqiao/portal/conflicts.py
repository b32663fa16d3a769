"""Facts on which departments disagree: the operator's queue and the department's, one conflict with every side, and its settlement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from rongqiao.accounts.roles import Role
from rongqiao.bases.enterprises import selectors as base
from rongqiao.bases.enterprises.intake.selectors import with_given_names
from rongqiao.bases.enterprises.resolution import selectors, services
from rongqiao.contracts.catalog import code_list
from rongqiao.contracts.shared_facts import load_shared_facts
from rongqiao.contracts.standards import load_contracts
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.portal.access import for_roles, request_scope
from rongqiao.portal.forms import PlainForm
from rongqiao.portal.listing import Column, Filter, Listing

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from rongqiao.accounts.scope import Scope

STANDINGS = [("open", "待处理"), ("asked", "已请更正"), ("settled", "已有定论"), ("closed", "各方已一致")]


class SettleForm(PlainForm):
    """Whose value stands, or who is asked to correct."""

    choice = forms.ChoiceField(label="处理意见", widget=forms.RadioSelect)
    reason = forms.CharField(
        label="理由",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="写明核对了什么材料、依据哪一条。与决定人、时间一并长期保留。",
    )

    def __init__(self, *args: Any, sides: list[dict[str, Any]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        stand = [
            (
                f"prevail:{side['contract']}",
                f"以{side['department']}“{side['table']}”所报“{side['shown']}”为准",
            )
            for side in sides
        ]
        ask = [
            (
                f"ask:{side['contract']}",
                f"请{side['department']}核实并更正“{side['table']}”所报“{side['shown']}”",
            )
            for side in sides
        ]
        self.fields["choice"].choices = stand + ask  # type: ignore[attr-defined]


@require_safe
@for_roles(Role.OPERATOR, Role.DEPARTMENT_CLERK)
def list_conflicts(request: HttpRequest, workspace: str) -> HttpResponse:
    """Conflicts by how they stand; those that nobody looked at are shown first."""
    scope = request_scope(request)
    rows = selectors.list_conflicts(scope)
    facts = load_shared_facts()
    if not request.GET.get("standing"):
        rows = rows.filter(state="open")
    listing = Listing(
        request,
        rows,
        name="conflicts",
        row_url=lambda row: reverse(f"portal:{workspace}_conflict", args=[row.conflict_id]),
        columns=[
            Column("name", "企业", sort="name", value=lambda row: row.name or row.enterprise_id),
            Column("fact", "事实", sort="fact", value=lambda row: facts[row.fact].title if row.fact in facts else row.fact),
            Column("sides", "各方所报", value=_sum_up),
            Column("standing", "状态", "status", option="conflict", value=selectors.standing_of),
            Column("since", "首次发现", "date", sort="since"),
            Column("known_at", "最近变化", "date", sort="known_at"),
        ],
        filters=[
            Filter("standing", "状态", [*STANDINGS, ("all", "全部")], _by_standing, unset="尚未一致的"),
            Filter("fact", "事实", [(fact.id, fact.title) for fact in facts.values()], lambda found, v: found.filter(fact=v)),
            Filter("q", "企业名称或代码", apply=_search),
        ],
        default_sort="-known_at",
        empty_title="没有不一致的事实",
        empty_text="各部门对同一事实所报一致，或还没有两个部门报送同一事实；上方“比对情况”写明哪些没有比对。",
    )  # fmt: skip
    counted = selectors.list_conflicts(scope)
    context = {
        "workspace": workspace,
        "open": selectors.narrow(counted, selectors.OPEN).count(),
        "asked": selectors.narrow(counted, selectors.ASKED).count(),
        "trouble": selectors.comparison_trouble(scope) if workspace == "operator" else None,
        "comparisons": [(facts[row.fact], row) for row in selectors.list_comparisons()],
        "asked_rows": list(selectors.list_waiting_rows(scope).filter(decision="ask")[:50])
        if workspace == "department"
        else [],
    }
    return listing.respond("portal/conflicts/list.html", context)


def _by_standing(rows: Any, value: str) -> Any:
    return rows if value == "all" else selectors.narrow(rows, value)


def _search(rows: Any, value: str) -> Any:
    return rows.filter(name__icontains=value[:60]) | rows.filter(enterprise_id__startswith=value[:18].upper())


def _sum_up(row: Any) -> str:
    return "；".join(
        f"{side['department']}（{side['table']}）：{side['shown']}" for side in describe_sides(row)
    )


def describe_sides(conflict: Any) -> list[dict[str, Any]]:
    """Sides of a conflict in words: department, table and the value as that department's codes read."""
    fact, contracts = load_shared_facts().get(conflict.fact), load_contracts()
    items = {side.contract: side.value for side in fact.sides} if fact else {}
    shown = []
    for side in conflict.sides:
        contract = contracts.get(side["contract"])
        item = contract.item(items[contract.id]) if contract and contract.id in items else None
        value = side["value"]
        if item is not None and item.code_list:
            value = code_list(item.code_list).title(value)
        shown.append(
            {
                **side,
                "department": contract.department_title if contract else side["contract"],
                "table": contract.title if contract else side["contract"],
                "item": item.title if item else "",
                "shown": f"{value} {fact.unit}".strip() if fact else value,
            }
        )
    return shown


@require_http_methods(["GET", "POST"])
@for_roles(Role.OPERATOR, Role.DEPARTMENT_CLERK)
def show_conflict(request: HttpRequest, conflict_id: str, workspace: str) -> HttpResponse:
    """One conflict: what each side says and where it stands written, what was decided, and a form for who may settle it."""
    scope = request_scope(request)
    conflict = selectors.get_conflict(scope, conflict_id)
    if conflict is None:
        raise Http404(conflict_id)
    fact, sides = load_shared_facts().get(conflict.fact), describe_sides(conflict)
    form = SettleForm(request.POST or None, sides=sides)
    if request.method == "POST" and form.is_valid():
        decision, _, contract_id = form.cleaned_data["choice"].partition(":")
        try:
            services.settle_conflict(
                scope=scope,
                conflict_id=conflict_id,
                version=request.POST.get("version", ""),
                decision=decision,
                contract_id=contract_id,
                reason=form.cleaned_data["reason"],
                now=timezone.now(),
            )
        except InvalidValueError as error:
            form.add_error(None, error.remedy)
        else:
            messages.success(
                request,
                "已记录处理意见。" if decision == "prevail" else "已请该部门核实更正，对方工作台可见。",
            )
            return redirect(f"portal:{workspace}_conflict", conflict_id)
    titles = {key: f"{each.department_title}“{each.title}”" for key, each in load_contracts().items()}
    context = {
        "workspace": workspace,
        "conflict": conflict,
        "fact": fact,
        "tolerance": f"{fact.tolerance:.0%}" if fact else "",
        "sides": _with_files(scope, workspace, sides),
        "winner": _winner(conflict, sides),
        "standing": selectors.standing_of(conflict),
        "form": form if conflict.state == "open" and services.may_settle(scope, conflict) else None,
        "settlements": [(each, titles.get(each.contract_id, each.contract_id)) for each in selectors.settlements_of(scope, conflict_id)],
        "asked_of_us": conflict.decision == "ask" and conflict.decided_for.partition(".")[0] == scope.department,
    }  # fmt: skip
    return render(request, "portal/conflicts/detail.html", context, status=422 if form.errors else 200)


def _with_files(scope: Scope, workspace: str, sides: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sides with the name of the file that each stands in, and the page that leads to it, for who may open that."""
    receipts = base.list_deliveries().filter(batch_id__in=[side["batch_id"] for side in sides])
    names = {row.batch_id: row.given_name for row in with_given_names(scope, receipts)}
    return [
        side
        | {
            "file": names.get(side["batch_id"], ""),
            "may_open": workspace == "operator" or side["contract"].partition(".")[0] == scope.department,
        }
        for side in sides
    ]


def _winner(conflict: Any, sides: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Side whose value stands: the one a person chose, else the first in the order of authority."""
    if conflict.decision == "prevail":
        return next((side for side in sides if side["contract"] == conflict.decided_for), None)
    return sides[0] if sides else None
