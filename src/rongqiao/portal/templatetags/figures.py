"""Filters that show money, rates and shares as officials and loan officers read them; null is always ``—``."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

from django import template
from django.utils import timezone

from rongqiao.kernel.money import format_cny
from rongqiao.kernel.rate import format_rate

if TYPE_CHECKING:
    from decimal import Decimal

register = template.Library()
MONTH_DIGITS = 6
MODEL_ID = re.compile(r"(\d{4})(\d{2})_credit@(\d+)")


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
def moment(value: object) -> object:
    """Show ``202610`` as ``2026-10``; dates and words stay as they are."""
    text = str(value)
    return f"{text[:4]}-{text[4:]}" if len(text) == MONTH_DIGITS and text.isdigit() else value


@register.filter
def instant(value: str | None) -> str:
    """Show an instant of the ledger, ISO 8601 in UTC, to the minute in local time."""
    if not value:
        return "—"
    return timezone.localtime(dt.datetime.fromisoformat(value)).strftime("%Y-%m-%d %H:%M")


@register.filter
def model_name(value: str) -> str:
    """Show ``202610_credit@1`` as ``信用评分模型（2026-10），第 1 版``; other ids stay as they are."""
    found = MODEL_ID.fullmatch(value)
    return f"信用评分模型（{found[1]}-{found[2]}），第 {found[3]} 版" if found else value


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
def too_few(threshold: int) -> str:
    """Words for a figure that too few stand behind to be told."""
    return f"少于 {threshold}，不显示"


@register.filter
def spread(value: int | None) -> str:
    """Show basis points over or under the LPR in words: ``加 160 个基点``."""
    return "—" if value is None else f"{'加' if value >= 0 else '减'} {abs(value)} 个基点"


@register.filter
def plain_markdown(text: str) -> str:
    """Take the few Markdown marks off a text that is shown as plain paragraphs."""
    return text.replace("**", "").replace("# ", "", 1)
