"""The market as one more department: each loan's performance per month-end, replayed from its events."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from rongqiao.accounts.scope import system_scope
from rongqiao.accounts.services import record_audit
from rongqiao.kernel.period import add_months, last_day, month_of
from rongqiao.platforms.financing import clocks
from rongqiao.platforms.financing.balance import load_facts, load_schedule
from rongqiao.platforms.financing.models import Loan
from rongqiao.platforms.financing.replay import replay

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rongqiao.platforms.financing.replay import Due, Fact, LoanState

CONTRACT = "platform.loan_performance"


def export_feedback(*, folder: Path, known_at: dt.date) -> Path:
    """Write ``platform.loan_performance/<known_at>.jsonl``: one line per drawn loan and month-end.

    The lines go from the month of drawing to the month of settlement, or to the last complete month. The whole history
    is written each time: a line that a late event changed is thereby a correction.

    Parameters
    ----------
    folder : Path
        Of deliveries; the file appears in it at once or not at all.
    known_at : date
        Day of delivery; events that became known later are left out.

    Returns
    -------
    Path
        The file.
    """
    target = folder / CONTRACT / f"{known_at.isoformat()}.jsonl"
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    count = 0
    with system_scope() as scope, partial.open("w", encoding="utf-8") as file:
        facts, schedules = load_facts(scope), load_schedule(scope)
        loans = Loan.objects.for_scope(scope).select_related("institution", "product").order_by("contract_no")
        for loan in loans:
            for line in performance(
                loan, facts.get(loan.pk, []), schedules.get(loan.pk, []), known_at=known_at
            ):
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
                count += 1
        record_audit(
            scope=scope,
            action="feedback.exported",
            object_type="delivery",
            object_id=target.name,
            detail={"rows": count},
        )
    os.replace(partial, target)
    return target


def performance(
    loan: Loan, facts: Sequence[Fact], schedule: Sequence[Due], *, known_at: dt.date
) -> Iterator[dict[str, Any]]:
    """Lines of one loan, oldest month first; none before it is drawn."""
    known = [fact for fact in facts if fact.known_on <= known_at]
    drawn = [fact.effective_on for fact in known if fact.kind == "drawdown"]
    if not drawn:
        return
    month, drawn_on = month_of(min(drawn)), min(drawn)
    while (reported_on := last_day(month)) <= known_at:
        state = replay(known, schedule, on=reported_on, limits=clocks.overdue_limits(reported_on))
        yield _line(loan, state, drawn_on, reported_on)
        if state.outstanding_cny == 0:
            return
        month = add_months(month, 1)


def _line(loan: Loan, state: LoanState, drawn_on: dt.date, reported_on: dt.date) -> dict[str, Any]:
    return {
        "uscc": loan.uscc,
        "loan_no": loan.contract_no,
        "institution_code": loan.institution.code,
        "product_code": loan.product.code,
        "principal_cny": str(loan.principal_cny),
        "annual_rate_ratio": float(loan.rate_ratio),
        "drawn_on": drawn_on.isoformat(),
        "maturity_on": loan.maturity_on.isoformat(),
        "outstanding_cny": str(state.outstanding_cny),
        "overdue_days": state.overdue_days,
        "five_class": state.five_class,
        "is_first_loan": loan.is_first_loan,
        "reported_on": reported_on.isoformat(),
    }
