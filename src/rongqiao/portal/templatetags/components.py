"""Components that every page is built from; see the list in ``rongqiao.portal``."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from django import template
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.html import conditional_escape, escape, format_html
from django.utils.safestring import mark_safe

from rongqiao.contracts.catalog import industries
from rongqiao.kernel.money import format_cny
from rongqiao.portal import interface_words, navigation
from rongqiao.portal.names import code_title, region_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.http import HttpRequest
    from django.template import Context

    from rongqiao.portal.charts import Chart
    from rongqiao.portal.listing import Listing

register = template.Library()
register.filter(code_title)
register.filter(region_name)
#: Stands for the indicator in an address that is resolved once.
PLACE = "indicator-id"
URGENT = dt.timedelta(hours=24)


@register.simple_tag
def public_links(request: HttpRequest) -> list[navigation.Link]:
    """Links that every reader sees."""
    return navigation.public_links(request)


@register.simple_tag
def workspace_links(request: HttpRequest) -> list[navigation.Link]:
    """Links of the reader's own workspace."""
    return navigation.workspace_links(request)


@register.simple_tag
def bank_interface_links(request: HttpRequest) -> list[navigation.Link]:
    """Links between a bank's pages of data interfaces."""
    return navigation.bank_interface_links(request)


@register.inclusion_tag("portal/components/figure.html")
def figure(
    value: Any,
    label: str,
    unit: str = "",
    source: str = "",
    fresh: Any = None,
    note: str = "",
    none: str = "暂无数据",
) -> dict[str, Any]:
    """One figure: value, unit, label, and where and when it comes from. Null shows as ``none``, never as zero."""
    if value is not None and unit == "cny":
        value, _, unit = format_cny(value).partition(" ")
    elif isinstance(value, int) and not isinstance(value, bool):
        value = f"{value:,}"
    return {
        "value": value,
        "label": label,
        "unit": unit,
        "source": source,
        "fresh": fresh,
        "note": note,
        "none": none,
    }


@register.simple_tag
def status(code: str | None, family: str = "") -> str:
    """Status as a word with an icon. ``family`` disambiguates a code, such as ``loan`` for ``drawn``."""
    return _status(str(code or ""), family)


@lru_cache(maxsize=1024)
def _status(code: str, family: str) -> str:
    # A portrait shows some seven hundred of them, of half a dozen kinds.
    word = interface_words.word_of(code, family)
    return mark_safe(render_to_string("portal/components/status.html", {"word": word}))  # noqa: S308 - the template escapes


@register.simple_tag(takes_context=True)
def figure_link(context: Context, row: Any, text: str = "") -> str:
    """Value of a figure, as a link to where it comes from for readers who may follow it."""
    shown = text or row.text
    traces = context.get("traces")
    if not traces or (traces != "own" and row.status == "not_authorised"):
        return conditional_escape(shown)
    uscc = "" if traces == "own" else context["entry"].uscc
    url = _trace_url(traces, uscc).replace(PLACE, row.id) + _asked(context, traces)
    return format_html('<a href="{}" title="追溯来源：{}">{}</a>', url, row.formula, shown)


@register.simple_tag
def definition_url(indicator_id: str) -> str:
    """Address of the page that says how an indicator is computed."""
    return _trace_url("", "").replace(PLACE, indicator_id)


def _asked(context: Context, traces: str) -> str:
    name = {"bank": "purpose", "government": "matter"}.get(traces)
    return f"?{urlencode({name: context.get(name, '')})}" if name else ""


@lru_cache(maxsize=256)
def _trace_url(traces: str, uscc: str) -> str:
    """Address with a mark where the indicator stands, resolved once and not once per figure: of its trace, or of its definition."""
    names = {"": "portal:indicator", "own": "portal:enterprise_trace"}
    name = names.get(traces, f"portal:{traces}_figure_trace")
    return reverse(name, args=[uscc, PLACE] if uscc else [PLACE])


@register.simple_tag
def watermark(text: str) -> str:
    """Style that repeats who reads, and when, faintly across a part of the page with the class ``rq-watermark``."""
    drawn = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="380" height="150"><text x="0" y="90" '
        'transform="rotate(-16 190 75)" font-size="14" font-family="sans-serif" fill="#14427a" fill-opacity="0.13">'
        f"{escape(text)}</text></svg>"
    )
    return format_html("background-image: url('data:image/svg+xml,{}')", quote(drawn))


@register.simple_tag
def told(value: int | None, hidden: str) -> str:
    """Figure that went through disclosure control: about how many enterprises, or that there are fewer than may be told."""
    if value is None:
        return format_html('<span class="rq-figure-none">{} 户</span>', hidden)
    return format_html(
        '<span class="rq-figure-value">约 {}</span><span class="rq-figure-unit">户</span>', f"{value:,}"
    )


@register.inclusion_tag("portal/components/decision.html")
def decision(reasons: Iterable[Any], is_short: bool = False) -> dict[str, Any]:
    """Conditions of a decision, unmet and unknown first, each with its reason and what would settle it."""
    order = {"unmet": 0, "unknown": 1, "met": 2}
    rows = [_as_reason(reason) for reason in reasons or []]
    rows.sort(key=lambda row: order.get(row["outcome"], 1))
    return {"rows": [row for row in rows if not is_short or row["outcome"] != "met"], "met": _count_met(rows)}


