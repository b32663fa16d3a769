"""Government workspace: guarded, small cells never shown, data beside every chart, few queries."""

import csv
import datetime as dt
import io
import json
import re

import pytest
from django.urls import reverse
from django.utils import timezone

from rongqiao.accounts.models import Organisation, User
from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.models import Enterprise, SourceStatus
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.kernel.identifiers import complete_uscc
from rongqiao.portal.freshness import judge_sources
from rongqiao.portal.geography import assemble, counties, province_shapes
from rongqiao.portal.government_change import largest_change
from rongqiao.portal.government_map import COLOURS, build_map, class_limits, colour_of
from tests.web.market_place import Market

pytestmark = pytest.mark.django_db

PAGES = ["government", "government_counties", "government_institutions"]
QUERIES = {"government": 26, "government_counties": 14, "government_institutions": 22}
SIX = 6


@pytest.fixture
def market(tmp_path):
    return Market(tmp_path / "market")


@pytest.fixture
def official(client, market):
    return sign_in(client, "official")


def sign_in(client, name):
    client.force_login(User.objects.get(username=name))
    return client


def add_enterprises(county, count):
    with system_scope():
        Enterprise.objects.bulk_create(
            Enterprise(
                uscc=complete_uscc(f"91{county}MA4K{number:05d}"),
                name=f"企业{county}{number}",
                county_code=county,
                status="存续",
                known_at="2026-11-20",
            )
            for number in range(count)
        )


def county(code, enterprises=None, loans=None, amount=None):
    return {
        "code": code,
        "name": counties()[code],
        "enterprises": enterprises,
        "demands": 0,
        "demand_amount_cny": None,
        "loans": loans,
        "loan_amount_cny": amount,
    }


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_for_officials_alone(client, market, name):
    assert client.get(reverse(f"portal:{name}")).status_code == 302
    for stranger in ("owner", "officer", "risk"):
        assert sign_in(client, stranger).get(reverse(f"portal:{name}")).status_code == 403


@pytest.mark.parametrize("name", PAGES)
def test_queries_are_few(official, market, name, django_assert_max_num_queries):
    now = timezone.now()
    market.loan(start_on=timezone.localdate(now), now=now)
    with django_assert_max_num_queries(QUERIES[name]):
        assert official.get(reverse(f"portal:{name}")).status_code == 200


def test_a_small_cell_never_reaches_the_page(official):
    add_enterprises("430103", SIX)
    add_enterprises("430104", 3)
    add_enterprises("430105", SIX + 1)
    page = official.get(reverse("portal:government") + "?metric=enterprises").content.decode()
    cells = json.loads(re.search(r'<script id="county-map"[^>]*>(.*?)</script>', page, re.DOTALL)[1])
    shown = {cell["name"]: (cell["text"], cell["colour"]) for cell in cells}
    assert shown["430104"] == ("少于 5", "")
    assert shown["430105"][0] == "7 户"
    assert len(cells) == len(counties())
    assert (
        "少于 5，不显示"
        in official.get(reverse("portal:government_county", args=["430104"])).content.decode()
    )
    # Nothing happened there, which is not the same as too few.
    assert "暂无数据" in official.get(reverse("portal:government_county", args=["430105"])).content.decode()
    # The table beside the map says the same.
    assert page.count("少于 5") >= sum(text == "少于 5" for text, _ in shown.values())


def test_county_list_swaps_and_exports_what_it_shows(official):
    add_enterprises("430103", SIX)
    add_enterprises("430104", 3)
    url = reverse("portal:government_counties") + "?prefecture=4301"
    part = official.get(url, headers={"HX-Request": "true", "HX-Target": "counties"}).content.decode()
    assert part.strip() in official.get(url).content.decode()
    rows = csv.DictReader(
        io.StringIO(official.get(url + "&export=csv").content.decode("utf-8-sig")),
    )
    values = {row["县市区"]: row["存续企业（户）"] for row in rows}
    assert values["岳麓区"].startswith("少于")
    assert len(values) == sum(code.startswith("4301") for code in counties())


