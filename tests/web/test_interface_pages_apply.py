"""A bank applies for data interfaces, amends, and reads what the reviewer said."""

import re

import pytest
from django.utils import timezone

from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.interfaces import services
from rongqiao.bases.enterprises.interfaces.models import Authorisation, Submission
from tests.web.bank_pages import url
from tests.web.interface_calls import FILINGS, TABLE, act, apply, call, consent, review

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tax_shelf")]
TERMS = {
    "purposes": ["pre_loan"],
    "justification": "用于小微企业贷款申请的贷前审查",
    "valid_days": "180",
    "table_0": ["period", "arrears_cny"],
}


def test_a_bank_applies_for_just_the_items_it_ticked(officer, market):
    response = officer.post(url("_apply", FILINGS), TERMS)
    with system_scope() as system:
        made = Submission.objects.for_scope(system).get()
    assert response.headers["Location"] == url("_submission", made.pk)
    assert made.terms["fields"] == {TABLE: ["period", "arrears_cny"]}
    assert (made.terms["valid_days"], made.consumer_id) == (180, market.officer.organisation_id)
    html = officer.get(response.headers["Location"]).content.decode()
    assert "等待税务局审核" in html
    assert "所属期、欠税余额" in html


def test_sensitive_items_are_not_ticked_beforehand(officer):
    html = officer.get(url("_apply", FILINGS)).content.decode()
    ticked = re.findall(r'name="table_0" value="(\w+)"[^>]*checked', html)
    assert "period" in ticked
    assert not {"arrears_cny", "taxable_sales_cny"} & set(ticked)
    assert "government_duty" not in html


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"purposes": []}, "请选择“用途”"),
        ({"purposes": ["government_duty"]}, "请从列出的选项中选择"),
        ({"justification": "贷款"}, "至少十个字"),
        ({"valid_days": "731"}, "不能大于 730"),
        ({"valid_days": "一年"}, "请只写整数"),
        ({"table_0": []}, "请选择“各月申报”"),
        ({"table_0": ["password"]}, "请从列出的字段中选择"),
    ],
)
def test_a_wrong_application_says_what_to_mend_and_leaves_nothing(officer, changes, words):
    response = officer.post(url("_apply", FILINGS), TERMS | changes)
    assert response.status_code == 422
    assert words in response.content.decode()
    with system_scope() as system:
        assert not Submission.objects.for_scope(system).exists()


def test_an_application_for_no_item_of_several_tables_is_refused(officer):
    response = officer.post(url("_apply", "electricity"), {**TERMS, "table_0": []})
    assert "请至少选择一个字段" in response.content.decode()


def test_what_serves_officials_alone_cannot_be_applied_for(officer):
    assert "只供政府部门依法履职使用" in officer.get(url("_apply", "identity_keys")).content.decode()
    assert officer.post(url("_apply", "identity_keys"), TERMS).status_code == 422
    assert officer.get(url("_apply", "nothing")).status_code == 404


def test_a_second_application_waits_for_the_first(officer, market):
    apply(market.officer)
    assert "前一次申请尚在审核" in officer.get(url("_apply", FILINGS)).content.decode()
    response = officer.post(url("_apply", FILINGS), TERMS)
    assert response.status_code == 422
    with system_scope() as system:
        assert Submission.objects.for_scope(system).count() == 1


def test_an_amendment_begins_with_what_was_asked_and_leaves_the_grant(
    officer, market, tax_clerk, interface_key
):
    html = officer.get(url("_apply", FILINGS)).content.decode()
    assert "在新授权获批前一直有效" in html
    assert re.search(r'name="table_0" value="arrears_cny"[^>]*checked', html)
    officer.post(url("_apply", FILINGS), TERMS | {"purposes": ["pre_loan", "post_loan"]})
    with system_scope() as system:
        second = Submission.objects.for_scope(system).order_by("-created_at").first()
    shown = officer.get(url("_submission", second.pk)).content.decode()
    assert "现有授权" in shown
    assert "增加：贷后管理" in shown
    assert "减少：应税销售收入" in shown
    consent(market)
    assert call(officer, interface_key).status_code == 200
    review(tax_clerk, second, "changes_requested", "贷后用途请说明查询频率")
    shown = officer.get(url("_submission", second.pk)).content.decode()
    assert "贷后用途请说明查询频率" in shown
    assert "修改后重新申请" in shown
    assert "贷后用途请说明查询频率" in officer.get(url("_apply", FILINGS)).content.decode()
    assert call(officer, interface_key).status_code == 200


def test_a_grant_is_shown_as_it_was_frozen_and_why_it_ended(officer, market, tax_clerk, interface_key):
    with system_scope() as system:
        grant = Authorisation.objects.for_scope(system).get()
    html = officer.get(url("_authorisation", grant.pk)).content.decode()
    assert "应税销售收入" in html
    assert "有效" in html
    act(
        services.revoke_authorisation, tax_clerk, authorisation_id=grant.pk, reason="用途不符", now=timezone.now()
    )  # fmt: skip
    html = officer.get(url("_authorisation", grant.pk)).content.decode()
    assert "用途不符" in html
    assert "重新申请" in html
    assert "已终止" in officer.get(url("_authorisations"), {"status": "ended"}).content.decode()
    assert "共 <b>0</b> 条" in officer.get(url("_authorisations"), {"status": "live"}).content.decode()
