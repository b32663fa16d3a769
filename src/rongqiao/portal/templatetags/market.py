"""Filters of the data-interface market's cards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import template

from rongqiao.portal import interface_words

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

register = template.Library()


@register.filter
def key_state(key: Any) -> str:
    """Return ``revoked``, ``flagged`` while a key's last day was unusual, else ``live``."""
    if key.revoked_at is not None:
        return "revoked"
    return "flagged" if key.flagged_at is not None else "live"


@register.filter
def delegation_state(delegation: Any, now: dt.datetime) -> str:
    """Return ``ended`` when taken back, ``over`` when its period has run out, else ``live``."""
    if delegation.revoked_at is not None:
        return "ended"
    return "live" if delegation.valid_until > now else "over"


@register.filter
def flag_words(flags: Iterable[str]) -> str:
    """Say what is unusual about a key."""
    return interface_words.flag_titles(flags)


@register.filter
def interface_titles(interfaces: Iterable[str]) -> str:
    """Names of interfaces, joined."""
    return "、".join(map(interface_words.interface_title, interfaces))
