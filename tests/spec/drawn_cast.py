"""The four enterprises of the drawn input, and the days from which they are seen.

YUAN    two full years of even numbers, so that answers can be worked out in the head
BIAN    edges: zeros, runs of zeros, open cases, bad years
XIN     five months old: too young for windows of a year
WU      known to the registry by name only: no series at all
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from rongqiao.kernel.period import add_months

AS_OF, KNOWN_AT, DELIVERED = 202610, dt.date(2026, 11, 20), dt.date(2026, 11, 15)
YUAN, BIAN, XIN, WU = "YUAN", "BIAN", "XIN", "WU"
FOUNDED = {
    YUAN: dt.date(2016, 10, 5),
    BIAN: dt.date(2020, 1, 1),
    XIN: dt.date(2026, 6, 1),
    WU: dt.date(2010, 3, 1),
}
#: Unified codes; the second pair of figures is the province that registered the enterprise.
CODES = {
    YUAN: "91430281MA4LYUAN01",
    BIAN: "91430281MA4LBIAN02",
    XIN: "91440300MA5LXIN003",
    WU: "91430281MA4LWU0004",
}
Row = dict[str, Any]


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def months(count: int) -> list[tuple[int, int]]:
    """(months back, month) from the oldest to ``AS_OF``."""
    return [(back, add_months(AS_OF, -back)) for back in reversed(range(count))]
