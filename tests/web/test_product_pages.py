"""Pages of matching: a bank's products by county, a change from draft to force, an enterprise's products, the operator's pass."""

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from procrastinate.contrib.django.models import ProcrastinateJob

from rongqiao.accounts.models import Organisation
from rongqiao.accounts.scope import scope_of, system_scope
from rongqiao.bases.resources.eligibility import refresh_eligibility
from rongqiao.bases.resources.models import Eligibility, Product
from rongqiao.bases.resources.reach import reaches
from rongqiao.bases.resources.services import MATCHING_JOB
from tests.web.bank_pages import sign_in
from tests.web.market_place import NOW, person, product, write_market
from tests.web.screening_town import publish_town

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true", "HX-Target": "builder"}


@pytest.fixture
def town(tmp_path, monkeypatch, market):
    monkeypatch.setenv("RONGQIAO_VAR", str(tmp_path / "var"))
    rows = publish_town(tmp_path / "var" / "screening")
    refresh_eligibility(now=NOW)
    return rows


def words(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def page(client, name, *args, **query):
    return client.get(reverse(f"portal:{name}", args=args), query)


def queries(ask):
    with CaptureQueriesContext(connection) as seen:
        ask()
    return len(seen)


def test_a_bank_sees_where_its_product_reaches_enterprises_and_never_whom(officer, town):
    listed = words(page(officer, "bank_products"))
    assert "产品P01" in listed
    assert "产品P02" not in listed
    assert "最近一次核对" in listed
    assert "3 个产品 × 602 户企业" in listed
    shown = page(officer, "bank_product", "P01")
    text = words(shown)
    assert re.search(r"符合条件 约 \d+[05] 户", text)
    assert "开福区" in text or "430103" in text or "芙蓉区" in text
    assert not any(str(row["enterprise_id"]) in shown.content.decode() for row in town)
    told = page(officer, "bank_product", "P01", export="csv").content.decode()
    cells = [cell for line in told.splitlines()[1:] for cell in line.split(",")[3:6]]
    # The file says of a hidden count what the page says: it is neither empty nor zero.
    assert "少于 20" in cells
    numbers = [int(cell) for cell in cells if cell != "少于 20"]
    assert numbers
    assert all(number >= 20 and number % 5 == 0 for number in numbers)
    exact = Eligibility.objects.get(product__code="P01", county_code="430102").met
    assert exact % 5 or str(exact) in told
    only = words(page(officer, "bank_product", "P01", prefecture="4302"))
    assert "株洲市" in only
    assert page(officer, "bank_product", "P02").status_code == 404
    assert page(officer, "bank_shapes")["Content-Type"] == "application/geo+json"


def test_products_cost_the_same_queries_however_many(officer, town, tmp_path):
    before = queries(lambda: page(officer, "bank_products"))
    write_market(tmp_path / "more", products=[product(f"P0{number}", "B01") for number in (1, 4, 5, 6, 7)])
    from rongqiao.bases.resources.services import load_resources

    load_resources(folder=tmp_path / "more")
    assert "尚未核对" in words(page(officer, "bank_products"))
    told = page(officer, "bank_products", export="csv").content.decode().splitlines()
    cells = {line.split(",")[0].lstrip("\ufeff"): line.split(",")[3:6] for line in told}
    assert cells["产品P04"] == ["未核对"] * 3
    assert set(cells["产品P01"]) & {"少于 20"} or all(cell.isdecimal() for cell in cells["产品P01"])
    assert "未核对" not in cells["产品P01"]
    assert queries(lambda: page(officer, "bank_products")) == before


def begin(client):
    return client.post(reverse("portal:bank_product_change", args=["P01"])).url


def test_a_change_goes_from_draft_to_force_through_two_people(
    officer, town, market, django_capture_on_commit_callbacks
):
    market.publish()
    url = begin(officer)
    assert begin(officer) == url
    assert "还没有改动" in words(officer.get(url))
    swapped = officer.post(f"{url}conditions/0/move/", {"value": "61"}, headers=HTMX)
    assert swapped.content.decode().lstrip().startswith('<div id="builder"')
    assert "成立月数 不低于 61 个月" in words(swapped)
    assert "已去掉的现行条件" in words(swapped)
    refused = officer.post(f"{url}conditions/0/move/", {"value": "61.5"})
    assert refused.status_code == 422
    assert "两位有效数字" in words(refused)
    tried = words(officer.post(f"{url}try/", headers=HTMX))
    assert "近一年匹配成功 1 笔，不足 20 笔，失去多少不单独列示" in tried
    assert re.search(r"约 \d+[05] → 约 \d+[05] 户", tried)
    assert "新增，挡住" in tried
    assert "去掉，放开" in tried
    by_county(officer, url)
    assert officer.post(f"{url}submit/", {"note": "不良率上升"}).status_code == 302
    assert "起草人不能发布自己的改动" in words(officer.get(url))
    assert officer.post(f"{url}publish/").status_code == 403
    risk = sign_in(Client(), market.risk)
    assert "改动理由：不良率上升" in words(risk.get(url))
    with django_capture_on_commit_callbacks(execute=True):
        assert risk.post(f"{url}publish/").status_code == 302
    assert ProcrastinateJob.objects.filter(task_name=MATCHING_JOB).count() == 1
    assert "已发布" in words(risk.get(url))
    shown = words(page(risk, "bank_product", "P01"))
    assert "条件已改，待重新核对" in shown
    assert "第 2 版" in shown
    assert "不良率上升" in shown
    refresh_eligibility(now=NOW)
    assert "已核对" in words(page(risk, "bank_product", "P01"))


def by_county(client, url):
    """What a trial tells by county is a list as any other: sorted, filtered, swapped alone, exported."""

    def lines(**query):
        rows = client.get(url, {"export": "csv", **query}).content.decode().lstrip("\ufeff").splitlines()
        assert rows[0] == "县市区,市州,现行（约，户）,新条件（约，户）,新增（约，户）,失去（约，户）,区划代码"
        return [row.split(",") for row in rows[1:]]

    told = lines()
    assert len(told) > 1
    lost = [int(row[5]) for row in told if row[5] != "少于 20"]
    assert lost == sorted(lost, reverse=True)
    assert {row[4] for row in told} == {"少于 20"}
    assert [row[0] for row in lines(sort="name")] == sorted(row[0] for row in told)
    assert {row[1] for row in told} == {"长沙市"}
    assert len(lines(prefecture="4301")) == len(told)
    assert lines(prefecture="4302") == []
    # Where the product is sold nothing may be told; where it is not there is nothing.
    hidden = words(client.get(url, {"prefecture": "4302"}))
    assert "这个市州的县市区都不显示" in hidden
    assert "都少于 20 户（含零）" in hidden
    Product.objects.filter(code="P01").update(region_codes=["4301"])
    elsewhere = words(client.get(url, {"prefecture": "4302"}))
    assert "株洲市不在产品的服务地区内" in elsewhere
    assert "都不显示" not in elsewhere
    assert "株洲市不在产品的服务地区内" in words(page(client, "bank_product", "P01", prefecture="4302"))
    Product.objects.filter(code="P01").update(region_codes=["43"])
    part = client.get(
        url, {"prefecture": "4301", "sort": "-after"}, headers=HTMX | {"HX-Target": "counties"}
    ).content.decode()
    assert part.lstrip().startswith('<div id="counties"')
    # Standing in the answer to a POST, it still asks the page's own address.
    tried = client.post(f"{url}try/", headers=HTMX).content.decode()
    assert f'hx-get="{url}?sort=name"' in tried
    assert f"{url}try/?" not in tried


def test_a_condition_is_found_added_and_taken_out(officer, town):
    url = begin(officer)
    assert "?fact=size_class" in officer.get(url, headers=HTMX).content.decode()
    asked = {"fact": "size_class", "op": "", "value": ["small", "micro"]}
    added = words(officer.post(f"{url}conditions/", asked, headers=HTMX))
    assert re.search(r"企业规模：\S+ 新", added)
    assert (
        "企业规模"
        not in words(officer.post(f"{url}conditions/2/remove/", headers=HTMX)).split("加一个条件")[0]
    )
    assert officer.post(f"{url}discard/").status_code == 302
    assert Product.objects.get(code="P01").version == 1
    fresh = begin(officer)
    assert fresh != url


def test_an_enterprise_sees_every_product_with_what_it_lacks(client, town, market):
    Product.objects.filter(code="P03").update(
        criteria={"fact": "patents", "op": ">=", "value": 1, "text": "有发明专利", "settles": "补充专利证书"}
    )
    Product.objects.filter(code="P02").update(region_codes=["4302"])
    refresh_eligibility(now=NOW)
    owner = sign_in(client, market.owner)
    shown = words(page(owner, "enterprise_products"))
    assert re.search(r"符合 1 个产品 待确认 1 个产品", shown)
    assert "有发明专利（补充专利证书）" in shown
    assert "该产品不服务企业所在地区" in shown
    assert "在全省核对时得出" in shown
    assert "产品P03" not in words(page(owner, "enterprise_products", outcome="met")).split("按本企业画像")[0]
    before = queries(lambda: page(owner, "enterprise_products"))
    Product.objects.filter(code="P02").delete()
    assert queries(lambda: page(owner, "enterprise_products")) == before
    # What was not judged since its conditions changed is judged from the portrait at once.
    Product.objects.filter(code="P03").update(criteria={})
    later = words(page(owner, "enterprise_products"))
    assert "符合 2 个产品" in later
    assert "即时得出" in later


def test_the_operator_sees_the_pass_and_what_banks_change(
    client, officer, town, market, django_capture_on_commit_callbacks
):
    url = begin(officer)
    officer.post(f"{url}conditions/0/move/", {"value": "61"})
    officer.post(f"{url}try/")
    with system_scope():
        home = Organisation.objects.create(kind="operator", name="运营", region_code="43")
    operator = sign_in(Client(), scope_of(person(home, "operator", "operator")))
    shown = words(page(operator, "operator_matching"))
    assert "产品P03" in shown
    assert "最近一次核对" in shown
    with django_capture_on_commit_callbacks(execute=True):
        assert operator.post(reverse("portal:operator_matching_refresh")).status_code == 302
    assert ProcrastinateJob.objects.filter(task_name=MATCHING_JOB).count() == 1
    changed = words(page(operator, "operator_criteria_changes"))
    assert "起草中" in changed
    assert re.search(r"\d+ → \d+", changed)


def official(region):
    with system_scope():
        home = Organisation.objects.create(kind="government", name=f"金融办{region}", region_code=region)
    return sign_in(Client(), scope_of(person(home, "government_official", f"official{region}")))


def told_to(client, **query):
    """Product → what is told of enterprises that meet its conditions."""
    lines = page(client, "government_products", export="csv", **query).content.decode().splitlines()
    return {cells[0]: cells[2] for cells in (line.split(",") for line in lines[1:])}


def test_an_official_sees_what_each_product_reaches_in_the_region_and_its_parts(town, market):
    province, county = official("43"), official("430102")
    shown = words(page(province, "government_products"))
    assert "湖南省的存续企业" in shown
    assert "3 个产品 × 602 户企业" not in shown  # How the pass ran is the operator's.
    everywhere = told_to(province)
    assert set(everywhere) == {"产品P01", "产品P02", "产品P03"}
    # The same question has one answer, whoever asks it.
    whole = reaches(list(Product.objects.all()))
    assert everywhere["产品P01"] == str(whole[Product.objects.get(code="P01").pk].met)
    own = told_to(county)
    assert own == told_to(province, place="430102") != everywhere
    exact = Eligibility.objects.get(product__code="P01", county_code="430102").met
    assert abs(int(own["产品P01"]) - exact) <= 10
    # A place outside the region is no choice: it changes nothing.
    assert told_to(county, place="430203") == own
    assert "岳麓区" not in words(page(county, "government_products"))
