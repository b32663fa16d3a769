"""Eligibility criteria as data, evaluated two ways from one definition.

A criterion is JSON: ``{"all": […]}``, ``{"any": […]}``, ``{"not": {…}}`` or a leaf
``{"fact": …, "op": …, "value": …, "text": …, "settles": …}``. :func:`evaluate` answers for one enterprise with
the reason of each condition; :func:`to_expression` answers for all of them in one pass of the engine. Both use
Kleene's logic: what is not known is neither met nor unmet.
"""

from __future__ import annotations

import functools
import math
import operator
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from rongqiao.kernel.decision import Decision, Outcome, Reason, all_of, any_of, negate
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.kernel.region import check_region, is_within
from rongqiao.rules.gaps import gap_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import ibis.expr.types as ir

ORDERINGS = (">=", "<=", ">", "<")
OPERATORS = (
    *ORDERINGS,
    "==",
    "!=",
    "in",
    "not_in",
    "within_region",
    "between",
    "is_true",
    "is_false",
)
NEGATED_PREFIX = "不得："


@dataclass(frozen=True, slots=True)
class Leaf:
    """One condition on one fact.

    Parameters
    ----------
    fact : str
        Id of an indicator or attribute.
    op : str
        One of :data:`OPERATORS`.
    value : object
        Number, text, tuple of them, or ``None`` for ``is_true`` and ``is_false``; regions in shortest form.
    text : str
        The condition in plain Chinese words.
    settles : str
        What the enterprise can supply or change to settle it.
    """

    fact: str
    op: str
    value: Any
    text: str
    settles: str


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions joined by ``all``, ``any`` or ``not`` (one member)."""

    kind: str
    members: tuple[Leaf | Group, ...]


@dataclass(frozen=True, slots=True)
class Withheld:
    """Stands for a fact that has a value which may not be used, and says why: not known to any condition.

    Given in place of the value, so that the reason reaches whoever reads the decision.
    """

    reason: str


TYPE_REMEDY = "事实与条件的类型须一致：数字比数字，文字比文字。"
Criteria = Leaf | Group


def parse_criteria(data: Mapping[str, Any] | None, *, path: str = "criteria") -> Criteria:
    """Read criteria from JSON.

    Parameters
    ----------
    data : mapping or None
        The tree; ``None`` or ``{}`` means "no conditions" and is always met.
    path : str
        Where the tree stands, for error messages.

    Raises
    ------
    InvalidValueError
        Naming the path, the value found and the remedy.
    """
    if data is None or data == {}:
        return Group("all", ())
    if not hasattr(data, "keys"):
        raise InvalidValueError(
            path, data, '应为对象：{"all": […]}、{"any": […]}、{"not": {…}} 或 {"fact": …, "op": …}。'
        )
    if "fact" in data:
        return _parse_leaf(data, path)
    kinds = [kind for kind in ("all", "any", "not") if kind in data]
    if len(kinds) != 1 or len(data) != 1:
        raise InvalidValueError(
            path, sorted(data), "一个节点只能有 all、any、not 之一，或是一个带 fact 的条件。"
        )
    kind = kinds[0]
    if kind == "not":
        return Group("not", (parse_criteria(_not_empty(data["not"], f"{path}.not"), path=f"{path}.not"),))
    members = data[kind]
    if not isinstance(members, (list, tuple)) or (kind == "any" and not members):
        raise InvalidValueError(f"{path}.{kind}", members, "应为条件的列表；any 至少有一个条件。")
    return Group(
        kind,
        tuple(
            parse_criteria(_not_empty(member, f"{path}.{kind}[{i}]"), path=f"{path}.{kind}[{i}]")
            for i, member in enumerate(members)
        ),
    )


def _not_empty(data: Any, path: str) -> Any:
    if not data:
        raise InvalidValueError(path, data, "空条件没有含义，请删除或写明条件。")
    return data


def _parse_leaf(data: Mapping[str, Any], path: str) -> Leaf:
    unexpected = sorted(set(data) - {"fact", "op", "value", "text", "settles"})
    if unexpected:
        raise InvalidValueError(path, unexpected, "条件只可含 fact、op、value、text、settles。")
    fact, op = data["fact"], data.get("op")
    if not isinstance(fact, str) or not fact:
        raise InvalidValueError(f"{path}.fact", fact, "写明指标或属性的标识，如 age_months。")
    if op not in OPERATORS:
        raise InvalidValueError(f"{path}.op", op, f"可用：{'、'.join(OPERATORS)}。")
    value = _parse_value(op, data.get("value"), f"{path}.value")
    return Leaf(
        fact,
        op,
        value,
        str(data.get("text") or f"{fact} {op} {data.get('value')}"),
        str(data.get("settles") or ""),
    )


def _parse_value(op: str, value: Any, path: str) -> Any:
    if op in ("is_true", "is_false"):
        if value is not None:
            raise InvalidValueError(path, value, "is_true 与 is_false 不带 value。")
        return None
    if op == "within_region":
        codes = [value] if isinstance(value, str) else value
        if not isinstance(codes, (list, tuple)) or not codes:
            raise InvalidValueError(path, value, "写区划代码或其列表，如 43 或 [4301, 430281]。")
        return tuple(check_region(str(code)) for code in codes)
    if op in ("in", "not_in", "between"):
        if not isinstance(value, (list, tuple)) or not value or (op == "between" and len(value) != 2):
            raise InvalidValueError(path, value, "in 与 not_in 要非空列表；between 要 [下限, 上限]。")
        items = tuple(_scalar(item, path) for item in value)
        if len({isinstance(item, str) for item in items}) != 1:
            raise InvalidValueError(path, value, "列表中不可混用数字与文字。")
        return items
    return _scalar(value, path)


def _scalar(value: Any, path: str) -> Any:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, (int, float, Decimal, str)) and not _is_nan(value):
        return value
    raise InvalidValueError(path, value, "应为数字、文字或真假值。")


def _is_nan(value: Any) -> bool:
    return isinstance(value, (float, Decimal)) and math.isnan(value)


def facts_used(criteria: Criteria) -> frozenset[str]:
    """Ids of all facts that the criteria read."""
    if isinstance(criteria, Leaf):
        return frozenset({criteria.fact})
    return frozenset().union(*(facts_used(member) for member in criteria.members))


def evaluate(criteria: Criteria, facts: Mapping[str, Any], *, rule: str, version: str) -> Decision:
    """Decide for one enterprise.

    Parameters
    ----------
    criteria : Criteria
        From :func:`parse_criteria`.
    facts : mapping
        Fact id → value; a missing key, ``None``, NaN or :class:`Withheld` is "not known".
    rule, version : str
        Stamped on the decision.

    Returns
    -------
    Decision
        With the reasons that carried it: of an ``any`` that is met only the met alternatives. Under ``not``
        a reason's outcome is that of the negated condition.

    Raises
    ------
    InvalidValueError
        If a fact cannot be compared with its bound (text against number).
    """
    outcome, reasons = _evaluate(criteria, facts, is_negated=False)
    return Decision(outcome, reasons, rule, version)


def _evaluate(
    criteria: Criteria, facts: Mapping[str, Any], *, is_negated: bool
) -> tuple[Outcome, tuple[Reason, ...]]:
    if isinstance(criteria, Leaf):
        return _evaluate_leaf(criteria, facts.get(criteria.fact), is_negated=is_negated)
    if criteria.kind == "not":
        return _evaluate(criteria.members[0], facts, is_negated=not is_negated)
    answers = [_evaluate(member, facts, is_negated=is_negated) for member in criteria.members]
    # De Morgan: under a negation "any" must hold for all negated members, and the other way round.
    joins_all = (criteria.kind == "all") != is_negated
    outcome = (all_of if joins_all else any_of)(answer for answer, _ in answers)
    kept = answers
    if not joins_all and outcome is Outcome.MET:
        kept = [answer for answer in answers if answer[0] is Outcome.MET]
    return outcome, tuple(reason for _, reasons in kept for reason in reasons)


def _evaluate_leaf(leaf: Leaf, value: Any, *, is_negated: bool) -> tuple[Outcome, tuple[Reason, ...]]:
    known = None if value is None or isinstance(value, Withheld) or _is_nan(value) else value
    outcome = Outcome.UNKNOWN
    if known is not None:
        outcome = Outcome.MET if holds(leaf, known) else Outcome.UNMET
    text = leaf.text
    if is_negated:
        outcome, text = negate(outcome), NEGATED_PREFIX + leaf.text
    settles = ""
    if outcome is Outcome.UNKNOWN:
        asked = leaf.settles or f"补充“{leaf.text}”所需的信息"
        settles = value.reason if isinstance(value, Withheld) else asked
    elif outcome is Outcome.UNMET:
        gap = "" if is_negated else gap_text(leaf.fact, leaf.op, leaf.value, known)
        settles = gap or leaf.settles
    return outcome, (Reason(outcome, leaf.fact, text, known, leaf.value, settles),)


_ENGINE_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
    "!=": operator.ne,
}
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    **_ENGINE_COMPARISONS,
    "in": lambda value, bound: value in bound,
    "not_in": lambda value, bound: value not in bound,
    "between": lambda value, bound: bool(bound[0] <= value <= bound[1]),
    "within_region": lambda value, bound: any(is_within(value, scope) for scope in bound),
    "is_true": lambda value, _: value != 0,
    "is_false": lambda value, _: value == 0,
}


def needs_text(leaf: Leaf) -> bool:
    """Whether the condition compares texts, not numbers."""
    if leaf.op == "within_region":
        return True
    sample = leaf.value[0] if isinstance(leaf.value, tuple) else leaf.value
    return isinstance(sample, str)


def holds(leaf: Leaf, value: Any) -> bool:
    """Whether a known value meets the condition.

    Raises
    ------
    InvalidValueError
        If text stands against number.
    """
    if isinstance(value, str) != needs_text(leaf):
        raise InvalidValueError(leaf.fact, value, TYPE_REMEDY)
    return _COMPARISONS[leaf.op](value, leaf.value)


def to_expression(criteria: Criteria, table: ir.Table) -> ir.IntegerColumn:
    """Decide for every row of a table in one pass.

    Parameters
    ----------
    criteria : Criteria
        From :func:`parse_criteria`.
    table : ibis.Table
        One row per enterprise; columns named by fact ids. A column that is absent is "not known" for all.

    Returns
    -------
    ibis int8 column
        1 met, 0 unknown, -1 unmet; never null. Equals :func:`evaluate` row by row.

    Raises
    ------
    InvalidValueError
        If a column cannot be compared with its bound (text against number).
    """
    # Imported here: the web plane evaluates one enterprise at a time and need not pay for the engine.
    import ibis

    if isinstance(criteria, Leaf):
        return _leaf_expression(criteria, table)
    members = [to_expression(member, table) for member in criteria.members]
    if criteria.kind == "not":
        return cast("ir.IntegerColumn", (-members[0]).cast("int8"))
    if not members:
        return cast("ir.IntegerColumn", ibis.literal(1, type="int8"))
    # In Kleene's logic "and" is the least and "or" the greatest of -1, 0, 1.
    join = ibis.least if criteria.kind == "all" else ibis.greatest
    return cast("ir.IntegerColumn", join(*members).cast("int8"))


def _leaf_expression(leaf: Leaf, table: ir.Table) -> ir.IntegerColumn:
    import ibis

    if leaf.fact not in table.columns:
        return cast("ir.IntegerColumn", ibis.literal(0, type="int8"))
    column: Any = table[leaf.fact]
    kind = column.type()
    if kind.is_string() != needs_text(leaf):
        raise InvalidValueError(leaf.fact, str(kind), TYPE_REMEDY)
    is_unknown = column.isnull()
    if kind.is_floating():
        is_unknown = is_unknown | column.isnan()
    if kind.is_boolean():
        column = column.cast("int8")
    condition = _condition(leaf, column)
    return cast(
        "ir.IntegerColumn",
        ibis.cases((is_unknown, 0), (condition, 1), else_=-1).cast("int8"),
    )


def _condition(leaf: Leaf, column: Any) -> Any:
    op, bound = leaf.op, leaf.value
    if op == "in":
        return column.isin(bound)
    if op == "not_in":
        return column.notin(bound)
    if op == "between":
        return (column >= bound[0]) & (column <= bound[1])
    if op == "within_region":
        return functools.reduce(operator.or_, (column.startswith(scope) for scope in bound))
    if op in ("is_true", "is_false"):
        return column != 0 if op == "is_true" else column == 0
    return _ENGINE_COMPARISONS[op](column, bound)
