"""Around the calls: vendors, change notices, questions about accesses, keys that behave strangely."""

import datetime as dt
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from rongqiao.accounts.models import Organisation
from rongqiao.accounts.scope import scope_of, scoped, system_scope
from rongqiao.bases.enterprises.interfaces import (
    anomalies,
    changes,
    delegations,
    posting,
    questions,
    selectors,
    services,
    webhooks,
)
from rongqiao.bases.enterprises.interfaces.models import (
    AccessQuestion,
    Authorisation,
    DataCall,
    Delegation,
    InterfaceKey,
    Webhook,
    WebhookEvent,
)
from rongqiao.bases.enterprises.models import ReadRecord, SourceStatus
from rongqiao.kernel.errors import IllegalTransitionError, InvalidValueError, NotAllowedError
from rongqiao.kernel.identifiers import complete_uscc
from tests.web.interface_calls import FILINGS, TABLE, call, code, consent
from tests.web.market_place import OTHER_USCC, USCC, person

pytestmark = pytest.mark.usefixtures("tax_shelf")
VENDOR_USCC = complete_uscc("91430100MA4L90009")
HOUR = dt.timedelta(hours=1)


def act(service, scope, **values):
    with scoped(scope):
        return service(scope=scope, **values)


@pytest.fixture
def vendor(db):
    organisation = Organisation.objects.create(
        kind="enterprise", name="银企软件有限公司", uscc=VENDOR_USCC, region_code="430100", certified_at=timezone.now()
    )  # fmt: skip
    return scope_of(person(organisation, "enterprise_owner", "vendor"))


@pytest.fixture
def delegation(market, interface_key, vendor):
    return act(
        delegations.delegate_to_vendor, market.officer, vendor_uscc=VENDOR_USCC, interfaces=[FILINGS],
        reason="信贷系统由其运维", valid_days=30, now=timezone.now(),
    )  # fmt: skip


def vendor_key(vendor, delegation):
    return act(
        delegations.create_vendor_key, vendor, delegation_id=delegation.pk, title="代办", now=timezone.now()
    )


def test_a_vendor_calls_for_the_bank_until_that_is_taken_back(client, market, vendor, delegation):
    consent(market)
    key = vendor_key(vendor, delegation)
    assert call(client, key).status_code == 200
    with system_scope() as system:
        metered = DataCall.objects.for_scope(system).get()
        read = ReadRecord.objects.for_scope(system).get()
    assert (metered.consumer_id, metered.holder_id) == (
        market.officer.organisation_id,
        vendor.organisation_id,
    )
    assert read.reader_organisation_id == market.officer.organisation_id
    assert "代办" in read.what
    act(delegations.revoke_delegation, market.officer, delegation_id=delegation.pk, now=timezone.now())
    assert code(call(client, key)) == "platform.delegation_ended"
    with pytest.raises(NotAllowedError, match="已收回"):
        vendor_key(vendor, delegation)


def test_a_vendor_reaches_only_what_was_delegated(client, market, vendor, delegation):
    key = vendor_key(vendor, delegation)
    consent(market)
    assert code(call(client, key, interface="enterprise_profile")) == "platform.delegation_ended"
    with scoped(vendor):
        assert selectors.list_keys(vendor).get().pk == key[0].pk
        assert selectors.list_delegations(vendor).count() == 1
        assert not Authorisation.objects.for_scope(vendor).exists()
    with scoped(market.stranger):
        assert not selectors.list_keys(market.stranger).exists()
        assert not InterfaceKey.unscoped.exists()
        assert not Delegation.unscoped.exists()


def test_nobody_delegates_what_was_not_granted_or_to_strangers(market, interface_key, vendor):
    values = {"interfaces": [FILINGS], "reason": "信贷系统由其运维", "valid_days": 30, "now": timezone.now()}
    with pytest.raises(InvalidValueError, match="已认证"):
        act(delegations.delegate_to_vendor, market.officer, vendor_uscc="91430100MA4L900000", **values)
    with pytest.raises(InvalidValueError, match="已获授权"):
        act(
            delegations.delegate_to_vendor, market.officer, vendor_uscc=VENDOR_USCC,
            **values | {"interfaces": ["enterprise_profile"]},
        )  # fmt: skip
    with pytest.raises(NotAllowedError):
        act(delegations.delegate_to_vendor, vendor, vendor_uscc=VENDOR_USCC, **values)


