"""The enterprise workspace: guarded, scoped, nothing ticked beforehand, one acceptance, swaps equal to pages."""

import datetime as dt
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from rongqiao.accounts.models import Consent, Organisation, User
from rongqiao.accounts.roles import Role
from rongqiao.accounts.scope import scope_of, scoped, system_scope
from rongqiao.bases.enterprises.models import Enterprise, Portrait, SourceStatus
from rongqiao.bases.enterprises.services import read_portrait
from rongqiao.bases.resources.models import Institution, Product
from rongqiao.kernel.identifiers import complete_uscc
from rongqiao.platforms.financing import selectors as market
from rongqiao.platforms.financing import services
from rongqiao.platforms.financing.models import Demand, Quote

pytestmark = pytest.mark.django_db

OURS, THEIRS = complete_uscc("91430102MA4L0000X"), complete_uscc("91430102MA4L0000Y")
LISTS = ["demands", "loans", "consents", "reads"]
PAGES = [
    "enterprise",
    "enterprise_profile",
    "enterprise_demand_new",
    *(f"enterprise_{name}" for name in LISTS),
]
CONSENT = {"publish": "1", "data_classes": ["tax"], "consent_days": "30", "agree": "on"}
CRITERIA = {
    "all": [
        {
            "fact": "age_months",
            "op": ">=",
            "value": 12,
            "text": "成立满 12 个月",
            "settles": "满一年后再申请",
        },
        {
            "fact": "tax_grade_now",
            "op": "in",
            "value": ["A", "B"],
            "text": "纳税级别 A 或 B",
            "settles": "补报纳税级别",
        },
    ]
}


def person(organisation, role, username):
    return User.objects.create(organisation=organisation, role=role, username=username, full_name="周敏")


def enterprise(uscc, name):
    Enterprise.objects.create(
        uscc=uscc,
        name=name,
        status="存续",
        county_code="430102",
        industry_code="C3073",
        known_at="2026-11-20",
    )
    return Organisation.objects.create(
        kind="enterprise", name=name, uscc=uscc, region_code="430102", certified_at=timezone.now()
    )


def product(institution, code, **changes):
    terms = {
        "name": f"产品{code}",
        "summary": "凭数据核定额度",
        "kind": "credit",
        "min_amount_cny": 100_000,
        "max_amount_cny": 5_000_000,
        "min_term_months": 3,
        "max_term_months": 36,
        "rate_min_ratio": "0.0300",
        "rate_max_ratio": "0.0600",
        "guarantee_kinds": ["credit"],
        "repayment_methods": ["interest_first"],
        "purposes": ["working_capital"],
        "region_codes": ["43"],
        "processing_days": 3,
        "criteria": CRITERIA,
        "published_on": "2026-01-05",
    }
    return Product.objects.create(institution=institution, code=code, **(terms | changes))


@pytest.fixture
def market_place():
    """Two enterprises, two banks with a product each, one product that nobody can meet."""
    with system_scope():
        ours, theirs = enterprise(OURS, "长沙湘辉陶瓷有限公司"), enterprise(THEIRS, "长沙麓谷精工有限公司")
        Portrait.objects.create(
            enterprise_id=OURS,
            region_code="430102",
            as_of=202610,
            known_at="2026-11-20",
            indicators={
                "tax_taxable_sales_sum_m12_cny": {"value": 18_000_000.0, "status": "ok"},
                "utility_electricity_yoy_m12_ratio": {"value": None, "status": "missing"},
            },
            facts={"age_months": 114},
            series={"tax_taxable_sales_cny": [[202609, 1_500_000], [202610, None]]},
            score=742,
            grade="A",
            coverage_ratio=0.86,
            reasons=[
                {
                    "indicator": "tax_taxable_sales_sum_m12_cny",
                    "points": 80,
                    "max_points": 120,
                    "text": "销售规模较大",
                }
            ],
        )
        SourceStatus.objects.create(
            contract_id="taxation.tax_filing",
            title="纳税申报",
            department="taxation",
            delivered_on="2026-11-18",
        )
        banks = []
        for number in (1, 2):
            organisation = Organisation.objects.create(
                kind="institution", name=f"示范银行{number}", region_code="43"
            )
            banks.append(
                Institution.objects.create(
                    organisation=organisation, code=f"B{number}", short_name=f"示范{number}", kind="city_bank"
                )
            )
            person(organisation, Role.BANK_OFFICER, f"officer{number}")
            product(banks[-1], f"P{number}")
        product(banks[0], "P9", name="大额专享", min_amount_cny=50_000_000, max_amount_cny=90_000_000)
    return {
        "owner": person(ours, Role.ENTERPRISE_OWNER, "owner"),
        "clerk": person(ours, Role.ENTERPRISE_CLERK, "clerk"),
        "rival": person(theirs, Role.ENTERPRISE_OWNER, "rival"),
    }


