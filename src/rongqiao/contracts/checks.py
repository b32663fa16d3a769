"""Checks of the contracts against each other and against the catalogue: what `rongqiao standards check` runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from rongqiao.contracts.catalog import code_lists
from rongqiao.contracts.documents import document
from rongqiao.contracts.sharing import check_sharing
from rongqiao.contracts.standards import DELIVERY_COLUMNS, Contract, QualityRule, load_contracts
from rongqiao.kernel.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of the standards: where it is and what is wrong with it."""

    contract: str
    subject: str
    message: str

    def __str__(self) -> str:
        """Return one line for the terminal."""
        return f"{self.contract}: {self.subject}: {self.message}"


def check_contracts(root: Path | None = None) -> list[Problem]:
    """Check all contracts; an empty list says that they are sound.

    A file that cannot be read at all is itself the one problem reported, since nothing after it can be trusted.
    """
    try:
        contracts = load_contracts(root)
    except ContractError as error:
        return [Problem("standards", str(error.thing), f"{error.value}: {error.remedy}")]
    problems: list[Problem] = []
    for contract in contracts.values():
        problems.extend(check_contract(contract))
        problems.extend(_check_references(contract, contracts))
    problems.extend(_check_consent(contracts))
    if root is None:
        problems.extend(Problem("sharing_lists", item, fault) for item, fault in check_sharing(contracts))
    problems.extend(_check_departments(contracts))
    return problems


def check_contract(contract: Contract) -> list[Problem]:
    """Check one contract alone: items, headers, valid time, rules."""
    return [*_check_items(contract), *_check_headers(contract), *_check_rules(contract)]


def _check_items(contract: Contract) -> Iterator[Problem]:
    levels = code_lists()["sensitivity_levels"].codes
    for item_id in _repeated(contract.columns):
        yield Problem(contract.id, item_id, "the item is declared twice")
    for item in contract.items:
        if not item.title or not item.definition:
            yield Problem(contract.id, item.id, "title or definition is empty")
        if item.sensitivity not in levels:
            yield Problem(
                contract.id, item.id, f"classification {item.sensitivity!r} is not one of {', '.join(levels)}"
            )
        if not item.is_required and not item.null_means:
            yield Problem(contract.id, item.id, "may be null, but nullMeans does not say what that means")
        if item.id.endswith("_cny") and (item.physical_type != "DECIMAL(18,2)" or item.unit != "元"):
            yield Problem(contract.id, item.id, "money is DECIMAL(18,2) in 元")
    if contract.valid_on is not None and not contract.item(contract.valid_on).is_required:
        yield Problem(contract.id, contract.valid_on, "the valid time must be required")
    identifiers = {"uscc", "enterprise_no"}
    if contract.identifier not in identifiers or contract.identifier not in contract.columns:
        yield Problem(contract.id, contract.identifier, "the identifier is no item of the contract")


def _check_headers(contract: Contract) -> Iterator[Problem]:
    spellings = [
        header
        for item in contract.items
        for header in {item.id, item.title, *item.headers, *dict(item.scaled_headers)}
    ]
    for header in _repeated(spellings):
        yield Problem(contract.id, header, "the header stands for two items")


def _check_rules(contract: Contract) -> Iterator[Problem]:
    for rule_id in _repeated(rule.id for rule in contract.rules):
        yield Problem(contract.id, rule_id, "the rule is declared twice")
    for rule in contract.rules:
        if rule.scope in ("row", "table"):
            yield from _check_expression(contract, rule)
        if rule.scope == "table" and rule.minimum is None and rule.maximum is None:
            yield Problem(contract.id, rule.id, "a table rule needs a bound")
        if rule.scope == "key" and rule.columns != contract.key:
            yield Problem(contract.id, rule.id, f"must name the key {', '.join(contract.key)}")


def _check_expression(contract: Contract, rule: QualityRule) -> Iterator[Problem]:
    try:
        tree = sqlglot.parse_one(f"SELECT {rule.expression}", dialect="duckdb")
    except SqlglotError as error:
        yield Problem(contract.id, rule.id, f"is not DuckDB SQL: {str(error).splitlines()[0]}")
        return
    named = {column.name for column in tree.find_all(exp.Column)}
    for column in sorted(named - set(contract.columns) - set(DELIVERY_COLUMNS)):
        yield Problem(contract.id, rule.id, f"names the column {column!r}, which does not exist")
    if named - set(rule.columns):
        yield Problem(
            contract.id, rule.id, f"does not list its columns {', '.join(sorted(named - set(rule.columns)))}"
        )
    if rule.scope == "row" and tree.find(exp.AggFunc) is not None:
        yield Problem(contract.id, rule.id, "a row rule must not aggregate")
    for column in sorted({"previous_rows", "is_regular"} & named if rule.scope == "row" else ()):
        yield Problem(contract.id, rule.id, f"{column} is known to table rules only")


def _check_references(contract: Contract, contracts: dict[str, Contract]) -> Iterator[Problem]:
    for rule in contract.rules:
        if rule.scope == "reference":
            target, _, column = rule.expression.rpartition(".")
            if target not in contracts or column not in contracts[target].columns:
                yield Problem(contract.id, rule.id, f"refers to {rule.expression!r}, which does not exist")


def _check_consent(contracts: dict[str, Contract]) -> Iterator[Problem]:
    classes = document("consent")["data_classes"]
    for contract in contracts.values():
        if contract.data_class not in classes:
            yield Problem(contract.id, contract.data_class, "the data class is not in catalog/consent.yaml")


def _check_departments(contracts: dict[str, Contract]) -> Iterator[Problem]:
    """One department has one name, wherever it stands."""
    titles: dict[str, str] = {}
    for contract in contracts.values():
        first = titles.setdefault(contract.department, contract.department_title)
        if contract.department_title != first:
            yield Problem(
                contract.id, contract.department_title, f"the department is called {first!r} elsewhere"
            )


def _repeated(values: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    repeated: dict[str, None] = {}
    for value in values:
        if value in seen:
            repeated[value] = None
        seen.add(value)
    return list(repeated)
