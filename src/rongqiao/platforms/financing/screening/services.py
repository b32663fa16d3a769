"""Writes of screening: build a list, count it within the budget, save versions, hand names over, export, expire."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any, cast

from django.db import transaction
from django.db.models import Q

from rongqiao.accounts.roles import Role
from rongqiao.accounts.scope import system_scope
from rongqiao.accounts.services import record_audit, require
from rongqiao.bases.enterprises.catalogue.selectors import held_back
from rongqiao.bases.enterprises.models import Portrait
from rongqiao.bases.enterprises.portraits import is_fact_readable, is_rating_readable, readable_contracts
from rongqiao.contracts.catalog import threshold
from rongqiao.kernel.errors import IllegalTransitionError, InvalidValueError, NotAllowedError, NotFoundError
from rongqiao.kernel.texts import whole_text
from rongqiao.platforms.financing.clocks import local_day
from rongqiao.platforms.financing.screening import counting
from rongqiao.platforms.financing.screening.facts import build_condition
from rongqiao.platforms.financing.screening.models import (
    FindableConsent,
    ScreeningList,
    ScreeningMember,
    ScreeningQuestion,
    ScreeningVersion,
)
from rongqiao.rules.criteria import facts_used
from rongqiao.rules.screening import parse_conditions, question_digest
from rongqiao.rules.transitions import advance

if TYPE_CHECKING:
    import uuid
    from collections.abc import Mapping, Sequence

    from rongqiao.accounts.scope import Scope
    from rongqiao.rules.criteria import Group

BUILDERS = (Role.BANK_OFFICER, Role.BANK_RISK, Role.GOVERNMENT_OFFICIAL)
COUNT, NAME, EXPORT = "count", "name", "export"
TITLE_LENGTH = 60
BUDGETS = {
    COUNT: ("screening_questions_per_day", "今日筛选次数"),
    NAME: ("screening_names_per_day", "今日名单企业数"),
    EXPORT: ("screening_exports_per_day", "今日导出次数"),
}


@transaction.atomic
def open_list(*, scope: Scope, title: str, valid_days: int, now: dt.datetime) -> ScreeningList:
    """Begin a list without conditions.

    Raises
    ------
    InvalidValueError
        If it has no title or too long a one, or would stand longer than a list may.
    """
    require(scope, *BUILDERS)
    person, organisation = scope.person
    day = local_day(now)
    most = int(threshold("screening_list_days_max", day))
    title = whole_text("名单名称", title, TITLE_LENGTH)
    if not title:
        raise InvalidValueError("名单名称", title, "请写一个看得出用途的名称，如“制造业首贷拓户”。")
    if not 1 <= valid_days <= most:
        raise InvalidValueError("有效期（天）", valid_days, f"请填 1 至 {most}。")
    screening = ScreeningList(
        organisation_id=organisation,
        region_code=scope.region,
        title=title,
        created_by_id=person,
        created_at=now,
        expires_on=day + dt.timedelta(days=valid_days),
    )
    screening.save(force_insert=True)
    _audit(scope, "screening.opened", screening)
    return _counted(scope, screening, now)


@transaction.atomic
def add_condition(
    *, scope: Scope, list_id: uuid.UUID, fact: str, op: str, values: Sequence[str], now: dt.datetime
) -> ScreeningList:
    """Add a condition to a list and count anew.

    Raises
    ------
    InvalidValueError
        If the condition cannot be, stands in the list already, or names an indicator that is held back from use.
    NotAllowedError
        If the day's budget is used up: the list stays as it was.
    """
    screening = _editable(scope, list_id, now)
    condition = build_condition(fact, op, values)
    if reason := held_back().get(fact):
        raise InvalidValueError(
            "筛选条件", condition["text"], f"{reason}。请改用其他条件，恢复使用后可再加入。"
        )
    if condition["text"] in [each["text"] for each in screening.conditions]:
        raise InvalidValueError("筛选条件", condition["text"], "名单里已有这个条件。")
    screening.conditions = [*screening.conditions, condition]
    return _revised(scope, screening, now)


@transaction.atomic
def remove_condition(*, scope: Scope, list_id: uuid.UUID, place: int, now: dt.datetime) -> ScreeningList:
    """Take a condition, counted from 0, out of a list and count anew."""
    screening = _editable(scope, list_id, now)
    if not 0 <= place < len(screening.conditions):
        raise InvalidValueError("筛选条件", place, "名单里没有这个条件，请刷新页面。")
    screening.conditions = [each for at, each in enumerate(screening.conditions) if at != place]
    return _revised(scope, screening, now)


def _revised(scope: Scope, screening: ScreeningList, now: dt.datetime) -> ScreeningList:
    screening.status = advance("screening_list", screening.status, "revise")
    _audit(scope, "screening.revised", screening)
    return _counted(scope, screening, now)


def _counted(scope: Scope, screening: ScreeningList, now: dt.datetime) -> ScreeningList:
    screening.figures = count_conditions(scope, screening, now)
    screening.save(update_fields=["conditions", "figures", "status"])
    return screening


def count_conditions(scope: Scope, screening: ScreeningList, now: dt.datetime) -> dict[str, Any]:
    """Count a list's conditions, within the caller's budget, and give what may be told."""
    day, region = local_day(now), screening.region_code
    criteria = conditions_of(screening.conditions, day)
    question = question_digest(screening.conditions, region=region, build=counting.province().build)
    spend(scope, screening, kind=COUNT, digest=question, now=now)
    return counting.tell_figures(criteria, region=region, question=question, day=day)


def conditions_of(data: Sequence[dict[str, Any]], day: dt.date) -> Group:
    """Read a list's conditions within the day's limits."""
    return parse_conditions(data, most=int(threshold("screening_conditions_max", day)))


def spend(
    scope: Scope,
    screening: ScreeningList | None,
    *,
    kind: str,
    digest: str,
    now: dt.datetime,
    number: int = 1,
) -> None:
    """Take from the person's budget of the day; the same count again costs nothing.

    Raises
    ------
    NotAllowedError
        If it is used up.
    """
    person, organisation = scope.person
    day = local_day(now)
    asked = ScreeningQuestion.objects.for_scope(scope).filter(user_id=person, asked_on=day, kind=kind)
    if kind == COUNT and asked.filter(digest=digest).exists():
        return
    limit_id, title = BUDGETS[kind]
    limit = int(threshold(limit_id, day))
    if asked.count() + number > limit:
        raise NotAllowedError(
            title, asked.count() + number, f"每人每天限 {limit}；请明日再办，已算过的条件仍可查看。"
        )
    line = {"user_id": person, "organisation_id": organisation, "screening": screening, "kind": kind}
    ScreeningQuestion.objects.bulk_create(
        [ScreeningQuestion(**line, digest=digest, asked_on=day, asked_at=now) for _ in range(number)]
    )


@transaction.atomic
def save_version(*, scope: Scope, list_id: uuid.UUID, now: dt.datetime) -> ScreeningVersion:
    """Keep the list's conditions and figures as its next version.

    Raises
    ------
    InvalidValueError
        If there are no conditions, or nothing changed since the last version.
    """
    screening = _editable(scope, list_id, now)
    if not screening.conditions:
        raise InvalidValueError("名单条件", screening.title, "请先加入至少一个条件。")
    last = screening.versions.for_scope(scope).first()
    if last is not None and last.conditions == screening.conditions:
        raise InvalidValueError("名单版本", f"第 {last.number} 版", "条件没有变化，不必再存。")
    version = ScreeningVersion(
        screening=screening,
        organisation_id=screening.organisation_id,
        number=last.number + 1 if last else 1,
        conditions=screening.conditions,
        figures=screening.figures,
        saved_by_id=scope.person[0],
        saved_at=now,
    )
    version.save(force_insert=True)
    screening.status = advance("screening_list", screening.status, "save")
    screening.save(update_fields=["status"])
    _audit(scope, "screening.saved", screening, version=version.number)
    return version


@transaction.atomic
def hand_over(*, scope: Scope, list_id: uuid.UUID, now: dt.datetime) -> list[str]:
    """Tell the bank the names of the enterprises that meet the last version and agreed to be found; all others stay counts.

    Returns
    -------
    list of str
        Codes of those named.

    Raises
    ------
    NotAllowedError
        If none of them agreed, or more would be named than a day's budget, or what is left of it, holds.
    """
    require(scope, Role.BANK_OFFICER, Role.BANK_RISK)
    screening = _editable(scope, list_id, now)
    status = advance("screening_list", screening.status, "hand_over")
    version = last_version(scope, screening)
    named = agreed_and_met(conditions_of(version.conditions, local_day(now)), now)
    if not named:
        raise NotAllowedError(
            "企业名称",
            screening.title,
            "名单内没有企业同意被银行名单发现，只能看统计数；企业在“授权管理”中同意后，再来交付。",
        )
    limit = int(threshold(BUDGETS[NAME][0], local_day(now)))
    if len(named) > limit:
        # No later day could hold them either.
        raise NotAllowedError(
            "名单", screening.title, f"同意被发现的企业超过每日限额 {limit} 户，请加条件缩小名单。"
        )
    spend(scope, screening, kind=NAME, digest=str(version.pk), now=now, number=len(named))
    record_named(
        scope,
        named,
        now,
        screening_id=screening.pk,
        version_id=version.pk,
        list_title=screening.title,
        conditions=version.conditions,
    )
    screening.status, screening.handed_over_at, screening.named_count = status, now, len(named)
    screening.save(update_fields=["status", "handed_over_at", "named_count"])
    _audit(scope, "screening.handed_over", screening, version=version.number, named=len(named))
    return named


def last_version(scope: Scope, screening: ScreeningList) -> ScreeningVersion:
    """Return the version that can be handed over.

    Raises
    ------
    InvalidValueError
        If the conditions were changed after it.
    """
    version: ScreeningVersion = screening.versions.for_scope(scope)[0]
    if version.conditions != screening.conditions:
        raise InvalidValueError("名单版本", screening.title, "条件改动后尚未保存，请先保存新版本再交付。")
    return version


def record_named(scope: Scope, named: Sequence[str], now: dt.datetime, **drawn_from: Any) -> None:
    """Keep which enterprises are named to the caller's bank; each of them sees its own line."""
    person, organisation = scope.person
    ScreeningMember.objects.bulk_create(
        [
            ScreeningMember(
                organisation_id=organisation, uscc=uscc, named_by_id=person, named_at=now, **drawn_from
            )
            for uscc in named
        ]
    )


