"""What row security alone lets a request write, should a service ever be wrong: never another's word."""

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.db.utils import DatabaseError

from rongqiao.accounts.models import Consent, LedgerEntry
from rongqiao.accounts.scope import scoped
from rongqiao.bases.enterprises.models import Portrait, ReadRecord
from rongqiao.platforms.financing.models import Application, Demand, Instalment, Loan, LoanEvent, Quote, Take
from tests.web.market_place import DAY, NOW, TODAY, USCC

pytestmark = pytest.mark.django_db


def change(scope, model, **values):
    """Change all rows the caller reaches; how many, or the database's refusal."""
    with scoped(scope), transaction.atomic():
        return model.unscoped.update(**values)


def refused(scope, model, **values):
    with pytest.raises(ProgrammingError, match="may change"):
        change(scope, model, **values)


def insert(scope, row):
    row.pk = None
    row._state.adding = True
    with pytest.raises(DatabaseError, match="row-level security"), scoped(scope), transaction.atomic():
        row.save(force_insert=True)


@pytest.fixture
def quoted(market):
    demand = market.publish()
    return market.quote(market.officer, market.take(market.officer, demand))


def test_nobody_changes_what_a_published_demand_asks(market, quoted):
    refused(market.officer, Demand, amount_cny=5_000_000)
    refused(market.owner, Demand, amount_cny=5_000_000)
    refused(market.officer, Demand, note="改写")
    assert change(market.officer, Demand, takes_count=2) == 1


def test_a_draft_may_still_be_rewritten(market):
    from rongqiao.platforms.financing import services

    values = {
        "amount_cny": 100_000,
        "term_months": 12,
        "purpose": "working_capital",
        "guarantee_kind": "credit",
    }
    market.act(services.draft_demand, market.clerk, **values, now=NOW)
    assert change(market.owner, Demand, amount_cny=200_000) == 1


def test_nobody_changes_the_price_of_a_quote(market, quoted):
    for scope in (market.owner, market.officer):
        refused(scope, Quote, rate_ratio="0.01")
        refused(scope, Quote, valid_until=NOW)
    assert change(market.owner, Quote, status="closed") == 1


def test_an_enterprise_quotes_takes_lends_and_repays_nothing(market, quoted):
    insert(market.owner, Quote.unscoped.get(pk=quoted.pk))
    insert(market.owner, Take.unscoped.get(pk=quoted.take_id))
    refused(market.owner, Take, taken_at=NOW + DAY)


def test_an_enterprise_writes_nothing_about_its_loan(market):
    loan = market.loan()
    insert(market.owner, Loan.unscoped.get(pk=loan.pk))
    insert(market.owner, LoanEvent.unscoped.filter(loan=loan).first())
    insert(market.owner, Instalment.unscoped.filter(loan=loan).first())
    refused(market.owner, Loan, status="repaid")
    refused(market.owner, Instalment, due_on=TODAY)
    refused(market.officer, Loan, principal_cny=1)
    # The whole schedule moves with the day of the drawdown.
    assert change(market.officer, Instalment, due_on=TODAY) == 12


def test_an_enterprise_decides_no_application_and_a_bank_files_none(market):
    market.loan()
    refused(market.owner, Application, refusal_note="批准")
    refused(market.officer, Application, submitted_at=NOW + DAY)
    insert(market.officer, Application.unscoped.get())


def test_an_enterprise_does_not_write_its_own_portrait(market):
    refused(market.owner, Portrait, score=999)
    insert(market.owner, Portrait.unscoped.get(pk=USCC))
    assert Portrait.unscoped.get(pk=USCC).score is None


def test_an_enterprise_invents_no_reading_of_its_data(market):
    row = ReadRecord(
        subject_uscc=USCC,
        reader_organisation_id=market.officer.organisation_id,
        reader_id=market.officer.user_id,
        what="企业画像",
        purpose="pre_loan",
        basis="consent",
    )
    insert(market.owner, row)


def test_a_consent_is_revoked_once_and_never_widened(market):
    market.publish()
    refused(market.owner, Consent, data_classes=["tax", "court"])
    assert change(market.owner, Consent, revoked_at=NOW) == 2
    refused(market.owner, Consent, revoked_at=None)
    assert change(market.officer, Consent, revoked_at=None) == 0


def test_a_request_cannot_rewrite_the_outbox(market):
    market.publish()
    for write in (
        lambda: LedgerEntry.objects.update(digest="0" * 64),
        lambda: LedgerEntry.objects.all().delete(),
    ):
        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            scoped(market.owner),
            transaction.atomic(),
        ):
            write()
    assert LedgerEntry.objects.exclude(digest="0" * 64).exists()


@pytest.mark.parametrize(
    "table",
    [
        "accounts_user",
        "accounts_organisation",
        "accounts_consent",
        "interfaces_interfacekey",
        "interfaces_authorisation",
    ],
)
@pytest.mark.parametrize("change", ["DELETE FROM {table}", "UPDATE {table} SET id = id"])
def test_what_a_record_of_a_reading_names_is_never_deleted_or_renumbered(
    market, interface_key, table, change
):
    market.publish()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        (before,) = cursor.fetchone()
        with pytest.raises(IntegrityError, match="never deleted or renumbered"), transaction.atomic():
            cursor.execute(change.format(table=table))
        cursor.execute(f"SELECT count(*) FROM {table}")
        assert cursor.fetchone() == (before,)
    assert before > 0
