"""Proofs that an entry stands in the ledger, for pages that show one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rongqiao.kernel.errors import RongqiaoError
from rongqiao.kernel.home import var
from rongqiao.ledger.log import Ledger
from rongqiao.ledger.signing import PUBLIC_FILE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rongqiao.ledger.proofs import InclusionProof

MOST_PROOFS = 40
KINDS = {
    "receipt": "报送回执",
    "consent_given": "授权",
    "consent_revoked": "撤回授权",
    "report": "信用报告",
    "quote": "报价",
    "acceptance": "接受报价",
    "application": "审批",
    "loan": "贷款合同",
    "correction": "更正",
}


@dataclass(frozen=True, slots=True)
class Proved:
    """An entry with its proof; ``problems`` is empty when the signed head covers it."""

    proof: InclusionProof
    kind: str
    problems: list[str]


def open_ledger() -> Ledger:
    """Ledger of this installation."""
    return Ledger(var() / "ledger")


def trusted_keys() -> list[str]:
    """Public key beside the ledger; empty before the first sealing."""
    path = var() / "ledger" / PUBLIC_FILE
    return [path.read_text(encoding="ascii")] if path.is_file() else []


def prove(ledger: Ledger, index: int, keys: list[str]) -> Proved:
    """Prove one entry against the newest signed head.

    Raises
    ------
    InvalidValueError
        If there is no such entry, or it was altered.
    """
    proof = ledger.prove(index)
    return Proved(proof, KINDS.get(proof.entry.kind, proof.entry.kind), proof.problems(*keys))


def prove_places(places: Iterable[int]) -> dict[int, str]:
    """Say of each place in the ledger whether it is proved: empty words where it is, else what is wrong.

    At most :data:`MOST_PROOFS` places are proved; the rest have no entry.
    """
    ledger, keys = open_ledger(), trusted_keys()
    found: dict[int, str] = {}
    for place in list(dict.fromkeys(places))[:MOST_PROOFS]:
        try:
            found[place] = "；".join(prove(ledger, place, keys).problems)
        except RongqiaoError as error:
            found[place] = error.remedy
    return found
