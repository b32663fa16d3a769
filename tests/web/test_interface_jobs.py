"""Jobs of the market, its codes, and whose address a call is counted to."""

import re
from pathlib import Path

import pytest
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob

from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.interfaces import limits, services, tasks, telling, webhooks
from rongqiao.bases.enterprises.interfaces.errors import codes_of_maintenance
from rongqiao.bases.enterprises.interfaces.models import CallCount, DataCall
from rongqiao.contracts.documents import document
from rongqiao.contracts.standards import load_contracts
from tests.web.interface_calls import act, call, consent, signed

pytestmark = pytest.mark.usefixtures("tax_shelf")
ROOT = Path(__file__).resolve().parents[2]


def test_a_change_asks_once_for_delivery_after_its_transaction(
    market, tax_clerk, interface_key, django_capture_on_commit_callbacks
):
    webhook, _ = act(
        webhooks.subscribe, market.officer, url="https://bank.example.com/", events=["maintenance.announced"]
    )
    now = timezone.now()
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(2):
            act(webhooks.send_test, market.officer, webhook_id=webhook.pk, now=now)
        assert not ProcrastinateJob.objects.filter(task_name=telling.JOB).exists()
    assert ProcrastinateJob.objects.filter(task_name=telling.JOB, status="todo").count() == 1


def test_every_job_runs_where_there_is_nothing_to_do(db):
    second = int(timezone.now().timestamp())
    assert tasks.deliver_webhooks.func() == 0
    for job in (tasks.retry_webhooks, tasks.tell_changes, tasks.flag_keys, tasks.ask_about_accesses):
        assert job.func(second) == 0


def test_counters_of_past_days_are_dropped(db):
    CallCount.objects.create(caller="k", interface_id="i", window="20200101", calls=5)
    CallCount.objects.create(caller="k", interface_id="i", window="202001012359", calls=5)
    today = timezone.now()
    CallCount.objects.create(caller="k", interface_id="i", window=f"{today:%Y%m%d}", calls=5)
    assert limits.forget_old_counts(today) == 2


def test_every_code_is_in_the_catalogue_and_has_a_level():
    codes = document("interface_codes")
    departments = {contract.department for contract in load_contracts().values()}
    assert {entry["level"] for entry in codes.values()} <= {"platform", "provider", *departments}
    sources = [
        *(ROOT / "src/rongqiao/bases/enterprises/interfaces").glob("*.py"), *(ROOT / "src/rongqiao/portal").glob("data_*.py")
    ]  # fmt: skip
    used = {
        code
        for path in sources
        for code in re.findall(r'CallError\(\s*"(\w+)"', path.read_text(encoding="utf-8"))
    }
    assert len(used) > 15
    assert used <= set(codes)
    assert set(codes_of_maintenance("taxation")) == {"maintenance", "filing_peak", "annual_settlement"}


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "203.0.113.9", "127.0.0.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        # What the caller writes itself stands further left.
        (1, "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        (1, "nonsense", None),
        (2, "203.0.113.9", "127.0.0.1"),
    ],
)
def test_a_call_counts_to_the_address_that_the_trusted_proxy_saw(
    client, market, interface_key, settings, proxies, forwarded, address
):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    consent(market)
    path, header = signed(interface_key)
    answer = client.get(path, headers={"Authorization": header, "X-Forwarded-For": forwarded})
    assert answer.status_code == 200
    with system_scope() as system:
        assert DataCall.objects.for_scope(system).get().address == address


def test_a_stopped_key_stays_stopped_for_its_consumer_alone(client, market, interface_key):
    act(services.revoke_key, market.officer, key_id=interface_key[0].pk, now=timezone.now())
    assert call(client, interface_key).json()["code"] == "platform.key_unknown"
