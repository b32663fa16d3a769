"""Corrections that cannot be carried, and corrections that are tried again: each ends its own objection, and holds up no other."""

from __future__ import annotations

import dispute_place as place
import pytest
import test_objections as objections
from dispute_place import NOW
from test_objections import DAY, DISHONEST, accept, figure, state

from config import corrections, tasks
from rongqiao.accounts.scope import scoped
from rongqiao.bases.enterprises.intake import services as intake
from rongqiao.bases.enterprises.objections import answering, selectors, settling
from rongqiao.kernel.errors import InvalidValueError

pytestmark = pytest.mark.django_db
governed, home, owner, court = objections.governed, objections.home, objections.owner, objections.court


def test_one_correction_that_cannot_be_carried_keeps_no_other_waiting(owner, court, monkeypatch, caplog):
    tax = place.person("department", "税务", place.Role.DEPARTMENT_CLERK, department="taxation")
    stuck, other = place.dispute(owner), place.dispute_sales(owner)
    accept(court, stuck)
    accept(tax, other, {"taxable_sales_cny": "150000"})
    carry = corrections._carry

    def broken(lake, objection, *rest):
        if objection.pk == stuck.pk:
            raise ZeroDivisionError
        carry(lake, objection, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(corrections, "_carry", broken)
        for _ in range(2):
            with pytest.raises(ZeroDivisionError) as raised:
                place.settle_now(monkeypatch, NOW + DAY)
    assert [state(owner, each).status for each in (stuck, other)] == ["correcting", "corrected"]
    assert raised.value.__notes__ == [f"objection {stuck.pk}"]
    assert str(stuck.pk) in caplog.text
    with scoped(owner):
        events = [step.event for step in selectors.list_steps(owner, state(owner, stuck))]
    # Told once, however often it is tried.
    assert events.count("stall") == 1
    assert settling.has_unsettled()
    place.settle_now(monkeypatch, NOW + DAY)
    assert state(owner, stuck).status == "corrected"
    assert not settling.has_unsettled()


@pytest.fixture
def failed(owner, court, monkeypatch):
    """Give an objection whose correction could not be governed, and which went back to its department."""
    objection = place.dispute(owner)
    accept(court, objection)
    govern = tasks.govern

    def broken(deliveries, *rest, **more):
        if deliveries[0].path.name == state(court, objection).correction.stored_name:
            raise ZeroDivisionError
        return govern(deliveries, *rest, **more)

    with monkeypatch.context() as patched:
        patched.setattr(tasks, "govern", broken)
        place.settle_now(monkeypatch, NOW + DAY)
    assert state(owner, objection).status == "forwarded"
    return objection


def test_a_correction_that_is_tried_again_ends_its_objection_with_the_answer(
    owner, court, failed, monkeypatch
):
    with scoped(court):
        answering.retry_correction(
            scope=court, upload_id=state(court, failed).correction_id, now=NOW + 2 * DAY
        )
    again = state(owner, failed)
    assert (again.status, again.answered_at) == ("correcting", NOW + 2 * DAY)
    place.settle_now(monkeypatch, NOW + 2 * DAY)
    done = state(owner, failed)
    assert (done.status, done.answer) == ("corrected", "经核查，案件已于十月履行完毕，予以更正。")
    assert figure(owner, DISHONEST)[0].value == 0


def test_a_correction_that_landed_while_its_objection_was_given_back_ends_it(
    owner, court, failed, monkeypatch
):
    with scoped(court):
        intake.retry_upload(scope=court, upload_id=state(court, failed).correction_id, now=NOW + 2 * DAY)
    place.settle_now(monkeypatch, NOW + 2 * DAY)
    done = state(owner, failed)
    assert (done.status, done.answered_at is None) == ("corrected", False)
    assert figure(owner, DISHONEST)[0].value == 0


def test_a_correction_of_an_objection_that_was_decided_otherwise_is_not_tried_again(owner, court, failed):
    with scoped(court):
        upload_id = state(court, failed).correction_id
        answering.reject_objection(
            scope=court, objection_id=failed.pk, answer="再次核查，原记录无误。", now=NOW + 2 * DAY
        )
        with pytest.raises(InvalidValueError, match="已另行答复或办结"):
            answering.retry_correction(scope=court, upload_id=upload_id, now=NOW + 2 * DAY)
    assert state(owner, failed).status == "rejected"
