"""Tax: declared sales, taxes paid, arrears, punctuality, taxpayer grade."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import ibis

from rongqiao.indicators.registry import At, Source, indicator
from rongqiao.indicators.series import (
    declare_series,
    divide,
    mean,
    monthly,
    per,
    total,
    with_runs,
    within,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

FILING, GRADE = "taxation.tax_filing", "taxation.tax_grade"
CONSENT = "tax"
PAID = ("taxable_sales_cny", "vat_paid_cny", "vat_payable_cny", "cit_paid_cny")
LEVELS = {"A": 5, "B": 4, "M": 3, "C": 2, "D": 1}


def _prepare_filing(tables: Mapping[str, Any], at: At) -> Any:
    rows = monthly(FILING, runs=PAID)(tables, at)
    rows = with_runs(rows.mutate(total_paid_cny=rows.vat_paid_cny + rows.cit_paid_cny), "total_paid_cny", 24)
    late = (rows.filed_on.delta(rows.due_on, unit="day")).clip(lower=0)
    # Not filed and already due is late too; not yet due is not known.
    overdue = rows.filed_on.isnull() & (rows.due_on <= at.known_at)
    return rows.mutate(
        late_days=late,
        is_late=ibis.ifelse(rows.filed_on.notnull(), (late > 0).cast("int32"), ibis.ifelse(overdue, 1, None)),
    )


def _unfiled(tables: Mapping[str, Any]) -> Any:
    rows = tables[FILING]
    return rows.filter(rows.filed_on.isnull()).select("enterprise_id", day=rows.due_on)


TAX = Source("tax_filing", (FILING,), "series", _prepare_filing, falls_due=_unfiled)

_declare = partial(declare_series, TAX, theme="tax", unit="cny", consent_class=CONSENT)
_declare("taxable_sales_cny", measure="taxable_sales", title="应税销售额", title_en="Taxable sales")
_declare("vat_paid_cny", measure="vat_paid", title="实缴增值税", title_en="VAT paid")
_declare("vat_payable_cny", measure="vat_payable", title="应纳增值税", title_en="VAT payable")
# Income tax is paid by the quarter, so most months are zero; what was paid too much comes back.
_declare(
    "cit_paid_cny",
    measure="cit_paid",
    title="实缴企业所得税",
    title_en="Corporate income tax paid",
    swings="neutral",
    signed=True,
)
_declare(
    "total_paid_cny",
    measure="total_paid",
    title="实缴增值税和企业所得税",
    title_en="VAT and corporate income tax paid",
    signed=True,
)


@indicator(
    id="tax_vat_burden_m12_ratio", title="近12个月增值税税负率", title_en="VAT paid over taxable sales in 12 months", theme="tax", source=TAX, direction="u_shaped",
    formula="实缴增值税合计÷应税销售额合计，只计两者都有数据的月份", window=12, minimum=10, consent_class=CONSENT, bounds=(0.0, None), version="2",
)  # fmt: skip
def _vat_burden(t: Any) -> Any:
    return per(t, t.vat_paid_cny, t.taxable_sales_cny, 12)


@indicator(
    id="tax_cit_burden_m12_ratio", title="近12个月所得税税负率", title_en="Corporate income tax over taxable sales in 12 months", theme="tax", source=TAX, direction="u_shaped",
    formula="实缴企业所得税合计÷应税销售额合计，只计两者都有数据的月份", window=12, minimum=10, consent_class=CONSENT, bounds=(0.0, None), version="2",
)  # fmt: skip
def _cit_burden(t: Any) -> Any:
    return per(t, t.cit_paid_cny, t.taxable_sales_cny, 12)


@indicator(
    id="tax_vat_paid_share_m12_ratio", title="近12个月增值税缴纳率", title_en="VAT paid over payable in 12 months", theme="tax", source=TAX, direction="higher_better",
    formula="实缴增值税合计÷应纳增值税合计，只计两者都有数据的月份", window=12, minimum=10, consent_class=CONSENT, bounds=(0.0, None), version="2",
)  # fmt: skip
def _vat_paid_share(t: Any) -> Any:
    return per(t, t.vat_paid_cny, t.vat_payable_cny, 12)


@indicator(
    id="tax_arrears_open_cny", title="欠税余额", title_en="Tax owed", theme="tax", source=TAX, direction="lower_better",
    formula="近6个月内最近一个有数月份的欠税余额", window=6, minimum=1, consent_class=CONSENT,
)  # fmt: skip
def _arrears_open(t: Any) -> Any:
    return t.arrears_cny.argmin(t.back, where=within(t, 6) & t.arrears_cny.notnull())


@indicator(
    id="tax_arrears_m12_count", title="近12个月欠税月数", title_en="Months with tax owed of 12", theme="tax", source=TAX, direction="lower_better",
    formula="欠税余额>0的月数，至少10个月有数据", window=12, minimum=10, consent_class=CONSENT, bounds=(0.0, 12.0),
)  # fmt: skip
def _arrears_months(t: Any) -> Any:
    observed = t.arrears_cny.count(where=within(t, 12))
    return ibis.ifelse(observed >= 10, (t.arrears_cny > 0).sum(where=within(t, 12)), None)


@indicator(
    id="tax_late_filing_m12_count", title="近12个月逾期申报次数", title_en="Late filings in 12 months", theme="tax", source=TAX, direction="lower_better",
    formula="申报日晚于期限，或期限已过仍未申报的次数，至少10个月可判定", window=12, minimum=10, consent_class=CONSENT, bounds=(0.0, 12.0),
)  # fmt: skip
def _late_filing(t: Any) -> Any:
    return total(t, "is_late", 12)


@indicator(
    id="tax_late_filing_avg_m12_days", title="近12个月平均逾期申报天数", title_en="Mean days late of filings in 12 months", theme="tax", source=TAX, direction="lower_better",
    formula="申报日−期限（早报计0）的均值，至少10个月有申报", window=12, minimum=10, consent_class=CONSENT,
)  # fmt: skip
def _late_days(t: Any) -> Any:
    return mean(t, "late_days", 12)


@indicator(
    id="tax_filed_m12_count", title="近12个月已申报月数", title_en="Months filed of 12", theme="tax", source=TAX, direction="higher_better",
    formula="有申报日的月数", window=12, minimum=1, consent_class=CONSENT, bounds=(0.0, 12.0),
)  # fmt: skip
def _filed(t: Any) -> Any:
    return t.filed_on.count(where=within(t, 12))


@indicator(
    id="tax_peak_share_m12_ratio", title="近12个月单月最高销售占比", title_en="Peak month's share of taxable sales in 12 months", theme="tax", source=TAX, direction="lower_better",
    formula="单月最高应税销售额÷12个月合计", window=12, minimum=10, consent_class=CONSENT,
)  # fmt: skip
def _peak_share(t: Any) -> Any:
    return divide(t.taxable_sales_cny.max(where=within(t, 12)), total(t, "taxable_sales_cny", 12))


@indicator(
    id="tax_observed_m24_count", title="近24个月有纳税数据的月数", title_en="Months with filings of 24", theme="tax", source=TAX, direction="higher_better",
    formula="有应税销售额的月数", window=24, minimum=1, consent_class=CONSENT, bounds=(0.0, 24.0),
)  # fmt: skip
def _observed(t: Any) -> Any:
    return t.taxable_sales_cny.count(where=within(t, 24))


def _prepare_grade(tables: Mapping[str, Any], at: At) -> Any:
    rows = tables[GRADE]
    level = ibis.cases(*((rows.grade == grade, number) for grade, number in LEVELS.items()), else_=None)
    # A grade of year N is published in the spring of N+1, so the newest may lag by almost two years.
    rows = rows.mutate(level=level, age=at.as_of // 100 - rows.grade_year).filter(
        rows.published_on <= at.end_on
    )
    recent = ibis.ifelse(rows.age <= 3, rows.grade_year, None)
    return rows.mutate(nth=recent.max().over(ibis.window(group_by="enterprise_id")) - rows.grade_year)


GRADES = Source("tax_grade", (GRADE,), "latest", _prepare_grade)


@indicator(
    id="tax_grade_now_level", title="最近纳税缴费信用级别（5为A，1为D）", title_en="Latest taxpayer grade (5 is A, 1 is D)", theme="tax", source=GRADES, direction="higher_better",
    formula="近3年内最近年度级别：A=5 B=4 M=3 C=2 D=1", window=36, consent_class=CONSENT,
)  # fmt: skip
def _grade_now(t: Any) -> Any:
    return t.level.argmax(t.grade_year, where=t.age <= 3)


@indicator(
    id="tax_grade_trend_y2_level", title="纳税缴费信用级别两年变化", title_en="Taxpayer grade, change over two years", theme="tax", source=GRADES, direction="higher_better",
    formula="最近年度级别−最早（3年内）年度级别，至少两个年度", window=36, consent_class=CONSENT, bounds=(-4.0, 4.0),
)  # fmt: skip
def _grade_trend(t: Any) -> Any:
    recent = t.age <= 3
    change = t.level.argmax(t.grade_year, where=recent) - t.level.argmin(t.grade_year, where=recent)
    return ibis.ifelse(t.grade_year.nunique(where=recent) >= 2, change, None)


@indicator(
    id="tax_grade_d_y3_count", title="近三个年度评为D级次数", title_en="Years graded D of the last three", theme="tax", source=GRADES, direction="lower_better",
    formula="3年内级别为D的年度数", window=36, consent_class=CONSENT,
)  # fmt: skip
def _grade_d(t: Any) -> Any:
    return (t.level == 1).sum(where=t.age <= 3)


for _nth, _words, _words_en in ((1, "上一年度", "one year"), (2, "前两年度", "two years")):

    @indicator(
        id=f"tax_grade_prev{_nth}_level", title=f"{_words}纳税缴费信用级别（5为A，1为D）", title_en=f"Taxpayer grade {_words_en} before the latest (5 is A, 1 is D)",
        theme="tax", source=GRADES, direction="higher_better", formula=f"最近年度之前第{_nth}年的级别：A=5 B=4 M=3 C=2 D=1", window=60, consent_class=CONSENT,
    )  # fmt: skip
    def _grade_before(t: Any, nth: int = _nth) -> Any:
        return t.level.max(where=t.nth == nth)
