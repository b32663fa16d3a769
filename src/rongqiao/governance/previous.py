"""The regular delivery before each batch: what row counts and distributions are compared with."""

# ruff: noqa: S608  (names come from contracts of this repository and are quoted; values are bound)
from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rongqiao.governance.batch import TAGGED_NAME
from rongqiao.governance.inventory import Baseline
from rongqiao.governance.service import RECEIPTS
from rongqiao.lake.engine import add_view, connect, quote

if TYPE_CHECKING:
    import duckdb

    from rongqiao.governance.batch import Workbench
    from rongqiao.governance.inventory import Baselines
    from rongqiao.lake.tables import Lake


@dataclass(slots=True)
class Previous:
    """The contract's regular delivery before each pending regular batch; corrections compare with nothing."""

    rows: dict[int, int]
    baselines: Baselines


def previous_delivery(work: Workbench, lake: Lake | None) -> Previous:
    """Rows of the regular delivery before each batch, and the distributions of the last one that has a receipt.

    ``None`` for the lake says that nothing of the contract has a receipt yet.
    """
    rows: dict[int, int] = {}
    baselines: Baselines = {}
    last: int | None = None
    if lake is not None and lake.exists(RECEIPTS):
        with connect(lake, [RECEIPTS]) as connection:
            found = connection.execute(
                f"SELECT batch_id, rows_in FROM {quote(RECEIPTS)} WHERE contract_id = ? "
                "AND NOT regexp_matches(file_name, ?) ORDER BY delivered_on DESC, ledger_index DESC NULLS LAST, file_name DESC LIMIT 1",
                [work.contract.id, TAGGED_NAME],
            ).fetchone()
        if found:
            last = found[1]
            baselines = _baselines(lake, found[0])
    for batch in work.batches:
        if not batch.delivery.is_regular:
            continue
        if last is not None:
            rows[batch.number] = last
        last = batch.rows_in
    return Previous(rows, baselines)


def _baselines(lake: Lake, batch_id: str) -> Baselines:
    table = "operations/profiles"
    with connect(lake, [table]) as connection:
        rows = connection.execute(
            f'SELECT "column", histogram, distinct_count FROM {quote(table)} WHERE batch_id = ? AND histogram IS NOT NULL',
            [batch_id],
        ).fetchall()
    return {
        column: Baseline(json.loads(histogram), distinct or 0)
        for column, histogram, distinct in rows
        if histogram != "{}"
    }


def stage_reference(connection: duckdb.DuckDBPyConnection, lake: Lake, place: str) -> str | None:
    """Copy the distinct values of ``<contract id>.<column>`` into a table; ``None`` if none were published."""
    contract_id, _, column = place.rpartition(".")
    table = f"published/{contract_id}"
    if not lake.exists(table):
        return None
    add_view(connection, lake, table)
    staged = f"values of {place}"
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {quote(staged)} AS SELECT DISTINCT {quote(column)} AS value FROM {quote(table)}"
    )
    found = connection.execute(f"SELECT 1 FROM {quote(staged)} LIMIT 1").fetchone()
    return staged if found else None
