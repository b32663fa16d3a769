"""What is held back from use is held back from every reader of the web at once, with the reason, until a decision or its figures lift it."""

import datetime as dt

import pytest
from django.utils import timezone
from lake_fixture import AS_OF, FIRST, KNOWN_AT, build_lake, publish_unchanged

from config.indicator_decisions import carry_decisions
from rongqiao.accounts.models import AuditRecord, Organisation
from rongqiao.accounts.roles import Role
from rongqiao.accounts.scope import scope_of, scoped, system_scope
from rongqiao.accounts.services import open_account
from rongqiao.bases.enterprises.catalogue import selectors
from rongqiao.bases.enterprises.catalogue.models import IndicatorDecision, IndicatorStatus
from rongqiao.bases.enterprises.catalogue.services import decide_indicator, reapply_pending
from rongqiao.bases.enterprises.figures import group_figures
from rongqiao.bases.enterprises.models import Portrait
from rongqiao.bases.enterprises.portraits import known_facts, mask
from rongqiao.bases.enterprises.selectors import prefill_demand
from rongqiao.contracts.catalog import consent_data_classes
from rongqiao.indicators.health import write_health
from rongqiao.indicators.suspension import settle_states
from rongqiao.kernel.errors import IllegalTransitionError, InvalidValueError, NotAllowedError
from rongqiao.lake import suspensions
from rongqiao.rules.criteria import evaluate, parse_criteria

pytestmark = pytest.mark.django_db

SALES, DERIVED = "tax_taxable_sales_sum_m12_cny", "finance_sales_tax_vs_report_ratio"
REASON = "申报口径切换，待核对"
NOW = dt.datetime(2026, 11, 21, 3, 0, tzinfo=dt.UTC)
TODAY = dt.date(2026, 11, 21)


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """A lake whose indicators were examined; the tests that write to it leave their decisions behind."""
    kept = build_lake(tmp_path_factory.mktemp("use-lake"))
    write_health(kept, as_of=AS_OF, known_at=KNOWN_AT)
    settle_states(kept, as_of=AS_OF, known_at=KNOWN_AT)
    return kept


@pytest.fixture
def operator(lake):
    publish_unchanged(lake)
    return person("operator", Role.OPERATOR, "linjing")


def person(kind, role, name, uscc=None):
    organisation = Organisation.objects.create(
        kind=kind, name=name, uscc=uscc, region_code="430102", certified_at=timezone.now()
    )
    return scope_of(
        open_account(organisation=organisation, role=role, username=name, password="bamboo-bridge-2026")
    )


def decide(scope, event, indicator_id=SALES, reason=REASON):
    with scoped(scope):
        return decide_indicator(
            scope=scope, indicator_id=indicator_id, event=event, reason=reason, now=NOW, today=TODAY
        )


def portrait():
    with system_scope():
        return Portrait.unscoped.select_related("enterprise").get(pk=FIRST)


def view(classes=None):
    with system_scope():
        return mask(
            portrait(), data_classes=consent_data_classes() if classes is None else classes, basis="own"
        )


def test_publication_brings_figures_versions_and_groups(operator):
    status = IndicatorStatus.objects.get(pk=SALES)
    # Two enterprises decide nothing.
    assert (status.enterprises, status.covered, status.coverage, status.verdict) == (2, 1, 0.5, "unknown")
    assert status.state == "in_use"
    ((version, formula, first, last, since),) = status.editions
    assert (version, first, last, since) == ("1", str(AS_OF), str(AS_OF), "2026-11-20")
    assert "Σ" in formula
    assert [(dimension, code) for dimension, code, *_ in status.groups] == [
        ("all", ""), ("region", "4301"), ("region", "4302"), ("section", "C"),
    ]  # fmt: skip


