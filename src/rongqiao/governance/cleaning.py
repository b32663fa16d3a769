"""Step 5, cleaning: one spelling for names, one form for codes, and every row assigned to its enterprise or set aside."""

# ruff: noqa: S608  (names come from contracts of this repository and are quoted; values are bound)
from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from rongqiao.governance.batch import SUBJECT_CONTRACTS
from rongqiao.governance.codes import right_codes
from rongqiao.governance.names import clean_name
from rongqiao.governance.resolution.unsettled import evidence_sql, weigh_unsettled
from rongqiao.lake.engine import literal, quote, stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from rongqiao.governance.batch import Workbench
    from rongqiao.governance.register import Register

TITLE = "数据清洗"

UNRESOLVED = "cleaning.unresolved"

#: Names that are spelt as the register spells them: Chinese characters, full-width brackets, digits and letters, no blanks.
_PLAIN_NAME = "[\u4e00-\u9fff（）·A-Za-z0-9]*[\u4e00-\u9fff][\u4e00-\u9fff（）·A-Za-z0-9]*"


def resolve(work: Workbench, register: Register) -> None:
    """Define ``resolved`` over the rows of ``typed`` that stand; the others go to quarantine under ``cleaning.unresolved``.

    Parameters
    ----------
    work : Workbench
    register : Register
        On the workbench's connection. Grows by the enterprises of this workbench if its contract is one of `SUBJECT_CONTRACTS`.

    Notes
    -----
    Rows whose code is known as it stands are settled at once; only the other identities are recognised one by one.
    """
    code, has_name = work.contract.identifier, "name" in work.contract.columns
    name = "name" if has_name else "NULL::VARCHAR"
    run = work.connection.execute
    if work.contract.id in SUBJECT_CONTRACTS:
        _enter_subjects(work, register)
    _stage_strangers(work, register)
    run(
        f"""CREATE OR REPLACE TEMP TABLE unsettled AS SELECT batch, line, {code} AS raw_code, {name} AS raw_name, {evidence_sql(work)}
        FROM typed SEMI JOIN strangers USING (batch, line) WHERE (batch, line) NOT IN (SELECT batch, line FROM rejected)"""
    )
    _stage_resolutions(work, register)
    register.index.let_go()
    if has_name:
        _stage_names(work)
    _define_resolved(work)
    run(
        f"""INSERT INTO rejected SELECT batch, line, {literal(code)}, rule_id, coalesce(raw_code, raw_name), message
        FROM recognised WHERE enterprise_id IS NULL"""
    )
    _log_merges(work)


def _stage_strangers(work: Workbench, register: Register) -> None:
    """Write tables of ``batch, line`` of rows that can be read.

    ``strangers``: rows whose code, as it stands, nobody of the register bears. ``strange_names``: rows whose name, as it stands, is nobody's.
    """
    index = register.index
    asked: dict[str, tuple[str, Callable[[Any], Any]]] = {
        "strangers": (work.contract.identifier, index.knows)
    }
    if "name" in work.contract.columns:
        asked["strange_names"] = ("name", index.spells)
    hashes = ", ".join(f"hash({column}) AS {table}" for table, (column, _) in asked.items())
    told = work.connection.sql(
        f"SELECT batch, line, {hashes} FROM typed WHERE misfit IS NULL"
    ).to_arrow_table()
    for table, (_, holds) in asked.items():
        is_strange = ~holds(told[table].to_numpy())
        stage(work.connection, table, told.select(["batch", "line"]).filter(pa.array(is_strange)))


def _define_resolved(work: Workbench) -> None:
    """Define the view ``resolved``.

    The few rows that changed or went out are joined in, in one join; copying all the others would cost more than all rules.
    """
    code = work.contract.identifier
    items = ", ".join(_item_sql(item, code) for item in work.contract.columns)
    spelt = "LEFT JOIN spellings ON spellings.raw = t.name" if "name" in work.contract.columns else ""
    work.connection.execute(
        f"""CREATE OR REPLACE TEMP VIEW resolved AS SELECT t.batch, t.line, {items}, coalesce(r.enterprise_id, t.{code}) AS enterprise_id
        FROM typed t LEFT JOIN (SELECT batch, line, enterprise_id, false AS is_out FROM recognised ANTI JOIN rejected USING (batch, line)
            UNION ALL SELECT batch, line, NULL, true FROM rejected) r ON r.batch = t.batch AND r.line = t.line {spelt}
        WHERE t.misfit IS NULL AND r.is_out IS NOT TRUE"""
    )


def _item_sql(item: str, code: str) -> str:
    if item == code:
        return f"coalesce(r.enterprise_id, t.{code}) AS {item}"
    return (
        "CASE WHEN spellings.raw IS NULL THEN t.name ELSE spellings.clean END AS name"
        if item == "name"
        else f"t.{quote(item)}"
    )


