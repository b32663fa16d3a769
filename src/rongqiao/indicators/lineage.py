"""What every indicator is made of, column by column, read off the very expressions that compute it.

The expressions are built over empty tables of the contracts' shapes and walked: whatever reaches the value is *projected*;
whatever decides which rows count (a condition, a join, a group, an order, a window of months, the choice of the last known
row of a key) *influences* it. A column that stands in a condition only has an edge of its own.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import ibis
import ibis.expr.operations as ops

from rongqiao.contracts.standards import load_contract
from rongqiao.indicators.empty_tables import empty_table
from rongqiao.indicators.registry import At, Indicator, Source, get_indicator, load_indicators
from rongqiao.lake import asof

if TYPE_CHECKING:
    from collections.abc import Iterable

Kind = Literal["projection", "influence"]
Via = Literal["value", "count", "condition", "filter", "join", "group", "order", "window"]
#: Names of the ways in which a column reaches an indicator, for people.
WAYS: dict[str, str] = {
    "value": "参与取值",
    "count": "按条计数",
    "condition": "作为条件",
    "filter": "筛选记录",
    "join": "关联记录",
    "group": "分组",
    "order": "排序取舍",
    "window": "时间窗口或同键取最新",
}
#: Stands for the record itself where rows are counted and no item is read as a value.
RECORD = "*"
# The expressions do not depend on which month they are built for; any will do.
_AT = At(202610, dt.date(2026, 11, 20))
_INDICATORS = "indicators"
_COUNTING = (ops.Sum, ops.Mean, ops.Any, ops.All, ops.Count)
_ROW_SELECTORS = {"where": "filter", "order_by": "order", "key": "order"}


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """One column that an indicator rests on.

    Parameters
    ----------
    source : str
        Contract id, or ``indicators`` where the column is another indicator.
    column : str
        Item id, indicator id, or :data:`RECORD`.
    indicator : str
        What rests on it.
    kind : str
        ``projection`` when its value flows into the indicator, ``influence`` when it only decides which rows count.
    via : str
        A key of :data:`WAYS`.
    """

    source: str
    column: str
    indicator: str
    kind: Kind
    via: Via


@lru_cache(maxsize=1024)
def indicator_edges(indicator_id: str) -> tuple[Edge, ...]:
    """Columns that an indicator reads directly, items of contracts or other indicators, in order.

    Raises
    ------
    InvalidValueError
        If no such indicator is declared.
    """
    declared = get_indicator(indicator_id)
    leaves = _derived_leaves(declared) if declared.inputs else _source_leaves(declared)
    return tuple(
        sorted(
            Edge(source, column, indicator_id, kind, via)
            for source, column, kind, via in _tidy(declared, leaves)
        )
    )


@lru_cache(maxsize=1024)
def item_edges(indicator_id: str) -> tuple[Edge, ...]:
    """Items that an indicator rests on in the end, through the indicators it is derived from."""
    found: set[Edge] = set()
    for edge in indicator_edges(indicator_id):
        if edge.source != _INDICATORS:
            found.add(edge)
            continue
        for below in item_edges(edge.column):
            kind: Kind = "projection" if {edge.kind, below.kind} == {"projection"} else "influence"
            via = edge.via if kind == "influence" and below.via in ("value", "count") else below.via
            found.add(Edge(below.source, below.column, indicator_id, kind, via))
    return tuple(sorted(found))


@lru_cache(maxsize=1)
def _by_item() -> dict[tuple[str, str], tuple[Edge, ...]]:
    grouped: dict[tuple[str, str], list[Edge]] = {}
    for name in load_indicators():
        for edge in item_edges(name):
            grouped.setdefault((edge.source, edge.column), []).append(edge)
    return {key: tuple(edges) for key, edges in grouped.items()}


@lru_cache(maxsize=1)
def items_read() -> dict[str, frozenset[str]]:
    """Items of each contract that any indicator rests on, as value or as condition."""
    found: dict[str, set[str]] = {}
    for contract_id, item_id in _by_item():
        found.setdefault(contract_id, set()).add(item_id)
    return {contract_id: frozenset(items) for contract_id, items in found.items()}


def edges_of_item(contract_id: str, item_id: str) -> tuple[Edge, ...]:
    """Edges from one item to every indicator that rests on it; none for an item that no indicator reads."""
    return _by_item().get((contract_id, item_id), ())


def indicators_of(contract_id: str, item_id: str | None = None) -> tuple[Indicator, ...]:
    """List indicators that rest on an item, or on any item of a table; in the order of their declaration."""
    names = {
        edge.indicator
        for (source, column), edges in _by_item().items()
        if source == contract_id and item_id in (None, column)
        for edge in edges
    }
    return tuple(found for name, found in load_indicators().items() if name in names)


def dependants(indicator_id: str) -> tuple[Indicator, ...]:
    """List indicators that are derived from this one."""
    return tuple(found for found in load_indicators().values() if indicator_id in found.inputs)


# -- walking the expressions -----------------------------------------------------------------------------------------

_Leaf = tuple[str, str, Kind, Via]


@lru_cache(maxsize=64)
def _prepared(source: Source) -> tuple[Any, _Walk]:
    """Rows that a family of indicators is aggregated from, and the walk that its members share."""
    tables = {name: empty_table(load_contract(name)) for name in source.contracts}
    return source.prepare(tables, _AT), _Walk()


def _source_leaves(declared: Indicator) -> set[_Leaf]:
    prepared, walk = _prepared(declared.source)
    made = {"value": declared.measure(prepared)}
    if declared.undefined is not None:
        made["undefined"] = declared.undefined(prepared)
    operation = prepared.group_by("enterprise_id").aggregate(**made).op()
    leaves = walk.relation(operation) | walk.value(operation.metrics["value"], "projection", "value")
    if declared.undefined is not None:
        leaves |= walk.value(operation.metrics["undefined"], "influence", "condition")
    return leaves


def _derived_leaves(declared: Indicator) -> set[_Leaf]:
    columns = dict.fromkeys(declared.inputs, "float64") | {
        f"{column}__status": "string" for column in declared.inputs
    }
    wide = ibis.table(ibis.schema({"enterprise_id": "string", **columns}), name=_INDICATORS)
    walk = _Walk()
    leaves = walk.value(declared.measure(wide).op(), "projection", "value")
    if declared.undefined is not None:
        leaves |= walk.value(declared.undefined(wide).op(), "influence", "condition")
    return leaves


@lru_cache(maxsize=256)
def _choosing(contract_id: str) -> frozenset[_Leaf]:
    """Columns by which the rows of a published table are chosen before any indicator sees them: those that hold at the two times."""
    contract = load_contract(contract_id)
    rows = asof.current(empty_table(contract), contract, as_of=_AT.as_of, known_at=_AT.known_at)
    return frozenset(_Walk(is_chosen=True).relation(rows.op()))


@lru_cache(maxsize=256)
def _items(contract_id: str) -> frozenset[str]:
    return frozenset(load_contract(contract_id).columns)


def _tidy(declared: Indicator, leaves: Iterable[_Leaf]) -> set[_Leaf]:
    """Name the enterprise by its item, drop what no department sends, and give counted rows an edge."""
    kept: set[_Leaf] = set()
    for source, column, kind, via in leaves:
        if source == _INDICATORS:
            name = column.removesuffix("__status")
            if name in declared.inputs:
                kept.add((source, name, kind, via))
            continue
        items = _items(source)
        name = "uscc" if column == "enterprise_id" else column
        if name in items:
            kept.add((source, name, kind, via))
    if not any(kind == "projection" for _, _, kind, _ in kept):
        kept |= {(source, RECORD, "projection", "count") for source in declared.source.contracts}
    return kept


class _Walk:
    """Follows values and relations of one expression down to columns of tables; every part once.

    Parameters
    ----------
    is_chosen : bool
        Whether the expression itself chooses rows of published tables; else they are taken to be chosen below it.
    """

    def __init__(self, *, is_chosen: bool = False) -> None:
        self._is_chosen = is_chosen
        self._values: dict[Any, set[_Leaf]] = {}
        self._relations: dict[Any, set[_Leaf]] = {}

    def value(self, node: Any, kind: Kind, via: Via) -> set[_Leaf]:
        """Columns that a value is made of."""
        key = (node, kind, via)
        if key not in self._values:
            self._values[key] = self._value(node, kind, via)
        return self._values[key]

    def _value(self, node: Any, kind: Kind, via: Via) -> set[_Leaf]:
        if isinstance(node, ops.Field):
            return self._column(node, kind, via)
        leaves: set[_Leaf] = set()
        for name, part in zip(node.argnames, node.args, strict=True):
            as_kind, as_via = self._role(node, name, part, kind, via)
            for inner in part if isinstance(part, tuple) else (part,):
                if isinstance(inner, ops.Value):
                    leaves |= self.value(inner, as_kind, as_via)
                elif isinstance(inner, ops.Relation):
                    leaves |= self.relation(inner)
        return leaves

    def _role(self, node: Any, name: str, part: Any, kind: Kind, via: Via) -> tuple[Kind, Via]:
        """How one argument of an operation reaches the result."""
        if isinstance(node, ops.Reduction):
            if name in _ROW_SELECTORS:
                return "influence", _ROW_SELECTORS[name]  # type: ignore[return-value]
            if isinstance(node, _COUNTING) and _is_condition(part):
                return "influence", "condition"
        if isinstance(node, ops.WindowFunction) and name != "func":
            return "influence", "window"
        if isinstance(node, (ops.IfElse, ops.SearchedCase, ops.SimpleCase)) and name in (
            "bool_expr",
            "cases",
            "base",
        ):
            # What is a condition already, of a filter say, stays that.
            return "influence", "condition" if kind == "projection" else via
        return kind, via

    def _column(self, node: Any, kind: Kind, via: Via) -> set[_Leaf]:
        relation = node.rel
        if isinstance(relation, ops.PhysicalTable):
            return {(relation.name, node.name, kind, via)}
        if isinstance(relation, ops.Set):
            both = (relation.left, relation.right)
            return set().union(*(self._column(ops.Field(side, node.name), kind, via) for side in both))
        return self.value(relation.values[node.name], kind, via)

    def relation(self, node: Any) -> set[_Leaf]:
        """Columns that decide which rows a relation has."""
        if node not in self._relations:
            self._relations[node] = self._relation(node)
        return self._relations[node]

    def _relation(self, node: Any) -> set[_Leaf]:
        if isinstance(node, ops.PhysicalTable):
            return set() if self._is_chosen else set(_choosing(node.name))
        leaves: set[_Leaf] = set()
        if isinstance(node, ops.Filter):
            for predicate in node.predicates:
                leaves |= self.value(predicate, "influence", "filter")
        elif isinstance(node, ops.Aggregate):
            for group in node.groups.values():
                leaves |= self.value(group, "influence", "group")
        elif isinstance(node, ops.JoinChain):
            for link in node.rest:
                leaves |= self.relation(link.table)
                for predicate in link.predicates:
                    leaves |= self.value(predicate, "influence", "join")
            return leaves | self.relation(node.first)
        if isinstance(node, ops.Set):
            return leaves | self.relation(node.left) | self.relation(node.right)
        return leaves | self.relation(node.parent)


def _is_condition(node: Any) -> bool:
    """Whether a counted value is a comparison: it says which rows count, not how much."""
    while isinstance(node, ops.Cast):
        node = node.arg
    return bool(node.dtype.is_boolean()) and not isinstance(node, ops.Field)
