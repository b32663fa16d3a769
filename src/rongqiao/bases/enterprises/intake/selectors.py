"""Reads of the intake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Case, Count, Exists, F, Max, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce

from rongqiao.accounts.roles import Role
from rongqiao.accounts.services import require
from rongqiao.bases.enterprises.intake.models import DeliveryKey, DuplicateRow, RepairedRow, Upload
from rongqiao.bases.enterprises.models import QuarantinedRow

if TYPE_CHECKING:
    import datetime as dt
    import uuid
    from collections.abc import Collection

    from django.db.models import QuerySet

    from rongqiao.accounts.scope import Scope

REPAIRABLE = 200
#: Uploads whose stored name another file may bear.
GIVEN_UP = ("discarded", "failed", "duplicate")


def list_uploads(scope: Scope) -> QuerySet[Upload]:
    """Deliveries of the department, newest first; the operator's are everybody's."""
    require(scope, Role.DEPARTMENT_CLERK, Role.OPERATOR)
    uploads: QuerySet[Upload] = Upload.objects.for_scope(scope).select_related("created_by")
    return uploads.order_by("-created_at")


def get_upload(scope: Scope, upload_id: uuid.UUID) -> Upload | None:
    """One delivery; null when unknown or another department's."""
    return list_uploads(scope).filter(pk=upload_id).first()


def list_deliveries(scope: Scope) -> QuerySet[Upload]:
    """Deliveries under a contract, without files that are only looked at."""
    return list_uploads(scope).exclude(origin="source")


def waiting_sources(scope: Scope) -> list[Upload]:
    """Files of new sources that nobody has profiled yet, oldest first; for the job."""
    rows = Upload.objects.for_scope(scope).filter(origin="source", status__in=["waiting", "examining"])
    return list(rows.order_by("created_at"))


def waiting_uploads(scope: Scope) -> list[Upload]:
    """Deliveries that governance has not finished with, in the order in which they were received; for the job."""
    rows = Upload.objects.for_scope(scope).exclude(origin="source")
    rows = rows.filter(status__in=["waiting", "governing"])
    return list(rows.order_by(F("received_at").asc(nulls_first=True), "created_at"))


def is_landed_before(scope: Scope, upload: Upload) -> bool:
    """Whether another delivery of the same table with the same bytes landed; for the job."""
    rows = Upload.objects.for_scope(scope).filter(
        contract_id=upload.contract_id, digest=upload.digest, status="landed"
    )
    return bool(rows.exclude(pk=upload.pk).exists())


def names_received_after(scope: Scope, contract_id: str, instant: dt.datetime) -> frozenset[str]:
    """Names of a table's files that were received after an instant; for the job."""
    rows = Upload.objects.for_scope(scope).filter(contract_id=contract_id, received_at__gt=instant)
    return frozenset(rows.values_list("stored_name", flat=True))


def failed_uploads(scope: Scope, *, since: dt.date) -> QuerySet[Upload]:
    """Deliveries that governance could not work on since a day of delivery, oldest first; for the job."""
    rows = Upload.objects.for_scope(scope).filter(status="failed", delivered_on__gte=since)
    found: QuerySet[Upload] = rows.order_by("delivered_on", "created_at")
    return found


def repaired_places(scope: Scope, upload: Upload) -> list[tuple[str, int]]:
    """Batch and line of the rows that a delivery repairs; empty where it is no repair. For the job."""
    rows = RepairedRow.objects.for_scope(scope).filter(upload=upload)
    return list(rows.order_by("batch_id", "line").values_list("batch_id", "line"))


def with_given_names(scope: Scope, rows: QuerySet[Any]) -> QuerySet[Any]:
    """Give receipts or rows set aside ``given_name``: what the file was called when it was uploaded.

    The platform stores an upload under its day and a mark; a file that came another way keeps the name it bears.
    """
    sent = Upload.objects.for_scope(scope).filter(
        contract_id=OuterRef("contract_id"), stored_name=OuterRef("file_name")
    )
    given = sent.exclude(status__in=GIVEN_UP).values("file_name")[:1]
    named: QuerySet[Any] = rows.annotate(given_name=Coalesce(Subquery(given), F("file_name")))
    return named


