"""The scope walls: unscoped queries raise; row security holds behind them."""

import pytest
from django.db import connection, transaction

from rongqiao.accounts.models import Organisation
from rongqiao.accounts.scope import Scope, bind, scoped, system_scope
from rongqiao.accounts.scoping import UnscopedQueryError
from rongqiao.bases.enterprises.models import Enterprise, Portrait

pytestmark = pytest.mark.django_db

USCC = "91430102MA4L000001"


@pytest.fixture
def portrait():
    with system_scope():
        Enterprise.objects.create(uscc=USCC, name="长沙湘辉陶瓷有限公司", known_at="2026-11-20")
        return Portrait.objects.create(
            enterprise_id=USCC, region_code="430102", as_of=202610, known_at="2026-11-20"
        )


def test_query_without_scope_raises(portrait):
    with pytest.raises(UnscopedQueryError, match="Portrait"):
        list(Portrait.objects.all())


@pytest.mark.parametrize(
    ("scope", "rows"),
    [
        (Scope(kind="enterprise", uscc=USCC), 1),
        (Scope(kind="enterprise", uscc="91430102MA4L000002"), 0),
        (Scope(kind="government", region="4301"), 1),
        (Scope(kind="government", region="4302"), 0),
        (Scope(kind="institution"), 0),
        (Scope(kind="operator"), 0),
        (Scope(), 0),
    ],
)
def test_both_walls_agree(portrait, scope, rows):
    with scoped(scope):
        assert Portrait.objects.for_scope(scope).count() == rows
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM enterprises_portrait")
            assert cursor.fetchone() == (rows,)


def test_nested_scope_gives_the_outer_back(portrait):
    outer = Scope(kind="enterprise", uscc="91430102MA4L000002")
    with scoped(outer):
        with system_scope() as system:
            assert Portrait.objects.for_scope(system).count() == 1
        assert Portrait.unscoped.count() == 0


def test_scope_needs_a_transaction(transactional_db):
    with pytest.raises(transaction.TransactionManagementError):
        bind(Scope())


def test_organisations_are_not_scoped(db):
    assert Organisation.objects.count() == 0
