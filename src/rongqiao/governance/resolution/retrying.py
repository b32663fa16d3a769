"""Rows that waited because nobody knew their enterprise: sent through all steps again once the register knows it.

The row as it was delivered goes in as a delivery of its own, on the day the register learnt; the earlier batch and its receipt stay as they
are. ``operations/settlements`` says which waiting row was settled, by which file, and on what day.
"""

# ruff: noqa: S608  (names are constants of this module)
from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from rongqiao.contracts.delivery_files import name_delivery
from rongqiao.governance.batch import NAME_CONTRACT, SUBJECT_CONTRACTS, Delivery
from rongqiao.governance.resolution.unsettled import REVIEW
from rongqiao.governance.service import QUARANTINE, RECEIPTS
from rongqiao.lake.engine import add_view, literal, stage

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection
    from pathlib import Path

    import duckdb

    from rongqiao.governance.register import Register
    from rongqiao.lake.tables import Lake

SETTLEMENTS = "operations/settlements"
SETTLEMENT_SCHEMA = pa.schema(
    [
        ("batch_id", pa.string()),
        ("contract_id", pa.string()),
        ("line", pa.int32()),
        ("settled_by", pa.string()),
        ("known_at", pa.date32()),
    ]
)
#: Rules under which a row waits for its enterprise to become known.
WAITING_RULES = ("cleaning.unresolved", REVIEW)


@dataclass(frozen=True, slots=True)
class Taught:
    """What the register was taught from: a mark that names those batches, and the day of the latest."""

    mark: str
    on: dt.date


def taught_by(lake: Lake) -> Taught | None:
    """Return what the register was taught from; ``None`` where waiting rows were tried against it already, or nothing waits."""
    if not lake.exists(QUARANTINE) or not lake.exists(RECEIPTS):
        return None
    teachers = {*SUBJECT_CONTRACTS, NAME_CONTRACT}
    receipts = lake.read(RECEIPTS, ["batch_id", "contract_id", "delivered_on"]).to_pylist()
    taught = [row for row in receipts if row["contract_id"] in teachers]
    if not taught:
        return None
    batches = "\n".join(sorted(row["batch_id"] for row in taught))
    mark = "taught@" + hashlib.sha256(batches.encode()).hexdigest()[:16]
    return None if lake.has(SETTLEMENTS, mark) else Taught(mark, max(row["delivered_on"] for row in taught))


def find_retries(
    lake: Lake, register: Register, folder: Path, on: dt.date, met: Collection[str] = ()
) -> list[tuple[Delivery, pa.Table]]:
    """List deliveries of waiting rows whose enterprise is proven by now, and the settlements that come with each.

    Parameters
    ----------
    lake : Lake
    register : Register
    folder : Path
        Where the files are written; one per batch whose rows waited.
    on : datetime.date
        Day on which the register learnt; the rows become known on it.
    met : collection of str
        Batches whose rows were held against this very register when they came.

    Notes
    -----
    Only proof settles a row that waited: likeness was weighed when it came.
    """
    if not lake.exists(QUARANTINE):
        return []
    connection = register.connection
    _stage_waiting(lake, connection, met)
    connection.execute(
        """CREATE OR REPLACE TEMP TABLE waiting_identities AS SELECT row_number() OVER (ORDER BY raw_code, raw_name) - 1 AS spot, *
        FROM (SELECT DISTINCT raw_code, raw_name FROM waiting)"""
    )
    register.resolve_table("waiting_identities", "waiting_resolutions")
    rows = connection.execute(
        """SELECT batch_id, contract_id, line, row_json FROM waiting w JOIN waiting_identities i
        ON w.raw_code IS NOT DISTINCT FROM i.raw_code AND w.raw_name IS NOT DISTINCT FROM i.raw_name
        JOIN waiting_resolutions r USING (spot) WHERE r.enterprise_id IS NOT NULL ORDER BY batch_id, line"""
    ).fetchall()
    batches: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for batch_id, contract_id, line, row_json in rows:
        batches.setdefault((contract_id, batch_id), []).append((line, row_json))
    return [
        _write(folder, contract_id, batch_id, on, lines) for (contract_id, batch_id), lines in batches.items()
    ]


def _stage_waiting(lake: Lake, connection: duckdb.DuckDBPyConnection, met: Collection[str]) -> None:
    """Write table ``waiting``: rows in quarantine for want of their enterprise, that nothing settled yet."""
    add_view(connection, lake, QUARANTINE, "set aside")
    settled = "SELECT NULL::VARCHAR AS batch_id, NULL::INT AS line WHERE false"
    if lake.exists(SETTLEMENTS):
        add_view(connection, lake, SETTLEMENTS, "settled rows")
        settled = 'SELECT batch_id, line FROM "settled rows"'
    stage(connection, "met_batches", pa.table({"batch_id": pa.array(sorted(met), pa.string())}))
    rules = ", ".join(map(literal, WAITING_RULES))
    subjects = ", ".join(map(literal, SUBJECT_CONTRACTS))
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE waiting AS SELECT batch_id, contract_id, line, row_json,
        nullif(trim(row_json::JSON ->> 'uscc'), '') AS raw_code, nullif(trim(row_json::JSON ->> 'name'), '') AS raw_name
        FROM "set aside" WHERE rule_id IN ({rules}) AND contract_id NOT IN ({subjects}) AND row_json IS NOT NULL
        AND batch_id NOT IN (FROM met_batches) AND (batch_id, line) NOT IN ({settled})"""
    )


def _write(
    folder: Path, contract_id: str, batch_id: str, on: dt.date, lines: list[tuple[int, str]]
) -> tuple[Delivery, pa.Table]:
    content = "".join(f"{row}\n" for _, row in lines).encode()
    # The same rows of the same batch make the same file, so a run that was killed sends nothing twice.
    tag = "again" + hashlib.sha256(batch_id.encode() + content).hexdigest()[:12]
    path = folder / contract_id / name_delivery(on, ".jsonl", tag)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    settlement = pa.Table.from_pylist(
        [
            {
                "batch_id": batch_id,
                "contract_id": contract_id,
                "line": line,
                "settled_by": path.name,
                "known_at": on,
            }
            for line, _ in lines
        ],
        schema=SETTLEMENT_SCHEMA,
    )
    return Delivery(contract_id, path, on), settlement


def note_settled(lake: Lake, retries: list[tuple[Delivery, pa.Table]], state: Taught) -> None:
    """Note which rows wait no more, once per file, and the state last; after the files were governed, so that a killed run sends them again."""
    for delivery, settlement in retries:
        lake.append(SETTLEMENTS, settlement, transaction=f"{delivery.contract_id}/{delivery.path.name}")
    lake.append(SETTLEMENTS, SETTLEMENT_SCHEMA.empty_table(), transaction=state.mark)


def note_repaired(
    lake: Lake, contract_id: str, places: list[tuple[str, int]], settled_by: str, on: dt.date
) -> None:
    """Note rows that their department mended and sent again: what it first sent must not come after it."""
    rows = [
        {
            "batch_id": batch_id,
            "contract_id": contract_id,
            "line": line,
            "settled_by": settled_by,
            "known_at": on,
        }
        for batch_id, line in places
    ]
    if rows:
        settlement = pa.Table.from_pylist(rows, schema=SETTLEMENT_SCHEMA)
        lake.append(SETTLEMENTS, settlement, transaction=f"{contract_id}/{settled_by}")
