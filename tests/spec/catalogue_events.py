"""The 48 types of event of the catalogue: in which drawn rows each happened, when, and whether it is over, in plain Python.

What the departments' clocks end (`kept`) is left out as a reader of 2026-11-20 would: see the catalogue of thresholds.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import drawn_events as events
from drawn_cast import AS_OF, KNOWN_AT, Row
from drawn_departments import change, ip_right, judicial_case, listing, loan_performance, penalty, title
from drawn_monthly import housing_fund

from rongqiao.kernel.period import last_day, month_index, shift_date

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from oracle import Answer

END = last_day(AS_OF)


def after(*ends: str) -> Callable[[Row], bool]:
    """Whether none of the dates has come by the end of the month."""
    return lambda row: all(row.get(end) is None or row[end] > END for end in ends)


def always(_: Row) -> bool:
    return True


def kept_for(months: int, begins: str) -> Callable[[Row], bool]:
    return lambda row: row.get(begins) is None or shift_date(row[begins], months) >= KNOWN_AT


@dataclass(frozen=True)
class Event:
    """A type of event: catalogue name, id, drawn rows, its date, and what is open.

    ``open_id`` and ``argued_away`` say where a statistic has an id of its own, or none (ADR 0025); ``is_register`` is false where an
    enterprise without rows is not known to have had none.
    """

    catalogue: str
    id: str
    draw: Callable[[], list[Row]]
    on: str | Callable[[Row], dt.date]
    where: Callable[[Row], bool] = always
    is_open: Callable[[Row], bool] | None = None
    kept: Callable[[Row], bool] = always
    is_register: bool = True
    argued_away: tuple[str, ...] = ()
    renamed: dict[str, str] = field(default_factory=dict)

    def date(self, row: Row) -> dt.date | None:
        found: dt.date | None = row.get(self.on) if isinstance(self.on, str) else self.on(row)
        return found


def is_(item: str, *values: Any) -> Callable[[Row], bool]:
    return lambda row: row.get(item) in values


def is_not(item: str, value: Any) -> Callable[[Row], bool]:
    return lambda row: row.get(item) != value


def above_zero(item: str) -> Callable[[Row], bool]:
    return lambda row: (row.get(item) or 0) > 0


def is_published(row: Row) -> bool:
    """Whether a drawn penalty still serves: three of them do not, as their rows say."""
    return row["document_no"] not in ("4", "7", "9")


def month_after(row: Row) -> dt.date:
    return last_day(row["period"]) + dt.timedelta(days=1)


def is_late(row: Row) -> bool:
    """Whether the month after the billed one ended before the bill was paid."""
    following = month_after(row)
    term = last_day(following.year * 100 + following.month)
    return row["paid_on"] is None or row["paid_on"] > term


def is_overdue_now(row: Row) -> bool:
    return row["reported_on"] == END and row["outstanding_cny"] > 0


def all_mortgages() -> list[Row]:
    """Both registers of mortgages: the second holds other securities and other roles too."""
    since = [
        row
        for row in events.receivable_pledge()
        if (row["party_role"], row["security_kind"]) == ("provider", "equipment")
    ]
    return events.chattel_mortgage() + since


def _of_penalty(kind: str, **more: Any) -> Event:
    return Event(
        f"{kind}_penalty", f"regulatory_{kind}_penalty", penalty, "decided_on", is_("kind", kind), kept=is_published, **more
    )  # fmt: skip


def _own(kind: str) -> Event:
    """Whether a department's own penalty was carried out; a general one serves for a year, a serious one for three."""
    serves = lambda row: kept_for(36 if row["severity"] == "serious" else 12, "decided_on")(row)  # noqa: E731
    return Event(
        f"{kind}_penalty", f"regulatory_{kind}_penalty", events.own_penalty, "decided_on", is_open=after("settled_on"), kept=serves,
        argued_away=("m12", "m36", "last"),
    )  # fmt: skip


def _of_change(item: str) -> Event:
    return Event(f"{item}_change", f"registration_{item}_change", change, "changed_on", is_("change_item", item),
                 argued_away=("open",))  # fmt: skip


