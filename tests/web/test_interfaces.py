"""A bank asks for an interface, is granted it, calls it signed, is metered, limited and revoked."""

import datetime as dt
import time

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from rongqiao.accounts.models import Organisation
from rongqiao.accounts.scope import scoped, system_scope
from rongqiao.bases.enterprises.interfaces import selectors, services
from rongqiao.bases.enterprises.interfaces.models import Authorisation, CallCount, DataCall, Submission
from rongqiao.bases.enterprises.models import ReadRecord
from rongqiao.kernel.errors import IllegalTransitionError, InvalidValueError, NotAllowedError
from tests.web.interface_calls import FILINGS, TABLE, apply, call, code, consent, review
from tests.web.market_place import USCC

pytestmark = pytest.mark.usefixtures("tax_shelf")


def test_a_granted_signed_consented_call_is_answered_and_leaves_both_records(client, market, interface_key):
    given = consent(market)
    response = call(client, interface_key)
    assert response.status_code == 200, response.content
    body = response.json()
    assert [row["period"] for row in body["data"][TABLE]] == [202609, 202608]
    assert body["meta"]["datasets"][TABLE]["missing_items"] == [
        "vat_payable_cny", "vat_paid_cny", "cit_paid_cny", "due_on", "filed_on", "arrears_cny",
    ]  # fmt: skip
    assert response["RateLimit-Limit"] == "250"
    assert response["RateLimit-Remaining"] == "249"
    with system_scope() as system:
        metered = DataCall.objects.for_scope(system).get()
        read = ReadRecord.objects.for_scope(system).get()
    assert (metered.code, metered.records, metered.provider) == ("ok", 2, "taxation")
    assert (read.subject_uscc, read.consent_id, read.data_classes) == (USCC, given.pk, ["tax"])
    with scoped(market.owner):
        assert ReadRecord.objects.for_scope(market.owner).count() == 1
    with scoped(market.stranger):
        assert not DataCall.objects.for_scope(market.stranger).exists()


def test_the_months_before_are_answered_as_of_then(client, market, interface_key):
    consent(market)
    assert len(call(client, interface_key, more="&as_of=202608").json()["data"][TABLE]) == 1


def test_without_consent_nothing_is_answered_and_the_refusal_is_metered(client, market, interface_key):
    assert code(call(client, interface_key)) == "platform.consent_missing"
    consent(market, classes=("invoice",))
    assert code(call(client, interface_key)) == "platform.consent_missing"
    with system_scope() as system:
        assert {each.code for each in DataCall.objects.for_scope(system)} == {"consent_missing"}
        assert not ReadRecord.objects.for_scope(system).exists()


def test_wrong_signatures_are_refused(client, market, interface_key):
    assert code(call(client, interface_key, secret="0" * 64)) == "platform.signature_wrong"
    assert code(call(client, interface_key, ts=int(time.time()) - 900)) == "platform.signature_stale"
    assert (
        code(client.get(f"/data/v1/{FILINGS}?uscc={USCC}&purpose=pre_loan")) == "platform.signature_missing"
    )
    assert call(client, interface_key, purpose="post_loan").status_code == 403
    assert code(call(client, interface_key, interface="nothing")) == "platform.interface_unknown"


def test_a_revoked_key_and_a_revoked_grant_hold_from_the_next_call(client, market, tax_clerk, interface_key):
    consent(market)
    assert call(client, interface_key).status_code == 200
    with system_scope() as system:
        grant = Authorisation.objects.for_scope(system).get()
    with scoped(tax_clerk):
        services.revoke_authorisation(
            scope=tax_clerk, authorisation_id=grant.pk, reason="用途不符", now=timezone.now()
        )
    assert code(call(client, interface_key)) == "platform.not_authorised"
    with scoped(market.officer):
        services.revoke_key(scope=market.officer, key_id=interface_key[0].pk, now=timezone.now())
    assert code(call(client, interface_key)) == "platform.key_unknown"


def test_above_the_throttle_the_caller_is_told_when_to_return(client, market, interface_key):
    consent(market)
    assert call(client, interface_key).status_code == 200
    CallCount.objects.update(calls=250)
    response = call(client, interface_key)
    # A minute may turn between two calls; its fresh count is no refusal.
    if response.status_code == 200:
        CallCount.objects.update(calls=250)
        response = call(client, interface_key)
    assert code(response) == "platform.throttled"
    assert 1 <= int(response["Retry-After"]) <= 60


def test_maintenance_names_its_end(client, market, tax_clerk, interface_key):
    now = timezone.now()
    with scoped(tax_clerk):
        services.announce_maintenance(
            scope=tax_clerk, provider="taxation", starts_at=now - dt.timedelta(minutes=1),
            ends_at=now + dt.timedelta(hours=1), reason="升级", now=now,
        )  # fmt: skip
        with pytest.raises(NotAllowedError, match="本部门"):
            services.announce_maintenance(
                scope=tax_clerk,
                provider="court",
                starts_at=now,
                ends_at=now + dt.timedelta(hours=1),
                reason="x",
                now=now,
            )
    with transaction.atomic():
        response = call(client, interface_key)
    assert (response.status_code, code(response), response.json()["source"]) == (
        503, "provider.maintenance", "taxation",
    )  # fmt: skip


