"""Peer groups: the spread of every directed indicator and of every shown series within industry × size × region.

Kept in ``analytics/peers`` (one row per group and indicator) and ``analytics/peer_series`` (one per group, series and
month). Each column of ``analytics/indicators`` is read once: all levels of a group are grouped at a time.
"""

# ruff: noqa: S608  (names come from declarations of this repository and are quoted; values are bound)
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rongqiao.contracts.catalog import threshold
from rongqiao.contracts.standards import load_contract
from rongqiao.indicators.computation import TARGET
from rongqiao.indicators.facts import SIZE_INPUTS, enterprise_facts, month_query
from rongqiao.indicators.registry import At, load_indicators
from rongqiao.indicators.shown_series import SERIES, SERIES_MONTHS
from rongqiao.kernel.period import add_months, last_day
from rongqiao.lake import asof
from rongqiao.lake.engine import ibis_connection, literal, quote, stage
from rongqiao.rules.peer_groups import ALL_SIZES, KNOTS, REGION_LENGTHS

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence

    from duckdb import DuckDBPyConnection

    from rongqiao.indicators.shown_series import Series
    from rongqiao.lake.tables import Lake

PEERS = "analytics/peers"
PEER_SERIES = "analytics/peer_series"
#: Only these take part: a closed enterprise is nobody's peer.
COUNTED_STATUS = "存续"
#: Values held at a time: exact quantiles keep every value of their columns in memory, once per level.
VALUES_AT_ONCE = 20_000_000

_SIZED = ", ".join(f"(section, size_class, region_{length})" for length in REGION_LENGTHS)
_UNSIZED = ", ".join(f"(section, region_{length})" for length in REGION_LENGTHS)
LEVELS = f"GROUPING SETS ({_SIZED}, {_UNSIZED})"
# A group of those whose size is not known is no group: they belong to the levels that do not tell sizes apart.
NAMED = "section IS NOT NULL AND (GROUPING(size_class) = 1 OR size_class IS NOT NULL)"
_REGION = "coalesce({})".format(", ".join(f"region_{length}" for length in REGION_LENGTHS))
# Of the regions only the one grouped by is not null, but for members without one.
KEYS = f"section, coalesce(size_class, {literal(ALL_SIZES)}) AS size_class, {_REGION} AS region_code"


def peers_key(as_of: int, known_at: dt.date) -> str:
    """Transaction by which peers of a pair of times are kept once."""
    return f"peers@{as_of}@{known_at:%Y%m%d}"


def write_peers(lake: Lake, *, as_of: int, known_at: dt.date) -> bool:
    """Keep the peers' spread for a pair of times, exactly once.

    Parameters
    ----------
    lake : Lake
        Holds ``published/enterprises`` and ``analytics/indicators`` of the month.
    as_of : int
        Month ``YYYYMM``.
    known_at : datetime.date
        What arrived later is left out.

    Returns
    -------
    bool
        Whether rows were written; ``False`` if they stand there already, or no group has enough members.

    Raises
    ------
    ContractError
        If the indicators of the month were never computed.

    Notes
    -----
    ``analytics/peers``: ``members`` counts the group, ``known_count`` those with an ok value and ``knots`` their values at
    `rules.peer_groups.KNOTS`; both are null where fewer than the catalogue's ``peer_group_min`` have one. A group with fewer
    members than that has no rows.
    """
    key = peers_key(as_of, known_at)
    if lake.has(PEERS, key):
        return False
    least = int(threshold("peer_group_min", last_day(as_of)))
    found = [each for each in SERIES if lake.exists(f"published/{each.contract_id}")]
    tables = dict.fromkeys(f"published/{each.contract_id}" for each in found)
    facts = enterprise_facts(lake, as_of=as_of, known_at=known_at, indicators=SIZE_INPUTS)
    opened = ibis_connection(lake, [TARGET, *tables])
    stage(
        opened.con,
        "facts",
        facts.select(["enterprise_id", "status", "industry_section", "size_class", "county_code"]),
    )
    _stage_members(opened.con)
    columns = set(opened.con.sql(f"FROM {quote(TARGET)} LIMIT 0").columns)
    count = _spread_indicators(opened.con, month_query(columns, At(as_of, known_at)), columns, least)
    times = f"{as_of}::INTEGER AS as_of, DATE {literal(known_at.isoformat())} AS known_at"
    if not count:
        return False
    for each in found:
        table = opened.table(f"published/{each.contract_id}")
        held = asof.current(table, load_contract(each.contract_id), as_of=as_of, known_at=known_at)
        _spread_series(opened.con, each, opened.compile(held), as_of, least)
    if found:
        query = f"SELECT {times}, * FROM peer_series ORDER BY group_id, series_id, period"
        lake.append_query(PEER_SERIES, opened.con, query, transaction=[key])
    # Last: who finds the groups finds the series, too.
    query = f"SELECT {times}, * FROM peers ORDER BY group_id, indicator_id"
    return lake.append_query(PEERS, opened.con, query, transaction=[key])