def _of_case(role: str, catalogue: str) -> Event:
    return Event(
        catalogue, f"judicial_{role}", judicial_case, "filed_on", is_("role", role), after("closed_on")
    )


def _of_listing(kind: str) -> Event:
    return Event(
        f"{kind}_list", f"registration_{kind}", listing, "listed_on", is_("list_kind", kind), after("removed_on"),
        kept_for(36, "removed_on"), renamed={"open": f"registration_{kind}_open_flag"},
    )  # fmt: skip


def _of_tax(name: str, catalogue: str, where: Callable[[Row], bool]) -> Event:
    return Event(
        catalogue,
        name,
        events.tax_violation,
        "decided_on",
        where,
        after("settled_on"),
        kept_for(36, "decided_on"),
    )


EVENTS = (
    # tax
    Event("arrears", "tax_arrears_case", events.tax_arrears, "due_on",
          is_open=lambda row: after("cleared_on")(row) and row["arrears_cny"] > 0),
    Event("late_filing", "tax_unfiled", events.late_filing, "due_on", is_open=after("filed_on"), kept=kept_for(36, "due_on")),
    _of_tax("tax_penalty", "tax_penalty", above_zero("fine_cny")),
    Event("non_normal_status", "tax_abnormal", events.taxpayer, "abnormal_on", is_open=after("abnormal_lifted_on")),
    _of_tax("tax_major_violation", "major_tax_violation", is_("is_major", True)),
    _of_tax("tax_inspection", "inspection_case", above_zero("evaded_tax_cny")),
    # registration
    _of_listing("abnormal"), _of_listing("serious_illegal"),
    _of_change("legal_rep"), _of_change("address"), _of_change("shareholder"), _of_change("capital"), _of_change("scope"), _of_change("name"),
    Event("equity_pledge", "registration_equity_pledge", events.equity_pledge, "registered_on",
          is_open=lambda row: after("cancelled_on")(row) and row["status"] != "cancelled"),
    Event("equity_freeze", "registration_equity_freeze", events.asset_freeze, "frozen_on", is_("asset_kind", "equity"),
          after("lifted_on", "frozen_until_on")),
    Event("chattel_mortgage", "registration_chattel_mortgage", all_mortgages, "registered_on",
          is_open=after("cancelled_on", "expires_on")),
    Event("simple_cancel_notice", "registration_simple_cancel", events.deregistration, "announced_on", is_("notice_kind", "simple"),
          lambda row: after("ends_on")(row) and row.get("outcome") is None),
    # judicial
    _of_case("defendant", "defendant_case"), _of_case("plaintiff", "plaintiff_case"), _of_case("executed", "executed_person"),
    Event("dishonest_executed", "judicial_dishonest_person", events.dishonest_person, "published_on", is_open=after("removed_on")),
    Event("consumption_limit", "judicial_consumption_limit", events.consumption_restriction, "issued_on", is_open=after("lifted_on")),
    Event("terminated_execution", "judicial_terminated_execution", events.executed_person, "closed_on",
          is_("closing_kind", "terminated_procedure"), above_zero("unperformed_cny")),
    Event("bankruptcy_filing", "judicial_bankruptcy", events.bankruptcy, "filed_on", is_open=after("closed_on")),
    Event("asset_preservation", "judicial_preservation", events.asset_freeze, "frozen_on", is_not("asset_kind", "equity"),
          after("lifted_on", "frozen_until_on")),
    # regulatory
    _of_penalty("environment"), _own("environment"), _of_penalty("safety", argued_away=("open",)),
    Event("quality_fail", "regulatory_quality_fail", events.quality_inspection, "sampled_on", is_not("result", "passed"),
          argued_away=("open",)),
    _of_penalty("fire", argued_away=("open",)),
    Event("wage_arrears", "regulatory_wage_arrears", events.wage_arrears, "listed_on", is_open=after("removed_on"),
          kept=kept_for(36, "listed_on")),
    _of_penalty("customs"), _own("customs"), _of_penalty("other", argued_away=("open",)),
    # payment
    Event("electric_arrears", "utility_electricity_arrears", events.electricity_arrears, "notified_on",
          is_open=lambda row: row.get("cut_off_on") is not None and row["cut_off_on"] <= END and after("restored_on")(row)),
    Event("water_arrears", "utility_water_arrears", events.bill, month_after, is_late, after("paid_on"), is_register=False),
    Event("gas_arrears", "utility_gas_arrears", events.bill, month_after, is_late, after("paid_on"), is_register=False),
    Event("social_arrears", "social_arrears", events.insurance_arrears, "due_on", is_open=after("cleared_on")),
    Event("hpf_arrears", "hpf_arrears", housing_fund, lambda row: last_day(row["period"]),
          lambda row: row["deposit_due_cny"] - row["deposit_paid_cny"] > 1, is_register=False,
          renamed={"open": "hpf_arrears_open_months"}),
    # financing
    Event("loan_overdue", "financing_overdue", loan_performance, "reported_on", above_zero("overdue_days"), is_overdue_now),
    Event("guarantee_compensated", "financing_compensated", events.compensation, "paid_on",
          is_open=lambda row: after("written_off_on")(row)
          and (row.get("recovered_cny") is None or row["recovered_cny"] < row["principal_cny"] + row.get("interest_cny", 0))),
    Event("bridging_use", "financing_bridging", events.bridging_record, "lent_on", is_open=after("repaid_on")),
    # positive
    Event("invention_grant", "ip_invention_granted", ip_right, "granted_on", is_("kind", "invention"), after("expires_on"),
          renamed={"open": "ip_invention_valid_count"}),
    Event("other_ip_grant", "ip_other_granted", ip_right, "granted_on", is_not("kind", "invention"), after("expires_on")),
    Event("honour_award", "ip_award", events.science_award, "awarded_on", argued_away=("open",)),
    Event("qualification_gain", "title_granted", title, "granted_on", is_open=after("expires_on"),
          renamed={"open": "title_valid_count"}),
    Event("subsidy_received", "fiscal_subsidy", events.fiscal_subsidy, "paid_on", argued_away=("open",)),
    Event("procurement_win", "fiscal_procurement", events.procurement_contract, "signed_on", is_open=after("accepted_on")),
)  # fmt: skip
#: No contract holds it: how many standards an enterprise drafted is told once, at an evaluation, without a day.
WITHOUT_A_CONTRACT = ("standard_drafting",)


