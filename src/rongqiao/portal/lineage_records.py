"""Pages of one record: the enterprise's own, and a row of a department's file; and the trace of the enterprise's own figures."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from django.http import Http404
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from rongqiao.accounts.roles import Role
from rongqiao.bases.enterprises.figure_traces import trace_own_figure
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.platforms.credit.record_uses import trace_department_record, trace_own_record
from rongqiao.portal.access import ENTERPRISE, for_roles, request_scope
from rongqiao.portal.ledger_proofs import prove_places
from rongqiao.portal.lineage import LineForm
from rongqiao.portal.lineage_atlas import Atlas
from rongqiao.portal.tracing import trace_context

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from rongqiao.platforms.credit.record_uses import RecordUses


@require_safe
@for_roles(*ENTERPRISE)
def trace_figure(request: HttpRequest, indicator_id: str) -> HttpResponse:
    """Follow a figure of our own portrait to its rows, files and places in the ledger."""
    found = trace_own_figure(request_scope(request), indicator_id)
    context = {"figure": found.figure, **trace_context(found.trace)}
    return render(request, "portal/enterprise/trace.html", context)


@require_safe
@for_roles(*ENTERPRISE)
def show_record(request: HttpRequest, contract_id: str, record_id: str) -> HttpResponse:
    """Follow one of our records forward to the figures and reports that used it."""
    found = trace_own_record(request_scope(request), contract_id, record_id)
    if found is None:
        raise Http404(record_id)
    return render(request, "portal/enterprise/record_uses.html", {"found": found, "proofs": _proofs(found)})


@require_safe
@for_roles(Role.DEPARTMENT_CLERK)
def show_line(request: HttpRequest, batch_id: str) -> HttpResponse:
    """Follow one row of a file of ours forward; without values, and without saying to whom reports went."""
    # Another department's batch is not found, whatever line is asked for.
    Atlas(request).contract(batch_id.partition("@")[0])
    form = LineForm(request.GET)
    if not form.is_valid():
        raise InvalidValueError("行", request.GET.get("line", ""), "请填写文件中的行号，如 2。")
    found = trace_department_record(request_scope(request), batch_id, form.cleaned_data["line"])
    months = Counter(timezone.localtime(each.issued_at).strftime("%Y-%m") for each in found.reports)
    context = {
        "found": found,
        "batch_id": batch_id,
        "line": form.cleaned_data["line"],
        "months": sorted(months.items(), reverse=True),
        "proofs": _proofs(found),
    }
    return render(request, "portal/lineage/record.html", context)


def _proofs(found: RecordUses) -> dict[int, str]:
    return prove_places(
        each.delivery.ledger_index
        for each in found.versions
        if each.delivery and each.delivery.ledger_index is not None
    )
