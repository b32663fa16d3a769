"""What a collector remembers between runs: its watermark, what it has not yet handed over, and how the way to its source stands.

The one commit point of a run is the replacement of ``state.json``: before it nothing was collected, after it the next run only has to hand over.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from rongqiao.governance.collectors.causes import technical_text
from rongqiao.kernel.errors import StorageError
from rongqiao.rules.breaker import Breaker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Pending:
    """A complete file that was collected and may not yet stand among the deliveries.

    Parameters
    ----------
    spool_name, name : str
        File in the spool, and its name as a delivery.
    digest : str
        SM3 of its bytes.
    rows : int or None
        Rows in it; null for files taken as they are.
    origin : str
        File of a drop folder that it was copied from; empty for pulls.
    """

    spool_name: str
    name: str
    digest: str
    rows: int | None = None
    origin: str = ""


@dataclass(slots=True)
class State:
    """State of one collector.

    Parameters
    ----------
    sequence : int
        Deliveries made so far; it numbers their names.
    watermark : str
        Highest watermark delivered, as the source writes it; empty before the first delivery.
    ceiling : str
        While a large table is taken in portions: the highest watermark of the day on which that began; empty otherwise.
    delivered_on : str
        Day of the newest delivery; empty before the first.
    etag, last_modified : str
        What an unpaged interface said of its answer.
    observed : dict
        For drop folders: file → size, time of change, and since when it is at rest.
    """

    sequence: int = 0
    watermark: str = ""
    last_key: list[str] = field(default_factory=list)
    ceiling: str = ""
    delivered_on: str = ""
    pending: Pending | None = None
    etag: str = ""
    last_modified: str = ""
    observed: dict[str, list[Any]] = field(default_factory=dict)
    breaker: Breaker = field(default_factory=Breaker)


def load_state(folder: Path) -> State:
    """Read the state; a collector that never ran has an empty one.

    Raises
    ------
    StorageError
        If the file is there and cannot be read: to begin anew would collect everything again.
    """
    path = folder / "state.json"
    try:
        node = json.loads(path.read_text(encoding="utf-8"))
        breaker = node.pop("breaker")
        until = dt.datetime.fromisoformat(breaker["until"]) if breaker["until"] else None
        pending = node.pop("pending")
        return State(
            **node,
            breaker=Breaker(breaker["state"], breaker["failures"], until),
            pending=Pending(**pending) if pending else None,
        )
    except FileNotFoundError:
        return State()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(
            "采集状态",
            str(path),
            "读不出。请从备份恢复；确认要从头采集时才删除这个文件。",
            detail=technical_text(error),
        ) from error


def save_state(folder: Path, state: State) -> None:
    """Replace the state at once; it is on disk when this returns."""
    node = asdict(state)
    node["breaker"]["until"] = state.breaker.until.isoformat() if state.breaker.until else None
    write_whole(folder / "state.json", json.dumps(node, ensure_ascii=False))


def write_whole(path: Path, text: str) -> None:
    """Write a small file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.draft")
    with draft.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """See to it that renamings in a folder outlive a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def hold(folder: Path) -> Iterator[bool]:
    """Hold a collector's folder; false when another process has it. The lock dies with the process."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
