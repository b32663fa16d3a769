"""Values and statuses of one family of indicators for the enterprises that a reading stands before."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.operations as ops
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rongqiao.contracts.standards import load_contract
from rongqiao.indicators.panels import (
    MONTHS,
    NotArrayableError,
    Panel,
    is_arrayable,
    needed_columns,
)
from rongqiao.indicators.pruning import pruned
from rongqiao.indicators.reading import empty_table

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from rongqiao.indicators.reading import Delivered, Population, Reading, Rows
    from rongqiao.indicators.registry import At, Indicator, Source

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int8]
MONTH_DAYS = 31
#: Statuses in the order of their codes.
STATUS_WORDS = ("ok", "stale", "not_applicable", "missing")
OK, STALE, NOT_APPLICABLE, MISSING = range(4)
_NEWEST = "newest_back"


@dataclass(slots=True)
class Computed:
    """Values (NaN where there is none) and status codes by indicator, in the order of the population."""

    values: dict[str, Floats] = field(default_factory=dict)
    statuses: dict[str, Codes] = field(default_factory=dict)

    def update(self, other: Computed) -> None:
        """Take in another family's."""
        self.values.update(other.values)
        self.statuses.update(other.statuses)


def evaluate_source(
    reading: Reading,
    population: Population,
    source: Source,
    members: Sequence[Indicator],
    delivered: Mapping[str, Delivered],
) -> Computed:
    """Compute all indicators of one source in one pass over its rows; all are missing where a table was never delivered."""
    size = len(population)
    opened = [delivered.get(name) for name in source.contracts]
    if size == 0 or any(table is None or table.rows == 0 for table in opened):
        return nothing_known(size, members)
    found = (
        _by_arrays(reading, size, source, members)
        if source.grain == "series"
        else _by_engine(reading, size, source, members)
    )
    newest = newest_known(source, delivered)
    return judge(
        source, members, found, age_months=population.age_months, newest=newest, known_at=reading.at.known_at
    )


def nothing_known(size: int, members: Sequence[Indicator]) -> Computed:
    """Values and statuses of so many enterprises where a table was never delivered: all missing."""
    return Computed(
        {item.id: np.full(size, np.nan) for item in members},
        {item.id: np.full(size, MISSING, dtype=np.int8) for item in members},
    )


def newest_known(source: Source, delivered: Mapping[str, Delivered]) -> dt.date:
    """Day on which the newest row of a source's tables became known."""
    days = (delivered[name].newest_known for name in source.contracts)
    return max(day for day in days if day is not None)


def judge(
    source: Source,
    members: Sequence[Indicator],
    found: Mapping[str, Floats],
    *,
    age_months: Floats,
    newest: dt.date,
    known_at: dt.date,
) -> Computed:
    """Values and statuses of one family from what an engine found, whichever it was.

    Parameters
    ----------
    found : mapping
        Name of an aggregate (`aggregates`) → one value per enterprise, NaN for null.
    age_months : array
        Months since each was established.
    newest : date
        As `newest_known` tells it.
    known_at : date
        Day of the computation.
    """
    is_old = _is_old(source, found, (known_at - newest).days)
    result = Computed()
    for item in members:
        # Adding zero turns -0.0 into 0.0, which prints and digests differently.
        values = np.where(np.isfinite(found[item.id]), found[item.id], np.nan) + 0.0
        if item.null_policy == "absent_is_zero":
            values = np.nan_to_num(values, nan=0.0)
        result.values[item.id] = values
        result.statuses[item.id] = _status(item, found, values, is_old, age_months)
    return result


def aggregates(prepared: Any, source: Source, members: Sequence[Indicator]) -> dict[str, Any]:
    """Build what has to be known of each enterprise: values, and where the formula itself has none."""
    wanted: dict[str, Any] = {}
    for item in members:
        wanted[item.id] = item.measure(prepared).cast("float64")
        if item.undefined is not None:
            wanted[f"{item.id}__undefined"] = item.undefined(prepared)
        elif source.grain == "series":
            since = prepared.back.count(where=prepared.back < max(item.window_months, 1))
            wanted[f"{item.id}__undefined"] = since >= item.minimum_months
    if source.grain == "series":
        wanted[_NEWEST] = prepared.back.min()
    return wanted


