"""Brings what the lake says into the web's tables: some enterprises at a time, each portrait whole, either the old one or the new one."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from django.db import connection
from django.db.models import Max
from django.utils import timezone

from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.catalogue.extraction import status_query
from rongqiao.bases.enterprises.catalogue.models import IndicatorStatus
from rongqiao.bases.enterprises.catalogue.services import reapply_pending
from rongqiao.bases.enterprises.extraction import Extraction
from rongqiao.bases.enterprises.layouts import keep_layouts
from rongqiao.bases.enterprises.loading import (
    export_rows,
    insert_rows,
    load_stage,
    make_stage,
    merge_stage,
    replace_rows,
)
from rongqiao.bases.enterprises.models import (
    ColumnProfile,
    Delivery,
    Enterprise,
    PeerGroup,
    Portrait,
    Publication,
    QuarantinedRow,
    RuleResult,
    SourceStatus,
)
from rongqiao.bases.enterprises.operations import Operations
from rongqiao.bases.enterprises.parts import Standing, find_part, standing_of
from rongqiao.bases.enterprises.portrait_rows import COLUMNS, portrait_rows
from rongqiao.bases.enterprises.resolution.extraction import resolution_queries
from rongqiao.bases.enterprises.resolution.models import FactConflict, Merge, WaitingRow
from rongqiao.lake.engine import quote

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator, Sequence

    from django.db import models

    from rongqiao.lake.tables import Lake

#: By which column the rows of a part are known; others are replaced whole.
PART_OF: dict[type[models.Model], str] = {
    SourceStatus: "contract_id",
    Delivery: "contract_id",
    RuleResult: "contract_id",
    ColumnProfile: "contract_id",
    QuarantinedRow: "batch_id",
    FactConflict: "conflict_id",
    WaitingRow: "batch_id",
    Merge: "batch_id",
}
#: Enterprises that are brought over in one transaction, and held in memory at a time.
SPAN = 50_000
#: After so many spans the room of replaced rows is made free for the next ones, so that a table never doubles.
VACUUM_EVERY = 5
#: Departed enterprises that go in one transaction.
LOT = 50_000
#: Names the session lock that one publication at a time holds.
LOCK = int.from_bytes(sha256(b"rongqiao.publication").digest()[:7], "big")


@dataclass(frozen=True, slots=True)
class Published:
    """Rows put in place, per table."""

    enterprises: int
    portraits: int
    peer_groups: int
    indicators: int
    sources: int
    deliveries: int
    rule_results: int
    profiles: int
    quarantined: int


def publish_from_lake(
    *,
    lake: Lake,
    as_of: int,
    known_at: dt.date,
    span: int = SPAN,
    on_progress: Callable[[int, int], None] | None = None,
) -> Published:
    """Replace the web's picture of enterprises and of the data by what the lake says as of two times.

    Parameters
    ----------
    lake : Lake
        See `extraction.Extraction`.
    as_of : int
        Month ``YYYYMM`` of indicators and rating.
    known_at : datetime.date
        What arrived later is left out.
    span : int
        Enterprises at a time.
    on_progress : callable or None
        Called with spans done and spans in all.

    Raises
    ------
    ContractError
        If governance or the indicators of the month were never run.

    Notes
    -----
    Readers see each portrait as it was before or as it is after, never half of it; while a publication goes on, some are of one
    month and some of the other, each with its own month's peers. It may be killed at any instant: the next one of the same times
    over the same lake goes on behind the last span that stands, any other begins anew. Who left the register goes at the end.
    """
    with one_at_a_time():
        now = standing_of(lake, known_at)
        taken = Extraction(lake, as_of=as_of, known_at=known_at)
        run = _begin(taken, span)
        spans = taken.spans(span)
        for number, (first, last) in enumerate(spans, start=1):
            if last > run.through:
                taken.take(first, last)
                _publish_span(taken, run, last)
                if number % VACUUM_EVERY == 0 or number == len(spans):
                    _make_room()
            if on_progress is not None:
                on_progress(number, len(spans))
        counts = _finish(taken, run, now)
    return Published(run.enterprises, run.enterprises, *counts)


def published_month() -> int | None:
    """Month that pages show, also while its publication goes on; null where nothing was ever published."""
    newest = Publication.objects.order_by("-pk").first()
    if newest is not None:
        return newest.as_of
    # Published by a release that noted no publication: looked for among all portraits, until the next one.
    with system_scope() as scope:
        month: int | None = Portrait.objects.for_scope(scope).aggregate(newest=Max("as_of"))["newest"]
        return month


def end_publication(*, lake: Lake) -> Published | None:
    """End the newest publication if it was broken off: some portraits are of its times, and the others of the ones before.

    Returns
    -------
    Published or None
        Null where none was broken off; one that still goes on is left alone.
    """
    with one_at_a_time(wait=False) as is_alone:
        newest = Publication.objects.order_by("-pk").first()
        if not is_alone or newest is None or newest.finished_at is not None:
            return None
        return publish_from_lake(lake=lake, as_of=newest.as_of, known_at=newest.known_at)


def republish(*, lake: Lake, enterprise_ids: Sequence[str], as_of: int, known_at: dt.date) -> None:
    """Renew the register entries and portraits of a few enterprises, and leave everybody else's as they are.

    Raises
    ------
    ContractError
        If governance or the indicators of the month were never run.
    """
    if not enterprise_ids:
        return
    taken = Extraction(lake, as_of=as_of, known_at=known_at, only=enterprise_ids)
    for first, last in taken.spans(SPAN):
        taken.take(first, last)
    with system_scope():
        keep_layouts()
        newest = Publication.objects.order_by("-pk").first()
        _bring_over(taken, newest.pk if newest else 0)


@contextmanager
def one_at_a_time(*, wait: bool = True) -> Iterator[bool]:
    """Keep other publications out, waiting for one that goes on or telling of it; the database frees the lock of a process that ends."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_{'' if wait else 'try_'}advisory_lock(%s)", [LOCK])
        # What waited has no answer but that it goes on.
        is_alone = wait or bool(cursor.fetchone()[0])
    try:
        yield is_alone
    finally:
        if is_alone:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def _begin(taken: Extraction, span: int) -> Publication:
    """Find the publication that was broken off, or begin one; peers and what is held back come first, for old portraits as for new."""
    mark = sha256(repr((taken.mark(), span)).encode()).hexdigest()
    with system_scope(), tempfile.TemporaryDirectory() as name:
        newest = Publication.objects.order_by("-pk").first()
        if newest is not None and newest.finished_at is None and newest.mark == mark:
            return newest
        keep_layouts()
        PeerGroup.objects.filter(as_of=taken.as_of).delete()
        insert_rows(PeerGroup, export_rows(taken, taken.peer_groups(), Path(name)), Path(name))
        replace_rows(IndicatorStatus, export_rows(taken, status_query(taken), Path(name)), Path(name))
        reapply_pending(taken.known_at)
        return Publication.objects.create(as_of=taken.as_of, known_at=taken.known_at, mark=mark)


