"""Bank pages of the data interfaces: apply, amend, hold keys, meter, subscribe, delegate, explain."""

import datetime as dt
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from rongqiao.accounts.scope import scoped, system_scope
from rongqiao.bases.enterprises.interfaces import delegations, questions, selectors, webhooks
from rongqiao.bases.enterprises.interfaces.models import (
    AccessQuestion,
    DataCall,
    InterfaceKey,
    Webhook,
)
from rongqiao.contracts.interfaces import load_interface
from tests.web.bank_pages import sign_in, url
from tests.web.interface_calls import FILINGS, act, apply, call, code, consent, review
from tests.web.market_place import OTHER_USCC, USCC

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tax_shelf")]
HOOK = "https://bank.example.com/hook"


@pytest.fixture
def many_calls(market, interface_key):
    """Forty calls of one key, two a day, every fourth refused."""
    now = timezone.now()
    with system_scope():
        DataCall.unscoped.bulk_create(
            DataCall(
                at=now - dt.timedelta(days=number // 2), key=interface_key[0], consumer_id=market.officer.organisation_id,
                interface_id=FILINGS, provider="taxation", subject_uscc=USCC if number % 2 else OTHER_USCC,
                purpose="pre_loan", basis="consent", code="ok" if number % 4 else "consent_missing", records=2,
            )
            for number in range(40)
        )  # fmt: skip


def read_once(market, key, interface_id):
    """Have the bank read one enterprise by an interface."""
    with system_scope():
        DataCall.unscoped.create(
            at=timezone.now(), key=key[0], consumer_id=market.officer.organisation_id, interface_id=interface_id,
            provider="taxation", subject_uscc=USCC, code="ok", records=1,
        )  # fmt: skip


# keys


def test_a_secret_is_shown_once_and_signs(officer, market, interface_key):
    response = officer.post(url("_keys"), {"title": "夜间批量", "kind": "live"})
    secret = re.search(r'id="secret">([0-9a-f]{64})<', response.content.decode())[1]
    assert response["Cache-Control"] == "no-store"
    assert secret not in officer.get(url("_keys")).content.decode()
    assert secret not in officer.get(url("_keys"), {"export": "csv"}).content.decode()
    with system_scope() as system:
        key = InterfaceKey.objects.for_scope(system).get(title="夜间批量")
    assert secret not in (key.digest, key.salt)
    consent(market)
    assert call(officer, (key, secret)).status_code == 200
    assert officer.post(url("_key_revoke", key.pk)).status_code == 302
    assert code(call(officer, (key, secret))) == "platform.key_unknown"
    assert "停用于" in officer.get(url("_keys"), {"status": "revoked"}).content.decode()


def test_a_key_is_a_sandbox_key_unless_asked_otherwise_and_needs_a_name(officer):
    html = officer.get(url("_keys")).content.decode()
    assert re.search(r'value="sandbox"[^>]*checked', html)
    response = officer.post(url("_keys"), {"title": " ", "kind": "sandbox"})
    assert response.status_code == 422
    assert "请填写“由哪个系统使用”" in response.content.decode()
    with system_scope() as system:
        assert not InterfaceKey.objects.for_scope(system).exists()


def test_a_strange_key_is_shown_on_the_first_page(officer, interface_key):
    with system_scope() as system:
        InterfaceKey.objects.for_scope(system).update(flags=["new_address"], flagged_at=timezone.now())
    assert "1 个密钥" in officer.get(reverse("portal:bank_interfaces")).content.decode()
    assert "出现从未用过的网络地址" in officer.get(url("_keys"), {"status": "flagged"}).content.decode()


# metering


def test_calls_are_metered_by_day_and_code(officer, many_calls):
    html = officer.get(url("_usage"), {"days": "7"}).content.decode()
    assert "近 7 天" in html
    assert re.search(r'rq-figure-value">14<', html)
    assert re.search(r'rq-figure-value">10<', html)
    assert re.search(r"企业未授权</a> 4 次", html)
    assert "共 <b>7</b> 条" in html
    assert officer.get(url("_usage"), {"days": "x"}).status_code == 200


def test_calls_are_filtered_and_exported(officer, many_calls, interface_key):
    def count(**query):
        found = officer.get(url("_calls"), query).content.decode()
        return int(re.search(r"共 <b>(\d+)</b> 条", found)[1])

    assert count() == 40
    assert count(code="consent_missing") == 10
    assert count(uscc=USCC.lower()) == 20
    assert count(days="1") == 2
    assert count(key=str(interface_key[0].pk)) == 40
    assert count(key="x") == 0
    assert count(interface="electricity") == 0
    lines = officer.get(url("_calls"), {"export": "csv"}).content.decode("utf-8-sig").splitlines()
    assert len(lines) == 41
    assert lines[0].startswith("时间,接口,企业")


def test_nobody_sees_the_calls_of_another_bank(client, market, many_calls):
    html = sign_in(client, market.rival).get(url("_calls")).content.decode()
    assert "还没有调用" in html


@pytest.mark.parametrize(
    ("name", "element", "query"),
    [
        ("_calls", "calls", {"code": "ok"}),
        ("_usage", "usage", {"days": "90"}),
        ("s", "offers", {"q": "欠税"}),
    ],
)
def test_a_swap_is_the_list_of_the_full_page(officer, many_calls, name, element, query):
    headers = {"HX-Request": "true", "HX-Target": element}
    swapped = officer.get(url(name), query, headers=headers).content.decode()
    whole = officer.get(url(name), query).content.decode()
    assert swapped.startswith(f'<div id="{element}"')
    assert re.sub(r"\s+", "", swapped) in re.sub(r"\s+", "", whole)


@pytest.mark.parametrize("name", ["_calls", "_usage", "_keys", "s", "_submissions", "_authorisations"])
def test_pages_ask_as_much_of_the_database_for_many_as_for_one(
    officer, market, tax_clerk, interface_key, name, django_assert_num_queries
):
    read_once(market, interface_key, FILINGS)
    officer.get(url(name))
    with CaptureQueriesContext(connection) as asked:
        officer.get(url(name))
    first = len(asked.captured_queries)
    for interface in ("invoice_monthly", "tax_returns", "tax_violations"):
        review(tax_clerk, apply(market.officer, interface_id=interface))
        read_once(market, interface_key, interface)
        officer.post(url("_keys"), {"title": interface, "kind": "live"})
    with django_assert_num_queries(first):
        officer.get(url(name))


# change notices


def test_a_subscription_shows_its_secret_once_and_tells_what_was_sent(officer, market):
    response = officer.post(url("_webhooks"), {"url": HOOK, "events": ["question.asked"]})
    secret = re.search(r'id="secret">([0-9a-f]{64})<', response.content.decode())[1]
    assert secret not in officer.get(url("_webhooks")).content.decode()
    with system_scope() as system:
        webhook = Webhook.objects.for_scope(system).get()
    event = officer.post(url("_webhook_test", webhook.pk)).headers["Location"]
    assert "待送达" in officer.get(event).content.decode()

    def refuse(place, body, headers):
        raise OSError("对方未应答")

    webhooks.deliver_due(clock=timezone.now, send=refuse)
    assert "对方未应答" in officer.get(event).content.decode()
    pk = event.rstrip("/").split("/")[-1]
    officer.post(url("_event_replay", pk))
    webhooks.deliver_due(clock=timezone.now, send=lambda *_: 204)
    shown = officer.get(event).content.decode()
    assert "HTTP 204" in shown
    assert "已送达" in shown
    rotated = officer.post(url("_webhook_rotate", webhook.pk))
    fresh = re.search(r'id="secret">([0-9a-f]{64})<', rotated.content.decode())[1]
    assert fresh != secret
    page = officer.get(url("_webhook", webhook.pk)).content.decode()
    assert fresh not in page
    assert "签名密钥已更换" in page
    officer.post(url("_webhook_end", webhook.pk))
    assert "发送测试" not in officer.get(url("_webhook", webhook.pk)).content.decode()
    assert officer.post(url("_webhook_test", webhook.pk)).status_code == 409


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("http://bank.example.com/", "须为 https:// 地址"),
        ("https://10.0.0.1/", "内网地址"),
        ("https://u:p@bank.example.com/", "不含用户名和密码"),
        ("", "请填写“通知地址”"),
    ],
)
def test_a_place_that_must_not_be_told_is_refused_beside_its_field(officer, place, words):
    response = officer.post(url("_webhooks"), {"url": place, "events": ["question.asked"]})
    assert response.status_code == 422
    html = response.content.decode()
    assert words in html
    assert 'id="id_url_error"' in html


