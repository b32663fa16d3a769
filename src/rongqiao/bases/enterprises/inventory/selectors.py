"""Reads of the inventory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Count, Q

from rongqiao.accounts.roles import Role
from rongqiao.accounts.services import require
from rongqiao.bases.enterprises.intake.models import Upload
from rongqiao.bases.enterprises.inventory.models import SourceTable
from rongqiao.contracts import drafts
from rongqiao.contracts.standards import load_contracts

if TYPE_CHECKING:
    import uuid

    from django.db.models import QuerySet

    from rongqiao.accounts.scope import Scope

#: Share of the headers of two tables that must be the same for the later to be taken for the next delivery of the earlier.
SAME_TABLE = 0.8
#: How many earlier tables of a department are looked through for it.
LOOKED_THROUGH = 200


def list_sources(scope: Scope) -> QuerySet[Upload]:
    """Files of new sources, newest first, with how many tables they hold and how many still have to be filled in."""
    require(scope, Role.DEPARTMENT_CLERK)
    sources: QuerySet[Upload] = Upload.objects.for_scope(scope).filter(origin="source")
    return sources.annotate(
        tables_count=Count("tables"), open_count=Count("tables", filter=Q(tables__status="drafted"))
    ).order_by("-created_at")


def get_source(scope: Scope, upload_id: uuid.UUID) -> Upload | None:
    """One file; null when unknown or another department's."""
    return list_sources(scope).filter(pk=upload_id).first()


def list_tables(scope: Scope) -> QuerySet[SourceTable]:
    """Tables of new sources; a department sees its own, the operator those that were ever submitted. Without profiles and drafts."""
    require(scope, Role.DEPARTMENT_CLERK, Role.OPERATOR)
    tables: QuerySet[SourceTable] = SourceTable.objects.for_scope(scope).select_related(
        "upload", "delivery", "submitted_by__organisation", "decided_by"
    )
    if scope.kind == "operator":
        tables = tables.exclude(submitted_at=None)
    return tables


def get_table(scope: Scope, table_id: int) -> SourceTable | None:
    """One table with its profile and draft; null when unknown, another department's, or not submitted to the operator."""
    return list_tables(scope).filter(pk=table_id).first()


def open_questions(table: SourceTable) -> list[drafts.DraftProblem]:
    """List what is left to answer before the draft can be a contract, in the order of the form."""
    found = drafts.problems(table.document)
    contract_id = table.document["id"]
    if contract_id in load_contracts() and not any(problem.field == "table" for problem in found):
        found.append(drafts.DraftProblem("table", f"平台已有数据标准 {contract_id}，请另取表名。"))
    return found


def approved_tables(scope: Scope) -> list[SourceTable]:
    """Tables whose contract was approved and whose rows are not delivered yet; for the job."""
    rows = SourceTable.objects.for_scope(scope).filter(status="approved")
    return list(rows.select_related("upload", "submitted_by__organisation").order_by("pk"))


def find_earlier(scope: Scope, department: str, headers: list[str], *, before: Upload) -> SourceTable | None:
    """Newest earlier table of the department with nearly the same headers; null where there is none. For the job."""
    wanted = set(headers)
    rows = SourceTable.objects.for_scope(scope).filter(
        department=department, upload__created_at__lt=before.created_at
    )
    for table in rows.exclude(status="left_out").order_by("-upload__created_at", "position")[:LOOKED_THROUGH]:
        had = {column["header"] for column in table.profile["columns"]}
        if had and len(wanted & had) >= SAME_TABLE * len(wanted | had):
            return table  # type: ignore[no-any-return]
    return None


def known_contract_of(earlier: SourceTable | None) -> str:
    """Contract in force that the earlier table came under; empty where it has none."""
    if earlier is None:
        return ""
    contract_id = earlier.known_contract or (earlier.contract_id if earlier.status == "delivered" else "")
    return contract_id if contract_id in load_contracts() else ""


def source_waiting(table: SourceTable) -> dict[str, Any]:
    """Count what a draft asks for: open questions, items, columns that are left out."""
    items = table.document["schema"][0]["properties"]
    return {"open": len(open_questions(table)), "items": len(items), "columns": len(table.profile["columns"])}