def test_row_security_lets_a_vendor_make_no_key_without_a_delegation(market, vendor, delegation):
    act(delegations.revoke_delegation, market.officer, delegation_id=delegation.pk, now=timezone.now())
    row = InterfaceKey(
        consumer_id=market.officer.organisation_id, holder_id=vendor.organisation_id, delegation_id=delegation.pk,
        title="x", salt="s", digest="d", created_by_id=vendor.user_id,
    )  # fmt: skip
    with pytest.raises(DatabaseError, match="row-level security"), scoped(vendor), transaction.atomic():
        row.save(force_insert=True)


# Change notices


class Receiver:
    """What the consumer's system hears; answers with the next of ``answers``, 200 when they are used up."""

    def __init__(self, *answers):
        self.answers, self.heard = list(answers), []

    def __call__(self, url, body, headers):
        self.heard.append((url, body, headers))
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def webhook(market, interface_key):
    return act(
        webhooks.subscribe, market.officer, url="https://bank.example.com/rq",
        events=["authorisation.ended", "source.delivered", "maintenance.announced", "fact.disputed"],
    )  # fmt: skip


def announce(tax_clerk, now):
    return act(
        services.announce_maintenance, tax_clerk, provider="taxation", starts_at=now + HOUR, ends_at=now + 2 * HOUR,
        reason="结转", now=now,
    )  # fmt: skip


def is_signed(secret, body, headers):
    parts = [part.strip().split("=", 1) for part in headers["Rongqiao-Signature"].split(",")]
    second = dict(parts)["t"]
    expected = hmac.new(secret.encode(), f"{second}.{body.decode()}".encode(), "sm3").hexdigest()
    return expected in [value for name, value in parts if name == "v1"]


def test_a_change_is_told_signed_and_tried_again_until_it_is_heard(market, tax_clerk, webhook):
    now = timezone.now()
    announce(tax_clerk, now)
    receiver = Receiver(OSError("timed out"), 502)
    assert webhooks.deliver_due(clock=lambda: now, send=receiver) == 1
    assert webhooks.deliver_due(clock=lambda: now, send=receiver) == 0
    assert webhooks.deliver_due(clock=lambda: now + dt.timedelta(seconds=61), send=receiver) == 1
    assert webhooks.deliver_due(clock=lambda: now + dt.timedelta(seconds=400), send=receiver) == 1
    with scoped(market.officer):
        event = selectors.list_events(market.officer).get()
        tries = [
            (each.status_code, each.problem) for each in selectors.list_attempts(market.officer, event.pk)
        ]
    assert (event.status, event.attempts) == ("delivered", 3)
    assert tries == [(200, ""), (502, ""), (None, "timed out")]
    _url, body, headers = receiver.heard[-1]
    assert json.loads(body)["data"]["provider"] == "taxation"
    assert len({heard[1] for heard in receiver.heard}) == 1
    assert is_signed(webhook[1], body, headers)
    assert not is_signed("0" * 64, body, headers)


def test_attempts_end_and_the_consumer_can_have_it_sent_again(market, tax_clerk, webhook):
    now = timezone.now()
    announce(tax_clerk, now)
    deaf = Receiver(*[500] * 20)
    for day in range(20):
        webhooks.deliver_due(clock=lambda day=day: now + dt.timedelta(days=day), send=deaf)
    assert len(deaf.heard) == 8
    with scoped(market.officer):
        event = selectors.list_events(market.officer).get()
    assert event.status == "dead"
    later = now + dt.timedelta(days=30)
    act(webhooks.replay_event, market.officer, event_id=event.pk, now=later)
    assert webhooks.deliver_due(clock=lambda: later, send=Receiver()) == 1
    with scoped(market.officer):
        assert selectors.list_events(market.officer).get().status == "delivered"
    with pytest.raises(NotAllowedError):
        act(webhooks.replay_event, market.rival, event_id=event.pk, now=later)


