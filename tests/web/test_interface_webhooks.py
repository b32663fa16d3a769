"""Change notices: told once there is a change, signed, tried again, replayed, and never posted to inner hosts."""

import datetime as dt
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.utils import timezone

from rongqiao.accounts.scope import scoped, system_scope
from rongqiao.accounts.services import revoke_consent
from rongqiao.bases.enterprises.interfaces import changes, posting, selectors, services, webhooks
from rongqiao.bases.enterprises.interfaces.models import Webhook, WebhookEvent
from rongqiao.bases.enterprises.models import SourceStatus
from rongqiao.bases.enterprises.objections.marks import put_mark
from rongqiao.bases.enterprises.objections.models import MarkChange
from rongqiao.kernel import hosts
from rongqiao.kernel.errors import IllegalTransitionError, InvalidValueError, NotAllowedError
from tests.web.interface_calls import FILINGS, TABLE, act, call, consent, dispute
from tests.web.market_place import USCC

pytestmark = pytest.mark.usefixtures("tax_shelf")
HOUR = dt.timedelta(hours=1)


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
        "https://169.254.169.254/latest", "https://bank example.com/rq",
    ],
)  # fmt: skip
def test_nothing_is_posted_to_inner_hosts(market, url):
    with pytest.raises(InvalidValueError, match="通知地址"):
        act(webhooks.subscribe, market.officer, url=url, events=["source.delivered"])


def test_a_name_that_turns_to_an_inner_host_is_not_followed(monkeypatch):
    monkeypatch.setattr(hosts.socket, "getaddrinfo", lambda *_, **__: [(0, 0, 0, "", ("10.1.2.3", 443))])
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
    with pytest.raises(OSError, match="连不上接收系统"):
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


def test_a_dispute_is_told_to_readers_whose_consent_holds_without_the_value(
    client, market, interface_key, webhook
):
    now = timezone.now()
    dispute(market, now)
    # Nobody of the subscribers read the enterprise yet.
    assert changes.tell_disputes(now=now + HOUR) == 1
    given = consent(market)
    assert call(client, interface_key).status_code == 200
    with scoped(market.officer):
        assert not selectors.list_events(market.officer).exists()
    dispute(market, now, record_id="r2")
    # However late the job runs, and once.
    assert [changes.tell_disputes(now=now + 9 * HOUR) for _ in range(2)] == [1, 0]
    with scoped(market.officer):
        event = selectors.list_events(market.officer).get()
    assert (event.kind, event.payload["uscc"], event.payload["state"]) == ("fact.disputed", USCC, "disputed")
    assert "120000" not in str(event.payload)
    act(revoke_consent, market.owner, consent_id=given.pk, now=now)
    dispute(market, now, record_id="r3")
    assert changes.tell_disputes(now=now + 9 * HOUR) == 1
    with scoped(market.officer):
        assert selectors.list_events(market.officer).count() == 1


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (["correcting", "corrected"], ["disputed", "corrected"]),
        (["undecided"], ["disputed", "undecided"]),
        (["rejected"], ["disputed", "lifted"]),
        (["withdrawn"], ["disputed", "lifted"]),
    ],
)
def test_how_a_dispute_ends_is_told_too(client, market, interface_key, webhook, path, told):
    consent(market)
    assert call(client, interface_key).status_code == 200
    objection = dispute(market, timezone.now())
    # Later steps come before the job has told of the first.
    for status in path:
        objection.status = status
        put_mark(objection)
    assert changes.tell_disputes(now=timezone.now() + HOUR) == len(told)
    with scoped(market.officer):
        events = selectors.list_events(market.officer).order_by("pk")
        assert sorted(event.payload["state"] for event in events) == sorted(told)


def test_a_statement_is_told_and_nobody_but_the_system_sees_what_waits(
    client, market, interface_key, webhook
):
    consent(market)
    assert call(client, interface_key).status_code == 200
    objection = dispute(market, timezone.now())
    objection.status, objection.statement = "rejected", "已于当月补缴"
    for _ in range(2):
        put_mark(objection)
    for scope in (market.owner, market.officer, market.official):
        with scoped(scope):
            assert not MarkChange.unscoped.exists()
            assert not MarkChange.objects.for_scope(scope).exists()
    with system_scope() as system:
        waiting = MarkChange.objects.for_scope(system).values_list("state", flat=True)
        assert list(waiting) == ["disputed", "statement"]
