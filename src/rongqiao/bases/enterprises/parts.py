"""What the six steps did since the web was last told: the parts of its tables that are put in place anew, while the others stand.

A part is all rows of a batch, of a contract, or of a conflict. What the web's tables hold is kept beside them, as the version of each table
of the lake; where that does not tell what came since, everything is replaced.
"""

# ruff: noqa: S608  (names are this repository's and are quoted; values are bound)
from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rongqiao.bases.enterprises.models import PublishedTable
from rongqiao.bases.enterprises.operations import PARTS
from rongqiao.contracts.standards import load_contracts
from rongqiao.lake.engine import connect, files_sql, literal

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping

    from rongqiao.lake.tables import Lake

#: Beyond so many batches, contracts or conflicts, replacing everything costs no more.
MOST_PARTS = 50_000


@dataclass(frozen=True, slots=True)
class Part:
    """Batches, contracts and conflicts of which anything came, by the column that names them."""

    named: dict[str, set[str]] = field(default_factory=lambda: {name: set() for name in ("batch_id", "contract_id", "conflict_id")})  # fmt: skip

    def of(self, column: str) -> list[str]:
        """Names of the parts, in order."""
        return sorted(self.named[column])


@dataclass(frozen=True, slots=True)
class Standing:
    """What the lake holds now, to be noted once the web's tables hold it too."""

    versions: Mapping[str, int]
    declared: str
    known_at: dt.date

    def note(self) -> None:
        """Note it in the place of what was noted before."""
        PublishedTable.objects.all().delete()
        PublishedTable.objects.bulk_create(
            PublishedTable(table=table, version=version, declared=self.declared, known_at=self.known_at)
            for table, version in self.versions.items()
        )


def standing_of(lake: Lake, known_at: dt.date) -> Standing:
    """Read what the lake holds: before its rows are read, so that what comes meanwhile comes again."""
    tables = {name: lake.version(f"operations/{name}") for name in PARTS}
    told = [
        (each.id, each.title, each.department_title, *((rule.id, rule.family) for rule in each.rules))
        for each in load_contracts().values()
    ]
    declared = hashlib.sha256(repr(told).encode()).hexdigest()[:16]
    return Standing(
        {name: version for name, version in tables.items() if version is not None}, declared, known_at
    )


def find_part(lake: Lake, now: Standing) -> Part | None:
    """Find what came since the web was last told; ``None`` where everything has to be replaced.

    That is so where nothing was noted, contracts were declared otherwise then, an earlier day is asked for, or the lake does not tell.
    """
    noted = {row.table: row for row in PublishedTable.objects.all()}
    if not noted or any(
        row.declared != now.declared or row.known_at > now.known_at for row in noted.values()
    ):
        return None
    if set(noted) - set(now.versions):
        return None
    part = Part()
    queries: dict[str, list[str]] = {}
    for name in now.versions:
        sources = _fresh(lake, name, noted.get(name), now)
        if sources is None:
            return None
        for column in PARTS[name] if sources else ():
            queries.setdefault(column, []).extend(f"SELECT {column} FROM {source}" for source in sources)
    with connect(lake) as connection:
        for column, found in queries.items():
            rows = connection.execute(
                f"SELECT DISTINCT {column} FROM ({' UNION ALL '.join(found)}) WHERE {column} IS NOT NULL"
            ).fetchall()
            part.named[column].update(row[0] for row in rows)
    return None if any(len(each) > MOST_PARTS for each in part.named.values()) else part


def _fresh(lake: Lake, name: str, noted: PublishedTable | None, now: Standing) -> list[str] | None:
    """Where the rows stand that are not told of: files that came, and rows of others that became known since."""
    table = f"operations/{name}"
    if noted is None:
        return [files_sql(lake.uris(table))] if lake.uris(table) else []
    added = lake.added_since(table, noted.version)
    before = lake.uris_at(table, noted.version)
    if added is None or before is None:
        return None
    found = [files_sql(added)] if added else []
    if before and now.known_at > noted.known_at:
        day = "delivered_on" if name == "receipts" else "known_at"
        found.append(f"(FROM {files_sql(before)} WHERE {day} > DATE {literal(noted.known_at.isoformat())})")
    return found
