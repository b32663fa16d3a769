"""A government body hands a list to banks: as counts, and by name of those enterprises that agreed to that."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, cast

from django.db import transaction

from rongqiao.accounts.models import Organisation
from rongqiao.accounts.roles import Role
from rongqiao.accounts.scope import system_scope
from rongqiao.accounts.services import record_audit, require
from rongqiao.kernel.errors import IllegalTransitionError, InvalidValueError, NotAllowedError, NotFoundError
from rongqiao.platforms.financing.clocks import local_day
from rongqiao.platforms.financing.screening.counting import limited
from rongqiao.platforms.financing.screening.models import ScreeningHandover, ScreeningMember
from rongqiao.platforms.financing.screening.selectors import budgets_left
from rongqiao.platforms.financing.screening.services import (
    EXPORT,
    NAME,
    agreed_and_met,
    conditions_of,
    count_conditions,
    last_version,
    lock_list,
    record_named,
    spend,
)
from rongqiao.rules.transitions import advance

if TYPE_CHECKING:
    import uuid
    from collections.abc import Sequence

    from rongqiao.accounts.scope import Scope
    from rongqiao.platforms.financing.screening.models import ScreeningList
    from rongqiao.rules.criteria import Group

READERS = (Role.BANK_OFFICER, Role.BANK_RISK)


@transaction.atomic
def hand_to_banks(
    *, scope: Scope, list_id: uuid.UUID, bank_ids: Sequence[str], valid_days: int, now: dt.datetime
) -> list[ScreeningHandover]:
    """Hand the last version of a list to banks; they see its counts at once.

    Parameters
    ----------
    bank_ids : sequence of str
        Organisations of the institutions that are to have it.
    valid_days : int
        How long each of them has it; never longer than the list itself stands.

    Raises
    ------
    IllegalTransitionError
        If the list is over, or was never saved.
    InvalidValueError
        If the conditions were changed since it was saved, no bank or an unknown one is named, one has it already, or the
        time is too long.
    NotAllowedError
        If the person's budget of counts is used up.
    """
    require(scope, Role.GOVERNMENT_OFFICIAL)
    screening = lock_list(scope, list_id)
    day = local_day(now)
    if day > screening.expires_on:
        raise IllegalTransitionError("筛选名单", "已到期", "名单已到期，不能再交付，请另建一份。")
    screening.status = advance("screening_list", screening.status, "hand_over")
    version = last_version(scope, screening)
    banks = _recipients(scope, screening, bank_ids)
    expires_on = _last_day(screening, valid_days, day)
    figures = count_conditions(scope, screening, now)
    given = [
        ScreeningHandover(
            screening=screening,
            version=version,
            organisation_id=screening.organisation_id,
            recipient=bank,
            region_code=screening.region_code,
            list_title=screening.title,
            conditions=version.conditions,
            figures=figures,
            handed_by_id=scope.person[0],
            handed_at=now,
            expires_on=expires_on,
        )
        for bank in banks
    ]
    ScreeningHandover.objects.bulk_create(given)
    screening.handed_over_at = screening.handed_over_at or now
    screening.save(update_fields=["status", "handed_over_at"])
    for handover in given:
        _audit(scope, "screening.handed_to_bank", handover, version=version.number)
    return given


def _recipients(scope: Scope, screening: ScreeningList, bank_ids: Sequence[str]) -> list[Organisation]:
    wanted = set(bank_ids)
    rows = Organisation.objects.filter(kind="institution").order_by("name")
    banks = [each for each in rows if str(each.pk) in wanted]
    if not banks or len(banks) != len(wanted):
        raise InvalidValueError("接收银行", len(wanted), "请从列出的机构中至少勾选一家。")
    held = ScreeningHandover.objects.for_scope(scope).filter(screening=screening, status="handed")
    holding = set(held.values_list("recipient_id", flat=True))
    if twice := [each.name for each in banks if each.pk in holding]:
        raise InvalidValueError("接收银行", "、".join(twice), "已交付过且仍在有效期内，请去掉后再交付。")
    return banks


def _last_day(screening: ScreeningList, valid_days: int, day: dt.date) -> dt.date:
    most = (screening.expires_on - day).days
    if not 0 <= valid_days <= most:
        raise InvalidValueError(
            "交付有效期（天）", valid_days, f"名单有效期至 {screening.expires_on}，请填 0 至 {most}。"
        )
    return day + dt.timedelta(days=valid_days)


@transaction.atomic
def withdraw_handover(*, scope: Scope, handover_id: uuid.UUID, now: dt.datetime) -> ScreeningHandover:
    """Take a list back from a bank: it sees neither counts nor names from now on.

    Raises
    ------
    NotAllowedError
        If it is not the caller's.
    IllegalTransitionError
        If it is over.
    """
    require(scope, Role.GOVERNMENT_OFFICIAL)
    handover = _lock(scope, handover_id)
    handover.status = advance("screening_handover", handover.status, "withdraw")
    handover.ended_at = now
    handover.save(update_fields=["status", "ended_at"])
    _audit(scope, "screening.handover_withdrawn", handover)
    return handover


@transaction.atomic
def ask_names(*, scope: Scope, handover_id: uuid.UUID, now: dt.datetime) -> list[str]:
    """Tell the bank the names of the enterprises that meet the list it got and agreed to that, within its person's budget.

    May be asked again for those that agreed since; what the day's budget does not hold waits for the next.

    Returns
    -------
    list of str
        Codes of those newly named.

    Raises
    ------
    NotAllowedError
        If nobody new agreed, or the budget is used up.
    IllegalTransitionError
        If the list was taken back or is over.
    """
    require(scope, *READERS)
    handover = _lock(scope, handover_id)
    _check_live(handover, now)
    known = set(_members(scope, handover).values_list("uscc", flat=True))
    criteria = handed_criteria(handover)
    agreed = [uscc for uscc in agreed_and_met(criteria, now, by_government=True) if uscc not in known]
    if not agreed:
        raise NotAllowedError(
            "企业名称",
            handover.list_title,
            "名单内没有新的企业同意由政府部门交付的名单告知名称，只能看统计数；企业在“授权管理”中同意后，再来取得。",
        )
    # At least one is asked for, so that a used-up budget is refused in its own words.
    named = agreed[: max(1, budgets_left(scope, now)[NAME][0])]
    spend(scope, None, kind=NAME, digest=str(handover.pk), now=now, number=len(named))
    record_named(
        scope,
        named,
        now,
        screening_id=handover.screening_id,
        version_id=handover.version_id,
        handover=handover,
        source_title=handover.organisation.name,
        list_title=handover.list_title,
        conditions=handover.conditions,
    )
    handover.named_count, handover.named_at = len(known) + len(named), now
    handover.save(update_fields=["named_count", "named_at"])
    _audit(scope, "screening.names_asked", handover, named=len(named))
    return named


@transaction.atomic
def record_handover_export(*, scope: Scope, handover_id: uuid.UUID, now: dt.datetime) -> ScreeningHandover:
    """Note that the names of a list the bank got leave as a file, within the budget."""
    require(scope, *READERS)
    handover = _lock(scope, handover_id)
    _check_live(handover, now)
    spend(scope, None, kind=EXPORT, digest=str(handover.pk), now=now)
    _audit(scope, "screening.handover_exported", handover)
    return handover


def expire_handovers(*, now: dt.datetime) -> int:
    """End what banks hold whose last day is over. Returns their number."""
    with system_scope() as scope:
        due = ScreeningHandover.objects.for_scope(scope).filter(
            expires_on__lt=local_day(now), status="handed"
        )
        rows = list(due.select_related("recipient").select_for_update(of=("self",)))
        for handover in rows:
            handover.status = advance("screening_handover", handover.status, "expire")
            handover.save(update_fields=["status"])
            _audit(scope, "screening.handover_expired", handover)
    return len(rows)


def handed_criteria(handover: ScreeningHandover) -> Group:
    """Conditions as they were handed over, within the giver's region, by the limits of that day."""
    criteria = conditions_of(handover.conditions, local_day(handover.handed_at))
    return limited(criteria, handover.region_code)


