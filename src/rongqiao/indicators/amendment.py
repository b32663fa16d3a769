"""Indicators of single enterprises computed again after a correction, without waiting for the next full run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from rongqiao.indicators.computation import TARGET, compute
from rongqiao.indicators.lineage import indicators_of
from rongqiao.kernel.errors import ContractError
from rongqiao.lake import asof
from rongqiao.lake.engine import ibis_connection

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from rongqiao.lake.tables import Lake


def amend_indicators(
    lake: Lake,
    *,
    as_of: int,
    known_at: dt.date,
    contract_ids: Sequence[str],
    enterprise_ids: Sequence[str],
    cause: str,
) -> pa.Table:
    """Compute anew what lineage says rests on corrected tables, and keep it beside the earlier values.

    Parameters
    ----------
    lake : Lake
        Holds ``analytics/indicators`` of the month.
    as_of : int
        Month ``YYYYMM``.
    known_at : datetime.date
        The day on which the correction is known.
    contract_ids : sequence of str
        Tables that were corrected; only indicators that read them are computed, for everybody where an indicator looks
        across enterprises, and kept for those named.
    enterprise_ids : sequence of str
        Whose rows are kept.
    cause : str
        Names the amendment for ever: the same cause is entered once.

    Returns
    -------
    pa.Table
        The enterprises' full rows as they are now, with ``amendment`` counting from 1.

    Raises
    ------
    ContractError
        If the month was never computed.
    """
    before = _latest(lake, as_of=as_of, known_at=known_at, enterprise_ids=enterprise_ids)
    chosen = {found.id for contract in contract_ids for found in indicators_of(contract)}
    names = [name for name in before.column_names if name in chosen]
    rows = before
    if names:
        fresh = compute(lake, as_of=as_of, known_at=known_at, only=names, enterprise_ids=list(enterprise_ids))
        rows = _replaced(before, fresh, names)
    count = max((value or 0 for value in before.column("amendment").to_pylist()), default=0) + 1
    day = pa.repeat(pa.scalar(known_at, pa.date32()), rows.num_rows)
    rows = rows.set_column(rows.column_names.index("known_at"), "known_at", day)
    number = pa.repeat(pa.scalar(count, pa.int32()), rows.num_rows)
    rows = rows.set_column(rows.column_names.index("amendment"), "amendment", number)
    lake.append(TARGET, rows, transaction=f"amendment@{as_of}@{cause}")
    return rows


def _latest(lake: Lake, *, as_of: int, known_at: dt.date, enterprise_ids: Sequence[str]) -> pa.Table:
    """Return the enterprises' rows of the month as last computed."""
    if not lake.exists(TARGET):
        raise ContractError("指标", as_of, f"Run `rongqiao indicators compute --as-of {as_of}` first.")
    rows: Any = ibis_connection(lake, [TARGET]).table(TARGET)
    rows = rows.filter((rows.as_of == as_of) & rows.enterprise_id.isin(list(enterprise_ids)))
    found = asof.latest(rows, ["enterprise_id"], known_at=known_at).order_by("enterprise_id").to_pyarrow()
    if "amendment" not in found.column_names:
        found = found.append_column("amendment", pa.nulls(found.num_rows, pa.int32()))
    return found


def _replaced(before: pa.Table, fresh: pa.Table, names: Sequence[str]) -> pa.Table:
    """Put the fresh values into the rows, enterprise by enterprise."""
    places = pc.index_in(before.column("enterprise_id"), fresh.column("enterprise_id"))
    for name in names:
        for column in (name, f"{name}__status"):
            values = fresh.column(column).take(places)
            before = before.set_column(before.column_names.index(column), column, values)
    return before
