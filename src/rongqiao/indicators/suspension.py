"""Which indicators are held back from use: decided by their figures each time they are computed, or by a person with a reason.

Every change of state is one row of ``analytics/indicator_states`` for ever; readers take the last one known by their day
(`rongqiao.lake.suspensions`). Values stay where they are: what is held back is what readers do with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from rongqiao.indicators.health import HEALTH, health_key
from rongqiao.indicators.registry import get_indicator, load_indicators
from rongqiao.kernel.errors import ContractError
from rongqiao.lake.engine import connect, quote
from rongqiao.lake.suspensions import HELD_BACK, STATES
from rongqiao.rules.transitions import INITIAL, advance, can_advance

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from rongqiao.lake.tables import Lake

LIFECYCLE = "indicator"
#: States in words.
STATE_TITLES = {
    "in_use": "使用中",
    "suspended": "暂停使用",
    "halted": "停用",
    "released": "经核准继续使用",
}
#: What brought a state about.
FIGURES, DECISION = "figures", "decision"
_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("indicator_id", "event", "state", "cause", "reason")),
        ("as_of", pa.int32()),
        ("known_at", pa.date32()),
        ("decided_by", pa.string()),
        ("sequence", pa.int64()),
    ]
)


@dataclass(frozen=True, slots=True)
class State:
    """How an indicator stands: a key of :data:`STATE_TITLES`, since which day, and why (empty while it is used as ever)."""

    state: str = INITIAL[LIFECYCLE]
    reason: str = ""
    since: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """A person's decision: ``event`` of the lifecycle, why, who decided, on which day; ``id`` names it for ever."""

    id: str
    indicator_id: str
    event: str
    reason: str
    decided_by: str
    decided_on: dt.date


def read_states(lake: Lake, *, known_at: dt.date) -> dict[str, State]:
    """State of every indicator that ever left the first one, as known on a day."""
    if not lake.exists(STATES):
        return {}
    with connect(lake, [STATES]) as connection:
        rows = connection.execute(
            f"SELECT indicator_id, arg_max(state, sequence), arg_max(reason, sequence), arg_max(known_at, sequence) "  # noqa: S608
            f"FROM {quote(STATES)} WHERE known_at <= ? GROUP BY 1 ORDER BY 1",
            [known_at],
        ).fetchall()
    return {name: State(state, reason, since) for name, state, reason, since in rows}


def settle_states(lake: Lake, *, as_of: int, known_at: dt.date) -> bool:
    """Suspend what fails by the figures of a pair of times, and lift what is healthy again; exactly once.

    An indicator that is derived from one held back is held back with it. What a person released or halted stays so, but a release
    ends when the figures are good again. Where too few enterprises stand behind the figures nothing changes.

    Returns
    -------
    bool
        Whether any state changed.

    Raises
    ------
    ContractError
        If the health of these times was never kept.
    """
    key = f"states@{health_key(as_of, known_at)}"
    if lake.has(STATES, key):
        return False
    verdicts = _verdicts(lake, as_of, known_at)
    if _newest_month(lake, known_at) > as_of:
        # A month computed once more says nothing of today's figures.
        return False
    states = read_states(lake, known_at=known_at)
    changes: list[dict[str, Any]] = []
    for name, declared in load_indicators().items():
        if name not in verdicts:
            continue
        verdict, reasons = verdicts[name]
        below = [each for each in declared.inputs if states.get(each, State()).state in HELD_BACK]
        reasons = [
            *reasons,
            *(f"所依据的“{get_indicator(each).title}”{_word(states[each])}" for each in below),
        ]
        before = states.get(name, State())
        event = "fail" if reasons else "recover" if verdict == "ok" or _is_by_inputs(before) else ""
        if event and can_advance(LIFECYCLE, before.state, event):
            words = "；".join(reasons) if reasons else "覆盖率与漂移均已达标"
            states[name] = State(advance(LIFECYCLE, before.state, event), words if reasons else "", known_at)
            changes.append(_change(name, event, states[name].state, FIGURES, words, as_of, known_at, ""))
    return _append(lake, changes, key)


