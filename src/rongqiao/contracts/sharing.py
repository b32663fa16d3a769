"""The national lists of credit information that departments share, and how far the standards answer them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from rongqiao.contracts.documents import document
from rongqiao.contracts.standards import load_contracts
from rongqiao.kernel.errors import ContractError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from rongqiao.contracts.model import Contract

_FILE = "catalog/sharing_lists.yaml"


@dataclass(frozen=True, slots=True)
class SharingList:
    """One list as its document fixes it; ``is_verified`` says whether its items were compared with the annex."""

    id: str
    title: str
    document: str
    issued_on: dt.date
    items: int
    is_verified: bool


@dataclass(frozen=True, slots=True)
class SharedItem:
    """One item of a list.

    Parameters
    ----------
    id, title, class_title : str
    since : str
        The list that brought it in; later lists hold it too.
    department : str
        Who is to share it.
    contracts : tuple of str
        Tables that answer it; empty where no standard does yet.
    """

    id: str
    title: str
    class_title: str
    since: str
    department: str
    contracts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a list one department's standards answer: items asked of it, and those with at least one table."""

    list_id: str
    department: str
    department_title: str
    items: int
    answered: int

    @property
    def ratio(self) -> float:
        """Answered of asked; a department that a list asks nothing of has no coverage and stands in none."""
        return round(self.answered / self.items, 4)


@lru_cache(maxsize=1)
def sharing_lists() -> dict[str, SharingList]:
    """All lists by id, the oldest first."""
    return {
        list_id: SharingList(id=list_id, **node)
        for list_id, node in document("sharing_lists")["lists"].items()
    }


@lru_cache(maxsize=1)
def shared_items() -> dict[str, SharedItem]:
    """All items by id, in the order of the lists."""
    return {
        item_id: SharedItem(
            item_id, node["title"], node["class"], node["since"], node["department"], tuple(node["contracts"])
        )
        for item_id, node in document("sharing_lists")["items"].items()
    }


def items_of(list_id: str) -> list[SharedItem]:
    """Items of one list: its own, and those of the lists before it.

    Raises
    ------
    ContractError
        If there is no such list.
    """
    known = list(sharing_lists())
    if list_id not in known:
        raise ContractError(_FILE, list_id, f"The lists are: {', '.join(known)}.")
    held = known[: known.index(list_id) + 1]
    return [item for item in shared_items().values() if item.since in held]


def coverage(list_id: str, contracts: Mapping[str, Contract] | None = None) -> list[Coverage]:
    """Count for each department what a list asks of it and how much of that the standards answer; in order of departments."""
    known = contracts if contracts is not None else load_contracts()
    titles = {contract.department: contract.department_title for contract in known.values()}
    asked: dict[str, list[bool]] = defaultdict(list)
    for item in items_of(list_id):
        asked[item.department].append(any(name in known for name in item.contracts))
    return [
        Coverage(list_id, department, titles.get(department, department), len(found), sum(found))
        for department, found in sorted(asked.items())
    ]


def check_sharing(contracts: Mapping[str, Contract]) -> list[tuple[str, str]]:
    """Find faults of the lists: numbers of items, and tables or departments that do not exist. Pairs of item and fault."""
    departments = {contract.department for contract in contracts.values()}
    faults = [
        (each.id, f"the list holds {each.items} items, the catalogue {len(items_of(each.id))}")
        for each in sharing_lists().values()
        if len(items_of(each.id)) != each.items
    ]
    for item in shared_items().values():
        faults += [
            (item.id, f"names {name!r}, which does not exist")
            for name in item.contracts
            if name not in contracts
        ]
        if item.department not in departments:
            faults.append((item.id, f"names the department {item.department!r}, which does not exist"))
    return faults
