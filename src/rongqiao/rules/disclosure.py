"""Disclosure control: what may be told to people who may not see individuals. The ONE place that decides it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from rongqiao.kernel.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Mapping
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
    return None if not count or is_small(count, threshold=threshold) else value


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
