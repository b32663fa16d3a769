"""What each of the six steps has done, gathered from what governance published."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from rongqiao.contracts.standards import load_contracts

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from django.utils.functional import _StrPromise

    from rongqiao.portal.freshness import SourceFreshness

OUTCOMES = [("passed", "通过"), ("warned", "警告"), ("failed", "未通过"), ("not_run", "未运行")]
# Customary bounds of the population stability index.
DRIFT_SOME, DRIFT_MUCH = 0.1, 0.25
# Suffixes of the rules by which the second step reads each item.
READING_RULES = ("_type", "_code")
# What sets rows aside whatever their table: files that cannot be read, rows that belong to no enterprise.
READING_FAILURES = {
    "source.encoding": "字符编码可识别",
    "source.field_count": "每行的列数与表头一致",
    "source.inflation": "压缩文件的解压倍数在上限之内",
    "source.line_too_long": "每行长度在上限之内",
    "source.sheet_extent": "工作表范围在上限之内",
    "source.repeated_strings": "单元格重复引用的文字在上限之内",
    "source.json": "每行是一条完整的 JSON 记录",
    "source.quote": "引号成对",
    "source.unreadable": "文件能打开",
    "cleaning.unresolved": "能归到唯一的企业",
    "cleaning.review": "有相似企业的，须由人工认定",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One of the six steps: what it is called and what it does."""

    id: str
    title: _StrPromise
    text: str


STEPS = (
    Step(
        "inventory",
        _("数据盘点"),
        "列清每个部门的每张表：谁报、报什么、多久报一次、依据什么；逐列画像并与上一批比较漂移。",
    ),
    Step(
        "standards",
        _("标准制定"),
        "把各部门的表头、单位、编码、日期写法对到统一的数据标准，能确定的自动换算，不能确定的不猜。",
    ),
    Step("rules", _("规则制定"), "按标准逐行逐表检验。没有运行的规则记为“未运行”，不算通过。"),
    Step("collection", _("数据归集"), "文件按 SM3 摘要编号留存，每批一张回执，回执写入防篡改账本。"),
    Step(
        "cleaning",
        _("数据清洗"),
        "统一名称与代码写法，把每一行归到唯一的企业；归不到的和不合格的进隔离区，带原值和原因。",
    ),
    Step(
        "service",
        _("数据服务"),
        "合格的记录按两个时间（何时有效、何时获知）发布，供画像、评价和匹配使用；更正只增不改。",
    ),
)


@dataclass(frozen=True, slots=True)
class StepState:
    """One step as it stands.

    Parameters
    ----------
    figures : sequence of (str, object, str)
        Label, value, unit; null where nothing is known yet.
    last_on : date or None
        Newest delivery the step has handled; null before the first.
    problems : sequence of str
        In words; empty when there are none.
    """

    number: int
    step: Step
    figures: Sequence[tuple[str, Any, str]]
    last_on: dt.date | None
    problems: Sequence[str]


def gather_steps(
    sources: Sequence[SourceFreshness], province: Mapping[str, Any], quarantine: Sequence[Mapping[str, Any]]
) -> list[StepState]:
    """State of the six steps.

    Parameters
    ----------
    sources : sequence of SourceFreshness
        Every source, judged.
    province : mapping
        ``province_figures()``.
    quarantine : sequence of mapping
        ``quarantine_by_rule()``.
    """
    contracts = load_contracts().values()
    total = _Totals(sources)
    last = total.last_on
    set_aside = sum(row["rows"] for row in quarantine)
    unread = sum(row["rows"] for row in quarantine if row["rule_id"].endswith(READING_RULES))
    facts: list[tuple[list[tuple[str, Any, str]], list[str]]] = [
        (
            [("数据表", len(contracts), "张"), ("部门", len({each.department for each in contracts}), "个")],
            [f"{total.missing} 张表从未报送"] if total.missing else [],
        ),
        (
            [
                ("数据项", sum(len(each.items) for each in contracts), "个"),
                ("必填项", sum(item.is_required for each in contracts for item in each.items), "个"),
            ],
            [f"{unread:,} 处写法无法按标准读取"] if unread else [],
        ),
        (
            [("通过", total.passed, "条"), ("警告", total.warned, "条")],
            [
                *([f"{total.failed} 条规则未通过"] if total.failed else []),
                *([f"{total.not_run} 条规则未运行"] if total.not_run else []),
            ],
        ),
        (
            [("收到", total.rows_in, "行"), ("已报送来源", province["sources"], "个")],
            [f"{total.stale} 个来源逾期未报"] if total.stale else [],
        ),
        (
            [("入库", total.accepted, "行"), ("隔离", total.quarantined, "行")],
            [f"隔离区有 {set_aside:,} 处问题待部门更正"] if set_aside else [],
        ),
        (
            [("企业", province["enterprises"], "家"), ("已发布记录", province["records"], "行")],
            [] if province["records"] else ["还没有发布过数据"],
        ),
    ]
    return [
        StepState(number, step, figures, last, problems)
        for number, (step, (figures, problems)) in enumerate(zip(STEPS, facts, strict=True), start=1)
    ]


class _Totals:
    """Sums over all sources; rows are null while no source was ever published."""

    def __init__(self, sources: Sequence[SourceFreshness]) -> None:
        rows = [each.source for each in sources]
        days = [row.delivered_on for row in rows if row.delivered_on]
        self.last_on = max(days, default=None)
        self.missing = sum(each.status == "missing" for each in sources)
        self.stale = sum(each.status == "stale" for each in sources)
        self.rows_in = _sum(rows, "rows_in")
        self.accepted = _sum(rows, "rows_accepted")
        self.quarantined = _sum(rows, "rows_quarantined")
        self.passed = _sum(rows, "rules_passed")
        self.warned = _sum(rows, "rules_warned")
        self.failed = _sum(rows, "rules_failed")
        self.not_run = _sum(rows, "rules_not_run")


def _sum(rows: Sequence[Any], name: str) -> int | None:
    return sum(getattr(row, name) for row in rows) if rows else None


@lru_cache(maxsize=1)
def rule_titles() -> dict[str, str]:
    """Title of every rule, by id: the declared ones, and those by which the second step reads each item."""
    titles = dict(READING_FAILURES)
    for contract in load_contracts().values():
        for item in contract.items:
            titles[f"{contract.id}.{item.id}_type"] = f"“{item.title}”能按约定类型读取"
            titles[f"{contract.id}.{item.id}_code"] = f"“{item.title}”在代码表内"
        names = {item.id: item.title for item in contract.items}
        for rule in contract.rules:
            # "May not be negative" says nothing in a list unless it names its item.
            name = names.get(rule.columns[0], "") if len(rule.columns) == 1 else ""
            titles[rule.id] = rule.title if name in rule.title else f"“{name}”{rule.title}"
    return titles


def drift_word(drift: float | None) -> str:
    """Drift of a column against the delivery before, in words; null means that there was none to compare with."""
    if drift is None:
        return "无基线"
    if drift < DRIFT_SOME:
        return "稳定"
    return "有变化" if drift < DRIFT_MUCH else "明显漂移"
