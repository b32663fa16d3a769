"""What becomes known when: the platform's own day of receipt counts, and the order in which files were received; never a date that is typed."""

from __future__ import annotations

import base64
import datetime as dt
import io

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from config import tasks
from config.tasks import govern_uploads
from rongqiao.accounts.scope import scoped, system_scope
from rongqiao.bases.enterprises.intake import services
from rongqiao.bases.enterprises.intake.models import Upload
from rongqiao.bases.enterprises.records import current_records
from rongqiao.contracts.standards import load_contract
from rongqiao.governance import pipeline
from rongqiao.lake.tables import Lake
from tests.web.intake_place import (
    FIRST,
    NOW,
    SECOND,
    TABLE,
    TODAY,
    good,
    grades,
    push,
    state,
)

EARLIER = TODAY - dt.timedelta(days=40)
MINUTE = dt.timedelta(minutes=1)


def known():
    return set(Lake().read(f"published/{TABLE}", ["known_at"])["known_at"].to_pylist())


def grade_of(as_of=202611, known_at=TODAY):
    rows = current_records(Lake(), load_contract(TABLE), FIRST, as_of=as_of, known_at=known_at)
    return [row["grade"] for row in rows]


def test_the_day_of_receipt_is_known_and_the_days_of_the_data_only_name_the_files(home, scope):
    uploads = [
        push(scope, grades(good(grade="B")), data_on=EARLIER),
        push(scope, grades(good(SECOND)), data_on=EARLIER + dt.timedelta(days=30)),
    ]
    assert {upload.delivered_on for upload in uploads} == {TODAY}
    govern_uploads()
    assert [state(scope, upload).status for upload in uploads] == ["landed", "landed"]
    assert known() == {TODAY}
    assert grade_of(known_at=TODAY - dt.timedelta(days=1)) == []
    receipts = Lake().read("operations/receipts").to_pylist()
    named = {row["file_name"]: row["delivered_on"] for row in receipts if row["contract_id"] == TABLE}
    assert named == {"2026-10-11.csv": TODAY, "2026-11-10.csv": TODAY}


def test_the_day_is_that_of_china_when_the_last_byte_came(home, scope):
    content = grades(good())
    with scoped(scope):
        upload = services.open_upload(
            scope=scope, contract_id=TABLE, file_name="等级.csv", size_bytes=len(content), data_on=EARLIER, today=TODAY,
            is_regular=True,
        )  # fmt: skip
        late = dt.datetime(2026, 11, 20, 16, 30, tzinfo=dt.UTC)
        for offset, moment in ((0, late - dt.timedelta(hours=2)), (20, late)):
            portion = content[:20] if not offset else content[20:]
            services.receive_portion(
                scope=scope, upload_id=upload.pk, offset=offset, stream=io.BytesIO(portion), now=moment
            )
    done = state(scope, upload)
    assert (done.received_at, done.delivered_on) == (late, dt.date(2026, 11, 21))


@pytest.mark.parametrize("way", ["page", "portions"])
def test_nobody_reaches_a_past_day_from_the_web(home, clerk, scope, way):
    client, content = Client(), grades(good())
    client.force_login(clerk, backend="django.contrib.auth.backends.ModelBackend")
    day = {"day": EARLIER.isoformat(), "delivered_on": EARLIER.isoformat(), "known_at": EARLIER.isoformat()}
    if way == "page":
        file = io.BytesIO(content)
        file.name = "等级.csv"
        sent = client.post(
            reverse("portal:department_send"), day | {"contract": TABLE, "kind": "regular", "file": file}
        )
        assert sent.status_code == 302
    else:
        begun = client.post(
            reverse("portal:department_upload_create"),
            HTTP_UPLOAD_LENGTH=str(len(content)),
            HTTP_UPLOAD_METADATA=metadata(contract=TABLE, filename="等级.csv", **day),
        )
        kind = "application/offset+octet-stream"
        assert client.patch(begun["Location"], content, content_type=kind, HTTP_UPLOAD_OFFSET="0").status_code == 204  # fmt: skip
    upload = Upload.unscoped.get()
    assert (upload.data_on, upload.delivered_on) == (EARLIER, timezone.localdate())
    govern_uploads()
    assert known() == {timezone.localdate()}
    page = client.get(reverse("portal:department_upload", args=[upload.pk])).content.decode()
    assert f"数据日期 {EARLIER.isoformat()} · 接收日期 {timezone.localdate().isoformat()}" in page
    # Nor past the services.
    with scoped(scope), pytest.raises(DatabaseError), transaction.atomic():
        Upload.objects.for_scope(scope).filter(pk=upload.pk).update(delivered_on=EARLIER)


