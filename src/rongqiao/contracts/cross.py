"""Rules of scope *cross*: two published contracts measured for one enterprise and period, read from ``catalog/cross/*.yaml``.

A cross rule belongs to no contract, because no single department answers for it; so it stands beside the catalogue's other judgements.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from rongqiao.contracts.documents import document
from rongqiao.contracts.model import FAMILIES, Family, Severity
from rongqiao.contracts.standards import load_contracts
from rongqiao.kernel.errors import ContractError
from rongqiao.kernel.home import home

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rongqiao.contracts.standards import Contract

_RESULTS = {"left_value", "right_value"}


@dataclass(frozen=True, slots=True)
class Measure:
    """One side of a cross rule.

    Parameters
    ----------
    contract : str
    measure : str
        DuckDB aggregate over the rows of one enterprise and period.
    period : str
        Expression of a row's period; empty where the whole history up to the day of reading counts.
    where : str
        Predicate of the rows that count; empty for all.
    complete : str
        Aggregate predicate that must hold for the period to be judged, such as twelve months filed; empty for always.
    """

    contract: str
    measure: str
    period: str = ""
    where: str = ""
    complete: str = ""

    @property
    def columns(self) -> frozenset[str]:
        """Items that the measure reads.

        Raises
        ------
        ContractError
            If a part of it is no DuckDB SQL.
        """
        named: set[str] = set()
        for part in (self.measure, self.period, self.where, self.complete):
            named |= named_columns(part) if part else set()
        return frozenset(named)


@dataclass(frozen=True, slots=True)
class CrossRule:
    """One rule between two contracts.

    Parameters
    ----------
    id : str
        ``cross.<name>``.
    title : str
        What a good enterprise fulfils, in Chinese.
    family : Family
    severity : Severity
        ``reject``: one side is wrong and must be corrected; ``warn``: it wants an explanation.
    left, right : Measure
    good : str
        Predicate over ``left_value``, ``right_value`` and ``$parameters``; null does not judge.
    join : str
        ``both``: enterprises that both sides know; ``exists``: those of the left, with 0 where the right knows none.
    parameters : dict
        Tolerances by name.
    """

    id: str
    title: str
    family: Family
    severity: Severity
    left: Measure
    right: Measure
    good: str
    join: str = "both"
    parameters: Mapping[str, float] = field(default_factory=dict)

    @property
    def contracts(self) -> tuple[str, str]:
        """Contracts that the rule reads."""
        return self.left.contract, self.right.contract

    @property
    def items(self) -> frozenset[tuple[str, str]]:
        """Pairs (contract, item) that the rule reads."""
        return frozenset(
            (side.contract, column) for side in (self.left, self.right) for column in side.columns
        )


def named_columns(expression: str) -> set[str]:
    """Return the columns that a DuckDB expression reads.

    Raises
    ------
    ContractError
        If it is no DuckDB SQL.
    """
    try:
        tree = sqlglot.parse_one(f"SELECT {expression}", dialect="duckdb")
    except SqlglotError as error:
        raise ContractError(
            "跨表规则", expression, f"不是 DuckDB SQL：{str(error).splitlines()[0]}。"
        ) from error
    return {column.name for column in tree.find_all(exp.Column)}


@lru_cache(maxsize=1)
def load_cross_rules() -> dict[str, CrossRule]:
    """Read all cross rules by id.

    Raises
    ------
    ContractError
        If a file is malformed, or an id is given twice.
    """
    rules: dict[str, CrossRule] = {}
    for path in sorted((home() / "catalog" / "cross").glob("*.yaml")):
        for name, node in document(f"cross/{path.stem}").items():
            rule = _to_rule(name, node, path.name)
            if rule.id in rules:
                raise ContractError(f"catalog/cross/{path.name}", name, "Another file holds this rule.")
            rules[rule.id] = rule
    return rules


def _to_rule(name: str, node: Mapping[str, Any], place: str) -> CrossRule:
    try:
        return CrossRule(
            id=f"cross.{name}",
            title=node["title"],
            family=node["family"],
            severity=node["severity"],
            left=Measure(**node["left"]),
            right=Measure(**node["right"]),
            good=node["good"],
            join=node.get("join", "both"),
            parameters=dict(node.get("parameters", {})),
        )
    except (KeyError, TypeError) as error:
        raise ContractError(
            f"catalog/cross/{place}", name, f"A field is missing or unknown: {error}."
        ) from error


def check_cross_rules(contracts: Mapping[str, Contract] | None = None) -> Iterator[tuple[str, str]]:
    """Yield (rule id, fault) for each cross rule that could not run on the contracts as they stand."""
    known = contracts if contracts is not None else load_contracts()
    for rule in load_cross_rules().values():
        try:
            for fault in _faults(rule, known):
                yield rule.id, fault
        except ContractError as error:
            yield rule.id, str(error)


def _faults(rule: CrossRule, contracts: Mapping[str, Contract]) -> Iterator[str]:
    if rule.family not in FAMILIES or rule.severity not in ("reject", "warn"):
        yield f"unknown family or severity {rule.family!r}, {rule.severity!r}"
    if rule.join not in ("both", "exists"):
        yield f"unknown join {rule.join!r}"
    if bool(rule.left.period) != bool(rule.right.period):
        yield "one side has a period and the other has none"
    for side in (rule.left, rule.right):
        if side.contract not in contracts:
            yield f"names the contract {side.contract!r}, which does not exist"
            continue
        for column in sorted(side.columns - set(contracts[side.contract].columns)):
            yield f"names {side.contract}.{column}, which does not exist"
    for name in sorted(named_columns(rule.good) - _RESULTS):
        yield f"`good` names {name!r}; it may name left_value, right_value and $parameters"
