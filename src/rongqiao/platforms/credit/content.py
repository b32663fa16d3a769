"""What a credit report says: sections of figures, each with status, time, source and freshness; no I/O but reads of titles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rongqiao.bases.enterprises.figures import group_figures, tidy
from rongqiao.bases.enterprises.models import SourceStatus
from rongqiao.contracts.catalog import consent_data_classes, consent_purposes, industries, regions
from rongqiao.contracts.standards import load_contracts
from rongqiao.indicators.shown_series import SERIES
from rongqiao.indicators.value_words import STATUSES
from rongqiao.kernel.money import format_cny

if TYPE_CHECKING:
    from rongqiao.accounts.models import Organisation
    from rongqiao.bases.enterprises.figures import ThemeFigures
    from rongqiao.bases.enterprises.portraits import PortraitView

TEMPLATE = "2026-1"
DISCLAIMER = (
    "本报告依据企业授权和公共数据生成，仅供融资审查参考，不构成对融资结果的承诺；是否授信由金融机构独立决定。"
)
REGISTRY = "market_regulation.registry"

#: Section id → (title, themes of indicators, contracts whose events are listed).
SECTIONS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "registration": (
        "登记、变更与年报",
        ("registration", "finance"),
        ("market_regulation.change", "market_regulation.listing"),
    ),
    "tax": ("纳税", ("tax",), ("taxation.tax_grade",)),
    "invoices": ("发票", ("invoice", "vat"), ()),
    "social_insurance": ("社会保险", ("social",), ()),
    "utilities": ("水电气", ("utility",), ()),
    "judicial": ("司法", ("judicial",), ("court.judicial_case",)),
    "penalties": ("行政处罚", ("regulatory",), ("market_regulation.penalty",)),
    "ip_titles": ("知识产权与资质荣誉", ("ip",), ("intellectual_property.ip_right", "science.title")),
    "financing": ("融资表现", ("financing",), ()),
}
SECTION_OF_SERIES = {
    "taxation.tax_filing": "tax",
    "taxation.invoice_summary": "invoices",
    "human_resources.social_insurance": "social_insurance",
    "utilities.utility_usage": "utilities",
}


def build_content(view: PortraitView, *, recipient: Organisation, purpose: str) -> dict[str, Any]:
    """Put a portrait, masked for its reader, into the form of a report.

    The content depends on the portrait, the reader's authorisation and the template alone, never on the clock: the
    same data under the same consent give the same bytes.
    """
    delivered = {
        key: day.isoformat() if day else None
        for key, day in SourceStatus.objects.values_list("contract_id", "delivered_on")
    }
    themes = {theme.id: theme for theme in group_figures(view)}
    # Only where there is a dispute, so that a report without one reads as ever.
    disputed = {"marks": [mark.as_dict() for mark in view.marks]} if view.marks else {}
    return disputed | {
        "template": TEMPLATE,
        "title": "企业信用报告",
        "as_of": view.as_of,
        "known_at": view.known_at.isoformat(),
        "recipient": recipient.name,
        "purpose": purpose,
        "purpose_title": consent_purposes()[purpose].title,
        "basis": view.basis,
        "consent": str(view.consent.pk) if view.consent else None,
        "data_classes": [
            {"id": key, "title": consent_data_classes()[key].title} for key in view.data_classes
        ],
        "sections": [
            {
                "id": "identity",
                "title": "主体信息",
                "fields": _identity(view, delivered),
                "figures": [],
                "series": [],
                "events": [],
            },
            *(_section(key, themes, view, delivered) for key in SECTIONS),
        ],
        "rating": rating_content(view),
        "method": _method(view),
        "limits": _limits(view, delivered),
        "disclaimer": DISCLAIMER,
    }


def _identity(view: PortraitView, delivered: dict[str, str | None]) -> list[dict[str, Any]]:
    firm = view.enterprise
    industry = industries().get(firm.industry_code[1:])
    region = regions().get(firm.county_code)
    answers = {
        "企业名称": firm.name,
        "统一社会信用代码": firm.uscc,
        "企业类型": firm.legal_form,
        "登记状态": firm.status,
        "行业": f"{firm.industry_code} {industry.name}" if industry else firm.industry_code,
        "所在区县": region.name if region else firm.county_code,
        "住所": firm.address,
        "法定代表人": firm.legal_rep_name,
        "成立日期": firm.established_on.isoformat() if firm.established_on else "",
        "注册资本": format_cny(firm.registered_capital_cny)
        if firm.registered_capital_cny is not None
        else "",
    }
    return [
        {
            "title": title,
            "text": text or "—",
            "status": "ok" if text else "missing",
            "status_title": STATUSES["ok" if text else "missing"],
            "source": REGISTRY,
            "source_title": load_contracts()[REGISTRY].title,
            "delivered_on": delivered.get(REGISTRY),
        }
        for title, text in answers.items()
    ]


def _section(
    key: str, themes: dict[str, ThemeFigures], view: PortraitView, delivered: dict[str, str | None]
) -> dict[str, Any]:
    title, wanted, contracts = SECTIONS[key]
    figures = [
        {**figure.as_dict(), "as_of": view.as_of}
        for theme in wanted
        if theme in themes
        for figure in themes[theme].figures
    ]
    series = [
        {
            "id": each.id,
            "title": each.title,
            "unit": each.unit,
            "source": each.contract_id,
            "delivered_on": delivered.get(each.contract_id),
            "points": [[int(month), tidy(value)] for month, value in view.series[each.id]],
        }
        for each in SERIES
        if SECTION_OF_SERIES[each.contract_id] == key and each.id in view.series
    ]
    events = [
        {**event, "amount_cny": tidy(event.get("amount_cny"))}
        for event in view.events
        if event["source"] in contracts
    ]
    return {"id": key, "title": title, "fields": [], "figures": figures, "series": series, "events": events}


def rating_content(view: PortraitView) -> dict[str, Any]:
    """Print the comprehensive rating for a report: score, grade and probability are null where none was given."""
    texts = {
        "ok": f"综合评价 {view.grade}（{tidy(view.score)} 分）",
        "missing": "数据覆盖不足，未作评价。未评价不代表信用不良。",
        "not_authorised": "评价所依据的部分数据未获授权，不予显示。",
    }
    return {
        "status": view.rating_status,
        "status_title": STATUSES[view.rating_status],
        "text": texts[view.rating_status],
        "score": tidy(view.score),
        "grade": view.grade or None,
        "default_probability": tidy(view.default_probability),
        "coverage_ratio": tidy(view.coverage_ratio),
        "coverage_text": f"{view.coverage_ratio * 100:.0f}%",
        "reasons": [
            {
                "indicator": reason.get("indicator", ""),
                "text": reason.get("text", ""),
                "points": tidy(reason.get("points")),
                "max_points": tidy(reason.get("max_points")),
            }
            for reason in view.reasons
        ],
        "model": view.model,
    }


def _method(view: PortraitView) -> list[str]:
    return [
        "数据由各部门按数据标准报送，经检验、清洗后入库；不合格的记录进入隔离区，不参与计算。",
        f"指标按公式由入库记录计算，数据截至 {view.as_of // 100}-{view.as_of % 100:02d}，以 {view.known_at} 前已收到的报送为限。",
        f"综合评价由评分模型 {view.model or '（未作评价）'} 给出，分值0至1000，列明各项得分与满分；覆盖率为有值指标所占比例。",
        "每个数值可追溯至报送批次、文件、行号、文件摘要和防篡改账本中的位置。",
    ]


def _limits(view: PortraitView, delivered: dict[str, str | None]) -> list[str]:
    contracts = load_contracts()
    hidden = [each.title for key, each in consent_data_classes().items() if key not in view.data_classes]
    never = [contracts[key].title for key, day in delivered.items() if day is None and key in contracts]
    limits = ["缺数据、数据过期和未授权的均照实标明，不以零代替，也不推定为不利。"]
    if hidden:
        limits.append(f"未获授权、不予显示的数据类别：{'、'.join(hidden)}。")
    if never:
        limits.append(f"尚未收到报送的数据源：{'、'.join(sorted(never))}。")
    limits.append(
        "企业对内容有异议的，可向平台提出，平台自收到之日起20日内书面答复（《征信业管理条例》第二十五条）。"
    )
    return limits
