"""Declared collectors: from where a contract's data are fetched, how and when. No code per source.

One YAML file per source in the installation's folder; the file's name is the collector's id. Credentials never stand in it, only the names of
the environment variables that hold them. ``docs/collectors.md`` shows a whole file of each kind.
"""

from __future__ import annotations

import datetime as dt
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from rongqiao.contracts.standards import load_contracts
from rongqiao.kernel.errors import ContractError
from rongqiao.kernel.home import var

#: Departments and operators live by the clock of China, which has no summer time.
ZONE = dt.timezone(dt.timedelta(hours=8), "Asia/Shanghai")
_ID = re.compile(r"[a-z][a-z0-9_]{1,39}")
_CLOCK = r"^([01]\d|2[0-3]):[0-5]\d$"

WatermarkKind = Literal["timestamp", "date", "integer", "text"]
KINDS = {"database": "数据库", "http": "接口", "folder": "共享目录"}


def _check_address(address: str, schemes: tuple[str, ...]) -> str:
    parts = urlsplit(address)
    if parts.scheme not in schemes or not parts.hostname:
        raise ValueError(f"请写成 {'、'.join(f'{scheme}://主机/…' for scheme in schemes)}")
    if parts.username or parts.password:
        raise ValueError(
            "不得含用户名或口令；请写 user_env、password_env 或 secret_headers，值放在环境变量里"
        )
    return address


def _check_table(name: str) -> str:
    if not name.strip(".") or name.count(".") > 1:
        raise ValueError("请写成 表名 或 模式名.表名；需要连接或筛选时请来源方建视图")
    return name


Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
DatabaseAddress = Annotated[
    str, AfterValidator(lambda value: _check_address(value, ("postgresql", "mysql", "mariadb")))
]
HttpAddress = Annotated[str, AfterValidator(lambda value: _check_address(value, ("https", "http")))]


