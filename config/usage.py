"""Which items of the standards are read, and by what: indicators, rules between tables, data interfaces, pages and reports.

An item counts as used when its value is put to use; a check of the item on itself, or a page that shows whole records as they
came, does not count. An interface counts for the items it answers and for those by which it finds, chooses and orders its records;
that it heads every answer with the enterprise's name is no use of the name that each table holds. It stands in the composition root
because it looks across all rooms.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp

from config.commands.real import CREDIT, OUTCOME_ITEMS
from rongqiao.bases.enterprises.extraction import SERIES, event_queries
from rongqiao.contracts.cross import load_cross_rules
from rongqiao.contracts.interfaces import load_interfaces
from rongqiao.contracts.standards import load_contracts
from rongqiao.governance.rules import IDENTITY
from rongqiao.indicators.lineage import RECORD, item_edges
from rongqiao.indicators.registry import load_indicators

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rongqiao.contracts.model import Contract

#: (contract, item) → what reads it, such as ``indicator:tax_arrears_cny`` or ``interface:enterprise_profile``.
Usage = dict[tuple[str, str], set[str]]
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


def item_usage(contracts: Mapping[str, Contract] | None = None) -> Usage:
    """Find out what reads each item of each contract.

    Parameters
    ----------
    contracts : Mapping or None
        Contracts to look at; ``None`` for all of the installation.

    Returns
    -------
    dict
        Every item of every contract; an empty set where nothing reads it.
    """
    contracts = contracts if contracts is not None else load_contracts()
    usage: Usage = {
        (contract.id, item): set() for contract in contracts.values() for item in contract.columns
    }
    for contract_id, item, reader in _reads(contracts):
        if (contract_id, item) in usage:
            usage[contract_id, item].add(reader)
    return usage


def users_of_items(contracts: Mapping[str, Contract] | None = None) -> dict[str, list[str]]:
    """``<contract>.<item>`` → who reads it, items that are no longer declared included: what a breaking change would break."""
    found: dict[str, set[str]] = defaultdict(set)
    for contract_id, item, reader in _reads(contracts if contracts is not None else load_contracts()):
        found[f"{contract_id}.{item}"].add(reader)
    return {name: sorted(readers) for name, readers in found.items()}


def _reads(contracts: Mapping[str, Contract]) -> Iterator[tuple[str, str, str]]:
    yield from _indicator_reads()
    yield from _cross_reads(contracts)
    yield from _interface_reads(contracts)
    yield from _page_reads(contracts)
    yield from _identity_reads(contracts)


def unused_items(contracts: Mapping[str, Contract] | None = None) -> dict[str, list[str]]:
    """Items that nothing reads, by contract, in the order of the contract; contracts without one are left out."""
    found: dict[str, list[str]] = defaultdict(list)
    for (contract_id, item), readers in item_usage(contracts).items():
        if not readers:
            found[contract_id].append(item)
    return dict(found)


def _indicator_reads() -> Iterator[tuple[str, str, str]]:
    for name in load_indicators():
        for edge in item_edges(name):
            if edge.column != RECORD:
                yield edge.source, edge.column, f"indicator:{name}"


def _record_choice(contract: Contract) -> Iterable[str]:
    """Items by which the last known row of each record is chosen and placed in time."""
    return {contract.identifier, *contract.key, *([contract.valid_on] if contract.valid_on else ())}


def _cross_reads(contracts: Mapping[str, Contract]) -> Iterator[tuple[str, str, str]]:
    for rule in load_cross_rules().values():
        known = [contracts[name] for name in rule.contracts if name in contracts]
        chosen = {(contract.id, item) for contract in known for item in _record_choice(contract)}
        for contract_id, item in rule.items | chosen:
            yield contract_id, item, rule.id


def _interface_reads(contracts: Mapping[str, Contract]) -> Iterator[tuple[str, str, str]]:
    for interface in load_interfaces().values():
        for dataset in interface.datasets:
            contract = contracts[dataset.contract_id]
            read = {*dataset.fields, *_record_choice(contract), *([dataset.order] if dataset.order else ())}
            for item in read:
                yield dataset.contract_id, item, f"interface:{interface.id}"


def _identity_reads(contracts: Mapping[str, Contract]) -> Iterator[tuple[str, str, str]]:
    """Items by which cleaning finds out whose a row is; the operator's page of cleaning shows each that was found by them."""
    for contract in contracts.values():
        for item in IDENTITY:
            yield contract.id, item, "page:cleaning"


def _page_reads(contracts: Mapping[str, Contract]) -> Iterator[tuple[str, str, str]]:
    for item in _HEAD:
        yield REGISTRY, item, "report:identity"
    for series in SERIES:
        for item in (series.column, *_record_choice(contracts[series.contract_id])):
            yield series.contract_id, item, f"report:{series.id}"
    for contract_id, (day, title, amount, condition) in event_queries(_DAY).items():
        tree = sqlglot.parse_one(f"SELECT {day}, {title}, {amount} WHERE {condition}", dialect="duckdb")
        named = {column.name for column in tree.find_all(exp.Column)}
        for item in {*named, *_record_choice(contracts[contract_id])}:
            yield contract_id, item, "report:events"
    for item in OUTCOME_ITEMS:
        yield CREDIT.removeprefix("published/"), item, "report:rating_evaluation"
