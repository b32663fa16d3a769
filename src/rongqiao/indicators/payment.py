"""Bills not paid: electricity, water, gas, social insurance, housing fund."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rongqiao.indicators.events import dated, declare_event_type, is_open, months_back
from rongqiao.indicators.housing_fund import CONSENT as FUND_CONSENT
from rongqiao.indicators.housing_fund import DEPOSITS
from rongqiao.indicators.registry import At, Source, indicator
from rongqiao.indicators.series import within

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

POWER, WATER, GAS, INSURANCE = (
    "power_grid.electricity_arrears", "utilities.water_bill", "utilities.gas_bill", "human_resources.insurance_arrears",
)  # fmt: skip

NOTICES = Source(
    "electricity_arrears", (POWER,), "event",
    dated(
        POWER, "notified_on",
        lambda t, at: {"is_cut": (t.cut_off_on <= at.end_on) & is_open(t.restored_on, at)},
    ),
)  # fmt: skip
declare_event_type(
    NOTICES, id="utility_electricity_arrears", title="欠电费催缴", title_en="Notices of electricity owed", dated_by="通知日期",
    is_open=lambda t: t.is_cut, open_title="欠费停电未复电件数", open_formula="已停电而统计月末尚未复电的件数", consent_class="utilities",
)  # fmt: skip


def _bills(contract_id: str) -> Callable[[Mapping[str, Any], At], Any]:
    """Bills whose time is over: ``back`` counts from the month after the billed one, at whose end a bill is late."""

    def prepare(tables: Mapping[str, Any], at: At) -> Any:
        rows = tables[contract_id]
        billed = at.index - (rows.period // 100 * 12 + rows.period % 100 - 1)
        paid_after = billed - months_back(rows.paid_on, at)
        rows = rows.mutate(
            back=billed - 1,
            is_late=rows.paid_on.isnull() | (paid_after > 1),
            is_unpaid=is_open(rows.paid_on, at),
        )
        return rows.filter(rows.back.between(0, 35))

    return prepare


WATER_BILLS = Source("water_bill", (WATER,), "series", _bills(WATER))
GAS_BILLS = Source("gas_bill", (GAS,), "series", _bills(GAS))
for _source, _id, _title, _title_en in (
    (WATER_BILLS, "utility_water_arrears", "水费", "Water"),
    (GAS_BILLS, "utility_gas_arrears", "燃气费", "Gas"),
):
    # Whoever has no bill is not known to pay in time: missing, not zero.
    declare_event_type(
        _source, id=_id, title=f"{_title}逾期", title_en=f"{_title_en} bills paid late", dated_by="账期次月，月末仍未缴清即为逾期",
        where=lambda t: t.is_late, is_open=lambda t: t.is_unpaid, open_title=f"未缴清逾期{_title}账单数",
        open_formula="账期次月末已过而统计月末仍未缴清的账单数", consent_class="utilities",
    )  # fmt: skip

OWED = Source(
    "insurance_arrears", (INSURANCE,), "event",
    dated(INSURANCE, "due_on", lambda t, at: {"is_open": is_open(t.cleared_on, at) & (t.arrears_cny > 0)}),
)  # fmt: skip
declare_event_type(
    OWED, id="social_arrears", title="社保欠费", title_en="Social insurance arrears", dated_by="缴费期限", is_open=lambda t: t.is_open,
    open_title="未清缴社保欠费件数", open_formula="统计月末尚未清缴且欠费金额>0的件数（一个险种一个所属期为一件）", consent_class="social_insurance",
)  # fmt: skip

declare_event_type(
    DEPOSITS, id="hpf_arrears", title="公积金欠缴", title_en="Months with the housing fund owed",
    dated_by="缴存月份，应缴−实缴超过1元", where=lambda t: t.is_owed, consent_class=FUND_CONSENT,
)  # fmt: skip


@indicator(
    id="hpf_arrears_open_months", title="公积金累计欠缴月数", title_en="Months of housing fund still owed", theme="hpf", source=DEPOSITS,
    direction="lower_better", formula="近6个月内最近一个有数月份的累计欠缴月数", window=6, minimum=1, consent_class=FUND_CONSENT,
)  # fmt: skip
def _fund_open(t: Any) -> Any:
    return t.arrears_months.argmin(t.back, where=within(t, 6) & t.arrears_months.notnull())
