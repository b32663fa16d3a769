"""Reading ahead: files are received, digested, parsed and laid out on a thread of their own while the engine works on those before."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rongqiao.governance import sources, standards
from rongqiao.governance.kept import KeptRows

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from rongqiao.contracts.standards import Contract
    from rongqiao.governance.batch import Batch, Piece, RawFile
    from rongqiao.governance.sources import Limits

#: Rows that are governed together: small files of one contract until there are so many. Files are never cut.
PORTION_ROWS = 4_000_000
#: Pieces that wait to be governed: what can be read while a portion goes through the steps after the cast. Some 60 MB each.
AHEAD = 16


@dataclass(slots=True)
class Portion:
    """Batches of one contract that are governed together, and all their rows as they were delivered."""

    number: int
    contract: Contract
    batches: list[Batch] = field(default_factory=list)
    kept: KeptRows = field(default_factory=KeptRows)


@dataclass(frozen=True, slots=True)
class Part:
    """What was read next: a piece of a batch, or that the whole batch is lost."""

    portion: Portion
    batch: Batch
    piece: Piece | None


def read_ahead(
    batches: Iterable[tuple[Contract, Batch]], limits: Limits, lanes: int = 1
) -> Generator[Part, None, None]:
    """Parse files on one thread, some pieces ahead of who asks for them.

    Parameters
    ----------
    batches : iterable of (Contract, Batch)
        Those of one contract follow each other.
    limits : Limits
    lanes : int
        How many read side by side, and share the memory for what waits and is governed together.
    """
    parts = _read(batches, limits, PORTION_ROWS // lanes)
    with ThreadPoolExecutor(1) as thread:
        waiting = deque(thread.submit(next, parts, None) for _ in range(max(AHEAD // lanes, 2)))
        try:
            while (part := waiting.popleft().result()) is not None:
                waiting.append(thread.submit(next, parts, None))
                yield part
        finally:
            for future in waiting:
                future.cancel()


def _read(batches: Iterable[tuple[Contract, Batch]], limits: Limits, rows: int) -> Iterator[Part]:
    portion: Portion | None = None
    for contract, batch in batches:
        is_full = portion and sum(one.rows_in for one in portion.batches) >= rows
        if portion is None or portion.contract is not contract or is_full:
            portion = Portion(0 if portion is None else portion.number + 1, contract)
        batch.number = len(portion.batches)
        portion.batches.append(batch)
        with batch.kept.open("rb") as file:
            for raw in sources.read_pieces(file, batch.file_name, limits):
                yield _take(portion, batch, raw)


def _take(portion: Portion, batch: Batch, raw: RawFile) -> Part:
    """Count a piece into its batch and lay it out."""
    if raw.is_lost:
        portion.kept.forget(batch.number)
        batch.rows_in, batch.unmapped, batch.broken, batch.bound = 0, (), [], frozenset()
    batch.encoding = raw.encoding
    batch.rows_in += len(raw.lines) + len(raw.broken)
    batch.broken.extend(raw.broken)
    bound = standards.bind_headers(portion.contract, raw.headers)
    strange = (header for at, header in enumerate(raw.headers) if at not in bound)
    batch.unmapped = tuple(dict.fromkeys((*batch.unmapped, *strange)))
    batch.bound |= {item_id for item_id, _ in bound.values()}
    if raw.is_lost:
        return Part(portion, batch, None)
    piece = standards.arrange(portion.contract, raw, batch)
    if piece.rows.num_rows:
        portion.kept.add(batch.number, piece.rows)
    return Part(portion, batch, piece)