def answers_of(event: Event, rows: list[Row], enterprise: str) -> dict[str, Answer]:
    """The four statistics of one enterprise."""
    own = [row for row in rows if row["enterprise_id"] == enterprise]
    if not own and not event.is_register:
        return dict.fromkeys(("m12", "m36", "open", "last"), "missing")
    dated = ((event.date(row), row) for row in own if event.kept(row) and event.where(row))
    happened = [(date, row) for date, row in dated if date is not None and date <= END]
    back = [month_index(AS_OF) - month_index(date.year * 100 + date.month) for date, _ in happened]
    return {
        "m12": sum(1 for months in back if months < 12),
        "m36": sum(1 for months in back if months < 36),
        "open": sum(1 for _, row in happened if event.is_open and event.is_open(row)),
        "last": min(back) if back else "n/a",
    }


def event_answers(names: tuple[str, ...]) -> Iterator[tuple[str, list[Answer]]]:
    """Indicator id and what the oracle says for each enterprise, in the order of the catalogue."""
    for event in EVENTS:
        rows = event.draw()
        found = {name: answers_of(event, rows, name) for name in names}
        for key in ("m12", "m36", "open", "last"):
            # What one enterprise still owes the housing fund its newest row says itself; the spec has it by hand.
            is_counted = event.is_open is not None or key != "open"
            if key not in event.argued_away and is_counted:
                unit = "months" if key == "last" else "count"
                yield event.renamed.get(key, f"{event.id}_{key}_{unit}"), [found[name][key] for name in names]
