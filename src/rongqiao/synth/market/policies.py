"""Policies of the synthetic market: real national and provincial documents with their sources, and invented local ones.

Real documents carry document number and source and ``is_synthetic`` false; dates that the source does not give are
null. Local ones are invented for the demonstration, say so in title and number, and have no source.
"""

from __future__ import annotations

from typing import Any

from rongqiao.contracts.catalog import regions
from rongqiao.synth.market import conditions as c

_LRB = "条文见公开文本；本平台仅作摘要，以发文机关公布的正式文本为准。"

# title, issuer, document number, region, from, summary, benefit, source
_REAL: tuple[tuple[str, str, str, str, str | None, str, str, str], ...] = (
    ("加强信用信息共享应用促进中小微企业融资实施方案", "国务院办公厅", "国办发〔2021〕52号", "", "2021-12-22", "明确企业信用信息共享清单和“信易贷”模式，要求分级分类、保护企业权益。", "以信用信息共享提高信用贷款可得性", "国务院办公厅文件，2021年12月22日"),
    ("统筹融资信用服务平台建设提升中小微企业融资便利水平实施方案", "国务院办公厅", "国办发〔2024〕15号", "", "2024-03-28", "整合地方平台，一地一平台、一个数据出口，扩大共享信息范围，基础服务免费。", "基础信息服务免费；银行反馈放贷结果", "国务院办公厅文件，2024年"),
    ("支持小微企业融资协调工作机制", "国家金融监督管理总局、国家发展改革委", "金发〔2024〕32号", "", None, "区县专班走访，形成申报清单与推荐清单；材料齐全后银行30日内作出授信决定，未授信须说明原因。", "银行限时答复，未授信说明原因", "https://news.qq.com/rain/a/20241120A07HX500"),
    ("关于做好续贷工作提高小微企业金融服务水平的通知", "国家金融监督管理总局", "金规〔2024〕13号", "", None, "续贷对象扩大到全部小微企业，中型企业流动资金贷款阶段性参照；符合条件的续贷可不调低风险分类。", "符合条件的贷款到期可无还本续贷", "https://ccqsccj.com/fangchan/fangchanxinwen/326.html"),
    ("优质中小企业梯度培育管理办法", "工业和信息化部", "工信部企业〔2026〕2号", "", "2026-04-01", "科技和创新型、专精特新、小巨人三级培育，替代2022年暂行办法，认定有效期三年。", "获评企业可优先享受融资与财政支持", "miit.gov.cn/jgsj/qyj/wjfb/art/2026/art_2aa4981e3c9248379bc210c62dbb0569.html"),
    ("中小企业划型标准规定", "工业和信息化部等四部门", "工信部联企业〔2011〕300号", "", "2011-06-18", "按行业以从业人员、营业收入、资产总额划分大中小微型企业。", "确定普惠金融与财政政策适用对象", "工信部联企业〔2011〕300号"),
    ("信用修复管理办法", "国家发展和改革委员会", "国家发展改革委令第36号", "", "2026-04-01", "按轻微、一般、严重规定公示期限与修复条件；修复后平台须停止共享并更新评分。", "修复后不再影响融资评价", "Theonefkguy/Chinese-Laws 部门规章/国家发展和改革委员会/信用修复管理办法"),
    ("征信业务管理办法", "中国人民银行", "中国人民银行令〔2021〕第4号", "", "2022-01-01", "规范信用信息采集、整理、提供；评分应可解释、可追溯；金融机构不得与无资质机构合作获取征信服务。", "企业有权查询、异议与更正", "Theonefkguy/Chinese-Laws 部门规章/中国人民银行/征信业务管理办法(2021-09-27).md"),
    ("征信业管理条例", "国务院", "国务院令第631号", "", "2013-03-15", "异议立即标注，二十日内核查答复；不良信息有保存期限。", "异议二十日内书面答复", "LawRefBook/Laws 行政法规/征信业管理条例(2013-01-21).md"),
    ("商业银行金融资产风险分类办法", "原中国银保监会、中国人民银行", "2023年第1号令", "", "2023-07-01", "逾期与五级分类的最低标准：逾期超90天至少次级，超270天可疑，超360天损失。", "风险分类口径统一", "Theonefkguy/Chinese-Laws 部门规章/国家金融监督管理总局/商业银行金融资产风险分类办法(2023-02-11).md"),
    ("关于规范供应链金融业务引导供应链信息服务机构更好服务中小企业融资有关事宜的通知", "中国人民银行等六部门", "银发〔2025〕77号", "", "2025-06-15", "应收账款电子凭证付款期限原则上六个月以内，最长一年；核心企业不得拖欠。", "缩短账期，凭证融资更规范", "https://www.donews.com/news/detail/8/5121936.html"),
    ("关于进一步支持专精特新中小企业高质量发展的通知", "财政部、工业和信息化部", "财建〔2024〕148号", "", None, "中央财政支持重点小巨人企业，三年合计约六百万元。", "重点小巨人企业财政奖补", "财建〔2024〕148号（转引自公开政策数据）"),
    ("湖南省中小企业商业价值信用贷款风险补偿管理办法", "湖南省工业和信息化厅等", "湘工信中小服务〔2026〕59号", "43", "2026-02-11", "按经营、技术、人才、市场综合评价企业商业价值；贷款期限三年以内，以湘企融为依托平台。", "财政风险补偿分担银行本金损失", "https://www.hunantoday.cn/news/xhn/202602/31619295.html"),
    ("湖南省潇湘财银贷政策", "湖南省财政厅等", "湘财金〔2024〕23号", "43", None, "财银合作贷款，县市以资金池和白名单推进。", "名单内企业优先获贷", "湘财金〔2024〕23号（转引自公开报道）"),
    ("湖南省加强信用信息共享应用促进中小微企业融资工作方案", "湖南省发展和改革委员会", "湘发改财信规〔2022〕615号", "43", None, "建设省级融资信用服务平台，归集纳税、社保、水电气等信息。", "凭授权共享公共信用信息", "http://da.gov.cn/da/yhsjzctd/202212/a9003af51ae8485d91bd5d149ea3ae0c.shtml"),
    ("湖南省企业融资综合信用服务三年行动计划（2024—2026年）", "湖南省发展和改革委员会等六部门", "湘发改财信规〔2024〕539号", "43", "2024-11-07", "拓展信用数据、联合建模、特色子平台和首贷续贷服务。", "扩大信用贷款与首贷覆盖面", "http://fgw.hunan.gov.cn/fgw/xxgk_70899/ghjh/202411/t20241107_33494600.html"),
    ("湖南省科技型企业知识价值信用贷款风险补偿政策（2025年）", "湖南省科学技术厅等六部门", "", "43", "2025-06-16", "支持科技活动的三年以内纯信用或担保贷款，省与实施地区按有限补偿原则补偿不良本金。", "不良贷款本金有限补偿", "公开报道，2025年6月16日起"),
    ("企业贷款综合融资成本明示（贷款明白纸）试点", "中国人民银行", "", "43", "2024-09-01", "湖南为五个试点省份之一；逐项列明利息、担保、评估、登记等费用及收取方。", "融资总成本一纸看清", "http://www.cctv-cmpany.net/nav1/100818.html"),
)  # fmt: skip