def agreed_and_met(criteria: Group, now: dt.datetime, *, by_government: bool = False) -> list[str]:
    """Enterprises that meet the conditions and agreed to be found by all that the conditions rest on.

    Parameters
    ----------
    by_government : bool
        Whether a government body's list asks; an enterprise agrees to that by itself.
    """
    with system_scope() as scope:
        live = FindableConsent.objects.for_scope(scope).filter(open_consent(now, by_government=by_government))
        classes = dict(live.values_list("uscc", "data_classes"))
        met = counting.find_met(counting.province(), criteria, list(classes))
        return covered_by(scope, criteria, {uscc: classes[uscc] for uscc in met})


def open_consent(now: dt.datetime, *, by_government: bool) -> Q:
    """Condition on agreements in force that cover such a list."""
    in_force = Q(revoked_at=None, valid_until__gt=now)
    return in_force & Q(by_government=True) if by_government else in_force


def covered_by(scope: Scope, criteria: Group, classes: Mapping[str, Sequence[str]]) -> list[str]:
    """Enterprises whose agreed classes of data cover all that the conditions rest on, in the order given; in a system scope.

    Parameters
    ----------
    classes : Mapping
        Code → classes of data that the enterprise agreed to be found by.
    """
    facts, portraits = facts_used(criteria), Portrait.objects.for_scope(scope).in_bulk(classes)
    return [uscc for uscc, agreed in classes.items() if _is_open(facts, agreed, portraits.get(uscc))]


