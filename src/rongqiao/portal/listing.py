"""Lists of a page: filter, sort, page, export; the whole page or only the list, always the same markup."""

from __future__ import annotations

import csv
import datetime as dt
from dataclasses import dataclass, field
from decimal import Decimal
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from django.core.paginator import Paginator
from django.db.models import F, QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from rongqiao.contracts.catalog import regions
from rongqiao.kernel.rate import format_rate
from rongqiao.portal.interface_words import word_of
from rongqiao.portal.names import code_title, region_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.http import HttpRequest

# Spreadsheets of East Asian systems read the full-width signs as formulas too.
FORMULA_SIGNS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")
MAX_EXPORT_ROWS = 50_000
# More filters than these fold away, so that a phone shows results on its first screen.
OPEN_FILTERS = 6
#: Stands for a value that is not there.
DASH = "—"
#: What a choice shows while none is made, where then everything is listed.
UNSET = "不限"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a list.

    Parameters
    ----------
    key : str
        Attribute path on the row (``product.name``), also the sort key in the address.
    title : str
        Heading.
    kind : str
        How it shows: ``text``, ``money``, ``rate``, ``date``, ``time``, ``status``, ``clock``,
        ``number``, ``count`` (with thousands set off), ``months``, ``region``, ``code``, ``short`` (a few characters that do not break) or ``folded`` (a long text that few need, one click away).
    sort : str
        Field to order by (``product__name``); empty means the column cannot be sorted.
    value : callable or None
        Reads the value from the row, instead of the attribute path.
    option : str
        For ``code`` the code list; for ``status`` the family.
    null_text : str or callable
        What null shows as, in the export too; a count that disclosure control hides is no dash. A function reads it from the row.
    url : callable or None
        Address that the cell links to, empty for none; the first column may leave it to the listing's ``row_url``.
    note : callable or None
        Small words below the value, empty for none; not in the export.
    """

    key: str
    title: str
    kind: str = "text"
    sort: str = ""
    value: Callable[[Any], Any] | None = None
    option: str = ""
    null_text: str | Callable[[Any], str] = DASH
    url: Callable[[Any], str] | None = None
    note: Callable[[Any], str] | None = None

    def read(self, row: Any) -> Any:
        """Value of this column in a row."""
        if self.value is not None:
            return self.value(row)
        if isinstance(row, dict):
            return row.get(self.key)
        return attrgetter(self.key)(row)

    def null_of(self, row: Any) -> str:
        """Words that stand for null in a row."""
        return self.null_text(row) if callable(self.null_text) else self.null_text


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter above a list: a choice where ``choices`` are given, absent while there is none to make; else a text box.

    ``apply`` narrows the rows; where it is ``None`` the selector has already used the value, or lists nothing without one. ``unset``
    says what a choice shows while none is made.
    """

    key: str
    title: str
    choices: Sequence[tuple[str, str]] | None = None
    apply: Callable[[Any, str], Any] | None = None
    unset: str = UNSET


@dataclass(frozen=True, slots=True)
class Cell:
    """One value with what is needed to show it."""

    column: Column
    value: Any
    url: str = ""
    null_text: str = DASH
    note: str = ""


