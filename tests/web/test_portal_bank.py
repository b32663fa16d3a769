"""Bank workspace: guarded, the clock first, grab and quote in place, decided by another, the book replayed."""

import csv
import datetime as dt
import io
import re
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from rongqiao.accounts.models import User
from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.models import Portrait, ReadRecord, SourceStatus
from rongqiao.platforms.financing import services
from rongqiao.platforms.financing.models import Application, Loan, Match, Quote, Take
from rongqiao.portal.bank_quotes import price
from tests.web.market_place import USCC, Market

pytestmark = pytest.mark.django_db

PAGES = ["bank", "bank_demands", "bank_applications", "bank_loans", "bank_reports"]
QUERIES = {"bank": 16, "bank_demands": 14, "bank_applications": 12, "bank_loans": 14, "bank_reports": 12}
FEES = {"fees-TOTAL_FORMS": "3", "fees-INITIAL_FORMS": "0"}
HTMX = {"HX-Request": "true"}


@pytest.fixture
def market(tmp_path):
    return Market(tmp_path / "market")


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def demand(market, now):
    return market.publish(now)


@pytest.fixture
def officer(client, market):
    return sign_in(client, "officer")


def sign_in(client, name):
    client.force_login(User.objects.get(username=name))
    return client


def stored(model):
    with system_scope() as scope:
        return model.objects.for_scope(scope).get()


def element(html, name):
    """The element with this id, cut out of a page."""
    start = re.search(rf'<(\w+)[^>]* id="{name}"', html)
    tag, depth = start[1], 0
    for found in re.finditer(rf"<(/?){tag}\b", html[start.start() :]):
        depth += -1 if found[1] else 1
        if depth == 0:
            return html[start.start() : start.start() + found.end() + 1]
    raise AssertionError("the element does not end")


def without_token(html):
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", html)


def quote_form(**changes):
    values = {
        "product": "P01",
        "amount": "100",
        "term": "12",
        "tenor": "1Y",
        "spread": "100",
        "repayment": "equal_principal",
        "valid_days": "10",
        "note": "",
    }
    return values | FEES | changes


@pytest.mark.parametrize("name", PAGES)
def test_pages_are_for_banks_alone(client, market, name):
    assert client.get(reverse(f"portal:{name}")).status_code == 302
    for stranger in ("owner", "official"):
        assert sign_in(client, stranger).get(reverse(f"portal:{name}")).status_code == 403


@pytest.mark.parametrize("name", PAGES)
def test_queries_do_not_grow_with_rows(officer, market, now, name, django_assert_max_num_queries):
    market.publish(now)
    market.loan(start_on=timezone.localdate(now), now=now)
    with django_assert_max_num_queries(QUERIES[name]):
        assert officer.get(reverse(f"portal:{name}")).status_code == 200


def test_the_clock_that_runs_out_first_leads(officer, market, demand, now):
    page = officer.get(reverse("portal:bank")).content.decode()
    assert "最先截止" in page
    assert "抢单截止" in page
    market.take(market.officer, demand, now)
    page = officer.get(reverse("portal:bank")).content.decode()
    assert "最先到期" in page
    assert page.index("首次联系") < page.index("提交报价")


def test_an_empty_desk_says_what_will_come(officer):
    assert "现在没有到期事项" in officer.get(reverse("portal:bank")).content.decode()


def test_inbox_swap_equals_the_page_and_filters(officer, demand):
    url = reverse("portal:bank_demands")
    for query in ("", "?region=4301&amount=100-500", "?industry=A", "?state=quoted"):
        whole = officer.get(url + query).content.decode()
        part = officer.get(url + query, headers=HTMX | {"HX-Target": "inbox"}).content.decode()
        assert part.strip() == element(whole, "inbox").strip()
    assert "长沙湘辉陶瓷有限公司" in officer.get(url + "?region=4301").content.decode()
    assert "长沙湘辉陶瓷有限公司" not in officer.get(url + "?region=4302").content.decode()
    assert "长沙湘辉陶瓷有限公司" not in officer.get(url + "?industry=A").content.decode()


def test_a_grab_leads_to_the_quote(officer, demand):
    url = reverse("portal:bank_demand_take", args=[demand.pk])
    answer = officer.post(url, headers=HTMX)
    assert answer["HX-Redirect"] == reverse("portal:bank_quote", args=[stored(Take).pk])


def test_a_refused_grab_says_why_in_place(officer, market, demand, now):
    market.take(market.officer, demand, now)
    url = reverse("portal:bank_demand_take", args=[demand.pk])
    part = officer.post(url, headers=HTMX).content.decode()
    assert "没有抢到" not in part, "The bank holds the demand: a second click is no failure."
    assert "不必重复抢单" in part
    whole = officer.post(url)
    assert whole.status_code == 409
    assert without_token(element(whole.content.decode(), "take-panel")).strip() == without_token(part).strip()


def test_rivals_do_not_see_the_demand_of_others(client, market, demand):
    with system_scope() as scope:
        demand.pushes.for_scope(scope).filter(institution_id=market.rival.organisation_id).delete()
    sign_in(client, "rival")
    assert client.get(reverse("portal:bank_demand", args=[demand.pk])).status_code == 404
    assert client.post(reverse("portal:bank_demand_take", args=[demand.pk])).status_code in (403, 404)


