"""Days are China's: quotas, budgets, freshness, marks and what a key usually does, on both sides of midnight there."""

import datetime as dt
import uuid
from types import SimpleNamespace

import pytest

from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.interfaces import anomalies, answers, limits
from rongqiao.bases.enterprises.interfaces.errors import CallError
from rongqiao.bases.enterprises.interfaces.models import DataCall, Maintenance
from rongqiao.bases.enterprises.interfaces.pinging import interface_states, ping_interface
from rongqiao.bases.enterprises.models import SourceStatus
from rongqiao.bases.enterprises.objections.marks import all_marks_of
from rongqiao.contracts.interfaces import load_interface
from tests.web.interface_calls import FILINGS, TABLE, call, consent, dispute
from tests.web.market_place import USCC

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tax_shelf")]
MINUTE, DAY = dt.timedelta(minutes=1), dt.timedelta(days=1)
#: Midnight between 26 and 27 November in China.
MIDNIGHT = dt.datetime(2026, 11, 26, 16, tzinfo=dt.UTC)


def counted(now, *, quota=9, budget=None):
    """Count a call of one key at an instant; returns the refusal, null where it is allowed."""
    rights = SimpleNamespace(throttle=100, quota=quota, headers={})
    try:
        limits.count(
            rights, key_id=uuid.UUID(int=1), interface_id=FILINGS, address="", budget=budget, now=now
        )
    except CallError as error:
        return error
    return None


@pytest.mark.parametrize("limit", [{"quota": 1}, {"budget": ("agent", 1)}])
def test_quotas_and_budgets_turn_at_midnight_in_china(limit):
    # 07:59 and 08:01 there are one day, though two in Greenwich.
    assert counted(MIDNIGHT - 16 * dt.timedelta(hours=1) - MINUTE, **limit) is None
    refused = counted(MIDNIGHT - 16 * dt.timedelta(hours=1) + MINUTE, **limit)
    assert refused.code in ("quota_spent", "budget_spent")
    assert counted(MIDNIGHT - MINUTE, **limit).headers["Retry-After"] == "60"
    assert counted(MIDNIGHT, **limit) is None


def test_counters_are_kept_by_days_in_china():
    counted(MIDNIGHT)
    assert limits.forget_old_counts(MIDNIGHT + 2 * DAY) == 0
    assert limits.forget_old_counts(MIDNIGHT + 3 * DAY - MINUTE) == 0
    assert limits.forget_old_counts(MIDNIGHT + 3 * DAY) == 2


def test_a_source_is_stale_by_the_day_in_china():
    interface = load_interface(FILINGS)
    longest = answers.CYCLE_DAYS[interface.ping]
    SourceStatus.objects.create(
        contract_id=TABLE, title="申报", department="taxation", delivered_on=dt.date(2026, 11, 26) - longest * DAY
    )  # fmt: skip
    for now, expected in ((MIDNIGHT - MINUTE, "fresh"), (MIDNIGHT, "stale")):
        assert ping_interface(interface, now=now)["sources"][TABLE]["freshness"] == expected
        (state,) = interface_states([interface], now=now)
        assert [each[3] for each in state.sources if each[0] == TABLE] == [expected]


def test_a_mark_stands_since_the_day_in_china(market):
    dispute(market, MIDNIGHT + MINUTE)
    (mark,) = all_marks_of(USCC)
    assert mark.since == "2026-11-27"


def test_the_end_of_maintenance_is_told_in_beijing_time(client, market, interface_key):
    consent(market)
    ends_at = dt.datetime(2099, 1, 1, 16, 30, tzinfo=dt.UTC)
    Maintenance.objects.create(provider="taxation", starts_at=MIDNIGHT - DAY, ends_at=ends_at, reason="结转")
    assert "北京时间 2099-01-02 00:30" in call(client, interface_key).json()["detail"]
    assert client.get(f"/data/v1/{FILINGS}/ping").json()["maintenance_until"] == "2099-01-02T00:30:00+08:00"


def test_what_a_key_usually_does_is_counted_by_days_in_china(market, interface_key):
    eight = MIDNIGHT - 16 * dt.timedelta(hours=1)
    times = [eight - 3 * DAY - MINUTE] * 40 + [eight - 3 * DAY + MINUTE] * 40 + [MIDNIGHT - MINUTE] * 300
    with system_scope():
        DataCall.unscoped.bulk_create(
            DataCall(
                at=at, key_id=interface_key[0].pk, consumer_id=market.officer.organisation_id, interface_id=FILINGS,
                provider="taxation", subject_uscc=USCC, code="ok", records=1, address="10.0.0.1",
            )
            for at in times
        )  # fmt: skip
    # 80 calls on its one earlier day: 300 are not yet five times as many.
    assert anomalies.flag_keys(now=MIDNIGHT) == {}
