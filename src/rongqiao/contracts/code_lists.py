"""Closed lists of codes with their official titles and the spellings that departments use."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cached_property, lru_cache

from rongqiao.contracts.documents import document, entry
from rongqiao.kernel.errors import InvalidValueError


@dataclass(frozen=True, slots=True)
class Code:
    """One code with its official Chinese title and the spellings that departments use."""

    code: str
    title: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class CodeList:
    """A closed list of codes; see ``catalog/code_lists.yaml``."""

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

    def choices(self) -> list[tuple[str, str]]:
        """Pairs (code, title), in order, for forms."""
        return [(entry.code, entry.title) for entry in self.entries]

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


@lru_cache(maxsize=256)
def code_list(list_id: str) -> CodeList:
    """Return a code list.

    Raises
    ------
    ContractError
        If ``catalog/code_lists.yaml`` has no such list.
    """
    node = entry("code_lists", None, list_id)
    entries = tuple(
        Code(code=str(code), title=row["title"], aliases=tuple(row.get("aliases", ())))
        for code, row in node["codes"].items()
    )
    return CodeList(id=list_id, name=node["name"], source=node["source"], entries=entries)


@lru_cache(maxsize=1)
def code_lists() -> dict[str, CodeList]:
    """All code lists by id."""
    return {list_id: code_list(list_id) for list_id in document("code_lists")}
