"""Operator page of the ledger: how large, signed or not, and the proof of one entry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.shortcuts import render
from django.views.decorators.http import require_safe

from rongqiao.accounts.roles import Role
from rongqiao.kernel.errors import RongqiaoError
from rongqiao.portal.access import for_roles, request_scope
from rongqiao.portal.forms import PlainForm
from rongqiao.portal.ledger_proofs import KINDS, open_ledger, prove, trusted_keys
from rongqiao.portal.ledger_times import RECEIPT, date_entries
from rongqiao.portal.operator_governance import contract_title

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from rongqiao.ledger.entries import Entry
    from rongqiao.ledger.heads import SignedHead
    from rongqiao.ledger.log import Ledger

NEWEST = 15


class EntryForm(PlainForm):
    """Which entry to prove."""

    index = forms.IntegerField(label="第几条", min_value=0, help_text="从 0 开始；报告和批次页上都写着。")


@dataclass(frozen=True, slots=True)
class HeadState:
    """Newest signed head: ``is_signed`` under the installation's key, ``is_current`` with the tree as it stands."""

    head: SignedHead
    is_signed: bool
    is_current: bool
    unsealed: int


@require_safe
@for_roles(Role.OPERATOR)
def show_ledger(request: HttpRequest) -> HttpResponse:
    """Show size, head, signature, newest entries, and the proof of one entry."""
    ledger = open_ledger()
    keys = trusted_keys()
    form = EntryForm(request.GET if "index" in request.GET else None)
    proved, error = None, None
    size = ledger.size
    if form.is_bound and form.is_valid():
        if form.cleaned_data["index"] >= size:
            form.add_error("index", f"账本现有 {size:,} 条，请填 0 至 {max(size - 1, 0)}。")
        else:
            try:
                proved = prove(ledger, form.cleaned_data["index"], keys)
            except RongqiaoError as found:
                error = found
    newest = list(ledger.entries(max(size - NEWEST, 0)))[::-1]
    dated = [*newest, proved.proof.entry] if proved else newest
    times = date_entries(request_scope(request), ledger, dated)
    context: dict[str, Any] = {
        "size": size,
        "head": ledger.head(),
        "state": head_state(ledger, keys),
        "has_key": bool(keys),
        "entries": [(entry, _kind(entry), times[entry.index]) for entry in newest],
        "form": form,
        "proved": proved,
        "proved_when": times[proved.proof.entry.index] if proved else None,
        "error": error,
    }
    return render(request, "portal/operator/ledger.html", context)


def _kind(entry: Entry) -> str:
    """Say what an entry is about; of a receipt, which table's."""
    title = KINDS.get(entry.kind, entry.kind)
    return f"{title}：{contract_title(entry.subject.partition('@')[0])}" if entry.kind == RECEIPT else title


def head_state(ledger: Ledger, keys: list[str]) -> HeadState | None:
    """State of the newest signed head; null when none was ever signed."""
    heads = ledger.signed_heads()
    if not heads:
        return None
    last = heads[-1]
    is_current = last.size <= ledger.size and ledger.head(last.size).root == last.root
    return HeadState(
        last, any(last.is_signed_by(key) for key in keys), is_current, max(ledger.size - last.size, 0)
    )
