"""Records of calls: each is on the disk before its call is answered, fails alone, and is found by whom it concerns."""

import threading
from decimal import Decimal

import pytest
from django.db import connection, connections
from django.db.utils import DataError
from django.utils import timezone

from rongqiao.accounts.scope import scoped, system_scope
from rongqiao.bases.enterprises.interfaces import records, rights, selectors
from rongqiao.bases.enterprises.interfaces.models import DataCall
from rongqiao.bases.enterprises.models import ReadRecord
from tests.web.interface_calls import FILINGS
from tests.web.market_place import USCC


def record(market, key, **changes):
    values = {
        "at": timezone.now(), "key_id": key[0].pk, "consumer_id": market.officer.organisation_id,
        "reader_id": market.officer.user_id, "interface_id": FILINGS, "title": "纳税申报", "provider": "taxation",
        "uscc": USCC, "purpose": "pre_loan", "basis": "consent", "consent_id": None, "code": "ok", "records": 2,
        "data_classes": ("tax",), "holder_id": None, "authorisation_id": None, "price_cny": Decimal("0.10"), "via": "api",
        "address": "10.0.0.1", "milliseconds": 3,
    }  # fmt: skip
    return records.CallRecord(**(values | changes))


@pytest.mark.django_db(transaction=True)
def test_records_of_one_moment_are_all_kept_before_they_are_answered_and_a_bad_one_fails_alone(
    market, interface_key
):
    kept, refused = [], []
    ready = threading.Barrier(8)

    def keep(number):
        other = connection.copy()
        try:
            ready.wait(60)
            for turn in range(5):
                is_bad = (number, turn) == (3, 2)
                provider = "x" * 50 if is_bad else "taxation"
                try:
                    records.keep(record(market, interface_key, records=number, provider=provider))
                except DataError:
                    refused.append((number, turn))
                else:
                    with other.cursor() as cursor:
                        cursor.execute(
                            "SELECT count(*) FROM interfaces_datacall WHERE records = %s", [number]
                        )
                        kept.append(cursor.fetchone()[0] == turn + 1 - (number == 3 and turn > 2))
        finally:
            other.close()
            connections.close_all()

    threads = [threading.Thread(target=keep, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == [(3, 2)]
    assert kept == [True] * 39
    with system_scope() as system:
        assert DataCall.objects.for_scope(system).count() == 39
        assert ReadRecord.objects.for_scope(system).filter(subject_uscc=USCC).count() == 39


@pytest.mark.django_db
@pytest.mark.parametrize("changes", [{"code": "consent_missing"}, {"uscc": ""}, {"basis": "sandbox"}])
def test_what_read_nobody_is_metered_and_is_no_reading(market, interface_key, changes):
    records.keep(record(market, interface_key, **changes))
    with system_scope() as system:
        assert DataCall.objects.for_scope(system).count() == 1
        assert not ReadRecord.objects.for_scope(system).exists()


@pytest.mark.django_db
def test_a_record_costs_no_more_indexes_and_constraints_than_are_asked_by():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE indrelid = ANY (%s::regclass[])",
            [["interfaces_datacall", "enterprises_readrecord"]],
        )
        indexes = {name for (name,) in cursor.fetchall()}
        cursor.execute(
            "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND conrelid = ANY (%s::regclass[])",
            [["interfaces_datacall", "enterprises_readrecord"]],
        )
        assert cursor.fetchone() == (0,)
    of_calls = {
        "interfaces_datacall_pkey", "datacall_of_consumers", "datacall_of_vendors", "datacall_periods",
        "interfaces__provide_019ddc_idx", "interfaces__subject_81271a_idx",
    }  # fmt: skip
    of_readings = {
        "enterprises_readrecord_pkey", "readrecord_subject",
        "enterprises_readrecord_reader_organisation_id_de287cf7",
    }  # fmt: skip
    assert indexes == of_calls | of_readings


@pytest.mark.django_db
def test_each_reader_of_the_log_finds_its_own_by_an_index(market, tax_clerk):
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    with system_scope() as system:
        calls = DataCall.objects.for_scope(system).order_by()
        readings = ReadRecord.objects.for_scope(system).order_by()
        plans = {
            "datacall_of_consumers": calls.filter(consumer_id=market.officer.organisation_id),
            "interfaces__provide_019ddc_idx": calls.filter(provider=tax_clerk.department),
            "interfaces__subject_81271a_idx": calls.filter(subject_uscc=USCC),
            "readrecord_subject": readings.filter(subject_uscc=USCC),
            "enterprises_readrecord_reader_organisation_id": readings.filter(
                reader_organisation_id=market.officer.organisation_id
            ),
        }
        for index, query in plans.items():
            assert index in query.explain(), index
    with scoped(market.officer):
        assert "datacall_of_consumers" in selectors.list_keys(market.officer).explain()
    with connection.cursor() as cursor:
        # Where there are no rows, to skip from consumer to consumer looks cheaper than the spans of pages.
        cursor.execute("DROP INDEX datacall_of_consumers")
    with system_scope() as system:
        assert (
            "datacall_periods" in DataCall.objects.for_scope(system).filter(at__gte=now).order_by().explain()
        )


@pytest.mark.django_db(transaction=True)
def test_a_database_that_went_away_is_asked_once_more():
    values = dict.fromkeys(("interface", "provider", "uscc", "purpose"), "x") | {
        "key": "00000000-0000-0000-0000-000000000000", "now": "2026-11-24",
    }  # fmt: skip
    assert rights._row(values) is None
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (before,) = cursor.fetchone()
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [before])
    finally:
        other.close()
    assert rights._row(values) is None
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        assert cursor.fetchone() != (before,)