@pytest.fixture
def owner(client, market_place):
    client.force_login(market_place["owner"])
    return client


def publish(user, **changes):
    wanted = {
        "amount_cny": Decimal(2_000_000),
        "term_months": 12,
        "purpose": "working_capital",
        "guarantee_kind": "credit",
    }
    with scoped(scope_of(user)) as scope:
        return services.publish_demand(scope=scope, **wanted, consent_days=30, now=timezone.now(), **changes)


def quote(demand, number, spread_bp, now=None, fees=()):
    now = now or timezone.now()
    with scoped(scope_of(User.objects.get(username=f"officer{number}"))) as scope:
        take = services.take_demand(scope=scope, demand_id=demand.pk, now=now)
        return services.submit_quote(
            scope=scope, take_id=take.pk, product_code=f"P{number}", amount_cny=Decimal(2_000_000), term_months=12,
            lpr_tenor="1Y", spread_bp=spread_bp, fees=list(fees), repayment_method="interest_first", valid_days=3, note="", now=now,
        )  # fmt: skip


def form(**changes):
    return {
        "amount": "200",
        "term": "12",
        "purpose": "working_capital",
        "guarantee": "credit",
        "rate": "",
        "note": "",
    } | changes


@pytest.mark.parametrize("name", PAGES)
def test_pages_ask_strangers_to_sign_in_and_refuse_banks(client, market_place, name):
    url = reverse(f"portal:{name}") + "?amount=50"
    answer = client.get(url)
    assert answer.status_code == 302
    assert answer.url.startswith("/accounts/login/?next=/enterprise/")
    assert "amount%3D50" in answer.url
    client.force_login(User.objects.get(username="officer1"))
    answer = client.get(url)
    assert answer.status_code == 403
    assert "企业负责人、企业经办人" in answer.content.decode()


# Queries of a page that shows one demand, two quotes, two consents and one reading; seven are session, user and scope.
LIMITS = {"enterprise": 22, "enterprise_profile": 16, "enterprise_demand_new": 14}


@pytest.mark.parametrize("name", PAGES)
def test_pages_open_in_few_queries(owner, market_place, name, django_assert_max_num_queries):
    demand = publish(market_place["owner"])
    quote(demand, 1, 60)
    with scoped(scope_of(User.objects.get(username="officer1"))) as scope:
        read_portrait(scope=scope, uscc=OURS, purpose="pre_loan", now=timezone.now())
    with django_assert_max_num_queries(LIMITS.get(name, 12)):
        assert owner.get(reverse(f"portal:{name}")).status_code == 200


@pytest.mark.parametrize("name", LISTS)
def test_swap_of_a_list_equals_the_page(owner, market_place, name):
    publish(market_place["owner"])
    url = reverse(f"portal:enterprise_{name}")
    whole = owner.get(url).content.decode()
    part = owner.get(url, headers={"HX-Request": "true", "HX-Target": name}).content.decode()
    assert part.startswith(f'<div id="{name}"')
    assert part.strip() in whole


