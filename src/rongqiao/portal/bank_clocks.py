"""The clocks an officer works against: everything that runs out, the first on top."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.urls import reverse

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

KINDS = {
    "contact": "首次联系",
    "quote": "提交报价",
    "decision": "审批答复",
    "take": "抢单截止",
    "validity": "报价到期",
    "demand": "需求到期",
}
# What the officer owes somebody; the others are chances that pass.
DUTIES = ("contact", "quote", "decision")


@dataclass(frozen=True, slots=True)
class Clock:
    """One deadline.

    Parameters
    ----------
    kind : str
        A key of :data:`KINDS`.
    at : datetime
        When it runs out.
    enterprise_name : str
        Whom it is about.
    amount_cny : Decimal
        Of the demand or quote.
    url : str
        Where to act.
    """

    kind: str
    at: dt.datetime
    enterprise_name: str
    amount_cny: Any
    url: str

    @property
    def title(self) -> str:
        """What is due, in words."""
        return KINDS[self.kind]

    @property
    def is_duty(self) -> bool:
        """Whether the enterprise is owed this."""
        return self.kind in DUTIES


def gather_clocks(items: Iterable[Any], applications: Iterable[Any], now: dt.datetime) -> list[Clock]:
    """List every clock of an institution, duties before chances, each by what runs out first.

    Parameters
    ----------
    items : iterable of InboxItem
        Of the institution's inbox.
    applications : iterable of Application
        Those not yet decided.
    now : datetime
        A first contact that was due before it is no clock any more: nothing records whether it was made.
    """
    clocks = [_of_item(item) for item in items]
    clocks += [
        Clock(
            "contact",
            item.take.contact_due_at,
            item.demand.enterprise_name,
            item.demand.amount_cny,
            _page(item.demand),
        )
        for item in items
        if item.take is not None and item.take.status == "active" and item.take.contact_due_at > now
    ]
    clocks += [
        Clock(
            "decision",
            application.decision_due_at,
            application.quote.demand.enterprise_name,
            application.quote.amount_cny,
            reverse("portal:bank_application", args=[application.pk]),
        )
        for application in applications
    ]
    return sorted(clocks, key=lambda clock: (not clock.is_duty, clock.at))


def _of_item(item: Any) -> Clock:
    url = (
        reverse("portal:bank_quote", args=[item.take.pk])
        if item.deadline_kind == "quote"
        else _page(item.demand)
    )
    return Clock(item.deadline_kind, item.deadline, item.demand.enterprise_name, item.demand.amount_cny, url)


def _page(demand: Any) -> str:
    return reverse("portal:bank_demand", args=[demand.pk])
