"""A bank asks for an interface, is granted it, calls it signed, is metered, limited and revoked."""

import datetime as dt
import hashlib
import hmac
import time
import uuid

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from rongqiao.accounts.models import Organisation
from rongqiao.accounts.scope import scope_of, scoped, system_scope
from rongqiao.accounts.services import give_consent
from rongqiao.bases.enterprises.interfaces import answers, services
from rongqiao.bases.enterprises.interfaces.models import Authorisation, CallCount, DataCall, Submission
from rongqiao.bases.enterprises.models import ReadRecord
from rongqiao.kernel.errors import IllegalTransitionError, InvalidValueError, NotAllowedError
from tests.web.market_place import USCC, person

FILINGS = "tax_filing_months"
TABLE = "taxation.tax_filing"


class Shelf:
    """A store with two months of one enterprise."""

    def rows(self, contract, uscc, *, as_of, known_at):
        rows = [{"period": month, "taxable_sales_cny": "120000.00", "arrears_cny": None, "enterprise_id": uscc,
                 "known_at": "2026-11-01", "batch_id": "b", "line": 1} for month in (202608, 202609)]  # fmt: skip
        return [row for row in rows if row["period"] <= as_of]


@pytest.fixture(autouse=True)
def _shelf(monkeypatch):
    monkeypatch.setattr(answers, "store", Shelf)


@pytest.fixture
def clerk(db):
    with system_scope():
        taxes = Organisation.objects.create(
            kind="department", name="税务局", region_code="43", department_code="taxation"
        )
        return scope_of(person(taxes, "department_clerk", "tax-clerk"))


def apply(scope, **changes):
    terms = {
        "interface_id": FILINGS,
        "purposes": ["pre_loan"],
        "justification": "用于小微企业贷款申请的贷前审查",
        "valid_days": 365,
    }
    with scoped(scope):
        return services.apply_for_interface(scope=scope, **(terms | changes))


def review(scope, submission, verdict="validated", note=""):
    with scoped(scope):
        return services.review_submission(
            scope=scope, submission_id=submission.pk, verdict=verdict, note=note, now=timezone.now()
        )


@pytest.fixture
def key(market, clerk):
    review(clerk, apply(market.officer))
    with scoped(market.officer):
        return services.create_key(scope=market.officer, title="信贷系统")


def consent(market, classes=("tax",), purpose="pre_loan"):
    with scoped(market.owner):
        return give_consent(
            scope=market.owner, recipient_id=market.officer.organisation_id, purpose=purpose,
            data_classes=list(classes), valid_days=30, text_version="2026-1",
            now=timezone.now() - dt.timedelta(seconds=5),
        )  # fmt: skip


def call(client, key, *, uscc=USCC, purpose="pre_loan", interface=FILINGS, secret=None, ts=None, more=""):
    path = f"/data/v1/{interface}?uscc={uscc}&purpose={purpose}{more}"
    ts, nonce = str(ts or int(time.time())), uuid.uuid4().hex
    text = "\n".join(("GET", path, ts, nonce, hashlib.new("sm3", b"").hexdigest()))
    sig = hmac.new((secret or key[1]).encode(), text.encode(), "sm3").hexdigest()
    return client.get(
        path, headers={"Authorization": f"RQ-HMAC-SM3 key={key[0].pk}, ts={ts}, nonce={nonce}, sig={sig}"}
    )


def code(response):
    return response.json()["code"]


def test_a_granted_signed_consented_call_is_answered_and_leaves_both_records(client, market, key):
    given = consent(market)
    response = call(client, key)
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


def test_the_months_before_are_answered_as_of_then(client, market, key):
    consent(market)
    assert len(call(client, key, more="&as_of=202608").json()["data"][TABLE]) == 1


def test_without_consent_nothing_is_answered_and_the_refusal_is_metered(client, market, key):
    assert code(call(client, key)) == "platform.consent_missing"
    consent(market, classes=("invoice",))
    assert code(call(client, key)) == "platform.consent_missing"
    with system_scope() as system:
        assert {each.code for each in DataCall.objects.for_scope(system)} == {"consent_missing"}
        assert not ReadRecord.objects.for_scope(system).exists()


