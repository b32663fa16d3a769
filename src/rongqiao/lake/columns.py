"""Facts as one file per column, mapped into memory: only the columns that a question names are ever read.

Built from the lake, beside it, and can be built anew at any time. A build stands in a folder of its own; readers see it when the
pointer moves, whole or not at all.
"""

from __future__ import annotations

import json
import shutil
import threading
import uuid
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from rongqiao.kernel.errors import ContractError
from rongqiao.kernel.home import var

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa
    from numpy.typing import NDArray

POINTER = "current"
#: Codes of enterprises are eighteen letters and digits.
ID_TYPE = "S18"
REMEDY = "全省企业数据尚未发布，请联系平台运营方（rongqiao database publish）。"


def default_folder() -> Path:
    """Where the installation's own columns stand."""
    return var() / "screening"


class FactColumns:
    """Columns of one build.

    Parameters
    ----------
    folder : Path
        Of the build.

    Attributes
    ----------
    size : int
        Enterprises.
    described : dict
        What the builder said of the build, such as ``as_of``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        read: dict[str, Any] = json.loads((folder / "columns.json").read_text(encoding="utf-8"))
        self.size: int = read["size"]
        self.described: dict[str, Any] = read["described"]
        self._words: dict[str, list[str]] = read["words"]
        self._names = frozenset(read["names"])
        self._rows_by: str = read["rows_by"]
        self._open: dict[str, NDArray[Any]] = {}
        #: Tells this build from any other, also from one of the same month and day.
        self.mark = folder.name

    @classmethod
    def current(cls, folder: Path | None = None) -> Self:
        """Open the newest build.

        Raises
        ------
        ContractError
            If none was ever built.
        """
        root = folder or default_folder()
        pointer = root / POINTER
        if not pointer.is_file():
            raise ContractError("筛选用指标列", str(root), REMEDY)
        return cls(root / pointer.read_text(encoding="utf-8"))

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def values(self, name: str) -> NDArray[Any]:
        """Numbers (NaN: not known), or for a text column places in :meth:`words` (0: not known)."""
        found = self._open.get(name)
        if found is None:
            found = np.load(self.folder / f"{name}.npy", mmap_mode="r")
            self._open[name] = found
        return found

    def words(self, name: str) -> tuple[str, ...]:
        """Distinct texts of a column, the first empty; none for a column of numbers."""
        return tuple(self._words.get(name, ()))

    def find_rows(self, ids: Sequence[str]) -> NDArray[Any]:
        """Rows of those ids that are there, in ascending order."""
        kept = self.values(self._rows_by)
        wanted = np.unique(np.array(list(ids), ID_TYPE))
        places = np.searchsorted(kept, wanted)
        inside = places < len(kept)
        places, wanted = places[inside], wanted[inside]
        found: NDArray[Any] = places[kept[places] == wanted]
        return found

    def find_row(self, one: str) -> int | None:
        """Row of an id; null where it is not there."""
        found = self.find_rows([one])
        return int(found[0]) if len(found) else None

    def ids(self, rows: NDArray[Any]) -> list[str]:
        """Ids of rows."""
        return [each.decode() for each in self.values(self._rows_by)[rows]]


_lock = threading.Lock()
_opened: dict[str, FactColumns] = {}


def open_current() -> FactColumns:
    """Open the installation's newest build, once per process; a newer one is taken up by itself.

    Raises
    ------
    ContractError
        If none was ever built.
    """
    root = default_folder()
    pointer = root / POINTER
    # Written anew by each publication, under the same name too.
    mark = f"{root}|{pointer.stat().st_mtime_ns}" if pointer.is_file() else ""
    with _lock:
        if mark not in _opened:
            columns = FactColumns.current(root)
            _opened.clear()
            _opened[mark] = columns
        return _opened[mark]


def write_columns(
    parts: Iterable[pa.Table],
    *,
    name: str,
    described: Mapping[str, Any],
    rows_by: str,
    folder: Path | None = None,
) -> int:
    """Build columns from parts of a table and let readers see them.

    The build before stays until the next is begun: who opened it reads its columns one by one. Older ones are removed.

    Parameters
    ----------
    parts : iterable of pa.Table
        Same columns in each: text, or numbers that a float holds; unsigned 32-bit columns stay as they are.
    name : str
        What the build is of; several of one name are told apart.
    described : Mapping
        Kept with the build, as JSON.
    rows_by : str
        Text column that names each row; the parts come in its order.

    Returns
    -------
    int
        Rows.
    """
    root = folder or default_folder()
    _clear(root)
    fresh = root / f"{name}-{uuid.uuid4().hex[:12]}"
    fresh.mkdir(parents=True)
    words: dict[str, dict[str, int]] = {}
    types: dict[str, str] = {}
    size, names = 0, list[str]()
    for part in parts:
        names = part.column_names
        for column in part.column_names:
            with (fresh / f"{column}.raw").open("ab") as file:
                if column == rows_by:
                    np.array(part.column(column).to_pylist(), ID_TYPE).tofile(file)
                else:
                    encoded = _encode(column, part.column(column), words)
                    types[column] = encoded.dtype.str
                    encoded.tofile(file)
        size += part.num_rows
    for column in names:
        file_type = ID_TYPE if column == rows_by else types[column]
        raw = np.fromfile(fresh / f"{column}.raw", dtype=file_type)
        np.save(fresh / f"{column}.npy", _narrow(raw))
        (fresh / f"{column}.raw").unlink()
    about = {
        "size": size,
        "names": names,
        "rows_by": rows_by,
        "words": {column: list(known) for column, known in words.items()},
        "described": dict(described),
    }
    (fresh / "columns.json").write_text(json.dumps(about, ensure_ascii=False), encoding="utf-8")
    pointer = root / f"{POINTER}.new"
    pointer.write_text(fresh.name, encoding="utf-8")
    pointer.replace(root / POINTER)
    return size


def _clear(root: Path) -> None:
    """Remove builds that nobody is sent to: older ones, and what a process that was killed left half written."""
    pointer = root / POINTER
    current = pointer.read_text(encoding="utf-8") if pointer.is_file() else ""
    for other in root.glob("*/"):
        if other.name != current:
            shutil.rmtree(other, ignore_errors=True)


def _encode(name: str, column: pa.ChunkedArray, words: dict[str, dict[str, int]]) -> NDArray[Any]:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        known = words.setdefault(name, {"": 0})
        return np.array(
            [0 if word is None else known.setdefault(word, len(known)) for word in column.to_pylist()],
            "int32",
        )
    if pa.types.is_uint32(kind):
        return np.asarray(column.to_numpy())
    if pa.types.is_boolean(kind):
        column = column.cast(pa.int8())
    return np.asarray(column.cast(pa.float64()).to_numpy(), dtype="float64")


def _narrow(values: NDArray[Any]) -> NDArray[Any]:
    """Keep half the bytes where that loses nothing."""
    if values.dtype == np.int32 and (values < 256).all():
        return values.astype(np.uint8)
    if values.dtype != np.float64:
        return values
    with np.errstate(over="ignore"):
        half = values.astype(np.float32)
    return half if np.array_equal(half.astype(np.float64), values, equal_nan=True) else values
