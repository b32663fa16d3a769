"""Where a reader of lineage pages may go, and the stops of the way that a page shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.http import Http404
from django.urls import reverse

from rongqiao.bases.enterprises.intake.selectors import with_given_names
from rongqiao.contracts.standards import load_contracts
from rongqiao.platforms.credit import lineage
from rongqiao.portal.access import request_scope

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest

    from rongqiao.contracts.model import Contract
    from rongqiao.platforms.credit.lineage import Reader


@dataclass(frozen=True, slots=True)
class Node:
    """One stop of the way; ``url`` is empty where the reader of the page may not go on."""

    title: str
    note: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Stage:
    """Stops that stand at the same place of the way; ``more`` of them are in the table only."""

    title: str
    nodes: Sequence[Node]
    is_here: bool = False
    more: int = 0


class Atlas:
    """Where the reader may go: all tables for operators, a department's own otherwise."""

    def __init__(self, request: HttpRequest) -> None:
        scope = self.scope = request_scope(request)
        self.home = "operator" if scope.kind == "operator" else "department"
        self.contracts = {
            key: each
            for key, each in load_contracts().items()
            if scope.kind == "operator" or each.department == scope.department
        }

    def named(self, deliveries: QuerySet[Any]) -> QuerySet[Any]:
        """Give receipts the names that their files were uploaded under."""
        return with_given_names(self.scope, deliveries)

    def contract(self, contract_id: str) -> Contract:
        """Return a table the reader may see; anything else is not found."""
        if contract_id not in self.contracts:
            raise Http404(contract_id)
        return self.contracts[contract_id]

    def url(self, page: str, *args: str) -> str:
        """Address of a lineage page of this workspace."""
        return reverse(f"portal:{self.home}_lineage{page}", args=args)

    def table(self, contract_id: str) -> str:
        """Address of a table; empty when it is another department's."""
        return self.url("_table", contract_id) if contract_id in self.contracts else ""

    def item(self, contract_id: str, item_id: str) -> str:
        """Address of an item; of its table where whole records are meant."""
        if contract_id not in self.contracts:
            return ""
        is_item = item_id in self.contracts[contract_id].columns
        return self.url("_item", contract_id, item_id) if is_item else self.table(contract_id)

    def may_read(self, reader: Reader) -> bool:
        """Whether a reader rests on a table of the workspace."""
        return self.home == "operator" or not lineage.tables_of(reader).isdisjoint(self.contracts)

    def reader(self, reader: Reader) -> str:
        """Address of a reader; empty when it rests on others' tables alone."""
        return self.url("_reader", reader.kind, reader.id) if self.may_read(reader) else ""
