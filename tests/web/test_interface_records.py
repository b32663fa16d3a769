"""Records of calls: who waits at the same moment shares one write, and hears of it when it fails."""

import threading
import time
from types import SimpleNamespace

import pytest
from django.db import connection
from django.db.utils import OperationalError

from rongqiao.bases.enterprises.interfaces import records, rights


class Slow:
    """Takes records down slowly, and fails for those that say so."""

    def __init__(self):
        self.batches = []

    def __call__(self, batch):
        time.sleep(0.02)
        self.batches.append([each.number for each in batch])
        if any(each.is_bad for each in batch):
            raise OperationalError("disk full")


def keep_all(monkeypatch, bad=()):
    writer, queue, refused = Slow(), records._Queue(), []
    monkeypatch.setattr(records, "write", writer)

    def keep(number):
        try:
            queue.keep(SimpleNamespace(number=number, is_bad=number in bad))
        except OperationalError:
            refused.append(number)

    threads = [threading.Thread(target=keep, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return writer.batches, refused


def test_each_record_is_written_once_and_many_share_a_write(monkeypatch):
    batches, refused = keep_all(monkeypatch)
    assert sorted(number for batch in batches for number in batch) == list(range(40))
    assert len(batches) < 40
    assert refused == []


def test_a_write_that_fails_is_heard_of_by_all_who_waited_for_it_and_by_nobody_else(monkeypatch):
    batches, refused = keep_all(monkeypatch, bad=(7,))
    (failed,) = [batch for batch in batches if 7 in batch]
    assert sorted(refused) == sorted(failed)


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
