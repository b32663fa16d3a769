"""What an answer holds beside the records: masks, disputes, freshness, pages; and what happens when a provider breaks."""

import datetime as dt
import logging

import pytest
from django.utils import timezone

from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.interfaces import answers
from rongqiao.bases.enterprises.interfaces.breakers import Breaker
from rongqiao.bases.enterprises.interfaces.models import CallCount, DataCall
from rongqiao.bases.enterprises.models import SourceStatus
from tests.web.interface_calls import FILINGS, TABLE, Shelf, apply, call, code, consent, dispute, review
from tests.web.market_place import USCC

pytestmark = pytest.mark.usefixtures("tax_shelf")


def meta(response):
    return response.json()["meta"]["datasets"][TABLE]


def test_an_amount_is_banded_for_a_purpose_that_needs_no_figure(client, market, tax_clerk, interface_key):
    second = apply(market.officer, purposes=["pre_loan", "guarantee"])
    review(tax_clerk, second)
    consent(market, purpose="guarantee")
    response = call(client, interface_key, purpose="guarantee")
    assert response.json()["data"][TABLE][0]["taxable_sales_cny"] == "10万元（含）至50万元"
    assert meta(response)["masked_items"] == {"taxable_sales_cny": "amount_band"}


def test_items_that_were_not_granted_are_absent_and_named(client, market, tax_clerk, interface_key):
    review(tax_clerk, apply(market.officer, fields={TABLE: ["period", "arrears_cny"]}))
    consent(market)
    response = call(client, interface_key)
    assert set(response.json()["data"][TABLE][0]) == {"period", "arrears_cny"}
    assert "taxable_sales_cny" in meta(response)["not_granted_items"]


def test_sources_say_how_fresh_and_how_good_they_are(client, market, interface_key):
    consent(market)
    assert (meta(call(client, interface_key))["freshness"], meta(call(client, interface_key))["quality"]) == (
        "unknown",
        None,
    )
    today = timezone.now().date()
    status = SourceStatus.objects.create(
        contract_id=TABLE, title="申报", department="taxation", delivered_on=today - dt.timedelta(days=40), rules_passed=9
    )  # fmt: skip
    answers.forget_status()
    assert (
        meta(call(client, interface_key))["freshness"],
        meta(call(client, interface_key))["quality"]["passed"],
    ) == (
        "fresh",
        9,
    )
    status.delivered_on = today - dt.timedelta(days=60)
    status.save()
    answers.forget_status()
    assert meta(call(client, interface_key))["freshness"] == "stale"


def test_a_disputed_fact_is_marked_in_the_answer_at_once(client, market, interface_key):
    consent(market)
    assert meta(call(client, interface_key))["disputed"] == []
    dispute(market, timezone.now())
    (mark,) = meta(call(client, interface_key))["disputed"]
    assert (mark["state"], mark["item_id"], mark["valid"]) == ("disputed", "taxable_sales_cny", "202609")


def test_pages_follow_each_other_and_the_last_says_so(client, market, interface_key, monkeypatch):
    consent(market)

    class Long(Shelf):
        def rows(self, contract, uscc, *, as_of, known_at, **_):
            (row, _) = super().rows(contract, uscc, as_of=as_of, known_at=known_at)
            return [row | {"period": 202600 + month} for month in range(1, 10)] * 7

    monkeypatch.setattr(answers, "store", Long)
    first, second = call(client, interface_key, more="&page=1"), call(client, interface_key, more="&page=2")
    assert (len(first.json()["data"][TABLE]), meta(first)["has_next"]) == (60, True)
    assert (len(second.json()["data"][TABLE]), meta(second)["has_next"], meta(second)["count"]) == (
        3,
        False,
        63,
    )


def test_a_provider_that_keeps_failing_is_left_alone_and_the_caller_told(
    client, market, interface_key, monkeypatch, caplog
):
    consent(market)

    class Broken:
        def rows(self, *arguments, **values):
            raise OSError("disk")

    monkeypatch.setattr(answers, "store", Broken)
    with caplog.at_level(logging.CRITICAL):
        assert [code(call(client, interface_key)) for _ in range(5)] == ["provider.failed"] * 5
        response = call(client, interface_key)
    assert (response.status_code, code(response), response.json()["source"]) == (
        503,
        "provider.unavailable",
        "taxation",
    )
    assert 1 <= int(response["Retry-After"]) <= 31
    assert client.get(f"/data/v1/{FILINGS}/ping").json()["status"] == "unavailable"
    with system_scope() as system:
        codes = list(DataCall.objects.for_scope(system).values_list("code", flat=True))
    assert sorted(codes) == ["failed"] * 5 + ["unavailable"]


def test_a_breaker_lets_one_try_after_the_pause_and_counts_slow_answers():
    breaker = Breaker(failures_max=2, pause_seconds=30, slow_seconds=2)
    breaker.record(is_answered=True, seconds=2.5, now=0)
    assert breaker.admit(1) == 0
    breaker.record(is_answered=False, seconds=0.1, now=1)
    assert breaker.admit(11) == 20
    assert breaker.admit(31) == 0
    assert breaker.admit(32) == 29
    breaker.record(is_answered=True, seconds=0.1, now=33)
    assert breaker.admit(34) == 0


def test_alternating_time_outs_and_failures_open_the_breaker_too():
    breaker = Breaker(failures_max=4, pause_seconds=30, slow_seconds=2)
    for number in range(4):
        breaker.record(is_answered=number % 2 == 0, seconds=5 if number % 2 == 0 else 0.1, now=number)
    assert breaker.is_open(5)


def test_an_address_has_a_limit_of_its_own_signed_or_not(client, market, interface_key):
    consent(market)
    assert call(client, interface_key).status_code == 200
    for _ in range(2):
        CallCount.objects.filter(caller__startswith="ip:").update(calls=1000)
        response = client.get(f"/data/v1/{FILINGS}?uscc={USCC}&purpose=pre_loan")
        if response.status_code == 429:
            break
    assert code(response) == "platform.address_throttled"
    # From then on the worker refuses it without asking the database.
    assert code(call(client, interface_key)) in ("platform.address_throttled",)


def test_ping_needs_no_key_and_names_maintenance(client, market, tax_clerk):
    from rongqiao.accounts.scope import scoped
    from rongqiao.bases.enterprises.interfaces import services

    found = client.get(f"/data/v1/{FILINGS}/ping")
    assert (found.status_code, found.json()["status"]) == (200, "ok")
    now = timezone.now()
    with scoped(tax_clerk):
        services.announce_maintenance(
            scope=tax_clerk, provider="taxation", starts_at=now, ends_at=now + dt.timedelta(hours=2), reason="结转", now=now,
            code="filing_peak",
        )  # fmt: skip
    found = client.get(f"/data/v1/{FILINGS}/ping")
    assert (found.status_code, found.json()["status"]) == (503, "maintenance")
    assert found.json()["maintenance_until"]
    assert client.get("/data/v1/nothing/ping").status_code == 404
