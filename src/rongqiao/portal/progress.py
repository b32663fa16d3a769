"""Where a demand stands on its way to money, as steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

DEMAND_STEPS = ("发布需求", "银行抢单", "比较报价", "银行审批", "签约放款")
# Position counts from 1; a step beyond the last means that all are done.
POSITIONS = {"draft": 1, "published": 2, "taken": 3, "quoted": 3, "accepted": 4, "fulfilled": 6}
ENDED = ("withdrawn", "expired")


def demand_step(status: str, applications: Iterable[Any] = ()) -> int:
    """Step a demand is in; zero when it has ended without a loan."""
    if status in ENDED:
        return 0
    if status == "accepted" and any(each.status in ("approved", "contracted") for each in applications):
        return 5
    return POSITIONS.get(status, 1)
