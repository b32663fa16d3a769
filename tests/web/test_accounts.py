"""Registration, accounts, roles, audit lines and the outbox of the ledger."""

import datetime as dt

import pytest
from django.contrib.auth.hashers import identify_hasher

from rongqiao.accounts.ledgering import drain, verify_outbox
from rongqiao.accounts.models import AuditRecord, LedgerEntry, Organisation, User
from rongqiao.accounts.roles import Role
from rongqiao.accounts.scope import Scope, scope_of, scoped, system_scope
from rongqiao.accounts.selectors import get_certification, list_audit
from rongqiao.accounts.services import open_account, record_in_ledger, register_enterprise, require
from rongqiao.bases.enterprises.models import Enterprise
from rongqiao.kernel.errors import InvalidValueError, NotAllowedError
from rongqiao.kernel.identifiers import complete_uscc
from rongqiao.ledger.entries import digest_payload
from rongqiao.ledger.log import Ledger

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 11, 23, 8, 0, tzinfo=dt.UTC)
USCC = complete_uscc("91430102MA4L00000")
PASSWORD = "bamboo-bridge-2026"


@pytest.fixture
def register_entry():
    return Enterprise.objects.create(
        uscc=USCC,
        name="长沙湘辉陶瓷有限公司",
        legal_rep_name="周明",
        county_code="430102",
        status="存续",
        known_at="2026-11-20",
    )


def register(**changes):
    answers = {
        "uscc": USCC,
        "enterprise_name": "长沙湘辉陶瓷有限公司",
        "full_name": "周明",
        "phone": "13800000000",
        "username": "zhouming",
        "password": PASSWORD,
        "now": NOW,
    }
    return register_enterprise(**answers | changes)


def test_registered_legal_representative_is_certified(register_entry):
    user = register()
    assert user.role == Role.ENTERPRISE_OWNER
    assert user.organisation.certified_at == NOW
    assert user.organisation.region_code == "430102"
    assert get_certification(scope_of(user)).is_certified
    assert identify_hasher(user.password).algorithm == "argon2"
    scope = scope_of(user)
    with scoped(scope):
        assert [line.action for line in list_audit(scope)] == ["enterprise.registered"]


@pytest.mark.parametrize("spelling", [USCC.lower(), f" {USCC[:8]} {USCC[8:]}", USCC.replace("9", "９")])
def test_code_is_read_as_clerks_type_it(register_entry, spelling):
    assert register(uscc=spelling).organisation.uscc == USCC


def test_brackets_of_another_width_are_the_same_name(register_entry):
    Enterprise.objects.filter(pk=USCC).update(name="湘辉（长沙）陶瓷有限公司")
    assert register(enterprise_name="湘辉(长沙)陶瓷有限公司").organisation.name == "湘辉（长沙）陶瓷有限公司"


@pytest.mark.parametrize("changes", [{"full_name": "李强"}, {"uscc": complete_uscc("91430102MA4L00001")}])
def test_unproven_person_or_enterprise_stays_uncertified(register_entry, changes):
    user = register(**changes)
    assert user.organisation.certified_at is None
    certification = get_certification(scope_of(user))
    assert not certification.is_certified
    assert "营业执照" in certification.message


def test_dead_enterprise_stays_uncertified(register_entry):
    Enterprise.objects.filter(pk=USCC).update(status="注销")
    assert register().organisation.certified_at is None


@pytest.mark.parametrize(
    ("changes", "thing"),
    [
        ({"uscc": USCC[:-1] + ("0" if USCC[-1] != "0" else "1")}, "统一社会信用代码"),
        ({"enterprise_name": "别的公司"}, "企业名称"),
        ({"password": "1234567890"}, "注册信息"),
        ({"username": ""}, "注册信息"),
    ],
)
def test_refused_registration_leaves_nothing(register_entry, changes, thing):
    with pytest.raises(InvalidValueError) as error:
        register(**changes)
    assert error.value.thing == thing
    assert not Organisation.objects.exists()
    assert not User.objects.exists()


def test_an_enterprise_registers_once(register_entry):
    register()
    with pytest.raises(InvalidValueError, match="已注册"):
        register(username="other")
    assert User.objects.count() == 1


