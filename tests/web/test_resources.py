"""The resource base: loading, the supermarket's filters, policies."""

import datetime as dt
from decimal import Decimal

import pytest

from rongqiao.accounts.models import Organisation
from rongqiao.bases.resources import selectors
from rongqiao.bases.resources.models import Eligibility, Product
from rongqiao.bases.resources.reach import eligibility_by_prefecture
from rongqiao.bases.resources.services import load_resources
from rongqiao.kernel.errors import InvalidValueError
from tests.web.market_place import institution, policy, product, write_market

pytestmark = pytest.mark.django_db


@pytest.fixture
def folder(tmp_path):
    folder = write_market(tmp_path / "market")
    load_resources(folder=folder)
    return folder


def codes(**filters):
    return [each.code for each in selectors.list_products(**filters)]


def test_load_twice_changes_nothing(folder):
    before = list(Product.objects.order_by("code").values())
    assert load_resources(folder=folder) == {
        "institutions": 2,
        "products": 3,
        "policies": 1,
        "kept_criteria": 0,
    }
    assert list(Product.objects.order_by("code").values()) == before
    assert Organisation.objects.filter(kind="institution").count() == 2


def test_changed_criteria_raise_the_version(folder):
    write_market(
        folder, products=[product("P01", "B01", criteria={}), product("P02", "B02", rate_max_ratio=0.07)]
    )
    load_resources(folder=folder)
    assert dict(Product.objects.values_list("code", "version")) == {"P01": 2, "P02": 1, "P03": 1}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"kind": "credit"}, "code"),
        (product("P09", "B01", criteria={"fact": "age_months", "op": "~"}), "op"),
        (product("P09", "B01", min_amount_cny="many"), "金额"),
    ],
)
def test_broken_row_is_named_and_nothing_lands(tmp_path, row, message):
    folder = write_market(tmp_path / "market", products=[product("P01", "B01"), row])
    with pytest.raises(InvalidValueError, match=r"products.jsonl 第 2 行") as caught:
        load_resources(folder=folder)
    assert message in str(caught.value)
    assert not Product.objects.exists()
    assert not Organisation.objects.exists()


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, ["P01", "P03", "P02"]),
        ({"kind": "mortgage"}, ["P03"]),
        ({"guarantee": "credit"}, ["P01", "P02"]),
        ({"institution": "B02"}, ["P03", "P02"]),
        ({"amount": Decimal(500_000)}, ["P01", "P02"]),
        ({"amount": Decimal(9_000_000)}, []),
        ({"term_months": 48}, []),
        ({"region": "430102"}, ["P01", "P03", "P02"]),
        ({"region": "44"}, []),
        ({"purpose": "rd"}, []),
        ({"max_rate": Decimal("0.029")}, []),
        ({"first_loan": True, "query": "岳麓"}, ["P03", "P02"]),
        ({"query": "P03"}, ["P03"]),
        ({"sort": "speed"}, ["P01", "P02", "P03"]),
    ],
)
def test_filters(folder, filters, expected):
    assert codes(**filters) == expected


def test_withdrawn_product_leaves_the_supermarket(folder):
    Product.objects.filter(code="P01").update(status="withdrawn")
    assert codes() == ["P03", "P02"]
    assert selectors.get_product("P01").status == "withdrawn"
    assert selectors.get_product("nothing") is None


def test_unknown_order_is_refused(folder):
    with pytest.raises(InvalidValueError, match="bribe"):
        selectors.list_products(sort="bribe")


def test_facets_count_products_on_sale(folder):
    facets = selectors.product_facets()
    assert [(f.code, f.count) for f in facets["kind"]] == [("credit", 2), ("mortgage", 1)]
    assert [(f.code, f.count) for f in facets["institution"]] == [("B01", 1), ("B02", 2)]
    assert facets["guarantee"][0].title == "信用"


def test_institutions_count_products(folder):
    assert [(i.code, i.products_count) for i in selectors.list_institutions()] == [("B02", 2), ("B01", 1)]


def test_policies_of_wider_regions_apply(tmp_path):
    policies = [policy("省"), policy("长沙", region_code="4301"), policy("株洲", region_code="4302")]
    load_resources(
        folder=write_market(
            tmp_path / "m",
            institutions=[institution("B01", "甲"), institution("B02", "乙")],
            policies=policies,
        )
    )
    assert {p.title for p in selectors.list_policies(region="430102")} == {"省", "长沙"}
    assert {p.title for p in selectors.list_policies(query="株洲")} == {"株洲"}
    found = selectors.list_policies(query="株洲").get()
    assert selectors.get_policy(found.pk) == found


def test_eligibility_is_told_per_prefecture_through_disclosure_control(folder):
    product = Product.objects.get(code="P01")
    row = {"product": product, "as_of": 202610, "digest": "d"}
    Eligibility.objects.create(**row, county_code="430102", met=300, unknown=2, unmet=0)
    Eligibility.objects.create(**row, county_code="430103", met=100, unknown=1, unmet=70)
    Eligibility.objects.create(**row, county_code="430281", met=1, unknown=0, unmet=6)
    changsha, zhuzhou = eligibility_by_prefecture(product)
    assert changsha["name"] == "长沙市"
    for outcome, exact in (("met", 400), ("unmet", 70)):
        assert changsha[outcome] % 5 == 0
        assert abs(changsha[outcome] - exact) <= 8 + 2.5
    # What is small and what is nothing look the same.
    assert (changsha["unknown"], zhuzhou["met"], zhuzhou["unknown"], zhuzhou["unmet"]) == (None,) * 4
    assert eligibility_by_prefecture(product)[0] == changsha
    product.region_codes = ["4302"]
    assert [line["name"] for line in eligibility_by_prefecture(product)] == ["株洲市"]


def test_lpr_is_the_last_on_record_or_of_a_day():
    assert selectors.latest_lpr() == {"1Y": Decimal("0.03"), "5Y": Decimal("0.035")}
    assert selectors.latest_lpr(dt.date(2019, 9, 1))["1Y"] == Decimal("0.0425")
