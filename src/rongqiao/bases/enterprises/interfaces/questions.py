"""Justify this access: each day the riskiest readings, and some by lot, have to be explained to the department in time."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection, transaction

from rongqiao.accounts.scope import system_scope
from rongqiao.accounts.services import record_audit, require
from rongqiao.bases.enterprises.interfaces.models import AccessQuestion, DataCall
from rongqiao.bases.enterprises.interfaces.secret import hmac_sm3
from rongqiao.bases.enterprises.interfaces.selectors import CONSUMERS, REVIEWERS
from rongqiao.bases.enterprises.interfaces.telling import tell
from rongqiao.contracts.numbers import threshold_table
from rongqiao.kernel.errors import IllegalTransitionError, InvalidValueError, NotFoundError
from rongqiao.rules.access_risk import Access, Risk, draw_sample, judge_access
from rongqiao.rules.transitions import advance, can_advance
from rongqiao.rules.working_days import ZONE, add_working_days

if TYPE_CHECKING:
    import uuid

    from rongqiao.accounts.scope import Scope

REASONS = {
    "flagged_key": "密钥有异常提示",
    "statutory_duty": "以法定职责为依据",
    "out_of_hours": "非工作时段",
    "repeated": "同日反复查询同一企业",
    "burst": "一小时内大量查询",
    "first_time": "首次查询该企业",
    "vendor": "由软件服务商代为调用",
    "lot": "随机抽取",
}
#: Answered readings of a day with what the judgement needs; samples of the sandbox belong to nobody.
_DAY = """
SELECT id, at, provider, basis, holder_id IS NOT NULL,
       NOT EXISTS (SELECT FROM interfaces_datacall e WHERE e.consumer_id = c.consumer_id AND e.code = 'ok'
                   AND e.subject_uscc = c.subject_uscc AND e.at < %(since)s),
       count(*) OVER (PARTITION BY consumer_id, subject_uscc),
       count(*) OVER (PARTITION BY key_id, date_trunc('hour', at)),
       EXISTS (SELECT FROM interfaces_interfacekey k WHERE k.id = c.key_id AND k.flagged_at IS NOT NULL)
FROM interfaces_datacall c
WHERE at >= %(since)s AND at < %(until)s AND code = 'ok' AND subject_uscc <> '' AND basis <> 'sandbox'
"""


def ask_about_day(day: dt.date, *, now: dt.datetime) -> int:
    """Draw the sample of a day, per provider, and ask; a day that was drawn already is left as it is. Returns questions asked."""
    since = dt.datetime.combine(day, dt.time(), ZONE)
    until = since + dt.timedelta(days=1)
    numbers = threshold_table("interface_access_sample", day)
    with system_scope() as system:
        drawn = AccessQuestion.objects.for_scope(system).filter(call__at__gte=since, call__at__lt=until)
        if drawn.exists():
            return 0
        risks = _judged(since, until, day)
        asked = 0
        for provider in sorted(risks):
            # The seed is the installation's secret: nobody can foretell which call will be asked about.
            seed = hmac_sm3(settings.SECRET_KEY.encode(), f"access|{provider}|{day}")
            sample = draw_sample(
                risks[provider], size=int(numbers["per_day"]), random_share=numbers["random_share"], seed=seed
            )
            due = add_working_days(now, int(numbers["answer_days"]))
            for risk in sample:
                _ask(DataCall.objects.for_scope(system).get(pk=int(risk.access.id)), risk, due=due, now=now)
                asked += 1
    return asked


def _judged(since: dt.datetime, until: dt.datetime, day: dt.date) -> dict[str, list[Risk]]:
    weights = threshold_table("interface_access_points", day)
    found: dict[str, list[Risk]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_DAY, {"since": since, "until": until})
        for (
            call_id,
            at,
            provider,
            basis,
            is_vendor,
            is_first,
            repeats,
            hour_calls,
            is_flagged,
        ) in cursor.fetchall():
            access = Access(str(call_id), at, basis, is_first, repeats, hour_calls, is_vendor, is_flagged)
            found.setdefault(provider, []).append(judge_access(access, weights))
    return found


def _ask(call: DataCall, risk: Risk, *, due: dt.datetime, now: dt.datetime) -> None:
    question = AccessQuestion(
        call=call,
        interface_id=call.interface_id,
        consumer_id=call.consumer_id,
        provider=call.provider,
        subject_uscc=call.subject_uscc,
        reasons=list(risk.reasons) or ["lot"],
        points=risk.points,
        asked_at=now,
        due_at=due,
    )
    question.save(force_insert=True)
    about = {"question": str(question.pk), "interface": call.interface_id, "due_at": due.isoformat()}
    tell([call.consumer_id], "question.asked", about, now=now)


@transaction.atomic
def answer_question(*, scope: Scope, question_id: uuid.UUID, answer: str, now: dt.datetime) -> AccessQuestion:
    """Explain an access; a late answer is taken, too.

    Raises
    ------
    IllegalTransitionError
        If it was answered already.
    """
    require(scope, *CONSUMERS)
    question = _lock(scope, question_id)
    if not can_advance("access_question", question.status, "answer"):
        raise IllegalTransitionError("访问说明", question.get_status_display(), "已提交过说明，不能更改。")
    if len(answer.strip()) < 10:
        raise InvalidValueError("说明", answer, "请写明业务、经办人和查询缘由，至少十个字。")
    question.status = advance("access_question", question.status, "answer")
    question.answer = answer.strip()
    question.answered_by_id, question.answered_at = scope.user_id, now
    question.save(update_fields=["status", "answer", "answered_by", "answered_at"])
    _audit(scope, "interface.access_explained", question)
    return question


@transaction.atomic
def judge_question(
    *, scope: Scope, question_id: uuid.UUID, is_accepted: bool, judgement: str, now: dt.datetime
) -> AccessQuestion:
    """Accept or reject an explanation; what follows from a rejected one (such as ending the grant) is decided apart.

    Raises
    ------
    IllegalTransitionError
        If there is nothing to judge yet, or it was judged.
    """
    require(scope, *REVIEWERS)
    question = _lock(scope, question_id)
    event = "accept" if is_accepted else "reject"
    if not can_advance("access_question", question.status, event):
        raise IllegalTransitionError("访问说明", question.get_status_display(), "只有已提交的说明可以判定。")
    if not is_accepted and not judgement.strip():
        raise InvalidValueError("判定意见", judgement, "不成立的，请写明理由。")
    question.status = advance("access_question", question.status, event)
    question.judgement = judgement.strip()
    question.judged_by_id, question.judged_at = scope.user_id, now
    question.save(update_fields=["status", "judgement", "judged_by", "judged_at"])
    _audit(scope, f"interface.access_{question.status}", question)
    return question


def mark_overdue(*, now: dt.datetime) -> int:
    """Mark questions whose time has run out; they can still be answered. Returns their number."""
    with system_scope() as system:
        late = AccessQuestion.objects.for_scope(system).filter(status="asked", due_at__lt=now)
        return int(late.update(status=advance("access_question", "asked", "lapse")))


def _lock(scope: Scope, question_id: uuid.UUID) -> AccessQuestion:
    found = AccessQuestion.objects.for_scope(scope).select_for_update().filter(pk=question_id).first()
    if found is None:
        raise NotFoundError("访问说明", str(question_id), "没有这项说明，或与本机构无关。")
    question: AccessQuestion = found
    return question


def _audit(scope: Scope, action: str, question: AccessQuestion) -> None:
    record_audit(
        scope=scope, action=action, object_type="access_question", object_id=question.pk,
        detail={"interface": question.interface_id},
    )  # fmt: skip
