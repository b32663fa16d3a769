"""Publication from the lake, masks by consent, and the record each foreign reading leaves."""

import datetime as dt

import pytest
from django.db import connection
from django.utils import timezone
from lake_fixture import AS_OF, FIRST, KNOWN_AT, SECOND, build_lake, delivered, enterprises, publish_unchanged

from rongqiao.accounts.models import Organisation
from rongqiao.accounts.roles import Role
from rongqiao.accounts.scope import Scope, scope_of, scoped
from rongqiao.accounts.services import give_consent, open_account, revoke_consent
from rongqiao.bases.enterprises import selectors
from rongqiao.bases.enterprises.models import Enterprise, Portrait, QuarantinedRow, ReadRecord, SourceStatus
from rongqiao.bases.enterprises.portraits import indicator_contracts
from rongqiao.bases.enterprises.services import publish_from_lake, read_portrait
from rongqiao.contracts.catalog import consent_data_classes
from rongqiao.contracts.standards import load_contracts
from rongqiao.kernel.errors import ContractError, NotAllowedError
from rongqiao.lake.tables import Lake

pytestmark = pytest.mark.django_db

SALES = "tax_taxable_sales_sum_m12_cny"
DISHONEST = "judicial_dishonest_open_count"


@pytest.fixture(scope="session")
def lake(tmp_path_factory):
    return build_lake(tmp_path_factory.mktemp("lake"))


@pytest.fixture
def published(lake):
    return publish_unchanged(lake)


def person(kind, role, name, region="430102", uscc=None):
    organisation = Organisation.objects.create(
        kind=kind, name=name, uscc=uscc, region_code=region, certified_at=timezone.now()
    )
    return scope_of(
        open_account(organisation=organisation, role=role, username=name, password="bamboo-bridge-2026")
    )


@pytest.fixture
def owner():
    return person("enterprise", Role.ENTERPRISE_OWNER, "owner", uscc=FIRST)


@pytest.fixture
def officer():
    return person("institution", Role.BANK_OFFICER, "officer", region="43")


def consent_to(owner, reader, classes=("tax", "invoice"), purpose="pre_loan", now=None):
    with scoped(owner):
        return give_consent(
            scope=owner,
            recipient_id=reader.organisation_id,
            purpose=purpose,
            data_classes=classes,
            valid_days=30,
            text_version="2026-1",
            now=now or timezone.now(),
        )


def read(scope, uscc=FIRST, purpose="pre_loan", now=None):
    with scoped(scope):
        return read_portrait(scope=scope, uscc=uscc, purpose=purpose, now=now or timezone.now())


def test_publication_brings_everything(published, owner):
    assert published.enterprises == published.portraits == Enterprise.objects.count() == 2
    assert published.sources == len(load_contracts())
    assert (published.deliveries, published.profiles, published.quarantined) == (3, 1, 1)
    with scoped(owner):
        view = selectors.get_own_portrait(owner)
    assert (view.score, view.grade, view.rating_status, view.basis) == (731.0, "BBB", "ok", "own")
    assert view.indicators[SALES] == {"value": 1200066.0, "status": "ok"}
    assert view.facts["age_months"] == 101
    series = view.series["tax_taxable_sales_cny"]
    assert len(series) == 24
    assert series[-1] == [AS_OF, 100000.0]
    assert [event["source"] for event in view.events] == ["market_regulation.penalty", "court.judicial_case"]
    assert view.events[0]["batch_id"].startswith("market_regulation.penalty@")
    assert view.events[0]["line"] == 3


def test_month_nobody_reported_is_null_and_abstention_is_not_a_grade(published):
    portrait = Portrait.unscoped.get(pk=SECOND)
    assert portrait.series["tax_taxable_sales_cny"][-1] == [AS_OF, None]
    assert (portrait.score, portrait.grade, portrait.reasons) == (None, "", [])
    assert SALES not in portrait.facts
    assert SALES not in portrait.indicators  # what is missing is left out


def test_publication_repeats_and_follows_the_lake(published, lake, tmp_path):
    told = [field.name for field in Portrait._meta.concrete_fields if field.name != "publication"]
    before = list(Portrait.unscoped.order_by("pk").values(*told))
    assert publish_from_lake(lake=lake, as_of=AS_OF, known_at=KNOWN_AT) == published
    assert list(Portrait.unscoped.order_by("pk").values(*told)) == before
    smaller = build_lake(tmp_path)
    enterprises(smaller, (FIRST, "长沙新名陶瓷有限公司", "430102"))
    assert publish_from_lake(lake=smaller, as_of=AS_OF, known_at=KNOWN_AT).portraits == 1
    assert list(Enterprise.objects.values_list("uscc", "name")) == [(FIRST, "长沙新名陶瓷有限公司")]


def test_failed_publication_leaves_the_old_picture(published, lake):
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE enterprises_quarantinedrow ADD CONSTRAINT broken CHECK (line < 0) NOT VALID"
        )
    from django.db import IntegrityError, transaction

    with pytest.raises(IntegrityError), transaction.atomic():
        publish_from_lake(lake=lake, as_of=AS_OF, known_at=KNOWN_AT)
    assert Portrait.unscoped.count() == 2
    assert QuarantinedRow.objects.count() == 1


