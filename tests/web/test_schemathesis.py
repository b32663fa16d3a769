"""The OpenAPI descriptions keep what they promise: schemathesis asks every data interface, and the portal's own API."""

import datetime as dt

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from rongqiao.accounts.scope import scoped
from rongqiao.bases.enterprises.interfaces import limits, services
from rongqiao.bases.enterprises.interfaces.describing import describe
from rongqiao.bases.enterprises.interfaces.models import CallCount
from rongqiao.contracts.interfaces import load_interfaces
from rongqiao.kernel.identifiers import complete_uscc
from rongqiao.portal.api import api
from tests.web.interface_calls import authorization

BASE = "http://127.0.0.1"
quick = settings(
    max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None
)

# The check digit of a code is beyond what a pattern says.
schemathesis.openapi.format(
    "uscc", st.integers(0, 99_999).map(lambda number: complete_uscc(f"91430100MA4L{number:05d}"))
)
interfaces = schemathesis.openapi.from_dict(describe(load_interfaces().values()))
portal = schemathesis.openapi.from_dict(api.get_openapi_schema())


@pytest.fixture
def sandbox(market):
    with scoped(market.officer):
        return services.create_key(scope=market.officer, title="沙箱", is_sandbox=True)


def send(client, case, key=None):
    """Send a case through the portal in this process, signed where there is a key."""
    kwargs = case.as_transport_kwargs(base_url=BASE)
    known = {
        name: kwargs[name]
        for name in ("method", "url", "params", "headers", "json", "data", "cookies")
        if name in kwargs
    }
    request = requests.Request(**known).prepare()
    body = request.body or b""
    body = body.encode() if isinstance(body, str) else body
    headers = dict(request.headers)
    # A case that leaves the signature out, to see it refused, stays as it is.
    if key and "Authorization" in headers:
        headers["Authorization"] = authorization(key, request.method, request.path_url, body)
    kind = headers.pop("Content-Type", "application/octet-stream")
    answer = client.generic(request.method, request.path_url, body, content_type=kind, headers=headers)
    response = httpx.Response(
        answer.status_code,
        headers=dict(answer.items()),
        content=answer.content,
        request=httpx.Request(request.method, request.url, headers=headers, content=body),
    )
    response.elapsed = dt.timedelta()
    return response


@interfaces.parametrize()
@quick
def test_data_interfaces_answer_as_described(case, client, sandbox):
    CallCount.objects.all().delete()
    limits.forget_spent()
    # Signatures have tests of their own; taking them off here would only ask the network.
    case.validate_response(send(client, case, sandbox), excluded_checks=[ignored_auth])


@portal.parametrize()
@quick
def test_the_portals_api_answers_as_described(case, client, market):
    # An absent filter is written as an empty one, which numbers refuse: absent is to be left out.
    case.validate_response(send(client, case), excluded_checks=[ignored_auth, positive_data_acceptance])
