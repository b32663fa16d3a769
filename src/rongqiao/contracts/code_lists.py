"""Closed lists of codes with their official titles and the spellings that departments use."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from rongqiao.contracts.documents import document
from rongqiao.kernel.errors import ContractError, InvalidValueError
from rongqiao.kernel.home import home

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Code:
    """One code with its official Chinese title and the spellings that departments use.

    Parameters
    ----------
    code, title : str
    aliases : tuple of str
    valid_from, valid_to : datetime.date or None
        First and last day on which the code may describe something new; ``None`` is without bound. A retired code stays
        readable: records of its time carry it.
    replaced_by : tuple of str
        Codes that stand in its place afterwards.
    known_on, end_known_on : datetime.date or None
        Day on which the code, and its end, were announced; ``None`` was always known. A judgement of a past day is made with what was
        known then.
    """

    code: str
    title: str
    aliases: tuple[str, ...] = ()
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None
    replaced_by: tuple[str, ...] = ()
    known_on: dt.date | None = field(default=None, repr=False)
    end_known_on: dt.date | None = field(default=None, repr=False)

    def is_valid_on(self, day: dt.date, known_at: dt.date | None = None) -> bool:
        """Whether the code is in force on a day, with what was known at another; with all that is known now where none is given."""
        if known_at and self.known_on and known_at < self.known_on:
            return False
        is_end_known = not (known_at and self.end_known_on and known_at < self.end_known_on)
        last = self.valid_to if is_end_known else None
        return (self.valid_from or day) <= day <= (last or day)


@dataclass(frozen=True)
class CodeList:
    """A closed list of codes; see ``catalog/code_lists.yaml`` and ``catalog/code_lists/<department>.yaml``."""

    id: str
    name: str
    source: str
    entries: tuple[Code, ...]

    @cached_property
    def codes(self) -> tuple[str, ...]:
        """All codes, in the official order."""
        return tuple(entry.code for entry in self.entries)

    @cached_property
    def spellings(self) -> dict[str, str]:
        """Folded spelling (code, title or alias) → code; the folding is `fold`."""
        return {
            fold(spelling): entry.code
            for entry in reversed(self.entries)
            for spelling in (*entry.aliases, entry.title, entry.code)
        }

    def choices(self, day: dt.date | None = None, known_at: dt.date | None = None) -> list[tuple[str, str]]:
        """Pairs (code, title), in order, for forms; only those in force on ``day`` where one is given."""
        return [
            (entry.code, entry.title)
            for entry in self.entries
            if day is None or entry.is_valid_on(day, known_at)
        ]

    def title(self, code: str) -> str:
        """Return the official Chinese title of a code.

        Raises
        ------
        InvalidValueError
            If the list has no such code.
        """
        for row in self.entries:
            if row.code == code:
                return row.title
        raise InvalidValueError(f"code list {self.id}", code, f"Its codes are: {', '.join(self.codes)}.")

    def normalise(self, raw: str) -> str | None:
        """Return the code that a department's spelling stands for; ``None`` when it stands for none."""
        return self.spellings.get(fold(raw))


def fold(text: str) -> str:
    """Fold widths, blanks and case, so that spellings can be compared."""
    return "".join(unicodedata.normalize("NFKC", text).split()).casefold()


@lru_cache(maxsize=1)
def code_lists() -> dict[str, CodeList]:
    """All code lists by id: those every department shares, then each department's own.

    Raises
    ------
    ContractError
        If two files hold a list of the same id.
    """
    nodes = dict(document("code_lists"))
    for path in sorted((home() / "catalog" / "code_lists").glob("*.yaml")):
        for list_id, node in document(f"code_lists/{path.stem}").items():
            if list_id in nodes:
                raise ContractError(
                    f"catalog/code_lists/{path.name}", list_id, "Another file holds this list."
                )
            nodes[list_id] = node
    return {list_id: _to_list(list_id, node) for list_id, node in nodes.items()}


def code_list(list_id: str) -> CodeList:
    """Return a code list.

    Raises
    ------
    ContractError
        If no file of the catalogue has such a list.
    """
    lists = code_lists()
    if list_id not in lists:
        raise ContractError("code list", list_id, f"The catalogue has: {', '.join(lists)}.")
    return lists[list_id]


def _to_list(list_id: str, node: Mapping[str, Any]) -> CodeList:
    entries = tuple(
        Code(
            code=str(code),
            title=row["title"],
            aliases=tuple(row.get("aliases", ())),
            valid_from=row.get("valid_from"),
            valid_to=row.get("valid_to"),
            replaced_by=tuple(row.get("replaced_by", ())),
            known_on=row.get("known_on"),
            end_known_on=row.get("end_known_on"),
        )
        for code, row in node["codes"].items()
    )
    return CodeList(id=list_id, name=node["name"], source=node["source"], entries=entries)
