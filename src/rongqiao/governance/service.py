"""Step 6, service: publish what stands, file what does not, and sign each batch off with its receipt.

Order is what makes it safe to kill: published rows, then quarantine and logs, and the receipt last. Each append is a transaction named by
its batches, so a rerun leaves out what is in already. A batch without a receipt is pending. What is filed of small portions waits to be
committed together: a commit costs the same whatever it holds.
"""

# ruff: noqa: S608  (names come from contracts of this repository and are quoted; values are bound)
from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from rongqiao.contracts.standards import load_contracts
from rongqiao.governance.batch import ENTERPRISES
from rongqiao.kernel.errors import ContractError
from rongqiao.lake.engine import connect, literal, quote, stage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rongqiao.contracts.model import Contract
    from rongqiao.governance.batch import Batch, Workbench
    from rongqiao.lake.tables import Lake

TITLE = "数据服务"

RECEIPTS = "operations/receipts"
QUARANTINE = "operations/quarantine"
#: Candidates of rows that wait for a person to say who is meant; one row per candidate.
REVIEWS = "operations/reviews"

_TEXT, _COUNT, _DAY, _NUMBER = pa.string(), pa.int64(), pa.date32(), pa.float64()
SCHEMAS: dict[str, pa.Schema] = {
    RECEIPTS: pa.schema(
        {
            **dict.fromkeys(("batch_id", "contract_id", "department", "file_name", "digest"), _TEXT),
            "size_bytes": _COUNT,
            "encoding": _TEXT,
            "delivered_on": _DAY,
            **dict.fromkeys(("rows_in", "rows_accepted", "rows_quarantined", "ledger_index"), _COUNT),
        }
    ),
    QUARANTINE: pa.schema(
        {
            **dict.fromkeys(("batch_id", "contract_id", "file_name"), _TEXT),
            "line": pa.int32(),
            **dict.fromkeys(("column", "rule_id", "value", "message", "row_json"), _TEXT),
            "known_at": _DAY,
        }
    ),
    "operations/rule_results": pa.schema(
        {
            **dict.fromkeys(("batch_id", "contract_id", "rule_id", "family", "outcome"), _TEXT),
            **dict.fromkeys(("rows_checked", "rows_failed"), _COUNT),
            "known_at": _DAY,
        }
    ),
    "operations/profiles": pa.schema(
        {
            **dict.fromkeys(("batch_id", "contract_id", "column"), _TEXT),
            **dict.fromkeys(("rows", "nulls", "distinct_count"), _COUNT),
            **dict.fromkeys(("minimum", "maximum", "top_pattern", "histogram"), _TEXT),
            "drift": _NUMBER,
            "known_at": _DAY,
        }
    ),
    "operations/merges": pa.schema(
        {
            **dict.fromkeys(("batch_id", "contract_id"), _TEXT),
            "line": pa.int32(),
            **dict.fromkeys(("method", "raw_uscc", "raw_name", "enterprise_id"), _TEXT),
            "score": _NUMBER,
            "evidence": _TEXT,
            "known_at": _DAY,
        }
    ),
    REVIEWS: pa.schema(
        {
            **dict.fromkeys(("batch_id", "contract_id"), _TEXT),
            **dict.fromkeys(("line", "rank"), pa.int32()),
            **dict.fromkeys(("enterprise_id", "name"), _TEXT),
            **dict.fromkeys(("probability", "weight_bits"), _NUMBER),
            **dict.fromkeys(("model", "told", "facts"), _TEXT),
            "known_at": _DAY,
        }
    ),
}
#: All but the receipts, in the order in which they are filed.
_LOGS = tuple(table for table in SCHEMAS if table != RECEIPTS)
#: Rows of portions whose logs wait for each other, about: so many are taken through all steps again after a kill.
FILED_ROWS = 500_000


@dataclass(slots=True)
class Filing:
    """What is to be filed of portions whose rows are published: quarantine, logs, and the receipts last.

    Until then they are pending: a run that is killed takes them through all steps again.

    Parameters
    ----------
    rows : int
        Rows of those portions.
    contracts, batches : list of str
        Whom they are of.
    tables : dict
        Table of the lake → what is appended to it, in the order in which it must land.
    """

    rows: int = 0
    contracts: list[str] = field(default_factory=list)
    batches: list[str] = field(default_factory=list)
    tables: dict[str, list[pa.Table]] = field(
        default_factory=lambda: {table: [] for table in (*_LOGS, RECEIPTS)}
    )

    def add(self, work: Workbench, receipts: Sequence[Mapping[str, Any]]) -> None:
        """Take up what is to be filed of a portion."""
        found = {
            QUARANTINE: pa.concat_tables([_rejected_rows(work), _broken_rows(work)]),
            "operations/rule_results": work.rule_results,
            "operations/profiles": work.profiles,
            "operations/merges": work.merges,
            REVIEWS: work.reviews,
            RECEIPTS: receipts,
        }
        for table, rows in found.items():
            self.tables[table].append(rows if isinstance(rows, pa.Table) else _to_table(rows, SCHEMAS[table]))
        self.rows += sum(batch.rows_in for batch in work.batches)
        self.contracts.append(work.contract.id)
        self.batches += [batch.batch_id for batch in work.batches]

    def file(self, lake: Lake) -> None:
        """Append all that was taken up, and hold nothing any more."""
        for table, parts in self.tables.items():
            rows = pa.concat_tables([SCHEMAS[table].empty_table(), *parts])
            lake.append_of(table, rows, "batch_id", transactions=self.batches)
            parts.clear()
        self.rows = 0
        self.contracts.clear()
        self.batches.clear()


