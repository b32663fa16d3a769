"""Loans of the platform's own market, as it reports them month by month."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis

from rongqiao.indicators.events import dated, declare_event_type, declare_events, is_open, months_back
from rongqiao.indicators.registry import At, Direction, Source, indicator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LOAN = "platform.loan_performance"
CONSENT = "financing"
COMPENSATION, BRIDGING = "local_finance.compensation", "local_finance.bridging_record"
GUARANTEE, MICROLOAN = "local_finance.guarantee_contract", "local_finance.microloan"
BAD_CLASSES = ("substandard", "doubtful", "loss")


def _prepare(tables: Mapping[str, Any], at: At) -> Any:
    """Monthly reports of each loan: ``nth`` 0 is a loan's newest report."""
    rows = tables[LOAN]
    # Of each enterprise: whose loan it is must not depend on who else is computed.
    newest = ibis.window(group_by=["enterprise_id", "loan_no"], order_by=ibis.desc(rows.reported_on))
    rows = rows.mutate(nth=ibis.row_number().over(newest), back=months_back(rows.reported_on, at))
    return rows.mutate(
        is_live=(rows.nth == 0) & (rows.outstanding_cny > 0),
        drawn_back=months_back(rows.drawn_on, at),
        left_months=-months_back(rows.maturity_on, at),
        is_bad=rows.five_class.isin(BAD_CLASSES).fill_null(False),
    )


# An enterprise that never borrowed here has no rows: its counts are zero, its ratios not applicable.
LOANS = Source("loan_performance", (LOAN,), "event", _prepare)


def _declare(
    id: str, title: str, title_en: str, formula: str, measure: Callable[[Any], Any], *, direction: Direction, window: int = 0,
    absent_is_zero: bool = True,
) -> None:  # fmt: skip
    indicator(
        id=f"financing_{id}", title=title, title_en=title_en, theme="financing", source=LOANS, direction=direction, formula=formula,
        window=window, consent_class=CONSENT, null_policy="absent_is_zero" if absent_is_zero else "missing",
    )(measure)  # fmt: skip


_declare(
    "loan_open_count",
    "未结清贷款笔数",
    "Open loans",
    "最近报送余额>0的贷款笔数",
    lambda t: t.is_live.cast("int32").sum(),
    direction="neutral",
)
_declare(
    "outstanding_open_cny",
    "贷款余额",
    "Outstanding loans",
    "未结清贷款最近报送余额合计",
    lambda t: t.outstanding_cny.sum(where=t.is_live),
    direction="neutral",
)
_declare(
    "institution_open_count", "未结清贷款机构数", "Institutions with an open loan", "有余额的机构个数", lambda t: t.institution_code.nunique(where=t.is_live),
    direction="neutral",
)  # fmt: skip
_declare(
    "overdue_now_days",
    "当前最长逾期天数",
    "Longest overdue now",
    "未结清贷款最近报送的最长逾期天数",
    lambda t: t.overdue_days.max(where=t.is_live),
    direction="lower_better",
)
_declare(
    "overdue_max_m12_days", "近12个月最长逾期天数", "Longest overdue in 12 months", "窗口内各月报送逾期天数的最大值",
    lambda t: t.overdue_days.max(where=t.back < 12), direction="lower_better", window=12,
)  # fmt: skip
_declare(
    "overdue_m12_count", "近12个月逾期月份数", "Loan months overdue in 12 months", "窗口内报送逾期天数>0的贷款月数",
    lambda t: (t.overdue_days > 0).sum(where=t.back < 12), direction="lower_better", window=12,
)  # fmt: skip
_declare(
    "bad_open_count",
    "不良贷款笔数",
    "Open non-performing loans",
    "最近五级分类为次级、可疑、损失的未结清笔数",
    lambda t: (t.is_live & t.is_bad).cast("int32").sum(),
    direction="lower_better",
)
_declare(
    "maturing_m3_cny", "未来3个月到期贷款余额", "Loans maturing within 3 months", "到期日在统计月后3个月内的未结清余额",
    lambda t: t.outstanding_cny.sum(where=t.is_live & t.left_months.between(0, 3)), direction="neutral",
)  # fmt: skip
_declare(
    "loan_total_count",
    "累计贷款笔数",
    "Loans ever reported",
    "报送过的贷款笔数",
    lambda t: t.loan_no.nunique(),
    direction="neutral",
)
_declare(
    "rate_avg_ratio", "未结清贷款平均利率", "Mean annual rate of open loans", "未结清贷款年利率的均值；没有贷款为不适用",
    lambda t: t.annual_rate_ratio.mean(where=t.is_live), direction="neutral", absent_is_zero=False,
)  # fmt: skip
_declare(
    "on_time_m12_ratio", "近12个月按时还款率", "Share of loan months on time in 12 months", "窗口内逾期天数为0的贷款月数÷全部贷款月数；没有贷款为不适用",
    lambda t: (t.overdue_days == 0).mean(where=t.back < 12), direction="higher_better", window=12, absent_is_zero=False,
)  # fmt: skip
_declare(
    "repeat_loan_m24_count", "近24个月再次放款笔数", "Loans to a returning borrower in 24 months", "放款日期在窗口内、不是首贷的贷款笔数",
    lambda t: t.loan_no.nunique(where=~t.is_first_loan & (t.drawn_back < 24)), direction="higher_better", window=24,
)  # fmt: skip
declare_event_type(
    LOANS, id="financing_overdue", title="贷款逾期", title_en="Loan months overdue", dated_by="报告日期", where=lambda t: t.overdue_days > 0,
    is_open=lambda t: t.is_live, open_title="当前逾期贷款笔数", open_formula="未结清且最近报送逾期天数>0的贷款笔数", without=("m12",),
    consent_class=CONSENT,
)  # fmt: skip