def enter_former_names(work: Workbench, register: Register) -> None:
    """Enter the names that the published changes say were borne before; they recognise what comes next."""
    register.add(
        """SELECT enterprise_id, NULL::VARCHAR AS number, value_before AS name FROM resolved
        WHERE change_item = 'name' AND (batch, line) NOT IN (SELECT batch, line FROM rejected)"""
    )


_STANDING = "misfit IS NULL AND (batch, line) NOT IN (SELECT batch, line FROM rejected)"


def _enter_subjects(work: Workbench, register: Register) -> None:
    """Enter enterprises whose own code is right into the register; broken ones must find themselves among these."""
    code = work.contract.identifier
    if code == "uscc":
        delivered = work.connection.sql(
            f"SELECT DISTINCT {code} AS raw FROM typed ANTI JOIN register_known ON enterprise_id = {code} WHERE {_STANDING} AND {code} IS NOT NULL"
        ).to_arrow_table()
        stage(work.connection, "right_codes", right_codes(delivered["raw"]))
    register.add(_subjects_sql(work, _STANDING))


def settle_subjects(work: Workbench, register: Register) -> None:
    """Let the register know of this workbench what was published, and nothing else.

    Rows that went out after their enterprise was entered are taken back; those that were assigned without a right code come in.
    """
    went_out = "misfit IS NULL AND (batch, line) IN (SELECT batch, line FROM rejected)"
    register.retract(_subjects_sql(work, went_out), _subjects_sql(work, _STANDING))
    register.add(
        f"""SELECT r.enterprise_id, {_number_sql(work)} AS number, name FROM typed
        JOIN (SELECT batch, line, enterprise_id FROM recognised) r USING (batch, line) WHERE {_STANDING}"""
    )


def _number_sql(work: Workbench) -> str:
    return "registration_no" if "registration_no" in work.contract.columns else "NULL::VARCHAR"


def _subjects_sql(work: Workbench, condition: str) -> str:
    """Write the query of those whom rows name by a code of their own that is right: ``enterprise_id, number, name``."""
    code, number = work.contract.identifier, _number_sql(work)
    if code != "uscc":
        return f"SELECT {code} AS enterprise_id, {number} AS number, name FROM typed WHERE {condition} AND {code} IS NOT NULL"
    # Joins, not IN: the engine may then build on the few rows of a delivery instead of on millions of codes.
    return f"""SELECT coalesce(c.code, k.enterprise_id) AS enterprise_id, {number} AS number, name FROM typed t
        LEFT JOIN right_codes c ON c.raw = t.{code} LEFT JOIN register_known k ON k.enterprise_id = t.{code}
        WHERE {condition} AND (c.code IS NOT NULL OR k.enterprise_id IS NOT NULL)"""


def _stage_resolutions(work: Workbench, register: Register) -> None:
    """Write table ``recognised``: each unsettled row with whom it means, how, and why not."""
    run = work.connection.execute
    run(
        """CREATE OR REPLACE TEMP TABLE identities AS SELECT row_number() OVER (ORDER BY raw_code, raw_name) - 1 AS spot, *
        FROM (SELECT DISTINCT raw_code, raw_name FROM unsettled)"""
    )
    register.resolve_table("identities", "resolution")
    run(
        """CREATE OR REPLACE TEMP TABLE recognised AS SELECT u.*, r.* FROM unsettled u JOIN identities i
        ON u.raw_code IS NOT DISTINCT FROM i.raw_code AND u.raw_name IS NOT DISTINCT FROM i.raw_name JOIN resolution r USING (spot)"""
    )
    weigh_unsettled(work, register)


def _stage_names(work: Workbench) -> None:
    """Write table ``spellings``: names that the register would spell otherwise, with that spelling; those it knows are spelt as it does."""
    rows = work.connection.execute(
        f"""SELECT DISTINCT name FROM typed SEMI JOIN strange_names USING (batch, line)
        WHERE name IS NOT NULL AND NOT regexp_full_match(name, '{_PLAIN_NAME}')"""
    ).fetchall()
    names = [name for (name,) in rows]
    staged = pa.table(
        {
            "raw": pa.array(names, pa.string()),
            "clean": pa.array([clean_name(name) for name in names], pa.string()),
        }
    )
    stage(work.connection, "spellings", staged)


def _log_merges(work: Workbench) -> None:
    """Log each row that was not recognised by its plain code; the rest is as delivered and needs no log."""
    rows = work.connection.execute(
        """SELECT batch, line, method, raw_code, raw_name, enterprise_id, score, evidence
        FROM recognised WHERE method <> 'uscc' ORDER BY batch, line"""
    ).fetchall()
    for number, line, method, raw_code, raw_name, enterprise_id, score, evidence in rows:
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
            "evidence": evidence,
            "known_at": batch.delivery.delivered_on,
        }
        work.merges.append(entry)