def _by_engine(
    reading: Reading, size: int, source: Source, members: Sequence[Indicator], wanted: Sequence[str] = ()
) -> dict[str, Floats]:
    """Let the engine aggregate, all or those wanted; enterprises without a row have null."""
    tables = {name: reading.current(name) for name in source.contracts}
    prepared = reading.keep(
        f"prepared_{source.id}",
        lambda: source.prepare({name: rows() for name, rows in tables.items()}, reading.at),
    )

    def aggregated() -> Any:
        rows = prepared()
        measures = aggregates(rows, source, members)
        chosen = {name: measures[name].cast("float64") for name in wanted or measures}
        found = rows.group_by("enterprise_id").aggregate(**chosen)
        return found.filter(found.enterprise_id.notnull())

    names = "+".join([*wanted, *(item.id for item in members)])
    rows = reading.fetch(f"aggregated_{source.id}: {names}", aggregated)
    places = rows.column("enterprise_id").to_numpy()
    found = {}
    for name in rows.column_names[1:]:
        values = np.full(size, np.nan)
        values[places] = rows.column(name).to_numpy()
        found[name] = values
    return found


@dataclass(frozen=True, slots=True)
class _MonthlyPlan:
    """How a monthly source is laid out: which items its arrays need, and what is evaluated on them and what by the engine.

    Parameters
    ----------
    columns : list of str
        Columns of the prepared rows that a panel holds.
    quick : dict
        Expressions with an array form.
    slow : list of str
        Names of those without.
    is_row_by_row : bool
        Whether each prepared row comes from one delivered row, keyed by enterprise and month, that never expires; a correction then
        shows as a second row in one place of the panel.
    """

    columns: list[str]
    quick: dict[str, Any]
    slow: list[str]
    is_row_by_row: bool


def _by_arrays(
    reading: Reading, size: int, source: Source, members: Sequence[Indicator]
) -> dict[str, Floats]:
    """Lay monthly rows out as a panel and evaluate the expressions on it; those without an array form go to the engine."""
    plan = _plan(source, tuple(members), reading.at)
    attempts = [reading.current]
    if plan.is_row_by_row:
        attempts.insert(0, reading.held)
    for attempt, read in enumerate(attempts, start=len(attempts)):
        tables = {name: read(name) for name in source.contracts}
        try:
            panel = _panel(reading, size, source, (tables, plan), f"{source.id}/{attempt}")
        except NotArrayableError:
            continue
        found = panel.evaluate(plan.quick)
        return found | (_by_engine(reading, size, source, members, plan.slow) if plan.slow else {})
    return _by_engine(reading, size, source, members)


@lru_cache(maxsize=256)
def _plan(source: Source, members: tuple[Indicator, ...], at: At) -> _MonthlyPlan:
    """Read the expressions once, over tables without a row: they are the same for all enterprises."""
    contracts = [load_contract(name) for name in source.contracts]
    prepared = source.prepare({each.id: empty_table(each) for each in contracts}, at)
    # The cast of a value to float is the engine's; arrays are floats.
    bare = {name: _uncast(each) for name, each in aggregates(prepared, source, members).items()}
    quick = {name: each for name, each in bare.items() if is_arrayable(each)}
    is_keyed = len(contracts) == 1 and set(contracts[0].key) == {
        contracts[0].identifier,
        contracts[0].valid_on,
    }
    return _MonthlyPlan(
        sorted(needed_columns(list(quick.values()), prepared)),
        quick,
        [name for name in bare if name not in quick],
        is_keyed
        and contracts[0].retention_months is None
        and not prepared.op().find((ops.Aggregate, ops.JoinChain, ops.Distinct)),
    )


def _uncast(expression: Any) -> Any:
    node = expression.op()
    return node.arg.to_expr() if isinstance(node, ops.Cast) else expression


