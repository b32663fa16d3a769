"""Bytes on their way in: what a full disk, a kill or a power cut takes is asked for again, and nothing else stands in its place."""

from __future__ import annotations

import errno
import hashlib
import io
import os

import pytest
from django.test import Client
from django.urls import reverse

from rongqiao.accounts.scope import scoped
from rongqiao.bases.enterprises.intake import keys, portions, services
from rongqiao.kernel.errors import InvalidValueError, StorageError
from tests.web.intake_place import NOW, SECOND, TABLE, TODAY, good, grades, state
from tests.web.test_intake import metadata

CONTENT = grades(good(), good(SECOND))
HALF = len(CONTENT) // 2


@pytest.fixture(autouse=True)
def room(tmp_path, monkeypatch):
    monkeypatch.setenv("RONGQIAO_VAR", str(tmp_path))


def begin(scope, content=CONTENT, **changes):
    given = {
        "contract_id": TABLE, "file_name": "等级.csv", "size_bytes": len(content), "data_on": TODAY, "today": TODAY,
        "is_regular": True,
    }  # fmt: skip
    with scoped(scope):
        return services.open_upload(scope=scope, **(given | changes))


def send(scope, upload, offset, content):
    """Send a portion as a page does, whose transaction is committed though the portion is refused."""
    problem = None
    with scoped(scope):
        try:
            services.receive_portion(
                scope=scope, upload_id=upload.pk, offset=offset, stream=io.BytesIO(content), now=NOW
            )
        except (InvalidValueError, StorageError) as error:
            problem = error
    if problem:
        raise problem


def draft(upload):
    return services._receiving_path(upload)


def received(upload):
    return services.stored_path(upload).read_bytes()


@pytest.mark.parametrize("call", ["fsync", "write"])
def test_a_full_disk_is_told_and_counts_nothing(scope, monkeypatch, call):
    upload = begin(scope)
    send(scope, upload, 0, CONTENT[:HALF])

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    class Full(io.FileIO):
        write = full

    with monkeypatch.context() as patched:
        if call == "fsync":
            patched.setattr(portions.os, "fsync", full)
        else:
            patched.setattr(type(draft(upload)), "open", lambda path, *_: Full(path, "r+"))
        with pytest.raises(StorageError, match="存储空间不足"):
            send(scope, upload, HALF, CONTENT[HALF:])
    assert (state(scope, upload).status, state(scope, upload).received_bytes) == ("receiving", HALF)
    send(scope, upload, HALF, CONTENT[HALF:])
    assert received(state(scope, upload)) == CONTENT


def test_bytes_that_are_not_on_disk_are_asked_for_again(scope):
    upload = begin(scope)
    send(scope, upload, 0, CONTENT[:HALF])
    draft(upload).write_bytes(CONTENT[:10])
    with pytest.raises(InvalidValueError, match="从第 10 字节续传"):
        send(scope, upload, HALF, CONTENT[HALF:])
    assert state(scope, upload).received_bytes == 10
    send(scope, upload, 10, CONTENT[10:])
    assert received(state(scope, upload)) == CONTENT


def test_a_file_that_was_put_away_by_a_process_that_died_is_taken_back(scope, monkeypatch):
    upload = begin(scope)
    send(scope, upload, 0, CONTENT[:HALF])

    def die(_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(services, "_ask_for_work", die)
        with pytest.raises(KeyboardInterrupt):
            send(scope, upload, HALF, CONTENT[HALF:])
    assert not draft(upload).exists()
    send(scope, upload, HALF, CONTENT[HALF:])
    assert state(scope, upload).status == "waiting"
    assert received(state(scope, upload)) == CONTENT


def test_the_file_of_an_earlier_delivery_is_not_taken_for_this_one(scope):
    upload = begin(scope)
    stored = services.stored_path(upload)
    stored.parent.mkdir(parents=True)
    stored.write_bytes(b"0" * len(CONTENT))
    os.utime(stored, (0, 0))
    send(scope, upload, 0, CONTENT[:HALF])
    draft(upload).unlink()
    with pytest.raises(InvalidValueError, match="从第 0 字节续传"):
        send(scope, upload, HALF, CONTENT[HALF:])
    send(scope, upload, 0, CONTENT)
    assert received(state(scope, upload)) == CONTENT


def test_what_arrived_must_have_the_digest_that_was_announced(scope):
    digest = hashlib.new("sm3", CONTENT).hexdigest()
    upload = begin(scope, digest=digest.upper())
    send(scope, upload, 0, CONTENT[:HALF])
    with pytest.raises(InvalidValueError, match="与申报的 SM3 摘要"):
        send(scope, upload, HALF, CONTENT[HALF:-1] + b"x")
    assert state(scope, upload).status == "receiving"
    send(scope, upload, HALF, CONTENT[HALF:])
    assert (state(scope, upload).status, state(scope, upload).digest) == ("waiting", digest)
    with pytest.raises(InvalidValueError, match="64 位十六进制"):
        begin(scope, digest="abc")


def test_a_machine_is_told_from_where_to_go_on_and_when_to_wait(scope, monkeypatch):
    with scoped(scope):
        _, text = keys.create_key(scope=scope, title="核心系统")
    machine = Client()
    head = {"HTTP_AUTHORIZATION": f"Bearer {text}"}
    told = {
        "contract": TABLE,
        "filename": "等级.csv",
        "day": "2026-11-19",
        "sm3": hashlib.new("sm3", CONTENT).hexdigest(),
    }
    place = machine.post(
        reverse("deliveries:create"), HTTP_UPLOAD_LENGTH=str(len(CONTENT)), HTTP_UPLOAD_METADATA=metadata(**told), **head
    )["Location"]  # fmt: skip

    def patch(offset, content):
        kind = "application/offset+octet-stream"
        return machine.patch(place, content, content_type=kind, HTTP_UPLOAD_OFFSET=str(offset), **head)

    assert patch(0, CONTENT[:HALF]).status_code == 204
    for path in (services.folder() / ".receiving").iterdir():
        path.unlink()
    assert patch(HALF, CONTENT[HALF:]).status_code == 409
    assert machine.head(place, **head)["Upload-Offset"] == "0"
    with monkeypatch.context() as patched:
        patched.setattr(portions.os, "fsync", lambda _: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
        assert patch(0, CONTENT).status_code == 503
    assert patch(0, CONTENT).status_code == 204
