"""An enterprise sees first which tables hold records of it, how many, and where nobody can tell."""

import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from lake_fixture import FIRST, build_lake, publish_unchanged

from config.serving import build_serving
from rongqiao.accounts.models import Organisation, User
from rongqiao.accounts.scope import scope_of, scoped, system_scope
from rongqiao.bases.enterprises.interfaces import answers
from rongqiao.bases.enterprises.models import SourceStatus
from rongqiao.bases.enterprises.objections.disputable import own_records
from rongqiao.bases.enterprises.own_tables import own_holdings
from rongqiao.contracts.standards import load_contracts

pytestmark = pytest.mark.django_db
PAGE = "portal:enterprise_tables"


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return build_lake(tmp_path_factory.mktemp("lake"))


@pytest.fixture
def person(lake, monkeypatch, tmp_path):
    """Give the owner of an enterprise in a governed installation whose serving store was not built yet."""
    monkeypatch.setenv("RONGQIAO_VAR", str(tmp_path))
    monkeypatch.setenv("RONGQIAO_LAKE_URL", lake.root)
    publish_unchanged(lake)
    answers.forget_store()
    with system_scope():
        organisation = Organisation.objects.create(
            kind="enterprise", name="owner", uscc=FIRST, region_code="430102", certified_at=timezone.now()
        )
        yield User.objects.create(username="owner", organisation=organisation, role="enterprise_owner")
    answers.forget_store()


@pytest.fixture
def owner(person):
    client = Client(raise_request_exception=True)
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


def rows(client, **query):
    answer = client.get(reverse(PAGE), {"export": "csv", **query}).content.decode().lstrip("\ufeff")
    return [line.split(",") for line in answer.splitlines()[1:]]


def test_tables_with_records_come_first_with_number_and_newest(owner, person, lake):
    build_serving(lake)
    told = rows(owner)
    filings = next(row for row in told if row[0] == load_contracts()["taxation.tax_filing"].title)
    assert filings[2:4] == ["24", "2026-10"]
    numbers = [int(row[2]) for row in told]
    assert numbers == sorted(numbers, reverse=True)
    assert min(numbers) > 0
    none, whole = rows(owner, held="none"), rows(owner, held="all")
    assert {row[2] for row in none} <= {"0"}
    assert sorted(map(tuple, whole)) == sorted(map(tuple, [*told, *none]))
    page = owner.get(reverse(PAGE)).content.decode()
    assert f"{len(told)} 张表有本企业的记录，{len(none)} 张没有" in page
    assert re.search(rf"共 <b>{len(told)}</b> 条", page)


def test_the_number_is_that_of_the_page_behind_it(person, lake):
    build_serving(lake)
    scope, today = scope_of(person), timezone.localdate()
    names = list(SourceStatus.objects.exclude(delivered_on=None).values_list("contract_id", flat=True))
    with scoped(scope):
        told = own_holdings(scope, names, today=today)
        assert len(told) == len(names)
        for name, holding in told.items():
            found = own_records(scope, name, today=today, lake=lake)
            assert holding.records == len(found), name
            assert holding.newest == max((row.valid for row in found), default=""), name


def test_what_nobody_counted_is_neither_zero_nor_hidden(owner, lake):
    told = rows(owner)
    assert len(told) == SourceStatus.objects.exclude(delivered_on=None).count()
    assert {tuple(row[2:4]) for row in told} == {("暂不能统计", "暂不能统计")}
    page = owner.get(reverse(PAGE)).content.decode()
    assert f"{len(told)} 张表暂不能统计有没有本企业的记录" in page
    assert "张没有" not in page


def test_a_table_that_the_store_never_took_in_is_told_apart(person, lake):
    build_serving(lake)
    scope = scope_of(person)
    assert "science.no_such_table" not in own_holdings(
        scope, ["science.no_such_table", "taxation.tax_filing"], today=timezone.localdate()
    )
