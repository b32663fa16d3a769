"""Public pages of the data interfaces: found by a question, told from the one file, and never green without knowledge."""

import datetime as dt
import json
import re

import pytest
from django.urls import reverse
from django.utils import timezone

from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.interfaces.models import DataCall, Maintenance
from rongqiao.bases.enterprises.interfaces.pinging import forget_outcomes
from rongqiao.bases.enterprises.interfaces.sandbox import USCC as SAMPLE_USCC
from rongqiao.bases.enterprises.interfaces.secret import sm3_hex
from rongqiao.bases.enterprises.models import SourceStatus
from rongqiao.contracts.catalog import code_list
from rongqiao.contracts.interfaces import load_interface, load_interfaces
from rongqiao.contracts.standards import load_contract
from rongqiao.kernel.identifiers import check_uscc
from rongqiao.portal.interface_sheet import codes_of, signing_text
from tests.web.interface_calls import FILINGS, TABLE, call, consent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tax_shelf")]
CATALOGUE = "/interfaces/"
STATUS = "/interfaces/status/"


@pytest.fixture(autouse=True)
def _count_calls_anew():
    forget_outcomes()
    yield
    forget_outcomes()


def page_of(client, interface_id=FILINGS):
    return client.get(reverse("portal:interface", args=[interface_id]))


def row_of(html, title):
    """Line of the status list that is about one interface."""
    return next(row for row in re.findall(r"<tr>.*?</tr>", html, re.DOTALL) if f">{title}" in row)


@pytest.mark.parametrize("query", ["欠税", "企业有没有欠税", "欠税 税务局", "欠税余额"])
def test_an_interface_is_found_by_a_question_in_ones_own_words(client, query):
    assert load_interface(FILINGS).title in client.get(CATALOGUE, {"q": query}).content.decode()


def test_what_matches_nothing_says_so_and_offers_the_way_back(client):
    html = client.get(CATALOGUE, {"q": "火星移民"}).content.decode()
    assert "没有符合条件的内容" in html
    assert client.get(CATALOGUE, {"provider": "nobody", "purpose": "x"}).status_code == 200


def test_a_coded_field_lists_its_codes_and_a_required_one_is_never_null(client):
    html = page_of(client, "asset_preservation").content.decode()
    code, title = code_list("frozen_asset_kinds").choices()[0]
    assert f"<code>{code}</code> {title}" in html
    assert "必填，不会为空" in html


def test_filters_narrow_by_department_and_purpose(client):
    html = client.get(CATALOGUE, {"provider": "taxation", "purpose": "pre_loan"}).content.decode()
    wanted = [e for e in load_interfaces().values() if e.provider == "taxation" and "pre_loan" in e.purposes]
    assert f"共 <b>{len(wanted)}</b> 条" in html


@pytest.mark.parametrize("address", [f"{CATALOGUE}?provider=taxation", f"{STATUS}?provider=taxation"])
def test_a_swap_is_the_list_of_the_full_page(client, address):
    name = "interfaces" if "status" not in address else "states"
    swapped = client.get(address, headers={"HX-Request": "true", "HX-Target": name}).content.decode()
    whole = client.get(address).content.decode()
    assert swapped.startswith(f'<div id="{name}"')
    assert re.sub(r"\s+", "", swapped) in re.sub(r"\s+", "", whole)


@pytest.mark.parametrize("interface_id", list(load_interfaces()))
def test_every_interface_has_its_page_with_every_item_and_what_null_means(client, interface_id):
    interface = load_interface(interface_id)
    response = page_of(client, interface_id)
    html = response.content.decode()
    assert response.status_code == 200
    for words in (interface.covered, interface.not_covered, interface.definition):
        assert words in html
    for dataset in interface.datasets:
        contract = load_contract(dataset.contract_id)
        for item in map(contract.item, dataset.fields):
            assert f">{item.id}</code>" in html
            assert item.null_means in html