def publish(work: Workbench, lake: Lake, filing: Filing) -> list[dict[str, Any]]:
    """Append the rows that stand, and hand over what is to be filed of the others; the receipts are returned, too.

    Parameters
    ----------
    work : Workbench
        All steps done.
    lake : Lake
    filing : Filing
        Takes up what the steps found; the batches are signed off when it is filed.

    Raises
    ------
    ContractError
        If for any batch rows in are not rows accepted plus rows quarantined; nothing of the contract is then published.
    """
    accepted = _count(work, "SELECT batch, count(*) FROM resolved GROUP BY 1")
    rejected = _count(work, "SELECT batch, count(*) FROM rejected GROUP BY 1")
    receipts = []
    for batch in work.batches:
        set_aside = rejected.get(batch.number, 0) + len(batch.broken)
        receipt = _receipt(work, batch, (accepted.get(batch.number, 0), set_aside))
        if batch.rows_in != receipt["rows_accepted"] + receipt["rows_quarantined"]:
            raise ContractError(
                f"行数核对 {batch.file_name}",
                receipt,
                "收到的行数应等于入库与退回之和，这份文件未予入库；请联系平台运营人员。",
            )
        receipts.append(receipt)
    _append_published(work, lake)
    filing.add(work, receipts)
    return receipts


def find_outcome(lake: Lake, batch_id: str) -> dict[str, Any] | None:
    """Tell what became of a batch by its receipt and its quarantined rows; null where it has no receipt.

    Returns
    -------
    dict or None
        ``batch_id``, ``rows_in``, ``rows_accepted``, ``rows_quarantined``, and ``by_rule``: quarantined rows by rule.
    """
    if not lake.exists(RECEIPTS):
        return None
    counts = ("rows_in", "rows_accepted", "rows_quarantined")
    present = [table for table in (RECEIPTS, QUARANTINE) if lake.exists(table)]
    with connect(lake, present) as connection:
        query = f"SELECT {', '.join(counts)} FROM {quote(RECEIPTS)} WHERE batch_id = ?"
        receipt = connection.execute(query, [batch_id]).fetchone()
        if receipt is None:
            return None
        by_rule: dict[str, int] = {}
        if QUARANTINE in present:
            query = (
                f"SELECT rule_id, count(*) FROM {quote(QUARANTINE)} WHERE batch_id = ? GROUP BY 1 ORDER BY 1"
            )
            by_rule = dict(connection.execute(query, [batch_id]).fetchall())
    return {"batch_id": batch_id, **dict(zip(counts, receipt, strict=True)), "by_rule": by_rule}


