"""Words and icons of every status that a page shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rongqiao.indicators.value_words import STATUSES as VALUES

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Word:
    """A status as the reader sees it.

    Parameters
    ----------
    text : str
        The word.
    icon : str
        Name of a Tabler icon.
    tone : str
        ``good`` (blue), ``urgent`` (vermilion), ``wait`` or ``quiet`` (greys); never the only carrier of meaning.
    """

    text: str
    icon: str
    tone: str


# Keys are codes, or `family.code` where one code means different things.
STATUSES = {
    # decisions
    "met": Word("符合", "circle-check", "good"),
    "unmet": Word("不符合", "circle-x", "urgent"),
    "unknown": Word("待确认", "help-circle", "wait"),
    # values
    "ok": Word(VALUES["ok"], "circle-check", "good"),
    "missing": Word(VALUES["missing"], "circle-dashed", "wait"),
    "not_authorised": Word(VALUES["not_authorised"], "lock", "quiet"),
    "not_applicable": Word(VALUES["not_applicable"], "circle-minus", "quiet"),
    "stale": Word(VALUES["stale"], "clock-exclamation", "urgent"),
    "suspended": Word(VALUES["suspended"], "player-pause", "wait"),
    # indicators: whether they are used, and how their figures stand
    "use.in_use": Word("使用中", "circle-check", "good"),
    "use.suspended": Word("暂停使用", "player-pause", "urgent"),
    "use.halted": Word("停用", "circle-x", "urgent"),
    "use.released": Word("经核准继续使用", "circle-check", "wait"),
    "health.ok": Word("正常", "circle-check", "good"),
    "health.failing": Word("未达标", "alert-triangle", "urgent"),
    "health.unknown": Word("户数不足，未判定", "help-circle", "wait"),
    "health.never": Word("尚未检查", "player-pause", "quiet"),
    # demands
    "draft": Word("草稿", "pencil", "quiet"),
    "published": Word("已发布，等待银行响应", "broadcast", "wait"),
    "taken": Word("银行已抢单，等待报价", "hand-grab", "good"),
    "quoted": Word("已有报价", "tag", "good"),
    "accepted": Word("已接受报价", "circle-check", "good"),
    "fulfilled": Word("已放款", "building-bank", "good"),
    "withdrawn": Word("已撤回", "arrow-back-up", "quiet"),
    "expired": Word("已过期", "clock-off", "quiet"),
    # screening lists
    "screening.draft": Word("草稿", "pencil", "quiet"),
    "screening.saved": Word("已保存", "device-floppy", "good"),
    "screening.handed_over": Word("已交付", "file-check", "good"),
    "screening_step.named": Word("已告知", "id", "quiet"),
    "screening_step.contacted": Word("已抢单对接", "hand-grab", "good"),
    "screening_step.quoted": Word("已报价", "tag", "good"),
    "screening_step.drawn": Word("已放款", "building-bank", "good"),
    "screening.expired": Word("已到期", "clock-off", "quiet"),
    "handover.handed": Word("有效", "circle-check", "good"),
    "handover.withdrawn": Word("已收回", "arrow-back-up", "quiet"),
    "handover.expired": Word("已到期", "clock-off", "quiet"),
    # changes of a product's conditions, and what the province-wide pass says of a product
    "change.draft": Word("起草中", "pencil", "quiet"),
    "change.submitted": Word("待复核", "hourglass", "wait"),
    "change.published": Word("已发布", "circle-check", "good"),
    "change.discarded": Word("已放弃", "circle-minus", "quiet"),
    "product.published": Word("在售", "circle-check", "good"),
    "product.suspended": Word("暂停", "player-pause", "wait"),
    "product.withdrawn": Word("下架", "circle-minus", "quiet"),
    "reach.current": Word("已核对", "circle-check", "good"),
    "reach.behind": Word("条件已改，待重新核对", "refresh", "wait"),
    "reach.never": Word("尚未核对", "player-pause", "quiet"),
    "matching.done": Word("已完成", "circle-check", "good"),
    "matching.running": Word("核对中或已中断", "loader-2", "wait"),
    # takes and quotes
    "active": Word("已抢单，待报价", "hand-grab", "wait"),
    "take.quoted": Word("已报价", "tag", "good"),
    "won": Word("已成交", "trophy", "good"),
    "lost": Word("未成交", "circle-minus", "quiet"),
    "released": Word("已释放", "arrow-back-up", "quiet"),
    "quote.submitted": Word("有效", "tag", "good"),
    "closed": Word("已关闭", "circle-minus", "quiet"),
    # applications
    "submitted": Word("审批中", "hourglass", "wait"),
    "approved": Word("已批准", "circle-check", "good"),
    "refused": Word("未批准", "circle-x", "urgent"),
    "contracted": Word("已签约", "writing-sign", "good"),
    # loans
    "loan.contracted": Word("已签约，待放款", "writing-sign", "wait"),
    "drawn": Word("正常还款中", "circle-check", "good"),
    "overdue": Word("逾期", "alert-triangle", "urgent"),
    "repaid": Word("已结清", "checks", "quiet"),
    "defaulted": Word("违约", "alert-octagon", "urgent"),
    "written_off": Word("已核销", "circle-minus", "quiet"),
    # five-class
    "normal": Word("正常", "circle-check", "good"),
    "special_mention": Word("关注", "eye", "wait"),
    "substandard": Word("次级", "alert-triangle", "urgent"),
    "doubtful": Word("可疑", "alert-triangle", "urgent"),
    "loss": Word("损失", "alert-octagon", "urgent"),
    # quality rules
    "passed": Word("通过", "circle-check", "good"),
    "failed": Word("未通过", "circle-x", "urgent"),
    "warned": Word("警告", "alert-triangle", "wait"),
    "not_run": Word("未运行", "player-pause", "quiet"),
    # objections and notices
    "objection.raised": Word("已提出，待转送", "send", "wait"),
    "objection.forwarded": Word("部门核查中", "search", "wait"),
    "objection.evidence": Word("待补充材料", "paperclip", "urgent"),
    "objection.correcting": Word("属实，更正入库中", "refresh", "wait"),
    "objection.corrected": Word("已更正", "circle-check", "good"),
    "objection.rejected": Word("核查无误", "circle-minus", "quiet"),
    "objection.undecided": Word("无法确定，双方说法并存", "scale", "wait"),
    "objection.withdrawn": Word("已撤回", "arrow-back-up", "quiet"),
    "unread": Word("未阅", "mail", "urgent"),
    "read": Word("已阅", "mail-opened", "quiet"),
    # conflicts between departments
    "conflict.open": Word("待处理", "alert-triangle", "urgent"),
    "conflict.asked": Word("已请更正", "mail-forward", "wait"),
    "conflict.settled": Word("已有定论", "circle-check", "good"),
    "conflict.closed": Word("各方已一致", "circle-check", "good"),
    # who is meant by a row
    "identity.waiting": Word("待认定", "help-circle", "urgent"),
    "identity.match": Word("已认定", "circle-check", "good"),
    "identity.reject": Word("均不是", "circle-x", "quiet"),
    "identity.ask": Word("已请部门核实", "mail-forward", "wait"),
    "identity.standing": Word("有效", "circle-check", "good"),
    "identity.undone": Word("已撤销", "arrow-back-up", "quiet"),
    # sources by their promised cycle
    "schedule.ok": Word("按期", "circle-check", "good"),
    "schedule.stale": Word("数据过期", "clock-exclamation", "urgent"),
    "schedule.missing": Word("从未报送", "circle-dashed", "wait"),
    # deliveries, and files of new sources where their words differ
    "quarantined_row.waiting": Word("待修复", "tool", "wait"),
    "quarantined_row.repaired": Word("已修复重报", "circle-check", "good"),
    "quarantined_row.closed": Word("确认重复，不再办理", "copy-check", "quiet"),
    "upload.receiving": Word("正在接收", "upload", "wait"),
    "upload.waiting": Word("等待治理", "hourglass", "wait"),
    "upload.governing": Word("正在治理", "progress", "wait"),
    "upload.returned": Word("全部退回，没有入库", "arrow-back-up", "urgent"),
    "upload.landed": Word("已入库", "circle-check", "good"),
    "upload.duplicate": Word("重复报送，未再入库", "copy", "quiet"),
    "upload.failed": Word("未能治理", "alert-triangle", "urgent"),
    "upload.discarded": Word("已放弃", "circle-minus", "quiet"),
    "inventory.receiving": Word("正在接收", "upload", "wait"),
    "inventory.waiting": Word("等待盘点", "hourglass", "wait"),
    "inventory.examining": Word("正在盘点", "progress", "wait"),
    "inventory.profiled": Word("已盘点", "circle-check", "good"),
    "inventory.failed": Word("未能盘点", "alert-triangle", "urgent"),
    "inventory.discarded": Word("已放弃", "circle-minus", "quiet"),
    # collectors and their runs
    "collect.never": Word("还没有运行", "player-pause", "quiet"),
    "collect.running": Word("正在采集", "loader-2", "wait"),
    "collect.delivered": Word("已采集", "circle-check", "good"),
    "collect.nothing_new": Word("没有新数据", "circle-check", "good"),
    "collect.already_today": Word("今日已采集", "circle-check", "good"),
    "collect.refused": Word("文件退回", "file-x", "urgent"),
    "collect.failed": Word("未成功", "circle-x", "urgent"),
    "collect.interrupted": Word("中断", "plug-x", "urgent"),
    "breaker.closed": Word("连接正常", "plug-connected", "good"),
    "breaker.failing": Word("尚未停访", "plug-x", "wait"),
    "breaker.open": Word("已熔断，暂停访问", "plug-off", "urgent"),
    "breaker.half_open": Word("正在试探恢复", "plug", "wait"),
    "breaker.never": Word("未连接过", "player-pause", "quiet"),
    # consents
    "live": Word("生效中", "shield-check", "good"),
    "revoked": Word("已撤回", "shield-off", "quiet"),
    "over": Word("已到期", "clock-off", "quiet"),
}


def choices(codes: Iterable[str], family: str = "") -> list[tuple[str, str]]:
    """Choices of a filter by status, worded as the list below it words them."""
    keys = {code: f"{family}.{code}" for code in codes}
    return [(code, STATUSES[key if key in STATUSES else code].text) for code, key in keys.items()]