def metadata(**values):
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in values.items())


@pytest.mark.parametrize("grade", ["A", "B"])
def test_of_two_files_of_one_day_the_one_received_last_counts(home, scope, grade):
    first, second = (grades(good(grade=each)) for each in ("B" if grade == "A" else "A", grade))
    with scoped(scope):
        slow, quick = (
            services.open_upload(
                scope=scope, contract_id=TABLE, file_name="等级.csv", size_bytes=len(content), data_on=TODAY, today=TODAY,
                is_regular=False,
            )
            for content in (second, first)
        )  # fmt: skip
        for number, (upload, content) in enumerate(((quick, first), (slow, second))):
            services.receive_portion(
                scope=scope,
                upload_id=upload.pk,
                offset=0,
                stream=io.BytesIO(content),
                now=NOW + number * MINUTE,
            )
    govern_uploads()
    assert grade_of() == [grade]


def test_what_is_tried_again_is_known_from_that_day_on(home, scope, monkeypatch):
    upload, govern = push(scope, grades(good())), tasks.govern

    def broken(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(tasks, "govern", broken)
    govern_uploads()
    monkeypatch.setattr(tasks, "govern", govern)
    with scoped(scope):
        services.retry_upload(scope=scope, upload_id=upload.pk, now=NOW + dt.timedelta(days=3))
    govern_uploads()
    assert known() == {TODAY + dt.timedelta(days=3)}


# -- the same bytes again --------------------------------------------------------------------------------------------


def test_the_bytes_of_a_version_that_was_replaced_are_a_correction_back(home, scope, monkeypatch):
    first, wrong = grades(good(grade="A"), good(SECOND)), grades(good(grade="C"))
    landed = push(scope, first, data_on=EARLIER)
    govern_uploads()
    push(scope, wrong, data_on=EARLIER, is_regular=False)
    govern_uploads()
    assert grade_of() == ["C"]
    back = push(scope, first, data_on=EARLIER, is_regular=False)

    def killed(*_, **__):
        raise KeyboardInterrupt

    # Its rows are published and its receipt is not: the next run names it alike and doubles nothing.
    with monkeypatch.context() as patched:
        patched.setattr(pipeline.service, "_to_table", killed)
        with pytest.raises(KeyboardInterrupt):
            govern_uploads()
    govern_uploads()
    told = state(scope, back)
    assert (told.status, told.outcome["rows_accepted"]) == ("landed", 2)
    assert told.batch_id == f"{state(scope, landed).batch_id}.2"
    assert grade_of() == ["A"]
    assert Lake().read(f"published/{TABLE}").num_rows == 5
    # Now these bytes are what stands: once more they change nothing.
    again = push(scope, first, data_on=EARLIER, is_regular=False)
    govern_uploads()
    assert (state(scope, again).status, state(scope, again).outcome) == ("duplicate", told.outcome)
    assert Lake().read(f"published/{TABLE}").num_rows == 5


def test_bytes_that_still_stand_or_were_handed_in_before_are_a_repeat(home, scope):
    first = grades(good(grade="A"))
    push(scope, first, data_on=EARLIER)
    govern_uploads()
    # Another enterprise, and a later period of the same one, replace nothing of it.
    push(scope, grades(good(SECOND)), data_on=EARLIER, is_regular=False)
    push(scope, grades(good(grade="B")), data_on=TODAY)
    govern_uploads()
    again = push(scope, first, data_on=EARLIER, is_regular=False)
    later = push(scope, grades(good(grade="D")), data_on=EARLIER, is_regular=False)
    with system_scope():
        Upload.unscoped.filter(pk=later.pk).update(received_at=NOW + MINUTE)
        tasks._govern(Upload.unscoped.get(pk=later.pk), Lake())
    # The other came in after it, though its receipt is older: what was received last stands.
    govern_uploads()
    assert [state(scope, each).status for each in (again, later)] == ["duplicate", "landed"]
    assert grade_of() == ["D"]
