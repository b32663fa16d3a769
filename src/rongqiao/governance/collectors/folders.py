"""Drop folder: what a department puts there is taken once, when it is whole; then it lies in ``taken/``, or in ``refused/`` with the reason.

The folder belongs to others. A whole file is claimed by moving it first, so that a file of the same name that is put there meanwhile is
another one; links are never followed; a file that changes while it is read is left for the next time.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rongqiao.contracts.delivery_files import suffix_of
from rongqiao.contracts.numbers import threshold
from rongqiao.governance.collectors.state import sync_folder, write_whole
from rongqiao.kernel.errors import InvalidValueError, StorageError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator
    from pathlib import Path

    from rongqiao.contracts.collectors import Folder
    from rongqiao.governance.collectors.state import State

#: Files that say of another that it is whole: an empty mark, or its SM3 digest.
COMPANIONS = (".done", ".sm3")
#: What transfer programs call a file that is not whole yet.
_PARTIAL = (".part", ".tmp", ".filepart", ".crdownload", ".uploading")
#: Where claimed files stand while they are read.
_TAKING = ".taking"
PORTION = 4 << 20


@dataclass(frozen=True, slots=True)
class Claimed:
    """A whole file that is ours to read, and the digest that its companion states; empty where none does."""

    path: Path
    stated: str


class RefusedError(Exception):
    """A file that cannot be taken; the text says why and what to do."""


def claim_whole(source: Folder, state: State, now: dt.datetime) -> Iterator[Claimed]:
    """Claim files that are whole, those first that a killed run had claimed; notes since when the others are at rest.

    Raises
    ------
    StorageError
        If the folder is not there: an empty folder and a lost mount are not the same.
    """
    if not source.path.is_dir():
        raise StorageError("共享目录", str(source.path), "目录不存在或没有挂载，请检查后再采集。")
    taking = source.path / _TAKING
    taking.mkdir(exist_ok=True)
    for path in sorted(taking.iterdir()):
        if path.suffix not in COMPANIONS:
            yield Claimed(path, _stated(path))
    entries = {entry.name: entry for entry in os.scandir(source.path)}
    names = [name for name in sorted(entries) if _is_wanted(source, entries[name])]
    state.observed = {name: state.observed[name] for name in names if name in state.observed}
    for name in names:
        companions = [name + ending for ending in COMPANIONS if name + ending in entries]
        # A killed run may have claimed a companion and not yet its file.
        is_said = companions or any(os.path.lexists(taking / (name + ending)) for ending in COMPANIONS)
        if not is_said and (source.complete_by == "companion" or not _is_at_rest(source, name, state, now)):
            continue
        if os.path.lexists(taking / name):
            # One of this name changed while it was read, and comes first.
            continue
        state.observed.pop(name, None)
        # The companions first: a file that was claimed without them would pass unchecked.
        for each in (*companions, name):
            (source.path / each).rename(taking / each)
        yield Claimed(taking / name, _stated(taking / name))


def _is_wanted(source: Folder, entry: os.DirEntry[str]) -> bool:
    name = entry.name.lower()
    is_other = name.startswith((".", "~")) or name.endswith((*COMPANIONS, *_PARTIAL))
    return not (is_other or entry.is_dir(follow_symlinks=False)) and fnmatch.fnmatch(
        entry.name, source.pattern
    )


def _is_at_rest(source: Folder, name: str, state: State, now: dt.datetime) -> bool:
    """Whether size and time of change are what they were long enough ago; two looks are needed, whatever the other side's clock says."""
    found = (source.path / name).lstat()
    seen = [found.st_size, found.st_mtime_ns]
    before = state.observed.get(name)
    if before is None or before[:2] != seen:
        state.observed[name] = [*seen, now.timestamp()]
        return False
    return now.timestamp() - float(before[2]) >= source.rest_seconds


def _stated(path: Path) -> str:
    companion = path.with_name(path.name + ".sm3")
    if companion.is_symlink() or not companion.is_file():
        return ""
    with companion.open(encoding="utf-8", errors="replace") as file:
        return (file.read(200).split() or ["（空文件）"])[0].lower()


def copy_whole(claimed: Claimed, target: Path, day: dt.date) -> str:
    """Copy a file while digesting it, and return the SM3 digest.

    Raises
    ------
    RefusedError
        If it is no ordinary file, of no known type, empty, too large, or not what its companion states.
    BlockingIOError
        If it changed meanwhile: it was not whole.
    """
    path = claimed.path
    try:
        suffix_of(path.name)
    except InvalidValueError as error:
        raise RefusedError(f"不能识别这类文件。{error.remedy}") from None
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise RefusedError(f"打不开这个文件（{error.strerror}）；不接收链接，请直接放入文件。") from error
    limit = int(threshold("delivery_file_bytes_max", day))
    digest = hashlib.new("sm3")
    with open(handle, "rb") as source, target.open("wb") as copy:
        before = os.fstat(source.fileno())
        if not stat.S_ISREG(before.st_mode) or not 0 < before.st_size <= limit:
            raise RefusedError(f"不是普通文件、为空或超过 {limit >> 30} GB，请核对后重放。")
        while portion := source.read(PORTION):
            digest.update(portion)
            copy.write(portion)
        copy.flush()
        os.fsync(copy.fileno())
        after, copied = os.fstat(source.fileno()), copy.tell()
    if (after.st_size, after.st_mtime_ns, copied) != (before.st_size, before.st_mtime_ns, before.st_size):
        raise BlockingIOError(f"{path.name} changed while it was read")
    _compare(claimed.stated, digest.hexdigest())
    return digest.hexdigest()


def _compare(stated: str, found: str) -> None:
    if stated and stated != found:
        shown = stated if re.fullmatch(r"[0-9a-f]{64}", stated) else f"{stated[:20]}（不是 SM3 摘要）"
        raise RefusedError(
            f"校验不符：随附的 SM3 为 {shown}，收到的内容为 {found}。请重新放入文件和校验文件。"
        )


def set_aside(source: Folder, name: str, folder: str, day: dt.date, reason: str = "") -> None:
    """Move a claimed file with its companions into a subfolder of the day, a reason beside it; doing it again changes nothing."""
    taking = source.path / _TAKING
    place = source.path / folder / day.isoformat()
    place.mkdir(parents=True, exist_ok=True)
    free = _free(place, name)
    if reason:
        write_whole(place / f"{free}.reason.txt", reason + "\n")
    # The file last: as long as it is there, this is not done.
    for ending in (*COMPANIONS, ""):
        if os.path.lexists(taking / (name + ending)):
            (taking / (name + ending)).rename(place / (free + ending))
    sync_folder(place)


def _free(place: Path, name: str) -> str:
    """Name in the folder that nothing bears yet: a file of the same name may have come before."""
    number, free = 1, name
    while os.path.lexists(place / free):
        number += 1
        free = f"{number}_{name}"
    return free
