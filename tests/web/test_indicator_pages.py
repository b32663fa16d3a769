"""The catalogue's pages: found by any name, the same as the generated reference, spread only for those who work with it."""

import csv
import io
import re

import pytest
from django.urls import reverse

from rongqiao.accounts.models import Organisation, User
from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.catalogue.models import IndicatorDecision, IndicatorStatus
from rongqiao.bases.enterprises.catalogue.selectors import read_picture
from rongqiao.bases.resources.services import load_resources
from rongqiao.indicators.reference import describe, spec_answers
from rongqiao.indicators.registry import load_indicators
from tests.web.indicator_place import status_of
from tests.web.market_place import institution, product, write_market

pytestmark = pytest.mark.django_db

SALES, EXPORTS = "tax_taxable_sales_sum_m12_cny", "customs_export_avg_m3_cny"


@pytest.fixture
def published():
    status_of(SALES)
    status_of(
        EXPORTS, coverage=0.12, verdict="failing", state="suspended", state_reason="覆盖率 12.0%，低于 20%", reasons=["覆盖率 12.0%，低于 20%"],
    )  # fmt: skip


def sign_in(client, kind, role, **fields):
    organisation = Organisation.objects.create(kind=kind, name=f"{kind}甲", region_code="43", **fields)
    client.force_login(User.objects.create(username=role, organisation=organisation, role=role))
    return client


def page(client, indicator_id=SALES, **asked):
    return client.get(reverse("portal:indicator", args=[indicator_id]), asked).content.decode()


def found_ids(client, **asked):
    listed = client.get(reverse("portal:indicators"), asked).content.decode()
    return re.findall(r'href="/indicators/([a-z0-9_]+)/"', listed)


def test_it_is_found_by_chinese_and_english_name_id_and_theme(client, published):
    assert found_ids(client, q="应税销售额 合计") == [SALES]
    assert found_ids(client, q="taxable SALES, sum") == [SALES]
    assert found_ids(client, q="taxable_sales_sum") == [SALES]
    assert set(found_ids(client, q="进出口")) <= {
        name for name in load_indicators() if name.startswith("customs")
    }
    assert found_ids(client, q="没有这样的指标") == []


def test_it_is_filtered_by_health_state_class_and_owner(client, published):
    assert found_ids(client, state="suspended") == [EXPORTS]
    assert found_ids(client, health="failing") == [EXPORTS]
    assert found_ids(client, health="ok") == [SALES]
    assert SALES in found_ids(
        client, **{"class": "tax", "theme": "tax", "direction": "higher_better", "owner": "税务局"}
    )
    assert found_ids(client, health="never", theme="customs", sort="-coverage")


def test_the_list_takes_few_queries_and_exports_all(client, published, django_assert_max_num_queries):
    with django_assert_max_num_queries(4):
        client.get(reverse("portal:indicators"))
    text = client.get(reverse("portal:indicators"), {"export": "csv", "theme": "customs"}).content.decode(
        "utf-8-sig"
    )
    head, *rows = csv.reader(io.StringIO(text))
    assert {"指标", "标识", "公式", "适用企业", "数据项", "版本"} <= set(head)
    assert len(rows) == 20
    assert "有进出口记录的企业" in rows[0]


def test_a_page_says_what_the_generated_reference_says(client, published):
    shown = page(client)
    declared = load_indicators()[SALES]
    for label, words in describe(declared).items():
        if label != "数据项":
            assert words in shown, label
    for item in declared.items:
        assert item in shown
    assert declared.definition in shown
    assert spec_answers(SALES)["一般企业"] == 1440
    assert "1,440" in shown
    assert "第 2 版" in shown
    assert "Σ旧公式" in shown


