"""Interfaces that answer lists in JSON, as files: every page is fetched once, bounded, and kept as JSON lines to be profiled or brought in.

An interface is asked from where it is public, and never beyond its own host: no redirects, no page elsewhere. Interfaces of a government's
inner network are asked only where the caller names the host.
"""

from __future__ import annotations

import json
import os
import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

import httpx

from rongqiao.governance.discovery.records import find_list
from rongqiao.governance.sources.faults import fault_words
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.kernel.hosts import is_inner_name, pin, resolve_public

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Mapping
    from pathlib import Path

TIMEOUT = httpx.Timeout(30.0, connect=5.0)
#: Bytes of one answer, pages and records of one interface, beyond which it is not read on.
LARGEST_ANSWER, MOST_PAGES, MOST_RECORDS = 32 << 20, 2_000, 1_000_000
#: Attempts at one page, and seconds before each further one; twice as long every time.
ATTEMPTS, PAUSE = 3, 1.0
#: Query fields that number pages or rows, as Chinese open-data platforms and common frameworks name them.
_PAGE_FIELDS = (
    "page",
    "pageno",
    "page_no",
    "pagenum",
    "page_num",
    "pageindex",
    "page_index",
    "current",
    "currentpage",
)
_OFFSET_FIELDS = ("offset", "start", "skip", "startrow")
#: Where answers give the address of the next page.
_NEXT_FIELDS = ("next", "next_url", "nextUrl", "next_page_url", "nextPage", "@odata.nextLink")
_AGAIN = (429, 500, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class Fetched:
    """What an interface gave.

    Parameters
    ----------
    path : Path
        JSON lines, one record each, in the order of the pages.
    records, pages : int
    is_complete : bool
        Whether the last page was reached; false where a bound stopped the reading.
    paging : str
        How pages were turned: ``link``, ``page``, ``offset`` or ``none``.
    """

    path: Path
    records: int
    pages: int
    is_complete: bool
    paging: str


@dataclass(slots=True)
class _Reading:
    """Where the reading stands."""

    url: str
    paging: str = "none"
    counted: str = ""
    pages: int = 0
    records: int = 0
    seen: set[str] = field(default_factory=set)


def fetch(
    url: str,
    target: Path,
    *,
    headers: Mapping[str, str] | None = None,
    allowed_hosts: Container[str] = (),
    most_records: int = MOST_RECORDS,
    most_pages: int = MOST_PAGES,
    pause: Callable[[float], None] = time.sleep,
) -> Fetched:
    """Read an interface page by page into a file of JSON lines.

    Pages are turned by the address of the next one where the answer gives it, else by counting on the page or offset that the given
    address names (``?page=1``, ``?offset=0``); an address that names neither has one page.

    Parameters
    ----------
    url : str
        Address of the first page. It answers a list of objects, or an object that holds one.
    target : Path
        File to write, whole or not at all.
    headers : Mapping
        Such as ``Authorization``; sent to this host only.
    allowed_hosts : container of str
        Hosts of inner networks that may be asked, and without TLS.
    most_records, most_pages : int
        Where the reading ends at the latest.

    Raises
    ------
    InvalidValueError
        If the address may not be asked, does not answer, or answers no list of objects.
    """
    check_address(url, allowed_hosts)
    reading = _Reading(url)
    reading.paging, reading.counted = _find_paging(url)
    target.parent.mkdir(parents=True, exist_ok=True)
    waiting = target.with_name(f".{target.name}.part")
    is_complete = False
    with (
        waiting.open("w", encoding="utf-8") as file,
        httpx.Client(timeout=TIMEOUT, trust_env=False, follow_redirects=False) as client,
    ):
        for page in _pages(client, reading, dict(headers or {}), allowed_hosts, pause):
            for record in page[: most_records - reading.records]:
                file.write(json.dumps(record, ensure_ascii=False) + "\n")
            reading.records += min(len(page), most_records - reading.records)
            if reading.records >= most_records or reading.pages >= most_pages:
                break
        else:
            is_complete = True
        file.flush()
        os.fsync(file.fileno())
    waiting.replace(target)
    return Fetched(target, reading.records, reading.pages, is_complete, reading.paging)


def check_address(url: str, allowed_hosts: Container[str] = ()) -> None:
    """Refuse an address that may not be asked.

    Raises
    ------
    InvalidValueError
        If it is no HTTPS address of a public host, and its host is not allowed.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if not host or "@" in parts.netloc or port == 0 or parts.scheme not in ("http", "https"):
        raise InvalidValueError(
            "接口地址", url, "请填完整的 https:// 地址；账号和密钥放在请求头里，不写进地址。"
        )
    if host in allowed_hosts:
        return
    if is_inner_name(host):
        raise InvalidValueError("接口地址", url, "不能是本机或内网地址；政务内网的接口请在允许的主机中列出。")
    if parts.scheme != "https":
        raise InvalidValueError("接口地址", url, "公网接口须为 https:// 地址。")


def _find_paging(url: str) -> tuple[str, str]:
    for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True):
        if name.lower() in _PAGE_FIELDS:
            return "page", name
        if name.lower() in _OFFSET_FIELDS:
            return "offset", name
    return "none", ""


def _pages(
    client: httpx.Client,
    reading: _Reading,
    headers: dict[str, str],
    allowed_hosts: Container[str],
    pause: Callable[[float], None],
) -> Iterator[list[dict[str, Any]]]:
    url: str | None = reading.url
    while url is not None and url not in reading.seen:
        reading.seen.add(url)
        response, document = _ask(client, url, headers, allowed_hosts, pause)
        page = find_list(document)
        reading.pages += 1
        if page is None:
            if reading.pages == 1:
                raise InvalidValueError("接口应答", url, "其中没有由对象组成的列表，请给出返回列表的地址。")
            return
        digest = json.dumps(page[0], sort_keys=True) + json.dumps(page[-1], sort_keys=True)
        if digest in reading.seen:
            # Past their end some interfaces answer the last page again.
            return
        reading.seen.add(digest)
        yield page
        url = _next(reading, url, response, document, len(page))


def _next(reading: _Reading, url: str, response: httpx.Response, document: Any, size: int) -> str | None:
    """Address of the next page; ``None`` after the last, or where there is but one."""
    found = (response.links.get("next") or {}).get("url") or _named_next(document)
    if found:
        reading.paging = "link"
        following = urljoin(url, found)
        if urlsplit(following)[:2] != urlsplit(reading.url)[:2]:
            raise InvalidValueError("下一页地址", following, "指向另一台主机，未跟随；请核对接口。")
        return following
    if reading.paging not in ("page", "offset"):
        return None
    asked = parse_qs(urlsplit(url).query, keep_blank_values=True)[reading.counted][0]
    step = 1 if reading.paging == "page" else size
    if not asked.isdecimal():
        raise InvalidValueError("分页参数", f"{reading.counted}={asked}", "请在地址中写出第一页的数字。")
    return _with_field(url, reading.counted, str(int(asked) + step))


def _named_next(document: Any) -> str | None:
    if not isinstance(document, dict):
        return None
    places = [document, *(document.get(name) for name in ("links", "_links", "paging"))]
    for place in (one for one in places if isinstance(one, dict)):
        for name in _NEXT_FIELDS:
            given = place.get(name)
            found = given.get("href") if isinstance(given, dict) else given
            if isinstance(found, str) and found.startswith(("http://", "https://", "/", "?")):
                return found
    return None


def _with_field(url: str, name: str, value: str) -> str:
    parts = urlsplit(url)
    query = [
        (key, value if key == name else old) for key, old in parse_qsl(parts.query, keep_blank_values=True)
    ]
    return urlunsplit(parts._replace(query=urlencode(query)))


def _ask(
    client: httpx.Client,
    url: str,
    headers: dict[str, str],
    allowed_hosts: Container[str],
    pause: Callable[[float], None],
) -> tuple[httpx.Response, Any]:
    """Ask for one page; an interface that is busy is asked again after a while."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            response, content = _send(client, url, headers, allowed_hosts)
        except (OSError, httpx.HTTPError) as error:
            problem = _fault_of(error)
        else:
            if response.status_code == httpx.codes.OK:
                return response, _read(content, url)
            problem = f"状态 {response.status_code}"
            if response.status_code not in _AGAIN:
                break
        if attempt < ATTEMPTS:
            pause(PAUSE * 2 ** (attempt - 1))
    raise InvalidValueError("接口应答", url, f"没有得到数据（{problem}），请核对地址、密钥和网络。")


def _fault_of(error: OSError | httpx.HTTPError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "没有应答（超时）"
    if not isinstance(error, httpx.HTTPError) and "内网" in str(error):
        return str(error).rstrip("。")
    if isinstance(error, socket.gaierror):
        return "找不到这台主机"
    return "连不上" if isinstance(error, httpx.ConnectError | ConnectionError) else "连接中断"


def _send(
    client: httpx.Client, url: str, headers: dict[str, str], allowed_hosts: Container[str]
) -> tuple[httpx.Response, bytes]:
    parts = urlsplit(url)
    host = parts.hostname or ""
    place = pin(
        url, resolve_public(host, parts.port or (443 if parts.scheme == "https" else 80), allowed_hosts)
    )
    request = client.build_request(
        "GET",
        place,
        headers={"Accept": "application/json", **headers, "Host": parts.netloc},
        extensions={"sni_hostname": host},
    )
    response = client.send(request, stream=True)
    try:
        content = bytearray()
        for portion in response.iter_bytes():
            content += portion
            if len(content) > LARGEST_ANSWER:
                raise InvalidValueError(
                    "接口应答", url, f"一页超过 {LARGEST_ANSWER >> 20} MB，请减少每页条数。"
                )
    finally:
        response.close()
    return response, bytes(content)


def _read(content: bytes, url: str) -> Any:
    try:
        # Numbers stay as they were written: 0.10 and codes beyond 17 digits too.
        return json.loads(content, parse_float=str, parse_int=str)
    except ValueError as error:
        raise InvalidValueError("接口应答", url, f"不是完整的 JSON（{fault_words(error)}）。") from error
