"""What a source holds, column by column, before it is let in: the profile, as plain data that can be written as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class TypeGuess:
    """Type that a column's values read as.

    Parameters
    ----------
    type : str
        As in contracts: ``string``, ``integer``, ``decimal``, ``date``, ``month``, ``boolean``; ``year`` for an integer that is one.
    confidence : float
        Share of the values that read so.
    form : str
        How dates are written where no clerk could read them: ``excel_serial``, ``epoch_ms``, ``epoch_s``, ``day_first``; else empty.
    """

    type: str
    confidence: float
    form: str = ""


@dataclass(frozen=True, slots=True)
class Resemblance:
    """An item of a known contract that a column is like: score from 0 to 1, and what speaks for it."""

    contract: str
    item: str
    title: str
    score: float
    evidence: tuple[str, ...]


@dataclass(slots=True)
class ColumnProfile:
    """One column.

    Parameters
    ----------
    position : int
        From 0, in the source.
    header : str
        As the layout names it; a source's own title, such as a column comment, takes its place.
    rows, nulls, distinct : int
        Of the rows that were kept; ``distinct`` is exact.
    minimum, maximum : str or None
        Numbers compared as numbers, the rest as text; null for personal columns.
    quantiles : list of float
        5 %, 25 %, 50 %, 75 %, 95 % of a numeric column; empty for others.
    patterns, top_values : list of (str, int)
        Commonest shapes (digits 9, letters A, Chinese 汉) and values; values of personal columns are not shown.
    unit : str
        Unit that the header or a title states.
    code_lists : list of (str, float)
        Known code lists, with the share of distinct values that they hold.
    identifiers : dict
        Share of the values that are valid: ``uscc``, ``registration_no`` (15 digits), ``resident_id``, ``phone``, ``organisation`` (looks like a name).
    is_personal : bool
        Holds identity numbers or telephones; excluded from contracts unless a clerk insists.
    drift, null_shift : float or None
        Population stability index and change of the null share against the delivery before; null without one.
    """

    position: int
    header: str
    rows: int
    nulls: int
    distinct: int
    minimum: str | None
    maximum: str | None
    quantiles: list[float]
    patterns: list[tuple[str, int]]
    top_values: list[tuple[str, int]]
    guess: TypeGuess
    unit: str
    code_lists: list[tuple[str, float]]
    identifiers: dict[str, float]
    is_personal: bool
    histogram: dict[str, int]
    resembles: list[Resemblance] = field(default_factory=list)
    drift: float | None = None
    null_shift: float | None = None

    @property
    def filled(self) -> int:
        """Rows with a value."""
        return self.rows - self.nulls

    @property
    def unique_share(self) -> float:
        """Distinct values per filled row; 0 where there is none."""
        return self.distinct / self.filled if self.filled else 0.0


@dataclass(slots=True)
class SourceProfile:
    """One table of a source.

    Parameters
    ----------
    source, sheet : str
        Name of file, table or interface, and of the worksheet.
    form, encoding : str
        As `Sheet` says.
    header_lines : list of int
        Lines of the header; empty where there is none or the form declares it.
    titles : list of str
        Lines above the header.
    rows, rows_profiled : int
        Rows of data, and those that the figures are taken from.
    repeated_headers, notes, broken_lines : int
        Lines that are no data.
    broken_examples : list of dict
        Line, message and value of the first broken lines.
    keys : list of list of str
        Headers that identify a row, best first; a last one may hold for most rows only, see ``key_shares``.
    subject : dict
        Headers of ``uscc`` and ``name``, the columns that say whose row it is.
    against : str
        What drift was measured against; empty where nothing was.
    """

    source: str
    sheet: str
    form: str
    encoding: str
    header_lines: list[int]
    titles: list[str]
    rows: int
    rows_profiled: int
    repeated_headers: int
    notes: int
    broken_lines: int
    broken_examples: list[dict[str, Any]]
    columns: list[ColumnProfile]
    keys: list[list[str]]
    key_shares: list[float]
    subject: dict[str, str]
    against: str = ""

    def column(self, header: str) -> ColumnProfile:
        """Return the column of a header; KeyError if there is none."""
        for column in self.columns:
            if column.header == header:
                return column
        raise KeyError(header)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, with null and unique shares worked out."""
        document = asdict(self)
        for plain, column in zip(document["columns"], self.columns, strict=True):
            plain["null_share"] = round(column.nulls / column.rows, 6) if column.rows else None
            plain["unique_share"] = round(column.unique_share, 6)
        return document
