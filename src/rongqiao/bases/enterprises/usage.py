"""Which items of the standards are read, and by what: indicators, rules between tables, data interfaces, pages and reports.

An item counts as used when its value is put to use; a check of the item on itself, or a page that shows whole records as they
came, does not count. An interface counts for the items it answers and for those by which it finds, chooses and orders its records;
that it heads every answer with the enterprise's name is no use of the name that each table holds.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import sqlglot
from sqlglot import exp

from rongqiao.bases.enterprises.extraction import event_queries
from rongqiao.contracts.cross import load_cross_rules
from rongqiao.contracts.interfaces import load_interfaces
from rongqiao.contracts.standards import load_contracts
from rongqiao.indicators.lineage import RECORD, item_edges
from rongqiao.indicators.registry import load_indicators
from rongqiao.indicators.shown_series import SERIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rongqiao.contracts.cross import Measure
    from rongqiao.contracts.model import Contract

Kind = Literal["indicator", "rule", "interface", "report"]
Role = Literal["value", "condition"]
#: What an item is to its reader, in words; ``both`` when its value is used and it also decides which records count.
ROLES = {"value": "参与取值", "condition": "只作条件", "both": "取值兼条件"}
REGISTRY = "market_regulation.registry"
#: What a page and a report say of an enterprise at their head.
_HEAD = (
    "uscc",
    "name",
    "legal_form",
    "status",
    "industry_code",
    "county_code",
    "address",
    "legal_rep_name",
    "registered_capital_cny",
    "established_on",
)
# The columns of the queries do not depend on the day; any will do.
_DAY = dt.date(2026, 1, 1)


@dataclass(frozen=True, slots=True, order=True)
class Reading:
    """One item that something reads.

    Parameters
    ----------
    contract_id, item_id : str
        The item; :data:`rongqiao.indicators.lineage.RECORD` where records are counted and no item is a value.
    kind : str
        ``indicator``, ``rule`` between tables, ``interface``, or ``report`` for a part of portraits and reports.
    reader_id : str
        Id of the indicator, rule or interface; of a report ``identity``, ``events`` or a series.
    role : str
        ``value`` when it flows into what is read, ``condition`` when it only decides which records count.
    way : str
        A key of :data:`rongqiao.indicators.lineage.WAYS`.
    """

    contract_id: str
    item_id: str
    kind: Kind
    reader_id: str
    role: Role
    way: str


def readings(contracts: Mapping[str, Contract]) -> set[Reading]:
    """Every reading of the contracts' items, off the expressions and queries; of items no longer declared too."""
    return {
        *_indicator_reads(),
        *_rule_reads(contracts),
        *_interface_reads(contracts),
        *_report_reads(contracts),
    }


@lru_cache(maxsize=1)
def all_readings() -> tuple[Reading, ...]:
    """Every reading of every item that the installation declares, each once and in order."""
    contracts = load_contracts()
    known = {(contract.id, item) for contract in contracts.values() for item in (*contract.columns, RECORD)}
    return tuple(sorted(each for each in readings(contracts) if (each.contract_id, each.item_id) in known))


def joined_role(readings: Iterable[Reading]) -> str:
    """Key of :data:`ROLES` for all readings of one item by one reader."""
    roles = {each.role for each in readings}
    return "both" if len(roles) > 1 else roles.pop()


@lru_cache(maxsize=1024)
def item_roles(indicator_id: str) -> dict[tuple[str, str], str]:
    """Items that an indicator rests on in the end: (contract, item) → key of :data:`ROLES`."""
    found: dict[tuple[str, str], list[Reading]] = defaultdict(list)
    for each in _reads_of(indicator_id):
        found[each.contract_id, each.item_id].append(each)
    return {key: joined_role(readings) for key, readings in found.items()}


def _indicator_reads() -> Iterator[Reading]:
    for name in load_indicators():
        yield from _reads_of(name)


def _reads_of(indicator_id: str) -> Iterator[Reading]:
    for edge in item_edges(indicator_id):
        role: Role = "value" if edge.kind == "projection" else "condition"
        yield Reading(edge.source, edge.column, "indicator", indicator_id, role, edge.via)


def _record_choice(contract: Contract) -> Iterable[str]:
    """Items by which the last known row of each record is chosen and placed in time."""
    return {contract.identifier, *contract.key, *([contract.valid_on] if contract.valid_on else ())}


def _choice_reads(contract: Contract, kind: Kind, reader_id: str) -> Iterator[Reading]:
    for item in _record_choice(contract):
        yield Reading(contract.id, item, kind, reader_id, "condition", "window")


def _rule_reads(contracts: Mapping[str, Contract]) -> Iterator[Reading]:
    for rule in load_cross_rules().values():
        for side in (rule.left, rule.right):
            yield from _measure_reads(side, rule.id)
            if side.contract in contracts:
                yield from _choice_reads(contracts[side.contract], "rule", rule.id)


def _measure_reads(side: Measure, rule_id: str) -> Iterator[Reading]:
    for item, role in _named(side.measure):
        yield Reading(side.contract, item, "rule", rule_id, role, role)
    parts = ((side.where, "filter"), (side.complete, "condition"), (side.period, "group"))
    for expression, way in parts:
        for item, _ in _named(expression):
            yield Reading(side.contract, item, "rule", rule_id, "condition", way)


def _interface_reads(contracts: Mapping[str, Contract]) -> Iterator[Reading]:
    for interface in load_interfaces().values():
        for dataset in interface.datasets:
            for item in dataset.fields:
                yield Reading(dataset.contract_id, item, "interface", interface.id, "value", "value")
            if dataset.order:
                yield Reading(
                    dataset.contract_id, dataset.order, "interface", interface.id, "condition", "order"
                )
            yield from _choice_reads(contracts[dataset.contract_id], "interface", interface.id)


def _report_reads(contracts: Mapping[str, Contract]) -> Iterator[Reading]:
    for item in _HEAD:
        yield Reading(REGISTRY, item, "report", "identity", "value", "value")
    for series in SERIES:
        yield Reading(series.contract_id, series.column, "report", series.id, "value", "value")
        yield from _choice_reads(contracts[series.contract_id], "report", series.id)
    for contract_id, (day, title, amount, condition) in event_queries(_DAY).items():
        for item, role in _named(f"{day}, {title}, {amount}"):
            yield Reading(contract_id, item, "report", "events", role, role)
        for item, _ in _named(condition):
            yield Reading(contract_id, item, "report", "events", "condition", "filter")
        yield from _choice_reads(contracts[contract_id], "report", "events")


def _named(expressions: str) -> set[tuple[str, Role]]:
    """Columns that DuckDB expressions name, and what each does there; none in an empty one."""
    if not expressions:
        return set()
    tree = sqlglot.parse_one(f"SELECT {expressions}", dialect="duckdb")
    return {(column.name, _role(column)) for column in tree.find_all(exp.Column)}


def _role(column: exp.Column) -> Role:
    """Tell a column that stands in the test of a branch or of an aggregate's filter from one whose value is given."""
    below: exp.Expression = column
    while (above := below.parent) is not None:
        if isinstance(above, exp.Where) or (isinstance(above, exp.If) and above.this is below):
            return "condition"
        if isinstance(above, exp.Case) and above.this is below and not _is_naming(above):
            return "condition"
        below = above
    return "value"


def _is_naming(case: exp.Case) -> bool:
    """Whether a case only says a code in words, and says the code itself where it has none."""
    return bool(case.args.get("default") == case.this)
