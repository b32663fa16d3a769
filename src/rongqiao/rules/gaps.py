"""What is missing to fulfil an unmet condition, in words: ``还差 6 个月``."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rongqiao.kernel.money import format_cny

UNITS = (("_months", "个月"), ("_days", "天"), ("_count", ""), ("_kwh", "千瓦时"))
SHORT = {">=": True, ">": True, "<=": False, "<": False}


def format_fact(fact: str, value: Any) -> str:
    """Show a fact's value in the unit that its id's suffix names; ``"—"`` for null."""
    if value is None:
        return "—"
    if isinstance(value, (str, bool)):
        return str(value)
    amount = Decimal(str(value))
    if fact.endswith("_cny"):
        return format_cny(amount)
    if fact.endswith(("_ratio", "_share")):
        return f"{_trim(amount * 100)}%"
    unit = next((unit for suffix, unit in UNITS if fact.endswith(suffix)), "")
    return f"{_trim(amount)} {unit}".strip()


def gap_text(fact: str, op: str, bound: Any, value: Any) -> str:
    """Distance from a known value to the bound it misses.

    Parameters
    ----------
    fact : str
        Id whose suffix gives the unit.
    op : str
        The condition's operator.
    bound, value : object
        What was asked for and what is known.

    Returns
    -------
    str
        Chinese words; empty where a distance means nothing (texts, lists, flags).
    """
    if isinstance(value, (str, bool)) or value is None:
        return ""
    if op == "between":
        low, high = bound
        op, bound = (">=", low) if value < low else ("<=", high)
    if op not in SHORT or isinstance(bound, str):
        return ""
    difference = abs(Decimal(str(bound)) - Decimal(str(value)))
    if difference == 0:
        return "须高于此值" if SHORT[op] else "须低于此值"
    text = format_fact(fact, difference)
    if fact.endswith(("_ratio", "_share")):
        text = f"{_trim(difference * 100)} 个百分点"
    return f"还差 {text}" if SHORT[op] else f"超出 {text}"


def _trim(amount: Decimal) -> str:
    text = f"{amount:,.2f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
