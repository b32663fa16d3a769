"""Which number stands where in a packed part: the order in which a release declares indicators and series.

A portrait names the layout it was packed by, so that one of an earlier release is read as it was meant, whatever is declared since.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
from django.apps import apps

from rongqiao.bases.enterprises.packing import CELLS, STATUSES, pack_cells, unpack_cells, unpack_text
from rongqiao.indicators.registry import load_indicators
from rongqiao.indicators.shown_series import SERIES, SERIES_MONTHS
from rongqiao.kernel.period import add_months

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_KEY_BYTES = _MONTH_BYTES = 4


@dataclass(frozen=True, slots=True)
class Layout:
    """Names of what stands side by side.

    Parameters
    ----------
    names : tuple of str
        Indicators, or series.
    months : int
        Cells of each series, the last of them of the month that the part names; 0: one cell each.
    """

    names: tuple[str, ...]
    months: int = 0

    @property
    def key(self) -> bytes:
        """By which parts name the layout."""
        return blake2b(json.dumps([self.names, self.months]).encode(), digest_size=_KEY_BYTES).digest()

    @property
    def width(self) -> int:
        """Number of cells."""
        return len(self.names) * (self.months or 1)

    def pack(self, values: NDArray[Any], statuses: NDArray[Any], as_of: int) -> Iterator[bytes]:
        """Pack rows of cells (`packing.pack_cells`); what has no status but missing takes no room."""
        month = as_of.to_bytes(_MONTH_BYTES, "little") if self.months else b""
        head = CELLS + self.key + month
        is_said: list[bool] = np.any(statuses, axis=1).tolist()
        for packed, said in zip(pack_cells(values, statuses), is_said, strict=True):
            yield head + packed if said else b""

    def unpack(self, rest: bytes) -> dict[str, Any]:
        """Read what follows the key: indicators with their statuses, or series of months."""
        if not self.months:
            values, statuses = unpack_cells(rest, self.width)
            shown = _with_nulls(values).tolist()
            return {
                name: {"value": value, "status": STATUSES[status]}
                for name, value, status in zip(self.names, shown, statuses.tolist(), strict=True)
                if status
            }
        as_of = int.from_bytes(rest[:_MONTH_BYTES], "little")
        months = [add_months(as_of, back) for back in range(1 - self.months, 1)]
        values, statuses = unpack_cells(rest[_MONTH_BYTES:], self.width)
        shape = (len(self.names), self.months)
        lines = _with_nulls(values).reshape(shape).tolist()
        is_said: list[bool] = np.any(statuses.reshape(shape), axis=1).tolist()
        return {
            name: [list(each) for each in zip(months, line, strict=True)]
            for name, line, said in zip(self.names, lines, is_said, strict=True)
            if said
        }


def _with_nulls(values: NDArray[Any]) -> NDArray[Any]:
    shown: NDArray[Any] = values.astype(object)
    shown[np.isnan(values)] = None
    return shown


@lru_cache(maxsize=1)
def declared_layouts() -> tuple[Layout, Layout]:
    """Layouts of this release: of indicators, and of series."""
    return Layout(tuple(load_indicators())), Layout(tuple(each.id for each in SERIES), SERIES_MONTHS)


@lru_cache(maxsize=64)
def _layout(key: bytes) -> Layout:
    for layout in declared_layouts():
        if layout.key == key:
            return layout
    kept = apps.get_model("enterprises", "PortraitLayout").objects.get(pk=key.hex())
    return Layout(tuple(kept.names), kept.months)


def keep_layouts() -> None:
    """Keep the layouts of this release for later ones."""
    model = apps.get_model("enterprises", "PortraitLayout")
    for layout in declared_layouts():
        model.objects.get_or_create(
            pk=layout.key.hex(), defaults={"names": list(layout.names), "months": layout.months}
        )


def unpack(part: bytes) -> Any:
    """Read a packed part of any form but the empty one."""
    if part[:1] != CELLS:
        return unpack_text(part)
    key = part[1 : 1 + _KEY_BYTES]
    return _layout(key).unpack(part[1 + _KEY_BYTES :])
