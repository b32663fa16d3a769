"""SM2 signatures (GB/T 32918, with SM3 and the default user identity of GM/T 0009) over tree heads.

**Software keys do not pass 密评** (the commercial-cipher assessment of GB/T 39786): at level three and above the
key must live and sign inside a certified module. `SoftwareSigner` is for trials and development; a driver for
the module takes its place by fulfilling `Signer`, and nothing else changes.

Signatures are DER and public keys are standard PEM, so that an auditor can check them without this code::

    openssl pkeyutl -verify -pubin -inkey public.pem -rawin -digest sm3 \
        -pkeyopt distid:1234567812345678 -in message -sigfile signature
"""

from __future__ import annotations

import base64
import importlib
import os
import re
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol, cast

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from gmssl import sm2

from rongqiao.kernel.errors import InvalidValueError
from rongqiao.ledger.tree import sm3

if TYPE_CHECKING:
    from pathlib import Path

ORDER = int(sm2.default_ecc_table["n"], 16)
FIELD = int(sm2.default_ecc_table["p"], 16)
CURVE_A = int(sm2.default_ecc_table["a"], 16)
CURVE_B = int(sm2.default_ecc_table["b"], 16)
BASE_POINT = str(sm2.default_ecc_table["g"])
# SubjectPublicKeyInfo of an uncompressed point on curve sm2p256v1 (OID 1.2.156.10197.1.301), GM/T 0010.
SPKI_HEADER = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d03420004")
PRIVATE_FILE = "sm2.key"
PUBLIC_FILE = "public.pem"
SIGNER_VARIABLE = "RONGQIAO_LEDGER_SIGNER"


class Signer(Protocol):
    """What the ledger asks of a key, wherever it lives."""

    @property
    def public_key(self) -> str:
        """Point of the public key, X‖Y as 128 hexadecimal digits."""
        ...

    def sign(self, message: bytes) -> bytes:
        """DER signature by SM2 with SM3 over the message."""
        ...


def check_public_key(value: str) -> str:
    """Return X‖Y as 128 lower-case hexadecimal digits, from that form, from ``04‖X‖Y`` or from PEM.

    Raises
    ------
    InvalidValueError
        If it is none of these, or the point is not on the curve.
    """
    point = _point_of_pem(value) if "BEGIN PUBLIC KEY" in value else value.strip().lower()
    if len(point) == 130 and point.startswith("04"):
        point = point[2:]
    if not re.fullmatch(r"[0-9a-f]{128}", point):
        raise InvalidValueError("SM2 public key", value, "Give PEM, or X and Y as 128 hexadecimal digits.")
    x, y = int(point[:64], 16), int(point[64:], 16)
    if x >= FIELD or y >= FIELD or (y * y - x * x * x - CURVE_A * x - CURVE_B) % FIELD:
        raise InvalidValueError("SM2 public key", value, "The point is not on the curve; copy the key again.")
    return point


def _point_of_pem(text: str) -> str:
    body = "".join(
        line for line in text.split() if "-" not in line and line not in ("PUBLIC", "BEGIN", "END")
    )
    try:
        data = base64.b64decode(body, validate=True)
    except ValueError:
        data = b""
    return data.removeprefix(SPKI_HEADER).hex() if data.startswith(SPKI_HEADER) else ""


def public_pem(public_key: str) -> str:
    """PEM of a public key."""
    data = SPKI_HEADER + bytes.fromhex(check_public_key(public_key))
    body = base64.b64encode(data).decode()
    lines = [body[start : start + 64] for start in range(0, len(body), 64)]
    return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])


def key_id(public_key: str) -> str:
    """Short name of a key: first 16 hexadecimal digits of the SM3 of its DER form."""
    return sm3(SPKI_HEADER + bytes.fromhex(check_public_key(public_key))).hex()[:16]


def _crypt(public_key: str, private_key: str = "") -> sm2.CryptSM2:
    crypt = sm2.CryptSM2(private_key, public_key)
    # gmssl 3.2.2 strips every leading 0 and 4 of a key that begins with 04, not the prefix alone.
    crypt.public_key = public_key
    return crypt