class _Part(BaseModel):
    """A section of the file; a field that nobody declared is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Schedule(_Part):
    """When a collector runs by itself: once a day, or every so many minutes. Exactly one of the two."""

    daily_at: Annotated[str, Field(pattern=_CLOCK)] | None = None
    every_minutes: Annotated[int, Field(ge=1, le=1440)] | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Schedule:
        if (self.daily_at is None) == (self.every_minutes is None):
            raise ValueError("daily_at 与 every_minutes 须写且只写一个")
        return self

    @property
    def words(self) -> str:
        """The schedule as an operator reads it."""
        return f"每天 {self.daily_at}" if self.daily_at else f"每 {self.every_minutes} 分钟"

    def next_after(self, moment: dt.datetime) -> dt.datetime:
        """First time after a moment at which the collector is due."""
        if self.every_minutes is not None:
            return moment + dt.timedelta(minutes=self.every_minutes)
        local = moment.astimezone(ZONE)
        hour, minute = map(int, (self.daily_at or "00:00").split(":"))
        due = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
        return due if due > local else due + dt.timedelta(days=1)


class Retry(_Part):
    """How often a call is tried, and how long is waited in between: twice as long each time, drawn at random below that."""

    attempts: Annotated[int, Field(ge=1, le=10)] = 4
    first_pause_seconds: Annotated[float, Field(gt=0, le=60)] = 1.0
    longest_pause_seconds: Annotated[float, Field(gt=0, le=600)] = 60.0


class Interruption(_Part):
    """From how many failures in a row a source is left alone, and for how long."""

    failures_max: Annotated[int, Field(ge=1, le=100)] = 6
    pause_seconds: Annotated[int, Field(ge=1, le=86_400)] = 600


class Overlap(_Part):
    """How far before the last watermark each run reads again, for rows that were entered late. In days, or in steps of a number."""

    overlap_days: Annotated[int, Field(ge=0, le=400)] = 0
    overlap_steps: Annotated[int, Field(ge=0)] = 0


class Database(Overlap):
    """A table or view that is read by a watermark, in a read-only transaction."""

    address: DatabaseAddress
    user_env: Variable
    password_env: Variable
    table: Annotated[str, AfterValidator(_check_table)]
    columns: Annotated[dict[str, str], Field(min_length=1)]
    watermark: Annotated[str, Field(min_length=1)]
    watermark_kind: WatermarkKind = "timestamp"
    key: Annotated[list[str], Field(min_length=1)]
    rows_per_run: Annotated[int, Field(ge=1, le=20_000_000)] = 1_000_000
    rows_per_fetch: Annotated[int, Field(ge=1, le=100_000)] = 5_000
    connect_timeout_seconds: Annotated[int, Field(ge=1, le=300)] = 10
    read_timeout_seconds: Annotated[int, Field(ge=1, le=3600)] = 300


class Paging(_Part):
    """How an interface is read on: by page number, by offset, by a cursor in the answer, by a link in the answer, or not at all.

    ``next`` names where the cursor or link stands in the answer, ``total`` where the number of all records stands.
    """

    style: Literal["none", "page", "offset", "cursor", "link"] = "none"
    parameter: str = ""
    first: int = 1
    size_parameter: str = ""
    size: Annotated[int, Field(ge=1, le=100_000)] = 500
    next: str = ""
    total: str = ""
    pages_max: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000

    @model_validator(mode="after")
    def _complete(self) -> Paging:
        if self.style in ("page", "offset", "cursor") and not self.parameter:
            raise ValueError(f"翻页方式 {self.style} 须写 parameter（参数名）")
        if self.style in ("cursor", "link") and not self.next:
            raise ValueError(f"翻页方式 {self.style} 须写 next（下一页标记在应答中的位置）")
        return self


class Http(Overlap):
    """An interface that answers JSON."""

    address: HttpAddress
    headers: dict[str, str] = {}
    secret_headers: dict[str, Variable] = {}
    parameters: dict[str, str] = {}
    records: str = ""
    columns: Annotated[dict[str, str], Field(min_length=1)]
    watermark: str = ""
    watermark_kind: WatermarkKind = "timestamp"
    watermark_parameter: str = ""
    paging: Paging = Paging()
    page_bytes_max: Annotated[int, Field(ge=1_000, le=1 << 30)] = 64 << 20
    connect_timeout_seconds: Annotated[float, Field(gt=0, le=300)] = 5.0
    read_timeout_seconds: Annotated[float, Field(gt=0, le=600)] = 30.0

    @model_validator(mode="after")
    def _complete(self) -> Http:
        if self.watermark_parameter and not self.watermark:
            raise ValueError("写了 watermark_parameter 就须写 watermark（水位字段）")
        return self


class Folder(_Part):
    """A folder that a department drops files in; taken when at rest, or when a companion says that it is whole."""

    path: Path
    pattern: Annotated[str, Field(min_length=1)] = "*"
    complete_by: Literal["rest", "companion"] = "rest"
    rest_seconds: Annotated[int, Field(ge=1, le=86_400)] = 60

    @model_validator(mode="after")
    def _absolute(self) -> Folder:
        if not self.path.is_absolute() or "/" in self.pattern:
            raise ValueError("path 须为绝对路径，pattern 只写文件名通配，不含 /")
        return self


class Collector(_Part):
    """One declared source.

    Parameters
    ----------
    id : str
        Name of the file.
    contract : str
        Contract that the fetched rows are delivered under.
    kind : str
        ``database``, ``http`` or ``folder``; the section of that name says the rest.
    is_active : bool
        Whether it runs by its schedule; by hand it always may.
    """

    id: str
    title: Annotated[str, Field(min_length=1, max_length=80)]
    contract: str
    kind: Literal["database", "http", "folder"]
    schedule: Schedule
    is_active: bool = True
    database: Database | None = None
    http: Http | None = None
    folder: Folder | None = None
    retry: Retry = Retry()
    breaker: Interruption = Interruption()

    @model_validator(mode="after")
    def _section_of_kind(self) -> Collector:
        given = [name for name in KINDS if getattr(self, name) is not None]
        if given != [self.kind]:
            raise ValueError(f"kind 为 {self.kind}，须有且只有 {self.kind} 一节，现有：{given or '无'}")
        if self.kind != "folder" and self.schedule.daily_at is None:
            raise ValueError("事实按日记“何时得知”，数据库与接口每天采集一次：请写 schedule.daily_at")
        return self

    @property
    def columns(self) -> dict[str, str]:
        """Column or field of the source → item of the contract; none for folders, whose files bring their own headers."""
        source = self.database or self.http
        return source.columns if source else {}

    @property
    def address(self) -> str:
        """Where the data come from, as a reader may see it."""
        if self.folder is not None:
            return f"{self.folder.path}/{self.folder.pattern}"
        return f"{self.database.address} {self.database.table}" if self.database else self.http.address  # type: ignore[union-attr]


def collectors_folder() -> Path:
    """Folder of the declarations: ``RONGQIAO_COLLECTORS``, else ``var/collectors``."""
    return Path(os.environ.get("RONGQIAO_COLLECTORS") or var() / "collectors")


def load_collectors(folder: Path | None = None) -> dict[str, Collector]:
    """Read all declarations by id; an installation without the folder has none.

    Raises
    ------
    ContractError
        If a file is malformed; the error names the file, the field and the value.
    """
    folder = folder or collectors_folder()
    return {path.stem: load_collector(path) for path in sorted(folder.glob("*.yaml"))}


def load_collector(path: Path) -> Collector:
    """Read one declaration.

    Raises
    ------
    ContractError
        If the file is no YAML, a field is missing, unknown or wrong, or the contract or an item does not exist.
    """
    if not _ID.fullmatch(path.stem):
        raise ContractError(
            "采集声明文件名", path.name, "请用小写字母、数字和下划线，字母开头，2 至 40 个字符。"
        )
    try:
        node = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"，第 {mark.line + 1} 行附近写法有误" if mark else ""
        raise ContractError(
            "采集声明", path.name, f"不是 UTF-8 编码的 YAML{where}。", detail=str(error)
        ) from error
    if not isinstance(node, dict):
        raise ContractError("采集声明", path.name, "请写成“字段: 值”的 YAML。")
    try:
        collector = Collector.model_validate({**node, "id": path.stem})
    except ValidationError as error:
        raise _named(path.name, error) from None
    _check_items(path.name, collector)
    return collector


def _named(name: str, error: ValidationError) -> ContractError:
    """Name the first fault; the value is not shown where it may be a password written by mistake."""
    first: Any = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in first["loc"]) or "整份声明"
    is_secret = (
        first["type"] == "extra_forbidden" or "address" in place or "env" in place or "secret" in place
    )
    shown = "（未显示）" if is_secret or not first["loc"] else first["input"]
    if first["type"] == "missing":
        # Its input is all that stands around it.
        shown = "（没有写）"
    return ContractError(f"采集声明 {name} 的 {place}", shown, f"{_remedy_of(first)}。", detail=first["msg"])


_REMEDIES = {
    "missing": "缺少这一项",
    "extra_forbidden": "没有这一项，请核对拼写",
    "string_pattern_mismatch": "写法不符",
    "int_parsing": "请写整数",
    "int_type": "请写整数",
    "string_type": "请写文字，必要时加引号",
    "dict_type": "请写成“字段: 值”",
    "list_type": "请写成列表",
}


def _remedy_of(fault: dict[str, Any]) -> str:
    """Say what to do; our own checks say it themselves, the library says it in English."""
    if fault["type"] == "value_error":
        return str(fault["msg"]).removeprefix("Value error, ")
    bounds = fault.get("ctx", {})
    if fault["type"] == "literal_error":
        return f"请从这些里选一个：{bounds['expected'].replace(' or ', '、')}"
    for name, word in (("ge", "不能小于"), ("gt", "须大于"), ("le", "不能大于"), ("lt", "须小于")):
        if name in bounds:
            return f"{word} {bounds[name]}"
    return _REMEDIES.get(fault["type"], "写法不符，请对照 docs/collectors.md")


def _check_items(name: str, collector: Collector) -> None:
    contract = load_contracts().get(collector.contract)
    if contract is None:
        raise ContractError(f"采集声明 {name} 的 contract", collector.contract, "没有这份数据标准。")
    unknown = [item for item in collector.columns.values() if item not in contract.columns]
    if unknown:
        raise ContractError(
            f"采集声明 {name} 的 columns",
            unknown[0],
            f"{contract.id} 没有这一项；有：{'、'.join(contract.columns)}。",
        )
    targets = list(collector.columns.values())
    twice = [item for item in targets if targets.count(item) > 1]
    if twice:
        raise ContractError(f"采集声明 {name} 的 columns", twice[0], "一项只能取自一列。")
