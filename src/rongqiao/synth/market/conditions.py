"""Conditions that products and policies of the synthetic market ask for, as criteria trees."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

Tree = dict[str, Any]


def leaf(fact: str, op: str, value: Any, text: str, settles: str) -> Tree:
    """One condition on one fact."""
    return {"fact": fact, "op": op, "value": value, "text": text, "settles": settles}


def every(*conditions: Tree) -> Tree:
    """All conditions hold."""
    return {"all": list(conditions)}


def either(*conditions: Tree) -> Tree:
    """At least one condition holds."""
    return {"any": list(conditions)}


def aged(months: int) -> Tree:
    """In operation for some time."""
    return leaf(
        "age_months", ">=", months, f"成立满{months}个月", "补充营业执照成立日期，或待经营满期后再申请"
    )


def located(region: str, name: str) -> Tree:
    """Require registration within a region."""
    return leaf(
        "county_code",
        "within_region",
        region,
        f"登记地在{name}",
        "登记地以营业执照住所为准；迁入后办理住所变更登记",
    )


def of_section(sections: str, text: str) -> Tree:
    """Of certain sections of GB/T 4754."""
    return leaf(
        "industry_section",
        "in",
        list(sections),
        text,
        "核对登记的行业代码，与主营业务不符时向登记机关申请更正",
    )


def of_size(*classes: str) -> Tree:
    """Of certain size classes."""
    titles = {"micro": "微型", "small": "小型", "medium": "中型"}
    names = "、".join(titles[size] for size in classes)
    return leaf(
        "size_class", "in", list(classes), f"企业规模为{names}", "报送最近年度从业人数、营业收入和资产总额"
    )


def rated(grades: str) -> Tree:
    """Platform grade at least as good as the last of the list."""
    known = grades.split()
    return leaf(
        "grade",
        "in",
        known,
        f"平台信用评级{known[-1]}级及以上",
        "完成数据授权以取得评级，或查看评级扣分原因后改进",
    )


def scored(points: int) -> Tree:
    """Platform score at least."""
    return leaf("score", ">=", points, f"平台信用评分不低于{points}分", "完成数据授权以取得评分")


def selling(wan: int) -> Tree:
    """Taxable sales of the last twelve months."""
    text = f"近12个月应税销售收入不低于{wan}万元"
    return leaf("tax_taxable_sales_sum_m12_cny", ">=", wan * 10_000, text, "授权查询近12个月纳税申报数据")


def growing(percent: int) -> Tree:
    """Sales against the year before."""
    text = f"近12个月销售收入同比不低于{percent}%"
    return leaf(
        "tax_taxable_sales_yoy_m12_ratio",
        ">=",
        float(Decimal(percent) / 100),
        text,
        "授权查询近24个月纳税申报数据",
    )


def tax_graded(grades: str) -> Tree:
    """Tax credit grade."""
    return leaf(
        "tax_grade_now",
        "in",
        list(grades),
        f"纳税缴费信用级别为{'、'.join(grades)}级",
        "授权查询纳税缴费信用级别，对评价有异议可申请复评",
    )


def no_tax_arrears() -> Tree:
    """No open tax arrears."""
    return leaf("tax_arrears_open_cny", "<=", 0, "无欠税", "缴清欠税后次月更新")


def few_void_invoices(percent: int) -> Tree:
    """Share of voided invoices."""
    text = f"近12个月作废发票占比不超过{percent}%"
    return leaf(
        "invoice_void_m12_ratio", "<=", float(Decimal(percent) / 100), text, "授权查询近12个月发票汇总数据"
    )


def employing(heads: int) -> Tree:
    """Insured employees."""
    text = f"近3个月平均参保人数不少于{heads}人"
    return leaf(
        "social_insured_headcount_avg_m3_count", ">=", heads, text, "授权查询社会保险缴费数据，或补缴漏保人员"
    )


def not_dishonest() -> Tree:
    """Not on the list of dishonest persons subject to enforcement."""
    return leaf(
        "judicial_dishonest_open_count",
        "<=",
        0,
        "未被列入失信被执行人",
        "履行义务后向执行法院申请删除失信信息",
    )


def not_executed() -> Tree:
    """No open enforcement."""
    return leaf("judicial_executed_open_count", "<=", 0, "无未结被执行案件", "履行完毕后取得结案通知")


def not_penalised() -> Tree:
    """No serious penalty within three years."""
    return leaf(
        "regulatory_serious_penalty_m36_count", "<=", 0, "近三年无严重行政处罚", "整改完成后申请信用修复"
    )


def not_abnormal() -> Tree:
    """Not in the list of abnormal operation."""
    return leaf(
        "registration_abnormal_open_flag",
        "is_false",
        None,
        "未被列入经营异常名录",
        "补报年报或更正住所后申请移出",
    )


def inventive(rights: int) -> Tree:
    """Require valid invention patents."""
    return leaf(
        "ip_invention_valid_count",
        ">=",
        rights,
        f"有效发明专利不少于{rights}件",
        "补充专利证书；受让专利须完成权利人变更登记",
    )


def high_tech() -> Tree:
    """High and new technology enterprise."""
    return leaf(
        "title_high_tech_flag",
        "is_true",
        None,
        "为有效期内高新技术企业",
        "提供高新技术企业证书，或到期前重新认定",
    )


def srdi() -> Tree:
    """Specialised, refined, distinctive and innovative."""
    return leaf("title_srdi_flag", "is_true", None, "为专精特新中小企业", "申报省级专精特新中小企业认定")


def moderate_debt(percent: int) -> Tree:
    """Liabilities to assets."""
    text = f"资产负债率不超过{percent}%"
    return leaf(
        "finance_debt_ratio", "<=", float(Decimal(percent) / 100), text, "报送最近年度资产总额与负债总额"
    )


def steady_electricity(percent: int) -> Tree:
    """Electricity against the year before."""
    text = f"近12个月用电量同比不低于{percent}%"
    return leaf(
        "utility_electricity_yoy_m12_ratio",
        ">=",
        float(Decimal(percent) / 100),
        text,
        "授权查询用电数据，或绑定正确的用电户号",
    )
