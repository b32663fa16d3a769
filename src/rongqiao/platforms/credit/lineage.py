"""The way from a department's item forward to everything that reads it, and back; off the declarations, without a row of data.

Nodes are tables, items and *readers*: indicators, rules between tables, data interfaces, parts of reports, the rating model.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from rongqiao.bases.enterprises.usage import ROLES, all_readings, joined_role
from rongqiao.contracts.cross import load_cross_rules
from rongqiao.contracts.interfaces import load_interfaces
from rongqiao.contracts.standards import load_contracts
from rongqiao.indicators.lineage import RECORD, WAYS, dependants
from rongqiao.indicators.registry import THEMES, load_indicators
from rongqiao.indicators.shown_series import SERIES
from rongqiao.platforms.credit.content import SECTIONS
from rongqiao.scoring.card import DEFAULT_MODEL, card_path, load_card
from rongqiao.scoring.rating import KNOCK_OUTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rongqiao.bases.enterprises.usage import Reading
    from rongqiao.indicators.registry import Indicator
    from rongqiao.scoring.card import Card

KINDS = {
    "indicator": "指标",
    "rule": "跨表规则",
    "interface": "数据接口",
    "report": "画像与报告",
    "rating": "评分模型",
}
WHOLE_RECORD = "整条记录"
SEVERITIES = {"reject": "须更正", "warn": "须说明"}


@dataclass(frozen=True, slots=True)
class Reader:
    """Something that reads items or other readers; ``facts`` are what it declares of itself, label and words."""

    kind: str
    id: str
    title: str
    text: str
    facts: tuple[tuple[str, str], ...] = ()

    @property
    def kind_title(self) -> str:
        """Kind in words."""
        return KINDS[self.kind]


@dataclass(frozen=True, slots=True)
class Link:
    """One item and one reader of it.

    Parameters
    ----------
    contract_id, table, department : str
        Where the item stands, in ids and words.
    item_id, item : str
        The item; ``*`` and :data:`WHOLE_RECORD` where records are counted.
    kind, reader_id, reader : str
        What reads it.
    role : str
        A key of :data:`ROLES`: its value is used, it only decides which records count, or both.
    ways : str
        How it is used, in words.
    """

    contract_id: str
    table: str
    department: str
    item_id: str
    item: str
    kind: str
    reader_id: str
    reader: str
    role: str
    ways: str

    @property
    def kind_title(self) -> str:
        """Kind of the reader in words."""
        return KINDS[self.kind]

    @property
    def role_title(self) -> str:
        """Role in words."""
        return ROLES[self.role]


def links_of_table(contract_id: str) -> tuple[Link, ...]:
    """List every item of a table with every reader of it: values first, then conditions, each in the order of the contract."""
    return _by_table().get(contract_id, ())


def links_of_item(contract_id: str, item_id: str) -> tuple[Link, ...]:
    """List readers of one item; none where nothing reads it."""
    return tuple(link for link in links_of_table(contract_id) if link.item_id == item_id)


def links_of_reader(kind: str, reader_id: str) -> tuple[Link, ...]:
    """List items that a reader rests on; for what is made of other readers see :func:`inputs_of`."""
    return _by_reader().get((kind, reader_id), ())


def tables_of(reader: Reader) -> frozenset[str]:
    """Name the contracts that a reader rests on in the end, through other readers too."""
    own = {link.contract_id for link in links_of_reader(reader.kind, reader.id)}
    return frozenset(own.union(*(tables_of(each) for each, _ in inputs_of(reader.kind, reader.id))))


def get_reader(kind: str, reader_id: str) -> Reader | None:
    """Return one reader; null when nothing of that kind and id is declared."""
    return _readers().get((kind, reader_id))


def readers_of_table(contract_id: str) -> tuple[Reader, ...]:
    """List what reads a table, each once; indicators first."""
    names = dict.fromkeys((link.kind, link.reader_id) for link in links_of_table(contract_id))
    return tuple(found for key, found in _readers().items() if key in names)


@lru_cache(maxsize=1024)
def inputs_of(kind: str, reader_id: str) -> tuple[tuple[Reader, str], ...]:
    """List readers that a reader is made of, each with its role: of a derived indicator, a part of a report, the rating."""
    if kind == "indicator":
        found = load_indicators().get(reader_id)
        return _indicators(found.inputs, "value") if found else ()
    if kind == "report" and reader_id in SECTIONS:
        themes = SECTIONS[reader_id][1]
        return _indicators((each.id for each in load_indicators().values() if each.theme in themes), "value")
    if kind == "rating" and reader_id == _card().model:
        features = [feature.indicator for feature in _card().features]
        return _indicators(features, "value") + _indicators(
            (name for name in KNOCK_OUTS if name not in features), "condition"
        )
    return ()


def outputs_of(kind: str, reader_id: str) -> tuple[Reader, ...]:
    """List what an indicator is used by further: derived indicators, the rating, parts of reports."""
    if kind != "indicator":
        return ()
    further = [("indicator", each.id) for each in dependants(reader_id)]
    further += [
        key
        for key in (("rating", _card().model), *(("report", name) for name in SECTIONS))
        if any(each.id == reader_id for each, _ in inputs_of(*key))
    ]
    return tuple(_readers()[key] for key in further)


def _indicators(names: Iterable[str], role: str) -> tuple[tuple[Reader, str], ...]:
    return tuple((_readers()["indicator", name], role) for name in names)


@lru_cache(maxsize=1)
def _card() -> Card:
    return load_card(card_path(DEFAULT_MODEL))


@lru_cache(maxsize=1)
def _readers() -> dict[tuple[str, str], Reader]:
    found = [
        *map(_indicator_reader, load_indicators().values()),
        *(
            Reader(
                "rule",
                rule.id,
                rule.title,
                "",
                (
                    ("不符合时", SEVERITIES[rule.severity]),
                    ("计算式", f"{rule.left.measure} 与 {rule.right.measure}：{rule.good}"),
                ),
            )
            for rule in load_cross_rules().values()
        ),
        *(
            Reader("interface", each.id, each.title, each.definition, (("版本", each.version),))
            for each in load_interfaces().values()
        ),
        *_report_readers(),
        Reader(
            "rating",
            _card().model,
            "综合评价",
            f"{len(_card().features)} 项指标计分，另有否决项直接定级。",
            (("版本", _card().version),),
        ),
    ]
    return {(each.kind, each.id): each for each in found}


def _indicator_reader(declared: Indicator) -> Reader:
    return Reader(
        "indicator",
        declared.id,
        declared.title,
        declared.formula,
        (
            ("主题", THEMES[declared.theme]),
            ("单位", declared.unit),
            ("统计窗口", declared.window),
            ("定义版本", f"第 {declared.version} 版"),
        ),
    )


def _report_readers() -> list[Reader]:
    parts = [
        Reader("report", "identity", "主体信息", "企业名称、代码、类型、状态、住所等登记事项。"),
        Reader("report", "events", "大事记", "登记变更、处罚、案件、资质等逐条列示的事项。"),
    ]
    parts += [
        Reader("report", each.id, f"近 24 个月{each.title}", f"按月列示，单位：{each.unit}。")
        for each in SERIES
    ]
    return parts + [
        Reader("report", name, f"报告“{title}”一节", "逐项列示本节主题下的全部指标。")
        for name, (title, _, _) in SECTIONS.items()
    ]


@lru_cache(maxsize=1)
def _by_table() -> dict[str, tuple[Link, ...]]:
    groups: dict[tuple[str, str, str, str], list[Reading]] = {}
    for each in all_readings():
        groups.setdefault((each.contract_id, each.item_id, each.kind, each.reader_id), []).append(each)
    found: dict[str, list[Link]] = {}
    for readings in groups.values():
        found.setdefault(readings[0].contract_id, []).append(_link(readings))
    order = {
        contract.id: {name: place for place, name in enumerate((RECORD, *contract.columns))}
        for contract in load_contracts().values()
    }
    kinds = list(KINDS)
    return {
        name: tuple(
            sorted(
                links,
                key=lambda link: (
                    link.role == "condition",
                    order[link.contract_id][link.item_id],
                    kinds.index(link.kind),
                ),
            )
        )
        for name, links in found.items()
    }


@lru_cache(maxsize=1)
def _by_reader() -> dict[tuple[str, str], tuple[Link, ...]]:
    found: dict[tuple[str, str], list[Link]] = {}
    for links in _by_table().values():
        for link in links:
            found.setdefault((link.kind, link.reader_id), []).append(link)
    # What gives values stands before what only decides which records count.
    return {
        key: tuple(sorted(links, key=lambda link: link.role == "condition")) for key, links in found.items()
    }


def _link(readings: list[Reading]) -> Link:
    """Join the readings of one item by one reader."""
    first = readings[0]
    contract = load_contracts()[first.contract_id]
    return Link(
        contract_id=contract.id,
        table=contract.title,
        department=contract.department_title,
        item_id=first.item_id,
        item=WHOLE_RECORD if first.item_id == RECORD else contract.item(first.item_id).title,
        kind=first.kind,
        reader_id=first.reader_id,
        reader=_readers()[first.kind, first.reader_id].title,
        role=joined_role(readings),
        ways="、".join(title for way, title in WAYS.items() if way in {each.way for each in readings}),
    )