def test_next_step_follows_the_market(owner, market_place):
    page = reverse("portal:enterprise")
    assert "发布一笔融资需求" in owner.get(page).content.decode()
    demand = publish(market_place["owner"])
    assert "需求已发布，等待报价" in owner.get(page).content.decode()
    quote(demand, 1, 60)
    assert "1 份报价等您选择" in owner.get(page).content.decode()


def test_profile_shows_missing_as_missing_and_the_rating_with_reasons(owner):
    page = owner.get(reverse("portal:enterprise_profile")).content.decode()
    assert "1,800 万元" in page
    assert "缺数据" in page
    assert "销售规模较大" in page
    assert "86.0%" in page
    assert '"values": [150.0, null]' in page


def test_form_is_prefilled_with_reasons_and_nothing_is_ticked(owner):
    page = owner.get(reverse("portal:enterprise_demand_new")).content.decode()
    assert 'name="amount" value="270"' in page
    assert "近12个月应税销售额" in page
    assert 'type="checkbox"' in page
    assert "checked" not in page
    asked = owner.get(
        reverse("portal:enterprise_demand_new"), {"amount": "80", "purpose": "equipment", "term": "x"}
    ).content.decode()
    assert 'name="amount" value="80"' in asked
    assert '<option value="equipment" selected>' in asked


@pytest.mark.parametrize(
    ("consent", "words"),
    [
        ({"consent_days": "30", "agree": "on"}, "请至少勾选一类"),
        ({"consent_days": "30", "data_classes": ["tax"]}, "请阅读授权书后勾选同意"),
        ({"consent_days": "9999", "data_classes": ["tax"], "agree": "on"}, "请从列出的选项中选择"),
        ({"consent_days": "30", "data_classes": ["public_judicial"], "agree": "on"}, "请从列出的选项中选择"),
    ],
)
def test_publishing_needs_a_whole_consent(owner, consent, words):
    answer = owner.post(reverse("portal:enterprise_demand_new"), form(publish="1", **consent))
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not Demand.unscoped.exists()


def test_publishing_consents_to_the_ticked_classes_only(owner):
    answer = owner.post(
        reverse("portal:enterprise_demand_new"),
        form(publish="1", data_classes=["tax", "invoice"], consent_days="30", agree="on"),
    )
    demand = Demand.unscoped.get()
    assert answer.url == reverse("portal:enterprise_demand", args=[demand.pk])
    assert demand.amount_cny == 2_000_000
    consents = list(Consent.unscoped.all())
    assert len(consents) == 2
    assert all(consent.data_classes == ["tax", "invoice"] for consent in consents)


def test_a_demand_that_fits_nothing_stays_on_the_form(owner):
    answer = owner.post(reverse("portal:enterprise_demand_new"), form(amount="999999", **CONSENT))
    assert answer.status_code == 422
    assert "目前没有产品能满足此需求" in answer.content.decode()
    assert not Demand.unscoped.exists()


def test_the_clerk_drafts_and_the_owner_publishes(client, market_place):
    client.force_login(market_place["clerk"])
    url = reverse("portal:enterprise_demand_new")
    assert 'name="publish"' not in client.get(url).content.decode()
    refused = client.post(url, form(**CONSENT))
    assert refused.status_code == 403
    client.post(url, form(draft="1"))
    draft = Demand.unscoped.get()
    assert draft.status == "draft"
    client.force_login(market_place["owner"])
    client.post(f"{url}?draft={draft.pk}", form(**CONSENT))
    assert Demand.unscoped.get().status == "published"


def test_demand_page_gives_reasons_and_others_do_not_find_it(owner, client, market_place):
    demand = publish(market_place["owner"])
    page = owner.get(reverse("portal:enterprise_demand", args=[demand.pk])).content.decode()
    assert "差一点信息就能确定" in page
    assert "补报纳税级别" in page
    assert "大额专享" in page
    client.force_login(market_place["rival"])
    for name in ("enterprise_demand", "enterprise_demand_withdraw"):
        assert client.get(reverse(f"portal:{name}", args=[demand.pk])).status_code == 404


