"""Administrative region codes (GB/T 2260 style): province 43, prefecture 4301, county 430102."""

from __future__ import annotations

from rongqiao.kernel.errors import InvalidValueError

LEVELS = {2: "province", 4: "prefecture", 6: "county"}


def check_region(code: str) -> str:
    """Return the code in its shortest form: trailing ``00`` pairs cut off (430000 → 43, 430100 → 4301).

    Raises
    ------
    InvalidValueError
        If it is not two, four or six digits.
    """
    if len(code) not in LEVELS or not (code.isascii() and code.isdigit()):
        raise InvalidValueError(
            "行政区划代码", code, "Give two, four or six digits, such as 43, 4301 or 430102."
        )
    while len(code) > 2 and code.endswith("00"):
        code = code[:-2]
    return code


def region_level(code: str) -> str:
    """``province``, ``prefecture`` or ``county``."""
    return LEVELS[len(check_region(code))]


def is_within(code: str, scope: str) -> bool:
    """Whether one region lies in, or is, the other. An empty scope holds everything."""
    return code.startswith(check_region(scope)) if scope else True


def parents(code: str) -> list[str]:
    """List the region and those above it, widest first: 430102 → [43, 4301, 430102]."""
    code = check_region(code)
    return [code[:size] for size in LEVELS if size <= len(code)]