def test_what_the_preview_says_is_what_is_stored(officer, market, demand, now):
    take = market.take(market.officer, demand, now)
    fee = {
        "fees-0-kind": "guarantee_fee",
        "fees-0-amount": "5000",
        "fees-0-payee": "省担保",
        "fees-0-due": "upfront",
    }
    values = quote_form(**fee)
    preview = officer.post(reverse("portal:bank_quote_preview", args=[take.pk]), values).content.decode()
    answer = officer.post(reverse("portal:bank_quote", args=[take.pk]), values)
    assert answer.status_code == 302
    quote = stored(Quote)
    assert f"{quote.all_in_ratio * 100:.2f}%" in preview
    expected = price(
        {
            "amount_cny": Decimal(1_000_000),
            "term_months": 12,
            "lpr_tenor": "1Y",
            "spread_bp": 100,
            "repayment_method": "equal_principal",
        },
        quote.fees,
        timezone.localdate(),
    )
    assert (expected.all_in_ratio, expected.total_cost_cny) == (quote.all_in_ratio, quote.total_cost_cny)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"amount": "900000"}, "公布的额度"),
        ({"spread": "2000"}, "最高利率"),
        ({"fees-0-kind": "guarantee_fee", "fees-0-amount": "100"}, "请写明收款方"),
        ({"amount": ""}, "rq-field-error"),
    ],
)
def test_a_wrong_quote_stays_in_the_form(officer, market, demand, now, changes, words):
    take = market.take(market.officer, demand, now)
    answer = officer.post(reverse("portal:bank_quote", args=[take.pk]), quote_form(**changes))
    assert answer.status_code == 422
    assert words in answer.content.decode()
    with system_scope() as scope:
        assert not Quote.objects.for_scope(scope).exists()


def test_quote_page_proposes_terms_and_names_the_prime_rate(officer, market, demand, now):
    take = market.take(market.officer, demand, now)
    page = officer.get(reverse("portal:bank_quote", args=[take.pk])).content.decode()
    assert "LPR" in page
    assert "2025-05-20" in page
    assert "全国银行间同业拆借中心" in page
    assert 'value="100"' in page
    assert "企业看到的综合年化成本" in page


def test_a_demand_not_judged_yet_can_be_quoted_on_with_any_product_on_sale(officer, market, demand, now):
    taken = market.take(market.officer, demand, now)
    with system_scope() as system:
        Match.objects.for_scope(system).filter(demand=demand).delete()
    page = officer.get(reverse("portal:bank_quote", args=[taken.pk])).content.decode()
    assert "P01" in page
    officer.post(reverse("portal:bank_take_release", args=[taken.pk]))
    again = officer.post(reverse("portal:bank_take_release", args=[taken.pk]))
    assert again.status_code == 409
    assert "已释放" in again.content.decode()
    assert "released" not in again.content.decode()
    shut = officer.get(reverse("portal:bank_quote", args=[taken.pk]), follow=True).content.decode()
    assert "不能再报价" in shut


def test_withdrawing_a_quote(officer, market, demand, now):
    quote = market.quote(market.officer, market.take(market.officer, demand, now), now=now)
    page = officer.get(reverse("portal:bank_demand", args=[demand.pk])).content.decode()
    assert "撤回" in page
    assert officer.post(reverse("portal:bank_quote_withdraw", args=[quote.pk])).status_code == 302
    assert stored(Quote).status == "withdrawn"


def test_rivals_cannot_quote_on_our_take(client, market, demand, now):
    take = market.take(market.officer, demand, now)
    assert sign_in(client, "rival").get(reverse("portal:bank_quote", args=[take.pk])).status_code == 404


def test_portrait_needs_a_consent_and_leaves_a_record(officer, market, now):
    SourceStatus.objects.create(contract_id="taxation.tax_filing", title="纳税申报", department="税务")
    url = reverse("portal:bank_enterprise", args=[USCC])
    assert officer.get(url).status_code == 403
    market.publish(now)
    page = officer.get(url).content.decode()
    assert "本次查看已记录" in page
    with system_scope() as scope:
        assert ReadRecord.objects.for_scope(scope).filter(subject_uscc=USCC).count() == 1


def test_what_is_not_authorised_is_a_word_not_a_zero(officer, market, now):
    with system_scope() as scope:
        Portrait.objects.for_scope(scope).filter(pk=USCC).update(
            indicators={"tax_arrears_open_cny": {"value": 7654321.0, "status": "ok"}}
        )
    market.act(
        services.publish_demand,
        market.owner,
        amount_cny=Decimal(1_000_000),
        term_months=12,
        purpose="working_capital",
        guarantee_kind="credit",
        data_classes=["social_insurance"],
        consent_days=30,
        now=now,
    )
    page = officer.get(reverse("portal:bank_enterprise", args=[USCC])).content.decode()
    assert "未授权" in page
    assert "765.43" not in page


