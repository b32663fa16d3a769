"""A bank edits a draft of a product's conditions and tries it: every figure it is told goes through disclosure control."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction

from rongqiao.accounts.services import require
from rongqiao.bases.enterprises.catalogue.selectors import held_back
from rongqiao.bases.resources.changes import DRAFTERS, lock_change, record_trial, revise_change
from rongqiao.bases.resources.eligibility import blur_rule
from rongqiao.contracts.catalog import threshold
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.platforms.financing.clocks import local_day
from rongqiao.platforms.financing.dry_run import asks, in_words, members_of, try_criteria
from rongqiao.platforms.financing.screening import counting
from rongqiao.platforms.financing.screening.facts import NUMBER, build_condition, facts, show_bound
from rongqiao.platforms.financing.screening.services import COUNT, spend
from rongqiao.rules.disclosure import blur
from rongqiao.rules.screening import question_digest

if TYPE_CHECKING:
    import datetime as dt
    import uuid
    from collections.abc import Mapping, Sequence

    from rongqiao.accounts.scope import Scope
    from rongqiao.bases.resources.models import CriteriaChange
    from rongqiao.platforms.financing.dry_run import DryRun, Tally
    from rongqiao.platforms.financing.screening.facts import Fact
    from rongqiao.rules.disclosure import Blur


@transaction.atomic
def add_condition(
    *, scope: Scope, change_id: uuid.UUID, fact: str, op: str, values: Sequence[str], now: dt.datetime
) -> CriteriaChange:
    """Add a condition to the draft.

    Raises
    ------
    InvalidValueError
        If the condition cannot be, stands there already, names an indicator that is held back, or there would be too many.
    """
    members = members_of(lock_change(scope, change_id).criteria)
    condition = build_condition(fact, op, values)
    if reason := held_back().get(fact):
        raise InvalidValueError(
            "准入条件", condition["text"], f"{reason}。请改用其他条件，恢复使用后可再加入。"
        )
    most = int(threshold("screening_conditions_max", local_day(now)))
    if len(members) >= most:
        raise InvalidValueError("准入条件", len(members) + 1, f"一个产品最多 {most} 个条件，请先去掉一个。")
    if asks(condition) in [asks(each) for each in members]:
        raise InvalidValueError("准入条件", condition["text"], "已有这个条件。")
    return revise_change(scope=scope, change_id=change_id, criteria={"all": [*members, condition]})


@transaction.atomic
def remove_condition(*, scope: Scope, change_id: uuid.UUID, place: int) -> CriteriaChange:
    """Take a condition, counted from 0, out of the draft."""
    members = members_of(lock_change(scope, change_id).criteria)
    _check_place(members, place)
    kept = [each for at, each in enumerate(members) if at != place]
    return revise_change(scope=scope, change_id=change_id, criteria={"all": kept})


@transaction.atomic
def move_bound(*, scope: Scope, change_id: uuid.UUID, place: int, value: str) -> CriteriaChange:
    """Give a condition on a number another bound.

    Raises
    ------
    InvalidValueError
        If the condition has no single bound, or the value is no number of two digits.
    """
    members = members_of(lock_change(scope, change_id).criteria)
    _check_place(members, place)
    if bounded_fact(members[place]) is None:
        raise InvalidValueError("准入条件", place, "这个条件没有可改的数值，请去掉后另加。")
    condition = build_condition(members[place]["fact"], members[place]["op"], [value])
    if settles := members[place].get("settles"):
        condition["settles"] = settles
    moved = [condition if at == place else each for at, each in enumerate(members)]
    return revise_change(scope=scope, change_id=change_id, criteria={"all": moved})


def _check_place(members: Sequence[Mapping[str, Any]], place: int) -> None:
    if not 0 <= place < len(members):
        raise InvalidValueError("准入条件", place, "没有这个条件，请刷新页面。")


@dataclass(frozen=True, slots=True)
class DraftCondition:
    """A condition of a draft as its page shows it; ``value`` and ``unit`` are empty where it has no bound to move."""

    text: str
    is_new: bool
    value: str = ""
    unit: str = ""


def draft_conditions(change: CriteriaChange) -> tuple[list[DraftCondition], list[str]]:
    """Conditions of the draft in their order, and in words those in force that it dropped."""
    before, drafted = members_of(change.product.criteria), members_of(change.criteria)
    known, kept = [asks(each) for each in before], [asks(each) for each in drafted]
    rows = []
    for each in drafted:
        fact = bounded_fact(each)
        bound = {"value": show_bound(fact, each["value"]), "unit": fact.unit} if fact else {}
        rows.append(DraftCondition(in_words(each), asks(each) not in known, **bound))
    return rows, [in_words(each) for each in before if asks(each) not in kept]


def bounded_fact(condition: Mapping[str, Any]) -> Fact | None:
    """Return the fact of a condition with one numeric bound; null for any other condition."""
    if condition.get("op") not in (">=", "<="):
        return None
    found = facts().get(str(condition["fact"]))
    return found if found is not None and found.kind == NUMBER else None


@transaction.atomic
def try_change(*, scope: Scope, change_id: uuid.UUID, now: dt.datetime) -> CriteriaChange:
    """Try the draft on the province and on the past year's matches; a question of the person's budget of the day.

    Raises
    ------
    NotAllowedError
        If the budget is used up.
    ContractError
        If the columns of facts were never published.
    """
    require(scope, *DRAFTERS)
    change = lock_change(scope, change_id)
    build = counting.province().build
    question = question_digest(
        [
            {"fact": change.product.code, "op": "try", "value": each}
            for each in (change.product.criteria, change.criteria)
        ],
        region="",
        build=build,
    )
    spend(scope, None, kind=COUNT, digest=question, now=now)
    found = try_criteria(product_code=change.product.code, changed=change.criteria, now=now)
    rule = blur_rule(local_day(now))
    return record_trial(scope=scope, change=change, figures=tell(found, question=question, rule=rule))


def tell(found: DryRun, *, question: str, rule: Blur) -> dict[str, Any]:
    """Tell a dry run: every count near the truth, null below the least figure, zero included.

    Returns
    -------
    dict
        ``before``, ``after``, ``gained``, ``lost``, ``matches_dropped``, ``matches_gained``; ``counties`` (lists of ``[code, before, after,
        gained, lost]``, only where something may be told); ``conditions`` (lists of ``[text, kind, enterprises, matches]``); ``least`` and
        ``as_of``. ``matches`` is exact: a bank knows its own.
    """

    def told(tally: Tally, name: str) -> int | None:
        return blur(tally.count, key=tally.key, question=f"{question}|{name}", rule=rule)

    totals = ("before", "after", "gained", "lost", "matches_dropped", "matches_gained")
    counties = [
        [code, *(told(each, f"{code} {at}") for at, each in enumerate(sides))]
        for code, sides in sorted(found.by_county.items())
        if code
    ]
    conditions = [
        [
            effect.text,
            effect.kind,
            told(effect.enterprises, f"{effect.kind} {effect.text}"),
            told(effect.matches, f"{effect.kind} {effect.text} matches"),
        ]
        for effect in found.effects
    ]
    return {
        **{name: told(getattr(found, name), name) for name in totals},
        "matches": found.matches,
        "counties": [line for line in counties if line[3] is not None or line[4] is not None],
        "conditions": conditions,
        "least": rule.least,
        "as_of": found.as_of,
    }
