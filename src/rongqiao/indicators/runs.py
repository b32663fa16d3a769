"""What a computation of indicators rested on, kept in the very commit that made its rows part of the table."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rongqiao.indicators.computation import TARGET
from rongqiao.indicators.reading import ENTERPRISES, Delivered
from rongqiao.indicators.registry import At, load_indicators

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rongqiao.lake.tables import Lake

#: Name of the note that a commit carries.
NOTE = "rongqiao.run"


@dataclass(frozen=True, slots=True)
class Run:
    """A computation after which the rows of a month stand as one for all enterprises would have left them.

    Parameters
    ----------
    at : At
        Its two times.
    versions : mapping
        Table → version that was there before anything was read, so that what came meanwhile counts as new.
    delivered : mapping
        What was held of each contract.
    declared : str
        Digest of the indicators that were declared.
    """

    at: At
    versions: Mapping[str, int]
    delivered: Mapping[str, Delivered]
    declared: str

    def note(self) -> dict[str, str]:
        """Write the run down as the note of its commit."""
        delivered = {
            name: [each.rows, each.newest_known.isoformat() if each.newest_known else None]
            for name, each in self.delivered.items()
        }
        said = {
            "as_of": self.at.as_of,
            "known_at": self.at.known_at.isoformat(),
            "versions": dict(self.versions),
            "delivered": delivered,
            "declared": self.declared,
        }
        return {NOTE: json.dumps(said, ensure_ascii=False)}


def declared_digest() -> str:
    """Digest of what is declared: other indicators, or other versions of them, have another one."""
    told = [[item.id, item.version] for item in load_indicators().values()]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def versions_of(lake: Lake, contract_ids: Iterable[str]) -> dict[str, int]:
    """Newest versions of what is published of the contracts, and of the register of enterprises."""
    tables = [*(f"published/{name}" for name in contract_ids), ENTERPRISES]
    found = {table: lake.version(table) for table in tables}
    return {table: version for table, version in found.items() if version is not None}


def last_run(lake: Lake, at: At) -> Run | None:
    """Find the run that rows of the month stand by at a day: the last known by it; of one day, the last committed."""
    runs = [_read(note) for note in lake.notes(TARGET, NOTE)]
    fitting = [run for run in runs if run.at.as_of == at.as_of and run.at.known_at <= at.known_at]
    # The newest commit comes first, and `max` keeps the first of equals.
    return max(fitting, key=lambda run: run.at.known_at, default=None)


def _read(note: str) -> Run:
    said = json.loads(note)
    delivered = {
        name: Delivered(rows, dt.date.fromisoformat(newest) if newest else None)
        for name, (rows, newest) in said["delivered"].items()
    }
    at = At(said["as_of"], dt.date.fromisoformat(said["known_at"]))
    return Run(at, said["versions"], delivered, said["declared"])
