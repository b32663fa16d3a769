"""Publication span by span: killed and gone on with, nothing lost or doubled, every portrait whole and read with its own month's peers."""

from __future__ import annotations

import datetime as dt
import os

import psycopg
import pytest
from django.db import connection
from lake_fixture import AS_OF, FIRST, KNOWN_AT, SECOND, build_lake, enterprises

from config import renewal
from rongqiao.bases.enterprises import extraction, layouts, publication
from rongqiao.bases.enterprises.layouts import Layout, declared_layouts
from rongqiao.bases.enterprises.models import Enterprise, PeerGroup, Portrait, PortraitLayout, Publication
from rongqiao.bases.enterprises.publication import end_publication, publish_from_lake, republish

pytestmark = pytest.mark.django_db
SALES = "tax_taxable_sales_sum_m12_cny"
TIMES = {"as_of": AS_OF, "known_at": KNOWN_AT}
NEXT_DAY = KNOWN_AT + dt.timedelta(days=1)


class KilledError(Exception):
    """The process ends here."""


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return build_lake(tmp_path_factory.mktemp("lake"))


def told():
    names = [field.name for field in Portrait._meta.concrete_fields if field.name != "publication"]
    return list(Portrait.unscoped.order_by("pk").values(*names)), list(
        Enterprise.objects.order_by("pk").values()
    )


def kill_after(monkeypatch, spans):
    """End the process inside the span that follows so many: its portraits are written, and not yet committed."""
    bring_over, done = publication._bring_over, []

    def stop(taken, run):
        count = bring_over(taken, run)
        done.append(count)
        if len(done) > spans:
            raise KilledError
        return count

    monkeypatch.setattr(publication, "_bring_over", stop)
    return done


def test_any_span_gives_the_same(lake):
    whole = publish_from_lake(lake=lake, **TIMES)
    before = told()
    assert publish_from_lake(lake=lake, **TIMES, span=1) == whole
    assert told() == before
    assert [each.finished_at is not None for each in Publication.objects.all()] == [True, True]


def test_progress_is_told(lake):
    steps = []
    publish_from_lake(lake=lake, **TIMES, span=1, on_progress=lambda *step: steps.append(step))
    assert steps == [(1, 2), (2, 2)]


def test_a_killed_publication_goes_on_behind_the_last_span(lake, monkeypatch):
    with monkeypatch.context() as patch:
        kill_after(patch, 1)
        with pytest.raises(KilledError):
            publish_from_lake(lake=lake, **TIMES, span=1)
    assert list(Portrait.unscoped.values_list("pk", flat=True)) == [FIRST]
    assert Publication.objects.get().finished_at is None
    with monkeypatch.context() as patch:
        done = kill_after(patch, 9)
        published = publish_from_lake(lake=lake, **TIMES, span=1)
        assert done == [1]  # the second enterprise alone
    assert published.portraits == published.enterprises == Portrait.unscoped.count() == 2
    assert Publication.objects.get().finished_at is not None
    assert end_publication(lake=lake) is None


def test_broken_off_over_another_lake_begins_anew(lake, monkeypatch, tmp_path):
    with monkeypatch.context() as patch:
        kill_after(patch, 1)
        with pytest.raises(KilledError):
            publish_from_lake(lake=lake, **TIMES, span=1)
    other = build_lake(tmp_path)
    enterprises(other, (FIRST, "长沙新名陶瓷有限公司", "430102"), (SECOND, "株洲轨道配件有限公司", "430203"))
    publish_from_lake(lake=other, **TIMES, span=1)
    assert Enterprise.objects.get(pk=FIRST).name == "长沙新名陶瓷有限公司"
    assert end_publication(lake=other) is None


def test_readers_see_whole_portraits_of_either_publication(lake, monkeypatch, tmp_path):
    publish_from_lake(lake=lake, **TIMES)
    other = build_lake(tmp_path)
    enterprises(other, (FIRST, "长沙新名陶瓷有限公司", "430102"), (SECOND, "株洲新名配件有限公司", "430203"))
    with monkeypatch.context() as patch:
        kill_after(patch, 1)
        with pytest.raises(KilledError):
            publish_from_lake(lake=other, as_of=AS_OF, known_at=NEXT_DAY, span=1)
    seen = Portrait.unscoped.order_by("pk").values_list("enterprise__name", "known_at")
    assert list(seen) == [("长沙新名陶瓷有限公司", NEXT_DAY), ("株洲轨道配件有限公司", KNOWN_AT)]


def test_who_left_the_register_goes_at_the_end(lake, monkeypatch, tmp_path):
    publish_from_lake(lake=lake, **TIMES)
    smaller = build_lake(tmp_path)
    enterprises(smaller, (SECOND, "株洲轨道配件有限公司", "430203"))
    monkeypatch.setattr(publication, "LOT", 1)
    assert publish_from_lake(lake=smaller, **TIMES).portraits == 1
    assert list(Enterprise.objects.values_list("pk", flat=True)) == [SECOND]
    assert list(Portrait.unscoped.values_list("pk", flat=True)) == [SECOND]


