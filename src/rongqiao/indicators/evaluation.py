"""Values and statuses of one family of indicators for the enterprises that a reading stands before."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.operations as ops
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rongqiao.contracts.standards import load_contract
from rongqiao.indicators.array_evaluation import (
    Evaluation,
    NotArrayableError,
    SideBySide,
    is_arrayable,
)
from rongqiao.indicators.array_forms import choose
from rongqiao.indicators.empty_tables import empty_table
from rongqiao.indicators.found import Found
from rongqiao.indicators.layout import lay_out
from rongqiao.indicators.panels import needed_columns
from rongqiao.indicators.pruning import columns_read, pruned
from rongqiao.indicators.reading import Rows

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping, Sequence

    from rongqiao.indicators.population import Population
    from rongqiao.indicators.reading import Delivered, Reading
    from rongqiao.indicators.registry import At, Indicator, Source

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int8]
MONTH_DAYS = 31
#: Statuses in the order of their codes.
STATUS_WORDS = ("ok", "stale", "not_applicable", "missing")
#: Each is one more than the one before: `_codes` reckons with that.
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

    def differs(self, other: Computed, names: Sequence[str]) -> Flags:
        """Of each enterprise, whether a value or a status of the indicators named is another one."""
        found: Any = False
        for name in names:
            ours, theirs = self.values[name], other.values[name]
            is_same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
            found = found | ~is_same | (self.statuses[name] != other.statuses[name])
        return np.asarray(found, dtype=np.bool_)


def evaluate_source(
    reading: Reading,
    population: Population,
    source: Source,
    members: Sequence[Indicator],
    delivered: Mapping[str, Delivered],
    found: Found | None = None,
) -> Computed:
    """Compute all indicators of one source in one pass over its rows, unless what it finds is given.

    All are missing where a table was never delivered.
    """
    size = len(population)
    if size == 0 or not is_delivered(source, delivered):
        return nothing_known(size, members)
    if found is None:
        found = observe(reading, size, source, members)
    newest = newest_known(source, delivered)
    return judge(
        source, members, found.columns, places=found.places, age_months=population.age_months, newest=newest,
        known_at=reading.at.known_at,
    )  # fmt: skip


def is_delivered(source: Source, delivered: Mapping[str, Delivered]) -> bool:
    """Whether rows are held of every table that a source reads."""
    return all(name in delivered and delivered[name].rows for name in source.contracts)


def observe(reading: Reading, size: int, source: Source, members: Sequence[Indicator]) -> Found:
    """Aggregate the rows of so many enterprises that the reading stands before, whatever was delivered of them."""
    if source.grain == "series":
        return _by_arrays(reading, size, source, members)
    return _by_engine(reading, source, members)


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
    places: npt.NDArray[Any] | None = None,
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
    places : array of int or None
        Enterprises that the values found are of, where most have no row; all others differ by their age at most.
    """
    size = len(age_months)
    rows: Any = slice(None) if places is None else places
    is_old = _is_old(source, found, (known_at - newest).days)
    absent: dict[tuple[int, bool], Codes] = {}
    result = Computed()
    for item in members:
        # Adding zero turns -0.0 into 0.0, which prints and digests differently.
        values = _finite(found[item.id]) + 0.0
        is_known = ~np.isnan(values)
        is_zero = item.null_policy == "absent_is_zero"
        if is_zero:
            values, is_known = choose(is_known, values), np.ones(len(values), dtype=np.bool_)
        codes = _status(item, is_known, is_old, age_months[rows], found.get(f"{item.id}__undefined"))
        if places is None:
            result.values[item.id], result.statuses[item.id] = values, codes
            continue
        kind = (item.minimum_months, is_zero)
        if kind not in absent:
            # A month that was never observed is missing, not stale.
            was_old = source.grain != "series" and is_old
            absent[kind] = _status(item, np.full(size, is_zero), was_old, age_months, None)
        result.values[item.id] = np.full(size, 0.0 if is_zero else np.nan)
        result.values[item.id][rows] = values
        result.statuses[item.id] = absent[kind].copy()
        result.statuses[item.id][rows] = codes
    return result


def aggregates(
    prepared: Any, source: Source, members: Sequence[Indicator], wanted: Sequence[str] = ()
) -> dict[str, Any]:
    """Build what has to be known of each enterprise, or those of it that are wanted: values, and where the formula itself has none."""
    builders = _builders(source, members)
    return {name: builders[name](prepared) for name in wanted or builders}


def _builders(source: Source, members: Sequence[Indicator]) -> dict[str, Callable[[Any], Any]]:
    """Name what has to be known of each enterprise, as functions of the prepared rows: values, and where the formula itself has none."""
    wanted: dict[str, Callable[[Any], Any]] = {}
    for item in members:
        wanted[item.id] = item.measure
        if item.undefined is not None:
            wanted[f"{item.id}__undefined"] = item.undefined
        elif source.grain == "series":
            wanted[f"{item.id}__undefined"] = partial(
                _has_months, months=max(item.window_months, 1), least=item.minimum_months
            )
    if source.grain == "series":
        wanted[_NEWEST] = lambda rows: rows.back.min()
    return wanted


def _has_months(rows: Any, *, months: int, least: int) -> Any:
    return rows.back.count(where=rows.back < months) >= least


