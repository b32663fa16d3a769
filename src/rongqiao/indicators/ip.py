"""Intellectual property, and titles of science and technology."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from rongqiao.indicators.events import dated, declare_event_type, declare_events, is_open, months_back
from rongqiao.indicators.registry import At, Source, indicator

if TYPE_CHECKING:
    from collections.abc import Mapping

RIGHT, TITLE, AWARD = "intellectual_property.ip_right", "science.title", "science.science_award"
KINDS = {
    "invention": ("发明专利", "invention patents"),
    "utility_model": ("实用新型", "utility models"),
    "design": ("外观设计", "designs"),
    "trademark": ("注册商标", "trademarks"),
    "software": ("软件著作权", "software copyrights"),
}
TITLES = {
    "high_tech": ("高新技术企业", "high-tech enterprise"),
    "tech_sme": ("科技型中小企业", "technology-based SME"),
    "innovative": ("创新型中小企业", "innovative SME"),
    "srdi": ("专精特新中小企业", "specialised-and-new SME"),
    "little_giant": ("专精特新“小巨人”", "little giant"),
}


def _prepare_rights(tables: Mapping[str, Any], at: At) -> Any:
    rows = dated(RIGHT, "granted_on", lambda t, at: {"is_valid": is_open(t.expires_on, at)})(tables, at)
    rows = rows.mutate(month_end_on=at.end_on)
    left = rows.expires_on.delta(rows.month_end_on, unit="day")
    return rows.mutate(left_days=left, is_pledged_now=rows.is_valid & rows.is_pledged.fill_null(False))


RIGHTS = Source("ip_right", (RIGHT,), "event", _prepare_rights)


def _valid(kind: str) -> Any:
    return lambda t: (t.kind == kind) & t.is_valid


for _kind, (_title, _title_en) in KINDS.items():
    declare_events(
        RIGHTS, consent_class="public_technology", id=f"ip_{_kind}_valid_count", title=f"有效{_title}数", title_en=f"Valid {_title_en}", formula="统计月末未到期的件数", where=_valid(_kind),
        direction="higher_better",
    )  # fmt: skip
declare_events(
    RIGHTS, consent_class="public_technology", id="ip_granted_m36_count", title="近36个月新增知识产权数", title_en="Intellectual property granted in 36 months", formula="授权日在窗口内的件数", window=36,
    direction="higher_better",
)  # fmt: skip
declare_events(
    RIGHTS, consent_class="public_technology", id="ip_invention_granted_m36_count", title="近36个月新增发明专利数", title_en="Invention patents granted in 36 months", formula="授权日在窗口内的发明专利件数",
    window=36, where=lambda t: t.kind == "invention", direction="higher_better",
)  # fmt: skip
declare_events(
    RIGHTS, consent_class="public_technology", id="ip_pledged_open_count", title="已质押知识产权数", title_en="Intellectual property under pledge", formula="有效且已质押的件数",
    where=lambda t: t.is_pledged_now, direction="neutral",
)  # fmt: skip


@indicator(
    id="ip_patent_left_avg_days", title="有效专利平均剩余天数", title_en="Mean days left of valid patents", theme="ip", source=RIGHTS, direction="higher_better",
    formula="有效发明、实用新型、外观设计至到期日天数的均值；没有专利为不适用", null_policy="missing",
    consent_class="public_technology",
)  # fmt: skip
def _patent_left(t: Any) -> Any:
    return t.left_days.mean(where=t.kind.isin(("invention", "utility_model", "design")) & t.is_valid)


def _prepare_titles(tables: Mapping[str, Any], at: At) -> Any:
    rows = dated(TITLE, "granted_on", lambda t, at: {"is_valid": is_open(t.expires_on, at)})(tables, at)
    return rows.mutate(left_months=-months_back(rows.expires_on, at))


HONOURS = Source("title", (TITLE,), "event", _prepare_titles)


def _holds(kind: str) -> Any:
    return lambda t: (t.title_kind == kind) & t.is_valid


for _kind, (_title, _title_en) in TITLES.items():
    declare_events(
        HONOURS, consent_class="public_technology", id=f"title_{_kind}_flag", title=f"有效{_title}", title_en=f"Valid title: {_title_en}", formula="统计月末资质有效为1", where=_holds(_kind),
        flag=True, direction="higher_better",
    )  # fmt: skip
declare_events(
    HONOURS, consent_class="public_technology", id="title_valid_count", title="有效科技资质数", title_en="Valid titles of science and technology", formula="统计月末有效的资质数", where=lambda t: t.is_valid,
    direction="higher_better",
)  # fmt: skip


@indicator(
    id="title_left_min_months", title="最近到期资质剩余月数", title_en="Months left of the title that ends first", theme="ip", source=HONOURS, direction="higher_better",
    formula="有效资质中最早到期者的剩余月数；没有资质为不适用", null_policy="missing", consent_class="public_technology",
)  # fmt: skip
def _title_left(t: Any) -> Any:
    return t.left_months.min(where=t.is_valid)


_declare = partial(declare_event_type, direction="higher_better", consent_class="public_technology")
_declare(
    RIGHTS, id="ip_invention_granted", title="发明专利授权", title_en="Invention patents granted", dated_by="授权日期",
    where=lambda t: t.kind == "invention", without=("m36",),
)  # fmt: skip
_declare(
    RIGHTS, id="ip_other_granted", title="其他知识产权授权", title_en="Other intellectual property granted", dated_by="授权日期",
    where=lambda t: t.kind != "invention", is_open=lambda t: t.is_valid, open_title="有效其他知识产权数", open_title_en="Other valid intellectual property",
    open_formula="发明专利以外、统计月末未到期的件数",
)  # fmt: skip
_declare(HONOURS, id="title_granted", title="取得科技资质", title_en="Titles granted", dated_by="认定日期")
AWARDS = Source("science_award", (AWARD,), "event", dated(AWARD, "awarded_on"))
_declare(AWARDS, id="ip_award", title="获科学技术奖", title_en="Science awards", dated_by="授奖日期")
