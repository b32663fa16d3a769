"""Which computed columns are held back: nobody may rest a decision on them, whatever they hold.

Read by everything that takes indicators out of the lake, so that no reader has to remember it. Who holds a column back, and why, is
decided above (`rongqiao.indicators.suspension`); here stands only what was decided by a day.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rongqiao.lake.engine import connect, quote

if TYPE_CHECKING:
    import datetime as dt

    from rongqiao.lake.tables import Lake

STATES = "analytics/indicator_states"
#: States in which a column is not used.
HELD_BACK = ("suspended", "halted")


def held_back(lake: Lake, *, known_at: dt.date) -> dict[str, str]:
    """Columns of ``analytics/indicators`` that are not used, as decided by a day: id → reason in Chinese.

    Parameters
    ----------
    lake : Lake
        May hold no decision yet.
    known_at : date
        Later decisions are left out: what was computed before them can be computed again as it was.
    """
    if not lake.exists(STATES):
        return {}
    with connect(lake, [STATES]) as connection:
        rows = connection.execute(
            f"SELECT indicator_id, arg_max(state, sequence), arg_max(reason, sequence) FROM {quote(STATES)} "  # noqa: S608
            "WHERE known_at <= ? GROUP BY indicator_id ORDER BY indicator_id",
            [known_at],
        ).fetchall()
    return {name: reason for name, state, reason in rows if state in HELD_BACK}