def test_what_arrived_later_is_left_out(lake, tmp_path):
    late = build_lake(tmp_path)
    delivered(
        late,
        "court.judicial_case",
        [{"uscc": FIRST, "case_no": "（2026）湘0102执9号", "role": "executed", "filed_on": dt.date(2026, 9, 1), "is_dishonest": True}],
        on=dt.date(2026, 11, 21),
    )  # fmt: skip
    publish_from_lake(lake=late, as_of=AS_OF, known_at=KNOWN_AT)
    portrait = Portrait.unscoped.get(pk=FIRST)
    assert not any("失信" in event["title"] for event in portrait.events)
    assert SourceStatus.objects.get(pk="court.judicial_case").delivered_on == dt.date(2026, 11, 18)


def test_publication_without_governance_says_what_to_run(tmp_path):
    with pytest.raises(ContractError, match="govern"):
        publish_from_lake(lake=Lake(tmp_path), as_of=AS_OF, known_at=KNOWN_AT)


def test_sources_count_rules_that_were_not_run(published):
    source = SourceStatus.objects.get(pk="taxation.tax_filing")
    rules = len(load_contracts()["taxation.tax_filing"].rules)
    assert (source.rules_passed, source.rules_warned, source.rules_failed) == (0, 1, 0)
    assert source.rules_not_run == rules - 1
    assert SourceStatus.objects.get(pk="utilities.utility_usage").delivered_on is None
    figures = selectors.province_figures()
    assert figures["enterprises"] == 2
    assert (figures["sources"], figures["sources_listed"]) == (3, len(load_contracts()))
    assert figures["freshest_on"] == dt.date(2026, 11, 18)


def test_consented_classes_are_seen_and_others_say_not_authorised(published, owner, officer):
    consent_to(owner, officer, ["social_insurance"])
    view = read(officer)
    assert view.indicators[SALES] == {"value": None, "status": "not_authorised"}
    assert view.indicators[DISHONEST]["status"] != "not_authorised"
    assert "tax_taxable_sales_cny" not in view.series
    assert SALES not in view.facts
    assert (view.rating_status, view.score, view.grade, view.reasons) == ("not_authorised", None, "", [])
    assert view.facts["county_code"] == "430102"
    consent_to(owner, officer, ["tax"])
    view = read(officer)
    assert view.indicators[SALES]["value"] == 1200066.0
    assert (view.rating_status, view.grade) == ("ok", "BBB")


def test_every_hidden_value_is_null_whatever_the_class(published, owner, officer):
    consent_to(owner, officer, ["utilities"])
    view = read(officer)
    private = {
        key for key, each in consent_data_classes().items() if not each.is_public and key != "utilities"
    }
    closed = {contract for key in private for contract in consent_data_classes()[key].contracts}
    for key, cell in view.indicators.items():
        if closed & set(indicator_contracts(key)):
            assert cell == {"value": None, "status": "not_authorised"}, key
    assert not closed & {event["source"] for event in view.events}


def test_reading_leaves_a_record_that_the_enterprise_sees(published, owner, officer):
    consent = consent_to(owner, officer)
    read(officer)
    with scoped(owner):
        record = selectors.list_reads(owner).get()
    assert (record.reader_organisation_id, record.consent, record.basis) == (
        officer.organisation_id,
        consent,
        "consent",
    )
    assert "tax" in record.data_classes
    with scoped(officer):
        assert selectors.list_reads(officer).count() == 1
    other = person("enterprise", Role.ENTERPRISE_OWNER, "other", uscc=SECOND)
    with scoped(other):
        assert selectors.list_reads(other).count() == 0


def test_own_reading_needs_no_consent_and_leaves_no_record(published, owner):
    assert read(owner).basis == "own"
    assert ReadRecord.unscoped.count() == 0


def test_uncertified_enterprise_sees_nothing_of_its_data(published, owner):
    Organisation.objects.filter(pk=owner.organisation_id).update(certified_at=None)
    with scoped(owner):
        assert selectors.get_own_portrait(owner) is None
    with pytest.raises(NotAllowedError, match="核验"):
        read(owner)


def test_refusal_names_what_is_missing(published, owner, officer):
    with pytest.raises(NotAllowedError, match="没有为“贷前审查”授权"):
        read(officer)
    consent = consent_to(owner, officer)
    with pytest.raises(NotAllowedError, match="贷后管理"):
        read(officer, purpose="post_loan")
    with pytest.raises(NotAllowedError, match="到期"):
        read(officer, now=consent.valid_until)
    read(officer)
    with scoped(owner):
        revoke_consent(scope=owner, consent_id=consent.pk, now=timezone.now())
    with pytest.raises(NotAllowedError, match="撤回"):
        read(officer)
    assert ReadRecord.unscoped.count() == 1


