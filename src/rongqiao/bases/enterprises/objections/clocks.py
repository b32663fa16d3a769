"""The deadlines of an objection, from the catalogue's dated numbers."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from rongqiao.contracts.catalog import threshold
from rongqiao.rules.working_days import ZONE, add_working_days


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Instants by which an objection is forwarded, checked and answered in writing."""

    forward: dt.datetime
    check: dt.datetime
    answer: dt.datetime


def deadlines(raised_at: dt.datetime) -> Deadlines:
    """Set the clocks of an objection raised at an instant.

    Notes
    -----
    Source: 《信用修复管理办法》（转送1个工作日、核实7个工作日，自转送时限起算）；《征信业管理条例》第二十五条（20日内书面答复）.
    Asking for evidence stops none of them: neither text allows it.
    """
    on = raised_at.astimezone(ZONE).date()
    forward = add_working_days(raised_at, int(threshold("public_record_forward_working_days", on)))
    check = add_working_days(forward, int(threshold("public_record_check_working_days", on)))
    return Deadlines(
        forward, check, raised_at + dt.timedelta(days=int(threshold("objection_resolve_days", on)))
    )