@dataclass
class Listing:
    """A list on a page.

    Parameters
    ----------
    request : HttpRequest
        Its query string carries filters, sort and page.
    rows : QuerySet or sequence
        From a selector, so already scoped.
    columns : sequence of Column
        Shown left to right; also the columns of the export.
    name : str
        Unique on the page; id of the element that is swapped.
    filters : sequence of Filter
        Shown above.
    default_sort : str
        Key of the column to order by at first, with ``-`` for descending; empty keeps the selector's order.
    row_url : callable or None
        Address that the first cell links to.
    row_template : str
        Template that shows one ``row`` as a card, instead of a table line.
    empty_title, empty_text, empty_url, empty_label : str
        What to do when there is nothing.
    none_fit_title, none_fit_text : str
        What it means that nothing fits the filters, where that is not simply that there is none.
    further : sequence of Column
        Columns of the export alone, after the others.
    path : str
        Address that filters, sorting and paging ask, where it is not the request's own: a list may stand in the answer to a POST.
    """

    request: HttpRequest
    rows: Any
    columns: Sequence[Column]
    name: str = "listing"
    filters: Sequence[Filter] = ()
    default_sort: str = ""
    row_url: Callable[[Any], str] | None = None
    row_template: str = ""
    page_size: int = 20
    empty_title: str = "这里还没有内容"
    empty_text: str = ""
    empty_url: str = ""
    empty_label: str = ""
    none_fit_title: str = "没有符合条件的内容"
    none_fit_text: str = "放宽一两个筛选条件再看看。"
    can_export: bool = True
    further: Sequence[Column] = ()
    path: str = ""
    context: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Filter, order and cut the rows."""
        self.path = self.path or self.request.path
        self.rows = self._ordered(self._filtered(self.rows))
        self.page = Paginator(self.rows, self.page_size).get_page(self.request.GET.get("page"))

    # -- what the address asks for -------------------------------------------------------------------------------

    def value_of(self, key: str) -> str:
        """Value of a filter in the address; empty when not set."""
        return self.request.GET.get(key, "").strip()

    @property
    def filter_values(self) -> list[tuple[Filter, str]]:
        """Filters with their present values."""
        return [
            (entry, self.value_of(entry.key))
            for entry in self.filters
            if entry.choices is None or len(entry.choices)
        ]

    @property
    def main_filters(self) -> list[tuple[Filter, str]]:
        """Filters that are always in sight."""
        return self.filter_values[:OPEN_FILTERS]

    @property
    def more_filters(self) -> list[tuple[Filter, str]]:
        """Filters that fold away."""
        return self.filter_values[OPEN_FILTERS:]

    @property
    def is_unfolded(self) -> bool:
        """Whether a folded filter is set."""
        return any(value for _, value in self.more_filters)

    @property
    def is_filtered(self) -> bool:
        """Whether any filter is set."""
        return any(value for _, value in self.filter_values)

    @property
    def is_bare(self) -> bool:
        """Whether there is nothing at all: then there is nothing to filter either. A list that shows only a part at first may hold more."""
        shows_all = all(entry.apply and entry.unset == UNSET for entry in self.filters)
        return shows_all and not self.page.paginator.count and not self.is_filtered

    @property
    def sort(self) -> str:
        """Present sort key, from the columns that allow it; anything else falls back to the default."""
        asked = self.value_of("sort")
        allowed = {column.key for column in self.columns if column.sort}
        return asked if asked.removeprefix("-") in allowed else self.default_sort

    # -- what the template shows ---------------------------------------------------------------------------------

    @property
    def headings(self) -> list[dict[str, Any]]:
        """Columns with the address that sorts by them, and how they are sorted now."""
        key = self.sort.removeprefix("-")
        state = "descending" if self.sort.startswith("-") else "ascending"
        return [
            {
                "column": column,
                "aria": state if column.key == key else "none",
                "url": self.address(
                    sort=f"-{column.key}" if self.sort == column.key else column.key, page=""
                ),
            }
            for column in self.columns
        ]

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Rows of this page with their cells and address."""
        return [
            {
                "row": row,
                "url": self.row_url(row) if self.row_url else "",
                "cells": [
                    Cell(
                        column,
                        column.read(row),
                        column.url(row) if column.url else "",
                        column.null_of(row),
                        column.note(row) if column.note else "",
                    )
                    for column in self.columns
                ],
            }
            for row in self.page.object_list
        ]

    @property
    def previous_url(self) -> str:
        """Address of the page before; empty on the first."""
        return self.address(page=str(self.page.previous_page_number())) if self.page.has_previous() else ""

    @property
    def next_url(self) -> str:
        """Address of the page after; empty on the last."""
        return self.address(page=str(self.page.next_page_number())) if self.page.has_next() else ""

    @property
    def export_url(self) -> str:
        """Address of the same rows as CSV."""
        return self.address(export="csv", page="")

    def address(self, **changes: str) -> str:
        """Build this page's address with some query values changed; empty ones are dropped."""
        query = self.request.GET.copy()
        query.pop("export", None)
        for key, value in changes.items():
            query.pop(key, None)
            if value:
                query[key] = value
        return f"{self.path}?{query.urlencode()}" if query else self.path

    # -- responses -----------------------------------------------------------------------------------------------

    def respond(self, template: str, context: dict[str, Any] | None = None) -> HttpResponse:
        """Render the whole page, only the list for a swap of it, or its rows as CSV."""
        if self.request.GET.get("export") == "csv" and self.can_export:
            return self.export()
        htmx = getattr(self.request, "htmx", None)
        if htmx and htmx.target == self.name and not htmx.history_restore_request:
            return render(self.request, "portal/components/listing.html", {"listing": self})
        return render(self.request, template, {"listing": self, **(context or {})})

    def export(self) -> HttpResponse:
        """All filtered rows as CSV that spreadsheets open as UTF-8; text cannot turn into a formula."""
        response = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{self.name}.csv"'
        writer = csv.writer(response)
        columns = [*self.columns, *self.further]
        writer.writerow([title for column in columns for title in _export_titles(column)])
        for row in self.rows[:MAX_EXPORT_ROWS]:
            writer.writerow([text for column in columns for text in _export_cells(column, row)])
        return response

    # -- rows ----------------------------------------------------------------------------------------------------

    def _filtered(self, rows: Any) -> Any:
        for entry, value in self.filter_values:
            if value and entry.apply is not None:
                rows = entry.apply(rows, value)
        return rows

    def _ordered(self, rows: Any) -> Any:
        key, is_descending = self.sort.removeprefix("-"), self.sort.startswith("-")
        column = next((column for column in self.columns if column.key == key and column.sort), None)
        if column is None:
            return rows
        if isinstance(rows, QuerySet):
            order = F(column.sort)
            return rows.order_by(
                order.desc(nulls_last=True) if is_descending else order.asc(nulls_last=True), "pk"
            )
        if hasattr(rows, "ordered_by"):
            # Rows that stand elsewhere are ordered there, not fetched to be ordered here.
            return rows.ordered_by(column.sort, is_descending=is_descending)
        known = [row for row in rows if column.read(row) is not None]
        unknown = [row for row in rows if column.read(row) is None]
        return sorted(known, key=column.read, reverse=is_descending) + unknown