def test_spread_is_for_those_who_work_with_it(client, published):
    assert "供金融机构、政府部门" in page(client)
    assert "25% 位" not in page(client)
    assert "89.5%" in page(client)
    assert "25% 位" not in page(sign_in(client, "enterprise", "enterprise_owner"))
    for kind, role in (
        ("institution", "bank_officer"),
        ("government", "government_official"),
        ("operator", "operator"),
    ):
        assert "25% 位" in page(sign_in(client, kind, role)), role


def test_a_department_sees_the_spread_of_its_own_data_and_the_way_to_its_items(client, published):
    sign_in(client, "department", "department_clerk", department_code="taxation")
    assert "25% 位" in page(client)
    assert reverse(
        "portal:department_lineage_item", args=["taxation.tax_filing", "taxable_sales_cny"]
    ) in page(client)
    assert "25% 位" not in page(client, EXPORTS)


def test_small_cells_are_withheld_and_cannot_be_worked_out(published):
    picture = read_picture(IndicatorStatus.objects.get(pk=SALES))
    regions = {group.code: group for group in picture.regions}
    assert (regions["4331"].covered, regions["4331"].coverage, regions["4331"].quantiles) == (None, None, ())
    # Else the total less the others would tell it.
    assert regions["4302"].covered is None
    assert regions["4301"].covered == 1300
    assert regions["4301"].quantiles == (1e5, 3e5, 6e5, 9e5, 1.1e6)
    assert [bar.share is None for bar in picture.bars] == [True, False, False, True]


def test_a_suspended_one_says_why(client, published):
    shown = page(client, EXPORTS)
    assert "暂停使用：覆盖率 12.0%，低于 20%" in shown
    assert "不作零" in shown


def test_products_that_judge_by_it_are_named(client, published, tmp_path, django_assert_max_num_queries):
    criteria = {"all": [{"fact": SALES, "op": ">=", "value": 1, "text": "有销售", "settles": "授权纳税数据"}]}
    write_market(
        tmp_path,
        institutions=[institution("B1", "甲银行")],
        products=[product("P1", "B1", criteria=criteria), product("P2", "B1")],
    )
    with system_scope():
        load_resources(folder=tmp_path)
    shown = page(client)
    assert "产品P1" in shown
    assert "产品P2" not in shown
    assert "甲银行" in shown
    sign_in(client, "operator", "operator")
    with django_assert_max_num_queries(8):
        page(client)


def test_an_operator_decides_with_a_reason_and_readers_see_it(client, published):
    sign_in(client, "operator", "operator")
    url = reverse("portal:operator_indicator", args=[EXPORTS])
    shown = client.get(url).content.decode()
    assert "核准继续使用：" in shown
    assert "恢复使用：" not in shown
    refused = client.post(url, {"event": "release", "reason": ""})
    assert refused.status_code == 422
    assert client.post(url, {"event": "resume", "reason": "已核对"}).status_code == 422
    done = client.post(url, {"event": "release", "reason": "海关下月补报，先用"})
    assert done.headers["Location"] == reverse("portal:indicator", args=[EXPORTS])
    assert IndicatorStatus.objects.get(pk=EXPORTS).state == "released"
    assert "海关下月补报，先用" in client.get(url).content.decode()
    with system_scope():
        assert IndicatorDecision.objects.get().event == "release"


def test_an_unknown_one_is_not_found_and_one_without_figures_is_not_called_healthy(client):
    assert client.get(reverse("portal:indicator", args=["no_such_count"])).status_code == 404
    assert "尚未检查" in page(client)
    assert "本平台还没有计算过" in page(client)


def test_the_swap_is_the_list_of_the_page(client, published):
    url = reverse("portal:indicators")
    whole = client.get(url, {"state": "suspended"}).content.decode()
    swapped = client.get(
        url, {"state": "suspended"}, HTTP_HX_REQUEST="true", HTTP_HX_TARGET="indicators"
    ).content.decode()
    assert swapped.strip() in whole


def test_its_worked_example_names_no_file_of_the_source_code(client, published):
    told = page(client)
    assert "算例" in told
    assert "tests/" not in told
    assert ".yaml" not in told