def test_second_wall_closes_with_the_revocation(published, owner, officer):
    consent = consent_to(owner, officer)
    with scoped(officer):
        assert Portrait.unscoped.count() == 1
    with scoped(owner):
        revoke_consent(scope=owner, consent_id=consent.pk, now=timezone.now())
    with scoped(officer):
        assert Portrait.unscoped.count() == 0


@pytest.mark.parametrize(
    ("kind", "role"), [("operator", Role.OPERATOR), ("enterprise", Role.ENTERPRISE_OWNER)]
)
def test_others_read_nothing(published, kind, role):
    with pytest.raises(NotAllowedError):
        read(person(kind, role, "other", uscc=SECOND if kind == "enterprise" else None))


def test_government_reads_its_region_for_its_duty_on_record(published, owner):
    official = person("government", Role.GOVERNMENT_OFFICIAL, "changsha", region="4301")
    assert read(official, purpose="government_duty").basis == "statutory_duty"
    with scoped(owner):
        assert selectors.list_reads(owner).get().basis == "statutory_duty"
    with pytest.raises(NotAllowedError, match="政府履职"):
        read(official, purpose="pre_loan")
    with pytest.raises(NotAllowedError, match="辖区"):
        read(official, uscc=SECOND, purpose="government_duty")


def test_figures_say_status_source_and_freshness(published, owner):
    with scoped(owner):
        groups = selectors.group_figures(selectors.get_own_portrait(owner))
    figures = {figure.id: figure for group in groups for figure in group.figures}
    sales = figures[SALES]
    assert (sales.text, sales.status, sales.sources) == ("120.01 万元", "ok", ("taxation.tax_filing",))
    assert sales.delivered_on == dt.date(2026, 11, 18)
    never = next(figure for figure in figures.values() if figure.sources == ("utilities.utility_usage",))
    assert (never.value, never.text, never.status, never.delivered_on) == (None, "—", "missing", None)


@pytest.mark.parametrize(
    ("indicator", "value", "text"),
    [
        ("tax_taxable_sales_yoy_m12_ratio", -0.1234, "-12.3%"),
        ("judicial_dishonest_open_count", 2.0, "2 件"),
        ("tax_grade_now_level", 5.0, "A 级"),
        ("tax_grade_trend_y2_level", 1.0, "+1 级"),
        ("tax_grade_trend_y2_level", 0.0, "0 级"),
        ("profile_environment_credit_level", 2.0, "警示"),
        ("tax_grade_now_level", None, "—"),
    ],
)
def test_values_are_shown_with_their_unit(indicator, value, text):
    assert selectors.format_figure(indicator, value) == text


def test_prefill_proposes_a_share_of_sales_with_its_reason(published, owner):
    with scoped(owner):
        proposed = selectors.prefill_demand(owner)
    assert proposed["amount_cny"]["value"] == 180_000
    assert "15%" in proposed["amount_cny"]["reason"]
    poor = person("enterprise", Role.ENTERPRISE_OWNER, "poor", uscc=SECOND)
    with scoped(poor):
        proposed = selectors.prefill_demand(poor)
    assert proposed["amount_cny"]["value"] is None
    assert "缺失" in proposed["amount_cny"]["reason"]


def test_quarantine_is_for_operators(published, officer):
    operator = person("operator", Role.OPERATOR, "operator", region="43")
    with scoped(operator):
        row = selectors.list_quarantine(operator).get()
        assert (row.value, row.message, row.row) == ("2026,13", '月份"无效"', {"period": "2026,13"})
        assert selectors.quarantine_by_rule()[0]["rows"] == 1
    with scoped(officer):
        with pytest.raises(NotAllowedError):
            selectors.list_quarantine(officer)
        assert QuarantinedRow.objects.count() == 0


def test_scope_of_another_kind_has_no_own_portrait(published, officer):
    assert selectors.get_own_portrait(officer) is None
    assert selectors.get_own_portrait(Scope()) is None


def test_the_register_is_searched_through_its_indexes():
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO enterprises_enterprise (uscc, name, legal_form, status, industry_code, county_code, address, legal_rep_name, known_at)
            SELECT '91430102MA' || lpad(i::text, 8, '0'), '长沙' || chr(19968 + i) || chr(30000 - i) || '电子有限公司', '', '存续', '', '430102', '', '', '2026-11-20'
            FROM generate_series(1, 4000) AS i"""
        )
        cursor.execute("ANALYZE enterprises_enterprise")
    official = person("government", Role.GOVERNMENT_OFFICIAL, "official", region="4301")
    wanted = Enterprise.objects.get(uscc="91430102MA00000123")
    Enterprise.objects.filter(pk=wanted.pk).update(name="长沙ABC兴辉电子有限公司")
    for typed in ("兴辉", "abc兴", "辉电子有", " 91430102ma00000123 "):
        assert [each.pk for each in selectors.find_regional_enterprises(official, typed)] == [wanted.pk], (
            typed
        )
    assert selectors.find_regional_enterprises(official, "辉兴").count() == 0
    assert selectors.find_regional_enterprises(official, "长").count() == 4000
    plan = selectors.find_regional_enterprises(official, "兴辉").explain()
    assert "enterprise_name_grams" in plan, plan
    assert "Seq Scan" not in plan
