"""Names of the public register beside codes, in the query that reads the codes."""

from __future__ import annotations

from django.db.models import OuterRef, Subquery

from rongqiao.bases.enterprises.models import Enterprise


def register_name(column: str) -> Subquery:
    """Name of the enterprise whose code stands in a column, as the public register has it; null where it has none.

    Whoever may see the code may see the name: both are public. Rows without a code, such as calls of the sandbox, have no name.
    """
    return Subquery(Enterprise.objects.filter(pk=OuterRef(column)).values("name")[:1])
