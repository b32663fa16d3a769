"""Identifiers of enterprises: the unified social credit code (USCC, GB 32100-2015).

``python-stdnum`` checks; this module adds the clerk's typing mistakes: full-width digits, spaces, lower case.
"""

from __future__ import annotations

import unicodedata

from stdnum.cn import uscc as _uscc
from stdnum.exceptions import ValidationError

from rongqiao.kernel.errors import InvalidValueError

LOOKALIKES = {"I": "1", "O": "0", "S": "5", "Z": "2", "V": "U"}


def normalise_uscc(value: str) -> str:
    """Fold widths, drop blanks and hyphens, upper-case. Does not check."""
    folded = unicodedata.normalize("NFKC", value).upper()
    return "".join(character for character in folded if character.isalnum())


def check_uscc(value: str) -> str:
    """Return the code in standard form.

    Raises
    ------
    InvalidValueError
        If length, alphabet or check character is wrong; the remedy names look-alike letters.

    Notes
    -----
    Source: GB 32100-2015, check character by weights 3^(i-1) mod 31.
    """
    code = normalise_uscc(value)
    wrong = [letter for letter in LOOKALIKES if letter in code]
    if wrong:
        hints = "、".join(f"{letter}→{LOOKALIKES[letter]}" for letter in wrong)
        raise InvalidValueError(
            "统一社会信用代码", value, f"代码中不使用字母 {'、'.join(wrong)}，请核对是否应为 {hints}。"
        )
    try:
        return str(_uscc.validate(code))
    except ValidationError:
        remedy = "应为18位。" if len(code) != 18 else "校验位不符，请对照营业执照逐位核对。"
        raise InvalidValueError("统一社会信用代码", value, remedy) from None


def is_uscc(value: str) -> bool:
    """Whether the value, once normalised, is a valid code."""
    return bool(_uscc.is_valid(normalise_uscc(value)))


def complete_uscc(first17: str) -> str:
    """Append the check character to the first 17 characters."""
    return first17 + str(_uscc.calc_check_digit(first17))
