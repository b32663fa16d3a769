"""Filters that show money, rates and shares as officials and loan officers read them; null is always ``—``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import template

from rongqiao.kernel.money import format_cny
from rongqiao.kernel.rate import format_rate

if TYPE_CHECKING:
    from decimal import Decimal

register = template.Library()


@register.filter
def cny(value: Decimal | float | None) -> str:
    """Show yuan as 元, 万元 or 亿元."""
    return format_cny(value)


@register.filter
def yuan(value: Decimal | float | None) -> str:
    """Show an amount to the yuan, for comparing offers: ``73,000 元``."""
    return "—" if value is None else f"{value:,.0f} 元"


@register.filter
def rate(value: Decimal | float | None) -> str:
    """Show a ratio per year as a percentage with two places."""
    return format_rate(value)


@register.filter
def share(value: float | None) -> str:
    """Show a ratio 0..1 as a percentage with one place."""
    return "—" if value is None else f"{value * 100:.1f}%"


@register.filter
def month(value: int | None) -> str:
    """Show ``202610`` as ``2026-10``."""
    return "—" if not value else f"{value // 100}-{value % 100:02d}"


@register.filter
def grouped(value: int | None) -> str:
    """Show a count with thousands separators."""
    return "—" if value is None else f"{value:,}"


@register.filter
def prefix(value: object, text: str) -> str:
    """Put words before a value that is shown already."""
    return f"{text}{value}"


@register.filter
def suffix(value: object, text: str) -> str:
    """Put words after a value that is shown already."""
    return f"{value}{text}"


@register.filter
def spread(value: int | None) -> str:
    """Show basis points over or under the LPR in words: ``加 160 个基点``."""
    return "—" if value is None else f"{'加' if value >= 0 else '减'} {abs(value)} 个基点"


@register.filter
def plain_markdown(text: str) -> str:
    """Take the few Markdown marks off a text that is shown as plain paragraphs."""
    return text.replace("**", "").replace("# ", "", 1)
