"""Kinds of faults, and how each is planted in a clean delivery."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    import random

    from config.mutations.draft import Draft


@dataclass(frozen=True, slots=True)
class Planted:
    """A file with one fault.

    Parameters
    ----------
    content : bytes
    delivered_on : datetime.date
    where : str
        Item or place that was touched.
    suffix : str
    harmless : str
        Why the fault does no harm at this place; such a pair is not counted, and said so.
    """

    content: bytes
    delivered_on: dt.date
    where: str
    suffix: str = "csv"
    harmless: str = ""


#: Plants a fault in a delivery; the generator decides where.
Plant = Callable[["Draft", "random.Random"], Planted | None]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault.

    Parameters
    ----------
    id, title : str
    plant : callable
        Gives the file, or ``None`` where the contract has no place for such a fault.
    is_read_as_meant : bool
        Whether the steps undo it: the accepted rows must then equal the clean ones, and the pair is not counted.
    """

    id: str
    title: str
    plant: Plant
    is_read_as_meant: bool = False


#: All kinds, in the order of the document.
KINDS: dict[str, Kind] = {}


def fault(kind_id: str, title: str, *, is_read_as_meant: bool = False) -> Callable[[Plant], Plant]:
    """Declare a kind of fault by the function that plants it."""

    def declare(plant: Plant) -> Plant:
        KINDS[kind_id] = Kind(kind_id, title, plant, is_read_as_meant)
        return plant

    return declare


def planted(draft: Draft, where: str, *, harmless: str = "") -> Planted:
    """Write a changed delivery as the file it would be."""
    return Planted(draft.as_csv(), draft.delivered_on, where, harmless=harmless)
