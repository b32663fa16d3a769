"""Bad input: each field says what to do and keeps what was typed; odd addresses are refused in Chinese."""

from decimal import Decimal

import pytest
from django.urls import reverse

from rongqiao.portal.bank_forms import QuoteForm, RepaymentForm
from rongqiao.portal.demand_form import DemandForm

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("", "请填写“需要金额”。"),
        ("十万", "请只写数字，例如 50，不要带单位。"),
        ("NaN", "请只写数字，例如 50，不要带单位。"),
        ("-5", "不能小于 1。"),
        ("99999999999", "不能大于 1,000,000。"),
        ("1.234", "最多 2 位小数。"),
    ],
)
def test_an_amount_is_refused_with_its_remedy_and_kept(typed, message):
    form = DemandForm({"amount": typed})
    assert form.errors["amount"] == [message]
    box = str(form["amount"])
    assert 'type="text"' in box, "A number box would swallow letters."
    assert 'inputmode="decimal"' in box
    assert not typed or f'value="{typed}"' in box


def test_a_field_that_may_be_negative_offers_the_minus_key():
    box = str(QuoteForm(products=[])["spread"])
    assert 'inputmode="text"' in box


def test_a_date_is_refused_with_an_example():
    form = RepaymentForm({"on": "昨天", "principal": "0", "interest": "0"})
    assert form.errors["on"] == ["请按 2026-01-31 的样子填写日期。"]


def test_a_good_amount_passes():
    form = DemandForm({"amount": "50"})
    assert "amount" not in form.errors
    assert form.cleaned_data["amount"] == Decimal(50)


def test_registration_names_all_that_is_wrong_at_once(client):
    typed = {
        "uscc": "9143O105MA4MQW4Y7R",
        "enterprise_name": "某公司",
        "full_name": "王",
        "phone": "123",
        "username": "wang wu",
        "password": "123",
    }
    answer = client.post(reverse("portal:register"), typed)
    assert answer.status_code == 422
    assert set(answer.context["form"].errors) == {"uscc", "phone", "username", "password"}
    page = answer.content.decode()
    assert page.count("O→0") == 1
    assert 'value="9143O105MA4MQW4Y7R"' in page


@pytest.mark.parametrize("path", ["/products/?q=%00", "/policies/?region=%00", "/register/uscc/?uscc=%00"])
def test_a_null_character_is_refused(client, path):
    answer = client.get(path)
    assert answer.status_code == 400
    assert "无法识别这个请求" in answer.content.decode()
