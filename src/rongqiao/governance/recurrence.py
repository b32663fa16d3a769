"""The same bytes handed in again: a repeat that changes nothing, or a correction back to what they said before."""

# ruff: noqa: S608  (names come from contracts of this repository and are quoted; values are bound)
from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rongqiao.contracts.standards import load_contracts
from rongqiao.governance.service import RECEIPTS
from rongqiao.lake.asof import newest_first
from rongqiao.lake.engine import add_view, connect, literal, quote

if TYPE_CHECKING:
    import datetime as dt

    from rongqiao.contracts.standards import Contract
    from rongqiao.governance.batch import Batch
    from rongqiao.lake.tables import Lake


@dataclass(frozen=True, slots=True)
class _Receipt:
    batch_id: str
    file_name: str
    digest: str
    delivered_on: dt.date

    @property
    def data_on(self) -> str:
        """Day that the data are about, as the file's name says."""
        return self.file_name[:10]


def known_batches(lake: Lake) -> set[str]:
    """Batches that have a receipt."""
    if not lake.exists(RECEIPTS):
        return set()
    return set(lake.read(RECEIPTS, ["batch_id"])["batch_id"].to_pylist())


def find_batch(lake: Lake, contract_id: str, file_name: str, digest: str) -> tuple[str, bool] | None:
    """Find the batch that a file is by its receipt.

    Returns
    -------
    tuple or None
        The batch, and whether the receipt is of this very file; otherwise it is the last one of a file with the same bytes.
        ``None`` where these bytes have no receipt.
    """
    same = [each for each in _receipts(lake, contract_id) if each.digest == digest]
    own = next((each for each in same if each.file_name == file_name), None)
    if own is not None:
        return own.batch_id, True
    return (same[-1].batch_id, False) if same else None


def as_correction(lake: Lake, batch: Batch) -> Batch | None:
    """Take a batch whose bytes have a receipt for a delivery of its own, if rows of theirs no longer stand; ``None`` for a repeat.

    Parameters
    ----------
    lake : Lake
    batch : Batch
        As received, named by its digest; handed in by an act of its own.

    Notes
    -----
    Rows no longer stand where a file of the same table with other bytes, about the same or an earlier day and received before this one,
    has the newest row of their key and says something else. Only batches with a receipt are looked at, and what was once replaced stays
    so: a run that was killed and begins again judges and names it alike.
    """
    delivery = batch.delivery
    known = [
        one for one in _receipts(lake, delivery.contract_id) if one.delivered_on <= delivery.delivered_on
    ]
    same = [place for place, one in enumerate(known) if one.digest == batch.digest]
    if not same or any(known[place].file_name == batch.file_name for place in same):
        return None
    last = known[same[-1]]
    later = [
        one.batch_id
        for one in known[same[-1] + 1 :]
        if one.data_on <= batch.file_name[:10] and one.file_name not in (delivery.handed_in_later or ())
    ]
    contract = load_contracts()[delivery.contract_id]
    if not later or not _is_replaced(lake, contract, last.batch_id, later):
        return None
    return replace(batch, batch_id=f"{batch.batch_id}.{len(same) + 1}")


def _receipts(lake: Lake, contract_id: str) -> list[_Receipt]:
    """Receipts of a table in the order in which they were entered."""
    if not lake.exists(RECEIPTS):
        return []
    with connect(lake, [RECEIPTS]) as connection:
        rows = connection.execute(
            f"SELECT batch_id, file_name, digest, delivered_on FROM {quote(RECEIPTS)} WHERE contract_id = ? "
            "ORDER BY delivered_on, ledger_index NULLS FIRST, batch_id",
            [contract_id],
        ).fetchall()
    return [_Receipt(*row) for row in rows]


def _is_replaced(lake: Lake, contract: Contract, batch_id: str, later: list[str]) -> bool:
    """Whether a row of a batch has a newer one of its key in later batches that says something else."""
    table = f"published/{contract.id}"
    if not lake.exists(table) or not contract.key:
        return False
    with connect(lake) as connection:
        add_view(connection, lake, table)
        columns = {row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {quote(table)}").fetchall()}
        keys = ", ".join(quote(one) for one in contract.key)
        said = ", ".join(
            f"{quote(item.id)} := {quote(item.id)}" for item in contract.items if item.id in columns
        )
        stands = "withdrawn IS NOT TRUE" if "withdrawn" in columns else "true"

        def newest(batches: list[str]) -> str:
            listed = ", ".join(map(literal, batches))
            return f"""SELECT {keys}, struct_pack({said}) AS said FROM {quote(table)} WHERE batch_id IN ({listed}) AND {stands}
                QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY {newest_first(columns)}) = 1"""

        same = " AND ".join(
            f"own.{quote(one)} IS NOT DISTINCT FROM newer.{quote(one)}" for one in contract.key
        )
        found = connection.execute(
            f"""SELECT 1 FROM ({newest([batch_id])}) own JOIN ({newest(later)}) newer ON {same}
            WHERE own.said IS DISTINCT FROM newer.said LIMIT 1"""
        ).fetchone()
    return found is not None
