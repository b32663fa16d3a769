"""Records of the sandbox: drawn from types, units and code lists of the contracts alone; nobody's data."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from rongqiao.bases.enterprises.interfaces.answers import Question, answer_from_store
from rongqiao.contracts.catalog import code_lists
from rongqiao.kernel.period import add_months

if TYPE_CHECKING:
    from rongqiao.contracts.interfaces import Interface
    from rongqiao.contracts.model import Contract, Item

Row = dict[str, Any]
NAME = "融桥示例企业有限公司"
#: A code with a right check character that the register has given to nobody.
USCC = "91430000MA0000000X"
MONTHS = 3


def sample_rows(contract: Contract, uscc: str, as_of: int, known_at: dt.date) -> list[Row]:
    """Return sample records: one per month where a record is of a month, else one. The same question, the same answer."""
    months = [add_months(as_of, -back) for back in range(MONTHS if contract.valid_kind == "month" else 1)]
    return [_row(contract, uscc, month, known_at, line) for line, month in enumerate(months, start=1)]


def sample_body(interface: Interface, today: dt.date) -> dict[str, Any]:
    """Return the body that a sandbox key gets for the first purpose of an interface, as its documentation shows it."""
    question = Question(
        uscc=USCC,
        name=NAME,
        purpose=interface.purposes[0],
        released=set(interface.data_classes),
        granted={each.contract_id: each.fields for each in interface.datasets},
        as_of=today.year * 100 + today.month,
        known_at=today,
        page=1,
        is_marked=False,
        today=today,
    )
    return answer_from_store(interface, question, rows=sample_rows).body


def _row(contract: Contract, uscc: str, month: int, known_at: dt.date, line: int) -> Row:
    row: Row = {"known_at": known_at.isoformat(), "batch_id": "sandbox", "line": line, "enterprise_id": uscc}
    for item in contract.items:
        row[item.id] = _value(item, month, line)
    return row


def _value(item: Item, month: int, line: int) -> Any:
    if item.code_list:
        return next(iter(code_lists()[item.code_list].codes), None)
    day = dt.date(month // 100, month % 100, 1).isoformat()
    amount = f"{100_000 * line + 1234}.00"
    drawn = {"integer": 10 + line, "decimal": amount, "date": day, "month": month, "boolean": False}
    if item.type == "decimal" and not item.id.endswith("_cny"):
        return "0.50"
    return drawn.get(item.type, f"示例{line}")
