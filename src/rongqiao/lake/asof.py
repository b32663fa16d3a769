"""Reading at two times: what was true by ``as_of``, as far as it was known at ``known_at``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ibis

from rongqiao.kernel.errors import ContractError
from rongqiao.kernel.period import check_month, last_day
from rongqiao.lake.engine import literal, quote
from rongqiao.lake.expiry import unexpired

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Container, Mapping, Sequence
    from typing import Any

    from ibis.expr.types import BooleanValue, Table

    from rongqiao.contracts.standards import Contract

#: By which the last of several rows of one key is told, where a table has them: the day, the place of the delivery's receipt in the
#: ledger, the line, and the amendment of a figure. Deliveries without a place (of a lake older than the column, or governed without a
#: ledger) count as earlier than those of the same day that have one; among themselves their digest decides, so that the answer is one.
ORDER = ("known_at", "ledger_index", "batch_id", "line", "amendment")


def newest_first(columns: Container[str]) -> str:
    """Order of DuckDB by :data:`ORDER`, the last first, over those of its columns that a table has."""
    return ", ".join(f"{name} DESC NULLS LAST" for name in ORDER if name in columns)


def rank(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Place of a published row among versions of its key; the last is the greatest."""
    receipt = row.get("ledger_index")
    return (row["known_at"], -1 if receipt is None else receipt, row["batch_id"], row["line"])


def current(
    table: Table, contract: Contract, *, as_of: int, known_at: dt.date, with_expired: bool = False
) -> Table:
    """Rows that a reader standing at ``known_at`` holds true for the time up to ``as_of``.

    Parameters
    ----------
    table : Table
        Ibis table of ``published/<contract id>``.
    contract : Contract
        Gives the key and the column of valid time.
    as_of : int
        Month ``YYYYMM``; rows that became valid after its last day are left out.
    known_at : datetime.date
        Rows that arrived later are left out; so a late correction changes no report that was issued before it.
    with_expired : bool
        Whether records that serve no more by then (`rongqiao.lake.expiry`) are among them.

    Returns
    -------
    Table
        One row per key: the last that was known. A row without valid time is kept.

    Raises
    ------
    ContractError
        If the contract reads its column of valid time as neither date, month nor year.
    """
    found = latest(held(table, contract, as_of=as_of, known_at=known_at), contract.key, known_at=known_at)
    return found if with_expired else unexpired(found, contract, known_at=known_at)


def held(table: Table, contract: Contract, *, as_of: int, known_at: dt.date) -> Table:
    """Rows that had arrived by ``known_at`` and are valid by the end of ``as_of``, corrected ones among them."""
    kept = table.filter(table.known_at <= known_at)
    return kept.filter(_is_valid(kept, contract, as_of)) if contract.valid_on else kept


def held_sql(contract: Contract, *, as_of: int, known_at: dt.date) -> str:
    """Condition of DuckDB on a published table that keeps the rows of :func:`held`."""
    known = f"known_at <= DATE {literal(known_at.isoformat())}"
    if not contract.valid_on:
        return known
    bound, value = _valid_until(contract, as_of), quote(contract.valid_on)
    until = f"{bound}" if isinstance(bound, int) else f"DATE {literal(bound.isoformat())}"
    return f"{known} AND ({value} <= {until} OR {value} IS NULL)"


def standing(table: Table, *, known_at: dt.date) -> Table:
    """Rows known by a day, without those that were withdrawn by then: they were assigned to an enterprise that they did not mean."""
    kept = table.filter(table.known_at <= known_at)
    if "withdrawn" not in kept.columns:
        return kept
    gone = kept.filter(kept.withdrawn.fill_null(False)).select("batch_id", "line").distinct()
    return kept.anti_join(gone, ["batch_id", "line"]).drop("withdrawn")


def latest(table: Table, key: Sequence[str], *, known_at: dt.date) -> Table:
    """Last known row per key; ties of one day are told by :data:`ORDER`."""
    ranked = _ranked(table, key, known_at)
    return ranked.filter(ranked["_rank"] == 0).drop("_rank")


def superseded(table: Table, key: Sequence[str], *, known_at: dt.date) -> Table:
    """Rows that stand, and that a later one of their key replaced: those that :func:`latest` leaves out."""
    ranked = _ranked(table, key, known_at)
    return ranked.filter(ranked["_rank"] > 0).drop("_rank")


def _ranked(table: Table, key: Sequence[str], known_at: dt.date) -> Table:
    kept = standing(table, known_at=known_at)
    order = [ibis.desc(kept[name]) for name in ORDER if name in kept.columns]
    window = ibis.window(group_by=[kept[name] for name in key], order_by=order)
    return kept.mutate(_rank=ibis.row_number().over(window))


def _is_valid(table: Table, contract: Contract, as_of: int) -> BooleanValue:
    """Whether a row became valid by the end of the month."""
    value = table[contract.valid_on]
    is_valid: BooleanValue = (value <= _valid_until(contract, as_of)) | value.isnull()
    return is_valid


def _valid_until(contract: Contract, as_of: int) -> dt.date | int:
    """Last valid time that lies within the month; a year is valid once it is over."""
    bounds: dict[str | None, dt.date | int]
    bounds = {"date": last_day(as_of), "month": check_month(as_of), "year": as_of // 100 - (as_of % 100 < 12)}
    if contract.valid_kind not in bounds:
        raise ContractError("有效时间", contract.valid_kind, "Give validKind as date, month or year.")
    return bounds[contract.valid_kind]