COMPENSATED = Source(
    "compensation", (COMPENSATION,), "event",
    dated(
        COMPENSATION, "paid_on",
        # What was recovered is often not told: a debt is over once it is known to be.
        lambda t, at: {
            "is_open": is_open(t.written_off_on, at)
            & ((t.principal_cny + t.interest_cny.fill_null(0.0) > t.recovered_cny) | t.recovered_cny.isnull())
        },
    ),
)  # fmt: skip
declare_event_type(
    COMPENSATED, id="financing_compensated", title="担保代偿", title_en="Guarantees paid out", dated_by="支付日期", is_open=lambda t: t.is_open,
    open_title="未追偿完毕代偿笔数", open_formula="统计月末未核销，且未知已全额追偿的代偿笔数", consent_class=CONSENT,
)  # fmt: skip

BRIDGED = Source(
    "bridging_record", (BRIDGING,), "event",
    dated(BRIDGING, "lent_on", lambda t, at: {"is_open": is_open(t.repaid_on, at)}),
)  # fmt: skip
declare_event_type(
    BRIDGED, id="financing_bridging", title="使用转贷资金", title_en="Uses of bridging funds", dated_by="出借日期", is_open=lambda t: t.is_open,
    open_title="未归还转贷资金笔数", open_formula="统计月末尚未归还的笔数", consent_class=CONSENT,
)  # fmt: skip

GUARANTEED = Source(
    "guarantee_contract", (GUARANTEE,), "event",
    dated(GUARANTEE, "started_on", lambda t, at: {"is_open": is_open(t.released_on, at)}),
)  # fmt: skip
declare_events(
    GUARANTEED, id="financing_guaranteed_open_cny", title="政府性融资担保在保余额", title_en="Debt under guarantee of a guarantee company", formula="统计月末未解保的在保余额合计，未载明的不计",
    where=lambda t: t.is_open & (t.back >= 0), amount="outstanding_cny", direction="neutral", consent_class=CONSENT,
)  # fmt: skip
LOCAL_LOANS = Source(
    "microloan", (MICROLOAN,), "event",
    dated(MICROLOAN, "started_on", lambda t, at: {"is_open": is_open(t.settled_on, at)}),
)  # fmt: skip
declare_events(
    LOCAL_LOANS, id="financing_local_lender_open_cny", title="地方金融组织融资余额", title_en="Debt to small lenders, pawnshops, lessors and factors", formula="统计月末未结清的融资余额合计，未载明的不计",
    where=lambda t: t.is_open & (t.back >= 0), amount="balance_cny", consent_class=CONSENT,
)  # fmt: skip