def _to_table(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    return pa.table(
        {field.name: pa.array([row.get(field.name) for row in rows], field.type) for field in schema},
        schema=schema,
    )


def _count(work: Workbench, query: str) -> dict[int, int]:
    return dict(work.connection.execute(query).fetchall())


def _receipt(work: Workbench, batch: Batch, counts: tuple[int, int]) -> dict[str, Any]:
    return {
        "batch_id": batch.batch_id,
        "contract_id": work.contract.id,
        "department": work.contract.department,
        "file_name": batch.file_name,
        "digest": batch.digest,
        "size_bytes": batch.size_bytes,
        "encoding": batch.encoding,
        "delivered_on": batch.delivery.delivered_on,
        "rows_in": batch.rows_in,
        "rows_accepted": counts[0],
        "rows_quarantined": counts[1],
        "ledger_index": batch.ledger_index,
    }


def _append_published(work: Workbench, lake: Lake) -> None:
    """Append the rows that stand, sorted by enterprise so that a portrait reads few pages."""
    _stage_batches(work)
    table = f"published/{work.contract.id}"
    names = [batch.batch_id for batch in work.batches]
    done = lake.committed(table, names)
    fresh = [name for name in names if name not in done]
    if not fresh:
        return
    code = work.contract.identifier
    items = [item for item in work.contract.items if item.id != code]
    carried = ", ".join(
        f"CAST({quote(item.id)} AS {item.physical_type}) AS {quote(item.id)}" for item in items
    )
    numbers = ", ".join(str(batch.number) for batch in work.batches if batch.batch_id in fresh)
    batches = ", ".join(map(literal, names))
    days = ", ".join(f"DATE {literal(batch.delivery.delivered_on.isoformat())}" for batch in work.batches)
    # Of two deliveries of one day the one received later counts.
    receipts = ", ".join(
        "NULL" if batch.ledger_index is None else str(batch.ledger_index) for batch in work.batches
    )
    # What repeats is added after sorting, which moves every byte of a row several times. With the line in it the key would no longer fit the
    # engine's short form, and take half as long again; which row of a file stands is told by its line, not by where it lies.
    shown = ", ".join(
        f"enterprise_id AS {quote(item.id)}" if item.id == code else quote(item.id)
        for item in work.contract.items
    )
    query = f"""SELECT {shown}, enterprise_id, ([{days}])[batch + 1] AS known_at, ([{batches}])[batch + 1] AS batch_id, line,
        ([{receipts}]::BIGINT[])[batch + 1] AS ledger_index
        FROM (SELECT {carried}, enterprise_id, batch, line FROM resolved WHERE batch IN ({numbers})
            ORDER BY enterprise_id, batch)"""
    lake.append_query(table, work.connection, query, transaction=fresh)


def _stage_batches(work: Workbench) -> None:
    staged = pa.table(
        {
            "batch": pa.array([batch.number for batch in work.batches], pa.int32()),
            "batch_id": [batch.batch_id for batch in work.batches],
            "file_name": [batch.file_name for batch in work.batches],
            "delivered_on": pa.array([batch.delivery.delivered_on for batch in work.batches], pa.date32()),
        }
    )
    stage(work.connection, "batches", staged)


def _rejected_rows(work: Workbench) -> pa.Table:
    """Rejected rows with the whole row as it was delivered, by item; of a repeated key, all its items are what was received."""
    places = work.connection.sql("SELECT batch, line FROM rejected").to_arrow_table()
    kept = work.kept.find(places)
    if not places.num_rows or kept is None:
        return SCHEMAS[QUARANTINE].empty_table()
    fields = ", ".join(f"{quote(item.id)} := raw.{quote(item.id)}" for item in work.contract.items)
    values = " ".join(f"WHEN {literal(item.id)} THEN raw.{quote(item.id)}" for item in work.contract.items)
    keys = " ".join(
        f"WHEN {literal(rule_id)} THEN {_key_sql(work.contract, columns)}"
        for rule_id, columns in work.contract.key_rules.items()
    )
    work.connection.register("kept rows", kept)
    found = work.connection.execute(
        f"""SELECT b.batch_id, b.file_name, r.line, r.column_id AS "column", r.rule_id,
        coalesce(r.value, CASE r.rule_id {keys} ELSE CASE r.column_id {values} END END) AS value, r.message,
        CAST(to_json(struct_pack({fields})) AS VARCHAR) AS row_json, b.delivered_on AS known_at
        FROM rejected r JOIN "kept rows" raw USING (batch, line) JOIN batches b USING (batch) ORDER BY r.batch, r.line"""
    ).to_arrow_table()
    work.connection.unregister("kept rows")
    constant = pa.array([work.contract.id] * found.num_rows, pa.string())
    return (
        found.append_column("contract_id", constant)
        .select(SCHEMAS[QUARANTINE].names)
        .cast(SCHEMAS[QUARANTINE])
    )


def _key_sql(contract: Contract, columns: Sequence[str]) -> str:
    """Write SQL that names the items of a key with their delivered texts; a key of one item is its text alone."""
    if len(columns) == 1:
        return f"raw.{quote(columns[0])}"
    parts = (
        f"concat({literal(f'{contract.item(name).title}：')}, coalesce(nullif(trim(raw.{quote(name)}), ''), '（空）'))"
        for name in columns
    )
    return f"concat_ws('；', {', '.join(parts)})"


def _broken_rows(work: Workbench) -> pa.Table:
    rows = [
        {
            "batch_id": batch.batch_id,
            "contract_id": work.contract.id,
            "file_name": batch.file_name,
            "line": line.line,
            "rule_id": line.rule_id,
            "value": line.value,
            "message": line.message,
            "known_at": batch.delivery.delivered_on,
        }
        for batch in work.batches
        for line in batch.broken
    ]
    return _to_table(rows, SCHEMAS[QUARANTINE])


def sweep(lake: Lake) -> None:
    """Remove what a killed run wrote and never committed."""
    for contract_id in load_contracts():
        lake.sweep(f"published/{contract_id}")
    lake.sweep(ENTERPRISES)