def test_an_amendment_leaves_the_grant_in_force_until_it_is_granted(market, tax_clerk, interface_key):
    second = apply(market.officer, purposes=["pre_loan", "post_loan"])
    with system_scope() as system:
        (live,) = Authorisation.objects.for_scope(system).filter(ended_at=None)
        assert live.purposes == ["pre_loan"]
    with pytest.raises(IllegalTransitionError, match="尚在审核"):
        apply(market.officer)
    review(tax_clerk, second)
    with system_scope() as system:
        (live,) = Authorisation.objects.for_scope(system).filter(ended_at=None)
        assert live.purposes == ["post_loan", "pre_loan"]
        assert Authorisation.objects.for_scope(system).count() == 2


def test_nobody_reviews_what_is_not_theirs_or_twice(market, tax_clerk, db):
    submission = apply(market.officer)
    with pytest.raises(NotAllowedError):
        review(market.officer, submission)
    with pytest.raises(InvalidValueError, match="写明理由"):
        review(tax_clerk, submission, "refused")
    review(tax_clerk, submission, "changes_requested", "请缩小用途")
    with pytest.raises(IllegalTransitionError):
        review(tax_clerk, submission)
    with pytest.raises(IntegrityError, match="no_self_approval"), system_scope() as system:
        Submission.objects.for_scope(system).filter(pk=submission.pk).update(
            reviewed_by=submission.created_by_id
        )


def test_a_sandbox_key_gets_samples_and_no_enterprise_is_recorded_as_read(client, market, interface_key):
    with scoped(market.officer):
        sandbox = services.create_key(scope=market.officer, title="测试", is_sandbox=True)
    response = call(client, sandbox)
    assert response.status_code == 200
    assert response.json()["data"][TABLE][0]["taxable_sales_cny"] == "101234.00"
    with system_scope() as system:
        assert not ReadRecord.objects.for_scope(system).exists()


def test_the_description_lists_every_interface(client, db):
    body = client.get("/data/openapi.json").json()
    assert f"/data/v1/{FILINGS}" in body["paths"]


def test_a_refused_amendment_leaves_the_grant_and_reviewers_see_what_changed(
    client, market, tax_clerk, interface_key
):
    consent(market)
    second = apply(
        market.officer,
        purposes=["pre_loan", "post_loan"],
        valid_days=90,
        fields={TABLE: ["period", "arrears_cny"]},
    )
    with scoped(tax_clerk):
        assert [each.pk for each in selectors.to_review(tax_clerk)] == [second.pk]
        found = {
            each.field: each
            for each in selectors.submission_diff(selectors.get_submission(tax_clerk, second.pk))
        }
    assert set(found) == {"purposes", "valid_days", f"fields.{TABLE}"}
    assert (found["purposes"].added, found["purposes"].removed) == (("贷后管理",), ())
    assert (found["valid_days"].before, found["valid_days"].after) == ("365", "90")
    assert found[f"fields.{TABLE}"].removed
    review(tax_clerk, second, "refused", "贷后用途须另行说明")
    assert call(client, interface_key).status_code == 200
    with scoped(market.officer):
        assert selectors.live_authorisations(market.officer, now=timezone.now()).count() == 1
        assert selectors.my_submissions(market.officer).count() == 2


def test_a_first_application_shows_all_its_terms(market, tax_clerk):
    submission = apply(market.officer)
    with scoped(tax_clerk):
        found = selectors.submission_diff(selectors.get_submission(tax_clerk, submission.pk))
    assert [each.field for each in found] == [
        "purposes",
        "justification",
        "valid_days",
        "version",
        f"fields.{TABLE}",
    ]


def test_a_grant_ends_with_its_period(client, market, interface_key):
    consent(market)
    with system_scope() as system:
        Authorisation.objects.for_scope(system).update(valid_until=timezone.now() - dt.timedelta(seconds=1))
    assert code(call(client, interface_key)) == "platform.not_authorised"


def test_interfaces_are_found_by_words_provider_and_standing(market, tax_clerk, interface_key):
    now = timezone.now()
    with scoped(market.officer):
        assert [
            each.interface.id
            for each in selectors.list_interfaces(market.officer, now=now, standing="granted")
        ] == [FILINGS]
        offer = selectors.get_interface(market.officer, FILINGS, now=now)
        assert offer.authorisation.purposes == ["pre_loan"]
        found = selectors.list_interfaces(
            market.officer, now=now, query="纳税", provider="taxation", purpose="pre_loan"
        )
        assert FILINGS in {each.interface.id for each in found}
    with scoped(market.rival):
        assert selectors.get_interface(market.rival, FILINGS, now=now).standing == "none"
        assert selectors.get_interface(market.rival, "nothing", now=now) is None
    apply(market.rival)
    with scoped(market.rival):
        assert selectors.get_interface(market.rival, FILINGS, now=now).standing == "submitted"


def test_an_official_reads_by_duty_within_the_own_region_only(client, market, tax_clerk):
    review(
        tax_clerk,
        apply(market.official, purposes=["government_duty"], justification="依职责开展企业服务和政策评估"),
    )
    with scoped(market.official):
        key = services.create_key(scope=market.official, title="政务系统")
    assert call(client, key, purpose="government_duty").status_code == 200
    with system_scope() as system:
        assert ReadRecord.objects.for_scope(system).get().basis == "statutory_duty"
    Organisation.objects.filter(pk=market.official.organisation_id).update(region_code="4302")
    assert code(call(client, key, purpose="government_duty")) == "platform.region_outside"
    with pytest.raises(InvalidValueError, match="用途"):
        apply(market.officer, purposes=["government_duty"])
