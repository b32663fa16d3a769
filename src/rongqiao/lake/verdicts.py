"""What was judged of every row of a build of columns, one file per question, kept beside the columns it was judged from.

A new build begins without any: a verdict can never be read for other facts than those it rests on.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from numpy.typing import NDArray

    from rongqiao.lake.columns import FactColumns

FOLDER = "verdicts"


class VerdictFiles:
    """Files of bytes beside a build; what a byte means is the writer's matter.

    Parameters
    ----------
    columns : FactColumns
        Build that was judged.
    """

    def __init__(self, columns: FactColumns) -> None:
        self._folder = columns.folder / FOLDER
        self._open: dict[str, NDArray[np.uint8]] = {}

    def names(self) -> frozenset[str]:
        """Questions that are answered whole."""
        return frozenset(path.stem for path in self._folder.glob("*.npy"))

    def values(self, name: str) -> NDArray[np.uint8] | None:
        """Bytes of a question, mapped into memory; null where it was not answered."""
        found = self._open.get(name)
        if found is None:
            path = self._folder / f"{name}.npy"
            if not path.is_file():
                return None
            found = np.load(path, mmap_mode="r")
            self._open[name] = found
        return found

    @contextmanager
    def writing(self, names: Sequence[str], size: int) -> Iterator[Sequence[NDArray[Any]]]:
        """Open files of ``size`` bytes to be filled; readers see them once all are whole."""
        self._folder.mkdir(exist_ok=True)
        drafts = [self._folder / f"{name}.new" for name in names]
        arrays = [
            np.lib.format.open_memmap(draft, mode="w+", dtype=np.uint8, shape=(size,)) for draft in drafts
        ]
        try:
            yield arrays
        except BaseException:
            for draft in drafts:
                draft.unlink(missing_ok=True)
            raise
        for draft, name in zip(drafts, names, strict=True):
            draft.replace(self._folder / f"{name}.npy")
            self._open.pop(name, None)

    def keep_only(self, names: Collection[str]) -> None:
        """Remove the answers to questions that nobody asks any more."""
        for name in self.names() - set(names):
            (self._folder / f"{name}.npy").unlink(missing_ok=True)
            self._open.pop(name, None)
