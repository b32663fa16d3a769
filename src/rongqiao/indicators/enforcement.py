"""Registers of the courts: dishonest debtors, restricted consumption, enforcement that found nothing, bankruptcy."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from rongqiao.indicators.events import dated, declare_event_type, is_open
from rongqiao.indicators.registry import Source

if TYPE_CHECKING:
    from collections.abc import Callable

DISHONEST, RESTRICTION, EXECUTED, BANKRUPTCY = (
    "court.dishonest_person", "court.consumption_restriction", "court.executed_person", "court.bankruptcy",
)  # fmt: skip
_declare = partial(declare_event_type, consent_class="public_judicial")


def _register(contract_id: str, begins: str, ends: str) -> Source:
    """Rows of a register with a beginning and an end."""
    return Source(
        contract_id.split(".")[1], (contract_id,), "event",
        dated(contract_id, begins, lambda t, at: {"is_open": is_open(t[ends], at)}),
    )  # fmt: skip


_open: Callable[[Any], Any] = lambda t: t.is_open  # noqa: E731 (one rule for several declarations)

DISHONEST_PERSONS = _register(DISHONEST, "published_on", "removed_on")
_declare(
    DISHONEST_PERSONS, id="judicial_dishonest_person", title="列入失信被执行人", title_en="Listings as dishonest debtor",
    dated_by="发布日期", is_open=_open, open_title="在失信被执行人名单中的件数", open_formula="统计月末未删除的件数",
)  # fmt: skip

RESTRICTIONS = _register(RESTRICTION, "issued_on", "lifted_on")
_declare(
    RESTRICTIONS, id="judicial_consumption_limit", title="限制消费令", title_en="Orders that restrict consumption", dated_by="作出日期",
    is_open=_open, open_title="未解除限制消费令件数", open_formula="统计月末未解除的件数",
)  # fmt: skip

BANKRUPTCIES = _register(BANKRUPTCY, "filed_on", "closed_on")
_declare(
    BANKRUPTCIES, id="judicial_bankruptcy", title="破产案件受理", title_en="Bankruptcy cases", dated_by="受理日期", is_open=_open,
    open_title="未终结破产案件数", open_formula="统计月末未终结的件数",
)  # fmt: skip

# Closed because nothing was found: it is over for the court, not for the debtor, who still owes.
TERMINATIONS = Source(
    "executed_person", (EXECUTED,), "event",
    dated(EXECUTED, "closed_on", lambda t, at: {"is_open": t.unperformed_cny > 0}),
)  # fmt: skip
_declare(
    TERMINATIONS, id="judicial_terminated_execution", title="终结本次执行", title_en="Enforcements ended without result",
    dated_by="结案日期", where=lambda t: t.closing_kind == "terminated_procedure", is_open=_open,
    open_title="终本后仍未履行件数", open_formula="以终结本次执行结案且未履行金额>0的件数",
)  # fmt: skip
