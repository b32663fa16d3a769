"""Money is Decimal in CNY yuan with two places."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from rongqiao.kernel.errors import InvalidValueError

CENT = Decimal("0.01")
WAN = Decimal(10_000)
YI = Decimal(100_000_000)


def to_cny(value: Decimal | int | str) -> Decimal:
    """Read an amount in yuan, rounded half up to two places.

    Raises
    ------
    InvalidValueError
        If the value is a float, or not a finite number.
    """
    if isinstance(value, float):
        raise InvalidValueError("金额", value, "Give a Decimal, an integer or a string; floats lose cents.")
    try:
        amount = Decimal(value)
        if not amount.is_finite():
            raise InvalidOperation
        return amount.quantize(CENT, rounding=ROUND_HALF_UP)
    except InvalidOperation:
        raise InvalidValueError("金额", value, "Give a finite amount in yuan, such as 500000.00.") from None


def format_cny(value: Decimal | int | float | None) -> str:
    """Show an amount the way Chinese officials read it: 元, 万元 or 亿元; ``"—"`` for null."""
    if value is None:
        return "—"
    amount = Decimal(str(value))
    for unit, name in ((YI, "亿元"), (WAN, "万元")):
        if abs(amount) >= unit:
            text = f"{amount / unit:,.2f}".rstrip("0").rstrip(".")
            return f"{text} {name}"
    return f"{amount:,.2f}".rstrip("0").rstrip(".") + " 元"
