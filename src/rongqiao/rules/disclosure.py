"""Disclosure control: what may be told to people who may not see individuals. The ONE place that decides it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from rongqiao.kernel.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

Number = TypeVar("Number", "int", "float", "Decimal")


def suppress(count: int | None, *, threshold: int) -> int | None:
    """Hide a small count.

    Parameters
    ----------
    count : int or None
        Enterprises, demands or loans of one cell.
    threshold : int
        Smallest count that may be told (catalogue ``disclosure_cell_min``).

    Returns
    -------
    int or None
        The count; null where it is above zero and below the threshold. Zero is told: it describes nobody.

    Raises
    ------
    InvalidValueError
        If the count is negative.
    """
    if count is not None and count < 0:
        raise InvalidValueError("统计单元", count, "计数不可为负。")
    return None if is_small(count, threshold=threshold) else count


def is_small(count: int | None, *, threshold: int) -> bool:
    """Whether a cell counts too few to be told."""
    return count is None or 0 < count < threshold


def suppress_measure(value: Number | None, count: int | None, *, threshold: int) -> Number | None:
    """Hide a sum or mean that rests on too few, or on none.

    Parameters
    ----------
    value : number or None
        Over ``count`` members.
    count : int or None
        Members behind it.
    threshold : int
        As for :func:`suppress`.
    """
    return suppress_measures([value], count, threshold=threshold)[0]


def suppress_measures(
    values: Sequence[Number | None], count: int | None, *, threshold: int
) -> list[Number | None]:
    """Hide several measures of the same members, as :func:`suppress_measure` does each."""
    is_hidden = not count or is_small(count, threshold=threshold)
    return [None] * len(values) if is_hidden else list(values)


def suppress_cells(
    cells: Mapping[str, int], *, threshold: int, group_length: int = 4
) -> dict[str, int | None]:
    """Hide small counts of regions, and where one alone is hidden in its group, the next smallest too.

    Without the second step the hidden one would be the group's total less its neighbours.

    Parameters
    ----------
    cells : mapping
        Region code → count.
    threshold : int
        As for :func:`suppress`.
    group_length : int
        Leading characters of the code that name the group whose total is told (4: the prefecture).

    Returns
    -------
    dict
        Region code → count, or null where hidden.
    """
    groups: dict[str, list[str]] = {}
    for code in cells:
        groups.setdefault(code[:group_length], []).append(code)
    hidden: set[str] = set()
    for codes in groups.values():
        small = [code for code in codes if is_small(cells[code], threshold=threshold)]
        hidden.update(small)
        rest = sorted(
            (code for code in codes if code not in hidden and cells[code]), key=lambda c: (cells[c], c)
        )
        if len(small) == 1 and rest:
            hidden.add(rest[0])
    return {code: None if code in hidden else count for code, count in cells.items()}


@dataclass(frozen=True, slots=True)
class Blur:
    """How counts are told to people who choose the conditions themselves.

    Parameters
    ----------
    least : int
        Smallest figure that is told; below it, zero included, null: whoever can single one enterprise out by its public
        features would else read off a zero whether it meets a condition that is not public.
    noise : int
        Largest deviation from the true count.
    step : int
        Figures are multiples of it.
    """

    least: int
    noise: int
    step: int

    def __post_init__(self) -> None:
        """Refuse numbers under which one enterprise could be told."""
        if self.step < 1 or self.noise < 1 or self.least <= self.noise + self.step:
            raise InvalidValueError(
                "筛选统计的扰动参数",
                (self.least, self.noise, self.step),
                "最小告知数须大于最大偏差与取整步长之和，偏差与步长至少为 1。",
            )


def blur(count: int, *, key: int, question: str, rule: Blur) -> int | None:
    """Tell a count of a free question so that no two questions can be subtracted to find one enterprise.

    The deviation is drawn from the secret keys of the enterprises counted and from the question: asked again, the same
    question has the same answer, so repeating it averages nothing out; and an unchanged answer to another
    question does not say that the same enterprises stand behind it, nor a changed one that others do.

    Parameters
    ----------
    count : int
        Enterprises that meet the conditions.
    key : int
        Sum of their secret numbers.
    question : str
        Digest of the conditions and of the cell.
    rule : Blur
        From the catalogue.

    Returns
    -------
    int or None
        A multiple of ``rule.step``; null where fewer than ``rule.least`` would be told.

    Notes
    -----
    Follows the cell-key method of official statistics (Australian Bureau of Statistics, TableBuilder). The deviation is the
    difference of two even draws, so small ones are likelier. What remains, averaging over many rephrasings, is bounded by the
    budget of questions per person and day.
    """
    drawn = hashlib.sha256(f"{key}|{question}".encode()).digest()
    first, second = (int.from_bytes(drawn[at : at + 8], "big") % (rule.noise + 1) for at in (0, 8))
    told = rule.step * round((count + first - second) / rule.step)
    return told if told >= rule.least else None
