"""Says a product's or policy's criteria in words, as a tree that a page can show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

GROUP_WORDS = {"all": "以下须全部符合", "any": "以下符合其一即可", "not": "以下情形不予受理"}


@dataclass(frozen=True, slots=True)
class Clause:
    """A condition in words, or a group of them; ``members`` is empty for a condition."""

    text: str
    settles: str = ""
    members: tuple[Clause, ...] = ()


def describe_criteria(data: Any) -> Clause:
    """Read criteria as JSON (see ``rongqiao.rules.criteria``) into words; no conditions give an empty group."""
    if not data:
        return Clause("")
    if "fact" in data:
        return Clause(str(data.get("text") or data["fact"]), str(data.get("settles") or ""))
    kind, members = next(iter(data.items()))
    members = members if isinstance(members, list) else [members]
    return Clause(GROUP_WORDS.get(kind, ""), members=tuple(describe_criteria(member) for member in members))