# vendors


def test_a_bank_lets_a_vendor_call_and_takes_it_back(officer, market, interface_key):
    terms = {
        "vendor_uscc": OTHER_USCC,
        "interfaces": [FILINGS],
        "reason": "信贷系统由其运维",
        "valid_days": "30",
    }
    wrong = officer.post(url("_delegations"), terms | {"vendor_uscc": "91430100MA4L900000"})
    assert "没有这家已认证的企业" in wrong.content.decode()
    assert officer.post(url("_delegations"), terms | {"interfaces": ["electricity"]}).status_code == 422
    assert officer.post(url("_delegations"), terms).status_code == 302
    html = officer.get(url("_delegations")).content.decode()
    assert "醴陵瓷业有限公司" in html
    with scoped(market.stranger):
        delegation = selectors.list_delegations(market.stranger).get()
    key = act(
        delegations.create_vendor_key, market.stranger, delegation_id=delegation.pk, title="代办", now=timezone.now()
    )  # fmt: skip
    assert "由醴陵瓷业有限公司持有" in officer.get(url("_keys")).content.decode()
    consent(market)
    assert call(officer, key).status_code == 200
    assert "醴陵瓷业有限公司代办" in officer.get(url("_calls")).content.decode()
    officer.post(url("_delegation_revoke", delegation.pk))
    assert code(call(officer, key)) == "platform.delegation_ended"
    assert "共 <b>1</b> 条" in officer.get(url("_delegations"), {"status": "ended"}).content.decode()