def _is_open(facts: frozenset[str], classes: Sequence[str], portrait: Portrait | None) -> bool:
    contracts = readable_contracts(classes)
    is_rating_shown = portrait is not None and is_rating_readable(portrait, contracts)
    return all(is_fact_readable(fact, contracts, is_rating_shown) for fact in facts)


@transaction.atomic
def record_export(*, scope: Scope, list_id: uuid.UUID, now: dt.datetime) -> ScreeningList:
    """Note that the names of a list leave as a file, within the budget."""
    require(scope, Role.BANK_OFFICER, Role.BANK_RISK)
    screening = lock_list(scope, list_id)
    if screening.status != "handed_over" or local_day(now) > screening.expires_on:
        raise IllegalTransitionError(
            "筛选名单", screening.get_status_display(), "只有在有效期内、已交付的名单可以导出。"
        )
    spend(scope, screening, kind=EXPORT, digest=str(screening.pk), now=now)
    _audit(scope, "screening.exported", screening)
    return screening


def expire_lists(*, now: dt.datetime) -> int:
    """End the lists whose day is over. Returns their number."""
    with system_scope() as scope:
        due = ScreeningList.objects.for_scope(scope).filter(expires_on__lt=local_day(now))
        lists = list(due.exclude(status="expired").select_for_update(of=("self",)))
        for screening in lists:
            screening.status = advance("screening_list", screening.status, "expire")
            screening.save(update_fields=["status"])
            _audit(scope, "screening.expired", screening)
    return len(lists)


def lock_list(scope: Scope, list_id: uuid.UUID) -> ScreeningList:
    """Return one of the caller's lists, locked until the transaction ends."""
    rows = ScreeningList.objects.for_scope(scope).select_for_update(of=("self",))
    found = rows.filter(pk=list_id).first()
    if found is None:
        raise no_such_list(list_id)
    return cast("ScreeningList", found)


def _editable(scope: Scope, list_id: uuid.UUID, now: dt.datetime) -> ScreeningList:
    require(scope, *BUILDERS)
    screening = lock_list(scope, list_id)
    if local_day(now) > screening.expires_on or screening.status in ("handed_over", "expired"):
        raise IllegalTransitionError(
            "筛选名单", screening.get_status_display(), "已交付或已到期的名单不能再改，请另建一份。"
        )
    return screening


def _audit(scope: Scope, action: str, screening: ScreeningList, **detail: Any) -> None:
    about = {"title": screening.title, "conditions": [each["text"] for each in screening.conditions]}
    record_audit(
        scope=scope,
        action=action,
        object_type="screening_list",
        object_id=screening.pk,
        detail=about | detail,
    )


def no_such_list(list_id: object) -> NotFoundError:
    """Refusal of a list that is not there, or not the caller's."""
    return NotFoundError("筛选名单", str(list_id), "没有这份名单，或不属于本机构。")
