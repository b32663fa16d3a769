"""What stands behind the number of patents: value, origin, breadth, transfers, pledges, and platforms of research."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import ibis

from rongqiao.indicators.events import dated, declare_events, is_open
from rongqiao.indicators.registry import At, Source, indicator
from rongqiao.indicators.series import divide

if TYPE_CHECKING:
    from collections.abc import Mapping

PATENT, ASSIGNMENT, PLEDGE, PLATFORM = (
    "intellectual_property.patent", "intellectual_property.patent_assignment", "intellectual_property.ip_pledge", "science.research_platform",
)  # fmt: skip
CONSENT = "public_technology"
LEVELS = {"central": 4, "province": 3, "prefecture": 2, "county": 1}
#: Letters of the international classification that name a subclass, such as C04B.
SUBCLASS = 4


def _prepare_patents(tables: Mapping[str, Any], at: At) -> Any:
    """Patents in force at the end of the month."""
    rows = tables[PATENT]
    return rows.filter(
        (rows.granted_on <= at.end_on) & (rows.legal_status == "valid") & is_open(rows.ended_on, at)
    )


PATENTS = Source("patent", (PATENT,), "event", _prepare_patents)
_declare = partial(declare_events, PATENTS, direction="higher_better", consent_class=CONSENT)
_declare(
    id="ip_invention_high_value_count", title="高价值发明专利数", title_en="High-value inventions", formula="统计月末有效且认定为高价值的发明专利件数",
    where=lambda t: (t.patent_kind == "invention") & t.is_high_value.fill_null(False),
)  # fmt: skip
_declare(
    id="ip_patent_cited_count", title="有效专利被引次数", title_en="Citations of valid patents", formula="统计月末有效专利的被引次数合计，未提供的不计", amount="cited_count",
)  # fmt: skip


@indicator(
    id="ip_patent_bought_ratio", title="受让专利占比", title_en="Share of valid patents that were bought", theme="ip", source=PATENTS, direction="lower_better",
    formula="由他人转让取得的有效专利÷取得方式已知的有效专利；没有专利为不适用", null_policy="missing", consent_class=CONSENT,
)  # fmt: skip
def _bought(t: Any) -> Any:
    return t.is_bought.cast("int32").mean()


def _prepare_classes(tables: Mapping[str, Any], at: At) -> Any:
    rows = _prepare_patents(tables, at)
    rows = rows.mutate(subclass=rows.ipc.substr(0, SUBCLASS)).filter(rows.ipc.notnull())
    return rows.group_by("enterprise_id", "subclass").aggregate(patents=rows.count())


CLASSES = Source("patent_class", (PATENT,), "event", _prepare_classes)


@indicator(
    id="ip_patent_class_hhi_ratio", title="专利技术集中度（HHI）", title_en="Valid patents, concentration on classes (HHI)", theme="ip", source=CLASSES, direction="neutral",
    formula="有效专利在国际专利分类小类间占比的平方和；没有分类的专利不计，没有专利为不适用", null_policy="missing", consent_class=CONSENT,
)  # fmt: skip
def _concentration(t: Any) -> Any:
    return divide((t.patents * t.patents).sum(), t.patents.sum() * t.patents.sum())


def _has_role(role: str, t: Any) -> Any:
    return (t.transfer_role == role) & (t.back >= 0)


ASSIGNMENTS = Source("patent_assignment", (ASSIGNMENT,), "event", dated(ASSIGNMENT, "registered_on"))
for _role, _measure, _title, _title_en in (
    ("assignor", "sold", "转出", "Patents assigned to others"),
    ("assignee", "acquired", "转入", "Patents taken over from others"),
):
    declare_events(
        ASSIGNMENTS, id=f"ip_patent_{_measure}_m36_count", title=f"近36个月{_title}专利件数", title_en=f"{_title_en} in 36 months", formula="变更登记日在窗口内的件数",
        window=36, where=partial(_has_role, _role), direction="neutral", consent_class=CONSENT,
    )  # fmt: skip

PLEDGES = Source(
    "ip_pledge", (PLEDGE,), "event",
    dated(PLEDGE, "registered_on", lambda t, at: {"is_open": is_open(t.cancelled_on, at)}),
)  # fmt: skip
declare_events(
    PLEDGES, id="ip_pledge_secured_open_cny", title="知识产权质押担保债权余额", title_en="Claims secured by intellectual property", formula="未注销质押的担保债权数额合计，未载明的不计",
    where=lambda t: t.is_open & (t.back >= 0), amount="secured_claim_cny", direction="neutral", consent_class="real_estate",
)  # fmt: skip


def _prepare_platforms(tables: Mapping[str, Any], at: At) -> Any:
    rows = tables[PLATFORM]
    rows = rows.filter((rows.recognised_on <= at.end_on) & is_open(rows.revoked_on, at))
    return rows.mutate(
        rank=ibis.cases(*((rows.level == name, number) for name, number in LEVELS.items()), else_=None)
    )


PLATFORMS = Source("research_platform", (PLATFORM,), "event", _prepare_platforms)


@indicator(
    id="ip_platform_level", title="研发平台最高级别（4为国家级，1为县级）", title_en="Highest level of research platforms (4 is national)", theme="ip", source=PLATFORMS, direction="higher_better",
    formula="未撤销的研发平台最高级别：国家=4 省=3 市=2 县=1；没有平台为不适用", null_policy="missing", consent_class=CONSENT, bounds=(1.0, 4.0),
)  # fmt: skip
def _platform(t: Any) -> Any:
    return t["rank"].max()
