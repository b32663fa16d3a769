"""Indicators for training and back-testing: many enterprises, each at two times of its own, from the ordinary declarations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rongqiao.indicators.computation import by_source, contracts_of, select, wide_schema
from rongqiao.indicators.dated_reading import DatedReading, Held, Spine
from rongqiao.indicators.evaluation import (
    MISSING,
    MONTH_DAYS,
    OK,
    STALE,
    STATUS_WORDS,
    Computed,
    evaluate_derived,
    judge,
    nothing_known,
    observe,
)
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.kernel.period import check_month

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from rongqiao.indicators.registry import Indicator, Source
    from rongqiao.lake.tables import Lake

#: Lines that are computed at a time: what is held in memory.
LINES = 50_000


def left_out(only: Sequence[str] | None = None) -> list[str]:
    """Ids that a training set cannot hold: what looks across enterprises would need everybody's rows at each line's times."""
    chosen = select(only)
    across = {name for name, item in chosen.items() if item.source.is_across}
    return [name for name, item in chosen.items() if name in across or across & set(item.inputs)]


def training_set(lake: Lake, spine: pa.Table, *, only: Sequence[str] | None = None) -> pa.Table:
    """Compute indicators of enterprises, each at its own times.

    Parameters
    ----------
    lake : Lake
        Holds ``published/*``.
    spine : pa.Table
        ``enterprise_id``, ``as_of`` (month ``YYYYMM``) and ``known_at`` (date); an enterprise may come at several times.
    only : sequence of str or None
        Indicator ids; all when ``None``, without those of :func:`left_out`.

    Returns
    -------
    pa.Table
        One row per line of the spine, in its order, as `compute` gives it for that enterprise at those times. Whoever the register does not
        know by then is missing everywhere.

    Raises
    ------
    InvalidValueError
        If an id is unknown or left out, or a line is not whole.
    """
    chosen = {name: item for name, item in select(only).items() if name not in set(left_out(only))}
    asked = list(chosen) if only is None else list(only)
    for name in asked:
        if name not in chosen:
            raise InvalidValueError(
                "训练集指标", name, "它要看其他企业的数据，不能按各自时点计算；请去掉它。"
            )
    lines = read_spine(spine)
    parts = [
        _compute(lake, Spine(ids, lines.as_of[here], lines.known_at[here]), chosen, asked)
        for start in range(0, len(lines), LINES)
        for here in (slice(start, start + LINES),)
        for ids in (lines.enterprise_ids[here],)
    ]
    return pa.concat_tables(parts) if parts else wide_schema(asked).empty_table()


def read_spine(spine: pa.Table) -> Spine:
    """Check the lines of a spine.

    Raises
    ------
    InvalidValueError
        If a column is missing, or a value of it is empty or no month.
    """
    for name in ("enterprise_id", "as_of", "known_at"):
        if name not in spine.column_names:
            raise InvalidValueError("训练集名单", name, "需要 enterprise_id、as_of、known_at 三列。")
        if spine.column(name).null_count:
            line = pc.index(pc.is_null(spine.column(name)), value=True).as_py() + 2
            raise InvalidValueError("训练集名单", f"第 {line} 行", f"{name} 不能为空。")
    months = spine.column("as_of").cast(pa.int64()).to_numpy()
    for month in np.unique(months).tolist():
        check_month(month)
    days = spine.column("known_at").cast(pa.date32()).to_numpy()
    ids = spine.column("enterprise_id").cast(pa.string()).combine_chunks()
    return Spine(ids, np.asarray(months), np.asarray(days).astype("datetime64[D]"))


def _compute(lake: Lake, spine: Spine, chosen: Mapping[str, Indicator], asked: Sequence[str]) -> pa.Table:
    sources = by_source(chosen.values())
    # All items are read: of so few rows that costs less than reading off the declarations which ones are needed.
    reading = DatedReading(lake, spine, contracts_of(sources))
    ages, is_known = reading.ages()
    held = {name: reading.held_by_all(name) for name in reading.present}
    computed = Computed()
    for source, members in sources.items():
        if source.grain != "derived":
            computed.update(_of_source(reading, source, members, held, ages))
    for source, members in sources.items():
        if source.grain == "derived":
            computed.update(evaluate_derived(reading.connection, computed, members))
    return _lay_out(spine, computed, asked, is_known)


def _of_source(
    reading: DatedReading,
    source: Source,
    members: list[Indicator],
    held: Mapping[str, Held],
    ages: npt.NDArray[np.float64],
) -> Computed:
    """Values and statuses of one source; where a line's times came before the first delivery, all are missing."""
    size = len(reading.spine)
    opened = [held.get(name) for name in source.contracts]
    whole = [table for table in opened if table is not None]
    if len(whole) < len(opened) or not any(table.is_any.any() for table in whole):
        return nothing_known(size, members)
    found = observe(reading, size, source, members)
    # Judged as if the newest delivery were of the very day; its age is each line's own.
    day = reading.spine.known_at[0].astype(object)
    result = judge(
        source, members, found.columns, places=found.places, age_months=ages, newest=day, known_at=day
    )
    newest = np.max([table.newest for table in whole], axis=0)
    is_old = (reading.spine.days - newest > source.stale_after_months * MONTH_DAYS) & (
        source.grain == "event"
    )
    is_there = np.all([table.is_any for table in whole], axis=0)
    for item in members:
        codes = result.statuses[item.id]
        codes[is_old & (codes == OK)] = STALE
        codes[~is_there] = MISSING
        result.values[item.id][~is_there] = np.nan
    return result


def _lay_out(
    spine: Spine, computed: Computed, asked: Sequence[str], is_known: npt.NDArray[np.bool_]
) -> pa.Table:
    words = pa.array(STATUS_WORDS, pa.string())
    columns: list[Any] = [
        spine.enterprise_ids,
        pa.array(spine.as_of, pa.int32()),
        pa.array(spine.known_at, pa.date32()),
    ]
    for name in asked:
        values = np.where(is_known, computed.values[name], np.nan)
        codes = np.where(is_known, computed.statuses[name], MISSING).astype(np.int8)
        columns += [
            pa.array(values, pa.float64(), from_pandas=True),
            pa.DictionaryArray.from_arrays(pa.array(codes, pa.int8()), words),
        ]
    return pa.table(columns, names=wide_schema(asked).names)
