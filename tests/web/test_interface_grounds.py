"""On what ground an interface answers, and of which day: what was told the enterprise is what was so."""

import datetime as dt
import json

import pytest
from django.utils import timezone

from rongqiao.accounts.models import Organisation
from rongqiao.accounts.scope import scope_of, scoped, system_scope
from rongqiao.bases.enterprises.interfaces import answers, services
from rongqiao.bases.enterprises.interfaces.models import DataCall
from rongqiao.bases.enterprises.models import ReadRecord
from rongqiao.contracts.interfaces import load_interface
from tests.web.interface_calls import Shelf, apply, authorization, call, code, consent, review
from tests.web.market_place import USCC, person

pytestmark = pytest.mark.usefixtures("tax_shelf")
#: Titles that anybody may read beside an evaluation that needs the enterprise's consent (class ``operations``).
MIXED = "quality_smes"


@pytest.fixture
def mixed_key(market):
    """Give the bank a grant of an interface of public and private tables, and a key."""
    interface = load_interface(MIXED)
    with system_scope():
        provider = Organisation.objects.create(
            kind="department", name="提供部门", region_code="43", department_code=interface.provider
        )
        clerk = scope_of(person(provider, "department_clerk", "mixed-clerk"))
    review(clerk, apply(market.officer, interface_id=MIXED))
    with scoped(market.officer):
        return services.create_key(scope=market.officer, title="信贷系统")


def agent(client, key, basis):
    """Ask as an agent that declares its ground; returns the tool's answer."""
    asked = {"uscc": USCC, "purpose": "pre_loan", "basis": basis, "budget": {"name": "a", "calls": 9}}
    body = json.dumps(
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": MIXED, "arguments": asked}}
    ).encode()
    headers = {"Authorization": authorization(key, "POST", "/data/mcp", body)}
    answer = client.post("/data/mcp", body, content_type="application/json", headers=headers)
    return answer.json()["result"]["structuredContent"]


def grounds():
    with system_scope() as system:
        reads = ReadRecord.objects.for_scope(system).order_by("pk").values_list("basis", "consent_id")
        calls = DataCall.objects.for_scope(system).filter(code="ok").order_by("pk")
        assert list(calls.values_list("basis", "consent_id")) == list(reads)
        return list(reads)


def test_what_is_read_without_consent_is_recorded_as_public(client, market, mixed_key):
    assert call(client, mixed_key, interface=MIXED).status_code == 200
    unrelated = consent(market, classes=("tax",))
    assert call(client, mixed_key, interface=MIXED).status_code == 200
    assert grounds() == [("public", None)] * 2
    agreed = consent(market, classes=("operations",))
    assert unrelated.pk != agreed.pk
    body = call(client, mixed_key, interface=MIXED).json()
    assert body["data"]["industry.srdi_evaluation"]
    assert grounds()[2] == ("consent", agreed.pk)


def test_an_agent_declares_the_ground_that_is_there(client, market, mixed_key):
    assert agent(client, mixed_key, "public")["uscc"] == USCC
    assert agent(client, mixed_key, "consent")["code"] == "platform.basis_wrong"
    consent(market, classes=("operations",))
    assert agent(client, mixed_key, "consent")["uscc"] == USCC
    assert agent(client, mixed_key, "public")["code"] == "platform.basis_wrong"


def test_a_bank_reads_only_what_stands_today(client, market, interface_key):
    consent(market)
    today = timezone.localdate()
    refused = call(client, interface_key, more=f"&known_at={today - dt.timedelta(days=1)}")
    assert (refused.status_code, code(refused)) == (403, "platform.past_closed")
    assert f"填 {today}" in refused.json()["detail"]
    for day in (today, today + dt.timedelta(days=1)):
        assert call(client, interface_key, more=f"&known_at={day}").status_code == 200
    assert len(grounds()) == 2


def test_an_earlier_day_is_for_duty_and_sandbox_and_still_read_as_of_today(
    client, market, tax_clerk, monkeypatch
):
    asked = []

    class Watched(Shelf):
        def rows(self, contract, uscc, *, as_of, known_at, read_on):
            asked.append((known_at, read_on))
            return super().rows(contract, uscc, as_of=as_of, known_at=known_at)

    monkeypatch.setattr(answers, "store", Watched)
    review(
        tax_clerk,
        apply(market.official, purposes=["government_duty"], justification="依职责开展企业服务和政策评估"),
    )
    with scoped(market.official):
        key = services.create_key(scope=market.official, title="政务系统")
    past = "&known_at=2024-01-01"
    assert call(client, key, purpose="government_duty", more=past).status_code == 200
    assert asked == [(dt.date(2024, 1, 1), timezone.localdate())]
    with scoped(market.officer):
        sandbox = services.create_key(scope=market.officer, title="沙箱", is_sandbox=True)
    assert call(client, sandbox, more=past).status_code == 200
    assert len(asked) == 1


def test_the_description_and_the_page_say_what_the_two_times_mean(client, market):
    described = client.get("/data/openapi.json").json()["paths"][f"/data/v1/{MIXED}"]["get"]["parameters"]
    (known_at,) = [each for each in described if each["name"] == "known_at"]
    assert "government_duty" in known_at["description"]
    html = client.get(f"/interfaces/{MIXED}/").content.decode()
    assert known_at["description"] in html
    assert "platform.past_closed" in html
