"""Public pages: open to all, a list's swap equals the page, registration answers as one types."""

import re

import pytest
from django.urls import reverse

from rongqiao.accounts.models import Organisation
from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.models import Enterprise
from rongqiao.bases.resources.models import Institution, Product

pytestmark = pytest.mark.django_db

PAGES = ["home", "products", "policies", "institutions", "transparency", "register"]
USCC = "91430102MA4L0000X6"


@pytest.fixture
def product():
    organisation = Organisation.objects.create(kind="institution", name="湘江示范银行", region_code="43")
    institution = Institution.objects.create(
        organisation=organisation, code="B001", short_name="湘江示范", kind="city_bank"
    )
    terms = {
        "institution": institution,
        "min_amount_cny": 100_000,
        "max_amount_cny": 3_000_000,
        "min_term_months": 3,
        "max_term_months": 24,
        "rate_min_ratio": "0.0365",
        "rate_max_ratio": "0.0520",
        "guarantee_kinds": ["credit"],
        "repayment_methods": ["interest_first"],
        "purposes": ["working_capital"],
        "region_codes": ["43"],
        "processing_days": 3,
        "published_on": "2026-01-05",
    }
    criteria = {
        "all": [
            {
                "fact": "age_months",
                "op": ">=",
                "value": 12,
                "text": "成立满 12 个月",
                "settles": "满一年后再申请",
            }
        ]
    }
    Product.objects.create(**terms, code="P002", name="稳企贷", summary="抵押", kind="mortgage")
    return Product.objects.create(
        **terms, code="P001", name="税易贷", summary="凭纳税记录", kind="credit", criteria=criteria
    )


def listing_of(html: str, name: str) -> str:
    """The list's own element, cut out of a page; it ends where the page's layout goes on."""
    start = html.index(f'<div id="{name}"')
    depth = 0
    for tag in re.finditer(r"<(/?)div\b", html[start:]):
        depth += -1 if tag[1] else 1
        if depth == 0:
            return html[start : start + tag.end() + 1]
    raise AssertionError("the list does not end")


@pytest.mark.parametrize("name", PAGES)
def test_public_pages_open_for_everybody(client, product, name):
    answer = client.get(reverse(f"portal:{name}"))
    assert answer.status_code == 200
    assert 'lang="zh-hans"' in answer.content.decode()


def test_a_browser_that_prefers_english_still_gets_chinese_unless_it_was_chosen(client):
    page = client.get("/", headers={"accept-language": "en"}).content.decode()
    assert 'lang="zh-hans"' in page
    client.post("/language/", {"language": "en", "next": "/"})
    assert 'lang="en"' in client.get("/").content.decode()


@pytest.mark.parametrize("query", ["", "?kind=credit", "?q=%E7%A8%8E&sort=-max_amount_cny", "?amount=1000"])
def test_swap_of_the_supermarket_equals_the_page(client, product, query):
    url = reverse("portal:products") + query
    whole = client.get(url).content.decode()
    part = client.get(url, headers={"HX-Request": "true", "HX-Target": "products"}).content.decode()
    assert listing_of(whole, "products") == part.strip()


def test_filters_narrow_and_unknown_values_are_ignored(client, product):
    url = reverse("portal:products")
    assert "稳企贷" not in client.get(url, {"kind": "credit"}).content.decode()
    page = client.get(
        url, {"kind": "'; DROP", "region": "99", "rate": "NaN", "amount": "inf", "term": "²"}
    ).content.decode()
    assert "税易贷" in page
    assert "稳企贷" in page


def test_export_carries_the_filtered_rows(client, product):
    answer = client.get(reverse("portal:products"), {"kind": "credit", "export": "csv"})
    lines = answer.content.decode("utf-8-sig").splitlines()
    assert lines[0].startswith("产品,机构")
    assert len(lines) == 2
    assert "税易贷" in lines[1]


def test_product_page_says_criteria_in_words(client, product):
    page = client.get(reverse("portal:product", args=["P001"])).content.decode()
    assert "成立满 12 个月" in page
    assert "满一年后再申请" in page
    assert client.get(reverse("portal:product", args=["P999"])).status_code == 404


def test_code_check_answers_while_typing(client):
    with system_scope():
        Enterprise.objects.create(
            uscc=USCC, name="长沙湘辉陶瓷有限公司", status="存续", known_at="2026-11-20"
        )
    url = reverse("portal:register_uscc")

    def answer(code):
        return client.get(url, {"uscc": code}).content.decode()

    assert "已输入 5 位" in answer("91430")
    assert "O→0" in answer("9143O")
    assert "校验位不符" in answer(USCC[:-1] + "A")
    assert "长沙湘辉陶瓷有限公司" in answer(USCC.lower())


def test_registration_signs_in_and_a_wrong_code_stays_on_the_form(client):
    form = {
        "uscc": USCC,
        "enterprise_name": "长沙湘辉陶瓷有限公司",
        "full_name": "周敏",
        "phone": "13800000000",
        "username": "zhoumin",
        "password": "xiang-hui-2026",
    }
    wrong = client.post(reverse("portal:register"), {**form, "uscc": USCC[:-1] + "A"})
    assert wrong.status_code == 422
    assert "校验位不符" in wrong.content.decode()
    answer = client.post(reverse("portal:register"), form)
    assert answer.url == reverse("portal:workspace")
    assert client.get(answer.url).url == "/enterprise/"


@pytest.mark.parametrize("name", ["account_login", "account_reset_password", "account_signup"])
def test_sign_in_pages_wear_the_portals_look(client, name):
    page = client.get(reverse(name)).content.decode()
    assert "rq-header" in page
