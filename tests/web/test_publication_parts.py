"""After a delivery only its own parts of the web's tables are put in place anew; they read as if all had been."""

from __future__ import annotations

import datetime as dt

import pytest

from config.tasks import govern_uploads
from rongqiao.accounts.scope import scope_of, scoped, system_scope
from rongqiao.bases.enterprises import publication
from rongqiao.bases.enterprises.intake import services
from rongqiao.bases.enterprises.models import (
    ColumnProfile,
    Delivery,
    PublishedTable,
    QuarantinedRow,
    RuleResult,
    SourceStatus,
)
from rongqiao.bases.enterprises.publication import publish_operations
from rongqiao.bases.enterprises.resolution.models import FactComparison, FactConflict, Merge, WaitingRow
from rongqiao.contracts.standards import load_contracts
from rongqiao.lake.tables import Lake
from tests.web.intake_place import (
    FIRST,
    NOW,
    SECOND,
    TODAY,
    clerk_of,
    good,
    grades,
    push,
    register_two,
    state,
)

SHOWN = (SourceStatus, Delivery, RuleResult, ColumnProfile, QuarantinedRow, FactConflict, FactComparison, WaitingRow, Merge)  # fmt: skip
REGISTRATION = "taxation.taxpayer"


@pytest.fixture
def home(tmp_path, monkeypatch):
    return register_two(tmp_path, monkeypatch)


@pytest.fixture
def scope(db):
    return scope_of(clerk_of("taxation", "tax-clerk"))


def shown():
    """Everything the tables say, without numbers that they give themselves."""
    found = {}
    with system_scope() as system:
        for model in SHOWN:
            rows = model.objects.for_scope(system) if hasattr(model.objects, "for_scope") else model.objects
            names = [
                each.attname
                for each in model._meta.concrete_fields
                if each.get_internal_type() not in ("AutoField", "BigAutoField")
            ]
            found[model.__name__] = sorted(map(repr, rows.values_list(*names)))
    return found


def replaced(monkeypatch, publish):
    """Return names of tables that were replaced whole, while something runs."""
    whole = []
    real = publication.replace_rows

    def noted(model, columns, folder, column=None, named=None):
        if named is None:
            whole.append(model.__name__)
        return real(model, columns, folder, column, named)

    with monkeypatch.context() as patched:
        patched.setattr(publication, "replace_rows", noted)
        publish()
    return set(whole)


def as_if_whole():
    with system_scope():
        PublishedTable.objects.all().delete()
    publish_operations(lake=Lake(), known_at=dt.date.today())  # noqa: DTZ011 - as the job just did
    return shown()


def registrations(*rows):
    head = "统一社会信用代码,纳税人名称,纳税人状态,增值税纳税人类型,主管税务机关,税务登记日期,适用会计制度,变更日期"
    return ("\n".join([head, *rows]) + "\n").encode()


def test_each_delivery_is_shown_by_its_own_part_and_all_read_as_if_replaced_whole(home, scope, monkeypatch):
    bad = push(scope, grades(good(), good(SECOND, grade="Z")))
    assert replaced(monkeypatch, govern_uploads) == {model.__name__ for model in SHOWN}
    batch = state(scope, bad).batch_id
    (kept,) = QuarantinedRow.objects.filter(batch_id=batch)
    steps = [
        lambda: push(scope, grades(good(SECOND, grade="Y")), is_regular=False),
        lambda: push(
            scope,
            registrations(
                f"{FIRST},长沙湘辉机器有限公司,正常,小规模纳税人,某税务所,2015-03-10,小企业会计准则,2026-01-10"
            ),
            contract_id=REGISTRATION,
        ),
    ]
    for step in steps:
        step()
        assert replaced(monkeypatch, govern_uploads) == {"FactComparison"}
        assert QuarantinedRow.objects.get(batch_id=batch).pk == kept.pk
        said = shown()
        assert said == as_if_whole()
        (kept,) = QuarantinedRow.objects.filter(batch_id=batch)
    with scoped(scope):
        services.repair_rows(scope=scope, batch_id=batch, repairs={kept.line: {"grade": "B"}}, now=NOW)
    assert replaced(monkeypatch, govern_uploads) == {"FactComparison"}
    assert shown() == as_if_whole()
    assert SourceStatus.objects.count() == len(load_contracts())


def test_nothing_new_touches_nothing(home, scope, monkeypatch):
    push(scope, grades(good(SECOND, grade="Z")))
    govern_uploads()
    today = TODAY + dt.timedelta(days=400)
    publish_operations(lake=Lake(), known_at=today)
    before = {row.pk for row in QuarantinedRow.objects.all()}
    assert replaced(monkeypatch, lambda: publish_operations(lake=Lake(), known_at=today)) == {"FactComparison"}  # fmt: skip
    assert {row.pk for row in QuarantinedRow.objects.all()} == before


def test_an_earlier_day_or_other_contracts_replace_everything(home, scope, monkeypatch):
    push(scope, grades(good()))
    govern_uploads()
    every = {model.__name__ for model in SHOWN}
    assert replaced(monkeypatch, lambda: publish_operations(lake=Lake(), known_at=TODAY)) == every
    with system_scope():
        PublishedTable.objects.update(declared="otherwise")
    assert replaced(monkeypatch, lambda: publish_operations(lake=Lake(), known_at=TODAY)) == every
