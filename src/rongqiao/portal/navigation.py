"""The links in the page header: a few public ones for all, and the workspace of the reader's kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from django.urls import reverse

from rongqiao.portal import (
    routes_bank,
    routes_bank_interfaces,
    routes_department,
    routes_enterprise,
    routes_government,
    routes_operator,
    routes_public,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest

WORKSPACES: dict[str, Sequence[tuple[Any, str]]] = {
    "enterprise": routes_enterprise.NAVIGATION,
    "institution": routes_bank.NAVIGATION,
    "government": routes_government.NAVIGATION,
    "department": routes_department.NAVIGATION,
    "operator": routes_operator.NAVIGATION,
}


class Link(NamedTuple):
    """A link in the header; ``is_current`` marks the page the reader is on."""

    title: str
    url: str
    is_current: bool


def public_links(request: HttpRequest) -> list[Link]:
    """Links that every reader sees."""
    return _links(request, routes_public.NAVIGATION)


def workspace_links(request: HttpRequest) -> list[Link]:
    """Links of the reader's own workspace; empty for anonymous readers."""
    return _links(request, WORKSPACES.get(request.scope.kind, []))  # type: ignore[attr-defined]


def bank_interface_links(request: HttpRequest) -> list[Link]:
    """Links between a bank's pages of data interfaces."""
    return _links(request, routes_bank_interfaces.MENU)


def _links(request: HttpRequest, entries: Sequence[tuple[Any, str]]) -> list[Link]:
    urls = [(str(title), reverse(name)) for title, name in entries]
    # The longest prefix wins, so that a workspace's first page is not current on all of them.
    current = max((url for _, url in urls if request.path.startswith(url)), key=len, default="")
    return [Link(title, url, url == current) for title, url in urls]
