"""Posting to addresses that others chose: HTTPS only, public hosts only, no redirects, and never longer than ten seconds.

The address that was checked is the one connected to, so that a name cannot turn to an inner host in between.
"""

from __future__ import annotations

import re
import socket
from urllib.parse import urlsplit

import httpx
from django.conf import settings

from rongqiao.kernel.errors import InvalidValueError
from rongqiao.kernel.hosts import is_inner_name, pin, resolve_public

SPACE = re.compile(r"[\s\x00-\x1f]")
TIMEOUT = httpx.Timeout(10.0, connect=3.0)


def check_place(url: str) -> None:
    """Refuse an address that events may not be posted to; its name need not resolve yet.

    Raises
    ------
    InvalidValueError
        If it is no HTTPS address of a named host or public number, or bears a password.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if not host or "@" in parts.netloc or port == 0 or len(url) > 400 or SPACE.search(url):
        raise InvalidValueError("通知地址", url, "请填完整的 https:// 地址，不含用户名和密码，也不含空格。")
    if host in settings.WEBHOOK_HOSTS:
        return
    if parts.scheme != "https":
        raise InvalidValueError("通知地址", url, "须为 https:// 地址。")
    if is_inner_name(host):
        raise InvalidValueError("通知地址", url, "不能是本机或内网地址。")


def post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """Post a body and return the status of the answer; what the answer says is not read.

    Raises
    ------
    OSError
        If the host is not reached in time, or is not a public one.
    """
    check_place(url)
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        place = pin(url, resolve_public(host, parts.port or 443, settings.WEBHOOK_HOSTS))
    except socket.gaierror as error:
        raise OSError(f"找不到 {host} 的地址，请核对域名。") from error
    try:
        # No proxies of the environment, and no redirects: only the checked address is ever connected to.
        with httpx.Client(timeout=TIMEOUT, trust_env=False, follow_redirects=False) as client:
            request = client.build_request(
                "POST", place, content=body, headers=headers, extensions={"sni_hostname": host}
            )
            response = client.send(request, stream=True)
            response.close()
            return response.status_code
    except httpx.TimeoutException as error:
        raise OSError("接收系统没有在时限内应答。") from error
    except httpx.ConnectError as error:
        is_certificate = "CERTIFICATE" in str(error).upper()
        raise OSError("接收系统的 https 证书不能核验。" if is_certificate else "连不上接收系统。") from error
    except httpx.HTTPError as error:
        raise OSError("与接收系统的连接中断，或其应答不合 HTTP 规范。") from error
