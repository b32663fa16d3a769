"""Portraits among peers, in their three views: the enterprise's own, a bank's under consent, an official's on duty."""

import re

import pyarrow as pa
import pytest
from django.urls import reverse
from django.utils import timezone
from lake_fixture import AS_OF, FIRST, KNOWN_AT, SECOND, build_lake, publish_unchanged

from rongqiao.accounts.models import Organisation, User
from rongqiao.accounts.roles import Role
from rongqiao.accounts.scope import scope_of, scoped, system_scope
from rongqiao.accounts.services import give_consent, open_account, revoke_consent
from rongqiao.bases.enterprises import selectors
from rongqiao.bases.enterprises.identity import find_size_class, list_relations, list_tags
from rongqiao.bases.enterprises.models import PeerGroup, Portrait, ReadRecord
from rongqiao.bases.enterprises.portraits import mask, public_classes
from rongqiao.bases.enterprises.selectors import group_figures
from rongqiao.bases.enterprises.services import publish_from_lake
from rongqiao.bases.enterprises.standing import read_standing
from rongqiao.bases.enterprises.ties import relation_queries, tag_queries
from rongqiao.contracts.catalog import consent_data_classes
from rongqiao.contracts.standards import load_contract

pytestmark = pytest.mark.django_db

SALES, CASES = "tax_taxable_sales_sum_m12_cny", "judicial_defendant_m12_count"
#: A title that is no public datum, as the page shows it.
TITLE = "<li>专精特新中小企业"
SERIES = "tax_taxable_sales_cny"
TAGS = [
    {"source": "science.title", "title": "高新技术企业", "since": "2024-01-05", "until": "2027-01-04"},
    {
        "source": "science.hitech_certificate",
        "title": "高新技术企业",
        "since": "2024-01-05",
        "until": "2027-01-04",
    },
    {"source": "science.title", "title": "创新型中小企业", "since": "2020-01-05", "until": "2023-01-04"},
    {"source": "industry.srdi_evaluation", "title": "专精特新中小企业", "since": "2025-01-05", "until": None},
]
TIE = {
    "source": "market_regulation.shareholder",
    "code": None,
    "detail": "自然人",
    "through": None,
    "since": "2018-05-01",
}
TIES = [
    {**TIE, "kind": "shareholder", "name": "旧股东", "until": "2020-01-01"},
    {**TIE, "kind": "branch", "name": "湘辉陶瓷浏阳分公司", "until": None},
]


@pytest.fixture(scope="session")
def lake(tmp_path_factory):
    return build_lake(tmp_path_factory.mktemp("portrait-lake"))


@pytest.fixture
def published(lake):
    publish_unchanged(lake)
    with system_scope():
        portrait = Portrait.unscoped.get(pk=FIRST)
        portrait.tags, portrait.relations = TAGS, TIES
        portrait.save()
    group("C.all.4301", 45)


def group(key, members, **changes):
    """Lay a peer group: sales from 100 thousand upwards, hardly anybody in court, a band in the last month."""
    section, size, region = key.split(".")
    told = {
        "indicators": {
            SALES: [members, *(100_000 * step for step in range(1, 12))],
            CASES: [members, *[0] * 11],
        },
        "series": {SERIES: [[AS_OF, members, 40_000, 50_000, 60_000]]},
    }
    return PeerGroup.objects.create(
        group_id=key, section=section, size_class=size, region_code=region, as_of=AS_OF, known_at=KNOWN_AT,
        members=members, **(told | changes),
    )  # fmt: skip


def person(kind, role, name, region="430102", uscc=None):
    organisation = Organisation.objects.create(
        kind=kind, name=name, uscc=uscc, region_code=region, certified_at=timezone.now()
    )
    return scope_of(
        open_account(organisation=organisation, role=role, username=name, password="bamboo-bridge-2026")
    )


@pytest.fixture
def owner(published):
    return person("enterprise", Role.ENTERPRISE_OWNER, "owner", uscc=FIRST)


@pytest.fixture
def official(published):
    return person("government", Role.GOVERNMENT_OFFICIAL, "official", region="4301")


@pytest.fixture
def officer(published):
    return person("institution", Role.BANK_OFFICER, "officer", region="43")


def consent_to(owner, reader, classes):
    with scoped(owner):
        return give_consent(
            scope=owner, recipient_id=reader.organisation_id, purpose="pre_loan", data_classes=classes,
            valid_days=30, text_version="2026-1", now=timezone.now(),
        )  # fmt: skip


def sign_in(client, name):
    client.force_login(
        User.objects.get(
            username={"enterprise": "owner", "bank": "officer"}.get(name.split("_")[0], "official")
        )
    )


def open_page(client, name, *args, **asked):
    sign_in(client, name)
    return client.get(reverse(f"portal:{name}", args=args), asked)