def test_without_a_grant_there_is_nothing_to_delegate(officer):
    assert "先申请接口" in officer.get(url("_delegations")).content.decode()


# accesses to explain


def test_a_bank_explains_an_access_once_and_reads_the_judgement(officer, market, tax_clerk, interface_key):
    consent(market)
    assert call(officer, interface_key).status_code == 200
    now = timezone.now()
    questions.ask_about_day(timezone.localdate(now), now=now)
    with system_scope() as system:
        question = AccessQuestion.objects.for_scope(system).get()
    assert "1 次访问等待说明" in officer.get(reverse("portal:bank_interfaces")).content.decode()
    page = url("_question", question.pk)
    assert "长沙湘辉陶瓷有限公司" in officer.get(page).content.decode()
    assert "至少十个字" in officer.post(page, {"answer": "业务"}).content.decode()
    assert officer.post(page, {"answer": "客户当日申请贷款，经办人贷前核查"}).status_code == 302
    assert "等待税务局判定" in officer.get(page).content.decode()
    again = officer.post(page, {"answer": "换一个说法再说一遍吧，可以吗"})
    assert again.status_code == 422
    act(
        questions.judge_question, tax_clerk, question_id=question.pk, is_accepted=False, judgement="当日没有申请记录", now=now
    )  # fmt: skip
    shown = officer.get(page).content.decode()
    assert "说明不成立" in shown
    assert "当日没有申请记录" in shown
    assert "91430102" in officer.get(url("_questions"), {"status": "rejected"}).content.decode()


def test_the_catalogue_knows_the_banks_standing(officer, market, interface_key):
    apply(market.officer, interface_id="invoice_monthly")
    html = officer.get(reverse("portal:bank_interfaces"), {"standing": "granted"}).content.decode()
    assert load_interface(FILINGS).title in html
    assert load_interface("invoice_monthly").title not in html.split('id="offers"')[1].split("</form>")[1]
    detail = officer.get(reverse("portal:interface", args=[FILINGS])).content.decode()
    assert "申请变更" in detail
    assert "查看申请" in officer.get(reverse("portal:interface", args=["invoice_monthly"])).content.decode()


def test_a_choice_with_nothing_to_choose_is_no_text_box(market, officer):
    # Where there is nothing at all there is nothing to filter either; earlier calls there may be.
    assert "rq-filters" not in officer.get(url("_authorisations")).content.decode()
    page = officer.get(url("_calls")).content.decode()
    assert 'name="days"' in page
    assert 'name="uscc"' in page
    # Without keys there is none to choose, and a number typed instead would find nothing.
    assert 'name="key"' not in page
