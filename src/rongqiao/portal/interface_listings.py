"""What lists of the data-interface market have in common, whoever reads them: periods, counts, states, columns."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from rongqiao.bases.enterprises.interfaces import selectors
from rongqiao.bases.enterprises.interfaces.questions import REASONS
from rongqiao.portal.interface_words import basis_title, code_title, purpose_title
from rongqiao.portal.listing import Column, Filter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.http import HttpRequest

    from rongqiao.accounts.scope import Scope
    from rongqiao.bases.enterprises.interfaces.selectors import Usage

PERIODS = [("7", "近 7 天"), ("30", "近 30 天"), ("90", "近 90 天"), ("365", "近一年")]
DEFAULT_DAYS = 30
SUBMISSION_STATES = [
    ("submitted", "待审核"),
    ("changes_requested", "退回修改"),
    ("validated", "已通过"),
    ("refused", "不予通过"),
]
GRANT_STATES = [("live", "有效"), ("over", "已到期"), ("ended", "已终止")]
USAGE_COUNTS = (
    Column("calls", "调用", "count", sort="calls"),
    Column("answered", "应答", "count", sort="answered"),
    Column("refused", "未应答", "count", sort="refused", value=lambda row: row.calls - row.answered),
    Column("enterprises", "企业数", "count", sort="enterprises"),
    Column("records", "记录数", "count", sort="records"),
    Column("price_cny", "费用", "money", sort="price_cny"),
)


def subject_of(row: Any) -> str | None:
    """Name whose data a call was about, by the register, with the code; null where it was about nobody."""
    if not row.subject_uscc:
        return None
    # A code that the register does not know was mistyped by the caller, or is of elsewhere.
    return f"{row.subject_name or '登记中无此代码'} {row.subject_uscc}"


SUBJECT = Column("subject", "企业", value=subject_of, null_text="无或沙箱")
#: The code by itself, for files.
SUBJECT_CODE = Column("subject_uscc", "统一社会信用代码")
CALL_FACTS = (
    SUBJECT,
    Column("purpose", "用途", value=lambda row: purpose_title(row.purpose)),
    Column("basis", "依据", value=lambda row: basis_title(row.basis)),
    Column("outcome", "结果", value=lambda row: code_title(row.code)),
    Column("records", "记录", "number"),
)
#: Choice of a period; the view reads it by `first_day`.
PERIOD = Filter("days", f"时间（不选为近 {DEFAULT_DAYS} 天）", PERIODS)
BY_USCC = Filter(
    "uscc", "企业统一社会信用代码", apply=lambda rows, text: rows.filter(subject_uscc=text.upper()[:18])
)


def first_day(request: HttpRequest) -> tuple[int, dt.date]:
    """Days of the period in the address, and its first one."""
    asked = request.GET.get("days", "")
    days = int(asked) if asked in dict(PERIODS) else DEFAULT_DAYS
    return days, timezone.localdate() - dt.timedelta(days=days - 1)


def start_of(day: dt.date) -> dt.datetime:
    """Midnight at which a day begins here."""
    return timezone.make_aware(dt.datetime.combine(day, dt.time()))


def usage_totals(scope: Scope, rows: Sequence[Usage], days: int, first: dt.date) -> dict[str, Any]:
    """Sum up a period's calls, and count its refusals by code."""
    return {
        "days": days,
        "calls": sum(row.calls for row in rows),
        "answered": sum(row.answered for row in rows),
        "records": sum(row.records for row in rows),
        "price": sum((row.price_cny for row in rows), 0),
        "codes": [
            (code, code_title(code), count)
            for code, count in selectors.codes_by_count(scope, since=start_of(first))
        ],
    }


def grant_state(grant: Any, now: dt.datetime) -> str:
    """Return ``live``, ``over`` when a grant's period has run out, ``ended`` when it was ended before."""
    if grant.ended_at is not None:
        return "ended"
    return "live" if grant.valid_until > now else "over"


def by_grant_state(now: dt.datetime) -> Callable[[Any, str], Any]:
    """Give what keeps the grants of one state."""

    def narrow(rows: Any, state: str) -> Any:
        if state == "ended":
            return rows.exclude(ended_at=None)
        running = rows.filter(ended_at=None)
        return (
            running.filter(valid_until__gt=now) if state == "live" else running.filter(valid_until__lte=now)
        )

    return narrow


def reason_titles(question: Any) -> str:
    """Why an access was drawn, in words."""
    return "、".join(REASONS.get(each, each) for each in question.reasons)