def _publish_span(taken: Extraction, run: Publication, last: str) -> None:
    """Bring over the enterprises that were taken, and note how far the publication came, in one transaction."""
    with system_scope():
        run.enterprises += _bring_over(taken, run.pk)
        run.through = last
        run.save(update_fields=["enterprises", "through"])


def _bring_over(taken: Extraction, publication: int) -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        columns = export_rows(taken, taken.enterprises(), folder)
        with connection.cursor() as cursor:
            merge_stage(cursor, Enterprise, columns, load_stage(cursor, Enterprise, columns, folder))
            listed = ", ".join(quote(name) for name in COLUMNS)
            stage = make_stage(cursor, Portrait, list(COLUMNS))
            with cursor.copy(f"COPY {stage} ({listed}) FROM STDIN (FORMAT binary)") as copy:
                copy.set_types(list(COLUMNS.values()))
                for row in portrait_rows(taken, publication=publication):
                    copy.write_row(row)
            return merge_stage(cursor, Portrait, list(COLUMNS), stage, unless=_IS_NEWER)


#: A portrait that was renewed to a later day while the publication went on stays.
_IS_NEWER = "{table}.publication = excluded.publication AND {table}.known_at > excluded.known_at"


def _make_room() -> None:
    if not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE) enterprises_enterprise, enterprises_portrait")


def _finish(taken: Extraction, run: Publication, now: Standing) -> list[int]:
    """Let go who left the register and the peers of other months, and replace what the six steps did; returns rows per table."""
    while _drop_departed(run):
        pass
    with tempfile.TemporaryDirectory() as name, system_scope():
        folder = Path(name)
        counts = [
            replace_rows(model, export_rows(taken, query, folder), folder)
            for model, query in _operations(taken)
        ]
        for model, query in resolution_queries(taken):
            replace_rows(model, export_rows(taken, query, folder), folder)
        now.note()
        PeerGroup.objects.exclude(as_of=run.as_of).delete()
        run.finished_at = timezone.now()
        run.save(update_fields=["finished_at"])
        return [PeerGroup.objects.count(), IndicatorStatus.objects.count(), *counts]


def _drop_departed(run: Publication) -> int:
    """Let some go whom the publication did not meet: they are in the register no more; returns their number."""
    with system_scope(), connection.cursor() as cursor:
        cursor.execute(
            """WITH gone AS (DELETE FROM enterprises_portrait WHERE enterprise_id IN
            (SELECT enterprise_id FROM enterprises_portrait WHERE publication < %s LIMIT %s) RETURNING 1) SELECT count(*) FROM gone""",
            [run.pk, LOT],
        )
        portraits: int = cursor.fetchone()[0]
        cursor.execute(
            """DELETE FROM enterprises_enterprise WHERE uscc IN (SELECT uscc FROM enterprises_enterprise e
            WHERE NOT EXISTS (SELECT FROM enterprises_portrait p WHERE p.enterprise_id = e.uscc) LIMIT %s)""",
            [LOT],
        )
        return max(portraits, int(cursor.rowcount))


def publish_operations(*, lake: Lake, known_at: dt.date) -> None:
    """Bring what the web shows of the six steps up to the lake, and nothing else: receipts, rules, profiles, quarantine, sources, conflicts.

    Only batches, contracts and conflicts of which anything came since the last time are put in place anew; all are where that cannot be told.

    Raises
    ------
    ContractError
        If governance was never run.
    """
    now = standing_of(lake, known_at)
    with tempfile.TemporaryDirectory() as name, system_scope():
        part = find_part(lake, now)
        taken = Operations(lake, known_at=known_at, part=part)
        for model, query in [*_operations(taken), *resolution_queries(taken)]:
            column = PART_OF.get(model)
            named = part.of(column) if part is not None and column else None
            if named != []:
                replace_rows(model, export_rows(taken, query, Path(name)), Path(name), column, named)
        now.note()


def _operations(taken: Operations) -> list[tuple[type[models.Model], str | None]]:
    return [
        (SourceStatus, taken.sources()),
        (Delivery, taken.deliveries() if taken.has("receipts") else None),
        (RuleResult, taken.rule_results()),
        (ColumnProfile, taken.profiles() if taken.has("profiles") else None),
        (QuarantinedRow, taken.quarantine() if taken.has("quarantine") else None),
    ]
