"""One of everything in the data-interface market between one bank, one department, one vendor and one enterprise."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from rongqiao.accounts.scope import scope_of, scoped, system_scope
from rongqiao.bases.enterprises.interfaces import delegations, questions, services, webhooks
from rongqiao.bases.enterprises.interfaces.models import AccessQuestion, Authorisation, DataCall, Maintenance
from rongqiao.contracts.interfaces import load_interfaces

if TYPE_CHECKING:
    from rongqiao.accounts.models import User
    from rongqiao.accounts.scope import Scope


def market_things(people: dict[str, User], uscc: str) -> dict[str, Any]:
    """Ids by kind; the department is the one of the people, the enterprise is the bank's vendor, too."""
    officer, clerk = scope_of(people["bank_officer"]), scope_of(people["department_clerk"])
    now = timezone.now()
    interface = next(each for each in load_interfaces().values() if each.provider == clerk.department)
    with scoped(officer):
        submission = services.apply_for_interface(
            scope=officer, interface_id=interface.id, purposes=["pre_loan"], justification="用于小微企业贷款的贷前审查", valid_days=30
        )  # fmt: skip
    with scoped(clerk):
        services.review_submission(
            scope=clerk, submission_id=submission.pk, verdict="validated", note="", now=now
        )
    with system_scope() as system:
        grant = Authorisation.objects.for_scope(system).get(submission=submission)
    with scoped(officer):
        key, _ = services.create_key(scope=officer, title="信贷系统")
        webhook, _ = webhooks.subscribe(
            scope=officer, url="https://bank.example.com/hook", events=["question.asked"]
        )
        delegation = delegations.delegate_to_vendor(
            scope=officer, vendor_uscc=uscc, interfaces=[interface.id], reason="信贷系统由其运维", valid_days=30, now=now
        )  # fmt: skip
        event = webhooks.send_test(scope=officer, webhook_id=webhook.pk, now=now)
    return {
        "submission": submission.pk,
        "authorisation": grant.pk,
        "interface_key": key.pk,
        "webhook": webhook.pk,
        "event": event.pk,
        "delegation": delegation.pk,
        "window": _window(clerk, now).pk,
        "question": _question(key, interface, uscc, now).pk,
    }


def _window(clerk: Scope, now: dt.datetime) -> Maintenance:
    """Give a maintenance that the department has announced."""
    hour = dt.timedelta(hours=1)
    with scoped(clerk):
        return services.announce_maintenance(
            scope=clerk, provider=clerk.department, starts_at=now + hour, ends_at=now + 2 * hour, reason="结转", now=now
        )  # fmt: skip


def _question(key: Any, interface: Any, uscc: str, now: dt.datetime) -> AccessQuestion:
    """One reading of the enterprise that the bank has to explain."""
    shared = {
        "interface_id": interface.id,
        "consumer_id": key.consumer_id,
        "provider": interface.provider,
        "subject_uscc": uscc,
    }
    call = DataCall(at=now, key=key, purpose="pre_loan", basis="consent", code="ok", records=1, **shared)
    question = AccessQuestion(
        call=call, reasons=["lot"], points=0, asked_at=now, due_at=now + dt.timedelta(days=5), **shared
    )
    assert set(question.reasons) <= set(questions.REASONS)
    with system_scope():
        call.save(force_insert=True)
        question.save(force_insert=True)
    return question
