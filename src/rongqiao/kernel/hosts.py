"""Hosts that others named: whether they are public, and the one address that was checked and may be connected to.

A name can turn to an inner host between the check and the call; so callers connect to the address that `resolve_public` returned.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Container


def is_inner_name(host: str) -> bool:
    """Whether a host is named as one of this machine or of an inner network; what a public name resolves to is not asked."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal"))


def resolve_public(host: str, port: int, allowed: Container[str] = ()) -> str:
    """Resolve a host to one address, and refuse it where any of its addresses is of an inner network.

    Parameters
    ----------
    allowed : container of str
        Hosts that may stand in an inner network.

    Raises
    ------
    OSError
        If the name does not resolve, or is not public and not allowed.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(each[4][0]) for each in found]
    if host not in allowed and not all(ipaddress.ip_address(each).is_global for each in addresses):
        raise OSError(f"{host} 指向内网地址，未连接。")
    return addresses[0]


def pin(url: str, address: str) -> str:
    """Put the checked address in the place of an address's host; its name then travels as ``Host`` and SNI."""
    parts = urlsplit(url)
    shown = f"[{address}]" if ":" in address else address
    return urlunsplit(parts._replace(netloc=f"{shown}:{parts.port}" if parts.port else shown))
