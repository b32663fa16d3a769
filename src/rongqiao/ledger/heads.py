"""Tree heads: the size and root that stand for a whole ledger, and their signed form."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from rongqiao.kernel.errors import InvalidValueError
from rongqiao.ledger.entries import DIGEST, canonical_bytes, check_instant
from rongqiao.ledger.signing import Signer, check_public_key, key_id, verify_signature


@dataclass(frozen=True, slots=True)
class Head:
    """Size in entries, and Merkle root as hexadecimal digits."""

    size: int
    root: str


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A head that a key answers for.

    Parameters
    ----------
    size : int
        Entries it covers.
    root : str
        Merkle root, 64 hexadecimal digits.
    at : str
        Instant of signing, ISO 8601 with an offset.
    key_id : str
        Short name of the key.
    signature : str
        DER signature over `message`, hexadecimal.
    """

    size: int
    root: str
    at: str
    key_id: str
    signature: str

    @property
    def message(self) -> bytes:
        """What is signed: five lines of plain text, so that a person can check it with standard tools."""
        return head_message(self.size, self.root, self.at, self.key_id)

    def is_signed_by(self, public_key: str) -> bool:
        """Whether the signature holds under this key."""
        return self.key_id == key_id(public_key) and verify_signature(
            public_key, self.message, bytes.fromhex(self.signature)
        )

    def to_bytes(self) -> bytes:
        """Canonical line."""
        return canonical_bytes(asdict(self))

    @classmethod
    def from_bytes(cls, line: bytes) -> SignedHead:
        """Read a canonical line.

        Raises
        ------
        InvalidValueError
            If it is not, byte for byte, what `to_bytes` writes for a head.
        """
        try:
            head = cls(**json.loads(line))
            bytes.fromhex(head.signature)
            check_instant(head.at)
            is_whole = type(head.size) is int and head.size >= 0 and bool(DIGEST.fullmatch(head.root))
            is_whole = is_whole and head.to_bytes() == line
        except (ValueError, TypeError, RecursionError):
            is_whole = False
        if not is_whole:
            raise InvalidValueError("signed head", line[:80], "The line is torn or was altered.")
        return head


def head_message(size: int, root: str, at: str, key: str) -> bytes:
    """Text that a head's signature covers; the first line keeps it from being taken for anything else."""
    return f"rongqiao-ledger-head-v1\n{size}\n{root}\n{at}\n{key}\n".encode()


def sign_head(head: Head, signer: Signer, at: str) -> SignedHead:
    """Sign a head, and check the signature before anyone relies on it.

    Raises
    ------
    InvalidValueError
        If the instant is malformed, or the signer's answer does not hold under its own public key.
    """
    check_instant(at)
    public_key = check_public_key(signer.public_key)
    name = key_id(public_key)
    signature = signer.sign(head_message(head.size, head.root, at, name)).hex()
    signed = SignedHead(head.size, head.root, at, name, signature)
    if not signed.is_signed_by(public_key):
        raise InvalidValueError("signer", name, "Its signature does not verify: check the key or the module.")
    return signed
