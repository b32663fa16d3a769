"""Values and statuses of one family of indicators for the enterprises that a reading stands before."""

from __future__ import annotations

from dataclasses import dataclass, field
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

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rongqiao.indicators.reading import Delivered, Population, Reading
    from rongqiao.indicators.registry import Indicator, Source

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
        return Computed(
            {item.id: np.full(size, np.nan) for item in members},
            {item.id: np.full(size, MISSING, dtype=np.int8) for item in members},
        )
    found = (
        _by_arrays(reading, size, source, members)
        if source.grain == "series"
        else _by_engine(reading, size, source, members)
    )
    is_old = _is_old(source, found, [table for table in opened if table is not None], reading)
    result = Computed()
    for item in members:
        # Adding zero turns -0.0 into 0.0, which prints and digests differently.
        values = np.where(np.isfinite(found[item.id]), found[item.id], np.nan) + 0.0
        if item.null_policy == "absent_is_zero":
            values = np.nan_to_num(values, nan=0.0)
        result.values[item.id] = values
        result.statuses[item.id] = _status(item, found, values, is_old, population.age_months)
    return result


def _aggregates(prepared: Any, source: Source, members: Sequence[Indicator]) -> dict[str, Any]:
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
    reading: Reading, size: int, source: Source, members: Sequence[Indicator]
) -> dict[str, Floats]:
    tables = {name: reading.current(name) for name in source.contracts}
    prepared = reading.keep(f"prepared_{source.id}", source.prepare(tables, reading.at))
    return _aggregate(prepared, size, _aggregates(prepared, source, members))


def _aggregate(prepared: Any, size: int, wanted: Mapping[str, Any]) -> dict[str, Floats]:
    """Let the engine aggregate; enterprises without a row have null."""
    rows = prepared.group_by("enterprise_id").aggregate(
        **{name: expression.cast("float64") for name, expression in wanted.items()}
    )
    rows = rows.filter(rows.enterprise_id.notnull()).to_pyarrow()
    places = rows.column("enterprise_id").to_numpy()
    found = {}
    for name in wanted:
        values = np.full(size, np.nan)
        values[places] = rows.column(name).to_numpy()
        found[name] = values
    return found


def _by_arrays(
    reading: Reading, size: int, source: Source, members: Sequence[Indicator]
) -> dict[str, Floats]:
    """Lay monthly rows out as a panel and evaluate the expressions on it; those without an array form go to the engine."""
    prepared, panel = _panel(reading, size, source, members)
    wanted = _aggregates(prepared, source, members)
    # The cast of a value to float is the engine's; arrays are floats.
    bare = {name: _uncast(expression) for name, expression in wanted.items()}
    quick = {name: expression for name, expression in bare.items() if panel and is_arrayable(expression)}
    slow = {name: expression for name, expression in wanted.items() if name not in quick}
    found = panel.evaluate(quick) if panel is not None else {}
    if slow:
        tables = {name: reading.current(name) for name in source.contracts}
        kept = reading.keep(f"prepared_{source.id}", source.prepare(tables, reading.at))
        again = _aggregates(kept, source, members)
        found |= _aggregate(kept, size, {name: again[name] for name in slow})
    return found


def _uncast(expression: Any) -> Any:
    node = expression.op()
    return node.arg.to_expr() if isinstance(node, ops.Cast) else expression


def _panel(
    reading: Reading, size: int, source: Source, members: Sequence[Indicator]
) -> tuple[Any, Panel | None]:
    """Lay prepared rows out, and give both; ``None`` where a month of an enterprise has several rows."""
    attempts = [reading.current]
    if _is_row_by_row(reading, source):
        # A key is an enterprise's month, so that a correction shows as a second row in one place of the panel.
        attempts.insert(0, reading.held)
    prepared: Any = None
    for read in attempts:
        prepared = source.prepare({name: read(name) for name in source.contracts}, reading.at)
        expressions = [_uncast(each) for each in _aggregates(prepared, source, members).values()]
        columns = sorted(needed_columns(expressions, prepared))
        try:
            return prepared, _lay_out(prepared, size, columns)
        except NotArrayableError:
            continue
    return prepared, None


def _is_row_by_row(reading: Reading, source: Source) -> bool:
    """Whether each prepared row comes from one delivered row, keyed by enterprise and month, that never expires."""
    if len(source.contracts) != 1:
        return False
    contract = load_contract(source.contracts[0])
    if set(contract.key) != {contract.identifier, contract.valid_on} or contract.retention_months is not None:
        return False
    prepared = source.prepare({contract.id: reading.held(contract.id)}, reading.at)
    return not prepared.op().find((ops.Aggregate, ops.JoinChain, ops.Distinct))


def _lay_out(prepared: Any, size: int, columns: Sequence[str]) -> Panel:
    wanted = {name: _as_number(prepared[name]) for name in columns}
    has_day = "known_at" in prepared.columns
    rows = prepared.filter((prepared.back >= 0) & (prepared.back < MONTHS)).select(
        "enterprise_id", back=prepared.back, **({"known_at": prepared.known_at} if has_day else {}), **wanted
    )
    found = rows.to_pyarrow()
    return Panel(
        size,
        found.column("enterprise_id").to_numpy(),
        found.column("back").to_numpy(),
        {name: found.column(name).to_numpy() for name in columns},
        known=found.column("known_at").cast(pa.int32()).to_numpy() if has_day else None,
    )


def _as_number(column: Any) -> Any:
    """Make a column fit for a panel: of a date, the day's number, which serves to count and to compare."""
    if column.type().is_date():
        column = column.delta(ibis.date(1970, 1, 1), unit="day")
    return column.cast("float64")


def _is_old(
    source: Source, found: Mapping[str, Floats], opened: Sequence[Delivered], reading: Reading
) -> Flags:
    """Where what is known is too long ago: an enterprise's newest month, or the newest delivery of a register."""
    if source.grain == "series":
        # Comparing with NaN is false: what was never observed is missing, not stale.
        return np.asarray(found[_NEWEST] >= source.stale_after_months)
    newest = max(table.newest_known for table in opened if table.newest_known is not None)
    days = (reading.at.known_at - newest).days
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
    made: dict[str, Any] = {}
    for item in members:
        made[item.id] = item.measure(wide).cast("float64")
        undefined = item.undefined(wide).fill_null(False) if item.undefined else ibis.literal(value=False)
        made[f"{item.id}__undefined"] = undefined
    found = wide.select("place", **made).order_by("place").to_pyarrow()
    result = Computed()
    for item in members:
        values = np.asarray(found.column(item.id).to_numpy(), dtype=np.float64)
        values = np.where(np.isfinite(values), values, np.nan)
        read = np.stack([known.statuses[name] for name in item.inputs])
        is_undefined = found.column(f"{item.id}__undefined").to_numpy(zero_copy_only=False)
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
