"""A row set aside for its key is confirmed a duplicate and closed, with a reason; seen afterwards, and taken up again."""

import re
import threading

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from config.tasks import govern_uploads
from rongqiao.accounts.models import AuditRecord
from rongqiao.accounts.scope import scope_of, scoped, system_scope
from rongqiao.bases.enterprises.intake import duplicates, selectors, services
from rongqiao.bases.enterprises.intake.models import DuplicateRow
from rongqiao.bases.enterprises.models import QuarantinedRow
from rongqiao.contracts.standards import load_contracts
from rongqiao.kernel.errors import IllegalTransitionError, InvalidValueError, NotFoundError
from tests.web.intake_place import NOW, SECOND, clerk_of, good, grades, push, state

REASON = "系统导出两次，以第 3 行为准"


@pytest.fixture
def batch(home, scope):
    """Give a batch whose second line repeats the key of the third, and whose fourth has a grade that cannot be."""
    upload = push(scope, grades(good(grade="B"), good(grade="A"), good(SECOND, grade="甲")))
    govern_uploads()
    return state(scope, upload).batch_id


def client_of(user):
    client = Client(raise_request_exception=True)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def close(scope, batch, line=2, reason=REASON):
    with scoped(scope):
        return duplicates.close_duplicate(scope=scope, batch_id=batch, line=line, reason=reason, now=NOW)


def reopen(scope, closing, reason="两行是两次评价"):
    with scoped(scope):
        return duplicates.reopen_duplicate(scope=scope, closing_id=closing.pk, reason=reason, now=NOW)


def waiting(scope, batch):
    with scoped(scope):
        return {row.line for row in selectors.quarantined_rows(scope, batch)}


@pytest.mark.django_db
def test_a_closed_row_waits_no_more_and_stays_as_it_was(batch, scope):
    before = QuarantinedRow.objects.get(line=2).row
    assert waiting(scope, batch) == {2, 4}
    closed = close(scope, batch)
    assert waiting(scope, batch) == {4}
    with scoped(scope):
        assert [row["rows"] for row in selectors.list_open_batches(scope)] == [1]
        assert duplicates.row_state(scope, batch, 2) == "closed"
    assert QuarantinedRow.objects.get(line=2).row == before
    with pytest.raises(IllegalTransitionError):
        close(scope, batch)
    with scoped(scope), pytest.raises(InvalidValueError, match="已确认重复"):
        services.repair_rows(scope=scope, batch_id=batch, repairs={2: {"grade": "C"}}, now=NOW)
    reopen(scope, closed)
    assert waiting(scope, batch) == {2, 4}
    with pytest.raises(IllegalTransitionError):
        reopen(scope, closed)
    close(scope, batch)
    with system_scope() as system:
        told = AuditRecord.objects.for_scope(system).filter(object_type="quarantined_row").order_by("pk")
        deeds = ["row.closed_as_duplicate", "row.reopened", "row.closed_as_duplicate"]
        assert [each.action for each in told] == deeds
        assert {each.object_id for each in told} == {f"{batch}:2"}
        assert told[0].detail["reason"] == REASON


@pytest.mark.django_db
def test_only_a_repeated_key_is_closed_and_only_with_a_reason(batch, scope):
    with pytest.raises(InvalidValueError, match="不是因主键重复退回"):
        close(scope, batch, line=4)
    with pytest.raises(InvalidValueError, match="请写明理由"):
        close(scope, batch, reason="  ")
    with pytest.raises(NotFoundError):
        close(scope, batch, line=3)
    court = scope_of(clerk_of("court", "court-clerk"))
    with pytest.raises(NotFoundError):
        close(court, batch)
    with pytest.raises(NotFoundError):
        reopen(court, close(scope, batch))
    with scoped(scope):
        services.repair_rows(scope=scope, batch_id=batch, repairs={4: {"grade": "A"}}, now=NOW)
    with pytest.raises(IllegalTransitionError):
        close(scope, batch, line=4)


@pytest.mark.django_db
def test_what_was_confirmed_is_not_rewritten(batch, scope):
    closed = close(scope, batch)
    closed.reason = "另一个理由"
    with pytest.raises(Exception, match="reason"), scoped(scope):
        closed.save(update_fields=["reason"])


def test_every_table_names_the_rules_of_its_key():
    for contract in load_contracts().values():
        rules = contract.key_rules
        assert rules
        assert all(rule.startswith(f"{contract.id}.") for rule in rules)


@pytest.mark.django_db
def test_the_page_closes_lists_and_takes_up_again(batch, scope, clerk):
    page = client_of(clerk)
    repair = reverse("portal:department_repair", args=[batch])
    url = reverse("portal:department_duplicate_close", args=[batch])
    html = page.get(repair).content.decode()
    assert html.count("确认重复，不再办理</summary>") == 1
    refused = page.post(url, {"line": "2", "reason-2": ""})
    assert refused.status_code == 422
    assert "第 2 行：请写明理由" in refused.content.decode()
    assert page.post(url, {"line": "3", "reason-3": REASON}).status_code == 404
    assert page.post(url, {"line": "第二行"}).status_code == 404
    assert page.post(url, {"line": "2", "reason-2": REASON}).url == repair
    listed = page.get(reverse("portal:department_duplicates")).content.decode()
    assert REASON in listed
    assert "确认重复，不再办理" in listed
    with system_scope():
        closing = DuplicateRow.unscoped.get()
    back = reverse("portal:department_duplicate_reopen", args=[closing.pk])
    assert back in listed
    assert page.post(back).status_code == 422
    assert page.post(back, {"reason": "两行是两次评价"}).url == repair
    assert page.post(back, {"reason": "再来一次"}).status_code == 409
    again = page.get(reverse("portal:department_duplicates"), {"state": "waiting"}).content.decode()
    assert "两行是两次评价" in again
    assert re.search(
        r"共 <b>0</b> 条",
        page.get(reverse("portal:department_duplicates"), {"state": "closed"}).content.decode(),
    )
    other = client_of(clerk_of("court", "court-clerk"))
    assert other.post(back, {"reason": "x"}).status_code == 404
    assert other.post(url, {"line": "2", "reason-2": "x"}).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_of_two_who_close_at_once_one_is_told(batch, scope):
    results = []

    def run():
        try:
            close(scope, batch)
            results.append("closed")
        except IllegalTransitionError:
            results.append("told")
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["closed", "told"]