def test_the_author_does_not_decide(client, market, demand, now):
    quote = market.quote(market.risk, market.take(market.officer, demand, now), now=now)
    application = market.accept(quote, now)
    sign_in(client, "risk")
    page = client.get(reverse("portal:bank_application", args=[application.pk])).content.decode()
    assert "须由其他风险经理审批" in page
    decide = reverse("portal:bank_application_decide", args=[application.pk])
    assert client.post(decide, {"verdict": "approve"}).status_code == 403
    assert sign_in(client, "officer").post(decide, {"verdict": "approve"}).status_code == 403
    assert stored(Application).status == "submitted"


def test_a_refusal_names_a_listed_reason(client, market, demand, now):
    application = market.accept(
        market.quote(market.officer, market.take(market.officer, demand, now), now=now), now
    )
    sign_in(client, "risk")
    decide = reverse("portal:bank_application_decide", args=[application.pk])
    assert "须选择原因" in client.post(decide, {"verdict": "refuse"}).content.decode()
    assert "须写明原因" in client.post(decide, {"verdict": "refuse", "reason": "other"}).content.decode()
    assert stored(Application).status == "submitted"
    answer = client.post(decide, {"verdict": "refuse", "reason": "high_debt", "note": "负债率 80%"})
    assert answer.status_code == 302
    assert stored(Application).refusal_reason == "high_debt"


@pytest.mark.parametrize("status", ["submitted", "refused", "contracted"])
def test_an_application_of_the_past_names_no_people(client, market, demand, now, status):
    application = market.accept(
        market.quote(market.officer, market.take(market.officer, demand, now), now=now), now
    )
    with system_scope() as scope:
        Application.objects.for_scope(scope).filter(pk=application.pk).update(
            status=status,
            prepared_by=None,
            decided_at=now,
            refusal_reason="high_debt" if status == "refused" else "",
        )
    page = sign_in(client, "risk").get(reverse("portal:bank_application", args=[application.pk]))
    assert "未记录" in page.content.decode()


def test_from_approval_to_repayment(client, market, demand, now):
    application = market.accept(
        market.quote(market.officer, market.take(market.officer, demand, now), now=now), now
    )
    today = timezone.localdate().isoformat()
    sign_in(client, "risk")
    client.post(reverse("portal:bank_application_decide", args=[application.pk]), {"verdict": "approve"})
    contract = {"contract_no": "HT-1", "start_on": today, "is_first_loan": "on"}
    answer = client.post(reverse("portal:bank_application_contract", args=[application.pk]), contract)
    loan = stored(Loan)
    assert answer.url == reverse("portal:bank_loan", args=[loan.pk])
    assert loan.is_first_loan
    client.post(reverse("portal:bank_loan_drawdown", args=[loan.pk]), {"on": today})
    repay = reverse("portal:bank_loan_repayment", args=[loan.pk])
    too_much = client.post(repay, {"on": today, "principal": "99999999", "interest": "0"})
    assert too_much.status_code == 422
    assert "超过未还本金" in too_much.content.decode()
    assert client.post(repay, {"on": today, "principal": "400000", "interest": "0"}).status_code == 302
    page = client.get(reverse("portal:bank_loan", args=[loan.pk])).content.decode()
    assert "60 " in element_text(page, "贷款余额")
    assert "万元" in page
    assert "还款" in page
    assert "下一期" in page


def element_text(page, label):
    """Text of the figure with this label."""
    after = page[page.index(f"<dt>{label}</dt>") :]
    return re.sub(r"<[^>]+>", " ", after[: after.index("</dd>")]) + " "


def test_loan_book_exports_what_it_shows(officer, market, now):
    loan = market.loan(start_on=timezone.localdate(now), now=now)
    answer = officer.get(reverse("portal:bank_loans") + "?export=csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["合同编号"] for row in rows] == [loan.contract_no]
    assert Decimal(rows[0]["余额（元）"]) == loan.principal_cny
    # In the words of the page, not in codes and bare ratios.
    assert rows[0]["年利率"].endswith("%")
    assert (rows[0]["五级分类"], rows[0]["状态"]) == ("正常", "正常还款中")
    none = officer.get(reverse("portal:bank_loans") + "?export=csv&status=overdue")
    assert len(list(csv.DictReader(io.StringIO(none.content.decode("utf-8-sig"))))) == 0


def test_an_old_loan_shows_overdue_days(officer, market, now):
    past = now - dt.timedelta(days=100)
    market.loan(start_on=timezone.localdate(past), now=past)
    page = officer.get(reverse("portal:bank_loans")).content.decode()
    assert "逾期" in page
    detail = officer.get(reverse("portal:bank_loan", args=[stored(Loan).pk])).content.decode()
    assert "已逾期" in detail


def test_rivals_see_no_loan_of_ours(client, market, now):
    loan = market.loan(start_on=timezone.localdate(now), now=now)
    sign_in(client, "rival_risk")
    assert client.get(reverse("portal:bank_loan", args=[loan.pk])).status_code == 404
    assert client.post(
        reverse("portal:bank_loan_repayment", args=[loan.pk]),
        {"on": "2026-11-23", "principal": "1", "interest": "0"},
    ).status_code in (403, 404)
