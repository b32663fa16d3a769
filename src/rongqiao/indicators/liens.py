"""What is registered against an enterprise: pledged and frozen equity, mortgaged goods, notices to deregister."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rongqiao.indicators.events import dated, declare_event_type, is_open
from rongqiao.indicators.registry import At, Source

if TYPE_CHECKING:
    from collections.abc import Mapping

PLEDGE, MORTGAGE, SECURITY, NOTICE, FREEZE = (
    "market_regulation.equity_pledge", "market_regulation.chattel_mortgage", "central_bank.receivable_pledge",
    "market_regulation.deregistration", "court.asset_freeze",
)  # fmt: skip

PLEDGES = Source(
    "equity_pledge", (PLEDGE,), "event",
    dated(PLEDGE, "registered_on", lambda t, at: {"is_open": is_open(t.cancelled_on, at) & (t.status != "cancelled")}),
)  # fmt: skip
declare_event_type(
    PLEDGES, id="registration_equity_pledge", title="股权出质", title_en="Equity pledges", dated_by="登记日期",
    is_open=lambda t: t.is_open, open_title="有效股权出质件数", open_formula="统计月末未注销的出质登记件数", direction="neutral",
    consent_class="public_registration",
)  # fmt: skip


def _prepare_mortgages(tables: Mapping[str, Any], at: At) -> Any:
    """Mortgages of equipment and goods: the registrar's until 2020, the credit reference centre's since."""
    before, since = tables[MORTGAGE], tables[SECURITY]
    before = before.mutate(is_open=is_open(before.cancelled_on, at))
    since = since.filter((since.party_role == "provider") & (since.security_kind == "equipment"))
    since = since.mutate(is_open=is_open(since.cancelled_on, at) & is_open(since.expires_on, at))
    columns = ("enterprise_id", "registered_on", "is_open")
    both = before.select(*columns).union(since.select(*columns))
    return dated("both", "registered_on")({"both": both}, at)


MORTGAGES = Source("chattel_mortgage", (MORTGAGE, SECURITY), "event", _prepare_mortgages)
declare_event_type(
    MORTGAGES, id="registration_chattel_mortgage", title="动产抵押", title_en="Chattel mortgages", dated_by="登记日期",
    is_open=lambda t: t.is_open, open_title="有效动产抵押件数", open_formula="统计月末未注销、未到期的动产抵押登记件数", direction="neutral",
    consent_class="real_estate",
)  # fmt: skip

NOTICES = Source(
    "deregistration", (NOTICE,), "event",
    dated(NOTICE, "announced_on", lambda t, at: {"is_open": is_open(t.ends_on, at) & t.outcome.isnull()}),
)  # fmt: skip
declare_event_type(
    NOTICES, id="registration_simple_cancel", title="简易注销公告", title_en="Notices of simple deregistration", dated_by="公告日期",
    where=lambda t: t.notice_kind == "simple", is_open=lambda t: t.is_open, open_title="公告中的简易注销件数",
    open_formula="统计月末公告期未满且没有结果的件数", consent_class="public_registration",
)  # fmt: skip

FREEZES = Source(
    "asset_freeze", (FREEZE,), "event",
    dated(
        FREEZE, "frozen_on", lambda t, at: {"is_open": is_open(t.lifted_on, at) & is_open(t.frozen_until_on, at)}
    ),
)  # fmt: skip
for _id, _title, _title_en, _is_equity in (
    ("registration_equity_freeze", "股权冻结", "Equity freezes", True),
    ("judicial_preservation", "财产保全（股权以外）", "Freezes of other property", False),
):
    declare_event_type(
        FREEZES, id=_id, title=_title, title_en=_title_en, dated_by="冻结起始日期",
        where=lambda t, is_equity=_is_equity: (t.asset_kind == "equity") == is_equity,  # type: ignore[misc]
        is_open=lambda t: t.is_open, open_title=f"未解除的{_title}件数", open_formula="统计月末未解冻、未到期的件数",
        consent_class="public_judicial",
    )  # fmt: skip
