"""How fresh a data source is, in one word: judged by the cycle its contract promises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rongqiao.contracts.catalog import code_list
from rongqiao.contracts.standards import load_contracts

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from rongqiao.contracts.model import Contract

CYCLE_DAYS = {"daily": 1, "weekly": 7, "monthly": 31, "quarterly": 92, "yearly": 366}
# A source is stale once it has missed a whole cycle; one late delivery is not yet a gap.
STALE_CYCLES = 2


@dataclass(frozen=True, slots=True)
class SourceFreshness:
    """One source.

    Parameters
    ----------
    source : SourceStatus
        As last published.
    status : str
        ``ok``, ``stale`` (a whole cycle was missed) or ``missing`` (never delivered).
    cycle : str
        What the contract promises, in Chinese; empty for a contract that is gone.
    age_days : int or None
        Days since the last delivery; null when there was none.
    is_late : bool
        Whether the department is to be reminded: not fresh, and bound to deliver again and again.
    """

    source: Any
    status: str
    cycle: str
    age_days: int | None
    is_late: bool


def judge_sources(sources: Iterable[Any], on: dt.date) -> list[SourceFreshness]:
    """Judge every source on a day, what needs care first."""
    order = {"missing": 0, "stale": 1, "ok": 2}
    judged = [_judge(source, load_contracts().get(source.contract_id), on) for source in sources]
    return sorted(judged, key=lambda each: (order[each.status], each.source.contract_id))


def _judge(source: Any, contract: Contract | None, on: dt.date) -> SourceFreshness:
    cycle = contract.update_cycle if contract else ""
    title = code_list("update_cycles").title(cycle) if cycle else ""
    days = CYCLE_DAYS.get(cycle)
    if source.delivered_on is None:
        return SourceFreshness(source, "missing", title, None, is_late=days is not None)
    age = (on - source.delivered_on).days
    is_stale = days is not None and age > days * STALE_CYCLES
    return SourceFreshness(source, "stale" if is_stale else "ok", title, age, is_late=is_stale)
