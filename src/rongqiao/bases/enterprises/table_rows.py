"""Governed rows of one table, page by page straight from the lake, masked by the sensitivity of each item."""

# ruff: noqa: S608  (names come from contracts and are quoted; values are bound)
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

from rongqiao.accounts.roles import Role
from rongqiao.accounts.services import require
from rongqiao.contracts.standards import load_contracts
from rongqiao.kernel.errors import NotAllowedError
from rongqiao.lake.engine import connect, quote
from rongqiao.lake.tables import Lake

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from rongqiao.accounts.scope import Scope
    from rongqiao.contracts.model import Contract

#: Columns that every governed row has beside its items.
ENTERPRISE, KNOWN, BATCH, LINE = "enterprise_id", "known_at", "batch_id", "line"
HIDDEN, MASK = "不显示", "＊＊＊"


@dataclass(frozen=True)
class TableRows(Sequence[dict[str, Any]]):
    """Rows of a table, newest first; read when they are sliced.

    Parameters
    ----------
    lake : Lake
    contract : Contract
    text : str
        Only rows that contain it in the enterprise's code or an item that is public.
    order : str
        Column to order by; empty for the newest first.
    """

    lake: Lake
    contract: Contract
    text: str = ""
    order: str = ""
    is_descending: bool = False

    def matching(self, text: str) -> TableRows:
        """Keep rows that contain a text."""
        return replace(self, text=text)

    def ordered_by(self, column: str, *, is_descending: bool) -> TableRows:
        """Order by a column, rows without a value last."""
        return replace(self, order=column, is_descending=is_descending)

    @cached_property
    def _connection(self) -> DuckDBPyConnection:
        return connect(self.lake, [self._table])

    @property
    def _table(self) -> str:
        return f"published/{self.contract.id}"

    def _filter(self) -> tuple[str, list[str]]:
        if not self.text:
            return "true", []
        public = [
            item.id for item in self.contract.items if item.sensitivity == "L1" and item.type == "string"
        ]
        names = [ENTERPRISE, *public]
        return " OR ".join(f"contains({quote(name)}, ?)" for name in names), [self.text] * len(names)

    def __len__(self) -> int:
        """Rows in all, those that match a text if there is one."""
        if not self.lake.exists(self._table):
            return 0
        condition, values = self._filter()
        found = self._connection.execute(
            f"SELECT count(*) FROM {quote(self._table)} WHERE {condition}", values
        ).fetchone()
        return int(found[0]) if found else 0

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        """Read a slice of rows, or one."""
        if isinstance(index, int):
            return self[index : index + 1][0]
        start = index.start or 0
        stop = len(self) if index.stop is None else index.stop
        if stop <= start or not self.lake.exists(self._table):
            return []
        condition, values = self._filter()
        known = {ENTERPRISE, KNOWN, *self.contract.columns}
        direction = "DESC" if self.is_descending else "ASC"
        first = f"{quote(self.order)} {direction} NULLS LAST, " if self.order in known else ""
        listed = ", ".join(quote(name) for name in (ENTERPRISE, KNOWN, BATCH, LINE, *self.contract.columns))
        found = self._connection.execute(
            f"""SELECT {listed} FROM {quote(self._table)} WHERE {condition}
            ORDER BY {first}{KNOWN} DESC, {BATCH}, {LINE} LIMIT {int(stop - start)} OFFSET {int(start)}""",
            values,
        )
        return [self._mask(row) for row in found.to_arrow_table().to_pylist()]

    def _mask(self, row: dict[str, Any]) -> dict[str, Any]:
        return {
            **row,
            **{item.id: mask_value(row[item.id], item.sensitivity) for item in self.contract.items},
        }


def mask_value(value: Any, sensitivity: str) -> Any:
    """Show a value as its level allows: public and internal ones whole, sensitive ones only as to whether they are there, personal ones never."""
    if sensitivity == "L4":
        return HIDDEN
    if sensitivity == "L3" and value is not None:
        return f"{value[0]}{MASK}" if isinstance(value, str) and len(value) > 1 else MASK
    return value


def own_contract(scope: Scope, contract_id: str) -> Contract | None:
    """Contract of one of the department's tables; null when unknown.

    Raises
    ------
    NotAllowedError
        If the table belongs to another department.
    """
    require(scope, Role.DEPARTMENT_CLERK)
    contract = load_contracts().get(contract_id)
    if contract is not None and contract.department != scope.department:
        raise NotAllowedError("数据表", contract_id, "只能查看本部门的数据表。")
    return contract


def list_rows(scope: Scope, contract: Contract) -> TableRows:
    """Governed rows of one of the department's own tables; nobody else may browse them.

    Raises
    ------
    NotAllowedError
        If the table belongs to another department.
    """
    own_contract(scope, contract.id)
    return TableRows(Lake(), contract)
