"""The 156 products of the synthetic market: 26 templates, shaped by who offers them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from rongqiao.synth.market import conditions as c
from rongqiao.synth.market.institutions import brands, make_institutions, product_counts

_COMMON_PAPERS = ("营业执照", "法定代表人身份证明", "数据查询授权书")


@dataclass(frozen=True, slots=True)
class Template:
    """A kind of product before a bank puts its name on it.

    Parameters
    ----------
    name, kind, summary : str
        Chinese name after the brand; code of ``product_kinds``; one sentence.
    amounts_wan : tuple of int
        Lowest and highest amount, in 10,000 yuan.
    terms : tuple of int
        Shortest and longest term in months.
    rates_bp : tuple of int
        Lowest and highest annual rate in basis points.
    guarantees, repayments, purposes : str
        Codes, blank-separated.
    criteria : tuple of dict
        Conditions beyond those that every bank asks for.
    papers : tuple of str
        Materials beyond the usual.
    days : int
        Working days to a decision.
    is_first_loan_friendly : bool
        Open to who never had a loan.
    """

    name: str
    kind: str
    summary: str
    amounts_wan: tuple[int, int]
    terms: tuple[int, int]
    rates_bp: tuple[int, int]
    guarantees: str
    repayments: str
    purposes: str
    criteria: tuple[c.Tree, ...]
    papers: tuple[str, ...] = ()
    days: int = 5
    is_first_loan_friendly: bool = False


_FLOW = "working_capital raw_materials order payroll other"
_ANY = f"{_FLOW} equipment rd construction export refinance"
_SHORT = "interest_first equal_instalment bullet"
_LONG = "interest_first equal_instalment equal_principal"

# fmt: off
TEMPLATES: tuple[Template, ...] = (
    Template("税易贷", "credit", "凭纳税记录核定额度的纯信用贷款，随借随还。", (10, 300), (3, 24), (345, 560), "credit", _SHORT, _FLOW, (c.aged(24), c.tax_graded("ABM"), c.selling(100), c.no_tax_arrears()), ("近两年纳税申报表",), 2, True),
    Template("抵押快贷", "mortgage", "以厂房、商铺、住宅抵押，额度高、期限长。", (50, 3000), (6, 60), (315, 450), "mortgage", _LONG, _ANY, (c.aged(12), c.moderate_debt(75)), ("不动产权证书", "评估报告"), 8),
    Template("政银担", "guarantee", "政府性融资担保机构分险，适合轻资产小微企业。", (20, 1000), (6, 36), (320, 470), "guarantee_company guarantee", _LONG, _ANY, (c.aged(12), c.of_size("micro", "small", "medium")), ("担保意向函",), 7, True),
    Template("流水贷", "credit", "依据发票与结算流水授信，面向稳定经营的小微企业。", (10, 200), (3, 12), (365, 620), "credit", _SHORT, _FLOW, (c.aged(18), c.selling(80), c.few_void_invoices(12)), ("近12个月银行流水",), 3, True),
    Template("科创信用贷", "credit", "面向高新技术企业和科技型中小企业的信用贷款。", (50, 1000), (6, 36), (310, 460), "credit", _LONG, "working_capital raw_materials rd equipment order other", (c.aged(24), c.either(c.high_tech(), c.inventive(1))), ("高新技术企业证书", "研发费用明细"), 5),
    Template("知产质押贷", "ip_pledge", "以专利权、商标权质押，财政贴息与风险补偿支持。", (50, 1000), (6, 36), (315, 470), "ip_pledge", _LONG, "working_capital raw_materials rd equipment order other", (c.aged(24), c.inventive(1)), ("专利证书", "专利登记簿副本"), 10),
    Template("应收账款贷", "receivable", "以已确权的应收账款质押，回款即还。", (20, 2000), (3, 12), (330, 500), "receivable pledge", _SHORT, _FLOW + " export", (c.aged(12), c.selling(300)), ("购销合同", "应收账款确认书"), 5),
    Template("首贷通", "credit", "专为从未获得银行贷款的企业设计，手续从简。", (5, 100), (6, 24), (355, 550), "credit guarantee", _LONG, _ANY, (c.aged(12), c.of_size("micro", "small")), (), 3, True),
    Template("专精特新贷", "credit", "服务专精特新中小企业的中长期信用贷款。", (100, 2000), (12, 36), (300, 430), "credit", _LONG, "working_capital raw_materials rd equipment order other construction", (c.srdi(), c.moderate_debt(75)), ("专精特新认定文件",), 5),
    Template("续贷宝", "credit", "贷款到期前办理，无还本续贷，免去过桥成本。", (20, 1000), (6, 36), (330, 500), "credit mortgage guarantee_company", _SHORT, "refinance working_capital", (c.aged(24), c.rated("AAA AA A BBB BB")), ("原借款合同", "还款记录"), 3),
    Template("设备更新贷", "mortgage", "支持购置设备与技术改造，设备可作抵押。", (50, 3000), (12, 60), (305, 440), "mortgage pledge guarantee_company", "equal_principal equal_instalment", "equipment construction rd", (c.aged(24), c.of_section("BCDEGN", "属于采矿、制造、能源、建筑、运输、环保行业")), ("设备购置合同", "项目备案文件"), 10),
    Template("用电贷", "credit", "依据用电数据授信，适合连续生产的制造企业。", (10, 300), (3, 24), (360, 560), "credit", _SHORT, _FLOW, (c.aged(24), c.of_section("C", "属于制造业"), c.steady_electricity(-15)), ("用电户号授权",), 2, True),
    Template("社保贷", "credit", "依据参保人数和缴费记录授信，支持稳岗扩岗。", (10, 500), (6, 24), (340, 500), "credit", _LONG, _FLOW, (c.aged(18), c.employing(10)), (), 3, True),
    Template("惠农贷", "agri", "面向种养大户、合作社和农产品加工企业。", (5, 300), (6, 36), (345, 560), "credit guarantee guarantee_company", _LONG, _ANY, (c.aged(12), c.either(c.of_section("A", "属于农林牧渔业"), c.leaf("industry_code", "in", ["C1319", "C1331", "C1353", "C1499", "C1530"], "从事农产品加工", "核对登记的行业代码"))), ("土地流转合同或经营场所证明",), 5, True),
    Template("链融贷", "supply_chain", "依托核心企业订单和应付账款，服务上下游中小企业。", (20, 1000), (3, 12), (325, 490), "receivable credit", _SHORT, "working_capital raw_materials order", (c.aged(12), c.selling(200), c.few_void_invoices(15)), ("与核心企业的购销合同",), 4),
    Template("商业价值贷", "credit", "按经营、技术、人才、市场综合评价发放的信用贷款，纳入风险补偿。", (50, 1000), (6, 36), (310, 450), "credit", _LONG, _ANY, (c.aged(24), c.of_size("micro", "small", "medium"), c.rated("AAA AA A BBB")), ("近两年财务报表",), 7),
    Template("园区贷", "guarantee", "园区、银行、担保三方分险，服务园区入驻企业。", (50, 1000), (6, 36), (320, 460), "guarantee_company credit", _LONG, _ANY, (c.aged(12), c.of_section("CIM", "属于制造、软件信息、科研技术行业")), ("园区推荐函",), 7),
    Template("订单贷", "receivable", "凭真实订单和合同放款，专款专用。", (20, 800), (3, 12), (335, 500), "receivable credit", _SHORT, "order raw_materials export", (c.aged(12), c.selling(200), c.growing(-20)), ("订单或中标通知书",), 4),
    Template("外贸贷", "credit", "支持出口备货与收汇周转。", (20, 1000), (3, 12), (315, 470), "credit receivable", _SHORT, "export order raw_materials working_capital", (c.aged(24), c.of_section("CF", "属于制造业或批发零售业"), c.selling(500)), ("出口合同", "报关单"), 5),
    Template("陶瓷产业贷", "credit", "面向陶瓷产业集群企业的特色产品。", (20, 500), (6, 24), (340, 520), "credit mortgage", _LONG, _ANY, (c.aged(18), c.leaf("industry_code", "in", ["C3071", "C3073", "C3074"], "从事陶瓷制造", "核对登记的行业代码")), (), 5),
    Template("文旅贷", "mortgage", "服务景区、酒店、餐饮企业旺季周转与改造。", (20, 1000), (6, 36), (350, 540), "mortgage guarantee credit", _LONG, _ANY, (c.aged(18), c.of_section("HNR", "属于住宿餐饮、旅游、文化行业")), ("经营场所权属或租赁证明",), 6),
    Template("建工履约贷", "receivable", "以工程进度款为还款来源的周转贷款。", (50, 2000), (3, 24), (340, 520), "receivable guarantee", _SHORT, _FLOW, (c.aged(36), c.of_section("E", "属于建筑业"), c.selling(500)), ("施工合同", "工程进度款确认单"), 7),
    Template("物流运费贷", "supply_chain", "以运单和运费结算数据授信。", (10, 300), (3, 12), (360, 560), "credit receivable", _SHORT, _FLOW, (c.aged(12), c.of_section("G", "属于交通运输、仓储业")), ("运输合同",), 3, True),
    Template("商户贷", "credit", "服务批发零售和生活服务小微商户。", (5, 100), (3, 24), (380, 680), "credit guarantee", _LONG, _FLOW, (c.aged(12), c.of_section("FHO", "属于批发零售、住宿餐饮、居民服务业")), ("经营场所证明",), 2, True),
    Template("人才贷", "credit", "面向科技人才创办企业的信用贷款。", (20, 500), (6, 36), (310, 450), "credit", _LONG, "working_capital rd equipment raw_materials other", (c.aged(6), c.of_section("CIM", "属于制造、软件信息、科研技术行业"), c.employing(3)), ("人才认定证明",), 5, True),
    Template("绿色环保贷", "mortgage", "支持污染治理、节能改造和循环经济项目。", (50, 2000), (12, 60), (300, 430), "mortgage guarantee_company credit", _LONG, _ANY, (c.aged(24), c.not_penalised(), c.either(c.of_section("N", "属于环境治理业"), c.leaf("industry_code", "in", ["C3591"], "从事环保设备制造", "核对登记的行业代码"))), ("项目环评批复",), 10),
)
# fmt: on
_BY_NAME = {template.name: position for position, template in enumerate(TEMPLATES)}
# What an institution's kind allows it to begin with; it goes through the list in its own order.
_RANGES: dict[str, tuple[str, ...]] = {
    "policy_bank": ("设备更新贷", "外贸贷", "惠农贷", "绿色环保贷", "专精特新贷"),
    "rural_bank": ("惠农贷", "商户贷", "首贷通", "抵押快贷", "税易贷", "政银担", "续贷宝", "文旅贷"),
    "village_bank": ("惠农贷", "商户贷", "首贷通"),
    "guarantee_company": ("政银担", "园区贷", "惠农贷"),
    "microloan_company": ("商户贷", "流水贷", "首贷通"),
    "leasing_company": ("设备更新贷", "绿色环保贷"),
    "factoring_company": ("应收账款贷",),
    "insurer": ("外贸贷",),
}
_PREMIUM_BP = {"state_bank": 0, "policy_bank": -15, "joint_stock_bank": 15, "city_bank": 30, "rural_bank": 60,
               "village_bank": 110, "guarantee_company": 60, "microloan_company": 480, "leasing_company": 200,
               "factoring_company": 180, "insurer": 40}  # fmt: skip


def _base_conditions(kind: str) -> tuple[c.Tree, ...]:
    """Give what everybody asks for; state banks also look at enforcement."""
    usual = (c.not_dishonest(), c.not_abnormal())
    return (*usual, c.not_executed()) if kind in ("state_bank", "policy_bank", "joint_stock_bank") else usual


def _choose(kind: str, rank: int, count: int) -> list[int]:
    if kind in _RANGES:
        names = _RANGES[kind]
        return [_BY_NAME[names[(rank + step) % len(names)]] for step in range(count)]
    always = [0, 1, 7] if kind != "city_bank" else [0, 2, 7]
    others = [position for position in range(len(TEMPLATES)) if position not in always]
    return always + [others[(rank * 5 + step * 3) % len(others)] for step in range(count - len(always))]


def _make_product(institution: dict[str, Any], template: Template, number: int, rank: int) -> dict[str, Any]:
    kind = institution["kind"]
    premium = _PREMIUM_BP[kind] + rank % 4 * 5
    lowest, highest = template.amounts_wan
    scale = 0.4 if kind in ("village_bank", "microloan_company") else 1 + rank % 3 * 0.25
    published = dt.date(2024, 1, 8) + dt.timedelta(days=(rank * 37 + number * 53) % 240)
    return {
        "code": f"{institution['code']}-{number:02d}",
        "institution_code": institution["code"],
        "name": f"{brands()[institution['code']]}{template.name}",
        "summary": template.summary,
        "kind": template.kind,
        "min_amount_cny": f"{lowest * 10_000}.00",
        "max_amount_cny": f"{max(int(highest * scale) // 10 * 10, lowest * 2) * 10_000}.00",
        "min_term_months": template.terms[0],
        "max_term_months": template.terms[1],
        "rate_min_ratio": f"{(template.rates_bp[0] + premium) / 10_000:.4f}",
        "rate_max_ratio": f"{(template.rates_bp[1] + premium + 20) / 10_000:.4f}",
        "guarantee_kinds": template.guarantees.split(),
        "repayment_methods": template.repayments.split(),
        "purposes": template.purposes.split(),
        "region_codes": institution["region_codes"],
        "processing_days": template.days + (kind == "state_bank"),
        "materials": [*_COMMON_PAPERS, *template.papers],
        "criteria": c.every(*template.criteria, *_base_conditions(kind)),
        "is_first_loan_friendly": template.is_first_loan_friendly,
        "published_on": published.isoformat(),
        "is_synthetic": True,
    }


def make_products() -> list[dict[str, Any]]:
    """All products; the same for every seed. Amounts and rates are decimal texts, rates as ratios per year."""
    counts = product_counts()
    products = []
    for rank, institution in enumerate(make_institutions()):
        chosen = _choose(institution["kind"], rank, counts[institution["code"]])
        products += [
            _make_product(institution, TEMPLATES[position], number, rank)
            for number, position in enumerate(chosen, start=1)
        ]
    return products
