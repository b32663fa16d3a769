"""What an enterprise should do next: the first thing on its workspace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.translation import gettext as _

from rongqiao.kernel.money import format_cny

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

OPEN = ("published", "taken", "quoted")
DUE_SOON_DAYS = 15


@dataclass(frozen=True, slots=True)
class NextStep:
    """One step: what, why, where, and by when."""

    title: str
    text: str
    url: str
    label: str
    due_at: dt.datetime | None = None


def find_next_step(
    *,
    is_certified: bool,
    message: str,
    demands: Sequence[Any],
    quotes: Iterable[Any],
    applications: Iterable[Any],
    overdue: Sequence[Any],
    objection: Any | None = None,
) -> NextStep:
    """Choose the step whose delay costs the enterprise most.

    Parameters
    ----------
    is_certified, message : bool, str
        Whether the enterprise's identity stands, and what to do when not.
    demands, quotes, applications : sequences
        Of the caller, newest first.
    overdue : sequence
        Loans with an overdue amount.
    objection : Objection or None
        One whose department asked for evidence; its clocks go on meanwhile.
    """
    if not is_certified:
        return NextStep("先完成身份核验", message, reverse("portal:transparency"), _("需要哪些材料"))
    if overdue:
        loan = overdue[0]
        return NextStep(
            "有贷款已逾期",
            f"合同 {loan.contract_no} 有到期未还款项。逾期会影响评级与后续融资，请尽快还款或联系银行。",
            reverse("portal:enterprise_loan", args=[loan.pk]),
            _("查看这笔贷款"),
        )
    if objection is not None:
        return NextStep(
            "部门请您补充异议材料",
            "补充材料期间，部门的答复时限照常计算；不补充的，部门按现有材料答复。",
            reverse("portal:enterprise_objection", args=[objection.pk]),
            _("去补充"),
            objection.answer_due_at,
        )
    return _step_of_market(demands, list(quotes), list(applications)) or NextStep(
        "发布一笔融资需求",
        "金额、期限、用途和依据已按您的经营数据填好，核对后一分钟发布，银行限时报价。",
        reverse("portal:enterprise_demand_new"),
        _("开始填写"),
    )


def _step_of_market(demands: Sequence[Any], quotes: list[Any], applications: list[Any]) -> NextStep | None:
    live = [quote for quote in quotes if quote.status == "submitted"]
    if live:
        first = min(live, key=lambda quote: quote.valid_until)
        return NextStep(
            f"{len(live)} 份报价等您选择",
            "已按综合年化成本从低到高排好。到期未选，报价自动失效。",
            reverse("portal:enterprise_demand", args=[first.demand_id]),
            _("比较报价"),
            first.valid_until,
        )
    waiting = next((each for each in applications if each.status in ("submitted", "approved")), None)
    if waiting is not None:
        is_approved = waiting.status == "approved"
        return NextStep(
            "贷款已批准，等待签约放款" if is_approved else "银行正在审批",
            "请按银行通知准备签约。"
            if is_approved
            else "您已接受报价，银行须在承诺时限内答复；不批准须说明原因。",
            reverse("portal:enterprise_demand", args=[waiting.quote.demand_id]),
            _("查看进度"),
            None if is_approved else waiting.decision_due_at,
        )
    draft = next((demand for demand in demands if demand.status == "draft"), None)
    open_one = next((demand for demand in demands if demand.status in OPEN), None)
    if open_one is not None:
        return NextStep(
            "需求已发布，等待报价",
            f"{format_cny(open_one.amount_cny)}、{open_one.term_months} 个月。已有 {open_one.takes_count} 家银行抢单。",
            reverse("portal:enterprise_demand", args=[open_one.pk]),
            _("看匹配结果"),
            open_one.expires_at,
        )
    if draft is not None:
        url = f"{reverse('portal:enterprise_demand_new')}?draft={draft.pk}"
        return NextStep(
            "有一份需求草稿", f"{format_cny(draft.amount_cny)}，由负责人核对后发布。", url, _("继续填写")
        )
    return None
