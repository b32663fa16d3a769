"""Identifiers of the synthetic province, made by the thousand: valid in form, invented in content."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterable

Ints = npt.NDArray[np.int64]
Texts = npt.NDArray[np.object_]

# GB 32100-2015: the 31 signs of the unified code, without I, O, S, V, Z.
SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_WEIGHTS = np.array([pow(3, place, 31) for place in range(17)], dtype=np.int64)
# GB 11714-1997: check digit inside the organisation code, over the signs 0-9A-Z.
_INNER_SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_INNER_WEIGHTS = np.array([3, 7, 9, 10, 5, 8, 4, 2], dtype=np.int64)
_TO_INNER = np.array([_INNER_SIGNS.index(sign) for sign in SIGNS], dtype=np.int64)
_SIGN_BYTES = np.frombuffer(SIGNS.encode(), dtype=np.uint8)

# Smaller primes than the ranges they stride through, so that serial → code is one to one.
_STRIDE = 7_368_787
_OLD_RANGE = 10**8
_NEW_RANGE = 31**5
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://rongqiao.invalid/synth")


def make_usccs(
    serials: Ints, first_sign: Ints, county_codes: Ints, is_recent: npt.NDArray[np.bool_]
) -> Texts:
    """Build valid unified social credit codes.

    Parameters
    ----------
    serials : array of int
        Number of each enterprise within the province, unique; decides the organisation code.
    first_sign : array of int
        Second character: 1 company, 2 individual household, 3 farmers' cooperative.
    county_codes : array of int
        County of first registration.
    is_recent : array of bool
        Registered since 2015: the organisation code then begins with MA.

    Returns
    -------
    array of str
        18 characters each, both check characters right.
    """
    rows = len(serials)
    places = np.zeros((rows, 18), dtype=np.int64)
    places[:, 0] = 9
    places[:, 1] = first_sign
    for offset in range(6):
        places[:, 2 + offset] = county_codes // 10 ** (5 - offset) % 10
    old = (serials * _STRIDE + 69_120_431) % _OLD_RANGE
    new = (serials * _STRIDE + 4_321) % _NEW_RANGE
    for offset in range(8):
        places[:, 8 + offset] = old // 10 ** (7 - offset) % 10
    recent = np.flatnonzero(is_recent)
    places[recent, 8], places[recent, 9], places[recent, 10] = SIGNS.index("M"), SIGNS.index("A"), 4
    for offset in range(5):
        places[recent, 11 + offset] = new[recent] // 31 ** (4 - offset) % 31
    inner = (11 - _TO_INNER[places[:, 8:16]] @ _INNER_WEIGHTS % 11) % 11
    places[:, 16] = np.where(inner == 10, SIGNS.index("X"), inner)
    places[:, 17] = (31 - places[:, :17] @ _WEIGHTS % 31) % 31
    joined = _SIGN_BYTES[places].tobytes().decode()
    return np.array([joined[start : start + 18] for start in range(0, rows * 18, 18)], dtype=object)


def make_registration_numbers(serials: Ints, county_codes: Ints) -> Texts:
    """15-digit licence numbers of the kind used before the unified code; last digit by ISO 7064 MOD 11,10."""
    numbers = []
    for county, serial in zip(county_codes.tolist(), serials.tolist(), strict=True):
        body = f"{county:06d}{serial % 10**8:08d}"
        rest = 10
        for digit in body:
            rest = ((rest + int(digit)) % 10 or 10) * 2 % 11
        numbers.append(body + str((11 - rest) % 10))
    return np.array(numbers, dtype=object)


def keyed_hash(seed: int, kind: str, values: Iterable[object]) -> Texts:
    """Hex digests that stand where departments deliver keyed hashes of phone and identity numbers."""
    key = f"rongqiao-synth-{seed}-{kind}".encode()
    digests = [hmac.new(key, str(value).encode(), hashlib.sha256).hexdigest() for value in values]
    return np.array(digests, dtype=object)


def stable_id(seed: int, kind: str, number: object) -> str:
    """UUID that is the same on every run of the same seed."""
    return str(uuid.uuid5(NAMESPACE, f"{seed}:{kind}:{number}"))
