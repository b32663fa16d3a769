"""Step 3, rules: all row rules of a contract in one scan, table rules per delivery, and what needs the resolved enterprise.

A rule whose SQL is null for a row did not judge it. A rule that judged no row, or cannot run, is ``not_run``: never green.
"""

# ruff: noqa: S608  (names come from contracts of this repository and are quoted; values are bound)
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pyarrow as pa

from rongqiao.governance.batch import judge
from rongqiao.lake.engine import literal, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rongqiao.contracts.standards import Contract, QualityRule
    from rongqiao.governance.batch import Workbench

TITLE = "规则制定"

#: Items that cleaning may still mend; rules on them wait until it has.
IDENTITY = frozenset({"uscc", "enterprise_no", "name"})


def check(work: Workbench, previous_rows: Mapping[int, int]) -> None:
    """Judge ``typed``: row rules except those on identity, then table rules.

    Parameters
    ----------
    work : Workbench
    previous_rows : Mapping[int, int]
        Batch number → rows of the contract's regular delivery before it; absent for the first and for corrections.
    """
    _stage_deliveries(work, previous_rows)
    live = "SELECT * FROM typed WHERE misfit IS NULL"
    _check_rows(work, [rule for rule in work.contract.row_rules if not _concerns_identity(rule)], live)
    for rule in work.contract.table_rules:
        _check_table(work, rule, previous_rows)
    for rule in work.contract.rules:
        if rule.scope == "columns":
            _check_columns(work, rule)


@dataclass(frozen=True, slots=True)
class Reference:
    """What a column of another contract holds.

    Parameters
    ----------
    table : str
        Table of the engine with ``value``, each once.
    is_of_strangers : bool
        Whether the table lists enterprises of the register that the column does *not* hold, which are few.
    """

    table: str
    is_of_strangers: bool = False


def check_resolved(work: Workbench, find_reference: Callable[[str, bool], Reference | None]) -> None:
    """Judge ``resolved``: rules on identity, references, and unique keys.

    Parameters
    ----------
    work : Workbench
    find_reference : Callable
        Given ``<contract id>.<column>`` and whether it is asked of enterprises that were resolved, tells what the column holds;
        ``None`` if there is no such data.
    """
    _check_rows(
        work, [rule for rule in work.contract.row_rules if _concerns_identity(rule)], "SELECT * FROM resolved"
    )
    for rule in work.contract.rules:
        if rule.scope == "reference":
            is_subject = rule.columns[0] == work.contract.identifier
            _check_reference(work, rule, reference=find_reference(rule.expression, is_subject))
    declared = [rule for rule in work.contract.rules if rule.scope == "key"]
    for rule in declared:
        _check_key(work, (rule.id, rule.severity, rule.title), rule.columns)
    if not declared:
        ((rule_id, columns),) = work.contract.key_rules.items()
        _check_key(work, (rule_id, "reject", "同一批次内主键不得重复，以最后一行为准"), columns)


def _concerns_identity(rule: QualityRule) -> bool:
    return bool(IDENTITY & set(rule.columns))


def _stage_deliveries(work: Workbench, previous_rows: Mapping[int, int]) -> None:
    """Write table ``deliveries``: the facts of each delivery that rules may name."""
    work.connection.execute(
        "CREATE OR REPLACE TEMP TABLE deliveries (batch INTEGER, delivered_on DATE, previous_rows BIGINT, is_regular BOOLEAN)"
    )
    facts = [
        [batch.number, each.delivered_on, previous_rows.get(batch.number), each.is_regular]
        for batch in work.batches
        for each in (batch.delivery,)
    ]
    work.connection.executemany("INSERT INTO deliveries VALUES (?, ?, ?, ?)", facts)


def _check_rows(work: Workbench, rules: Sequence[QualityRule], source: str) -> None:
    """Judge all rules in one scan; if one of them cannot run, judge each alone so that only that one is lost."""
    if not rules:
        return
    try:
        _scan(work, rules, source)
    except duckdb.Error:
        runnable = [rule for rule in rules if _can_run(work, rule, source)]
        for rule in rules:
            if rule not in runnable:
                for batch in work.batches:
                    work.add_result(batch, rule.id, rule.family, ("not_run", 0, 0))
        if runnable:
            _scan(work, runnable, source)