def _as_reason(reason: Any) -> dict[str, str]:
    read = reason.get if isinstance(reason, dict) else lambda key, default="": getattr(reason, key, default)
    return {key: str(read(key, "") or "") for key in ("outcome", "text", "settles", "fact")}


def _count_met(rows: Sequence[dict[str, str]]) -> int:
    return sum(row["outcome"] == "met" for row in rows)


@register.inclusion_tag("portal/components/money.html")
def money(value: Decimal | float | None) -> dict[str, Any]:
    """Show an amount in 元, 万元 or 亿元, with the exact yuan as its title."""
    exact = "" if value is None else f"{Decimal(str(value)):,.2f} 元"
    number, _, unit = format_cny(value).partition(" ")
    return {"number": number, "unit": unit, "exact": exact}


@register.inclusion_tag("portal/components/deadline.html")
def deadline(at: dt.datetime | None, label: str = "", now: dt.datetime | None = None) -> dict[str, Any]:
    """Clock: how long until ``at``; urgent within a day, and in words when it has run out."""
    if at is None:
        return {"at": None, "label": label}
    left = at - (now or timezone.now())
    return {
        "at": at,
        "label": label,
        "text": _left_text(left),
        "is_over": left <= dt.timedelta(),
        "is_urgent": left < URGENT,
    }


def _left_text(left: dt.timedelta) -> str:
    if left <= dt.timedelta():
        return "已到期"
    minutes = int(left.total_seconds() // 60)
    days, hours = divmod(minutes // 60, 24)
    if days:
        return f"还剩 {days} 天 {hours} 小时" if hours else f"还剩 {days} 天"
    if hours:
        return f"还剩 {hours} 小时 {minutes % 60} 分"
    return f"还剩 {minutes} 分钟" if minutes else "不足 1 分钟"


@register.inclusion_tag("portal/components/empty.html")
def empty(title: str, text: str = "", url: str = "", label: str = "", icon: str = "inbox") -> dict[str, str]:
    """Empty state that says what to do next."""
    return {"title": title, "text": text, "url": url, "label": label, "icon": icon}


@register.inclusion_tag("portal/components/field.html")
def field(bound: Any, reason: str = "", unit: str = "") -> dict[str, Any]:
    """Form field: label, control, unit, why a value was proposed, help and errors."""
    widget = bound.field.widget
    described = [f"{bound.id_for_label}_{part}" for part in ("help", "reason", "error")]
    parts = [bound.help_text, reason, bound.errors]
    ids = " ".join(name for name, part in zip(described, parts, strict=True) if part)
    attributes = {"aria-describedby": ids} if ids else {}
    if bound.errors:
        attributes["aria-invalid"] = "true"
    kind = getattr(widget, "input_type", type(widget).__name__.lower())
    if kind not in ("checkbox", "radio"):
        attributes["class"] = " ".join(
            filter(None, (widget.attrs.get("class"), "form-select" if kind == "select" else "form-control"))
        )
    return {
        "field": bound,
        "control": bound.as_widget(attrs=attributes),
        "reason": reason,
        "unit": unit,
        "kind": kind,
        "is_group": kind == "radio" or type(widget).__name__ == "CheckboxSelectMultiple",
    }


@register.inclusion_tag("portal/components/steps.html")
def steps(items: Sequence[str], current: int) -> dict[str, Any]:
    """Step tracker; ``current`` counts from 1, steps before it are done, beyond the last all are."""
    states = ["done" if n < current else "now" if n == current else "next" for n in range(1, len(items) + 1)]
    return {"steps": list(zip(items, states, strict=True))}


@register.inclusion_tag("portal/components/chart.html")
def chart(chart: Chart) -> dict[str, Any]:
    """Chart with direct labels, unit and source, and the same data as a table one click away."""
    return {"chart": chart}


@register.inclusion_tag("portal/components/listing.html", takes_context=True)
def listing(context: dict[str, Any], listing: Listing) -> dict[str, Any]:
    """Show a filtered, sorted, paginated table (or cards) with its CSV export."""
    return {"listing": listing, "request": context["request"]}


@register.filter
def code_titles(codes: Iterable[str] | None, list_id: str) -> str:
    """Titles of several codes, joined."""
    return "、".join(code_title(code, list_id) for code in codes or []) or "不限"


@register.filter
def region_names(codes: Iterable[str] | None) -> str:
    """Names of several regions, joined; none means the whole province."""
    return "、".join(region_name(code) for code in codes or []) or "全省"


@register.filter
def industry_name(code: str | None) -> str:
    """Name of an industry class, else of the widest level known; null is ``—``."""
    known = industries()
    text = str(code or "")
    digits = text.lstrip("ABCDEFGHIJKLMNOPQRST")
    for size in range(len(digits), 1, -1):
        if digits[:size] in known:
            return known[digits[:size]].name
    return known[text[:1]].name if text[:1] in known else text or "—"


@register.filter
def months_text(months: int | None) -> str:
    """Term in months, and in years where it comes out even: ``12 个月（1 年）``."""
    if not months:
        return "—"
    return f"{months} 个月（{months // 12} 年）" if months % 12 == 0 else f"{months} 个月"


@register.filter
def item(mapping: dict[str, Any] | None, key: str) -> Any:
    """Value of a mapping by key; null where there is none."""
    return (mapping or {}).get(key)
