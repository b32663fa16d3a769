"""Data department pages: send a file, follow it through the six steps, see what came back and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from rongqiao.accounts.roles import Role
from rongqiao.bases.enterprises.intake import keys, selectors, services
from rongqiao.bases.enterprises.objections.answering import retry_correction
from rongqiao.contracts.standards import load_contracts
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.portal.access import for_roles, request_scope
from rongqiao.portal.department_forms import DeliveryForm, KeyForm
from rongqiao.portal.listing import Column, Filter, Listing
from rongqiao.portal.operator_steps import rule_titles
from rongqiao.portal.wording import choices

if TYPE_CHECKING:
    import uuid

    from django.http import HttpRequest, HttpResponse

CLERKS = (Role.DEPARTMENT_CLERK,)
UNDERWAY = ("receiving", "waiting", "governing")
STATUSES = choices(
    ("landed", "governing", "waiting", "receiving", "failed", "duplicate", "discarded"), "upload"
)


def table_title(contract_id: str) -> str:
    """Chinese name of a table; its id when the contract is gone."""
    contract = load_contracts().get(contract_id)
    return contract.title if contract else contract_id


@require_safe
@for_roles(*CLERKS)
def list_uploads(request: HttpRequest) -> HttpResponse:
    """Everything the department sent, newest first."""
    listing = Listing(
        request,
        selectors.list_deliveries(request_scope(request)),
        name="uploads",
        row_url=lambda row: reverse("portal:department_upload", args=[row.pk]),
        columns=[
            Column(
                "contract_id", "数据表", sort="contract_id", value=lambda row: table_title(row.contract_id)
            ),
            Column("file_name", "文件", sort="file_name"),
            Column("data_on", "数据日期", "date", sort="data_on"),
            Column("origin", "来源", value=lambda row: row.get_origin_display()),
            Column("status", "状态", "status", option="upload", sort="status", value=standing_of),
            Column("rows_in", "收到", "count", value=lambda row: row.outcome.get("rows_in")),
            Column("rows_accepted", "入库", "count", value=lambda row: row.outcome.get("rows_accepted")),
            Column(
                "rows_quarantined", "退回", "count", value=lambda row: row.outcome.get("rows_quarantined")
            ),
            Column("created_at", "上传时间", "time", sort="created_at"),
        ],
        filters=[
            Filter("status", "状态", STATUSES, lambda rows, value: rows.filter(status=value)),
            Filter("q", "文件名", apply=lambda rows, value: rows.filter(file_name__icontains=value[:60])),
        ],
        default_sort="-created_at",
        empty_title="还没有在这里上传或推送过文件",
        empty_text="选一张数据表，上传 CSV、Excel 或 JSON 文件，系统当场检查并告诉您哪些行需要修改。经共享目录或采集任务报来的文件，见“签收回执”。",
        empty_url=reverse("portal:department_send"),
        empty_label=_("上传数据"),
    )
    return listing.respond("portal/department/uploads.html")


@require_http_methods(["GET", "POST"])
@for_roles(*CLERKS)
def send_file(request: HttpRequest) -> HttpResponse:
    """Choose a table and a file; browsers without scripts send it whole, others in portions by tus."""
    scope = request_scope(request)
    form = DeliveryForm(
        request.POST or None,
        request.FILES or None,
        department=scope.department,
        today=timezone.localdate(),
        initial={"contract": request.GET.get("contract", "")},
    )
    if request.method == "POST" and form.is_valid():
        upload = _receive(request, form)
        if upload is not None:
            return redirect("portal:department_upload", upload.pk)
    status = 422 if form.is_bound else 200
    return render(request, "portal/department/send.html", {"form": form}, status=status)


def _receive(request: HttpRequest, form: DeliveryForm) -> Any:
    """Take the whole file at once; null where refused, with the reason on the form."""
    scope, file = request_scope(request), form.cleaned_data["file"]
    try:
        upload = services.open_upload(
            scope=scope,
            contract_id=form.cleaned_data["contract"],
            file_name=file.name,
            size_bytes=file.size,
            data_on=form.cleaned_data["day"],
            today=timezone.localdate(),
            is_regular=form.cleaned_data["kind"] == "regular",
        )
    except InvalidValueError as error:
        form.add_error(
            {"文件类型": "file", "文件大小": "file", "数据日期": "day"}.get(error.thing), error.remedy
        )
        return None
    return services.receive_portion(
        scope=scope, upload_id=upload.pk, offset=0, stream=file.file, now=timezone.now()
    )


@require_safe
@for_roles(*CLERKS)
def show_upload(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
    """One delivery: where it stands, then what was accepted and what was sent back, by reason."""
    upload = selectors.get_upload(request_scope(request), upload_id)
    if upload is None:
        raise Http404(str(upload_id))
    titles = rule_titles()
    reasons = sorted(upload.outcome.get("by_rule", {}).items(), key=lambda pair: (-pair[1], pair[0]))
    context = {
        "upload": upload,
        "title": table_title(upload.contract_id),
        "standing": standing_of(upload),
        "reasons": [(titles.get(rule, rule), rule, count) for rule, count in reasons],
        "is_underway": upload.status in UNDERWAY,
        "share": share_of(upload),
    }
    is_part = request.htmx  # type: ignore[attr-defined]
    return render(request, f"portal/department/{'upload_state' if is_part else 'upload'}.html", context)


def standing_of(upload: Any) -> str:
    """Status of a delivery; ``returned`` where it went through the six steps and not one row landed."""
    outcome = upload.outcome
    is_returned = (
        upload.status == "landed" and not outcome.get("rows_accepted") and outcome.get("rows_quarantined")
    )
    return "returned" if is_returned else str(upload.status)


def share_of(upload: Any) -> int:
    """Percent done, of the bytes while they arrive and of the steps afterwards."""
    if upload.status == "receiving":
        return int(100 * upload.received_bytes / upload.size_bytes)
    return int(100 * upload.steps_done / upload.steps_total) if upload.steps_total else 0


@require_POST
@for_roles(*CLERKS)
def discard_upload(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
    """Give up a delivery that was never completed."""
    services.discard_upload(scope=request_scope(request), upload_id=upload_id, now=timezone.now())
    return redirect("portal:department_uploads")


@require_POST
@for_roles(*CLERKS)
def retry_upload(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
    """Have a delivery that failed taken up again."""
    scope = request_scope(request)
    upload = selectors.get_upload(scope, upload_id)
    if upload is not None and upload.origin == "correction":
        upload = retry_correction(scope=scope, upload_id=upload_id, now=timezone.now())
    else:
        upload = services.retry_upload(scope=scope, upload_id=upload_id, now=timezone.now())
    name = "department_source" if upload.origin == "source" else "department_upload"
    return redirect(f"portal:{name}", upload.pk)


@require_http_methods(["GET", "POST"])
@for_roles(Role.DEPARTMENT_CLERK)
def list_keys(request: HttpRequest) -> HttpResponse:
    """Keys of the department's systems; a new one is shown once."""
    scope, form, text = request_scope(request), KeyForm(request.POST or None), ""
    if request.method == "POST" and form.is_valid():
        _, text = keys.create_key(scope=scope, title=form.cleaned_data["title"])
        form = KeyForm()
    context = {
        "form": form,
        "key": text,
        "keys": selectors.list_keys(scope),
        "address": request.build_absolute_uri(reverse("deliveries:create")),
        "contracts": [each for each in load_contracts().values() if each.department == scope.department],
    }
    return render(request, "portal/department/keys.html", context, status=422 if form.is_bound else 200)


@require_POST
@for_roles(Role.DEPARTMENT_CLERK)
def revoke_key(request: HttpRequest, key_id: uuid.UUID) -> HttpResponse:
    """Stop a key."""
    keys.revoke_key(scope=request_scope(request), key_id=key_id, now=timezone.now())
    messages.success(request, "密钥已停用，下一次推送即被拒绝。")
    return redirect("portal:department_keys")