def _stage_members(connection: DuckDBPyConnection) -> None:
    regions = ", ".join(f"left(county_code, {length}) AS region_{length}" for length in REGION_LENGTHS)
    connection.execute(
        f"""CREATE TEMP TABLE members AS SELECT enterprise_id, industry_section AS section, size_class, {regions}
        FROM facts WHERE status = {literal(COUNTED_STATUS)} AND industry_section IS NOT NULL AND county_code IS NOT NULL"""
    )
    connection.execute(
        """CREATE TEMP TABLE peers (group_id VARCHAR, section VARCHAR, size_class VARCHAR, region_code VARCHAR, members BIGINT,
        indicator_id VARCHAR, known_count BIGINT, knots DOUBLE[])"""
    )
    connection.execute(
        """CREATE TEMP TABLE peer_series (group_id VARCHAR, series_id VARCHAR, period INTEGER, known_count BIGINT,
        lower_quarter DOUBLE, median DOUBLE, upper_quarter DOUBLE)"""
    )


def _spread_indicators(connection: DuckDBPyConnection, rows: str, columns: set[str], least: int) -> int:
    """Fill ``peers`` with every directed indicator, some columns at a time; the number of rows."""
    directed = [
        key for key, each in load_indicators().items() if each.direction != "neutral" and key in columns
    ]
    shares = ", ".join(str(share) for share in KNOTS)
    for some in _portions(directed, _count(connection, "members")):
        values = ", ".join(
            f"CASE WHEN r.{quote(f'{key}__status')} = 'ok' AND isfinite(r.{quote(key)}) THEN r.{quote(key)} END AS v{number}"
            for number, key in enumerate(some)
        )
        spreads = ", ".join(
            f"count(v{number}) AS n{number}, quantile_cont(v{number}, [{shares}]) AS k{number}"
            for number in range(len(some))
        )
        connection.execute(
            f"""CREATE OR REPLACE TEMP TABLE spread AS SELECT {KEYS}, count(*) AS members, {spreads}
            FROM (SELECT m.*, {values} FROM members m LEFT JOIN ({rows}) r USING (enterprise_id))
            GROUP BY {LEVELS} HAVING count(*) >= {least} AND {NAMED}"""
        )
        for number, key in enumerate(some):
            connection.execute(
                f"""INSERT INTO peers SELECT concat_ws('.', section, size_class, region_code), section, size_class, region_code,
                members, {literal(key)}, if(n{number} >= {least}, n{number}, NULL),
                if(n{number} >= {least}, list_transform(k{number}, x -> round(x, 6)), NULL) FROM spread"""
            )
    return _count(connection, "peers")


def _spread_series(connection: DuckDBPyConnection, series: Series, rows: str, as_of: int, least: int) -> None:
    """Add the quarters and the median of one series to ``peer_series``, some months at a time."""
    months = [add_months(as_of, back) for back in range(1 - SERIES_MONTHS, 1)]
    for some in _portions(months, _count(connection, "members")):
        connection.execute(
            f"""INSERT INTO peer_series SELECT concat_ws('.', section, size_class, region_code), {literal(series.id)}, period, n,
            round(q[1], 6), round(q[2], 6), round(q[3], 6) FROM (
                SELECT {KEYS}, period, count(v) AS n, quantile_cont(v, [0.25, 0.5, 0.75]) AS q FROM (
                    SELECT m.*, r.period, r.{quote(series.column)}::DOUBLE AS v FROM members m
                    JOIN ({rows}) r USING (enterprise_id) WHERE r.period IN ({", ".join(map(str, some))}))
                GROUP BY period, {LEVELS} HAVING count(v) >= {least} AND {NAMED})"""
        )


def _count(connection: DuckDBPyConnection, table: str) -> int:
    found = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(found[0]) if found else 0


def _portions(whole: Sequence[Any], rows: int) -> Iterator[Sequence[Any]]:
    """Cut columns into portions whose values fit in memory."""
    size = max(1, VALUES_AT_ONCE // max(rows, 1))
    for start in range(0, len(whole), size):
        yield whole[start : start + size]
