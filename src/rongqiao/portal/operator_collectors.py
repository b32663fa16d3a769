"""Operator pages of the collectors: where each stands, its runs, and a run now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from rongqiao.accounts.roles import Role
from rongqiao.bases.enterprises.intake import collecting
from rongqiao.contracts.collectors import KINDS
from rongqiao.kernel.errors import ContractError
from rongqiao.portal.access import for_roles, request_scope
from rongqiao.portal.listing import Column, Filter, Listing
from rongqiao.portal.operator_governance import contract_title

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from rongqiao.bases.enterprises.intake.collecting import CollectorStatus
    from rongqiao.bases.enterprises.intake.models import CollectorRun

RESULTS = [
    ("delivered", "已采集"),
    ("nothing_new", "没有新数据"),
    ("failed", "未成功"),
    ("refused", "文件退回"),
    ("interrupted", "中断"),
    ("already_today", "今日已采集"),
]


@require_safe
@for_roles(Role.OPERATOR)
def list_collectors(request: HttpRequest) -> HttpResponse:
    """All declared collectors; a malformed declaration is named in their place."""
    try:
        statuses = collecting.list_collectors(request_scope(request))
    except ContractError as error:
        return render(request, "portal/operator/collectors.html", {"error": error})
    listing = Listing(
        request,
        statuses,
        name="collectors",
        row_url=lambda row: reverse("portal:operator_collector", args=[row.collector.id]),
        columns=[
            Column("title", "采集任务", sort="title", value=lambda row: row.collector.title),
            Column(
                "contract",
                "数据表",
                sort="contract",
                value=lambda row: contract_title(row.collector.contract),
            ),
            Column("kind", "方式", "short", sort="kind", value=lambda row: KINDS[row.collector.kind]),
            Column("schedule", "时间", "short", value=_schedule),
            Column("result", "上次结果", "status", option="collect", value=lambda row: result_of(row.last)),
            Column(
                "last_at",
                "上次运行",
                "time",
                sort="last_at",
                value=lambda row: row.last and row.last.started_at,
            ),
            Column("rows", "最近采集行数", "number", value=lambda row: row.delivered and row.delivered.rows),
            Column("breaker", "连接", "status", option="breaker", value=lambda row: breaker_of(row)),
            Column("next_at", "下次运行", "short", value=next_run),
        ],
        filters=[
            Filter(
                "kind",
                "方式",
                list(KINDS.items()),
                lambda rows, v: [r for r in rows if r.collector.kind == v],
            ),
            Filter(
                "result", "上次结果", RESULTS, lambda rows, v: [r for r in rows if result_of(r.last) == v]
            ),
        ],
        page_size=50,
        empty_title="还没有采集任务",
        empty_text="在采集声明目录放入一份 YAML（数据库、接口或共享目录），这里就会出现一项任务；写法见文档 docs/collectors.md。",
    )
    return listing.respond("portal/operator/collectors.html")


@require_safe
@for_roles(Role.OPERATOR)
def show_collector(request: HttpRequest, collector_id: str) -> HttpResponse:
    """One collector: what it is, how it stands, its runs with errors and remedies."""
    scope = request_scope(request)
    status = collecting.get_collector(scope, collector_id)
    if status is None:
        raise Http404(collector_id)
    listing = Listing(
        request,
        collecting.list_runs(scope, collector_id),
        name="runs",
        columns=[
            Column("started_at", "开始", "time", sort="started_at"),
            Column("result", "结果", "status", option="collect", value=result_of),
            Column("rows", "采集行数", "number", sort="rows"),
            Column("repeated", "已知行数", "number", sort="repeated"),
            Column("attempts", "访问次数", "number", sort="attempts"),
            Column("files", "报送文件", value=lambda row: "、".join(row.files)),
            Column("problem", "问题与处理", value=describe_problem),
            Column("detail", "技术信息", "folded"),
        ],
        filters=[Filter("result", "结果", RESULTS, lambda rows, v: rows.filter(result=v))],
        default_sort="-started_at",
        empty_title="还没有运行过",
        empty_text="到点会自动运行，也可以点“立即采集”。",
    )
    context = {
        "status": status,
        "collector": status.collector,
        "kind": KINDS[status.collector.kind],
        "contract_title": contract_title(status.collector.contract),
        "result": result_of(status.last),
        "breaker": breaker_of(status),
        "next_run": next_run(status),
        "watermark": status.delivered.watermark if status.delivered else "",
    }
    return listing.respond("portal/operator/collector.html", context)


@require_POST
@for_roles(Role.OPERATOR)
def run_collector(request: HttpRequest, collector_id: str) -> HttpResponse:
    """Ask for a run now."""
    collecting.request_run(scope=request_scope(request), collector_id=collector_id)
    messages.success(request, "已排入采集队列，稍后刷新本页查看结果。")
    return redirect("portal:operator_collector", collector_id)


def result_of(run: CollectorRun | None) -> str:
    """Code of how a run stands; ``never`` where there is none."""
    if run is None:
        return "never"
    return run.result or "running"


def breaker_of(status: CollectorStatus) -> str:
    """State of the way to the source; ``never`` where nobody went it yet, ``failing`` where the last time came to nothing."""
    if status.last is None:
        return "never"
    is_failing = status.last.result == "failed" and status.last.breaker == "closed"
    return "failing" if is_failing else status.last.breaker


def next_run(status: CollectorStatus) -> str:
    """When it runs by itself again, in words."""
    if not status.collector.is_active:
        return "已停用，可手动采集"
    due = status.due_at
    if due is None or due <= timezone.now():
        return "即将运行"
    return timezone.localtime(due).strftime("%Y-%m-%d %H:%M")


def _schedule(row: CollectorStatus) -> str:
    return row.collector.schedule.words


def describe_problem(run: CollectorRun) -> str:
    """Say what went wrong and what to do about it; rows that could not be collected are told too."""
    parts = [f"{run.problem}。{run.remedy}"] if run.problem else []
    parts += [f"退回 {text}" for text in run.refused]
    if run.unmarked:
        parts.append(f"来源有 {run.unmarked} 行没有水位，无法采集，请来源单位补填。")
    if run.is_cut:
        parts.append("来源尚有余量，自动续采。")
    return " ".join(parts)