#: Kinds that a file shows as the page does, not by the code or the ratio that stands behind.
SHOWN: dict[str, Callable[[Any, str], str]] = {
    "status": lambda value, family: word_of(str(value), family).text,
    "code": lambda value, list_id: code_title(str(value), list_id),
    "rate": lambda value, _: format_rate(value),
}
#: What a file's heading says that a page shows beside each value.
UNITS = {"money": "（元）", "months": "（个月）"}


def _export_titles(column: Column) -> list[str]:
    """Heading of a column with its unit; a region has its code in a column of its own."""
    unit = UNITS.get(column.kind, "")
    heading = column.title if unit and unit.strip("（）") in column.title else f"{column.title}{unit}"
    return [heading, f"{column.title}（代码）"] if column.kind == "region" else [heading]


def _export_cells(column: Column, row: Any) -> list[str]:
    """Text of a cell in the words of the page; a null that means something, such as a count that is hidden, says so too."""
    value = column.read(row)
    if value is None or value == "":
        null_text = column.null_of(row)
        return [null_text if value is None and null_text != DASH else ""] * len(_export_titles(column))
    if column.kind == "region":
        return [export_value(region_name(str(value))), export_value(value)]
    return [export_value(SHOWN[column.kind](value, column.option) if column.kind in SHOWN else value)]


def export_value(value: Any) -> str:
    """Text of a value in a CSV file; instants in local time, null as nothing."""
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        return timezone.localtime(value).strftime("%Y-%m-%d %H:%M")
    if isinstance(value, (bool, int, float, Decimal)):
        return str(value)
    text = str(value)
    return f"'{text}" if text.startswith(FORMULA_SIGNS) else text


def prefecture_choices() -> list[tuple[str, str]]:
    """Choices of a filter by place."""
    return [(code, region.name) for code, region in regions().items() if region.level == "prefecture"]


def place_name(code: str) -> str:
    """Name of a region; its code where the catalogue has none."""
    return regions()[code].name if code in regions() else code
