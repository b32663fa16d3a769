"""Assignments taken back: a row that was held to mean an enterprise, and did not.

Nothing is rewritten. A row of the published table says that a version is withdrawn, from the day it is said; whoever reads at that day or
later reads without it (`rongqiao.lake.asof.standing`), whoever reads at an earlier day reads as it was. The row goes back to quarantine for
its department, and the log of merges keeps who took it back, and why.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from rongqiao.contracts.standards import load_contract
from rongqiao.governance.batch import NAME_CONTRACT, SUBJECT_CONTRACTS
from rongqiao.governance.service import QUARANTINE, SCHEMAS
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.lake.engine import connect, quote

if TYPE_CHECKING:
    import datetime as dt

    from rongqiao.contracts.standards import Contract
    from rongqiao.lake.tables import Lake

MERGES = "operations/merges"
#: Rule under which a withdrawn row waits; the register cannot settle it, only its department or a person.
WITHDRAWN = "cleaning.withdrawn"


def withdraw(
    lake: Lake, *, contract_id: str, batch_id: str, line: int, known_at: dt.date, by: str, reason: str
) -> str:
    """Take back the assignment of one published row.

    Parameters
    ----------
    lake : Lake
    contract_id, batch_id, line : str, str, int
        Place of the row, as the log of merges names it.
    known_at : datetime.date
        Day from which readers read without it; not before the row itself became known.
    by, reason : str
        Who says so and why; both are kept.

    Returns
    -------
    str
        The enterprise that the row was assigned to.

    Raises
    ------
    InvalidValueError
        If no reason is given, the row was never published or was withdrawn before, or its table says which enterprises there are.

    Notes
    -----
    Each step is a transaction named by the place: a call that was killed is completed by the next.
    """
    contract = load_contract(contract_id)
    if not reason.strip():
        raise InvalidValueError("撤销原因", reason, "请写明为何撤销认定，记录会长期保留。")
    if contract_id in (*SUBJECT_CONTRACTS, NAME_CONTRACT):
        raise InvalidValueError("数据表", contract_id, "登记类数据由市场监管部门更正，不能撤销认定。")
    table, mark = f"published/{contract_id}", f"withdraw@{batch_id}:{line}"
    row = _published(lake, table, batch_id, line)
    if row is None or lake.has(MERGES, mark):
        raise InvalidValueError("认定记录", f"{batch_id}:{line}", "没有这条已入库的记录，或已经撤销。")
    if known_at < row["known_at"][0].as_py():
        raise InvalidValueError("撤销日期", known_at.isoformat(), "不能早于该行入库的日期。")
    enterprise_id: str = row["enterprise_id"][0].as_py()
    tombstone = row.set_column(
        row.schema.get_field_index("known_at"), "known_at", pa.array([known_at], pa.date32())
    )
    if "withdrawn" in tombstone.column_names:
        tombstone = tombstone.drop_columns(["withdrawn"])
    lake.append(table, tombstone.append_column("withdrawn", pa.array([True])), transaction=mark)
    merge = _merge(lake, batch_id, line)
    entry = {"batch_id": batch_id, "contract_id": contract_id, "line": line, "known_at": known_at}
    _append(lake, QUARANTINE, mark, {**entry, **_set_aside(contract, row, merge, reason)})
    history = {
        "method": "withdrawn",
        "raw_uscc": merge.get("raw_uscc"),
        "raw_name": merge.get("raw_name"),
        "enterprise_id": enterprise_id,
        "evidence": json.dumps({"by": by, "reason": reason.strip()}, ensure_ascii=False),
    }
    _append(lake, MERGES, mark, {**entry, **history})
    return enterprise_id


def _append(lake: Lake, table: str, mark: str, values: dict[str, Any]) -> None:
    lake.append(table, pa.Table.from_pylist([values], schema=SCHEMAS[table]), transaction=mark)


def _published(lake: Lake, table: str, batch_id: str, line: int) -> pa.Table | None:
    """Return the row as it was first published; null if there is none."""
    if not lake.exists(table):
        return None
    with connect(lake, [table]) as connection:
        found = connection.execute(
            f"SELECT * FROM {quote(table)} WHERE batch_id = ? AND line = ? ORDER BY known_at LIMIT 1",  # noqa: S608
            [batch_id, line],
        ).to_arrow_table()
    return found if found.num_rows else None


def _merge(lake: Lake, batch_id: str, line: int) -> dict[str, Any]:
    """Return what was delivered of the row's identity; empty where its code was right as it stood."""
    if not lake.exists(MERGES):
        return {}
    rows = lake.read(MERGES)
    chosen = rows.filter(pc.and_(pc.equal(rows["batch_id"], batch_id), pc.equal(rows["line"], line)))
    found: list[dict[str, Any]] = chosen.to_pylist()
    return found[0] if found else {}


def _set_aside(contract: Contract, row: pa.Table, merge: dict[str, Any], reason: str) -> dict[str, Any]:
    """Lay the row out as quarantine keeps rows, with the identity as it was delivered."""
    published = row.to_pylist()[0]
    told = {
        item.id: None if published[item.id] is None else str(published[item.id]) for item in contract.items
    }
    if merge:
        told[contract.identifier] = merge["raw_uscc"]
    if merge and "name" in told:
        told["name"] = merge["raw_name"]
    return {
        "file_name": "",
        "column": contract.identifier,
        "rule_id": WITHDRAWN,
        "value": merge.get("raw_uscc") or merge.get("raw_name") or published["enterprise_id"],
        "message": f"认定已撤销：{reason.strip()} 请核对营业执照，补报代码后重报。",
        "row_json": json.dumps(told, ensure_ascii=False),
    }


def history_of(lake: Lake, batch_id: str, line: int) -> list[dict[str, Any]]:
    """List everything that was decided about one row's enterprise, oldest first."""
    if not lake.exists(MERGES):
        return []
    rows = lake.read(MERGES)
    chosen = rows.filter(pc.and_(pc.equal(rows["batch_id"], batch_id), pc.equal(rows["line"], line)))
    found: list[dict[str, Any]] = chosen.to_pylist()
    return sorted(found, key=lambda entry: (entry["known_at"], entry["method"] == "withdrawn"))
