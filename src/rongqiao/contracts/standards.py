"""Data contracts: the standards departments deliver by, read from ``standards/<department>/<table>.yaml``.

The files follow the Open Data Contract Standard (ODCS v3.0.2); what ODCS has no field for stands in its
``customProperties``. A contract is read once, checked while it is read, and never changes afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal, cast

import yaml

from rongqiao.contracts.catalog import code_list
from rongqiao.kernel.errors import ContractError, InvalidValueError
from rongqiao.kernel.home import home

ItemType = Literal["string", "integer", "decimal", "date", "month", "boolean"]
Family = Literal[
    "completeness", "validity", "uniqueness", "consistency", "referential", "timeliness", "drift", "balance"
]
Severity = Literal["reject", "warn"]
Scope = Literal["row", "table", "key", "reference"]

FAMILIES: tuple[Family, ...] = (
    "completeness",
    "validity",
    "uniqueness",
    "consistency",
    "referential",
    "timeliness",
    "drift",
    "balance",
)

#: Columns that rules may name although they are no items: known for every delivery, not sent in it.
DELIVERY_COLUMNS = {"delivered_on": "DATE", "previous_rows": "BIGINT"}

_TYPES: dict[str, ItemType] = {
    "VARCHAR": "string",
    "BIGINT": "integer",
    "DECIMAL(18,2)": "decimal",
    "DOUBLE": "decimal",
    "DATE": "date",
    "INTEGER": "month",
    "BOOLEAN": "boolean",
}
_REMEDY = "Mend the file by docs/glossary.md and its neighbours, then run `rongqiao standards check`."


@dataclass(frozen=True, slots=True)
class Item:
    """One column of a contract.

    Parameters
    ----------
    id : str
        Column name in the lake.
    title : str
        Official Chinese name; also the header that departments use.
    type : ItemType
        ``month`` is an integer ``YYYYMM``; ``decimal`` is money or a quantity with two places, or a ratio.
    physical_type : str
        DuckDB type of the published column, such as ``DECIMAL(18,2)``.
    unit : str
        Unit of measure in Chinese; empty for text, codes and dates.
    is_required : bool
        Whether a row without a value is rejected.
    code_list : str or None
        Id of the code list (``catalog/code_lists.yaml``) whose codes alone may be published.
    null_means : str
        What the absence of a value says, in Chinese.
    sensitivity : str
        ``L1`` public, ``L2`` internal, ``L3`` enterprise-sensitive, ``L4`` personal.
    definition : str
        Definition that a clerk can apply, in Chinese.
    headers : tuple of str
        Further headers that are accepted for this column.
    scaled_headers : tuple of (str, int)
        Headers that give another unit, with the factor to the unit above (``注册资本（万元）``: 10000).
    """

    id: str
    title: str
    type: ItemType
    physical_type: str
    unit: str
    is_required: bool
    code_list: str | None
    null_means: str
    sensitivity: str
    definition: str
    headers: tuple[str, ...]
    scaled_headers: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class QualityRule:
    """One quality rule.

    Parameters
    ----------
    id : str
        ``<contract id>.<name>``.
    family : Family
        Kind of quality that it guards.
    severity : Severity
        ``reject``: the row goes to quarantine; ``warn``: it is published and counted.
    scope : Scope
        ``row``: ``expression`` is a DuckDB predicate over the typed columns, TRUE or NULL for a good row.
        ``table``: ``expression`` is an aggregate over one delivery, good within ``minimum..maximum``; NULL means
        that it could not be run. ``key``: ``columns`` are unique within a delivery, the last row stands.
        ``reference``: the value must be found in the column that ``expression`` names, after cleaning.
    columns : tuple of str
        Items concerned.
    expression : str
        See ``scope``; may also name the columns of `DELIVERY_COLUMNS`.
    title : str
        What a good row fulfils, in Chinese, for the department.
    minimum, maximum : float or None
        Bounds of a table rule, both inclusive; ``None`` is unbounded.
    """

    id: str
    family: Family
    severity: Severity
    scope: Scope
    columns: tuple[str, ...]
    expression: str
    title: str
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True)
class Contract:
    """One table that one department delivers; see `load_contract`.

    Parameters
    ----------
    id : str
        ``<department>.<table>``.
    title, department_title : str
        Chinese names of table and department.
    category : str
        Code of the code list ``data_categories``.
    key : tuple of str
        Columns that identify a record; a later delivery of the same key is a correction. Where ``uscc`` stands
        in a key, the resolved enterprise is meant.
    valid_on : str or None
        Column that says when a record is true; ``None`` when the record has no date of its own.
    valid_kind : str
        ``date``, ``month`` or ``year``: how ``valid_on`` is read.
    update_cycle : str
        Code of the code list ``update_cycles``.
    identifier : str
        ``uscc``, or ``enterprise_no`` where the source is anonymised.
    authority_rank : int
        Which source wins when two contradict each other; 1 is the strongest.
    retention_months : int or None
        How long records serve after they ended; ``None`` is without limit.
    """

    id: str
    title: str
    department: str
    department_title: str
    category: str
    version: str
    key: tuple[str, ...]
    valid_on: str | None
    valid_kind: str
    update_cycle: str
    identifier: str
    authority_rank: int
    legal_basis: str
    purpose: str
    usage: str
    limitations: str
    retention_months: int | None
    items: tuple[Item, ...]
    rules: tuple[QualityRule, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Ids of all items, in order."""
        return tuple(item.id for item in self.items)

    @property
    def row_rules(self) -> tuple[QualityRule, ...]:
        """Rules that judge each row alone."""
        return tuple(rule for rule in self.rules if rule.scope == "row")

    @property
    def table_rules(self) -> tuple[QualityRule, ...]:
        """Rules that judge a delivery as a whole."""
        return tuple(rule for rule in self.rules if rule.scope == "table")

    @cached_property
    def headers(self) -> dict[str, str]:
        """Accepted header → item id: the id itself, the title and all aliases, scaled ones included."""
        return {
            header: item.id
            for item in self.items
            for header in (item.id, item.title, *item.headers, *dict(item.scaled_headers))
        }

    def item(self, item_id: str) -> Item:
        """Return one item.

        Raises
        ------
        ContractError
            If the contract has no such item.
        """
        for item in self.items:
            if item.id == item_id:
                return item
        raise ContractError(f"contract {self.id}", item_id, f"Its items are: {', '.join(self.columns)}.")

    def rule(self, rule_id: str) -> QualityRule:
        """Return one rule by its full id.

        Raises
        ------
        ContractError
            If the contract has no such rule.
        """
        for rule in self.rules:
            if rule.id == rule_id:
                return rule
        raise ContractError(f"contract {self.id}", rule_id, "It has no such rule.")


