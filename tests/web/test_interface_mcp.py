"""Agents ask through the protocol: the same walls, and with each call purpose, ground and budget."""

import json

import pytest

from rongqiao.accounts.scope import scoped, system_scope
from rongqiao.bases.enterprises.interfaces import services
from rongqiao.bases.enterprises.interfaces.models import DataCall
from rongqiao.contracts.interfaces import load_interfaces
from tests.web.interface_calls import FILINGS, TABLE, authorization, consent
from tests.web.market_place import USCC

pytestmark = pytest.mark.usefixtures("tax_shelf")
ASKED = {"uscc": USCC, "purpose": "pre_loan", "basis": "consent", "budget": {"name": "agent-1", "calls": 2}}


def send(client, method, params=None, *, key=None, message_id=1, **more):
    body = json.dumps({"jsonrpc": "2.0", "id": message_id, "method": method, "params": params or {}}).encode()
    headers = {"Authorization": authorization(key, "POST", "/data/mcp", body)} if key else {}
    return client.post("/data/mcp", body, content_type="application/json", headers=headers, **more)


def tool(client, key, arguments, name=FILINGS):
    return send(client, "tools/call", {"name": name, "arguments": arguments}, key=key).json()["result"]


def test_an_agent_is_told_which_tools_there_are(client, db):
    found = send(client, "initialize", {"protocolVersion": "2025-03-26"}).json()["result"]
    assert found["protocolVersion"] == "2025-03-26"
    assert send(client, "notifications/initialized", message_id=None).status_code == 202
    tools = send(client, "tools/list").json()["result"]["tools"]
    assert {each["name"] for each in tools} == set(load_interfaces())
    assert {"purpose", "basis", "budget"} <= set(tools[0]["inputSchema"]["required"])
    assert client.get("/data/mcp").status_code == 405


def test_a_signed_call_is_answered_metered_and_bounded_by_its_budget(client, market, interface_key):
    consent(market)
    answers = [tool(client, interface_key, ASKED) for _ in range(3)]
    assert [each["isError"] for each in answers] == [False, False, True]
    assert answers[0]["structuredContent"]["data"][TABLE][0]["period"] == 202609
    assert json.loads(answers[2]["content"][0]["text"])["code"] == "platform.budget_spent"
    another = ASKED | {"budget": {"name": "agent-2", "calls": 1}}
    assert not tool(client, interface_key, another)["isError"]
    with system_scope() as system:
        calls = DataCall.objects.for_scope(system).order_by("id")
        assert [(each.via, each.code) for each in calls] == [
            ("mcp", "ok"), ("mcp", "ok"), ("mcp", "budget_spent"), ("mcp", "ok"),
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"basis": "public"}, "basis_wrong"),
        ({"basis": "curiosity"}, "parameter_wrong"),
        ({"budget": None}, "parameter_wrong"),
        ({"budget": {"name": "a", "calls": 0}}, "parameter_wrong"),
        ({"budget": {"name": "a b", "calls": 1}}, "parameter_wrong"),
        ({"purpose": "post_loan"}, "purpose_not_granted"),
        ({"uscc": "1"}, "parameter_wrong"),
        ({"hidden": 1}, "parameter_wrong"),
    ],
)
def test_what_an_agent_leaves_out_or_gets_wrong_is_named(client, market, interface_key, change, code):
    consent(market)
    found = tool(client, interface_key, ASKED | change)
    assert (found["isError"], found["structuredContent"]["code"]) == (True, f"platform.{code}")


def test_an_agent_has_no_other_rights_than_its_key(client, market, interface_key):
    assert tool(client, interface_key, ASKED)["structuredContent"]["code"] == "platform.consent_missing"
    assert tool(client, None, ASKED)["structuredContent"]["code"] == "platform.signature_missing"
    consent(market)
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                       "params": {"name": FILINGS, "arguments": ASKED}}).encode()  # fmt: skip
    header = authorization(interface_key, "POST", "/data/mcp", b"{}")
    answer = client.post(
        "/data/mcp", body, content_type="application/json", headers={"Authorization": header}
    )
    assert answer.json()["result"]["structuredContent"]["code"] == "platform.signature_wrong"
    with scoped(market.officer):
        sandbox = services.create_key(scope=market.officer, title="沙箱", is_sandbox=True)
    assert not tool(client, sandbox, ASKED)["isError"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, -32700),
        (b"[]", 400, -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": 5}', 400, -32600),
        (b'{"jsonrpc": "2.0", "id": [1], "method": "ping"}', 400, -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []}', 400, -32600),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "nothing"}', 200, -32601),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "nothing"}}', 200, -32602),
        (b" " * 70_000, 400, -32600),
        (b"[" * 60_000, 400, -32700),
    ],
)
def test_a_bad_message_is_refused_in_the_protocols_words(client, db, body, status, code):
    answer = client.post("/data/mcp", body, content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
