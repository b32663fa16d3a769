"""``rongqiao lineage``: OpenLineage events for catalogues of others."""

from __future__ import annotations

import datetime as dt
import itertools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rongqiao.kernel.errors import InvalidValueError
from rongqiao.kernel.home import var
from rongqiao.lake.tables import Lake

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openlineage.client.event_v2 import RunEvent
    from openlineage.client.transport import Transport

    from rongqiao.bases.enterprises.intake.models import Upload

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="数据血缘：向外部目录提供 OpenLineage 事件"
)
ADDRESS = "RONGQIAO_OPENLINEAGE_URL"

Since = Annotated[
    dt.datetime, typer.Option("--since", formats=["%Y-%m-%d"], help="只取此日及以后的报送和计算")
]
AsJson = Annotated[bool, typer.Option("--json", help="逐行输出 JSON")]
Target = Annotated[Path | None, typer.Option("--file", help="追加到此文件，一行一个事件")]
Post = Annotated[bool, typer.Option("--post", help=f"发送到环境变量 {ADDRESS} 所指的服务")]
Root = Annotated[Path | None, typer.Option("--lake", help="数据湖位置；默认为本站的湖")]


@app.callback()
def lineage() -> None:
    """Keep ``events`` a command of its own beside those to come."""


@app.command(help="由湖中的报送、检验、指标和评分生成 OpenLineage 事件；重发不重复")
def events(
    since: Since, *, as_json: AsJson = False, file: Target = None, post: Post = False, lake: Root = None
) -> None:
    """Make the events since a day, and print, keep or send them."""
    from openlineage.client.serde import Serde

    if not (as_json or file or post):
        raise InvalidValueError("输出方式", "—", "请给出 --json、--file 或 --post 之一。")
    senders = [*([_file_sender(file)] if file else []), *([_post_sender()] if post else [])]
    count = 0
    for event in _events(since.date(), lake):
        count += 1
        if as_json:
            typer.echo(Serde.to_json(event, ensure_ascii=False))
        for sender in senders:
            sender.emit(event)
    typer.echo(f"{count} 个事件。", err=True)


def _events(since: dt.date, lake: Path | None) -> Iterator[RunEvent]:
    from config.lineage_events import lake_events
    from config.lineage_governance import failure_events

    return itertools.chain(lake_events(Lake(lake), since=since), failure_events(_failures(since, lake)))


def _failures(since: dt.date, lake: Path | None) -> list[Upload]:
    """Deliveries that failed; they stand in the portal's database, so a lake that was named has none."""
    if lake is not None:
        return []
    from config.database import URL_VARIABLE, setup_django

    if not (os.environ.get(URL_VARIABLE) or (var() / "postgres").is_dir()):
        return []
    setup_django()
    from rongqiao.accounts.scope import system_scope
    from rongqiao.bases.enterprises.intake.selectors import failed_uploads

    with system_scope() as scope:
        return list(failed_uploads(scope, since=since))


def _file_sender(path: Path) -> Transport:
    from openlineage.client.transport.file import FileConfig, FileTransport

    return FileTransport(FileConfig(log_file_path=str(path), append=True))


def _post_sender() -> Transport:
    from openlineage.client.transport.http import HttpConfig, HttpTransport

    url = os.environ.get(ADDRESS, "")
    if not url.startswith(("http://", "https://")):
        raise InvalidValueError(ADDRESS, url or "—", "请设为接收服务的地址，如 https://catalogue.example。")
    return HttpTransport(HttpConfig(url=url))