def _panel(
    reading: Reading, size: int, source: Source, laid: tuple[Mapping[str, Rows], _MonthlyPlan], name: str
) -> Panel:
    """Lay the prepared rows of a source out; refused where nothing tells which of several rows of a month counts."""
    tables, plan = laid

    def chosen() -> Any:
        rows = source.prepare({contract: read() for contract, read in tables.items()}, reading.at)
        day = {"known_at": rows.known_at} if "known_at" in rows.columns else {}
        wanted = {column: _as_number(rows[column]) for column in plan.columns}
        inside = rows.filter((rows.back >= 0) & (rows.back < MONTHS))
        laid_out = inside.select("enterprise_id", back=rows.back, **day, **wanted)
        return pruned(laid_out, laid_out.columns)

    found = reading.fetch(f"panel_{name}: {'+'.join(plan.columns)}", chosen)
    return Panel(
        size,
        found.column("enterprise_id").to_numpy(),
        found.column("back").to_numpy(),
        {column: found.column(column).to_numpy() for column in plan.columns},
        known=found.column("known_at").cast(pa.int32()).to_numpy()
        if "known_at" in found.column_names
        else None,
    )


def _as_number(column: Any) -> Any:
    """Make a column fit for a panel: of a date, the day's number, which serves to count and to compare."""
    if column.type().is_date():
        column = column.delta(ibis.date(1970, 1, 1), unit="day")
    return column.cast("float64")


def _is_old(source: Source, found: Mapping[str, Floats], days: int) -> Flags:
    """Where what is known is too long ago: an enterprise's newest month, or the newest delivery of a register."""
    if source.grain == "series":
        # Comparing with NaN is false: what was never observed is missing, not stale.
        return np.asarray(found[_NEWEST] >= source.stale_after_months)
    is_old = source.grain == "event" and days > source.stale_after_months * MONTH_DAYS
    return np.full(len(next(iter(found.values()))), is_old)


def _status(
    item: Indicator, found: Mapping[str, Floats], values: Floats, is_old: Flags, age_months: Floats
) -> Codes:
    has_value = ~np.isnan(values)
    if item.source.grain == "event":
        # A complete register: what has no value has none by nature.
        has_none = np.full(len(values), fill_value=True)
    else:
        has_none = age_months < item.minimum_months - 1
        undefined = found.get(f"{item.id}__undefined")
        if undefined is not None:
            has_none = has_none | (undefined == 1)
    return np.where(
        has_value, np.where(is_old, STALE, OK), np.where(has_none, NOT_APPLICABLE, MISSING)
    ).astype(np.int8)


def evaluate_derived(connection: Any, known: Computed, members: Sequence[Indicator]) -> Computed:
    """Values over other values; a derived status is the worst of what was read."""
    inputs = sorted({name for item in members for name in item.inputs})
    columns = {
        name: pa.array(known.values[name], pa.float64(), mask=np.isnan(known.values[name])) for name in inputs
    }
    order = pa.array(np.arange(len(known.values[inputs[0]])))
    wide = connection.create_table(
        "derived_inputs", pa.table({"place": order, **columns}), temp=True, overwrite=True
    )
    made = derived_measures(wide, members)
    rows = wide.select("place", **made).order_by("place").to_pyarrow()
    return judge_derived(known, members, {name: rows.column(name).to_numpy() for name in made})


def derived_measures(wide: Any, members: Sequence[Indicator]) -> dict[str, Any]:
    """Build what has to be known of each row of the values read: values, and 1 where the formula itself has none."""
    made: dict[str, Any] = {}
    for item in members:
        made[item.id] = item.measure(wide).cast("float64")
        undefined = item.undefined(wide).fill_null(False) if item.undefined else ibis.literal(value=False)
        made[f"{item.id}__undefined"] = undefined.cast("float64")
    return made


def judge_derived(known: Computed, members: Sequence[Indicator], found: Mapping[str, Floats]) -> Computed:
    """Values and statuses of derived indicators from what an engine found, whichever it was."""
    result = Computed()
    for item in members:
        values = np.where(np.isfinite(found[item.id]), found[item.id], np.nan)
        read = np.stack([known.statuses[name] for name in item.inputs])
        is_undefined = found[f"{item.id}__undefined"] == 1
        result.values[item.id] = values
        result.statuses[item.id] = np.select(
            [
                ~np.isnan(values) & (read == STALE).any(axis=0),
                ~np.isnan(values),
                (read == MISSING).any(axis=0),
                (read == NOT_APPLICABLE).any(axis=0) | is_undefined,
            ],
            [STALE, OK, MISSING, NOT_APPLICABLE],
            MISSING,
        ).astype(np.int8)
    return result
