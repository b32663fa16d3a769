"""Operator page of the ledger: how large, signed or not, and the proof of one entry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.urls import reverse
from django.views.decorators.http import require_safe

from rongqiao.accounts.roles import Role
from rongqiao.bases.enterprises import selectors as base
from rongqiao.bases.enterprises.intake.selectors import with_given_names
from rongqiao.kernel.errors import RongqiaoError
from rongqiao.portal.access import for_roles, request_scope
from rongqiao.portal.forms import PlainForm
from rongqiao.portal.ledger_proofs import KINDS, open_ledger, prove, trusted_keys
from rongqiao.portal.ledger_times import RECEIPT, When, date_entries
from rongqiao.portal.listing import Column, Listing
from rongqiao.portal.operator_governance import contract_title

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from rongqiao.accounts.scope import Scope
    from rongqiao.ledger.entries import Entry
    from rongqiao.ledger.heads import SignedHead
    from rongqiao.ledger.log import Ledger


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


@dataclass(frozen=True, slots=True)
class Line:
    """An entry as the list shows it; ``file`` is the name that a receipt's file was sent under, empty for other entries."""

    entry: Entry
    when: When
    file: str


@dataclass(frozen=True, slots=True)
class Newest:
    """All entries of a ledger, the newest first, of which only those are read that are asked for: there may be millions."""

    ledger: Ledger
    scope: Scope

    def __len__(self) -> int:
        return self.ledger.size

    def __getitem__(self, part: slice) -> list[Line]:
        """Entries of a part of the list."""
        first, last, _ = part.indices(len(self))
        entries = list(self.ledger.entries(len(self) - last, len(self) - first))[::-1]
        times = date_entries(self.scope, self.ledger, entries)
        receipts = base.list_deliveries().filter(
            pk__in=[each.subject for each in entries if each.kind == RECEIPT]
        )
        files = {row.batch_id: row.given_name for row in with_given_names(self.scope, receipts)}
        return [Line(each, times[each.index], files.get(each.subject, "")) for each in entries]


@require_safe
@for_roles(Role.OPERATOR)
def show_ledger(request: HttpRequest) -> HttpResponse:
    """Show size, head, signature, all entries, and the proof of one."""
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
    scope = request_scope(request)
    shown = [proved.proof.entry] if proved else []
    context: dict[str, Any] = {
        "size": size,
        "head": ledger.head(),
        "state": head_state(ledger, keys),
        "has_key": bool(keys),
        "form": form,
        "proved": proved,
        "proved_when": next(iter(date_entries(scope, ledger, shown).values()), None),
        "error": error,
    }
    return _listing(request, Newest(ledger, scope)).respond("portal/operator/ledger.html", context)


def _listing(request: HttpRequest, rows: Newest) -> Listing:
    return Listing(
        request,
        rows,
        name="entries",
        columns=[
            Column("entry.index", "第几条"),
            Column("kind", "类型", value=lambda line: _kind(line.entry)),
            Column("file", "对象", value=lambda line: line.file or line.entry.subject, url=_source, note=lambda line: line.entry.subject if line.file else ""),
            Column("digest", "摘要", value=lambda line: f"{line.entry.digest[:16]}…"),
            Column("when", "时间", value=lambda line: line.when.event, note=lambda line: f"{line.when.sealed} 签名封存" if line.when.sealed else "尚未签名"),
        ],
        further=[Column("entry.subject", "对象标识"), Column("entry.digest", "完整摘要（SM3）"), Column("when.sealed", "签名封存")],
        row_url=lambda line: f"{reverse('portal:operator_ledger')}?index={line.entry.index}#proof",
        empty_title="账本还是空的",
        empty_text="第一批报送或第一份授权会写入第一条。",
    )  # fmt: skip


def _source(line: Line) -> str:
    """Page that leads from a receipt's file on; of other entries none."""
    return reverse("portal:operator_lineage_batch", args=[line.entry.subject]) if line.file else ""


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
