"""The regular delivery before each batch: what row counts and distributions are compared with."""

# ruff: noqa: S608  (names come from contracts of this repository and are quoted; values are bound)
from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rongqiao.governance.batch import TAGGED_NAME
from rongqiao.governance.inventory import Baseline
from rongqiao.governance.rules import Reference
from rongqiao.governance.service import RECEIPTS
from rongqiao.lake.engine import add_view, files_sql, quote

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
    if lake is not None and (receipts := _files(lake, RECEIPTS, work)):
        found = work.connection.execute(
            f"SELECT batch_id, rows_in FROM {receipts} WHERE contract_id = ? "
            "AND NOT regexp_matches(file_name, ?) ORDER BY delivered_on DESC, ledger_index DESC NULLS LAST, file_name DESC LIMIT 1",
            [work.contract.id, TAGGED_NAME],
        ).fetchone()
        if found:
            last = found[1]
            baselines = _baselines(work, lake, found[0])
    for batch in work.batches:
        if not batch.delivery.is_regular:
            continue
        if last is not None:
            rows[batch.number] = last
        last = batch.rows_in
    return Previous(rows, baselines)


def _files(lake: Lake, table: str, work: Workbench) -> str | None:
    """Write the relation of the few files that may hold something of the contract: a table has one for each commit."""
    files = lake.uris_with(table, "contract_id", work.contract.id) if lake.exists(table) else []
    return files_sql(files) if files else None


def _baselines(work: Workbench, lake: Lake, batch_id: str) -> Baselines:
    profiles = _files(lake, "operations/profiles", work)
    if profiles is None:
        return {}
    rows = work.connection.execute(
        f'SELECT "column", histogram, distinct_count FROM {profiles} WHERE batch_id = ? AND histogram IS NOT NULL',
        [batch_id],
    ).fetchall()
    return {
        column: Baseline(json.loads(histogram), distinct or 0)
        for column, histogram, distinct in rows
        if histogram != "{}"
    }


def stage_reference(
    connection: duckdb.DuckDBPyConnection, lake: Lake, place: str, *, is_subject: bool
) -> Reference | None:
    """Stage what ``<contract id>.<column>`` holds; ``None`` if nothing of it was published.

    Of enterprises that were resolved it is enough to know those few of the register that the column does not hold: joining millions
    of codes anew for each portion costs as much as all row rules.
    """
    contract_id, _, column = place.rpartition(".")
    table = f"published/{contract_id}"
    if not lake.exists(table):
        return None
    add_view(connection, lake, table)
    values = f"SELECT {quote(column)} AS value FROM {quote(table)} WHERE {quote(column)} IS NOT NULL"
    if not connection.execute(f"{values} LIMIT 1").fetchone():
        return None
    name = f"{'strangers to' if is_subject else 'values of'} {place}"
    strangers = f"SELECT enterprise_id AS value FROM register_known WHERE enterprise_id NOT IN ({values})"
    query = strangers if is_subject else f"SELECT DISTINCT value FROM ({values})"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {quote(name)} AS {query}")
    return Reference(name, is_of_strangers=is_subject)