def test_after_a_rotation_both_secrets_sign_for_a_day(market, tax_clerk, webhook):
    now = timezone.now()
    _, fresh = act(webhooks.rotate_secret, market.officer, webhook_id=webhook[0].pk, now=now)
    act(webhooks.send_test, market.officer, webhook_id=webhook[0].pk, now=now)
    receiver = Receiver()
    webhooks.deliver_due(clock=lambda: now, send=receiver)
    _, body, headers = receiver.heard[0]
    assert is_signed(fresh, body, headers)
    assert is_signed(webhook[1], body, headers)
    later = now + dt.timedelta(hours=25)
    act(webhooks.send_test, market.officer, webhook_id=webhook[0].pk, now=later)
    webhooks.deliver_due(clock=lambda: later, send=receiver)
    assert not is_signed(webhook[1], *receiver.heard[1][1:])


def test_an_ended_subscription_is_told_nothing_more(market, tax_clerk, webhook):
    now = timezone.now()
    announce(tax_clerk, now)
    act(webhooks.end_subscription, market.officer, webhook_id=webhook[0].pk, now=now)
    assert webhooks.deliver_due(clock=lambda: now, send=Receiver()) == 0
    with pytest.raises(IllegalTransitionError, match="已停用"):
        act(webhooks.send_test, market.officer, webhook_id=webhook[0].pk, now=now)


@pytest.mark.parametrize(
    "url",
    [
        "http://bank.example.com/", "https://127.0.0.1/", "https://10.0.0.8/x", "https://[::1]/", "https://localhost/x",
        "https://user:pass@bank.example.com/", "ftp://bank.example.com/", "https://", "https://db.internal/",
        "https://169.254.169.254/latest",
    ],
)  # fmt: skip
def test_nothing_is_posted_to_inner_hosts(market, url):
    with pytest.raises(InvalidValueError, match="通知地址"):
        act(webhooks.subscribe, market.officer, url=url, events=["source.delivered"])


def test_a_name_that_turns_to_an_inner_host_is_not_followed(monkeypatch):
    monkeypatch.setattr(posting.socket, "getaddrinfo", lambda *_, **__: [(0, 0, 0, "", ("10.1.2.3", 443))])
    with pytest.raises(OSError, match="内网"):
        posting.post("https://bank.example.com/rq", b"{}", {})


def test_a_post_reaches_a_receiver_and_follows_no_redirect(settings):
    heard = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            heard.append(
                (self.path, self.rfile.read(int(self.headers["Content-Length"])), self.headers["X-Test"])
            )
            self.send_response(302)
            self.send_header("Location", "http://127.0.0.1:9/")
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        settings.WEBHOOK_HOSTS = ["127.0.0.1"]
        assert (
            posting.post(f"http://127.0.0.1:{server.server_port}/rq?a=1", b'{"a":1}', {"X-Test": "1"}) == 302
        )
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert heard == [("/rq?a=1", b'{"a":1}', "1")]
    with pytest.raises(OSError, match="Connect"):
        posting.post(f"http://127.0.0.1:{server.server_port}/", b"", {})


def test_a_new_delivery_is_told_to_those_who_hold_a_grant(market, webhook):
    now = timezone.now()
    status = SourceStatus.objects.create(
        contract_id=TABLE, title="申报", department="taxation", delivered_on=now.date() - dt.timedelta(days=9)
    )
    assert changes.tell_deliveries(now=now) == 0
    status.delivered_on = now.date()
    status.save()
    assert changes.tell_deliveries(now=now) == 1
    assert changes.tell_deliveries(now=now) == 0
    with scoped(market.officer):
        event = selectors.list_events(market.officer).get()
    assert event.kind == "source.delivered"
    assert event.payload["contract"] == TABLE
    assert FILINGS in event.payload["interfaces"]


def test_webhooks_of_others_are_not_seen(market, webhook):
    with scoped(market.rival):
        assert not selectors.list_webhooks(market.rival).exists()
        assert not Webhook.unscoped.exists()
        assert not WebhookEvent.unscoped.exists()


# Questions about accesses


@pytest.fixture
def asked(client, market, interface_key):
    consent(market)
    for _ in range(8):
        assert call(client, interface_key).status_code == 200
    now = timezone.now()
    assert questions.ask_about_day(timezone.localdate(now), now=now) == 5
    with system_scope() as system:
        return AccessQuestion.objects.for_scope(system).first()


