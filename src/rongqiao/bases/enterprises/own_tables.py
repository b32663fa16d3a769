"""Which tables hold records of an enterprise, how many, and the newest: counted in the serving store, table by table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rongqiao.bases.enterprises.interfaces import answers
from rongqiao.bases.enterprises.records import month_of, text_of
from rongqiao.contracts.standards import load_contracts
from rongqiao.kernel.errors import ContractError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from rongqiao.accounts.scope import Scope


@dataclass(frozen=True, slots=True)
class Holding:
    """What one table holds of the enterprise.

    Parameters
    ----------
    records : int
        Records that hold today, those whose clock ran out among them; zero is a count.
    newest : str
        When the newest was true, as its table says it: month, year or date; empty where the table has no time, or no record.
    """

    records: int
    newest: str


def own_holdings(scope: Scope, contract_ids: Iterable[str], *, today: dt.date) -> dict[str, Holding] | None:
    """Tell of each table what it holds of the caller's own enterprise, as known today.

    Returns
    -------
    dict or None
        Absent: the store does not have that table, so nobody knows. Null: the store was not built, or the caller is no certified
        enterprise. Neither means that there is no record.

    Notes
    -----
    One enterprise lies together in the store: 142 tables take some two milliseconds, and six seconds in the lake.
    """
    if not scope.uscc:
        return None
    try:
        store = answers.store()
    except ContractError:
        return None
    contracts, found = load_contracts(), {}
    for each in contract_ids:
        contract = contracts.get(each)
        if contract is None or not store.holds(each):
            continue
        rows = store.rows(contract, scope.uscc, as_of=month_of(today), known_at=today, with_expired=True)
        times = [text_of(row.get(contract.valid_on)) for row in rows] if contract.valid_on else []
        found[each] = Holding(records=len(rows), newest=max(times, default=""))
    return found