def test_wrong_signatures_are_refused(client, market, key):
    assert code(call(client, key, secret="0" * 64)) == "platform.signature_wrong"
    assert code(call(client, key, ts=int(time.time()) - 900)) == "platform.signature_stale"
    assert (
        code(client.get(f"/data/v1/{FILINGS}?uscc={USCC}&purpose=pre_loan")) == "platform.signature_missing"
    )
    assert call(client, key, purpose="post_loan").status_code == 403
    assert code(call(client, key, interface="nothing")) == "platform.interface_unknown"


def test_a_revoked_key_and_a_revoked_grant_hold_from_the_next_call(client, market, clerk, key):
    consent(market)
    assert call(client, key).status_code == 200
    with system_scope() as system:
        grant = Authorisation.objects.for_scope(system).get()
    with scoped(clerk):
        services.revoke_authorisation(
            scope=clerk, authorisation_id=grant.pk, reason="用途不符", now=timezone.now()
        )
    assert code(call(client, key)) == "platform.not_authorised"
    with scoped(market.officer):
        services.revoke_key(scope=market.officer, key_id=key[0].pk, now=timezone.now())
    assert code(call(client, key)) == "platform.key_unknown"


def test_above_the_throttle_the_caller_is_told_when_to_return(client, market, key):
    consent(market)
    assert call(client, key).status_code == 200
    CallCount.objects.update(calls=250)
    response = call(client, key)
    # A minute may turn between two calls; its fresh count is no refusal.
    if response.status_code == 200:
        CallCount.objects.update(calls=250)
        response = call(client, key)
    assert code(response) == "platform.throttled"
    assert 1 <= int(response["Retry-After"]) <= 60


def test_maintenance_names_its_end(client, market, clerk, key):
    now = timezone.now()
    with scoped(clerk):
        services.announce_maintenance(
            scope=clerk, provider="taxation", starts_at=now - dt.timedelta(minutes=1),
            ends_at=now + dt.timedelta(hours=1), reason="升级",
        )  # fmt: skip
        with pytest.raises(NotAllowedError, match="本部门"):
            services.announce_maintenance(
                scope=clerk, provider="court", starts_at=now, ends_at=now + dt.timedelta(hours=1), reason="x"
            )
    with transaction.atomic():
        response = call(client, key)
    assert (response.status_code, code(response), response.json()["source"]) == (
        503, "provider.maintenance", "taxation",
    )  # fmt: skip


def test_an_amendment_leaves_the_grant_in_force_until_it_is_granted(market, clerk, key):
    second = apply(market.officer, purposes=["pre_loan", "post_loan"])
    with system_scope() as system:
        (live,) = Authorisation.objects.for_scope(system).filter(ended_at=None)
        assert live.purposes == ["pre_loan"]
    with pytest.raises(IllegalTransitionError, match="尚在审核"):
        apply(market.officer)
    review(clerk, second)
    with system_scope() as system:
        (live,) = Authorisation.objects.for_scope(system).filter(ended_at=None)
        assert live.purposes == ["post_loan", "pre_loan"]
        assert Authorisation.objects.for_scope(system).count() == 2


def test_nobody_reviews_what_is_not_theirs_or_twice(market, clerk, db):
    submission = apply(market.officer)
    with pytest.raises(NotAllowedError):
        review(market.officer, submission)
    with pytest.raises(InvalidValueError, match="写明理由"):
        review(clerk, submission, "refused")
    review(clerk, submission, "changes_requested", "请缩小用途")
    with pytest.raises(IllegalTransitionError):
        review(clerk, submission)
    with pytest.raises(IntegrityError, match="no_self_approval"), system_scope() as system:
        Submission.objects.for_scope(system).filter(pk=submission.pk).update(
            reviewed_by=submission.created_by_id
        )


def test_a_sandbox_key_gets_samples_and_no_enterprise_is_recorded_as_read(client, market, key):
    with scoped(market.officer):
        sandbox = services.create_key(scope=market.officer, title="测试", is_sandbox=True)
    response = call(client, sandbox)
    assert response.status_code == 200
    assert response.json()["data"][TABLE][0]["taxable_sales_cny"] == "1234.00"
    with system_scope() as system:
        assert not ReadRecord.objects.for_scope(system).exists()


def test_the_description_lists_every_interface(client, db):
    body = client.get("/data/openapi.json").json()
    assert f"/data/v1/{FILINGS}" in body["paths"]