def is_live(handover: ScreeningHandover, now: dt.datetime) -> bool:
    """Whether the bank may still read it: its day may be over before the nightly job has run."""
    return handover.status == "handed" and local_day(now) <= handover.expires_on


def _check_live(handover: ScreeningHandover, now: dt.datetime) -> None:
    if not is_live(handover, now):
        raise IllegalTransitionError(
            "政府部门交付的名单", handover.list_title, "名单已收回或已到期，不能再取得名称或导出。"
        )


def _members(scope: Scope, handover: ScreeningHandover) -> Any:
    return ScreeningMember.objects.for_scope(scope).filter(handover=handover)


def _lock(scope: Scope, handover_id: uuid.UUID) -> ScreeningHandover:
    rows = ScreeningHandover.objects.for_scope(scope).select_related("organisation", "recipient")
    found = rows.select_for_update(of=("self",)).filter(pk=handover_id).first()
    if found is None:
        raise NotFoundError("名单交付", str(handover_id), "没有这份交付，或与本机构无关。")
    return cast("ScreeningHandover", found)


def _audit(scope: Scope, action: str, handover: ScreeningHandover, **detail: Any) -> None:
    about = {
        "title": handover.list_title,
        "recipient": handover.recipient.name,
        "conditions": [each["text"] for each in handover.conditions],
        "expires_on": handover.expires_on.isoformat(),
    }
    record_audit(
        scope=scope,
        action=action,
        object_type="screening_handover",
        object_id=handover.pk,
        detail=about | detail,
    )