def sign_message(private_key: str, public_key: str, message: bytes, nonce: int | None = None) -> bytes:
    """Sign by SM2 with SM3; DER.

    Parameters
    ----------
    private_key, public_key : str
        64 and 128 hexadecimal digits.
    message : bytes
        What is signed.
    nonce : int, optional
        For the standard's test vector only: a nonce that is used twice or guessed gives the key away.
    """
    crypt = _crypt(public_key, private_key)
    while True:
        # gmssl would draw it from a generator that is not made for secrets.
        drawn = secrets.randbelow(ORDER - 1) + 1 if nonce is None else nonce
        pair = crypt.sign_with_sm3(message, f"{drawn:064x}")
        if pair:
            return encode_dss_signature(int(pair[:64], 16), int(pair[64:], 16))
        nonce = None


def verify_signature(public_key: str, message: bytes, signature: bytes) -> bool:
    """Whether the DER signature over the message was made with the key. ``False`` for anything malformed."""
    try:
        point = check_public_key(public_key)
        r, s = decode_dss_signature(signature)
    except ValueError:
        return False
    if not (0 < r < ORDER and 0 < s < ORDER):
        return False
    try:
        return bool(_crypt(point).verify_with_sm3(f"{r:064x}{s:064x}", message))
    except (TypeError, ValueError):
        # The library stumbles over the point at infinity, which no honest signature leads to.
        return False


def generate_key() -> tuple[str, str]:
    """Draw a fresh key pair: private (64) and public (128) hexadecimal digits."""
    private = secrets.randbelow(ORDER - 2) + 1
    # The library has no public name for it; this is its scalar multiplication.
    public = str(sm2.CryptSM2("", "")._kg(private, BASE_POINT))
    return f"{private:064x}", check_public_key(public)


class SoftwareSigner:
    """SM2 key in a file that only its owner can read. **Does not pass 密评**; see the module's text.

    Parameters
    ----------
    folder : Path
        Holds ``sm2.key`` (mode 0600) and ``public.pem``; both are made on first use.

    Raises
    ------
    InvalidValueError
        If the key file is malformed, or others may read it.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / PRIVATE_FILE
        if not path.exists():
            _create_key(folder)
        if path.stat().st_mode & 0o077:
            raise InvalidValueError(
                "SM2 key file", str(path), "Others may read it: chmod 600, and renew the key."
            )
        self._private, _, public = path.read_text().strip().partition(" ")
        if not re.fullmatch(r"[0-9a-f]{64}", self._private):
            raise InvalidValueError("SM2 key file", str(path), "It is malformed; restore it from a backup.")
        self._public = check_public_key(public)
        _keep_public(folder / PUBLIC_FILE, public_pem(self._public))

    @property
    def public_key(self) -> str:
        """X‖Y as 128 hexadecimal digits."""
        return self._public

    def sign(self, message: bytes) -> bytes:
        """DER signature over the message; about 6 ms."""
        return sign_message(self._private, self._public, message)


def _keep_public(path: Path, text: str) -> None:
    """Leave the key's public half beside it; a file that a crash cut short is written again."""
    if not path.exists() or path.read_text() != text:
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        draft.write_text(text)
        draft.replace(path)


def _create_key(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    private, public = generate_key()
    draft = folder / f".{PRIVATE_FILE}.{secrets.token_hex(8)}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{private} {public}\n")
        file.flush()
        os.fsync(file.fileno())
    # Linking fails where a key exists: of two processes that start together, one key stands for both.
    with suppress(FileExistsError):
        os.link(draft, folder / PRIVATE_FILE)
    draft.unlink()


def find_signer(folder: Path) -> Signer:
    """Signer of the installation.

    Parameters
    ----------
    folder : Path
        Where the software key lies, or is drawn on first use, when no cipher module is named.

    Returns
    -------
    Signer
        What the factory named in ``RONGQIAO_LEDGER_SIGNER`` (``package.module:callable``, no arguments) makes:
        the driver of a cipher module. Else the software key, which does not pass 密评.

    Raises
    ------
    InvalidValueError
        If the variable names no callable.
    """
    name = os.environ.get(SIGNER_VARIABLE)
    if not name:
        return SoftwareSigner(folder)
    module, _, factory = name.partition(":")
    try:
        make = getattr(importlib.import_module(module), factory)
    except (ImportError, AttributeError, ValueError):
        raise InvalidValueError(SIGNER_VARIABLE, name, "Name it as package.module:callable.") from None
    return cast("Signer", make())