def test_the_page_tells_masks_limits_and_how_to_ask(client):
    html = page_of(client).content.decode()
    assert "脱敏：只答金额区间" in html
    assert "20,000 次" in html
    assert f"client.read(&quot;{FILINGS}&quot;" in html
    assert "taxation.filing_peak" in html
    assert "court.docket_migration" not in html
    assert page_of(client, "nothing").status_code == 404


def test_the_sample_is_the_sandbox_answer_and_its_code_belongs_to_nobody(client):
    html = page_of(client).content.decode()
    sample = json.loads(
        re.search(r'aria-label="示例应答">(.*?)</pre>', html, re.DOTALL)[1].replace("&quot;", '"')
    )
    assert check_uscc(SAMPLE_USCC) == sample["uscc"] == SAMPLE_USCC
    assert set(sample["data"]) == {TABLE}
    assert sample["meta"]["interface"] == FILINGS


def test_what_is_said_about_signing_is_what_is_checked():
    assert sm3_hex(b"") in signing_text(load_interface(FILINGS), SAMPLE_USCC)
    levels = dict(codes_of(load_interface("judicial_records")))
    assert len(levels) == 3
    assert [each["code"] for each in levels["高级人民法院（专用）"]] == ["court.docket_migration"]


def test_without_calls_or_deliveries_nothing_is_green(client):
    html = client.get(STATUS).content.decode()
    row = row_of(html, load_interface("annual_reports").title)
    assert "近期无调用，未知" in row
    assert "尚未供数，未知" in row
    assert "rq-good" not in row


def test_states_follow_real_calls_and_windows(client, market, interface_key):
    title = load_interface(FILINGS).title
    consent(market)
    assert call(client, interface_key).status_code == 200
    assert "正常应答" in row_of(client.get(STATUS, {"provider": "taxation"}).content.decode(), title)
    with system_scope() as system:
        DataCall.objects.for_scope(system).update(code="failed")
    forget_outcomes()
    assert "读取失败" in row_of(client.get(STATUS, {"provider": "taxation"}).content.decode(), title)
    now = timezone.now()
    Maintenance.objects.create(
        provider="taxation", starts_at=now - dt.timedelta(minutes=5), ends_at=now + dt.timedelta(hours=1), reason="系统升级"
    )  # fmt: skip
    html = client.get(STATUS, {"provider": "taxation"}).content.decode()
    assert "维护中" in row_of(html, title)
    assert "系统升级" in html
    assert "维护中" in page_of(client).content.decode()


def test_calls_of_the_sandbox_prove_nothing(client, market, interface_key):
    with system_scope():
        DataCall.unscoped.create(
            at=timezone.now(), key=interface_key[0], consumer_id=market.officer.organisation_id, interface_id=FILINGS,
            provider="taxation", basis="sandbox", code="ok", records=1,
        )  # fmt: skip
    assert "近期无调用，未知" in row_of(
        client.get(STATUS, {"provider": "taxation"}).content.decode(), load_interface(FILINGS).title
    )


def test_a_source_shows_its_age(client):
    SourceStatus.objects.create(
        contract_id=TABLE, title="各月申报", department="taxation", delivered_on=timezone.localdate() - dt.timedelta(days=90)
    )  # fmt: skip
    row = row_of(client.get(STATUS, {"provider": "taxation"}).content.decode(), load_interface(FILINGS).title)
    assert "逾期未更新" in row


def test_pages_ask_as_much_of_the_database_for_many_as_for_one(
    client, django_assert_max_num_queries, market, interface_key
):
    now = timezone.now()
    with django_assert_max_num_queries(14):
        client.get(STATUS)
    forget_outcomes()
    Maintenance.objects.bulk_create(
        Maintenance(provider=each, starts_at=now, ends_at=now + dt.timedelta(hours=1), reason="x")
        for each in {interface.provider for interface in load_interfaces().values()}
    )
    with django_assert_max_num_queries(14):
        client.get(STATUS)
