"""Pull from an interface that answers JSON: page by page, each whole or not at all, going on where a killed run stopped."""

from __future__ import annotations

import datetime as dt
import email.utils
import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import httpx

from rongqiao.governance.collectors.calling import DownError
from rongqiao.governance.collectors.causes import technical_text
from rongqiao.governance.collectors.databases import credential
from rongqiao.governance.collectors.watermarks import floor
from rongqiao.governance.discovery.records import write_cell
from rongqiao.kernel.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rongqiao.contracts.collectors import Http
    from rongqiao.governance.collectors.calling import Line
    from rongqiao.governance.collectors.spool import Spool
    from rongqiao.governance.collectors.state import State

#: Answers that may be another one soon. All other errors are lasting: the declaration or the right to read must change.
PASSING = {408, 425, 429, 500, 502, 503, 504}


@dataclass(frozen=True, slots=True)
class Page:
    """One answer: what it says, and what it is known by."""

    content: Any
    digest: str
    headers: Mapping[str, str]


@dataclass(slots=True)
class Reading:
    """One run over an interface.

    ``etag`` and ``last_modified`` are what it said of an unpaged answer; ``is_unchanged`` when it said that nothing changed since.
    """

    source: Http
    state: State
    spool: Spool
    line: Line
    clock: Callable[[], dt.datetime]
    transport: httpx.BaseTransport | None = None
    etag: str = ""
    last_modified: str = ""
    is_unchanged: bool = False
    pages: int = 0
    _met: set[str] = field(default_factory=set)
    _read: int = 0

    def pull(self) -> None:
        """Read all pages from the last watermark on into the spool.

        Raises
        ------
        SourceError
            If the source stays down, answers otherwise than declared, or turns pages without end.
        """
        source = self.source
        secrets = {header: credential(variable) for header, variable in source.secret_headers.items()}
        timeout = httpx.Timeout(source.read_timeout_seconds, connect=source.connect_timeout_seconds)
        left = self.spool.position or {"at": self._first(), "pages": 0, "met": [], "read": 0}
        at, self.pages, self._met, self._read = left["at"], left["pages"], set(left["met"]), left["read"]
        with httpx.Client(
            timeout=timeout,
            headers={**source.headers, **secrets},
            trust_env=False,
            transport=self.transport,
        ) as client:
            while at is not None:
                at = self._read_page(client, at)
                self.spool.position = {
                    "at": at,
                    "pages": self.pages,
                    "met": sorted(self._met),
                    "read": self._read,
                }
                self.spool.checkpoint(self.spool.position)

    def _first(self) -> Any:
        return {"page": self.source.paging.first, "offset": 0}.get(self.source.paging.style, "")

    def _read_page(self, client: httpx.Client, at: Any) -> Any:
        """Read one page into the spool; returns where the next one is, null after the last."""
        if self.pages >= self.source.paging.pages_max:
            raise self._odd("页数", self.pages, "已到 pages_max；请核对翻页参数，确有这么多时调高")
        page = self.line.call(lambda: self._fetch(client, at))
        if page is None:
            self.is_unchanged = True
            return None
        self.pages += 1
        records = self._records(page.content)
        if records and page.digest in self._met:
            raise self._odd("翻页", at, "这一页与前面某页完全相同：来源没有翻页，请核对 paging.parameter")
        self._met.add(page.digest)
        for record in records:
            self._add(record)
        self._read += len(records)
        return self._next(page, at, len(records))

    def _fetch(self, client: httpx.Client, at: Any) -> Page | None:
        """Ask once; null when the source says that nothing changed."""
        address, parameters = self._question(at)
        headers = self._conditions()
        try:
            with client.stream("GET", address, params=parameters or None, headers=headers) as response:
                if response.status_code in PASSING:
                    raise DownError(
                        f"接口暂时不可用（HTTP {response.status_code}）", self._retry_after(response)
                    )
                if response.status_code == 304:
                    return None
                if response.status_code != 200:
                    raise self._odd(
                        "应答状态",
                        response.status_code,
                        "请核对地址、参数和凭证是否有效（401、403 为凭证问题）",
                    )
                body = self._body(response)
        except httpx.TimeoutException as error:
            raise DownError("接口没有应答（超时）", detail=technical_text(error)) from error
        except httpx.TransportError as error:
            what = "连不上接口" if isinstance(error, httpx.ConnectError) else "与接口的连接中断"
            raise DownError(what, detail=technical_text(error)) from error
        except (httpx.DecodingError, httpx.InvalidURL) as error:
            raise self._odd(
                "应答", "不能读取", "不能解压或地址有误，请与来源单位核对", detail=technical_text(error)
            ) from error
        self.etag, self.last_modified = (
            response.headers.get("ETag", ""),
            response.headers.get("Last-Modified", ""),
        )
        try:
            content = json.loads(body, parse_float=str, parse_int=str)
        except (ValueError, RecursionError) as error:
            shown = body[:60].decode(errors="replace")
            raise self._odd("应答内容", shown, "不是 JSON；可能是登录页或网关的提示页") from error
        return Page(content, hashlib.blake2b(body, digest_size=16).hexdigest(), response.headers)

    def _question(self, at: Any) -> tuple[str, dict[str, str]]:
        source, paging = self.source, self.source.paging
        if paging.style == "link" and at:
            return str(at), {}
        parameters = dict(source.parameters)
        since = floor(source, self.state.watermark)
        if source.watermark_parameter and since:
            parameters[source.watermark_parameter] = since
        if paging.size_parameter:
            parameters[paging.size_parameter] = str(paging.size)
        if paging.style in ("page", "offset") or (paging.style == "cursor" and at):
            parameters[paging.parameter] = str(at)
        return source.address, parameters

    def _conditions(self) -> dict[str, str]:
        """Headers that ask only for what changed; a paged answer may have changed behind its first page."""
        if self.source.paging.style != "none":
            return {}
        found = {"If-None-Match": self.state.etag, "If-Modified-Since": self.state.last_modified}
        return {name: value for name, value in found.items() if value}

    def _body(self, response: httpx.Response) -> bytes:
        """Take the answer, unpacked, up to the limit: an answer that unpacks without end is not held in memory."""
        parts, size = [], 0
        for part in response.iter_bytes():
            size += len(part)
            if size > self.source.page_bytes_max:
                raise self._odd("应答大小", size, "解压后超过 page_bytes_max，已中止；请调小每页条数")
            parts.append(part)
        return b"".join(parts)

    def _retry_after(self, response: httpx.Response) -> float:
        """Seconds that the source asks for; it may give a moment instead."""
        text = response.headers.get("Retry-After", "")
        if text.isdigit():
            return float(text)
        try:
            moment = email.utils.parsedate_to_datetime(text)
        except ValueError:
            return 0.0
        moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
        return max((moment - self.clock()).total_seconds(), 0.0)

    def _records(self, content: Any) -> list[Any]:
        found = dig(content, self.source.records)
        if found is None and self.source.records:
            raise self._odd("应答内容", self.source.records, "应答里没有这个位置；请核对 http.records")
        if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
            raise self._odd("应答内容", self.source.records or "整个应答", "http.records 所指不是记录的列表")
        return found

    def _add(self, record: Mapping[str, Any]) -> None:
        source = self.source
        row = {item: _cell(dig(record, place)) for place, item in source.columns.items()}
        watermark = ""
        if source.watermark:
            watermark = _cell(dig(record, source.watermark)) or ""
            if not watermark:
                raise self._odd("水位字段", source.watermark, "有记录没有这个字段，无法判断是否已采集")
        self.spool.add(row, watermark, source.watermark_kind)

    def _next(self, page: Page, at: Any, count: int) -> Any:
        paging = self.source.paging
        if paging.style == "none":
            return None
        if paging.style in ("cursor", "link"):
            found = dig(page.content, paging.next)
            if not found:
                return self._finished(page)
            return self._followed(str(found)) if paging.style == "link" else str(found)
        total = self._total(page)
        if not count or (total is not None and self._read >= total):
            return self._finished(page)
        return at + (1 if paging.style == "page" else count)

    def _followed(self, link: str) -> str:
        """Address of the next page; the credentials go to no other host."""
        address = urljoin(self.source.address, link)
        here, there = urlsplit(self.source.address), urlsplit(address)
        if (here.scheme, here.netloc) != (there.scheme, there.netloc):
            raise self._odd("下一页地址", there.netloc, "指向另一台主机，未访问")
        return address

    def _finished(self, page: Page) -> None:
        """Check that as many records came as the source counts."""
        total = self._total(page)
        if total is not None and self._read < total:
            # Pages have shifted while they were read: to go on from here would never come to the end.
            self.spool.restart()
            raise self._odd("记录条数", self._read, f"来源说共有 {total} 条，未收齐，本次不入库")

    def _total(self, page: Page) -> int | None:
        if not self.source.paging.total:
            return None
        found = dig(page.content, self.source.paging.total)
        if not str(found).isdigit():
            raise self._odd("总数", found, "paging.total 所指不是数字")
        return int(found)

    def _odd(self, thing: str, value: object, remedy: str, *, detail: str = "") -> SourceError:
        return SourceError(
            f"接口 {self.line.collector.title} 的{thing}", value, f"{remedy}。没有内容入库。", detail=detail
        )


def dig(content: Any, place: str) -> Any:
    """Value at a place such as ``data.records``; null where there is none. The whole content for an empty place."""
    for name in place.split(".") if place else ():
        if not isinstance(content, dict):
            return None
        content = content.get(name)
    return content


def _cell(value: Any) -> str | None:
    return None if value is None else write_cell(value)
