"""The Python client against the platform itself: signs, waits, turns pages, checks events."""

import itertools
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from django.utils import timezone

from rongqiao.accounts.scope import scoped
from rongqiao.bases.enterprises.interfaces import answers, services, webhooks
from rongqiao.bases.enterprises.interfaces.models import CallCount
from tests.web.interface_calls import FILINGS, TABLE, Shelf, consent
from tests.web.market_place import USCC

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "clients" / "python"))
from rongqiao_client import Client, EventRefusedError, Refused, verify_event

pytestmark = pytest.mark.usefixtures("tax_shelf")


class Portal(httpx.BaseTransport):
    """Takes the client's requests to the portal in this process; statuses of ``first`` are answered before."""

    def __init__(self, client, *first):
        self.client, self.first, self.asked = client, list(first), 0

    def handle_request(self, request):
        self.asked += 1
        if self.first:
            answer = self.first.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        parts = urlsplit(str(request.url))
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        found = self.client.get(path, headers={"Authorization": request.headers.get("Authorization", "")})
        return httpx.Response(found.status_code, headers=dict(found.items()), content=found.content)


@pytest.fixture
def connect(client, interface_key):
    made = []

    def connected(*first, key=interface_key, **values):
        portal, waits = Portal(client, *first), []
        mine = Client(
            "http://127.0.0.1",
            key=str(key[0].pk),
            secret=key[1],
            transport=portal,
            sleep=waits.append,
            **values,
        )
        made.append(mine)
        return mine, portal, waits

    yield connected
    for each in made:
        each.close()


def test_it_reads_what_was_released_and_says_what_is_left(market, connect):
    consent(market)
    client, _, waits = connect()
    answer = client.read(FILINGS, uscc=USCC, purpose="pre_loan", as_of="202608")
    assert [row["period"] for row in answer.records(TABLE)] == [202608]
    assert answer.records(TABLE)[0]["arrears_cny"] is None
    assert (answer.remaining, answer.missing, answer.has_next, waits) == (249, {}, False, [])


def test_a_refusal_tells_its_code_and_is_not_tried_again(market, connect):
    client, portal, _ = connect()
    with pytest.raises(Refused, match="企业未授权") as caught:
        client.read(FILINGS, uscc=USCC, purpose="pre_loan")
    assert (caught.value.status, caught.value.code, caught.value.source) == (
        403,
        "platform.consent_missing",
        "platform",
    )
    assert portal.asked == 1


def test_it_waits_as_long_as_it_is_told_and_tries_again(market, connect):
    consent(market)
    busy = httpx.Response(503, headers={"Retry-After": "7"}, json={"code": "provider.unavailable"})
    client, portal, waits = connect(busy, httpx.ConnectError("down"), httpx.Response(502, content=b"<html>"))
    assert client.read(FILINGS, uscc=USCC, purpose="pre_loan").records(TABLE)
    assert (portal.asked, waits) == (4, [7.0, 2.0, 4.0])


def test_it_does_not_wait_longer_than_its_patience(market, connect):
    consent(market)
    client, _, waits = connect(patience=5)
    client.read(FILINGS, uscc=USCC, purpose="pre_loan")
    for _ in range(2):
        CallCount.objects.filter(window__regex="^[0-9]{8}$").update(calls=20_000)
        with pytest.raises(Refused) as caught:
            client.read(FILINGS, uscc=USCC, purpose="pre_loan")
    assert caught.value.code == "platform.quota_spent"
    assert caught.value.retry_after > 0
    assert waits == []


def test_it_turns_pages(market, connect, monkeypatch):
    class Long(Shelf):
        def rows(self, contract, uscc, *, as_of, known_at, **_):
            (row, _) = super().rows(contract, uscc, as_of=as_of, known_at=known_at)
            return [row] * 130

    monkeypatch.setattr(answers, "store", Long)
    consent(market)
    client, _, _ = connect()
    found = [len(each.records(TABLE)) for each in client.pages(FILINGS, uscc=USCC, purpose="pre_loan")]
    assert found == [60, 60, 10]


def test_a_sandbox_key_needs_neither_grant_nor_consent(market, connect):
    with scoped(market.rival):
        sandbox = services.create_key(scope=market.rival, title="沙箱", is_sandbox=True)
    client, _, _ = connect(key=sandbox)
    rows = client.read(FILINGS, uscc=USCC, purpose="pre_loan", as_of="202609").records(TABLE)
    assert [row["period"] for row in rows] == [202609, 202608, 202607]
    assert client.ping(FILINGS)["status"] == "ok"


def test_it_checks_events_by_either_secret_and_their_age(market, interface_key):
    now = timezone.now()
    with scoped(market.officer):
        webhook, old = webhooks.subscribe(
            scope=market.officer, url="https://bank.example.com/", events=["source.delivered"]
        )
        _, new = webhooks.rotate_secret(scope=market.officer, webhook_id=webhook.pk, now=now)
        webhooks.send_test(scope=market.officer, webhook_id=webhook.pk, now=now)
    heard = []
    webhooks.deliver_due(clock=lambda: now, send=lambda *sent: heard.append(sent) or 200)
    ((_, body, headers),) = heard
    for secret in (old, new):
        event = verify_event(body, headers["Rongqiao-Signature"], secret=secret)
        assert (event["event"], event["id"]) == ("webhook.tested", headers["Rongqiao-Event-Id"])
    wrong = itertools.chain(
        [(body, headers["Rongqiao-Signature"], "0" * 64, time.time())],
        [(body + b" ", headers["Rongqiao-Signature"], new, time.time())],
        [(body, headers["Rongqiao-Signature"], new, time.time() + 600)],
        [(body, "", new, time.time())],
    )
    for content, signature, secret, at in wrong:
        with pytest.raises(EventRefusedError):
            verify_event(content, signature, secret=secret, now=at)