def standards_root() -> Path:
    """Folder of the contracts."""
    return home() / "standards"


def load_contracts(root: Path | None = None) -> dict[str, Contract]:
    """Read all contracts, by id, in the order of their ids.

    Raises
    ------
    ContractError
        If a file is malformed; the error names file and remedy.
    """
    return dict(_load_all(root or standards_root()))


def load_contract(contract_id: str, root: Path | None = None) -> Contract:
    """Read one contract.

    Raises
    ------
    ContractError
        If it is unknown, or any file is malformed.
    """
    contracts = _load_all(root or standards_root())
    if contract_id not in contracts:
        raise ContractError("data contract", contract_id, f"Known contracts: {', '.join(contracts)}.")
    return contracts[contract_id]


@lru_cache(maxsize=8)
def _load_all(root: Path) -> dict[str, Contract]:
    paths = sorted(root.glob("*/*.yaml"))
    if not paths:
        raise ContractError("standards folder", str(root), "Set RONGQIAO_HOME to the folder that holds standards/.")
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
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)  # noqa: S506 (it is the safe loader, in C)
    except yaml.YAMLError as error:
        raise ContractError(f"contract file {path.name}", str(path), f"It is not valid YAML: {error}.") from error
    if not isinstance(document, dict):
        raise ContractError(f"contract file {path.name}", str(path), "It must hold one mapping (ODCS v3.0.2).")
    try:
        contract = _to_contract(cast("dict[str, Any]", document))
    except (KeyError, TypeError, IndexError) as error:
        raise ContractError(f"contract file {path}", str(error), f"A field is missing or misplaced. {_REMEDY}") from error
    except InvalidValueError as error:
        raise ContractError(f"contract file {path}", error.value, error.remedy) from error
    expected = f"{path.parent.name}.{path.stem}"
    if contract.id != expected:
        raise ContractError(f"contract file {path}", contract.id, f"Its place asks for the id {expected!r}.")
    return contract


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
    valid_on = extra.get("validOn")
    if valid_on is not None and valid_on not in known:
        raise InvalidValueError("validOn", valid_on, "validOn must name an item of the contract.")
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
        items=items,
        rules=_to_rules(document["id"], items, table.get("quality", ())),
    )


def _check_code(list_id: str, code: str) -> str:
    if code not in code_list(list_id).codes:
        raise InvalidValueError(list_id, code, f"Give a code of {list_id} in catalog/code_lists.yaml.")
    return code


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
    listed = extra.get("codeList")
    if listed is not None:
        code_list(listed)
    return Item(
        id=node["name"],
        title=node["businessName"],
        type=_TYPES[physical],
        physical_type=physical,
        unit=extra.get("unit", ""),
        is_required=bool(node["required"]),
        code_list=listed,
        null_means=extra.get("nullMeans", ""),
        sensitivity=node["classification"],
        definition=node["description"],
        headers=tuple(extra.get("headers", ())),
        scaled_headers=tuple((header, int(by)) for header, by in extra.get("scaledHeaders", {}).items()),
    )


def _to_rules(contract_id: str, items: tuple[Item, ...], nodes: Any) -> tuple[QualityRule, ...]:
    required = tuple(
        QualityRule(
            id=f"{contract_id}.{item.id}_required",
            family="completeness",
            severity="reject",
            scope="row",
            columns=(item.id,),
            expression=f"{item.id} IS NOT NULL",
            title=f"“{item.title}”不得为空",
        )
        for item in items
        if item.is_required
    )
    known = {item.id for item in items} | set(DELIVERY_COLUMNS)
    declared = tuple(_to_rule(contract_id, node) for node in nodes)
    for rule in declared:
        for column in rule.columns:
            if column not in known:
                raise InvalidValueError(rule.id, column, "The rule names a column that the contract does not have.")
    return (*required, *declared)


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
            raise InvalidValueError(node["name"], query, "A table rule reads `SELECT <aggregate> FROM ${object}`.")
        return "table", query.removeprefix("SELECT ").removesuffix(" FROM ${object}")
    scopes: dict[str, Scope] = {"duckdb": "row", "reference": "reference"}
    if node["engine"] not in scopes:
        raise InvalidValueError(node["name"], node["engine"], f"Use one of the engines {', '.join(scopes)}.")
    return scopes[node["engine"]], node["implementation"]
