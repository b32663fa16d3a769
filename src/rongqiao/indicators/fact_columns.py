"""Publish the facts that criteria read as columns for screening, part by part, so that no province is too large for memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rongqiao.indicators.computation import ENTERPRISES, TARGET
from rongqiao.indicators.facts import RATINGS, enterprise_facts
from rongqiao.lake import asof
from rongqiao.lake.columns import write_columns
from rongqiao.lake.engine import ibis_connection
from rongqiao.lake.suspensions import STATES

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator
    from pathlib import Path

    from rongqiao.lake.tables import Lake

LIVING = "存续"
PART_ROWS = 200_000
#: Columns beside the facts: the secret number of each enterprise, and its code.
KEY, ENTERPRISE = "cell_key", "enterprise_id"


def publish_fact_columns(
    *,
    lake: Lake,
    as_of: int,
    known_at: dt.date,
    secret: bytes,
    folder: Path | None = None,
    part_rows: int = PART_ROWS,
) -> int:
    """Replace the columns that screening reads by the facts of a month; enterprises that are no more are left out.

    Parameters
    ----------
    lake : Lake
        As for ``indicators.facts.enterprise_facts``.
    as_of : int
        Month of the indicators.
    known_at : date
        What arrived later is left out.
    secret : bytes
        From which each enterprise's number is drawn; whoever knows it can undo the blurring of counts.
    part_rows : int
        Enterprises held in memory at a time.

    Returns
    -------
    int
        Enterprises.

    Raises
    ------
    ContractError
        If the indicators of that month were never computed.
    """
    parts = _parts(lake, as_of, known_at, secret, part_rows)
    described = {"as_of": as_of, "known_at": known_at.isoformat(), "versions": fact_versions(lake)}
    name = f"{as_of}-{known_at:%Y%m%d}"
    return write_columns(parts, name=name, described=described, rows_by=ENTERPRISE, folder=folder)


def fact_versions(lake: Lake) -> dict[str, int]:
    """Versions of the lake's tables that the columns are made of; they differ once any of it was computed or amended anew."""
    kept = [name for name in (ENTERPRISES, TARGET, RATINGS, STATES) if lake.exists(name)]
    return {name: int(lake.open(name).version()) for name in kept}


def _parts(lake: Lake, as_of: int, known_at: dt.date, secret: bytes, part_rows: int) -> Iterator[pa.Table]:
    registry: Any = ibis_connection(lake, [ENTERPRISES]).table(ENTERPRISES)
    living = asof.latest(registry, ["enterprise_id"], known_at=known_at)
    ids = living.filter(living.status == LIVING).select("enterprise_id").order_by("enterprise_id")
    codes: list[str] = ids.to_pyarrow().column(0).to_pylist()
    for start in range(0, len(codes), part_rows):
        part = codes[start : start + part_rows]
        facts = enterprise_facts(lake, as_of=as_of, known_at=known_at, between=(part[0], part[-1]))
        # The span holds those too that are no more.
        facts = facts.filter(pc.field("status") == LIVING)
        keys = pa.array(_draw_keys(facts.column(ENTERPRISE).to_pylist(), secret), pa.uint32())
        yield facts.append_column(KEY, keys)


def _draw_keys(codes: list[str], secret: bytes) -> np.ndarray[Any, Any]:
    from hashlib import blake2b

    drawn = b"".join(blake2b(code.encode(), key=secret, digest_size=4).digest() for code in codes)
    return np.frombuffer(drawn, dtype="<u4")