def test_a_portrait_renewed_meanwhile_is_not_put_back(lake, monkeypatch):
    bring_over = publication._bring_over

    def renewed_before(taken, run):
        Portrait.unscoped.filter(pk=SECOND).update(known_at=NEXT_DAY, publication=run, grade="AAA")
        return bring_over(taken, run)

    publish_from_lake(lake=lake, **TIMES)
    monkeypatch.setattr(publication, "_bring_over", renewed_before)
    publish_from_lake(lake=lake, **TIMES)
    assert Portrait.unscoped.get(pk=SECOND).grade == "AAA"
    monkeypatch.undo()
    publish_from_lake(lake=lake, **TIMES)
    assert Portrait.unscoped.get(pk=SECOND).grade == ""


def test_peers_of_the_month_before_stay_until_the_end(lake, monkeypatch):
    PeerGroup.objects.create(
        group_id="C:all:43", section="C", region_code="43", as_of=AS_OF - 1, known_at=KNOWN_AT, members=40
    )
    with monkeypatch.context() as patch:
        kill_after(patch, 0)
        with pytest.raises(KilledError):
            publish_from_lake(lake=lake, **TIMES)
    assert PeerGroup.objects.filter(as_of=AS_OF - 1).exists()
    publish_from_lake(lake=lake, **TIMES)
    assert not PeerGroup.objects.filter(as_of=AS_OF - 1).exists()


def test_renewal_ends_what_was_broken_off(lake, monkeypatch):
    with monkeypatch.context() as patch:
        kill_after(patch, 1)
        with pytest.raises(KilledError):
            publish_from_lake(lake=lake, **TIMES, span=1)
    # Without a month of its own to compute, the rest of the renewal has nothing to do.
    monkeypatch.setattr(renewal, "TARGET", "analytics/nothing")
    renewal.renew(lake, known_at=KNOWN_AT)
    assert Portrait.unscoped.count() == 2
    assert Publication.objects.order_by("pk").last().finished_at is not None


def test_few_are_renewed_without_the_others(lake):
    publish_from_lake(lake=lake, **TIMES)
    Portrait.unscoped.all().update(grade="D")
    republish(lake=lake, enterprise_ids=[SECOND, FIRST][:1], **TIMES)
    assert list(Portrait.unscoped.order_by("pk").values_list("grade", flat=True)) == ["D", ""]
    republish(lake=lake, enterprise_ids=[], **TIMES)


def test_portraits_of_an_earlier_release_are_read_by_its_layout(lake, monkeypatch):
    older = (Layout(("gone_count", SALES)), declared_layouts()[1])
    with monkeypatch.context() as patch:
        patch.setattr(layouts, "declared_layouts", lambda: older)
        layouts._layout.cache_clear()
        layouts.keep_layouts()
    values, statuses = [[2.0, 12.5]], [[1, 3]]
    import numpy as np

    (part,) = older[0].pack(np.array(values), np.array(statuses, "uint8"), AS_OF)
    publish_from_lake(lake=lake, **TIMES)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE enterprises_portrait SET indicators = %s WHERE enterprise_id = %s", [part, FIRST]
        )
    assert PortraitLayout.objects.count() == 3
    assert Portrait.unscoped.get(pk=FIRST).indicators == {
        "gone_count": {"value": 2.0, "status": "ok"},
        SALES: {"value": 12.5, "status": "stale"},
    }


def test_what_stood_before_it_was_packed_is_read(lake):
    publish_from_lake(lake=lake, **TIMES)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE enterprises_portrait SET facts = '\\x02'::bytea || convert_to('{\"status\": \"存续\"}', 'UTF8') WHERE enterprise_id = %s",
            [FIRST],
        )
    assert Portrait.unscoped.get(pk=FIRST).facts == {"status": "存续"}


def test_a_row_computed_again_counts_once(lake, tmp_path):
    # The wide table of indicators is ranked only where somebody was computed twice.
    taken = extraction.Extraction(lake, **TIMES)
    taken.take(FIRST, SECOND)
    assert "JOIN" not in taken.indicators()
    again = build_lake(tmp_path)
    rows = again.read("analytics/indicators")
    later = rows.set_column(rows.column_names.index(SALES), SALES, [[7.0] * rows.num_rows])
    day = rows.column_names.index("known_at")
    later = later.set_column(day, rows.schema.field(day), [[NEXT_DAY] * rows.num_rows])
    again.append("analytics/indicators", later, transaction="again")
    publish_from_lake(lake=again, as_of=AS_OF, known_at=NEXT_DAY)
    assert Portrait.unscoped.count() == 2
    assert Portrait.unscoped.get(pk=FIRST).indicators[SALES]["value"] == 7.0


@pytest.mark.django_db(transaction=True)
def test_what_still_goes_on_is_left_alone(lake, monkeypatch):
    Publication.objects.create(as_of=AS_OF, known_at=KNOWN_AT, mark="")
    with psycopg.connect(
        os.environ["RONGQIAO_DATABASE_URL"], dbname=connection.settings_dict["NAME"]
    ) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [publication.LOCK])
        assert end_publication(lake=lake) is None
        # Closing a connection frees its locks some time later.
        other.execute("SELECT pg_advisory_unlock(%s)", [publication.LOCK])
    assert end_publication(lake=lake).portraits == 2
