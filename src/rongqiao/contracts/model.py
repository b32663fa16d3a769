"""What a data contract is made of: contract, item, quality rule."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from rongqiao.kernel.errors import ContractError

ItemType = Literal["string", "integer", "decimal", "date", "month", "boolean"]
Family = Literal[
    "completeness", "validity", "uniqueness", "consistency", "referential", "timeliness", "drift", "balance"
]
Severity = Literal["reject", "warn"]
Scope = Literal["row", "table", "key", "reference", "columns", "distribution"]

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
DELIVERY_COLUMNS = {"delivered_on": "DATE", "previous_rows": "BIGINT", "is_regular": "BOOLEAN"}


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
        Further headers that are accepted for this column, among them each name with its unit in brackets.
    scaled_headers : tuple of (str, int)
        Headers that state a larger unit, with the factor to the unit above (``注册资本（万元）``: 10000).
    date_form : str
        How a foreign source writes its dates where no clerk could read them: ``excel_serial``, ``epoch_ms`` or ``day_first``.
        They are written anew when the source is brought in; empty for everything a department sends.
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
    date_form: str = ""


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
        ``columns``: on the columns of the file itself. ``distribution``: on the values of each column against the regular delivery
        before. These two are implied only, and have no expression.
    columns : tuple of str
        Items concerned.
    expression : str
        See ``scope``; may also name the columns of `DELIVERY_COLUMNS`.
    title : str
        What a good row fulfils, in Chinese, for the department.
    minimum, maximum : float or None
        Bounds of a table rule, both inclusive; ``None`` is unbounded.
    is_implied : bool
        Whether it follows from the items and was not written down (:mod:`rongqiao.contracts.implied`).
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
    is_implied: bool = False


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
    retention_from : str or None
        Item that the retention is counted from; ``None`` counts from ``valid_on``.
    data_class : str
        Class of ``catalog/consent.yaml`` that an enterprise releases the table in.
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
    retention_from: str | None
    data_class: str
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

    @property
    def key_rules(self) -> dict[str, tuple[str, ...]]:
        """Rules that a key occurs once in a delivery → its items; one on the primary key where the contract declares none."""
        declared = {rule.id: rule.columns for rule in self.rules if rule.scope == "key"}
        return declared or {f"{self.id}.duplicate_key": self.key}

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
