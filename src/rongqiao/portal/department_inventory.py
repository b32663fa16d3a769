"""New sources of a data department: a file is looked at, each of its tables gets a contract by a form, and then flows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from rongqiao.bases.enterprises.intake import services as intake
from rongqiao.bases.enterprises.inventory import selectors, services
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.portal import inventory_forms as draft_forms
from rongqiao.portal.access import for_roles, request_scope
from rongqiao.portal.department_deliveries import CLERKS, share_of, table_title
from rongqiao.portal.inventory_forms import DraftForm, ItemForm, SourceForm
from rongqiao.portal.listing import Column, Filter, Listing
from rongqiao.portal.pictures import draw_columns
from rongqiao.portal.wording import choices

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest, HttpResponse

UNDERWAY = ("receiving", "waiting", "examining")
STATUSES = choices(("profiled", "examining", "waiting", "receiving", "failed"), "inventory")


@require_safe
@for_roles(*CLERKS)
def list_sources(request: HttpRequest) -> HttpResponse:
    """Files that were looked at, newest first."""
    listing = Listing(
        request,
        selectors.list_sources(request_scope(request)).exclude(status="discarded"),
        name="sources",
        row_url=lambda row: reverse("portal:department_source", args=[row.pk]),
        columns=[
            Column("file_name", "文件", sort="file_name"),
            Column("data_on", "数据日期", "date", sort="data_on"),
            Column("status", "状态", "status", option="inventory", sort="status"),
            Column("tables_count", "数据表（张）", "number", sort="tables_count"),
            Column("open_count", "未提交标准（张）", "number", sort="open_count"),
            Column("created_at", "上传时间", "time", sort="created_at"),
        ],
        filters=[
            Filter("status", "状态", STATUSES, lambda rows, value: rows.filter(status=value)),
            Filter("q", "文件名", apply=lambda rows, value: rows.filter(file_name__icontains=value[:60])),
        ],
        default_sort="-created_at",
        empty_title="还没有盘点过新数据源",
        empty_text="手头有一份平台还不认识的数据？上传后系统先看清每一列是什么，再帮您拟好数据标准，补几项就能入库。",
        empty_url=reverse("portal:department_source_new"),
        empty_label=_("盘点新数据源"),
    )
    return listing.respond("portal/department/inventory_sources.html")


@require_http_methods(["GET", "POST"])
@for_roles(*CLERKS)
def send_source(request: HttpRequest) -> HttpResponse:
    """Choose a file; browsers without scripts send it whole, others in portions by tus."""
    form = SourceForm(request.POST or None, request.FILES or None, today=timezone.localdate())
    if request.method == "POST" and form.is_valid():
        scope, file = request_scope(request), form.cleaned_data["file"]
        try:
            upload = intake.open_source(
                scope=scope,
                file_name=file.name,
                size_bytes=file.size,
                data_on=form.cleaned_data["day"],
                today=timezone.localdate(),
            )
        except InvalidValueError as error:
            form.add_error("day" if error.thing == "数据日期" else "file", error.remedy)
        else:
            intake.receive_portion(
                scope=scope, upload_id=upload.pk, offset=0, stream=file.file, now=timezone.now()
            )
            return redirect("portal:department_source", upload.pk)
    status = 422 if form.is_bound else 200
    return render(request, "portal/department/inventory_send.html", {"form": form}, status=status)


@require_safe
@for_roles(*CLERKS)
def show_source(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
    """One file: how far profiling is, then its tables and what each still needs."""
    scope = request_scope(request)
    upload = selectors.get_source(scope, upload_id)
    if upload is None:
        raise Http404(str(upload_id))
    tables = list(selectors.list_tables(scope).filter(upload=upload))
    context = {
        "upload": upload,
        "is_underway": upload.status in UNDERWAY,
        "share": share_of(upload),
        "tables": [(table, selectors.source_waiting(table)) for table in tables],
    }
    is_part = request.htmx  # type: ignore[attr-defined]
    name = "inventory_state" if is_part else "inventory_source"
    return render(request, f"portal/department/{name}.html", context)


def _find(request: HttpRequest, table_id: int) -> Any:
    table = selectors.get_table(request_scope(request), table_id)
    if table is None:
        raise Http404(str(table_id))
    return table


@require_safe
@for_roles(*CLERKS)
def show_profile(request: HttpRequest, table_id: int) -> HttpResponse:
    """Show what one table holds, column by column, with pictures; and its drift against the delivery before."""
    table = _find(request, table_id)
    earlier = table.compared_with
    columns = draw_columns(table.profile, earlier.profile if earlier else None)
    return render(
        request,
        "portal/department/inventory_profile.html",
        {
            "table": table,
            "profile": table.profile,
            "columns": columns,
            "earlier": earlier,
            "shifted": sorted(
                (each for each in columns if each.drift in ("有变化", "明显漂移")),
                key=lambda each: -(each.drift_index or 0),
            ),
            "warned": [each for each in columns if each.warnings],
            "open": len(selectors.open_questions(table)) if table.status == "drafted" else 0,
            "known_title": table_title(table.known_contract) if table.known_contract else "",
        },
    )


@require_http_methods(["GET", "POST"])
@for_roles(*CLERKS)
def finish_contract(request: HttpRequest, table_id: int) -> HttpResponse:
    """Show the draft contract as a form: what was guessed is filled in, what is open stands out."""
    table = _find(request, table_id)
    if table.status != "drafted":
        return redirect("portal:department_source_table", table.pk)
    problem = ""
    if request.method == "POST":
        form, items = _bind(table.document, request.POST)
        if all([draft_forms.is_readable(each) for each in (form, *items)]):  # noqa: C419  (each form collects its own errors)
            try:
                return _keep(request, table, draft_forms.read_draft(form, table.document, items))
            except InvalidValueError as error:
                problem = error.remedy
    else:
        form, items = _bind(table.document)
    left = selectors.open_questions(table)
    others = draft_forms.ask(form, items, left)
    context = {
        "table": table,
        "form": form,
        "items": _describe(items, table.profile),
        "left": left,
        "others": others,
        "problem": problem,
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "portal/department/inventory_contract.html", context, status=status)


def _bind(document: dict[str, Any], sent: Any = None) -> tuple[DraftForm, list[ItemForm]]:
    """Bind both forms to what was sent, or to the draft as it stands: open questions then show like errors do."""
    nodes = document["schema"][0]["properties"]
    form = DraftForm(draft_forms.state_draft(document) if sent is None else sent, document=document)
    return form, [
        ItemForm(
            draft_forms.state_item(node) if sent is None else sent, prefix=draft_forms.prefix_of(node["name"])
        )
        for node in nodes
    ]


def _describe(items: list[ItemForm], profile: dict[str, Any]) -> list[dict[str, Any]]:
    """Lay out the items, those with open questions unfolded."""
    columns = {column["header"] for column in profile["columns"]}
    described = []
    for form in items:
        form.is_valid()
        title = form["title"].value()
        described.append(
            {"form": form, "title": title, "is_open": bool(form.errors), "is_source": title in columns}
        )
    return described


def _keep(request: HttpRequest, table: Any, answers: dict[str, Any]) -> HttpResponse:
    """Keep the draft, and submit it where that was asked."""
    scope = request_scope(request)
    services.revise_table(scope=scope, table_id=table.pk, answers=answers)
    if "submit" not in request.POST:
        messages.success(request, "草稿已保存。")
        return redirect("portal:department_source_contract", table.pk)
    try:
        services.submit_table(scope=scope, table_id=table.pk, now=timezone.now())
    except InvalidValueError as error:
        messages.error(request, f"草稿已保存，尚未提交：{error.remedy}")
        return redirect("portal:department_source_contract", table.pk)
    messages.success(request, "已提交运营人员审批；批准后自动入库。")
    return redirect("portal:department_source_table", table.pk)


@require_POST
@for_roles(*CLERKS)
def redraw_contract(request: HttpRequest, table_id: int) -> HttpResponse:
    """Begin again with the draft as it was guessed."""
    services.redraw_table(scope=request_scope(request), table_id=table_id)
    messages.success(request, "已恢复为系统拟定的草稿。")
    return redirect("portal:department_source_contract", table_id)


@require_POST
@for_roles(*CLERKS)
def leave_table_out(request: HttpRequest, table_id: int) -> HttpResponse:
    """Leave one table of a file out, or take it up again."""
    is_left_out = request.POST.get("take_up") is None
    table = services.leave_out(scope=request_scope(request), table_id=table_id, is_left_out=is_left_out)
    return redirect("portal:department_source", table.upload_id)


@require_POST
@for_roles(*CLERKS)
def deliver_table(request: HttpRequest, table_id: int) -> HttpResponse:
    """Let a table in under the contract that it came under before."""
    table = services.deliver_table(scope=request_scope(request), table_id=table_id, now=timezone.now())
    messages.success(request, "正在按已有标准入库。")
    return redirect("portal:department_source_table", table.pk)


@require_POST
@for_roles(*CLERKS)
def retry_table(request: HttpRequest, table_id: int) -> HttpResponse:
    """Have a table that could not be brought in taken up again."""
    table = services.retry_table(scope=request_scope(request), table_id=table_id)
    return redirect("portal:department_source_table", table.pk)