def test_accesses_are_drawn_once_asked_answered_and_judged(market, tax_clerk, asked):
    now = timezone.now()
    assert questions.ask_about_day(timezone.localdate(now), now=now) == 0
    assert "repeated" in asked.reasons
    assert asked.due_at > now + dt.timedelta(days=4)
    with pytest.raises(InvalidValueError, match="十个字"):
        act(questions.answer_question, market.officer, question_id=asked.pk, answer="业务", now=now)
    with pytest.raises(NotAllowedError):
        act(
            questions.answer_question,
            market.rival,
            question_id=asked.pk,
            answer="别家机构的说明文字",
            now=now,
        )
    act(
        questions.answer_question, market.officer, question_id=asked.pk, answer="客户当日申请贷款，经办人贷前核查", now=now
    )  # fmt: skip
    with pytest.raises(IllegalTransitionError):
        act(
            questions.answer_question,
            market.officer,
            question_id=asked.pk,
            answer="换一个说法再说一遍吧",
            now=now,
        )
    with pytest.raises(InvalidValueError, match="写明理由"):
        act(
            questions.judge_question,
            tax_clerk,
            question_id=asked.pk,
            is_accepted=False,
            judgement="",
            now=now,
        )
    judged = act(
        questions.judge_question, tax_clerk, question_id=asked.pk, is_accepted=True, judgement="", now=now
    )
    assert judged.status == "accepted"
    with scoped(market.owner):
        assert selectors.list_questions(market.owner).count() == 5
    with scoped(market.stranger):
        assert not AccessQuestion.unscoped.exists()


def test_a_question_nobody_answers_becomes_overdue_and_can_still_be_answered(market, asked):
    late = asked.due_at + dt.timedelta(seconds=1)
    assert questions.mark_overdue(now=late) == 5
    act(
        questions.answer_question,
        market.officer,
        question_id=asked.pk,
        answer="经办人休假，补交贷前核查说明",
        now=late,
    )


def test_row_security_lets_no_consumer_judge_itself(market, asked):
    with pytest.raises(DatabaseError, match="may change"), scoped(market.officer), transaction.atomic():
        AccessQuestion.unscoped.filter(pk=asked.pk).update(status="accepted")
    with pytest.raises(DatabaseError, match="may change"), scoped(market.officer), transaction.atomic():
        AccessQuestion.unscoped.filter(pk=asked.pk).update(points=0)
    with pytest.raises(IntegrityError, match="nobody_judges"), system_scope() as system:
        AccessQuestion.objects.for_scope(system).filter(pk=asked.pk).update(
            answered_by_id=market.officer.user_id, judged_by_id=market.officer.user_id
        )


# Keys and usage


def test_a_key_that_departs_from_its_days_is_flagged_until_it_behaves(client, market, interface_key):
    now = timezone.now()
    rows = [
        DataCall(
            at=at, key_id=interface_key[0].pk, consumer_id=market.officer.organisation_id, interface_id=FILINGS,
            provider="taxation", subject_uscc=USCC, code="ok", records=1, address="10.0.0.1",
        )
        for at in [now - dt.timedelta(days=day) for day in range(2, 9)] + [now - HOUR] * 150
    ]  # fmt: skip
    with system_scope():
        DataCall.unscoped.bulk_create(rows)
    assert anomalies.flag_keys(now=now) == {interface_key[0].pk: ["burst"]}
    with scoped(market.officer):
        shown = selectors.list_keys(market.officer).get()
    assert (shown.flags, shown.last_called_at) == (["burst"], now - HOUR)
    assert anomalies.flag_keys(now=now + dt.timedelta(days=2)) == {}
    with scoped(market.officer):
        assert selectors.list_keys(market.officer).get().flags == []


def test_usage_is_summed_per_day_and_seen_by_those_it_concerns(client, market, tax_clerk, interface_key):
    consent(market)
    call(client, interface_key)
    call(client, interface_key)
    call(client, interface_key, uscc=OTHER_USCC)
    today = timezone.localdate()
    for scope in (market.officer, tax_clerk):
        with scoped(scope):
            (usage,) = selectors.usage_by_day(scope, since=today, until=today)
            assert (usage.calls, usage.answered, usage.enterprises, usage.records) == (3, 2, 1, 4)
            assert selectors.codes_by_count(scope, since=timezone.now() - HOUR) == [("consent_missing", 1)]
    with scoped(market.owner):
        assert selectors.list_calls(market.owner).count() == 2
    with scoped(market.stranger):
        assert [each.code for each in selectors.list_calls(market.stranger)] == ["consent_missing"]
    with scoped(market.rival):
        assert not selectors.list_calls(market.rival).exists()
