"""Reads of the enterprise base."""

from __future__ import annotations

from rongqiao.bases.enterprises.models import Enterprise


def get_enterprise(uscc: str) -> Enterprise | None:
    """Return the public register entry of an enterprise; null when the base has none."""
    return Enterprise.objects.filter(pk=uscc).first()