def test_a_county_of_another_region_is_refused(client, market):
    city = Organisation.objects.create(kind="government", name="长沙市工信局", region_code="4301")
    User.objects.create(username="city", organisation=city, role="government_official")
    sign_in(client, "city")
    assert client.get(reverse("portal:government_county", args=["430102"])).status_code == 200
    assert client.get(reverse("portal:government_county", args=["430202"])).status_code == 403
    assert client.get(reverse("portal:government_county", args=["430199"])).status_code == 422
    shapes = json.loads(client.get(reverse("portal:government_map")).content)
    codes = {feature["properties"]["name"] for feature in shapes["features"]}
    assert codes == {code for code in counties() if code.startswith("4301")}


def test_every_county_of_the_catalogue_has_a_shape():
    shapes = json.loads(province_shapes())
    found = {feature["properties"]["name"]: feature for feature in shapes["features"]}
    assert set(found) == set(counties())
    assert found["430212"]["properties"]["title"] == "渌口区"
    for feature in found.values():
        for polygon in feature["geometry"]["coordinates"]:
            assert polygon[0][0] == polygon[0][-1]


def test_missing_shape_files_say_what_to_do(tmp_path):
    with pytest.raises(InvalidValueError, match="make setup"):
        assemble(tmp_path)


def test_hidden_zero_and_known_cells_look_different():
    cells = [county("430102", loans=0), county("430103", loans=None), county("430104", loans=9)]
    colours = [cell["colour"] for cell in build_map(cells, "loans", 5).cells]
    assert colours == ["#ffffff", "", COLOURS[-1]]
    amounts = build_map(cells, "loan_amount_cny", 5).cells
    assert [cell["text"] for cell in amounts[:2]] == ["0 万元", "少于 5"]


def test_unknown_metric_shows_loans():
    assert build_map([county("430102", loans=5)], "drop table", 5).metric == "loans"


def test_classes_keep_order():
    values = [1, 2, 3, 4, 5, 6, 7, 8, 9, 100]
    limits = class_limits(values)
    ranks = [COLOURS.index(colour_of(value, limits)) for value in values]
    assert ranks == sorted(ranks)
    assert ranks[-1] == len(COLOURS) - 1
    assert class_limits([7, 7, 7]) == []
    assert colour_of(7, []) == COLOURS[-1]


def trend(month, **values):
    base = {"demands": 10, "demand_amount_cny": 100, "loans": 10, "loan_amount_cny": 100}
    return {"month": month} | base | values


def test_the_change_leads_with_what_moved_most():
    rows = [trend(202609), trend(202610, loans=13, demand_amount_cny=90), trend(202611, loans=1)]
    change = largest_change(rows, dt.date(2026, 11, 23))
    assert (change.label, change.month) == ("放款笔数", 202610)
    assert change.words == "比上月增加 30.0%"


def test_a_hidden_month_changes_nothing():
    rows = [trend(202609), trend(202610, loans=None, loan_amount_cny=None)]
    assert largest_change(rows, dt.date(2026, 11, 1)).label in ("需求金额", "融资需求")
    assert largest_change(rows[:1], dt.date(2026, 11, 1)) is None
    assert largest_change([], dt.date(2026, 1, 1)) is None


def test_freshness_follows_the_promised_cycle():
    def source(contract_id, delivered_on):
        return SourceStatus(contract_id=contract_id, title="", department="", delivered_on=delivered_on)

    on = dt.date(2026, 11, 23)
    judged = judge_sources(
        [
            source("taxation.tax_filing", dt.date(2026, 11, 18)),
            source("human_resources.social_insurance", dt.date(2026, 8, 1)),
            source("market_regulation.annual_report", dt.date(2026, 7, 10)),
            source("court.judicial_case", None),
            source("bank.enterprise_credit", None),
        ],
        on,
    )
    by_id = {each.source.contract_id: (each.status, each.is_late) for each in judged}
    assert by_id == {
        "taxation.tax_filing": ("ok", False),
        "human_resources.social_insurance": ("stale", True),
        "market_regulation.annual_report": ("ok", False),
        "court.judicial_case": ("missing", True),
        # Delivered once by promise: nobody is to be reminded.
        "bank.enterprise_credit": ("missing", False),
    }
    assert judged[0].status == "missing"
