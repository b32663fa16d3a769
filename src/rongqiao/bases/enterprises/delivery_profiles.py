"""Profiles of a table's deliveries over time: how each differs from the one before, column by column."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rongqiao.contracts.delivery_files import read_name
from rongqiao.lake.engine import connect
from rongqiao.lake.tables import Lake

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

TABLES = ("operations/profiles", "operations/receipts")
#: Deliveries that are shown, newest last.
SHOWN = 12


@dataclass(frozen=True, slots=True)
class ColumnShift:
    """One column of a delivery beside the delivery before.

    Parameters
    ----------
    drift : float or None
        Population stability index; null where there was nothing to compare with.
    nulls, nulls_before : float or None
        Share of rows without a value.
    histogram, histogram_before : Mapping
        Rows of a sample by bucket.
    """

    column: str
    drift: float | None
    nulls: float | None
    nulls_before: float | None
    histogram: Mapping[str, int]
    histogram_before: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class DeliveryProfile:
    """One regular delivery: its day, its rows, and its columns beside those of the delivery before."""

    batch_id: str
    delivered_on: dt.date
    rows: int
    rows_before: int | None
    columns: tuple[ColumnShift, ...]

    @property
    def worst(self) -> ColumnShift | None:
        """Column that differs most; null for the first delivery."""
        compared = [each for each in self.columns if each.drift is not None]
        return max(compared, key=lambda each: each.drift or 0, default=None)


def list_delivery_profiles(contract_id: str, lake: Lake | None = None) -> list[DeliveryProfile]:
    """Regular deliveries of a table, oldest first, at most the newest ``SHOWN``; corrections hold few rows and are left out."""
    lake = lake or Lake()
    if not all(lake.exists(name) for name in TABLES):
        return []
    with connect(lake, TABLES) as connection:
        rows = connection.execute(
            """SELECT p.batch_id, r.file_name, r.delivered_on, r.rows_in, p."column", p.rows, p.nulls, p.drift, p.histogram
            FROM "operations/profiles" p JOIN "operations/receipts" r USING (batch_id)
            WHERE p.contract_id = ? AND NOT starts_with(p."column", '?') ORDER BY r.delivered_on, r.ledger_index NULLS FIRST, p.batch_id""",
            [contract_id],
        ).fetchall()
    batches: dict[str, list[tuple[Any, ...]]] = {}
    for row in rows:
        if (read_name(row[1]) or (None, ""))[1] == "":
            batches.setdefault(row[0], []).append(row)
    found: list[DeliveryProfile] = []
    before: dict[str, tuple[Any, ...]] = {}
    for batch_id, lines in batches.items():
        found.append(_compare(batch_id, lines, before, found[-1].rows if found else None))
        before = {line[4]: line for line in lines}
    return found[-SHOWN:]


def _compare(
    batch_id: str, lines: list[tuple[Any, ...]], before: dict[str, tuple[Any, ...]], rows_before: int | None
) -> DeliveryProfile:
    columns = tuple(
        ColumnShift(
            column=line[4],
            drift=line[7],
            nulls=_share(line),
            nulls_before=_share(before.get(line[4])),
            histogram=_histogram(line),
            histogram_before=_histogram(before.get(line[4])),
        )
        for line in lines
    )
    return DeliveryProfile(batch_id, lines[0][2], lines[0][3], rows_before, columns)


def _share(line: tuple[Any, ...] | None) -> float | None:
    return line[6] / line[5] if line is not None and line[5] and line[6] is not None else None


def _histogram(line: tuple[Any, ...] | None) -> dict[str, int]:
    return json.loads(line[8]) if line is not None and line[8] else {}
