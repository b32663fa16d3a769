"""What a chart shows: few series, a unit, a source, and its data once more as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rongqiao.kernel.money import WAN, YI

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_SERIES = 4


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart.

    Parameters
    ----------
    id : str
        Unique on the page.
    title : str
        What is seen.
    labels : sequence of str
        The horizontal axis (``line``, ``bar``) or the rows (``hbar``).
    series : mapping of str to sequence
        Values by name, as long as ``labels``; null is a gap, never zero.
    unit : str
        Of all series.
    source : str
        Where the data comes from, and its date.
    nothing : str
        What it means that there is no value at all.
    kind : str
        ``line``, ``bar``, ``hbar`` or ``radar`` (``labels`` stand around a circle).
    """

    id: str
    title: str
    labels: Sequence[str]
    series: Mapping[str, Sequence[float | None]]
    unit: str
    source: str
    kind: str = "line"
    nothing: str = "暂无数据。"

    @property
    def element_id(self) -> str:
        """Id of the element that carries the data."""
        return f"chart-{self.id}"

    @property
    def data(self) -> dict[str, Any]:
        """Everything the browser draws from."""
        return {
            "kind": self.kind,
            "title": self.title,
            "unit": self.unit,
            "labels": list(self.labels),
            "series": [{"name": name, "values": list(values)} for name, values in self.series.items()],
        }

    @property
    def rows(self) -> list[tuple[str, list[float | None]]]:
        """Lines of the table: label and one value per series."""
        columns = list(self.series.values())
        return [(label, [column[i] for column in columns]) for i, label in enumerate(self.labels)]

    @property
    def is_empty(self) -> bool:
        """Whether no series has a single value."""
        return all(value is None for values in self.series.values() for value in values)


@dataclass(frozen=True, slots=True)
class Graph:
    """Who is tied to whom, around one in the middle; the same stands in a table beside.

    Parameters
    ----------
    id, title : str
        As of a chart.
    middle : str
        Name of the one in the middle.
    nodes : sequence of tuple
        Name, kind and what the tie is called.
    """

    id: str
    title: str
    middle: str
    nodes: Sequence[tuple[str, str, str]]

    @property
    def element_id(self) -> str:
        """Id of the element that carries the data."""
        return f"chart-{self.id}"

    @property
    def data(self) -> dict[str, Any]:
        """Everything the browser draws from."""
        kinds = list(dict.fromkeys(kind for _, kind, _ in self.nodes))
        nodes = [
            {"id": str(number), "name": name, "category": kinds.index(kind) + 1, "tie": tie}
            for number, (name, kind, tie) in enumerate(self.nodes, start=1)
        ]
        return {"kind": "graph", "middle": self.middle, "kinds": kinds, "nodes": nodes}


def scale_cny(values: Sequence[float | None]) -> tuple[list[float | None], str]:
    """Bring yuan to the unit that officials read: values and ``元``, ``万元`` or ``亿元``."""
    largest = max((abs(value) for value in values if value is not None), default=0)
    divisor, unit = next(
        ((float(size), name) for size, name in ((YI, "亿元"), (WAN, "万元")) if largest >= size), (1.0, "元")
    )
    return [None if value is None else round(value / divisor, 2) for value in values], unit