def _can_run(work: Workbench, rule: QualityRule, source: str) -> bool:
    try:
        work.connection.execute(
            f"SELECT count(*) FILTER ({rule.expression}) FROM ({source}) JOIN deliveries USING (batch)"
        ).fetchall()
    except duckdb.Error:
        return False
    return True


def _scan(work: Workbench, rules: Sequence[QualityRule], source: str) -> None:
    """Count all rules in one scan; where one that rejects was broken, find the rows that broke it."""
    flags = ", ".join(f"CAST(({rule.expression}) AS BOOLEAN) AS r{at}" for at, rule in enumerate(rules))
    counts = ", ".join(f"count(r{at}), coalesce(count_if(NOT r{at}), 0)" for at in range(len(rules)))
    rows = work.connection.execute(
        f"SELECT batch, {counts} FROM (SELECT batch, {flags} FROM ({source}) JOIN deliveries USING (batch)) GROUP BY batch"
    ).fetchall()
    seen = {number: counted for number, *counted in rows}
    broken = set()
    for batch in work.batches:
        counted = seen.get(batch.number, [0] * (2 * len(rules)))
        for at, rule in enumerate(rules):
            checked, failed = counted[2 * at : 2 * at + 2]
            outcome = judge(rule.severity, checked, failed)
            work.add_result(batch, rule.id, rule.family, (outcome, checked, failed))
            if failed and rule.severity == "reject":
                broken.add(at)
    strict = {at: rules[at] for at in sorted(broken)}
    if strict:
        first = (
            "CASE "
            + " ".join(f"WHEN NOT ({rule.expression}) THEN {at}" for at, rule in strict.items())
            + " END"
        )
        _reject(
            work,
            f"SELECT batch, line, {first} AS broken FROM ({source}) JOIN deliveries USING (batch)",
            strict,
        )


def _reject(work: Workbench, broken: str, rules: Mapping[int, QualityRule]) -> None:
    """Send rows to quarantine under the first rule they break; the value of the first item it names is added from the kept rows."""
    contract = work.contract
    ids = " ".join(f"WHEN {at} THEN {literal(rule.id)}" for at, rule in rules.items())
    titles = " ".join(f"WHEN {at} THEN {literal(rule.title)}" for at, rule in rules.items())
    columns = " ".join(f"WHEN {at} THEN {literal(_first_item(contract, rule))}" for at, rule in rules.items())
    work.connection.execute(
        f"""INSERT INTO rejected
        SELECT batch, line, CASE broken {columns} END, CASE broken {ids} END, NULL, CASE broken {titles} END
        FROM ({broken}) WHERE broken IS NOT NULL AND (batch, line) NOT IN (SELECT batch, line FROM rejected)"""
    )


def _first_item(contract: Contract, rule: QualityRule) -> str:
    return next((column for column in rule.columns if column in contract.columns), contract.key[0])


def _check_columns(work: Workbench, rule: QualityRule) -> None:
    """Judge the columns of each file: whether every item has one, or whether every one stands for an item."""
    items = set(work.contract.columns)
    for batch in work.batches:
        given = batch.bound | {item for item, value in batch.delivery.constants.items() if value}
        is_whole = rule.id.endswith(".columns_complete")
        # A correction brings the columns it corrects; only a whole delivery owes them all.
        is_judged = bool(batch.bound or batch.unmapped) and (batch.delivery.is_regular or not is_whole)
        is_broken = bool(items - given) if is_whole else bool(batch.unmapped)
        checked = batch.rows_in if is_judged else 0
        failed = checked if is_broken else 0
        work.add_result(batch, rule.id, rule.family, (judge(rule.severity, checked, failed), checked, failed))


def _check_table(work: Workbench, rule: QualityRule, previous_rows: Mapping[int, int]) -> None:
    """Judge each delivery as a whole; a failed rule of severity reject keeps all its rows out."""
    source = "typed JOIN deliveries USING (batch)"
    try:
        rows = work.connection.execute(
            f"SELECT batch, count(*), CAST(({rule.expression}) AS DOUBLE) FROM {source} WHERE misfit IS NULL GROUP BY batch"
        ).fetchall()
    except duckdb.Error:
        rows = []
    measured = {number: (count, value) for number, count, value in rows}
    failed_batches = []
    for batch in work.batches:
        count, value = measured.get(batch.number, (0, None))
        if value is None:
            # A delivery without a row, after one that had some, is judged although there is nothing to count.
            is_gone = (
                not batch.rows_in and previous_rows.get(batch.number) and "previous_rows" in rule.columns
            )
            outcome = judge(rule.severity, 1, 1) if is_gone else "not_run"
            work.add_result(batch, rule.id, rule.family, (outcome, 0, 0))
            continue
        is_low = rule.minimum is not None and value < rule.minimum
        is_high = rule.maximum is not None and value > rule.maximum
        failed = count if is_low or is_high else 0
        work.add_result(batch, rule.id, rule.family, (judge(rule.severity, count, failed), count, failed))
        if failed and rule.severity == "reject":
            failed_batches.append(str(batch.number))
    if failed_batches:
        broken = f"SELECT batch, line, 0 AS broken FROM typed WHERE batch IN ({', '.join(failed_batches)})"
        _reject(work, broken, {0: rule})