def _by_engine(
    reading: Reading, source: Source, members: Sequence[Indicator], wanted: Sequence[str] = ()
) -> Found:
    """Let the engine aggregate, all or those wanted."""
    first = source.contracts[0]
    tables = {
        name: reading.current(name, having=first if source.is_led and name != first else None)
        for name in source.contracts
    }
    for name, build in source.common.items():
        given = dict(tables)
        tables[name] = reading.share(name, partial(_built, build, given, reading.at), list(given.values()))
    names = "+".join([*wanted, *(item.id for item in members)])
    prepared = f"prepared_{source.id}"

    @cache
    def expressions() -> tuple[Any, Any]:
        """Rows with no more columns than are aggregated, and the aggregates, which are built once: over rows that have a name."""
        rows = _built(source.prepare, tables, reading.at)
        there = ibis.table(rows.schema(), name=prepared)
        measures = aggregates(there, source, members, wanted)
        doubles = {name: measure.cast("float64") for name, measure in measures.items()}
        found = there.group_by("enterprise_id").aggregate(**doubles)
        columns = {"enterprise_id", *columns_read(doubles.values(), there)}
        return pruned(rows, columns), found.filter(found.enterprise_id.notnull())

    rows = reading.fetch(
        f"aggregated_{source.id}", lambda: expressions()[1], [*tables.values(), names],
        of=Rows(prepared, lambda: expressions()[0]),
    )  # fmt: skip
    columns = {name: rows.column(name).to_numpy() for name in rows.column_names[1:]}
    return Found(rows.column("enterprise_id").to_numpy(), columns)


def _built(build: Callable[..., Any], tables: Mapping[str, Rows], at: At) -> Any:
    return build({name: table() for name, table in tables.items()}, at)


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


def _by_arrays(reading: Reading, size: int, source: Source, members: Sequence[Indicator]) -> Found:
    """Lay monthly rows out as a panel and evaluate the expressions on it; those without an array form go to the engine."""
    plan = _plan(source, tuple(members), reading.at)
    for read in (reading.held, reading.current) if plan.is_row_by_row else (reading.current,):
        tables = {name: read(name) for name in source.contracts}
        try:
            places, panel = lay_out(reading, size, source, tables, plan.columns)
        except NotArrayableError:
            continue
        found = Found(places, panel.evaluate(plan.quick))
        return found.beside(_by_engine(reading, source, members, plan.slow)) if plan.slow else found
    return _by_engine(reading, source, members)


@lru_cache(maxsize=256)
def _plan(source: Source, members: tuple[Indicator, ...], at: At) -> _MonthlyPlan:
    """Read the expressions once, over tables without a row: they are the same for all enterprises."""
    contracts = [load_contract(name) for name in source.contracts]
    prepared = source.prepare({each.id: empty_table(each) for each in contracts}, at)
    bare = aggregates(prepared, source, members)
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


def _is_old(source: Source, found: Mapping[str, Floats], days: int) -> Any:
    """Where what is known is too long ago: an enterprise's newest month, or the newest delivery of a register."""
    if source.grain == "series":
        # Comparing with NaN is false: what was never observed is missing, not stale.
        return found[_NEWEST] >= source.stale_after_months
    return is_stale(source, days)


def is_stale(source: Source, days: int) -> bool:
    """Whether the newest delivery of a register is too many days ago; never of other sources."""
    return source.grain == "event" and days > source.stale_after_months * MONTH_DAYS


def _finite(values: Floats) -> Floats:
    """Values, NaN where they are beyond all numbers."""
    is_infinite = np.isinf(values)
    return choose(is_infinite, np.nan, values) if is_infinite.any() else values


def _status(
    item: Indicator, is_known: Flags, is_old: Any, age_months: Floats, undefined: Floats | None
) -> Codes:
    # A complete register: what has no value has none by nature.
    has_none: Any = item.source.grain == "event"
    if not has_none:
        has_none = age_months < item.minimum_months - 1
        if undefined is not None:
            has_none = has_none | (undefined == 1)
    return _codes(is_known, is_old, has_none)


def _codes(is_known: Flags, is_old: Any, has_none: Any) -> Codes:
    """Statuses of what is known, old or not, and of what is not, because there is none or for no reason known.

    Flags are reckoned with as the numbers they are, as neighbouring codes allow: to choose among four takes thirty times as long.
    """
    known, old, none = (
        np.asarray(flags, dtype=np.bool_).view(np.int8) for flags in (is_known, is_old, has_none)
    )
    absent = np.int8(MISSING) - none
    return np.asarray((old & known) + absent * (known ^ 1), dtype=np.int8)


def evaluate_derived(connection: Any, known: Computed, members: Sequence[Indicator]) -> Computed:
    """Values over other values; a derived status is the worst of what was read."""
    inputs = sorted({name for item in members for name in item.inputs})
    measures = _derived_plan(tuple(members))
    if all(is_arrayable(measure) for measure in measures.values()):
        evaluation = Evaluation(SideBySide({name: known.values[name] for name in inputs}))
        found = {name: evaluation.aggregate(measure) for name, measure in measures.items()}
        return judge_derived(known, members, found)
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


@lru_cache(maxsize=64)
def _derived_plan(members: tuple[Indicator, ...]) -> dict[str, Any]:
    """Read the expressions once, over a table without a row."""
    inputs = {name: "float64" for item in members for name in item.inputs}
    return derived_measures(ibis.table(inputs, name="derived_inputs"), members)


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
        values = _finite(found[item.id])
        read = [known.statuses[name] for name in item.inputs]
        is_old, is_missing, has_none = (
            np.logical_or.reduce([each == code for each in read]) for code in (STALE, MISSING, NOT_APPLICABLE)
        )
        has_none |= found[f"{item.id}__undefined"] == 1
        result.values[item.id] = values
        result.statuses[item.id] = _codes(~np.isnan(values), is_old, has_none & ~is_missing)
    return result