def carry_decision(lake: Lake, decision: Decision) -> bool:
    """Enter a person's decision, and what follows from it for indicators derived from this one; once per decision.

    Returns
    -------
    bool
        Whether rows were written.

    Raises
    ------
    InvalidValueError
        If no such indicator is declared.
    IllegalTransitionError
        If the state does not allow it.
    """
    key = f"decision@{decision.id}"
    if lake.has(STATES, key):
        return False
    get_indicator(decision.indicator_id)
    states = read_states(lake, known_at=decision.decided_on)
    before = states.get(decision.indicator_id, State())
    state = advance(LIFECYCLE, before.state, decision.event)
    on = decision.decided_on
    changes = [
        _change(
            decision.indicator_id,
            decision.event,
            state,
            DECISION,
            decision.reason,
            None,
            on,
            decision.decided_by,
        )
    ]
    states[decision.indicator_id] = State(state, decision.reason, on)
    for name, event, after in follow(states, decision.indicator_id):
        changes.append(
            _change(name, event, after.state, FIGURES, after.reason or "所依据的指标恢复使用", None, on, "")
        )
    return _append(lake, changes, key)


def follow(states: Mapping[str, State], changed: str) -> list[tuple[str, str, State]]:
    """List what the new state of one indicator does to those derived from it: (id, event, state), in the order of declaration."""
    known, found = dict(states), list[tuple[str, str, State]]()
    moved = {changed}
    since = states[changed].since
    for name, declared in load_indicators().items():
        if moved.isdisjoint(declared.inputs):
            continue
        before = known.get(name, State())
        below = [each for each in declared.inputs if known.get(each, State()).state in HELD_BACK]
        event = "fail" if below else "recover"
        # One that fails by its own figures too waits for the next computation, which knows them.
        if not can_advance(LIFECYCLE, before.state, event) or (
            event == "recover" and not _is_by_inputs(before)
        ):
            continue
        reason = "；".join(f"所依据的“{get_indicator(each).title}”{_word(known[each])}" for each in below)
        known[name] = State(advance(LIFECYCLE, before.state, event), reason, since)
        moved.add(name)
        found.append((name, event, known[name]))
    return found


def _is_by_inputs(state: State) -> bool:
    return bool(state.reason) and all(each.startswith("所依据的") for each in state.reason.split("；"))


def _word(state: State) -> str:
    return STATE_TITLES[state.state]


def _verdicts(lake: Lake, as_of: int, known_at: dt.date) -> dict[str, tuple[str, list[str]]]:
    if not lake.has(HEALTH, health_key(as_of, known_at)):
        raise ContractError("指标健康度", as_of, f"先运行 rongqiao indicators compute --as-of {as_of}。")
    with connect(lake, [HEALTH]) as connection:
        rows = connection.execute(
            f"SELECT indicator_id, verdict, reasons FROM {quote(HEALTH)} WHERE as_of = ? AND known_at = ?",  # noqa: S608
            [as_of, known_at],
        ).fetchall()
    return {name: (verdict, list(reasons)) for name, verdict, reasons in rows}


def _newest_month(lake: Lake, known_at: dt.date) -> int:
    with connect(lake, [HEALTH]) as connection:
        query = f"SELECT max(as_of) FROM {quote(HEALTH)} WHERE known_at <= ?"  # noqa: S608
        found = connection.execute(query, [known_at]).fetchone()
    return int(found[0]) if found else 0


def _change(
    name: str, event: str, state: str, cause: str, reason: str, as_of: int | None, on: dt.date, by: str
) -> dict[str, Any]:
    return {
        "indicator_id": name, "event": event, "state": state, "cause": cause, "reason": reason, "as_of": as_of, "known_at": on,
        "decided_by": by,
    }  # fmt: skip


def _append(lake: Lake, changes: Sequence[dict[str, Any]], key: str) -> bool:
    if not changes:
        return False
    start = lake.read(STATES, ["sequence"]).num_rows if lake.exists(STATES) else 0
    rows = [change | {"sequence": start + number} for number, change in enumerate(changes, start=1)]
    return lake.append(STATES, pa.Table.from_pylist(rows, _SCHEMA), transaction=key)
