"""Who an enterprise is beyond its registration: holders, offices, permits, grades that departments give, place in a chain."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import ibis

from rongqiao.indicators.events import declare_events, is_open, lowest_of_last_day, months_back
from rongqiao.indicators.finance import OLDEST_YEARS
from rongqiao.indicators.registry import At, Source, indicator
from rongqiao.indicators.series import divide

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BRANCH, INVESTMENT, HOLDER = (
    "market_regulation.branch", "market_regulation.outward_investment", "market_regulation.shareholder",
)  # fmt: skip
PERMIT, DISCLOSURE, STAFF = (
    "market_regulation.administrative_licence", "market_regulation.annual_disclosure", "human_resources.skilled_staff",
)  # fmt: skip
CHAIN, INCUBATION, CAPITAL = "industry.chain_node", "science.incubation", "local_finance.equity_financing"
PUBLIC = "public_registration"
LIVE = "存续"
EXPIRING_MONTHS = 6
GRADED_MONTHS = 36
ROLES = {"core": 3, "key": 2, "supporting": 1}
#: How near to a stock exchange: money raised, regional board, on the reserve list, third board, tutoring filed.
STAGES = {"angel": 1, "a": 1, "b": 1, "later": 1, "board": 2, "reserve": 3, "neeq": 4, "tutoring": 5}


def live(contract_id: str, begun: str, *ended: str) -> Callable[[Mapping[str, Any], At], Any]:
    """Rows that had begun by the end of the month and not ended."""

    def prepare(tables: Mapping[str, Any], at: At) -> Any:
        rows = tables[contract_id]
        rows = rows.filter(rows[begun] <= at.end_on)
        for column in ended:
            rows = rows.filter(is_open(rows[column], at))
        return rows

    return prepare


def newest_year(
    contract_id: str, column: str, filed: str | None = None
) -> Callable[[Mapping[str, Any], At], Any]:
    """Rows of an enterprise's newest year, at most two years old; filed by the end of the month where there is such a date."""

    def prepare(tables: Mapping[str, Any], at: At) -> Any:
        rows = tables[contract_id]
        if filed:
            rows = rows.filter((rows[filed] <= at.end_on) | rows[filed].isnull())
        rows = rows.filter(
            (rows[column] >= at.as_of // 100 - OLDEST_YEARS) & (rows[column] <= at.as_of // 100)
        )
        newest = rows[column].max().over(ibis.window(group_by="enterprise_id"))
        return rows.mutate(newest=newest).filter(ibis._[column] == ibis._.newest)

    return prepare


def ranked(column: Any, ranks: Mapping[str, int]) -> Any:
    """Rank of a code; null for one that has none."""
    return ibis.cases(*((column == name, rank) for name, rank in ranks.items()), else_=None)


BRANCHES = Source("branch", (BRANCH,), "event", live(BRANCH, "established_on", "cancelled_on"))
declare_events(
    BRANCHES, id="profile_branch_open_count", title="存续分支机构数", title_en="Branches in business", formula="统计月末登记状态为存续的分支机构数",
    where=lambda t: t.status == LIVE, direction="neutral", consent_class=PUBLIC,
)  # fmt: skip
INVESTMENTS = Source(
    "outward_investment", (INVESTMENT,), "event", live(INVESTMENT, "invested_on", "exited_on")
)
declare_events(
    INVESTMENTS, id="profile_investee_open_count", title="对外投资企业数", title_en="Enterprises invested in", formula="统计月末未退出的被投资企业数",
    where=lambda t: t.investee_uscc.notnull(), direction="neutral", consent_class=PUBLIC,
)  # fmt: skip

HOLDERS = Source("shareholder", (HOLDER,), "latest", live(HOLDER, "invested_on", "exited_on"))
_declare = partial(indicator, theme="profile", source=HOLDERS, direction="neutral", consent_class=PUBLIC)


@_declare(
    id="profile_holder_count", title="股东数", title_en="Shareholders", formula="统计月末未退出的股东数，发起人以外的不登记",
)  # fmt: skip
def _holders(t: Any) -> Any:
    return t.shareholder_name.nunique()


@_declare(
    id="profile_top_holder_ratio", title="第一大股东持股比例", title_en="Largest shareholder's share", formula="统计月末未退出股东持股比例的最大值；有一人比例未载明即为缺失",
)  # fmt: skip
def _top_holder(t: Any) -> Any:
    return ibis.ifelse(t.share_ratio.count() == t.count(), t.share_ratio.max(), None)


@_declare(
    id="profile_personal_control_flag", title="自然人控制", title_en="Controlled by a natural person", formula="认定的实际控制股东中有自然人为1，没有为0；没有认定控制人为缺失",
)  # fmt: skip
def _personal(t: Any) -> Any:
    return (t.shareholder_kind == "natural_person").cast("int32").max(where=t.controls)


def _prepare_permits(tables: Mapping[str, Any], at: At) -> Any:
    rows = live(PERMIT, "granted_on", "expires_on", "revoked_on")(tables, at)
    return rows.filter(rows.status == "valid").mutate(left=-months_back(rows.expires_on, at))


PERMITS = Source("administrative_licence", (PERMIT,), "event", _prepare_permits)
declare_events(
    PERMITS, id="profile_permit_valid_count", title="有效行政许可数", title_en="Valid permits", formula="统计月末有效、未到期的市场监管许可件数",
    where=lambda t: t.licence_no.notnull(), direction="higher_better", consent_class="public_regulation",
)  # fmt: skip
declare_events(
    PERMITS, id="profile_permit_expiring_m6_count", title="未来6个月到期许可数", title_en="Permits that expire within 6 months", formula="统计月末有效、到期日在其后6个月内的许可件数",
    where=lambda t: t.left <= EXPIRING_MONTHS, consent_class="public_regulation",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Grade:
    """A grade that a department gives from time to time; the best has the highest rank."""

    measure: str
    contract: str
    title: str
    title_en: str
    words: str
    ranks: Mapping[str, int]


def _declare_grade(grade: _Grade) -> None:
    def prepare(tables: Mapping[str, Any], at: At) -> Any:
        rows = tables[grade.contract]
        rows = rows.mutate(back=months_back(rows.evaluated_on, at), rank_of=ranked(rows.grade, grade.ranks))
        return rows.filter((rows.evaluated_on <= at.end_on) & (ibis._.back < GRADED_MONTHS))

    # Whoever was not evaluated has no grade: the departments choose whom they look at.
    indicator(
        id=f"profile_{grade.measure}_level", title=f"{grade.title}（{grade.words}）", title_en=grade.title_en, theme="profile",
        source=Source(grade.contract.split(".")[1], (grade.contract,), "event", prepare), direction="higher_better",
        formula=f"近36个月最近一次公布的等级，同日多次的取最低：{grade.words}；没有评价为不适用", version="2", window=GRADED_MONTHS, null_policy="missing",
        consent_class="public_regulation", bounds=(1.0, float(max(grade.ranks.values()))),
    )(lambda t: lowest_of_last_day(t.rank_of, t.evaluated_on))  # fmt: skip


for _grade in (
    _Grade(
        "environment_credit", "ecology.environment_credit", "环境信用等级", "Environmental credit (4 is the best)", "诚信4 良好3 警示2 不良1",
        {"green": 4, "blue": 3, "yellow": 2, "red": 1},
    ),
    _Grade(
        "labour_credit", "human_resources.labour_credit", "劳动保障守法诚信等级", "Credit in labour law (3 is the best)", "A级3 B级2 C级1",
        {"A": 3, "B": 2, "C": 1},
    ),
    _Grade(
        "public_credit", "development_reform.public_credit_evaluation", "公共信用综合评价等级", "Public credit evaluation (4 is the best)", "优4 良3 中2 差1",
        {"excellent": 4, "good": 3, "medium": 2, "poor": 1},
    ),
):  # fmt: skip
    _declare_grade(_grade)

CUSTOMS = "customs.customs_registration"
CUSTOMS_RANKS = {"aeo": 3, "regular": 2, "dishonest": 1}
AT_CUSTOMS = Source(
    "customs_registration", (CUSTOMS,), "event", live(CUSTOMS, "registered_on", "cancelled_on")
)


@indicator(
    id="profile_customs_credit_level", title="海关信用等级（高级认证3 常规2 失信1）", title_en="Customs credit (3 is advanced certification)", theme="profile", source=AT_CUSTOMS, direction="higher_better",
    formula="未注销的海关备案中最低的信用等级：高级认证3 常规2 失信1；没有备案为不适用", null_policy="missing", consent_class="public_regulation", bounds=(1.0, 3.0),
)  # fmt: skip
def _customs(t: Any) -> Any:
    return ranked(t.credit_level, CUSTOMS_RANKS).min()


INCUBATED = Source(
    "incubation", (INCUBATION,), "event", live(INCUBATION, "entered_on", "graduated_on", "left_on")
)
declare_events(
    INCUBATED, id="profile_incubated_flag", title="在孵企业", title_en="In an incubator", formula="统计月末在孵化载体内、未毕业未迁出为1", flag=True,
    where=lambda t: t.incubator_name.notnull(), direction="neutral", consent_class="operations",
)  # fmt: skip

NODES = Source("chain_node", (CHAIN,), "event", live(CHAIN, "recognised_on", "left_on"))
declare_events(
    NODES, id="profile_chain_node_flag", title="产业链节点企业", title_en="In an industrial chain", formula="统计月末未退出的产业链节点企业为1", flag=True,
    where=lambda t: t.chain.notnull(), direction="higher_better", consent_class="public_technology",
)  # fmt: skip


@indicator(
    id="profile_chain_role_level", title="链上最高角色（链主3 骨干2 配套1）", title_en="Highest role in an industrial chain (3 leads it)", theme="profile", source=NODES, direction="higher_better",
    formula="统计月末各产业链上最高的角色：链主3 骨干2 配套1；不在链上为不适用", null_policy="missing", consent_class="public_technology", bounds=(1.0, 3.0),
)  # fmt: skip
def _chain_role(t: Any) -> Any:
    return ranked(t.chain_role, ROLES).max()


RAISED = Source("equity_financing", (CAPITAL,), "event", live(CAPITAL, "happened_on"))


@indicator(
    id="profile_capital_stage_level", title="资本市场阶段（5为辅导备案，1为股权融资）", title_en="Stage towards a listing (5 is tutoring filed)", theme="profile", source=RAISED, direction="higher_better",
    formula="到过的最高阶段：股权融资1 四板挂牌2 上市后备3 新三板4 辅导备案5；没有记录为不适用", null_policy="missing", consent_class="operations",
)  # fmt: skip
def _stage(t: Any) -> Any:
    return ranked(t.stage, STAGES).max()


DISCLOSED = Source(
    "annual_disclosure", (DISCLOSURE,), "latest", newest_year(DISCLOSURE, "report_year", "filed_on")
)


@indicator(
    id="profile_website_flag", title="有网站或网店", title_en="Has a website or web shop", theme="profile", source=DISCLOSED, direction="higher_better",
    formula="最近年报公示的网站网店数>0为1", window=12, consent_class="annual_report", version="2",
)  # fmt: skip
def _website(t: Any) -> Any:
    return (t.website_count > 0).cast("int32").max()


SKILLED = Source("skilled_staff", (STAFF,), "latest", newest_year(STAFF, "year"))


@indicator(
    id="profile_skilled_staff_count", title="职称与高技能人才数", title_en="Engineers and senior technicians", theme="profile", source=SKILLED, direction="higher_better",
    formula="最近年度高级职称＋中级职称＋高技能人才人数", window=12, consent_class="operations",
)  # fmt: skip
def _skilled(t: Any) -> Any:
    return t.senior_engineers.max() + t.middle_engineers.max() + t.senior_technicians.max()


DERIVED = Source("derived_profile", (), "derived", lambda tables, at: next(iter(tables.values())))


@indicator(
    id="profile_skilled_staff_ratio", title="职称与高技能人才占比", title_en="Engineers and senior technicians over insured staff", theme="profile", source=DERIVED, direction="higher_better",
    formula="职称与高技能人才数÷近3个月平均参保人数，上限1", window=12, consent_class="operations",
    inputs=("profile_skilled_staff_count", "social_insured_headcount_avg_m3_count"),
    undefined=lambda t: t.social_insured_headcount_avg_m3_count <= 0,
)  # fmt: skip
def _skilled_share(t: Any) -> Any:
    return divide(t.profile_skilled_staff_count, t.social_insured_headcount_avg_m3_count).clip(0.0, 1.0)