def received_instants(scope: Scope, digests: Collection[str]) -> dict[str, dt.datetime]:
    """When uploads with these bytes were received whole, by the batch that governance made of them."""
    rows = Upload.objects.for_scope(scope).filter(
        digest__in=digests, status="landed", received_at__isnull=False
    )
    return {each.batch_id: each.received_at for each in rows.order_by("-received_at") if each.received_at}


def of_file(rows: QuerySet[Any], words: str) -> QuerySet[Any]:
    """Narrow rows with given names to those whose file holds the words in the name it was uploaded or is stored under."""
    return rows.filter(Q(given_name__icontains=words[:60]) | Q(file_name__icontains=words[:60]))


def with_states(scope: Scope, rows: QuerySet[QuarantinedRow]) -> QuerySet[Any]:
    """Give each row that was set aside ``state``: ``waiting``, ``repaired``, or ``closed`` as a duplicate."""
    own = {"batch_id": OuterRef("batch_id"), "line": OuterRef("line")}
    repaired = RepairedRow.objects.for_scope(scope).filter(**own)
    closed = DuplicateRow.objects.for_scope(scope).filter(reopened_at=None, **own)
    state = Case(
        When(Exists(repaired), then=Value("repaired")),
        When(Exists(closed), then=Value("closed")),
        default=Value("waiting"),
    )
    return rows.annotate(state=state)


def _own_rows(scope: Scope, state: str) -> QuerySet[QuarantinedRow]:
    """Rows set aside that are in a state, or all for none; a department sees those of its own tables."""
    require(scope, Role.DEPARTMENT_CLERK, Role.OPERATOR)
    rows = QuarantinedRow.objects.all()
    if state:
        rows = with_states(scope, rows).filter(state=state)
    return rows if scope.kind == "operator" else rows.filter(contract_id__startswith=f"{scope.department}.")


def _open_rows(scope: Scope) -> QuerySet[QuarantinedRow]:
    """Rows set aside that nobody repaired, or closed as duplicates, yet."""
    return _own_rows(scope, "waiting")


def list_duplicates(scope: Scope) -> QuerySet[DuplicateRow]:
    """Rows that the department closed as duplicates, those reopened among them; newest first."""
    require(scope, Role.DEPARTMENT_CLERK, Role.OPERATOR)
    rows: QuerySet[DuplicateRow] = DuplicateRow.objects.for_scope(scope)
    return rows.select_related("closed_by", "reopened_by").order_by("-closed_at", "-pk")


def list_open_batches(scope: Scope) -> list[dict[str, Any]]:
    """Batches with rows to repair: contract, file as it was uploaded and as it is stored, day, rows; newest first."""
    found = with_given_names(scope, _open_rows(scope)).values(
        "batch_id", "contract_id", "file_name", "given_name"
    )
    counted = found.annotate(rows=Count("line", distinct=True), known_on=Max("known_at"))
    return [dict(row) for row in counted.order_by("-known_on", "contract_id", "file_name")]


def count_by_rule(scope: Scope, batch_id: str) -> list[dict[str, Any]]:
    """Reasons for which rows of a batch were set aside, most frequent first."""
    rows = _open_rows(scope).filter(batch_id=batch_id).values("rule_id", "message")
    return [
        dict(row) for row in rows.annotate(rows=Count("line", distinct=True)).order_by("-rows", "rule_id")
    ]


def quarantined_rows(
    scope: Scope, batch_id: str, rule_id: str = "", *, state: str = "waiting"
) -> QuerySet[QuarantinedRow]:
    """Rows of a batch that can be repaired, by line; or in another state, empty for whatever state."""
    rows = _own_rows(scope, state).filter(batch_id=batch_id)
    return (rows.filter(rule_id=rule_id) if rule_id else rows).order_by("line", "pk")


def list_keys(scope: Scope) -> QuerySet[DeliveryKey]:
    """Keys with which the department's systems deliver."""
    require(scope, Role.DEPARTMENT_CLERK, Role.OPERATOR)
    keys: QuerySet[DeliveryKey] = DeliveryKey.objects.for_scope(scope).order_by("-created_at")
    return keys