def test_quotes_stand_by_all_in_cost_not_by_rate(owner, market_place):
    demand = publish(market_place["owner"])
    dear = quote(
        demand,
        1,
        20,
        fees=[{"kind": "assessment_fee", "amount_cny": "30000", "payee": "评估公司", "due": "upfront"}],
    )
    cheap = quote(demand, 2, 60)
    assert dear.rate_ratio < cheap.rate_ratio
    page = owner.get(reverse("portal:enterprise_demand", args=[demand.pk])).content.decode()
    comparison = page[page.index("rq-quotes") : page.index("产品匹配")]
    assert comparison.index("示范2") < comparison.index("示范1")
    assert comparison.count("成本最低") == 1
    confirm = owner.get(reverse("portal:enterprise_quote_accept", args=[dear.pk])).content.decode()
    assert "这不是成本最低的一份" in confirm


def test_accepting_asks_once_more_and_closes_the_others(owner, market_place):
    demand = publish(market_place["owner"])
    first, second = quote(demand, 1, 60), quote(demand, 2, 80)
    url = reverse("portal:enterprise_quote_accept", args=[first.pk])
    owner.get(url)
    assert Quote.unscoped.get(pk=first.pk).status == "submitted"
    assert owner.post(url).url == reverse("portal:enterprise_demand", args=[demand.pk])
    assert Quote.unscoped.get(pk=second.pk).status == "closed"
    assert owner.post(reverse("portal:enterprise_quote_accept", args=[second.pk])).status_code == 409
    assert "银行正在审批" in owner.get(reverse("portal:enterprise")).content.decode()


def test_an_expired_quote_is_refused_with_its_reason(owner, market_place):
    demand = publish(market_place["owner"])
    late = quote(demand, 1, 60)
    with system_scope() as scope:
        past = timezone.now() - dt.timedelta(minutes=1)
        Quote.objects.for_scope(scope).filter(pk=late.pk).update(valid_until=past)
    answer = owner.post(reverse("portal:enterprise_quote_accept", args=[late.pk]))
    assert answer.status_code == 403
    assert "报价已过有效期" in answer.content.decode()


def test_consent_is_taken_back_and_the_reading_stays(owner, market_place):
    publish(market_place["owner"])
    bank = scope_of(User.objects.get(username="officer1"))
    with scoped(bank):
        read_portrait(scope=bank, uscc=OURS, purpose="pre_loan", now=timezone.now())
    consent = Consent.unscoped.get(recipient_id=bank.organisation_id)
    url = reverse("portal:enterprise_consent_revoke", args=[consent.pk])
    assert "生效中" in owner.get(url).content.decode()
    assert owner.post(url).status_code == 302
    assert "已撤回" in owner.get(url).content.decode()
    reads = owner.get(reverse("portal:enterprise_reads")).content.decode()
    assert "示范银行1" in reads
    assert "企业授权" in reads


def test_product_page_judges_our_own_enterprise_only(client, owner, market_place):
    url = reverse("portal:product", args=["P1"])
    page = owner.get(url).content.decode()
    assert "本企业核对结果" in page
    assert "待确认" in page
    assert "补报纳税级别" in page
    client.logout()
    assert "本企业核对结果" not in client.get(url).content.decode()


def test_withdrawing_asks_once_more(owner, market_place):
    demand = publish(market_place["owner"])
    url = reverse("portal:enterprise_demand_withdraw", args=[demand.pk])
    owner.get(url)
    with scoped(scope_of(market_place["owner"])) as scope:
        assert market.get_demand(scope, demand.pk).status == "published"
    owner.post(url)
    assert Demand.unscoped.get(pk=demand.pk).status == "withdrawn"


def test_an_uncertified_enterprise_cannot_publish(owner, market_place):
    Organisation.objects.filter(uscc=OURS).update(certified_at=None)
    assert "身份待核验" in owner.get(reverse("portal:enterprise_demand_new")).content.decode()
    answer = owner.post(reverse("portal:enterprise_demand_new"), form(**CONSENT))
    assert answer.status_code == 403
    assert not Demand.unscoped.exists()
