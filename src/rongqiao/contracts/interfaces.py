"""Data interfaces: one file per business question, ``interfaces/<id>.yaml``, read and checked against the contracts.

The file alone decides who is covered, which items are answered, how old they may be, how often one may ask and what is masked;
documentation, OpenAPI, samples, throttles and access follow from it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import yaml

from rongqiao.contracts.catalog import consent_data_classes, consent_purposes
from rongqiao.contracts.standards import load_contracts
from rongqiao.kernel.errors import ContractError
from rongqiao.kernel.home import home

if TYPE_CHECKING:
    from pathlib import Path

    from rongqiao.contracts.model import Contract, Item

DUTY = "government_duty"
MASK_RULES = ("tail4", "amount_band", "surname", "none")
CYCLES = ("daily", "weekly", "monthly", "quarterly", "yearly", "once")
LARGEST_ROWS = 1000
_TEXTS = ("title", "version", "provider", "question", "covered", "not_covered", "definition", "ping")
_FIELDS = {
    *_TEXTS,
    *(
        "id",
        "years_held",
        "purposes",
        "throttle_per_minute",
        "quota_per_day",
        "price_cny",
        "datasets",
        "masks",
    ),
}
_VERSION = re.compile(r"\d+\.\d+\.\d+")


@dataclass(frozen=True, slots=True)
class Dataset:
    """One list of records that an interface answers with.

    Parameters
    ----------
    contract_id, title : str
        Table that is read, and the heading of its list.
    data_class : str
        What the enterprise must have released.
    is_public : bool
        Whether the source publishes it, so that no consent is needed.
    fields : tuple of str
        Items answered, in order; code and name of the enterprise stand above.
    rows : int
        Longest list of one page.
    order : str or None
        Item that the records are ordered by; null leaves the order of the key.
    is_descending : bool
        Whether the largest comes first.
    """

    contract_id: str
    title: str
    data_class: str
    is_public: bool
    fields: tuple[str, ...]
    rows: int
    order: str | None
    is_descending: bool


@dataclass(frozen=True, slots=True)
class Mask:
    """How an item is veiled: ``tail4``, ``amount_band``, ``surname`` or ``none``, except for some purposes."""

    contract_id: str
    item_id: str
    rule: str
    unless: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Interface:
    """One data interface; ``years_held`` is null when all of history is answered."""

    id: str
    title: str
    version: str
    provider: str
    provider_title: str
    question: str
    covered: str
    not_covered: str
    definition: str
    years_held: int | None
    purposes: tuple[str, ...]
    throttle_per_minute: int
    quota_per_day: int
    price_cny: Decimal
    ping: str
    datasets: tuple[Dataset, ...]
    masks: tuple[Mask, ...]

    @property
    def data_classes(self) -> tuple[str, ...]:
        """Classes of data answered, each once."""
        return tuple(dict.fromkeys(dataset.data_class for dataset in self.datasets))

    @property
    def is_public(self) -> bool:
        """Whether nothing in the answer needs a consent."""
        return all(dataset.is_public for dataset in self.datasets)

    def mask_of(self, contract_id: str, item_id: str, purpose: str) -> str:
        """Rule that veils an item for a purpose; ``none`` where it is shown as it is."""
        for mask in self.masks:
            if (mask.contract_id, mask.item_id) == (contract_id, item_id) and purpose not in mask.unless:
                return mask.rule
        return "none"


def interfaces_root() -> Path:
    """Folder of the interfaces."""
    return _root_at(home())


@lru_cache(maxsize=4)
def _root_at(place: Path) -> Path:
    return place / "interfaces"


def load_interfaces(root: Path | None = None) -> dict[str, Interface]:
    """Read all interfaces, by id.

    Raises
    ------
    ContractError
        If a file is malformed; the error names file, field and remedy.
    """
    return dict(_load_all(root or interfaces_root()))


def find_interface(interface_id: str) -> Interface | None:
    """Return one interface of the installation; null when it has none of this id. Quick, for every call asks."""
    return _load_all(interfaces_root()).get(interface_id)


def load_interface(interface_id: str, root: Path | None = None) -> Interface:
    """Read one interface.

    Raises
    ------
    ContractError
        If it is unknown, or any file is malformed.
    """
    found = _load_all(root or interfaces_root())
    if interface_id not in found:
        raise ContractError("数据接口", interface_id, f"现有接口：{'、'.join(found)}。")
    return found[interface_id]


@lru_cache(maxsize=4)
def _load_all(root: Path) -> dict[str, Interface]:
    return {interface.id: interface for interface in map(read_interface, sorted(root.glob("*.yaml")))}


def read_interface(path: Path) -> Interface:
    """Read one file.

    Raises
    ------
    ContractError
        Naming file, field, value and remedy.
    """
    try:
        node = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise ContractError(f"interface file {path.name}", str(path), f"It is no YAML: {error}.") from error
    if not isinstance(node, dict):
        raise ContractError(f"interface file {path.name}", str(path), "It must hold one mapping.")
    return _Reader(path.name, node).interface(path.stem)


class _Reader:
    """Reads one mapping and says which field of which file is wrong."""

    def __init__(self, name: str, node: dict[str, Any]) -> None:
        self.name = name
        self.node = node

    def refuse(self, field: str, value: object, remedy: str) -> ContractError:
        return ContractError(f"interfaces/{self.name}: {field}", value, remedy)

    def interface(self, stem: str) -> Interface:
        node = self.node
        missing = sorted(_FIELDS - {"masks"} - set(node))
        if missing or set(node) - _FIELDS:
            raise self.refuse(
                "fields", sorted(set(node) - _FIELDS), f"Add {missing} and remove what is not listed there."
            )
        if node["id"] != stem:
            raise self.refuse("id", node["id"], f"The file's name asks for {stem!r}.")
        texts = {field: self.text(field) for field in _TEXTS}
        if not _VERSION.fullmatch(texts["version"]):
            raise self.refuse("version", texts["version"], "Write three numbers, such as 1.0.0.")
        if texts["ping"] not in CYCLES:
            raise self.refuse("ping", texts["ping"], f"Use one of {', '.join(CYCLES)}.")
        purposes = self.purposes("purposes", node["purposes"])
        if not purposes:
            raise self.refuse("purposes", purposes, "Name at least one purpose.")
        datasets = self.datasets(purposes)
        return Interface(
            **texts,
            id=stem,
            provider_title=self.provider_title(texts["provider"]),
            years_held=None if node["years_held"] is None else self.count("years_held", 100),
            purposes=purposes,
            throttle_per_minute=self.count("throttle_per_minute", 100_000),
            quota_per_day=self.count("quota_per_day", 100_000_000),
            price_cny=self.price(),
            datasets=datasets,
            masks=tuple(
                self.mask(number, each, datasets) for number, each in enumerate(node.get("masks") or ())
            ),
        )

    def text(self, field: str) -> str:
        value = self.node[field]
        if not isinstance(value, str) or not value.strip():
            raise self.refuse(field, value, "Write it out in words.")
        return value.strip()

    def count(self, field: str, most: int, node: dict[str, Any] | None = None) -> int:
        value = (self.node if node is None else node).get(field)
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
            raise self.refuse(field, value, f"Give a whole number from 1 to {most}.")
        return value

    def price(self) -> Decimal:
        try:
            price = Decimal(str(self.node["price_cny"]))
        except InvalidOperation:
            price = Decimal(-1)
        if not price.is_finite() or price < 0:
            raise self.refuse("price_cny", self.node["price_cny"], "Give yuan per call, 0 for free.")
        return price.quantize(Decimal("0.01"))

    def purposes(self, field: str, value: object) -> tuple[str, ...]:
        known = consent_purposes()
        if not isinstance(value, list) or (unknown := [each for each in value if each not in known]):
            wrong = value if not isinstance(value, list) else unknown
            raise self.refuse(field, wrong, f"catalog/consent.yaml has: {', '.join(known)}.")
        return tuple(dict.fromkeys(value))

    def provider_title(self, provider: str) -> str:
        for contract in load_contracts().values():
            if contract.department == provider:
                return contract.department_title
        raise self.refuse("provider", provider, "Name a department that has contracts in standards/.")

    def datasets(self, purposes: tuple[str, ...]) -> tuple[Dataset, ...]:
        nodes = self.node["datasets"]
        if not isinstance(nodes, list) or not nodes:
            raise self.refuse("datasets", nodes, "List at least one table to answer from.")
        found = tuple(self.dataset(number, each, purposes) for number, each in enumerate(nodes))
        ids = [dataset.contract_id for dataset in found]
        if len(set(ids)) < len(ids):
            raise self.refuse("datasets", ids, "Name each contract once.")
        return found

    def dataset(self, number: int, node: dict[str, Any], purposes: tuple[str, ...]) -> Dataset:
        place = f"datasets[{number}]"
        contracts = load_contracts()
        if not isinstance(node, dict) or node.get("contract") not in contracts:
            raise self.refuse(
                f"{place}.contract", node, "Name a contract of standards/, as taxation.tax_filing."
            )
        contract = contracts[node["contract"]]
        order = str(node.get("order") or "")
        column = order.removeprefix("-")
        if column and column not in contract.columns:
            raise self.refuse(f"{place}.order", order, f"{contract.id} has: {', '.join(contract.columns)}.")
        data_class = consent_data_classes()[contract.data_class]
        return Dataset(
            contract_id=contract.id,
            title=str(node.get("title") or contract.title),
            data_class=contract.data_class,
            is_public=data_class.is_public,
            fields=tuple(
                self.item(f"{place}.fields", contract, each, purposes).id
                for each in self.listed(f"{place}.fields", node.get("fields"))
            ),
            rows=self.count("rows", LARGEST_ROWS, node),
            order=column or None,
            is_descending=order.startswith("-"),
        )

    def listed(self, field: str, value: object) -> list[str]:
        if not isinstance(value, list) or not value or len(set(value)) < len(value):
            raise self.refuse(field, value, "List at least one item, each once.")
        return value

    def item(self, field: str, contract: Contract, item_id: str, purposes: tuple[str, ...]) -> Item:
        if item_id in {"uscc", "name"}:
            raise self.refuse(field, item_id, "Remove it: code and name stand in every answer.")
        if item_id not in contract.columns:
            raise self.refuse(field, item_id, f"{contract.id} has: {', '.join(contract.columns)}.")
        item = contract.item(item_id)
        if item.sensitivity == "L4" and purposes != (DUTY,):
            raise self.refuse(field, item_id, f"Personal data (L4) may only be answered for {DUTY}.")
        return item

    def mask(self, number: int, node: dict[str, Any], datasets: tuple[Dataset, ...]) -> Mask:
        place = f"masks[{number}]"
        if not isinstance(node, dict):
            raise self.refuse(place, node, "Give field, rule and, where it does not apply, unless.")
        contract_id, _, item_id = str(node.get("field", "")).rpartition(".")
        if not any(each.contract_id == contract_id and item_id in each.fields for each in datasets):
            raise self.refuse(
                f"{place}.field", node.get("field"), "Name an answered item as <department>.<table>.<item>."
            )
        if node.get("rule") not in MASK_RULES:
            raise self.refuse(f"{place}.rule", node.get("rule"), f"Use one of {', '.join(MASK_RULES)}.")
        unless = self.purposes(f"{place}.unless", node.get("unless") or [])
        return Mask(contract_id, item_id, node["rule"], unless)
