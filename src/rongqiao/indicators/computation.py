"""Computing indicators for everyone: one pass per source table, one wide row per enterprise."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rongqiao.contracts.standards import load_contract
from rongqiao.indicators.registry import At, Indicator, Source, get_indicator, load_indicators
from rongqiao.kernel.errors import ContractError
from rongqiao.kernel.period import check_month
from rongqiao.lake import asof
from rongqiao.lake.engine import ibis_connection

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from rongqiao.lake.tables import Lake

ENTERPRISES = "published/enterprises"
TARGET = "analytics/indicators"
MONTH_DAYS = 31
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Read:
    """One contract table as of the two times: its temporary table, and whether its deliveries stopped."""

    table: Any
    rows: int
    newest_known: dt.date | None


def select(only: Sequence[str] | None) -> dict[str, Indicator]:
    """Return the chosen indicators, and those that derived ones among them read.

    Raises
    ------
    InvalidValueError
        If an id is unknown.
    """
    if only is None:
        return load_indicators()
    chosen: dict[str, Indicator] = {}
    for name in only:
        found = get_indicator(name)
        for read in found.inputs:
            chosen[read] = get_indicator(read)
        chosen[name] = found
    return chosen


def compute(lake: Lake, *, as_of: int, known_at: dt.date, only: Sequence[str] | None = None) -> pa.Table:
    """Compute indicators of all enterprises.

    Parameters
    ----------
    lake : Lake
        Holds ``published/*``. A table that is absent leaves its indicators missing.
    as_of : int
        Last complete month ``YYYYMM``; nothing that became true later is read.
    known_at : date
        Nothing that arrived later is read.
    only : sequence of str or None
        Indicator ids; all when ``None``.

    Returns
    -------
    pa.Table
        One row per enterprise, ordered by ``enterprise_id``: ``as_of``, ``known_at``, and for each indicator
        ``<id>`` (double, null where there is no value) and ``<id>__status`` (ok, missing, not_applicable, stale).
        A stale value is given, but is old.

    Raises
    ------
    InvalidValueError
        If an id is unknown or ``as_of`` is no month.
    """
    at = At(check_month(as_of), known_at)
    chosen = select(only)
    by_source: dict[Source, list[Indicator]] = defaultdict(list)
    for item in chosen.values():
        by_source[item.source].append(item)
    reads = _open_tables(lake, at, by_source)
    if not reads.connection_tables:
        return _empty(chosen)
    population = reads.keep("population", _population(reads))
    columns: dict[str, Any] = {"enterprise_id": _arrow(population).column("enterprise_id")}
    for source, members in by_source.items():
        if source.grain != "derived":
            columns |= _source_columns(reads, population, source, members, at)
    for source, members in by_source.items():
        if source.grain == "derived":
            columns |= _derived_columns(reads, columns, members)
    names = list(chosen) if only is None else [name for name in chosen if name in set(only)]
    return _finish(columns, names, at)


class _Reads:
    """Connection with the temporary tables of one computation."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.connection_tables: dict[str, _Read] = {}
        self.enterprises: Any = None

    def keep(self, name: str, expression: Any) -> Any:
        """Compute an expression once, and give it back as a table."""
        return self.connection.create_table(
            f"kept_{name.replace('.', '_')}", expression, temp=True, overwrite=True
        )


def _open_tables(lake: Lake, at: At, sources: Mapping[Source, Any]) -> _Reads:
    wanted = sorted({contract for source in sources for contract in source.contracts})
    present = [name for name in wanted if lake.exists(f"published/{name}")]
    views = [f"published/{name}" for name in present]
    has_registry = lake.exists(ENTERPRISES)
    reads = _Reads(ibis_connection(lake, [*views, ENTERPRISES] if has_registry else views))
    # Sums of doubles depend on their order: one thread, and a report can be issued again byte for byte.
    reads.connection.raw_sql("SET threads = 1")
    for name in present:
        rows = reads.connection.table(f"published/{name}")
        now = asof.current(rows, load_contract(name), as_of=at.as_of, known_at=at.known_at)
        kept = reads.keep(name, _as_double(now))
        count, newest = reads.connection.raw_sql(
            f"SELECT count(*), max(known_at) FROM {kept.get_name()}"  # noqa: S608 (a name made here)
        ).fetchone()
        reads.connection_tables[name] = _Read(kept, count, newest)
    if has_registry:
        registry = reads.connection.table(ENTERPRISES)
        newest = asof.latest(registry, ["enterprise_id"], known_at=at.known_at)
        age = at.index - (newest.established_on.year() * 12 + newest.established_on.month() - 1)
        reads.enterprises = reads.keep("enterprises", newest.select("enterprise_id", age_months=age))
        reads.connection_tables.setdefault("enterprises", _Read(reads.enterprises, 0, None))
    return reads


def _as_double(table: Any) -> Any:
    """Money leaves exact arithmetic here: indicators are statistics."""
    decimals = [name for name, kind in table.schema().items() if kind.is_decimal()]
    return table.mutate(**{name: table[name].cast("float64") for name in decimals})


def _population(reads: _Reads) -> Any:
    """Every enterprise that any table knows, with its age where the registry tells it."""
    ids = [read.table.select("enterprise_id") for read in reads.connection_tables.values()]
    everyone = ibis.union(*ids, distinct=True) if len(ids) > 1 else ids[0].distinct()
    everyone = everyone.filter(everyone.enterprise_id.notnull())
    if reads.enterprises is None:
        return everyone.mutate(age_months=ibis.null("int64"))
    return everyone.left_join(reads.enterprises, "enterprise_id").select(
        everyone.enterprise_id, reads.enterprises.age_months
    )


def _arrow(rows: Any) -> pa.Table:
    """Fetch rows in the one order that all columns share."""
    return rows.order_by("enterprise_id").to_pyarrow()


def _source_columns(
    reads: _Reads, population: Any, source: Source, members: list[Indicator], at: At
) -> dict[str, Any]:
    """Aggregate one source once for all its indicators: values and statuses of the whole population."""
    opened = [reads.connection_tables.get(name) for name in source.contracts]
    if any(read is None or read.rows == 0 for read in opened):
        return _absent(members, population.count().to_pyarrow().as_py())
    tables = {name: reads.connection_tables[name].table for name in source.contracts}
    prepared = reads.keep(f"prepared_{source.id}", source.prepare(tables, at))
    aggregates: dict[str, Any] = {}
    for item in members:
        aggregates[item.id] = item.measure(prepared).cast("float64")
        if item.undefined is not None:
            aggregates[f"{item.id}__undefined"] = item.undefined(prepared)
        elif source.grain == "series":
            since = prepared.back.count(where=prepared.back < max(item.window_months, 1))
            aggregates[f"{item.id}__undefined"] = since >= item.minimum_months
    if source.grain == "series":
        aggregates["newest_back"] = prepared.back.min()
    grouped = reads.keep(source.id, prepared.group_by("enterprise_id").aggregate(**aggregates))
    grouped = grouped.rename(joined_id="enterprise_id")
    joined = population.left_join(grouped, population.enterprise_id == grouped.joined_id)
    found = _arrow(joined.drop("joined_id"))
    is_old = _is_old(source, found, opened, at)
    columns: dict[str, Any] = {}
    for item in members:
        values = _values(found, item)
        columns[item.id] = pa.array(values, pa.float64(), mask=np.isnan(values))
        columns[f"{item.id}__status"] = _status(found, item, ~np.isnan(values), is_old)
    return columns


def _numbers(found: pa.Table, name: str) -> Floats:
    """Return a column with NaN for null."""
    return np.asarray(found.column(name).cast(pa.float64()).to_numpy(), dtype=np.float64)


def _values(found: pa.Table, item: Indicator) -> Floats:
    values = _numbers(found, item.id)
    # Adding zero turns -0.0 into 0.0, which prints and digests differently.
    values = np.where(np.isfinite(values), values, np.nan) + 0.0
    return np.nan_to_num(values, nan=0.0) if item.null_policy == "absent_is_zero" else values


def _is_old(source: Source, found: pa.Table, opened: list[Any], at: At) -> Flags:
    if source.grain == "series":
        # Comparing with NaN is false: what was never observed is missing, not stale.
        return _numbers(found, "newest_back") >= source.stale_after_months
    newest = max(read.newest_known for read in opened)
    days = (at.known_at - newest).days
    is_old = source.grain == "event" and days > source.stale_after_months * MONTH_DAYS
    return np.full(found.num_rows, is_old)


def _status(found: pa.Table, item: Indicator, has_value: Flags, is_old: Flags) -> pa.Array:
    is_young = _numbers(found, "age_months") < item.minimum_months - 1
    if item.source.grain == "event":
        # A complete register: what has no value has none by nature.
        is_undefined = np.full(found.num_rows, fill_value=True)
    elif f"{item.id}__undefined" in found.column_names:
        is_undefined = _numbers(found, f"{item.id}__undefined") == 1
    else:
        is_undefined = np.full(found.num_rows, fill_value=False)
    status = np.select(
        [has_value & is_old, has_value, is_undefined | is_young], ["stale", "ok", "not_applicable"], "missing"
    )
    return pa.array(status, pa.string())


def _absent(members: list[Indicator], rows: int) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for item in members:
        columns[item.id] = pa.nulls(rows, pa.float64())
        columns[f"{item.id}__status"] = pa.repeat(pa.scalar("missing"), rows)
    return columns


def _derived_columns(reads: _Reads, columns: Mapping[str, Any], members: list[Indicator]) -> dict[str, Any]:
    """Values over other values; a derived status is the worst of what was read."""
    inputs = sorted(
        {column for item in members for name in item.inputs for column in (name, f"{name}__status")}
    )
    known = {name: columns[name] for name in ("enterprise_id", *inputs)}
    wide = reads.connection.create_table(f"wide_{members[0].id}", pa.table(known), temp=True)
    made: dict[str, Any] = {}
    for item in members:
        value = item.measure(wide).cast("float64")
        statuses = [wide[f"{name}__status"] for name in item.inputs]
        any_stale, any_missing, any_inapplicable = (
            _any(status == word for status in statuses) for word in ("stale", "missing", "not_applicable")
        )
        is_undefined = item.undefined(wide).fill_null(False) if item.undefined else ibis.literal(value=False)
        made[item.id] = value
        made[f"{item.id}__status"] = ibis.cases(
            (value.notnull() & any_stale, "stale"),
            (value.notnull(), "ok"),
            (any_missing, "missing"),
            (any_inapplicable | is_undefined, "not_applicable"),
            else_="missing",
        )
    found = _arrow(wide.select("enterprise_id", **made))
    return {name: found.column(name) for name in made}


def _any(conditions: Any) -> Any:
    result: Any = ibis.literal(value=False)
    for condition in conditions:
        result = result | condition
    return result


def _finish(columns: Mapping[str, Any], names: list[str], at: At) -> pa.Table:
    rows = len(columns["enterprise_id"])
    values: list[Any] = [columns["enterprise_id"]]
    values.append(pa.repeat(pa.scalar(at.as_of, pa.int32()), rows))
    values.append(pa.repeat(pa.scalar(at.known_at, pa.date32()), rows))
    values += [columns[column] for name in names for column in (name, f"{name}__status")]
    return pa.Table.from_arrays(values, schema=wide_schema(names))


def wide_schema(names: Sequence[str]) -> pa.Schema:
    """Build the schema of the wide table for the indicators named."""
    fields = [("enterprise_id", pa.string()), ("as_of", pa.int32()), ("known_at", pa.date32())]
    for name in names:
        fields += [(name, pa.float64()), (f"{name}__status", pa.string())]
    return pa.schema(fields)


def _empty(chosen: Mapping[str, Indicator]) -> pa.Table:
    return wide_schema(list(chosen)).empty_table()


def indicators_key(as_of: int, known_at: dt.date) -> str:
    """Name of the transaction under which a computation stands in the lake for ever."""
    return f"indicators@{check_month(as_of)}@{known_at.isoformat()}"


def write_indicators(lake: Lake, *, as_of: int, known_at: dt.date) -> bool:
    """Compute all indicators and keep them in ``analytics/indicators``, exactly once per pair of times.

    Returns
    -------
    bool
        Whether rows were written; ``False`` if they stand there already.

    Raises
    ------
    ContractError
        If the lake holds no enterprise yet.
    """
    key = indicators_key(as_of, known_at)
    if lake.has(TARGET, transaction=key):
        return False
    wide = compute(lake, as_of=as_of, known_at=known_at)
    if wide.num_rows == 0:
        raise ContractError(
            "数据湖", lake.root, "Run `rongqiao govern` first: there is no enterprise in the lake."
        )
    return lake.append(TARGET, wide, transaction=key)
