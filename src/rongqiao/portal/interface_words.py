"""Words of the data-interface market: its statuses, grounds, codes and periods, as consumers and departments read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rongqiao.bases.enterprises.interfaces.anomalies import FLAGS
from rongqiao.contracts.catalog import code_list, consent_data_classes, consent_purposes
from rongqiao.contracts.documents import document
from rongqiao.contracts.interfaces import load_interfaces
from rongqiao.portal.wording import STATUSES as MARKET_STATUSES
from rongqiao.portal.wording import Word

if TYPE_CHECKING:
    from collections.abc import Iterable

STATUSES = {
    # what a consumer has of an interface
    "standing.none": Word("未申请", "circle-dashed", "quiet"),
    "standing.submitted": Word("审核中", "hourglass", "wait"),
    "standing.granted": Word("已授权", "shield-check", "good"),
    "standing.returned": Word("退回修改", "arrow-back-up", "urgent"),
    "standing.refused": Word("不予通过", "circle-x", "quiet"),
    # applications
    "submission.submitted": Word("待审核", "hourglass", "wait"),
    "submission.changes_requested": Word("退回修改", "arrow-back-up", "urgent"),
    "submission.validated": Word("已通过", "circle-check", "good"),
    "submission.refused": Word("不予通过", "circle-x", "quiet"),
    # grants, keys, delegations, webhooks
    "grant.live": Word("有效", "shield-check", "good"),
    "grant.over": Word("已到期", "clock-off", "quiet"),
    "grant.ended": Word("已终止", "shield-off", "quiet"),
    "key.live": Word("使用中", "key", "good"),
    "key.flagged": Word("使用异常", "alert-triangle", "urgent"),
    "key.revoked": Word("已停用", "key-off", "quiet"),
    "webhook.live": Word("生效中", "bell", "good"),
    "webhook.ended": Word("已停用", "bell-off", "quiet"),
    "delivery.waiting": Word("待送达", "hourglass", "wait"),
    "delivery.delivered": Word("已送达", "circle-check", "good"),
    "delivery.dead": Word("未能送达", "circle-x", "urgent"),
    # questions about accesses
    "question.asked": Word("待说明", "message-question", "wait"),
    "question.overdue": Word("逾期未说明", "alarm", "urgent"),
    "question.answered": Word("待判定", "hourglass", "wait"),
    "question.accepted": Word("说明成立", "circle-check", "good"),
    "question.rejected": Word("说明不成立", "circle-x", "urgent"),
    # calls
    "call.ok": Word("已应答", "circle-check", "good"),
    "call.refused": Word("未应答", "circle-x", "urgent"),
    # how an interface is now
    "state.answering": Word("正常应答", "circle-check", "good"),
    "state.unsteady": Word("部分读取失败", "alert-triangle", "urgent"),
    "state.failing": Word("读取失败", "circle-x", "urgent"),
    "state.unavailable": Word("连续失败，暂停服务", "circle-x", "urgent"),
    "state.maintenance": Word("维护中", "tool", "wait"),
    "state.store_missing": Word("服务库尚未建立", "database-off", "wait"),
    "state.idle": Word("近期无调用，未知", "help-circle", "wait"),
    "freshness.fresh": Word("按期更新", "circle-check", "good"),
    "freshness.stale": Word("逾期未更新", "clock-exclamation", "urgent"),
    "freshness.unknown": Word("尚未供数，未知", "help-circle", "wait"),
}
#: All words of statuses, by code or ``family.code``.
WORDS = MARKET_STATUSES | STATUSES
BASES = {"consent": "企业授权", "public": "依法公开", "statutory_duty": "法定职责", "sandbox": "沙箱"}
MASKS = {
    "tail4": "只答后四位",
    "amount_band": "只答金额区间",
    "surname": "只答姓氏",
    "none": "原样",
}
LEVELS = {"platform": "平台", "provider": "提供部门（通用）"}


def word_of(code: str, family: str = "") -> Word:
    """Word of a status; the code itself where none stands for it. ``family`` disambiguates a code, such as ``loan`` for ``drawn``."""
    return WORDS.get(f"{family}.{code}") or WORDS.get(code) or Word(code or "—", "point", "quiet")


def interface_title(interface_id: str) -> str:
    """Name of an interface; its id when the installation no longer has it."""
    found = load_interfaces().get(interface_id)
    return found.title if found else interface_id


def provider_title(provider: str) -> str:
    """Name of a provider department; its id when none of its interfaces is left."""
    return dict(provider_choices()).get(provider, provider)


def purpose_title(purpose: str) -> str:
    """Name of a purpose; empty for a call that named none."""
    known = consent_purposes()
    return known[purpose].title if purpose in known else purpose


def purpose_titles(purposes: Iterable[str]) -> str:
    """Names of purposes, joined."""
    return "、".join(map(purpose_title, purposes))


def basis_title(basis: str) -> str:
    """Ground of a call in words; none where it was refused before a ground was found."""
    return BASES.get(basis, basis) or "未认定"


def code_title(code: str) -> str:
    """Title of a call's code."""
    if code == "ok":
        return "已应答"
    entry = document("interface_codes").get(code)
    return str(entry["title"]) if entry else code


def flag_titles(flags: Iterable[str]) -> str:
    """Say what is unusual about a key."""
    return "、".join(FLAGS.get(each, each) for each in flags)


def data_class_title(data_class: str) -> str:
    """Name of a class of data."""
    return consent_data_classes()[data_class].title


def cycle_title(cycle: str) -> str:
    """How often a source is delivered."""
    return code_list("update_cycles").title(cycle)


def interface_choices() -> list[tuple[str, str]]:
    """Choices of a filter by interface."""
    return [(each.id, each.title) for each in load_interfaces().values()]


def provider_choices() -> list[tuple[str, str]]:
    """Choices of a filter by provider department."""
    return list(dict.fromkeys((each.provider, each.provider_title) for each in load_interfaces().values()))


def purpose_choices() -> list[tuple[str, str]]:
    """Choices of a filter by purpose, those that some interface is given for."""
    used = {purpose for each in load_interfaces().values() for purpose in each.purposes}
    return [(code, purpose.title) for code, purpose in consent_purposes().items() if code in used]


def code_choices() -> list[tuple[str, str]]:
    """Choices of a filter by code: answered first, then every refusal."""
    return [
        ("ok", "已应答"),
        *((code, entry["title"]) for code, entry in document("interface_codes").items()),
    ]
