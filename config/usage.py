"""Which items of the standards are read, and by what, with the readers that only the composition root may know.

What rooms of the house read is `rongqiao.bases.enterprises.usage`; here the steps of governance and the evaluation of the rating
are added, which no room may import.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from config.commands.real import CREDIT, OUTCOME_ITEMS
from rongqiao.bases.enterprises.usage import readings
from rongqiao.contracts.standards import load_contracts
from rongqiao.governance.rules import IDENTITY
from rongqiao.indicators.lineage import RECORD

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rongqiao.contracts.model import Contract

#: (contract, item) → what reads it, such as ``indicator:tax_arrears_cny`` or ``interface:enterprise_profile``.
Usage = dict[tuple[str, str], set[str]]


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
    for each in readings(contracts):
        if each.item_id != RECORD:
            name = each.reader_id if each.kind == "rule" else f"{each.kind}:{each.reader_id}"
            yield each.contract_id, each.item_id, name
    yield from _identity_reads(contracts)
    for item in OUTCOME_ITEMS:
        yield CREDIT.removeprefix("published/"), item, "report:rating_evaluation"


def unused_items(contracts: Mapping[str, Contract] | None = None) -> dict[str, list[str]]:
    """Items that nothing reads, by contract, in the order of the contract; contracts without one are left out."""
    found: dict[str, list[str]] = defaultdict(list)
    for (contract_id, item), readers in item_usage(contracts).items():
        if not readers:
            found[contract_id].append(item)
    return dict(found)


def _identity_reads(contracts: Mapping[str, Contract]) -> Iterator[tuple[str, str, str]]:
    """Items by which cleaning finds out whose a row is; the operator's page of cleaning shows each that was found by them."""
    for contract in contracts.values():
        for item in IDENTITY:
            yield contract.id, item, "page:cleaning"
