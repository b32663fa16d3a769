"""Consent: itemised terms, kept text, immediate revocation, and who sees it."""

import datetime as dt

import pytest

from rongqiao.accounts import consent_text as texts
from rongqiao.accounts.models import Consent, LedgerEntry, Organisation
from rongqiao.accounts.roles import Role
from rongqiao.accounts.scope import Scope, scope_of, scoped
from rongqiao.accounts.selectors import consent_text, list_consents, live_consent
from rongqiao.accounts.services import consent_evidence, give_consent, open_account, revoke_consent
from rongqiao.kernel.errors import ContractError, InvalidValueError, NotAllowedError
from rongqiao.ledger.entries import digest_payload

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 11, 23, 8, 0, tzinfo=dt.UTC)
USCC = "91430102MA4L000001"
VERSION = "2026-1"


@pytest.fixture
def bank():
    return Organisation.objects.create(kind="institution", name="湘江示范银行", region_code="43")


@pytest.fixture
def rival():
    return Organisation.objects.create(kind="institution", name="岳麓示范银行", region_code="43")


@pytest.fixture
def firm():
    return Organisation.objects.create(
        kind="enterprise", name="湘辉", uscc=USCC, region_code="430102", certified_at=NOW
    )


@pytest.fixture
def owner(firm):
    return scope_of(
        open_account(
            organisation=firm, role=Role.ENTERPRISE_OWNER, username="owner", password="bamboo-bridge-2026"
        )
    )


def give(scope, bank, **changes):
    terms = {
        "recipient_id": bank.pk,
        "purpose": "pre_loan",
        "data_classes": ["invoice", "tax"],
        "valid_days": 30,
        "text_version": VERSION,
        "now": NOW,
    }
    with scoped(scope):
        return give_consent(scope=scope, **terms | changes)


def bank_scope(bank):
    return Scope(kind="institution", role=Role.BANK_OFFICER, organisation_id=bank.pk)


def live(scope, *, now=NOW, purpose="pre_loan", recipient=None):
    with scoped(scope):
        return live_consent(
            scope,
            subject_uscc=USCC,
            recipient_id=recipient or scope.organisation_id,
            now=now,
            purpose=purpose,
        )


def test_consent_is_itemised_audited_and_put_on_record(owner, bank):
    consent = give(owner, bank)
    assert consent.data_classes == ["tax", "invoice"]
    assert consent.valid_until - consent.valid_from == dt.timedelta(days=30)
    assert consent.text_digest == texts.load_consent_text(VERSION).digest
    entry = LedgerEntry.objects.get()
    assert (entry.kind, entry.subject) == ("consent_given", f"consent:{consent.pk}")
    stored = Consent.unscoped.get(pk=consent.pk)
    assert entry.digest == digest_payload(consent_evidence(stored))


@pytest.mark.parametrize(
    ("changes", "thing"),
    [
        ({"purpose": "marketing"}, "授权用途"),
        ({"data_classes": []}, "数据类别"),
        ({"data_classes": ["tax", "religion"]}, "数据类别"),
        ({"valid_days": 0}, "授权期限（天）"),
        ({"valid_days": 731}, "授权期限（天）"),
        ({"text_version": "1999-1"}, "授权书版本"),
    ],
)
def test_terms_outside_the_catalogue_are_refused(owner, bank, changes, thing):
    with pytest.raises(InvalidValueError) as error:
        give(owner, bank, **changes)
    assert error.value.thing == thing
    assert Consent.unscoped.count() == 0


def test_recipient_must_be_an_institution(owner, firm):
    with pytest.raises(InvalidValueError, match="机构"):
        give(owner, firm)


@pytest.mark.parametrize("role", [Role.ENTERPRISE_CLERK, Role.BANK_OFFICER, Role.OPERATOR, None])
def test_only_the_owner_gives_consent(owner, bank, role):
    scope = Scope(kind="enterprise", role=role, organisation_id=owner.organisation_id, uscc=USCC)
    with pytest.raises(NotAllowedError, match="企业负责人"):
        give(scope, bank)


def test_uncertified_enterprise_gives_none(owner, bank, firm):
    Organisation.objects.filter(pk=firm.pk).update(certified_at=None)
    with pytest.raises(NotAllowedError, match="核验"):
        give(owner, bank)


def test_live_consent_is_of_one_recipient_purpose_and_period(owner, bank, rival):
    consent = give(owner, bank)
    assert live(bank_scope(bank)) == consent
    assert live(bank_scope(bank), purpose=None) == consent
    assert live(bank_scope(bank), purpose="post_loan") is None
    assert live(bank_scope(bank), now=consent.valid_until) is None
    assert live(bank_scope(bank), now=NOW - dt.timedelta(seconds=1)) is None
    assert live(bank_scope(rival)) is None
    assert live(bank_scope(rival), recipient=bank.pk) is None
    assert live(Scope()) is None


def test_revocation_is_immediate_final_and_on_record(owner, bank):
    consent = give(owner, bank)
    with scoped(owner):
        revoke_consent(scope=owner, consent_id=consent.pk, now=NOW + dt.timedelta(minutes=1))
    assert live(bank_scope(bank)) is None
    with scoped(owner):
        again = revoke_consent(scope=owner, consent_id=consent.pk, now=NOW + dt.timedelta(hours=1))
    assert again.revoked_at == NOW + dt.timedelta(minutes=1)
    assert list(LedgerEntry.objects.order_by("id").values_list("kind", flat=True)) == [
        "consent_given",
        "consent_revoked",
    ]


def test_nobody_else_can_revoke(owner, bank):
    consent = give(owner, bank)
    other = Scope(kind="enterprise", role=Role.ENTERPRISE_OWNER, uscc="91430102MA4L000002")
    for scope in (other, bank_scope(bank)):
        with pytest.raises(NotAllowedError), scoped(scope):
            revoke_consent(scope=scope, consent_id=consent.pk, now=NOW)
    assert Consent.unscoped.get(pk=consent.pk).revoked_at is None


def test_recipient_sees_but_cannot_change_the_consent(owner, bank):
    consent = give(owner, bank)
    scope = bank_scope(bank)
    with scoped(scope):
        assert list(list_consents(scope)) == [consent]
        assert Consent.objects.for_scope(scope).update(data_classes=["financing"]) == 0


def test_text_that_was_edited_is_refused(tmp_path, monkeypatch):
    for file in texts.FOLDER.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes() + (b"\n" if file.suffix == ".md" else b""))
    monkeypatch.setattr(texts, "FOLDER", tmp_path)
    texts.load_consent_text.cache_clear()
    with pytest.raises(ContractError, match="摘要不符"):
        texts.load_consent_text(VERSION)
    texts.load_consent_text.cache_clear()


def test_every_kept_text_has_its_digest_and_says_it_promises_nothing():
    for version in texts._versions():
        assert "不构成对融资结果的承诺" in consent_text(version)


def test_version_in_force_by_day():
    assert texts.current_text_version(dt.date(2026, 11, 23)) == VERSION
    with pytest.raises(InvalidValueError):
        texts.current_text_version(dt.date(2000, 1, 1))
