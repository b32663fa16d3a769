"""Operator pages: the six steps of governance, deliveries, quarantine, one source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from rongqiao.accounts.roles import Role
from rongqiao.bases.enterprises import selectors as base
from rongqiao.bases.enterprises.intake.selectors import of_file, with_given_names, with_states
from rongqiao.contracts.standards import load_contracts
from rongqiao.portal.access import for_roles, request_scope
from rongqiao.portal.freshness import judge_sources
from rongqiao.portal.listing import Column, Filter, Listing
from rongqiao.portal.operator_steps import OUTCOMES, STEPS, gather_steps, rule_titles
from rongqiao.portal.source_listing import freshness_listing
from rongqiao.portal.table_standard import FAMILIES, FILE, describe_table, receipts_listing, type_word

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


ROW_STATES = [("waiting", "待修复"), ("repaired", "已修复重报"), ("closed", "确认重复，不再办理")]


@require_safe
@for_roles(Role.OPERATOR)
def show_steps(request: HttpRequest) -> HttpResponse:
    """Six steps: what each does, how much, when last, what is wrong."""
    sources = judge_sources(base.source_statuses(), timezone.localdate())
    listing = freshness_listing(
        request,
        sources,
        row_url=lambda row: reverse("portal:operator_source", args=[row.source.contract_id]),
        aside="隔离",
        empty_title="还没有发布过数据",
        empty_text="运行 rongqiao govern 与 rongqiao database publish 后，各来源会列在这里。",
    )
    steps = gather_steps(sources, base.province_figures(), base.quarantine_by_rule())
    return listing.respond("portal/operator/steps.html", {"steps": steps})


@require_safe
@for_roles(Role.OPERATOR)
def show_step(request: HttpRequest, step: str) -> HttpResponse:
    """One step with its list."""
    found = next((each for each in STEPS if each.id == step), None)
    if found is None:
        raise Http404(step)
    listing = STEP_LISTS[step](request)
    number = STEPS.index(found) + 1
    return listing.respond("portal/operator/step.html", {"step": found, "number": number})


def _inventory(request: HttpRequest) -> Listing:
    delivered = {source.contract_id: source for source in base.source_statuses()}
    return Listing(
        request,
        list(load_contracts().values()),
        name="contracts",
        row_url=lambda row: reverse("portal:operator_source", args=[row.id]),
        columns=[
            Column("title", "数据表", sort="title"),
            Column("department_title", "部门", sort="department_title"),
            Column("category", "类别", "code", option="data_categories"),
            Column("update_cycle", "约定周期", "code", option="update_cycles"),
            Column("items", "字段", "number", value=lambda row: len(row.items)),
            Column(
                "delivered",
                "最近报送",
                "date",
                sort="delivered",
                value=_last_of(delivered),
                null_text="从未报送",
            ),
            Column("legal_basis", "依据"),
        ],
        filters=[
            Filter(
                "department", "部门", _departments(), lambda rows, v: [r for r in rows if r.department == v]
            )
        ],
        page_size=50,
    )


def _last_of(delivered: dict[str, Any]) -> Any:
    return lambda row: delivered[row.id].delivered_on if row.id in delivered else None


def _standards(request: HttpRequest) -> Listing:
    rows = [
        {
            "contract": contract.title,
            "contract_id": contract.id,
            "title": item.title,
            "id": item.id,
            "type": type_word(item),
            "unit": item.unit,
            "is_required": "必填" if item.is_required else "可空",
            "sensitivity": item.sensitivity,
            "null_means": item.null_means,
        }
        for contract in load_contracts().values()
        for item in contract.items
    ]
    return Listing(
        request,
        rows,
        name="items",
        row_url=lambda row: reverse("portal:operator_source", args=[row["contract_id"]]),
        columns=[
            Column("contract", "数据表", sort="contract"),
            Column("title", "字段", sort="title"),
            Column("id", "标识"),
            Column("type", "类型"),
            Column("unit", "单位"),
            Column("is_required", "必填"),
            Column("sensitivity", "分级", "code", sort="sensitivity", option="sensitivity_levels"),
            Column("null_means", "空值的含义"),
        ],
        filters=[
            Filter("contract", "数据表", _contracts(), lambda r, v: [x for x in r if x["contract_id"] == v]),
            Filter("q", "字段名", apply=lambda r, v: [x for x in r if v in x["title"] or v in x["id"]]),
        ],
        page_size=50,
    )


def _rules(request: HttpRequest) -> Listing:
    titles = rule_titles()
    return Listing(
        request,
        base.list_rule_results(),
        name="rules",
        row_url=lambda row: reverse("portal:operator_source", args=[row.contract_id]),
        columns=[
            Column(
                "contract_id", "数据表", sort="contract_id", value=lambda row: contract_title(row.contract_id)
            ),
            Column("rule_id", "规则", sort="rule_id", value=lambda row: titles.get(row.rule_id, row.rule_id)),
            Column(
                "family", "类别", sort="family", value=lambda row: dict(FAMILIES).get(row.family, row.family)
            ),
            Column("outcome", "结果", "status", sort="outcome"),
            Column("rows_checked", "检查行数", "count", sort="rows_checked"),
            Column("rows_failed", "不合格行数", "count", sort="rows_failed"),
            Column("known_at", "日期", "date", sort="known_at"),
        ],
        filters=[
            Filter("contract", "数据表", _contracts(), lambda rows, v: rows.filter(contract_id=v)),
            Filter("outcome", "结果", OUTCOMES, lambda rows, v: rows.filter(outcome=v)),
            Filter("family", "类别", FAMILIES, lambda rows, v: rows.filter(family=v)),
        ],
        default_sort="-rows_failed",
        page_size=50,
        empty_title="规则还没有运行过",
        empty_text="治理运行一次后，每条规则的结果会列在这里；没有运行的规则记为“未运行”，不算通过。",
    )


def _cleaning(request: HttpRequest) -> Listing:
    titles = rule_titles()
    return Listing(
        request,
        base.quarantine_by_rule(),
        name="reasons",
        row_url=lambda row: (
            f"{reverse('portal:operator_quarantine')}?contract={row['contract_id']}&rule={row['rule_id']}"
        ),
        columns=[
            Column("contract_id", "数据表", value=lambda row: contract_title(row["contract_id"])),
            Column("rule_id", "规则", value=lambda row: titles.get(row["rule_id"], row["rule_id"])),
            Column("rows", "隔离行数", "count", sort="rows"),
            Column("message", "提示"),
            Column("newest_on", "最近", "date", sort="newest_on"),
        ],
        filters=[
            Filter("contract", "数据表", _contracts(), lambda r, v: [x for x in r if x["contract_id"] == v])
        ],
        default_sort="-rows",
        page_size=50,
        empty_title="没有被隔离的记录",
    )


def _known(name: str) -> Any:
    """Count of a source; null, not zero, where it was never delivered."""
    return lambda row: getattr(row, name) if row.delivered_on else None


def _service(request: HttpRequest) -> Listing:
    return Listing(
        request,
        base.source_statuses(),
        name="sources",
        row_url=lambda row: reverse("portal:operator_source", args=[row.contract_id]),
        columns=[
            Column("title", "数据表", sort="title"),
            Column("department", "部门", sort="department"),
            Column(
                "rows_accepted", "已发布行数", "count", sort="rows_accepted", value=_known("rows_accepted")
            ),
            Column("enterprises", "覆盖企业", "count", sort="enterprises", value=_known("enterprises")),
            Column("delivered_on", "最近报送", "date", sort="delivered_on", null_text="从未报送"),
        ],
        page_size=50,
        empty_title="还没有发布",
        empty_text="运行 rongqiao database publish，把湖中的数据发布到门户。",
    )


def _quarantine_of(row: Any) -> str:
    return f"{reverse('portal:operator_quarantine')}?batch={row.batch_id}" if row.rows_quarantined else ""


def _collection(request: HttpRequest) -> Listing:
    return receipts_listing(
        request,
        with_given_names(request_scope(request), base.list_deliveries()),
        _contracts(),
        lambda row: reverse("portal:operator_lineage_batch", args=[row.batch_id]),
        _quarantine_of,
        empty_title="还没有收到报送",
        empty_text="把文件放进报送目录后运行 rongqiao govern。",
    )


STEP_LISTS = {
    "inventory": _inventory,
    "standards": _standards,
    "rules": _rules,
    "collection": _collection,
    "cleaning": _cleaning,
    "service": _service,
}


@require_safe
@for_roles(Role.OPERATOR)
def list_deliveries(request: HttpRequest) -> HttpResponse:
    """Receipts of delivered files."""
    return _collection(request).respond("portal/operator/deliveries.html")


@require_safe
@for_roles(Role.OPERATOR)
def list_quarantine(request: HttpRequest) -> HttpResponse:
    """Rejected rows: file, line, column, value, and why."""
    titles = rule_titles()
    rules = sorted(
        {
            (
                row["rule_id"],
                f"{contract_title(row['contract_id'])}：{titles.get(row['rule_id'], row['rule_id'])}"
                if row["rule_id"].startswith(row["contract_id"])
                else titles.get(row["rule_id"], row["rule_id"]),
            )
            for row in base.quarantine_by_rule()
        }
    )
    scope = request_scope(request)
    rows = with_states(scope, base.list_quarantine(scope, batch_id=request.GET.get("batch") or None))
    listing = Listing(
        request,
        with_given_names(scope, rows),
        name="quarantine",
        columns=[
            FILE,
            Column("line", "行", "number", sort="line"),
            Column("column", "字段", value=_column_title),
            Column("value", "收到的值"),
            Column("message", "问题"),
            Column(
                "contract_id", "数据表", sort="contract_id", value=lambda row: contract_title(row.contract_id)
            ),
            Column("known_at", "日期", "date", sort="known_at"),
            Column("state", "办理", "status", option="quarantined_row"),
        ],
        filters=[
            Filter("state", "办理", ROW_STATES, lambda rows, v: rows.filter(state=v)),
            Filter("contract", "数据表", _contracts(), lambda rows, v: rows.filter(contract_id=v)),
            Filter("rule", "规则", rules, lambda rows, v: rows.filter(rule_id=v)),
            Filter("file", "文件名", apply=of_file),
            Filter("q", "收到的值", apply=lambda rows, v: rows.filter(value__icontains=v[:60])),
        ],
        default_sort="-known_at",
        page_size=30,
        empty_title="没有被隔离的记录",
        empty_text="不合格的行会带着文件、行号、字段、原值和原因列在这里，供部门更正后重报。",
    )
    return listing.respond("portal/operator/quarantine.html")


@require_safe
@for_roles(Role.OPERATOR)
def show_source(request: HttpRequest, contract_id: str) -> HttpResponse:
    """One source: its standard, its newest profile and drift, its rules with their outcomes, its deliveries."""
    contract = load_contracts().get(contract_id)
    if contract is None:
        raise Http404(contract_id)
    judged = judge_sources(base.source_statuses().filter(contract_id=contract_id), timezone.localdate())
    return render(
        request,
        "portal/operator/source.html",
        {
            **describe_table(contract, request_scope(request)),
            "status": judged[0] if judged else None,
        },
    )


def contract_title(contract_id: str) -> str:
    """Chinese title of a contract; the id itself where there is none."""
    contract = load_contracts().get(contract_id)
    return contract.title if contract else contract_id


def _contracts() -> list[tuple[str, str]]:
    return [(contract.id, contract.title) for contract in load_contracts().values()]


def _departments() -> list[tuple[str, str]]:
    return list(
        {contract.department: contract.department_title for contract in load_contracts().values()}.items()
    )


def _column_title(row: Any) -> str:
    contract = load_contracts().get(row.contract_id)
    found = next((item for item in contract.items if item.id == row.column), None) if contract else None
    return found.title if found else row.column
