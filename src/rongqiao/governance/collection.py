"""Step 4, collection: name a file by its SM3 digest, keep its bytes for ever, and enter the receipt in the ledger."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from rongqiao.governance.batch import Batch
from rongqiao.ledger.entries import Draft, Kind

if TYPE_CHECKING:
    from pathlib import Path

    from rongqiao.governance.batch import Delivery, Workbench
    from rongqiao.ledger.log import Ledger

TITLE = "数据归集"


def receive(delivery: Delivery) -> Batch:
    """Read a delivered file once and name the batch by contract and content.

    Notes
    -----
    The digest is SM3 (GB/T 32905-2016). What is digested is what is parsed and what is kept: the file is not opened again.
    """
    content = delivery.path.read_bytes()
    digest = hashlib.new("sm3", content).hexdigest()
    batch_id = f"{delivery.contract_id}@{digest[:16]}"
    return Batch(0, batch_id, delivery, digest, len(content), content)


def collect(work: Workbench, landing: Path, ledger: Ledger | None) -> None:
    """Keep the bytes of every batch and enter its receipt; doing it again changes nothing."""
    for batch in work.batches:
        keep(landing, batch.digest, batch.content)
        batch.content = b""
    if ledger is not None:
        drafts = [Draft(Kind.RECEIPT, batch.batch_id, batch.digest) for batch in work.batches]
        for batch, index in zip(work.batches, ledger.append_many(drafts), strict=True):
            batch.ledger_index = index


def keep(landing: Path, digest: str, content: bytes) -> Path:
    """Store bytes under their digest, whole or not at all, read-only."""
    target = landing / digest[:2] / digest
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{digest}")
    draft.unlink(missing_ok=True)
    with draft.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.chmod(0o444)
    draft.replace(target)
    return target