def view_for(classes):
    with system_scope():
        return mask(
            Portrait.unscoped.select_related("enterprise").get(pk=FIRST), data_classes=classes, basis="own"
        )


def standing_for(classes):
    view = view_for(classes)
    return read_standing(view, group_figures(view))


def test_publication_brings_the_groups_of_the_month(tmp_path):
    lake = build_lake(tmp_path)
    times = {"as_of": AS_OF, "known_at": KNOWN_AT}
    shared = {"group_id": "C.all.43", "section": "C", "size_class": "all", "region_code": "43", "members": 31}
    rows = [
        times
        | shared
        | {"indicator_id": SALES, "known_count": 30, "knots": [float(step) for step in range(11)]},
        times | shared | {"indicator_id": CASES, "known_count": None, "knots": None},
    ]
    band = {
        "series_id": SERIES,
        "period": AS_OF,
        "known_count": 30,
        "lower_quarter": 1.0,
        "median": 2.0,
        "upper_quarter": 3.0,
    }
    lake.append("analytics/peers", pa.Table.from_pylist(rows), transaction="peers")
    lake.append(
        "analytics/peer_series",
        pa.Table.from_pylist([times | {"group_id": "C.all.43"} | band]),
        transaction="peers",
    )
    assert publish_from_lake(lake=lake, **times).peer_groups == 1
    found = PeerGroup.objects.get()
    assert (found.members, found.indicators) == (31, {SALES: [30, *range(11)]})
    assert found.series == {SERIES: [[AS_OF, 30, 1, 2, 3]]}


def test_strengths_and_gaps_respect_the_direction(published):
    standing = standing_for(consent_data_classes())
    assert (standing.group.title, standing.group.members) == ("制造业 · 不分规模 · 长沙市", 45)
    assert [claim.comparison.figure.id for claim in standing.strengths] == [SALES]
    assert [claim.comparison.figure.id for claim in standing.gaps] == [CASES]
    assert (
        standing.strengths[0].text
        == "近12个月应税销售额合计 120.01 万元，高于九成以上的同类（同类中位数 60 万元）"
    )
    tax = next(theme for theme in standing.themes if theme.id == "tax")
    assert (tax.score, tax.compared) == (95, 1)
    assert tax.comparable > 1


def test_a_theme_without_data_is_a_gap_and_never_zero(published):
    themes = {theme.id: theme for theme in standing_for(consent_data_classes()).themes}
    assert (themes["utility"].standing, themes["utility"].reason) == (None, "缺数据")
    assert themes["judicial"].score < 50


def test_only_what_the_reader_may_see_is_compared(published):
    standing = standing_for(public_classes())
    assert {claim.comparison.figure.id for claim in (*standing.strengths, *standing.gaps)} == {CASES}
    assert next(theme for theme in standing.themes if theme.id == "vat").reason == "未授权"
    assert standing.bands == {}


def test_who_may_not_know_the_size_is_shown_groups_without_sizes(published):
    with system_scope():
        Portrait.unscoped.filter(pk=FIRST).update(
            facts=view_for(consent_data_classes()).facts | {"size_class": "small"}
        )
    group("C.small.4301", 30)
    assert standing_for(consent_data_classes()).group.id == "C.small.4301"
    # Without the annual report the size is not the reader's to know, nor may the group tell it.
    assert standing_for([*public_classes(), "tax"]).group.id == "C.all.4301"


def test_an_indicator_too_few_have_is_compared_one_level_up_or_not_at_all(published):
    PeerGroup.objects.all().delete()
    few = {CASES: [45, *[0] * 11], SALES: [29, *(100_000 * step for step in range(1, 12))]}
    group("C.all.430102", 45, indicators=few)
    assert SALES not in [
        claim.comparison.figure.id for claim in standing_for(consent_data_classes()).strengths
    ]
    group("C.all.43", 90)
    standing = standing_for(consent_data_classes())
    assert standing.group.id == "C.all.430102"
    assert standing.strengths[0].comparison.group.id == "C.all.43"


def test_without_thirty_peers_there_is_no_comparison(published, client, owner):
    PeerGroup.objects.all().delete()
    group("F.all.4301", 45)
    standing = standing_for(consent_data_classes())
    assert (standing.group, standing.strengths, standing.gaps) == (None, (), ())
    page = open_page(client, "enterprise_profile").content.decode()
    assert "同类企业不足30户，不作比较" in page
    assert 'data-chart="chart-themes"' not in page


def test_size_class_is_three_valued(published):
    assert find_size_class(view_for(public_classes())).status == "not_authorised"
    found = find_size_class(view_for(consent_data_classes()))
    assert found.status == "missing"
    assert "可能为" in found.text
    assert found.settles == ("补充从业人员", "补充营业收入")


