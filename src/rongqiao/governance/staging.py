"""Published tables as they stood at two times, laid beside each other for judgements between departments."""

# ruff: noqa: S608  (names come from contracts of this repository and are quoted; values are bound)
from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from rongqiao.kernel.period import last_day
from rongqiao.lake.asof import newest_first
from rongqiao.lake.engine import files_sql, literal, quote

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    import duckdb

    from rongqiao.contracts.standards import Contract
    from rongqiao.lake.tables import Lake


def stage_contract(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    contract: Contract,
    as_of: int,
    known_at: dt.date,
    enterprise_id: str | None = None,
    *,
    among: str = "",
    files: Sequence[str] | None = None,
) -> None:
    """Show the facts of a contract at two times as a view of its own name: the last row known of each key.

    Parameters
    ----------
    as_of : int
        Month ``YYYYMM``; what became true later is left out.
    known_at : datetime.date
        Rows that arrived later, or were withdrawn by then, are left out.
    enterprise_id : str or None
        One enterprise alone; ``None`` for all.
    among : str
        Condition that the enterprises fulfil; empty for all. Only for contracts whose key names the enterprise: of another, a row that was
        replaced by one of an enterprise left out would stand.
    files : sequence of str or None
        Of the table's files, those that are read, such as those of an earlier version; ``None`` for all.
    """
    published = [uri for uri in lake.uris(f"published/{contract.id}") if files is None or uri in files]
    keys = ", ".join("enterprise_id" if one == contract.identifier else quote(one) for one in contract.key)
    kept = [f"known_at <= DATE {literal(known_at.isoformat())}"]
    if enterprise_id is not None:
        kept.append(f"enterprise_id = {literal(enterprise_id)}")
    if among:
        kept.append(among)
    if contract.valid_on:
        kept.append(
            f"({quote(contract.valid_on)} <= {_bound(contract, as_of)} OR {quote(contract.valid_on)} IS NULL)"
        )
    source = files_sql(published)
    columns = {row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
    if "withdrawn" in columns:
        kept.append(
            f"""(batch_id, line) NOT IN (SELECT (batch_id, line) FROM {source}
            WHERE withdrawn AND known_at <= DATE {literal(known_at.isoformat())})"""
        )
    connection.execute(
        f"""CREATE OR REPLACE TEMP VIEW {quote(contract.id)} AS SELECT * FROM {source}
        WHERE {" AND ".join(kept)}
        QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY {newest_first(columns)}) = 1"""
    )


def _bound(contract: Contract, as_of: int) -> str:
    """Last valid time that counts; a year counts once it is over."""
    if contract.valid_kind == "date":
        return f"DATE {literal(last_day(as_of).isoformat())}"
    return str(as_of if contract.valid_kind == "month" else as_of // 100 - (as_of % 100 < 12))


def name_run(
    kind: str,
    connection: duckdb.DuckDBPyConnection,
    present: Sequence[str],
    times: tuple[int, str],
    rules: Sequence[str],
) -> str:
    """Name a run by what it read: the batches of its tables with the rows that stand, the two times, and the rules."""
    digest = hashlib.sha256(json.dumps([*times, *rules]).encode())
    for contract_id in present:
        rows = connection.execute(
            f"SELECT batch_id, count(*) FROM {quote(contract_id)} GROUP BY 1 ORDER BY 1"
        ).fetchall()
        digest.update("\n".join(f"{batch} {count}" for batch, count in rows).encode())
    return f"{kind}@{digest.hexdigest()[:16]}"
