"""The public API: pages, filters, errors in one shape, and a description without scripts from elsewhere."""

from decimal import Decimal

import pytest

from rongqiao.bases.resources.models import Product
from tests.web.market_place import Market

pytestmark = pytest.mark.django_db

PROBLEM = {"code", "title", "detail"}


@pytest.fixture
def market(tmp_path):
    return Market(tmp_path / "market")


def get(client, path, **query):
    return client.get(f"/api/v1{path}", query)


def test_products_page_and_filter(client, market, django_assert_max_num_queries):
    with django_assert_max_num_queries(6):
        whole = get(client, "/products").json()
    assert (whole["count"], len(whole["items"]), whole["page"]) == (3, 3, 1)
    first = get(client, "/products", page_size=2).json()
    second = get(client, "/products", page_size=2, page=2).json()
    beyond = get(client, "/products", page_size=2, page=3).json()
    codes = [item["code"] for item in first["items"] + second["items"]]
    assert sorted(codes) == ["P01", "P02", "P03"]
    assert (beyond["items"], beyond["count"]) == ([], 3)
    assert [item["code"] for item in get(client, "/products", guarantee="mortgage").json()["items"]] == [
        "P03"
    ]
    assert get(client, "/products", amount_cny="50000").json()["count"] == 0


def test_numbers_keep_their_decimals(client, market):
    item = get(client, "/products/P01").json()
    assert Decimal(str(item["rate_min_ratio"])) == Decimal("0.03")
    assert Decimal(str(item["max_amount_cny"])) == Decimal("5000000.00")
    assert item["institution_name"] == "湘江示范银行"
    assert item["criteria"]["all"]
    assert item["eligibility"] == []


def test_products_not_on_sale_are_not_there(client, market):
    Product.objects.filter(code="P01").update(status="withdrawn")
    answer = get(client, "/products/P01")
    assert answer.status_code == 404
    assert set(answer.json()) == PROBLEM
    assert get(client, "/products").json()["count"] == 2


@pytest.mark.parametrize(
    "query",
    [
        {"page": 0},
        {"page_size": 1000},
        {"amount_cny": "-1"},
        {"amount_cny": "NaN"},
        {"sort": "random"},
        {"region": "99x"},
        {"max_rate_ratio": "5"},
        {"query": "长" * 61},
    ],
)
def test_bad_parameters_are_answered_in_one_shape(client, market, query):
    answer = get(client, "/products", **query)
    assert answer.status_code == 422
    assert set(answer.json()) == PROBLEM
    assert answer.json()["detail"]


def test_prime_rate_of_a_day(client):
    rates = {each["tenor"]: each for each in get(client, "/lpr", on="2024-12-01").json()}
    assert Decimal(str(rates["1Y"]["ratio"])) == Decimal("0.0310")
    assert rates["1Y"]["since"] == "2024-10-21"
    assert "全国银行间同业拆借中心" in rates["5Y"]["source"]
    assert get(client, "/lpr", on="2001-01-01").json() == []


def test_small_figures_are_null(client, market):
    market.publish()
    figures = get(client, "/figures").json()
    assert figures["market"]["demands"] is None
    assert figures["market"]["demand_amount_cny"] is None
    assert figures["base"]["enterprises"] == 2


def test_description_without_a_docs_page(client):
    described = client.get("/api/v1/openapi.json").json()
    assert described["openapi"].startswith("3.")
    assert set(described["paths"]) == {
        "/api/v1/products",
        "/api/v1/products/{code}",
        "/api/v1/figures",
        "/api/v1/lpr",
    }
    assert client.get("/api/v1/docs").status_code == 404


def test_the_api_changes_nothing(client, market):
    for path in ("/products", "/figures", "/lpr"):
        assert client.post(f"/api/v1{path}").status_code == 405
