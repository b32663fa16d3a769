"""Step 5, cleaning: one spelling for names, one form for codes, and every row assigned to its enterprise or set aside."""

# ruff: noqa: S608  (names come from contracts of this repository and are quoted; values are bound)
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from rongqiao.governance.batch import NAME_CONTRACT, SUBJECT_CONTRACTS
from rongqiao.governance.names import clean_name
from rongqiao.governance.register import Register, Resolution
from rongqiao.kernel.identifiers import is_uscc, normalise_uscc
from rongqiao.lake.engine import connect, literal, quote

if TYPE_CHECKING:
    from rongqiao.governance.batch import Workbench
    from rongqiao.lake.tables import Lake

TITLE = "数据清洗"

UNRESOLVED = "cleaning.unresolved"


def load_register(lake: Lake) -> Register:
    """Read who is known, with former names, from the published registry and changes; empty when there is none."""
    rows: set[tuple[str, str | None, str | None]] = set()
    for contract_id, number, name, extra in (
        ("market_regulation.registry", "registration_no", "name", ""),
        ("bank.enterprise_credit", "NULL", "name", ""),
        (NAME_CONTRACT, "NULL", "value_before", "WHERE change_item = 'name'"),
    ):
        table = f"published/{contract_id}"
        if lake.exists(table):
            with connect(lake, [table]) as connection:
                rows.update(
                    connection.execute(
                        f"SELECT DISTINCT enterprise_id, {number}, {name} FROM {quote(table)} {extra}"
                    ).fetchall()
                )
    return Register(sorted(rows, key=lambda row: tuple(value or "" for value in row)))


def resolve(work: Workbench, register: Register) -> None:
    """Write ``resolved`` from the rows of ``typed`` that stand; the others go to quarantine under ``cleaning.unresolved``.

    Parameters
    ----------
    work : Workbench
    register : Register
        Grows by the enterprises of this workbench if its contract is one of `SUBJECT_CONTRACTS`.
    """
    code, name = work.contract.identifier, "name" if "name" in work.contract.columns else None
    shown_name = name or "NULL::VARCHAR"
    work.connection.execute(
        """CREATE OR REPLACE TEMP TABLE standing AS SELECT typed.* EXCLUDE (misfit) FROM typed
        ANTI JOIN rejected USING (batch, line)"""
    )
    if work.contract.id in SUBJECT_CONTRACTS:
        _enter_subjects(work, register)
    pairs = work.connection.execute(
        f"SELECT DISTINCT {code}, {shown_name} FROM standing ORDER BY ALL"
    ).fetchall()
    _stage([(pair, register.resolve(*pair)) for pair in pairs], work)
    items = ", ".join(_item_sql(item, code) for item in work.contract.columns)
    joined = f"standing s JOIN resolution r ON s.{code} IS NOT DISTINCT FROM r.raw_code"
    if name:
        joined += " AND s.name IS NOT DISTINCT FROM r.raw_name"
    work.connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE resolved AS
        SELECT s.batch, s.line, {items}, r.enterprise_id FROM {joined} WHERE r.enterprise_id IS NOT NULL"""
    )
    work.connection.execute(
        f"""INSERT INTO rejected
        SELECT s.batch, s.line, {literal(code)}, {literal(UNRESOLVED)}, coalesce(s.{code}, r.raw_name), r.message
        FROM {joined} WHERE r.enterprise_id IS NULL"""
    )
    _log_merges(work, joined)


def _item_sql(item: str, code: str) -> str:
    if item == code:
        return f"r.enterprise_id AS {item}"
    return "r.clean_name AS name" if item == "name" else f"s.{quote(item)}"


def _enter_subjects(work: Workbench, register: Register) -> None:
    """Enter enterprises whose own code is right into the register; broken ones must find themselves among these."""
    code = work.contract.identifier
    number = "registration_no" if "registration_no" in work.contract.columns else "NULL::VARCHAR"
    rows = work.connection.execute(
        f"SELECT DISTINCT {code}, {number}, name FROM standing WHERE {code} IS NOT NULL ORDER BY ALL"
    ).fetchall()
    for raw, registration_no, name in rows:
        if code != "uscc" or is_uscc(raw):
            register.add(normalise_uscc(raw), registration_no, name)


def _stage(found: list[tuple[tuple[str | None, str | None], Resolution]], work: Workbench) -> None:
    """Write table ``resolution``: each distinct delivered identity and whom it means."""
    table = pa.table(
        {
            "raw_code": pa.array([pair[0] for pair, _ in found], pa.string()),
            "raw_name": pa.array([pair[1] for pair, _ in found], pa.string()),
            "clean_name": pa.array([clean_name(pair[1]) for pair, _ in found], pa.string()),
            "enterprise_id": pa.array([result.enterprise_id for _, result in found], pa.string()),
            "method": pa.array([result.method for _, result in found], pa.string()),
            "score": pa.array([result.score for _, result in found], pa.float64()),
            "message": pa.array([result.message for _, result in found], pa.string()),
        }
    )
    work.connection.register("staged resolution", table)
    work.connection.execute('CREATE OR REPLACE TEMP TABLE resolution AS SELECT * FROM "staged resolution"')
    work.connection.unregister("staged resolution")


def _log_merges(work: Workbench, joined: str) -> None:
    """Log each row that was not recognised by its plain code; the rest is as delivered and needs no log."""
    rows = work.connection.execute(
        f"""SELECT s.batch, s.line, r.method, r.raw_code, r.raw_name, r.enterprise_id, r.score
        FROM {joined} WHERE r.method <> 'uscc' ORDER BY s.batch, s.line"""
    ).fetchall()
    for number, line, method, raw_code, raw_name, enterprise_id, score in rows:
        batch = work.batches[number]
        entry: dict[str, Any] = {
            "batch_id": batch.batch_id,
            "contract_id": work.contract.id,
            "line": line,
            "method": method,
            "raw_uscc": raw_code,
            "raw_name": raw_name,
            "enterprise_id": enterprise_id,
            "score": score,
            "known_at": batch.delivery.delivered_on,
        }
        work.merges.append(entry)
