"""Files kept by their digest, and files known again without being read."""

from __future__ import annotations

import datetime as dt
import errno
import hashlib
import os
from dataclasses import replace

import pytest

from rongqiao.governance import collection
from rongqiao.governance.batch import Delivery

DAY = dt.date(2026, 2, 16)


@pytest.fixture
def delivery(tmp_path):
    path = tmp_path / "2026-02-16.csv"
    path.write_bytes(b"a,b\n1,2\n")
    return Delivery("taxation.tax_filing", path, DAY)


def note(tmp_path, delivery, batch_id, *, age_ns=0):
    """Note a file in a list that is made to look younger than it is by so much."""
    seen = collection.Seen(tmp_path)
    seen.REST_NS = -age_ns
    seen.note([(delivery.path, delivery.path.stat(), batch_id)])
    return collection.Seen(tmp_path)


def test_a_file_is_kept_read_only_under_its_digest(tmp_path, delivery):
    batch = collection.receive(delivery, tmp_path / "landing")
    digest = hashlib.new("sm3", b"a,b\n1,2\n").hexdigest()
    assert (batch.digest, batch.size_bytes) == (digest, 8)
    assert batch.batch_id == f"taxation.tax_filing@{digest[:16]}"
    assert batch.kept.read_bytes() == delivery.path.read_bytes()
    assert batch.kept.stat().st_mode & 0o222 == 0
    before = batch.kept.stat()
    assert collection.receive(delivery, tmp_path / "landing").kept.stat() == before
    assert list((tmp_path / "landing").iterdir()) == [batch.kept.parent]


def test_what_is_parsed_is_what_was_digested(tmp_path, delivery):
    batch = collection.receive(delivery, tmp_path / "landing")
    delivery.path.write_bytes(b"changed")
    assert batch.kept.read_bytes() == b"a,b\n1,2\n"


def test_a_file_that_was_handed_over_is_kept_by_a_second_name(tmp_path, delivery):
    given = replace(delivery, is_handed_over=True)
    batch = collection.receive(given, tmp_path / "landing")
    assert batch.digest == collection.receive(delivery, tmp_path / "landing").digest
    assert batch.kept.samefile(delivery.path)
    assert (batch.size_bytes, batch.kept.stat().st_mode & 0o222) == (8, 0)
    assert list((tmp_path / "landing").iterdir()) == [batch.kept.parent]
    delivery.path.unlink()
    assert batch.kept.read_bytes() == b"a,b\n1,2\n"


def test_a_file_that_cannot_have_a_second_name_is_copied(tmp_path, delivery, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr("pathlib.Path.hardlink_to", refuse)
    batch = collection.receive(replace(delivery, is_handed_over=True), tmp_path / "landing")
    assert batch.kept.read_bytes() == delivery.path.read_bytes()
    assert not batch.kept.samefile(delivery.path)


def test_a_file_at_rest_is_known_again(tmp_path, delivery):
    batch_id = "taxation.tax_filing@1"
    seen = note(tmp_path, delivery, batch_id, age_ns=1 << 60)
    assert seen.batch_id(delivery) == batch_id
    assert seen.batch_id(Delivery("science.title", delivery.path, DAY)) is None
    delivery.path.write_bytes(b"a,b\n1,3\n")
    assert seen.batch_id(delivery) is None


def test_a_change_that_hides_its_time_is_seen(tmp_path, delivery):
    state = delivery.path.stat()
    seen = note(tmp_path, delivery, "taxation.tax_filing@1", age_ns=1 << 60)
    delivery.path.write_bytes(b"a,b\n1,3\n")
    os.utime(delivery.path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert seen.batch_id(delivery) is None


def test_a_file_just_written_is_not_trusted(tmp_path, delivery):
    seen = collection.Seen(tmp_path)
    seen.note([(delivery.path, delivery.path.stat(), "taxation.tax_filing@1")])
    assert collection.Seen(tmp_path).batch_id(delivery) is None


def test_a_broken_list_costs_time_and_nothing_else(tmp_path, delivery):
    (tmp_path / ".seen").write_text("{half", encoding="utf-8")
    assert collection.Seen(tmp_path).batch_id(delivery) is None