# topic, benefit, months in force, conditions
_TOPICS: tuple[tuple[str, str, str, int, tuple[c.Tree, ...]], ...] = (
    ("首次贷款贴息", "对首次获得银行贷款的小微企业，按实付利息的30%贴息，每户不超过3万元。", "贴息30%，每户最高3万元", 24, (c.of_size("micro", "small"), c.aged(6), c.not_dishonest())),
    ("科技型企业贷款贴息", "对高新技术企业或拥有有效发明专利的企业贷款，给予年化1个百分点贴息。", "贴息1个百分点，每户最高20万元", 24, (c.either(c.high_tech(), c.inventive(1)), c.not_dishonest())),
    ("专精特新企业融资奖补", "对专精特新中小企业新增信用贷款，按贷款额1%奖补。", "奖补1%，每户最高15万元", 36, (c.srdi(), c.not_penalised())),
    ("设备更新贷款贴息", "对制造业企业购置设备贷款贴息1.5个百分点，期限不超过两年。", "贴息1.5个百分点，最长两年", 24, (c.of_section("C", "属于制造业"), c.selling(300))),
    ("担保费补贴", "对政府性融资担保机构服务小微企业的担保费，按0.5个百分点补贴。", "担保费补贴0.5个百分点", 36, (c.of_size("micro", "small"), c.not_abnormal())),
    ("稳岗扩岗专项支持", "对参保人数稳定的企业，优先推荐稳岗扩岗专项贷款。", "优先推荐，利率优惠", 18, (c.employing(10), c.not_dishonest())),
    ("特色农业贷款贴息", "对农业企业和合作社的生产性贷款，按利息的40%贴息。", "贴息40%，每户最高10万元", 24, (c.of_section("A", "属于农林牧渔业"), c.aged(12))),
    ("转贷应急资金", "对贷款到期、生产经营正常的企业提供短期周转资金，日费率不超过万分之三。", "最长15天周转，费率减半", 36, (c.aged(24), c.no_tax_arrears(), c.not_executed())),
)  # fmt: skip


def _real() -> list[dict[str, Any]]:
    keys = (
        "title",
        "issuer",
        "document_no",
        "region_code",
        "effective_from",
        "summary",
        "benefit",
        "source_url",
    )
    return [
        {
            **dict(zip(keys, row, strict=True)),
            "effective_to": None,
            "source_note": _LRB,
            "criteria": c.every(c.not_dishonest()),
            "is_synthetic": False,
        }
        for row in _REAL
    ]


def _local() -> list[dict[str, Any]]:
    """Three or two invented policies for each prefecture."""
    known = sorted((code, region.name) for code, region in regions().items() if len(code) == 4)
    policies = []
    for rank, (code, name) in enumerate(known):
        for step in range(3 if rank % 2 == 0 else 2):
            topic, summary, benefit, months, conditions = _TOPICS[(rank * 3 + step * 5) % len(_TOPICS)]
            year = 2025 if step != 1 else 2026
            until = year * 12 + months
            policies.append(
                {
                    "title": f"{name}{topic}实施细则（示例）",
                    "issuer": f"{name}财政局（示例）",
                    "document_no": f"示财金〔{year}〕{rank * 3 + step + 1}号",
                    "region_code": code,
                    "effective_from": f"{year}-01-01",
                    "effective_to": f"{until // 12 - 1}-12-31" if until % 12 == 0 else f"{until // 12}-06-30",
                    "summary": f"{summary}本政策为演示数据，不是真实文件。",
                    "benefit": benefit,
                    "source_url": "",
                    "source_note": "演示用虚构政策",
                    "criteria": c.every(c.located(code, name), *conditions),
                    "is_synthetic": True,
                }
            )
    return policies


def make_policies() -> list[dict[str, Any]]:
    """All policies, real ones first; the same for every seed."""
    return [
        {"code": f"P{number:03d}", **policy} for number, policy in enumerate([*_real(), *_local()], start=1)
    ]
