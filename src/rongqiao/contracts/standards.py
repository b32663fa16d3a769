"""Data contracts: the standards departments deliver by, read from ``standards/<department>/<table>.yaml``.

The files follow the Open Data Contract Standard (ODCS v3.0.2); what ODCS has no field for stands in its
``customProperties``. A contract is read once, checked while it is read, and never changes afterwards.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import yaml

from rongqiao.contracts.code_lists import code_list
from rongqiao.contracts.implied import implied_rules
from rongqiao.contracts.model import (
    DELIVERY_COLUMNS,
    FAMILIES,
    Contract,
    Family,
    Item,
    ItemType,
    QualityRule,
    Scope,
    Severity,
)
from rongqiao.kernel.errors import ContractError, InvalidValueError
from rongqiao.kernel.home import home, var

__all__ = [
    "DELIVERY_COLUMNS",
    "FAMILIES",
    "Contract",
    "Family",
    "Item",
    "ItemType",
    "QualityRule",
    "Scope",
    "Severity",
    "load_contract",
    "load_contracts",
    "overlay_root",
    "parse_contract",
    "read_contract",
    "standards_root",
]

_TYPES: dict[str, ItemType] = {
    "VARCHAR": "string",
    "BIGINT": "integer",
    "DECIMAL(18,2)": "decimal",
    "DOUBLE": "decimal",
    "DATE": "date",
    "INTEGER": "month",
    "BOOLEAN": "boolean",
}
#: Departments often state another unit in the header, in brackets: unit → larger unit → factor.
_SCALES = {
    "元": {"千元": 1_000, "万元": 10_000, "亿元": 100_000_000},
    "千瓦时": {"万千瓦时": 10_000},
    "立方米": {"万立方米": 10_000},
}
_REMEDY = "Mend the file by docs/glossary.md and its neighbours, then run `rongqiao standards check`."


def standards_root() -> Path:
    """Folder of the contracts."""
    return home() / "standards"


def overlay_root() -> Path:
    """Folder of contracts that this installation added for foreign sources: ``RONGQIAO_STANDARDS_OVERLAY``, else under ``var/``."""
    return Path(os.environ.get("RONGQIAO_STANDARDS_OVERLAY") or var() / "standards")


def load_contracts(root: Path | None = None) -> dict[str, Contract]:
    """Read all contracts, by id, in the order of their ids.

    Parameters
    ----------
    root : Path or None
        A folder that stands alone; ``None`` for the repository's, and beside them the active ones of `overlay_root`.

    Raises
    ------
    ContractError
        If a file is malformed; the error names file and remedy.
    """
    return dict(_load(root))


def load_contract(contract_id: str, root: Path | None = None) -> Contract:
    """Read one contract.

    Raises
    ------
    ContractError
        If it is unknown, or any file is malformed.
    """
    contracts = _load(root)
    if contract_id not in contracts:
        raise ContractError("data contract", contract_id, f"Known contracts: {', '.join(contracts)}.")
    return contracts[contract_id]


def _load(root: Path | None) -> dict[str, Contract]:
    if root is not None:
        return _load_all(root)
    paths = sorted(overlay_root().glob("*/*.yaml"))
    if not paths:
        return _load_all(standards_root())
    # A contract that is finished in a form counts at once, in every process.
    return _load_both(standards_root(), tuple((path, path.stat().st_mtime_ns) for path in paths))


@lru_cache(maxsize=4)
def _load_both(root: Path, added: tuple[tuple[Path, int], ...]) -> dict[str, Contract]:
    """Put the installation's own contracts beside the repository's, which keep their ids; drafts and faulty files stay out."""
    contracts = dict(_load_all(root))
    for path, _ in added:
        if is_active(path):
            contract = read_contract(path)
            contracts.setdefault(contract.id, contract)
    return dict(sorted(contracts.items()))


def is_active(path: Path) -> bool:
    """Whether a contract file of the overlay is finished: active, and readable; the check names those that are not."""
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        if not isinstance(document, dict) or document.get("status") != "active":
            return False
        read_contract(path)
    except (yaml.YAMLError, ContractError, OSError):
        return False
    return True


@lru_cache(maxsize=8)
def _load_all(root: Path) -> dict[str, Contract]:
    paths = sorted(root.glob("*/*.yaml"))
    if not paths:
        raise ContractError(
            "standards folder", str(root), "Set RONGQIAO_HOME to the folder that holds standards/."
        )
    contracts = [read_contract(path) for path in paths]
    return {contract.id: contract for contract in sorted(contracts, key=lambda contract: contract.id)}


def read_contract(path: Path) -> Contract:
    """Read one contract file.

    Raises
    ------
    ContractError
        If it is no YAML mapping, lacks a field, or names a code list, column or value that does not exist.
    """
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        raise ContractError(
            f"contract file {path.name}", str(path), f"It is not valid YAML: {error}."
        ) from error
    if not isinstance(document, dict):
        raise ContractError(
            f"contract file {path.name}", str(path), "It must hold one mapping (ODCS v3.0.2)."
        )
    contract = parse_contract(cast("dict[str, Any]", document), f"contract file {path}")
    expected = f"{path.parent.name}.{path.stem}"
    if contract.id != expected:
        raise ContractError(f"contract file {path}", contract.id, f"Its place asks for the id {expected!r}.")
    return contract


def parse_contract(document: dict[str, Any], place: str = "contract") -> Contract:
    """Read one contract from its ODCS document.

    Raises
    ------
    ContractError
        If it lacks a field, or names a code list, column or value that does not exist; the error begins with ``place``.
    """
    try:
        return _to_contract(document)
    except (KeyError, TypeError, IndexError) as error:
        raise ContractError(place, str(error), f"A field is missing or misplaced. {_REMEDY}") from error
    except (InvalidValueError, ContractError) as error:
        raise ContractError(f"{place}: {error.thing}", error.value, error.remedy) from error


def _custom(node: dict[str, Any]) -> dict[str, Any]:
    return {entry["property"]: entry["value"] for entry in node.get("customProperties", ())}


def _to_contract(document: dict[str, Any]) -> Contract:
    table = document["schema"][0]
    extra = _custom(document)
    items = tuple(_to_item(node) for node in table["properties"])
    known = {item.id for item in items}
    keyed = sorted(
        (node for node in table["properties"] if node.get("primaryKey")),
        key=lambda node: int(node["primaryKeyPosition"]),
    )
    valid_on = _check_item("validOn", extra.get("validOn"), known)
    if not keyed:
        raise InvalidValueError("primaryKey", document["id"], "At least one property must be a primaryKey.")
    return Contract(
        id=document["id"],
        title=document["name"],
        department=document["domain"],
        department_title=extra["departmentTitle"],
        category=_check_code("data_categories", extra["category"]),
        version=document["version"],
        key=tuple(node["name"] for node in keyed),
        valid_on=valid_on,
        valid_kind=extra["validKind"],
        update_cycle=_check_code("update_cycles", extra["updateCycle"]),
        identifier=extra["identifier"],
        authority_rank=int(extra["authorityRank"]),
        legal_basis=extra["legalBasis"],
        purpose=document["description"]["purpose"],
        usage=document["description"]["usage"],
        limitations=document["description"]["limitations"],
        retention_months=_retention(document),
        retention_from=_check_item("retentionFrom", extra.get("retentionFrom"), known),
        data_class=extra["dataClass"],
        items=items,
        rules=_to_rules(document["id"], items, table.get("quality", ()), (valid_on, extra["validKind"])),
    )


def _check_code(list_id: str, code: str) -> str:
    if code not in code_list(list_id).codes:
        raise InvalidValueError(list_id, code, f"Give a code of {list_id} in catalog/code_lists.yaml.")
    return code


def _check_item(field: str, item_id: str | None, known: set[str]) -> str | None:
    if item_id is not None and item_id not in known:
        raise InvalidValueError(field, item_id, f"{field} must name an item of the contract.")
    return item_id


def _retention(document: dict[str, Any]) -> int | None:
    for entry in document.get("slaProperties", ()):
        if entry["property"] == "retention":
            return int(entry["value"])
    return None


def _to_item(node: dict[str, Any]) -> Item:
    extra = _custom(node)
    physical = node["physicalType"]
    if physical not in _TYPES:
        raise InvalidValueError("physicalType", physical, f"Use one of {', '.join(_TYPES)}.")
    unit, names = extra.get("unit", ""), (node["businessName"], *extra.get("headers", ()))
    listed = extra.get("codeList")
    if listed is not None:
        code_list(listed)
    return Item(
        id=node["name"],
        title=node["businessName"],
        type=_TYPES[physical],
        physical_type=physical,
        unit=unit,
        is_required=bool(node["required"]),
        code_list=listed,
        null_means=extra.get("nullMeans", ""),
        sensitivity=node["classification"],
        definition=node["description"],
        headers=(*names[1:], *(f"{name}（{unit}）" for name in names if unit)),
        scaled_headers=tuple(
            (f"{name}（{larger}）", by) for larger, by in _SCALES.get(unit, {}).items() for name in names
        ),
        date_form=extra.get("dateForm", ""),
    )


def _to_rules(
    contract_id: str, items: tuple[Item, ...], nodes: Any, valid: tuple[str | None, str]
) -> tuple[QualityRule, ...]:
    known = {item.id for item in items} | set(DELIVERY_COLUMNS)
    declared = tuple(_to_rule(contract_id, node) for node in nodes)
    for rule in declared:
        for column in rule.columns:
            if column not in known:
                raise InvalidValueError(
                    rule.id, column, "The rule names a column that the contract does not have."
                )
    names = frozenset(node["name"] for node in nodes)
    implied = implied_rules(contract_id, items, valid_on=valid[0], valid_kind=valid[1], declared=names)
    required = tuple(rule for rule in implied if rule.id.endswith("_required"))
    others = tuple(rule for rule in implied if rule not in required)
    return (*required, *declared, *others)


def _to_rule(contract_id: str, node: dict[str, Any]) -> QualityRule:
    extra = _custom(node)
    family, severity = extra["family"], node["severity"]
    if family not in FAMILIES or severity not in ("reject", "warn"):
        raise InvalidValueError(node["name"], (family, severity), "Unknown family or severity.")
    scope, expression = _to_expression(node)
    low, high = node.get("mustBeBetween", (None, None))
    return QualityRule(
        id=f"{contract_id}.{node['name']}",
        family=family,
        severity=severity,
        scope=scope,
        columns=tuple(extra.get("columns", ())),
        expression=expression,
        title=node["description"],
        minimum=node.get("mustBeGreaterOrEqualTo", low),
        maximum=node.get("mustBeLessOrEqualTo", high),
    )


def _to_expression(node: dict[str, Any]) -> tuple[Scope, str]:
    if node["type"] == "library":
        return "key", ""
    if node["type"] == "sql":
        query = node["query"].strip()
        if not (query.startswith("SELECT ") and query.endswith(" FROM ${object}")):
            raise InvalidValueError(
                node["name"], query, "A table rule reads `SELECT <aggregate> FROM ${object}`."
            )
        return "table", query.removeprefix("SELECT ").removesuffix(" FROM ${object}")
    scopes: dict[str, Scope] = {"duckdb": "row", "reference": "reference"}
    if node["engine"] not in scopes:
        raise InvalidValueError(node["name"], node["engine"], f"Use one of the engines {', '.join(scopes)}.")
    return scopes[node["engine"]], node["implementation"]