def test_role_must_exist_in_the_kind_of_organisation():
    bank = Organisation.objects.create(kind="institution", name="湘江示范银行", region_code="43")
    with pytest.raises(InvalidValueError, match="客户经理"):
        open_account(organisation=bank, role=Role.OPERATOR, username="a", password=PASSWORD)


def test_person_without_role_or_organisation_is_anonymous():
    bank = Organisation.objects.create(kind="institution", name="湘江示范银行", region_code="43")
    assert scope_of(User(username="a", organisation=bank)).kind == "anonymous"
    assert scope_of(User(username="b", is_superuser=True)).kind == "anonymous"


def test_require_names_the_roles_that_may():
    with pytest.raises(NotAllowedError, match="风险经理"):
        require(Scope(kind="institution", role=Role.BANK_OFFICER), Role.BANK_RISK)
    require(Scope(kind="institution", role=Role.BANK_RISK), Role.BANK_OFFICER, Role.BANK_RISK)


def test_audit_is_seen_by_its_organisation_and_the_operator_only(register_entry):
    user = register()
    for scope, rows in [
        (Scope(kind="institution", organisation_id=Organisation().pk), 0),
        (Scope(kind="operator", organisation_id=Organisation().pk), 1),
        (scope_of(user), 1),
    ]:
        with scoped(scope):
            assert list_audit(scope).count() == rows
            assert AuditRecord.unscoped.count() == rows


def test_same_fact_enters_the_outbox_once():
    first = record_in_ledger(kind="quote", subject="quote:1", payload={"a": 1})
    assert record_in_ledger(kind="quote", subject="quote:1", payload={"a": 1}).pk == first.pk
    assert record_in_ledger(kind="quote", subject="quote:1", payload={"a": 2}).pk != first.pk
    assert first.digest == digest_payload({"a": 1})
    with pytest.raises(InvalidValueError, match="gossip"):
        record_in_ledger(kind="gossip", subject="x", payload={})


@pytest.fixture
def later():
    return dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)


def test_drain_keeps_order_and_repeats_harmlessly(tmp_path, later):
    ledger = Ledger(tmp_path)
    entries = [record_in_ledger(kind="quote", subject=f"quote:{n}", payload={"n": n}) for n in range(5)]
    assert drain(ledger=ledger, now=later) == 5
    assert drain(ledger=ledger, now=later) == 0
    assert [entry.subject for entry in ledger.entries()] == [entry.subject for entry in entries]
    assert list(LedgerEntry.objects.order_by("id").values_list("leaf_index", flat=True)) == [0, 1, 2, 3, 4]
    assert not list(verify_outbox(ledger=ledger))


def test_drain_survives_a_crash_between_log_and_database(tmp_path, later):
    ledger = Ledger(tmp_path)
    for number in range(3):
        record_in_ledger(kind="quote", subject=f"quote:{number}", payload={})
    drain(ledger=ledger, now=later)
    LedgerEntry.objects.update(leaf_index=None)
    record_in_ledger(kind="quote", subject="quote:3", payload={})
    assert drain(ledger=ledger, now=later) == 4
    assert ledger.size == 4
    assert not list(verify_outbox(ledger=ledger))


def test_verification_names_waiting_lost_and_altered_entries(tmp_path, later):
    ledger = Ledger(tmp_path)
    waiting, altered, lost = (
        record_in_ledger(kind="quote", subject=f"quote:{n}", payload={}) for n in range(3)
    )
    drain(ledger=ledger, now=later)
    LedgerEntry.objects.filter(pk=waiting.pk).update(leaf_index=None)
    LedgerEntry.objects.filter(pk=altered.pk).update(digest="0" * 64)
    LedgerEntry.objects.filter(pk=lost.pk).update(leaf_index=99)
    problems = {problem.entry_id: problem.text for problem in verify_outbox(ledger=ledger)}
    assert "尚未入账" in problems[waiting.pk]
    assert "不一致" in problems[altered.pk]
    assert "没有第 99 条" in problems[lost.pk]


def test_entries_of_a_later_instant_wait(tmp_path):
    with system_scope():
        record_in_ledger(kind="quote", subject="quote:1", payload={})
    assert drain(ledger=Ledger(tmp_path), now=dt.datetime(2020, 1, 1, tzinfo=dt.UTC)) == 0