def _check_reference(work: Workbench, rule: QualityRule, *, reference: Reference | None) -> None:
    """Judge that values are found where they should be; not run while the other table is empty."""
    if reference is None:
        for batch in work.batches:
            work.add_result(batch, rule.id, rule.family, ("not_run", 0, 0))
        return
    column = quote(rule.columns[0])
    # A join, not NOT IN: the engine may then build on the smaller side, and a register has millions.
    joined = f"resolved LEFT JOIN (SELECT value AS found_value FROM {quote(reference.table)} WHERE value IS NOT NULL) ON found_value = {column}"
    strange = f"found_value IS {'NOT ' if reference.is_of_strangers else ''}NULL AND {column} IS NOT NULL"
    found = work.connection.execute(
        f"SELECT batch, count({column}), count(*) FILTER ({strange}) FROM {joined} GROUP BY batch"
    ).fetchall()
    _settle(work, (rule.id, rule.severity, rule.family), found)
    if rule.severity == "reject" and any(failed for _, _, failed in found):
        _reject(
            work, f"SELECT batch, line, CASE WHEN {strange} THEN 0 END AS broken FROM {joined}", {0: rule}
        )


def _check_key(work: Workbench, rule: tuple[str, str, str], columns: Sequence[str]) -> None:
    """Judge that keys are unique within a delivery; the last row stands, earlier ones are duplicates.

    Digests of all keys are sorted, and only rows whose digest occurs twice are compared by the keys themselves.
    """
    rule_id, severity, title = rule
    keys = ", ".join(quote(column) for column in columns)
    is_complete = " AND ".join(f"{quote(column)} IS NOT NULL" for column in columns)
    digest = f"hash(batch, {keys})"
    found = work.connection.execute(
        f"SELECT batch, {digest} AS digest FROM resolved WHERE {is_complete}"
    ).fetchnumpy()
    checked = np.bincount(found["batch"], minlength=len(work.batches))
    digests = np.sort(np.asarray(found["digest"]))
    repeated = np.unique(digests[1:][digests[1:] == digests[:-1]])
    work.connection.register("repeated keys", pa.table({"digest": pa.array(repeated, pa.uint64())}))
    work.connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE duplicates AS SELECT batch, line FROM resolved
        WHERE {is_complete} AND {digest} IN (SELECT digest FROM "repeated keys")
        QUALIFY line < max(line) OVER (PARTITION BY batch, {keys})"""
        if len(repeated)
        else "CREATE OR REPLACE TEMP TABLE duplicates (batch INTEGER, line INTEGER)"
    )
    work.connection.unregister("repeated keys")
    failed = dict(work.connection.execute("SELECT batch, count(*) FROM duplicates GROUP BY batch").fetchall())
    counts = [(number, int(total), failed.get(number, 0)) for number, total in enumerate(checked)]
    _settle(work, (rule_id, severity, "uniqueness"), counts)
    if severity == "reject":
        work.connection.execute(
            f"""INSERT INTO rejected SELECT batch, line, {literal(columns[0])}, {literal(rule_id)}, NULL, {literal(title)}
            FROM duplicates"""
        )


def _settle(work: Workbench, rule: tuple[str, str, str], counts: Sequence[tuple[int, int, int]]) -> None:
    """Record for each batch how many rows of one rule were checked and failed."""
    rule_id, severity, family = rule
    seen = {number: (checked, failed) for number, checked, failed in counts}
    for batch in work.batches:
        checked, failed = seen.get(batch.number, (0, 0))
        work.add_result(batch, rule_id, family, (judge(severity, checked, failed), checked, failed))