def test_an_operators_decision_holds_for_every_reader_at_once(operator):
    assert view().indicators[SALES]["status"] == "ok"
    decide(operator, "halt")
    cell = view().indicators[SALES]
    assert cell == {"value": None, "status": "suspended", "reason": f"停用：{REASON}"}
    assert SALES not in view().facts
    figure = next(each for theme in group_figures(view()) for each in theme.figures if each.id == SALES)
    assert (figure.text, figure.status_title, figure.reason) == ("—", "暂停使用", f"停用：{REASON}")
    assert figure.as_dict()["reason"] == f"停用：{REASON}"
    # Who may not see it is told only that.
    assert view([]).indicators[SALES] == {"value": None, "status": "not_authorised"}
    derived = view().indicators[DERIVED]
    assert derived["reason"] == "暂停使用：所依据的“近12个月应税销售额合计”停用"
    # What was computed stands.
    assert portrait().indicators[SALES]["value"] == 1_200_066
    record = AuditRecord.unscoped.get(action="indicator.use_decided")
    assert (record.object_id, record.detail["to"], record.detail["reason"]) == (SALES, "halted", REASON)
    decide(operator, "resume")
    assert view().indicators[SALES]["status"] == "ok"
    assert view().indicators[DERIVED]["status"] != "suspended"


def test_a_criterion_on_it_is_unknown_and_says_why(operator):
    tree = parse_criteria(
        {"fact": SALES, "op": ">=", "value": 1, "text": "有销售", "settles": "授权纳税数据"}
    )
    assert evaluate(tree, known_facts(portrait()), rule="p", version="1").outcome == "met"
    decide(operator, "halt")
    judged = evaluate(tree, known_facts(portrait()), rule="p", version="1")
    assert judged.outcome == "unknown"
    assert judged.reasons[0].settles == f"停用：{REASON}，恢复使用后再判断。"
    assert judged.reasons[0].value is None


def test_nothing_is_proposed_from_it(operator):
    owner = person("enterprise", Role.ENTERPRISE_OWNER, "owner", uscc=FIRST)
    with scoped(owner):
        assert prefill_demand(owner)["amount_cny"]["value"] is not None
    decide(operator, "halt")
    with scoped(owner):
        proposed = prefill_demand(owner)["amount_cny"]
    assert proposed == {
        "value": None,
        "reason": f"近12个月应税销售额停用：{REASON}，无法测算，请自行填写。",
    }


def test_a_decision_needs_a_reason_the_role_and_a_fitting_state(operator):
    with pytest.raises(InvalidValueError, match="理由"):
        decide(operator, "halt", reason="  ")
    with pytest.raises(InvalidValueError, match="停用、核准"):
        decide(operator, "fail")
    with pytest.raises(IllegalTransitionError, match="halt"):
        decide(operator, "release")
    with pytest.raises(NotAllowedError, match="还没有"):
        decide(operator, "halt", indicator_id="no_such_count")
    officer = person("institution", Role.BANK_OFFICER, "officer")
    with pytest.raises(NotAllowedError, match="运营"):
        decide(officer, "halt")
    assert not IndicatorDecision.objects.exists()


def test_a_publication_that_knows_not_of_it_does_not_undo_it(operator, lake):
    decide(operator, "halt")
    IndicatorStatus.objects.filter(pk=SALES).update(state="in_use", state_reason="")
    with system_scope():
        reapply_pending(TODAY)
    assert selectors.held_back()[SALES] == f"停用：{REASON}"


def test_the_job_tells_the_lake_once(operator, lake, monkeypatch):
    monkeypatch.setenv("RONGQIAO_LAKE_URL", lake.root)
    decide(operator, "halt")
    assert carry_decisions() == 1
    assert carry_decisions() == 0
    stopped = suspensions.held_back(lake, known_at=TODAY)
    assert stopped[SALES] == REASON
    assert DERIVED in stopped
    assert suspensions.held_back(lake, known_at=KNOWN_AT) == {}
    with system_scope():
        assert IndicatorDecision.objects.get().carried_on is not None
