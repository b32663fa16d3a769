"""What the six steps hand to each other: deliveries, batches, broken lines, and the workbench of one contract.

The workbench is one DuckDB connection with these tables and views, which carry a batch number and the line in its file:

``sample``
    ``batch, line`` and every item as the string that was delivered, of some rows, evenly taken; for patterns and distributions.
``typed``
    All rows cast by the contract, and ``misfit``: null where a row stands, else the item that could not be read; written by *standards*.
``rejected``
    ``batch, line, column_id, rule_id, value, message``: at most one entry per row, the first step that objected.
``resolved``
    Rows that survived, with ``enterprise_id`` and the identifier in standard form; defined by *cleaning*.

Rows as they were delivered are not in a table: they stay in `KeptRows`, for the few that go to quarantine.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rongqiao.governance.kept import KeptRows

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping
    from pathlib import Path

    import duckdb
    import pyarrow as pa

    from rongqiao.contracts.standards import Contract

#: Contracts whose rows say which enterprises there are; all others are resolved against them.
SUBJECT_CONTRACTS = ("market_regulation.registry", "bank.enterprise_credit")
#: Contract whose rows say how enterprises were called before.
NAME_CONTRACT = "market_regulation.change"
#: Names of files that complete or correct a regular delivery: a tag after the date. RE2 and Python read it alike.
TAGGED_NAME = r"^\d{4}-\d{2}-\d{2}_"
#: One row per enterprise and day on which anything about it became known.
ENTERPRISES = "published/enterprises"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One file that a department sent.

    Parameters
    ----------
    contract_id : str
        The contract it is delivered under.
    path : Path
        Where the file stands now; it is read once.
    delivered_on : datetime.date
        The day it became known: as whoever received it noted, or read from the file name of a folder that was filled by hand. Never the clock.
    constants : Mapping[str, str]
        Items that the file as a whole says, such as the direction of all its invoices.
    handed_in_later : frozenset of str or None
        Names of the table's files that came in after this one, where handing in was an act of its own: the same bytes again may then be a
        correction back to what they said. ``None`` for a file of a folder that is looked at again and again, where they never are.
    is_handed_over : bool
        Whether nobody will write the file again: it is then kept by a second name, without being copied, where the file system can.
    """

    contract_id: str
    path: Path
    delivered_on: dt.date
    constants: Mapping[str, str] = field(default_factory=dict)
    handed_in_later: frozenset[str] | None = None
    is_handed_over: bool = False

    @property
    def is_regular(self) -> bool:
        """Whether it is a whole delivery of its cycle; corrections and parts, whose names carry a tag, are not."""
        return re.match(TAGGED_NAME, self.path.name) is None


@dataclass(frozen=True, slots=True)
class Broken:
    """One line that is no row: wrong number of fields, undecodable bytes, invalid JSON."""

    line: int
    rule_id: str
    value: str
    message: str


@dataclass(frozen=True, slots=True)
class RawFile:
    """What a source reads of a file, or of a piece of it: string columns with the line of each row, and the lines it could not read.

    Parameters
    ----------
    headers : tuple of str
        As delivered.
    columns : tuple
        One Arrow string array (plain or chunked) per header.
    lines : pa.Array
        int32, 1-based line in the file; a CSV or Excel header is line 1.
    broken : tuple of Broken
        Lines that are no rows; they count as rows received and are quarantined.
    encoding : str
        Encoding that was found, or the format for files that are not text.
    is_lost : bool
        Whether the whole file proved unreadable: what its earlier pieces held counts no more.
    """

    headers: tuple[str, ...]
    columns: tuple[Any, ...]
    lines: pa.Array
    broken: tuple[Broken, ...]
    encoding: str
    is_lost: bool = False


@dataclass(slots=True)
class Batch:
    """One received file, named by its content.

    Parameters
    ----------
    number : int
        Position among the batches of one workbench.
    batch_id : str
        ``<contract id>@<first 16 hex of the SM3 digest>``; with ``.2``, ``.3`` … where the same bytes count again, as a correction back.
    kept : Path
        The file's bytes under their digest, which nobody changes any more.
    rows_in : int
        Rows and broken lines of the file, without the header.
    unmapped : tuple of str
        Headers that belong to no item of the contract.
    broken : list of Broken
        Lines of the file that are no rows.
    ledger_index : int or None
        Leaf of the receipt in the ledger; ``None`` until collected.
    """

    number: int
    batch_id: str
    delivery: Delivery
    digest: str
    size_bytes: int
    kept: Path
    encoding: str = ""
    rows_in: int = 0
    unmapped: tuple[str, ...] = ()
    bound: frozenset[str] = frozenset()
    broken: list[Broken] = field(default_factory=list)
    ledger_index: int | None = None

    @property
    def file_name(self) -> str:
        """Name of the file as delivered."""
        return self.delivery.path.name


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows of one batch laid out by its contract: ``batch, line`` and one string column per item.

    Parameters
    ----------
    rows : pa.Table
        As delivered; values under a header with a larger unit carry its factor, as in ``500×10000``.
    plain : pa.Table
        The same without factors.
    factors : dict
        Item → factor, where it is not 1.
    number : int
        Number of the batch.
    """

    rows: pa.Table
    plain: pa.Table
    factors: dict[str, int]
    number: int


@dataclass(slots=True)
class Workbench:
    """The pending batches of one contract, in the order of delivery, and what the steps found.

    Parameters
    ----------
    contract : Contract
    batches : list of Batch
    connection : duckdb.DuckDBPyConnection
        Holds the tables that this module's docstring lists.
    kept : KeptRows
        All rows as they were delivered.
    parts : list of str
        Tables that make up ``typed``.
    codes : dict
        Item → delivered string → the code it stands for, or ``None``; of those met so far.
    profiles, rule_results, merges, reviews : list of dict
        Rows for the tables of the same names under ``operations/``.
    """

    contract: Contract
    batches: list[Batch]
    connection: duckdb.DuckDBPyConnection
    kept: KeptRows = field(default_factory=KeptRows)
    parts: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str | None]] = field(default_factory=dict)
    profiles: list[dict[str, Any]] = field(default_factory=list)
    rule_results: list[dict[str, Any]] = field(default_factory=list)
    merges: list[dict[str, Any]] = field(default_factory=list)
    reviews: list[dict[str, Any]] = field(default_factory=list)

    def add_result(self, batch: Batch, rule_id: str, family: str, counts: tuple[str, int, int]) -> None:
        """Record how one rule came out for one batch: outcome, rows checked, rows failed."""
        outcome, checked, failed = counts
        self.rule_results.append(
            {
                "batch_id": batch.batch_id,
                "contract_id": self.contract.id,
                "rule_id": rule_id,
                "family": family,
                "outcome": outcome,
                "rows_checked": checked,
                "rows_failed": failed,
                "known_at": batch.delivery.delivered_on,
            }
        )


def judge(severity: str, checked: int, failed: int) -> str:
    """Outcome of a rule; a rule that met no row was not run, and is never shown as passed."""
    if checked == 0:
        return "not_run"
    if failed == 0:
        return "passed"
    return "failed" if severity == "reject" else "warned"
