"""Facts that several departments state of one enterprise: who states them, who comes first, and what counts as disagreement.

Read from ``catalog/shared_facts.yaml``. A contract's ``authorityRank`` ranks a source as a whole; of one fact the order is told here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from rongqiao.contracts.cross import named_columns
from rongqiao.contracts.documents import document
from rongqiao.contracts.standards import load_contracts
from rongqiao.kernel.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Comparison = Literal["exact", "text", "number"]
PLACE = "catalog/shared_facts.yaml"


@dataclass(frozen=True, slots=True)
class Side:
    """What one contract says of the fact.

    Parameters
    ----------
    contract : str
    value : str
        Item as it is shown.
    compared : str
        DuckDB expression that is compared; the item itself where empty. Null does not speak.
    where : str
        Predicate of the rows that speak; empty for all.
    period : str
        Item that says what month or year a row speaks of; empty where the newest row speaks.
    """

    contract: str
    value: str
    compared: str = ""
    where: str = ""
    period: str = ""

    @property
    def columns(self) -> set[str]:
        """Items that the side reads.

        Raises
        ------
        ContractError
            If a part of it is no DuckDB SQL.
        """
        parts = (self.value, self.compared, self.where, self.period)
        return {name for part in parts if part for name in named_columns(part)}


@dataclass(frozen=True, slots=True)
class SharedFact:
    """One fact of an enterprise that several contracts state.

    Parameters
    ----------
    id, title, unit : str
        The unit is empty for words.
    comparison : str
        ``exact``; ``text``: folded for brackets, width, case and blanks; ``number``: within the tolerances.
    tolerance : float
        Share of the largest value that two sides may lie apart, 0..1.
    allowance : float
        What they may lie apart beside that, in the unit.
    source : str
        Why the order of authority is what it is.
    sides : tuple of Side
        In the order of authority.
    """

    id: str
    title: str
    unit: str
    comparison: Comparison
    tolerance: float
    allowance: float
    source: str
    sides: tuple[Side, ...]

    @property
    def contracts(self) -> tuple[str, ...]:
        """Contracts that state the fact, the most authoritative first."""
        return tuple(side.contract for side in self.sides)


@lru_cache(maxsize=1)
def load_shared_facts() -> dict[str, SharedFact]:
    """Read all shared facts by id.

    Raises
    ------
    ContractError
        If one is malformed.
    """
    return {name: _to_fact(name, node) for name, node in document("shared_facts")["facts"].items()}


def _to_fact(name: str, node: Mapping[str, Any]) -> SharedFact:
    try:
        fact = SharedFact(
            id=name,
            title=node["title"],
            unit=node.get("unit", ""),
            comparison=node["comparison"],
            tolerance=float(node.get("tolerance", {"value": 0})["value"]),
            allowance=float(node.get("allowance", {"value": 0})["value"]),
            source=node["source"],
            sides=tuple(Side(**side) for side in node["sides"]),
        )
    except (KeyError, TypeError) as error:
        raise ContractError(
            PLACE, name, f"Give title, comparison, source and sides; {error} is wrong."
        ) from error
    if fact.comparison not in ("exact", "text", "number") or len(set(fact.contracts)) < 2:
        raise ContractError(PLACE, name, "Compare two contracts or more, as exact, text or number.")
    if len({bool(side.period) for side in fact.sides}) > 1:
        raise ContractError(PLACE, name, "Give every side a period, or none.")
    return fact


def check_shared_facts() -> Iterator[tuple[str, str]]:
    """Find what the facts name and does not exist, as pairs of fact and fault."""
    contracts = load_contracts()
    for fact in load_shared_facts().values():
        for side in fact.sides:
            contract = contracts.get(side.contract)
            if contract is None:
                yield fact.id, f"没有数据标准 {side.contract}。"
            elif missing := side.columns - set(contract.columns):
                yield fact.id, f"{side.contract} 没有 {'、'.join(sorted(missing))}。"
