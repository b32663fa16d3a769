"""Step 4, collection: name a file by its SM3 digest, keep its bytes for ever, and enter the receipt in the ledger."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from contextlib import nullcontext
from typing import TYPE_CHECKING

from rongqiao.governance.batch import Batch
from rongqiao.ledger.entries import Draft, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from rongqiao.governance.batch import Delivery, Workbench
    from rongqiao.ledger.log import Ledger

TITLE = "数据归集"

#: Bytes that are copied at a time.
PORTION = 4 << 20


def receive(delivery: Delivery, landing: Path) -> Batch:
    """Copy a delivered file into the landing folder while digesting it, and name the batch by contract and content.

    Notes
    -----
    The digest is SM3 (GB/T 32905-2016). What is digested is what is kept, and what is kept is what is parsed: the delivered file is
    read once and may change or go away afterwards. A file is kept whole or not at all, under its digest and read-only. One that was
    handed over becomes read-only where it stands, too.
    """
    landing.mkdir(parents=True, exist_ok=True)
    draft = landing / f".{uuid.uuid4()}"
    digest = hashlib.new("sm3")
    try:
        is_linked = delivery.is_handed_over and _link(delivery.path, draft)
        with delivery.path.open("rb") as source, nullcontext() if is_linked else draft.open("xb") as target:
            while portion := source.read(PORTION):
                digest.update(portion)
                if target:
                    target.write(portion)
            size = source.tell()
            name = digest.hexdigest()
            kept = landing / name[:2] / name
            if not kept.exists():
                if target:
                    target.flush()
                os.fsync((target or source).fileno())
                kept.parent.mkdir(parents=True, exist_ok=True)
                draft.chmod(0o444)
                draft.replace(kept)
    finally:
        draft.unlink(missing_ok=True)
    return Batch(0, f"{delivery.contract_id}@{name[:16]}", delivery, name, size, kept)


def _link(path: Path, draft: Path) -> bool:
    """Give a file a second name; not possible from one file system to another, or where they know no second names."""
    try:
        draft.hardlink_to(path)
    except OSError:
        return False
    return True


def clear_drafts(landing: Path) -> None:
    """Remove copies that a killed run left unfinished; only for whoever holds the folder."""
    for draft in landing.glob(".*-*"):
        draft.unlink(missing_ok=True)


def collect(work: Workbench, ledger: Ledger | None) -> None:
    """Enter the receipt of every batch in the ledger; doing it again changes nothing."""
    if ledger is not None:
        drafts = [Draft(Kind.RECEIPT, batch.batch_id, batch.digest) for batch in work.batches]
        for batch, index in zip(work.batches, ledger.append_many(drafts), strict=True):
            batch.ledger_index = index


class Seen:
    """Files that have a receipt, by what the file system says of them, so that they need not be read to be known again.

    Notes
    -----
    A file counts as seen only if its device, inode, size and times of change are as they were, and it was at rest when it was noted:
    a file touched in the same instant could have been changed after it was read. Losing the list costs time and nothing else.
    """

    #: A file younger than the list by less than this is not trusted.
    REST_NS = 2_000_000_000

    def __init__(self, landing: Path) -> None:
        self._path = landing / ".seen"
        self._noted: dict[str, str] = {}
        try:
            self._noted = dict(json.loads(self._path.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            self._noted = {}

    def batch_id(self, delivery: Delivery) -> str | None:
        """Batch that the file is known to be, if it was seen under the same contract."""
        state = os.stat(delivery.path)
        found = self._noted.get(_identity(state))
        return found if found and found.startswith(f"{delivery.contract_id}@") else None

    def note(self, batches: Iterable[tuple[Path, os.stat_result, str]]) -> None:
        """Note files as they were before they were read, with the batches they are."""
        draft = self._path.with_name(".seen.draft")
        draft.touch()
        now = draft.stat().st_mtime_ns
        for path, before, batch_id in batches:
            try:
                after = path.stat()
            except OSError:
                continue
            is_at_rest = now - after.st_ctime_ns > self.REST_NS
            if is_at_rest and _identity(before) == _identity(after):
                self._noted[_identity(after)] = batch_id
        draft.write_text(json.dumps(self._noted), encoding="utf-8")
        draft.replace(self._path)


def _identity(state: os.stat_result) -> str:
    return f"{state.st_dev}:{state.st_ino}:{state.st_size}:{state.st_mtime_ns}:{state.st_ctime_ns}"