def test_titles_are_told_once_with_all_sources_and_guarded_ones_are_not(published):
    tags = list_tags(view_for(public_classes()))
    assert [(tag.title, tag.is_valid, len(tag.sources)) for tag in tags] == [
        ("高新技术企业", True, 2),
        ("创新型中小企业", False, 1),
    ]
    assert "专精特新中小企业" in [tag.title for tag in list_tags(view_for(consent_data_classes()))]


def test_past_ties_stand_after_present_ones(published):
    rows = list_relations(view_for(public_classes()))
    assert [(row["name"], row["is_past"]) for row in rows] == [
        ("湘辉陶瓷浏阳分公司", False),
        ("旧股东", True),
    ]


def test_own_portrait_shows_peers_bands_titles_and_ties(client, owner, django_assert_max_num_queries):
    sign_in(client, "enterprise")
    with django_assert_max_num_queries(17):
        page = client.get(reverse("portal:enterprise_profile")).content.decode()
    for words in (
        "同类：制造业 · 不分规模 · 长沙市，共 45 户",
        "高于九成以上的同类",
        "同类中位",
        "湘辉陶瓷浏阳分公司",
        "未能定型",
    ):
        assert words in page
    assert reverse("portal:enterprise_trace", args=[SALES]) in page


def test_how_banks_see_us_before_any_consent(client, owner):
    page = open_page(client, "enterprise_profile_preview").content.decode()
    assert "未授权" in page
    assert "120.01 万元" not in page
    assert not re.search(r'name="class"[^>]*checked', page)
    shown = open_page(client, "enterprise_profile_preview", **{"class": ["tax", "nonsense"]}).content.decode()
    assert "120.01 万元" in shown
    assert 'value="tax" checked' in shown
    with system_scope():
        assert not ReadRecord.unscoped.exists(), "a preview is nobody's reading"


def test_a_bank_sees_what_was_released_until_it_is_taken_back(
    client, owner, officer, django_assert_max_num_queries
):
    assert open_page(client, "bank_enterprise", FIRST).status_code == 403
    consent = consent_to(owner, officer, ["invoice"])
    sign_in(client, "bank")
    with django_assert_max_num_queries(28):
        page = client.get(reverse("portal:bank_enterprise", args=[FIRST])).content.decode()
    assert "同类：制造业" in page
    assert "120.01 万元" not in page
    assert TITLE not in page
    with scoped(owner):
        revoke_consent(scope=owner, consent_id=consent.pk, now=timezone.now())
    refused = open_page(client, "bank_enterprise", FIRST)
    assert refused.status_code == 403
    assert "撤回" in refused.content.decode()


def test_an_official_names_a_matter_reads_public_data_and_leaves_a_record(
    client, owner, official, django_assert_max_num_queries
):
    asked = open_page(client, "government_enterprise", FIRST).content.decode()
    assert "请选择" in asked
    assert "大事记" not in asked
    with system_scope():
        assert not ReadRecord.unscoped.exists(), "the register entry is public"
    sign_in(client, "government")
    with django_assert_max_num_queries(20):
        page = client.get(
            reverse("portal:government_enterprise", args=[FIRST]), {"matter": "policy"}
        ).content.decode()
    assert "120.01 万元" not in page
    assert "买卖合同纠纷" in page
    assert TITLE not in page
    with scoped(owner):
        record = selectors.list_reads(owner).get()
    assert (record.what, record.basis, record.purpose) == (
        "企业画像：政策兑现核验",
        "statutory_duty",
        "government_duty",
    )
    assert set(record.data_classes) == public_classes()
    assert open_page(client, "government_enterprise", FIRST, matter="curiosity").status_code == 403


def test_an_official_sees_no_other_region_and_lists_nothing_unasked(client, official):
    assert open_page(client, "government_enterprise", SECOND, matter="policy").status_code == 404
    first = open_page(client, "government_enterprises").content.decode()
    assert "请输入企业名称" in first
    assert 'name="q"' in first
    page = open_page(client, "government_enterprises", q="有限公司").content.decode()
    assert "长沙湘辉陶瓷有限公司" in page
    assert "株洲轨道配件有限公司" not in page


def test_an_official_traces_public_figures_only(client, official):
    answer = open_page(client, "government_figure_trace", FIRST, SALES, matter="policy")
    assert answer.status_code == 403
    assert open_page(client, "government_figure_trace", FIRST, CASES).status_code == 302


SPANS = [(name, since, until) for name, (_, since, until, _) in tag_queries().items()]
SPANS += [(name, since, until) for name, (*_, since, until) in relation_queries().items()]


@pytest.mark.parametrize(
    ("contract_id", "since", "until"),
    [(name, since, end) for name, since, until in SPANS for end in re.findall(r"\w+_on", until)],
)
def test_no_title_or_tie_is_let_in_that_ends_before_it_began(contract_id, since, until):
    rules = [rule for rule in load_contract(contract_id).row_rules if {since, until} <= set(rule.columns)]
    assert any(rule.severity == "reject" for rule in rules), f"{contract_id}: {until} may lie before {since}"
