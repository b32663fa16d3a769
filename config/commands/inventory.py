"""``rongqiao inventory``: look at any source before it is let in, draw up its contract, and bring it in."""

from __future__ import annotations

import datetime as dt
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml

from rongqiao.contracts import drafts
from rongqiao.contracts.standards import load_contract
from rongqiao.governance import discovery
from rongqiao.governance.discovery import interfaces, tables
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.kernel.home import var

if TYPE_CHECKING:
    from rongqiao.governance.discovery.profiles import SourceProfile

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="数据盘点：摸清任何来源，拟定标准，接入报送"
)

Source = Annotated[
    str, typer.Argument(help="文件，postgresql://…、mysql://… 加 --table，或返回 JSON 列表的 https://…")
]
Headers = Annotated[
    list[str] | None, typer.Option("--header", help="接口的请求头，如 'Authorization: Bearer …'")
]
Hosts = Annotated[
    list[str] | None, typer.Option("--allow-host", help="允许访问的内网主机；不列出则只访问公网")
]
Table = Annotated[str, typer.Option("--table", help="数据库中的表名")]
AsJson = Annotated[bool, typer.Option("--json", help="以 JSON 输出")]


def _profile(
    source: str, table: str, headers: list[str] | None = None, hosts: list[str] | None = None
) -> list[SourceProfile]:
    if source.startswith(("http://", "https://")):
        with tempfile.TemporaryDirectory() as folder:
            found = interfaces.fetch(
                source,
                Path(folder) / "records.jsonl",
                headers=_read_headers(headers),
                allowed_hosts=hosts or (),
            )
            _tell_incomplete(found)
            profiles = discovery.profile_file(found.path)
        for one in profiles:
            one.source, one.form = source.partition("?")[0], "api"
        return profiles
    if "://" in source:
        sheet = tables.open_table(source, table)
        return [discovery.profile_sheet(sheet, table)]
    return discovery.profile_file(Path(source))


def _read_headers(headers: list[str] | None) -> dict[str, str]:
    pairs = [header.partition(":") for header in headers or ()]
    if wrong := next((name for name, colon, _ in pairs if not colon), None):
        raise InvalidValueError("请求头", wrong, "请按“名称: 值”填写。")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _tell_incomplete(found: interfaces.Fetched) -> None:
    if not found.is_complete:
        typer.echo(f"接口没有读完：读到 {found.pages} 页、{found.records} 条为止", err=True)


@app.command(help="摸清一个来源：编码、表头、各列类型、取值、空值、主键、与已知数据项的相似度")
def profile(
    source: Source,
    table: Table = "",
    against: Annotated[Path | None, typer.Option("--against", help="上一次盘点的 JSON，用来算漂移")] = None,
    headers: Headers = None,
    hosts: Hosts = None,
    as_json: AsJson = False,
) -> None:
    """Profile every table of a source."""
    found = _profile(source, table, headers, hosts)
    if against is not None:
        before = json.loads(against.read_text(encoding="utf-8"))
        for one, old in zip(found, before, strict=False):
            discovery.compare(one, old)
    if as_json:
        typer.echo(json.dumps([one.to_dict() for one in found], ensure_ascii=False))
        return
    for one in found:
        _print(one)


def _print(one: SourceProfile) -> None:
    typer.echo(
        f"{one.source} {one.sheet} [{one.form} {one.encoding}]：{one.rows} 行，{one.broken_lines} 行断裂，表头在第 {one.header_lines} 行"
    )
    for column in one.columns:
        like = column.resembles[0] if column.resembles else None
        typer.echo(
            f"  {column.header[:24]:<24} {column.guess.type:<8} {column.guess.confidence:>6.1%} 空 {column.nulls:>8} 不同 {column.distinct:>8}"
            f" {column.unit} {f'{like.contract}.{like.item} {like.score:.2f}' if like else ''}{' 个人信息' if column.is_personal else ''}"
        )
    typer.echo(f"  主体 {one.subject} 主键 {one.keys[:1]}")


@app.command(help="由来源拟出数据标准草稿，存入本站的 standards 文件夹")
def guess(
    source: Source,
    department: Annotated[str, typer.Option("--department", help="部门英文名")],
    table: Table = "",
    name: Annotated[str, typer.Option("--name", help="表的英文名")] = "",
    answers: Annotated[Path | None, typer.Option("--answers", help="YAML 或 JSON：表单中的回答")] = None,
    finish: Annotated[bool, typer.Option("--finish", help="没有待补事项时即启用")] = False,
    as_json: AsJson = False,
) -> None:
    """Draw up a contract, work answers in, and store it."""
    for one in _profile(source, table):
        document = discovery.guess(one, department, table=name, seen_on=dt.datetime.now(tz=dt.UTC).date())
        if answers is not None:
            document = drafts.revise(document, yaml.safe_load(answers.read_text(encoding="utf-8")))
        left = drafts.problems(document)
        path = drafts.write(document, is_finished=finish and not left)
        _tell(document, left, path, as_json=as_json)


def _tell(document: dict[str, Any], left: list[drafts.DraftProblem], path: Path, *, as_json: bool) -> None:
    if as_json:
        problems = [{"field": one.field, "message": one.message} for one in left]
        typer.echo(
            json.dumps(
                {"id": document["id"], "path": str(path), "problems": problems, "document": document},
                ensure_ascii=False,
            )
        )
        return
    typer.echo(f"{document['id']} {path}")
    for one in left:
        typer.echo(f"  待补 {one.field}：{one.message}")


@app.command(help="把接口或数据库表的记录存成 JSON 行文件，再照文件盘点、接入")
def fetch(
    source: Source,
    target: Annotated[Path, typer.Argument(help="写到哪个 .jsonl 文件")],
    table: Table = "",
    headers: Headers = None,
    hosts: Hosts = None,
) -> None:
    """Keep the records of an interface or a table of a database as a file."""
    if source.startswith(("http://", "https://")):
        found = interfaces.fetch(source, target, headers=_read_headers(headers), allowed_hosts=hosts or ())
        _tell_incomplete(found)
        typer.echo(f"{target}：{found.records} 条，{found.pages} 页")
    else:
        typer.echo(f"{target}：{tables.fetch_table(source, table, target)} 条")


@app.command("list", help="列出本站自拟的数据标准与草稿")
def list_drafts() -> None:
    """Show what this installation added."""
    for contract_id, status in drafts.stored().items():
        typer.echo(f"{contract_id} {status}")


@app.command(help="把外来文件按已启用的数据标准写成报送文件，再由 govern 治理")
def bring(
    source: Annotated[Path, typer.Argument(help="文件")],
    contract_id: Annotated[str, typer.Argument(help="<部门>.<表>")],
    day: Annotated[str, typer.Option("--day", help="报送日期，如 2026-03-02")],
    deliveries: Annotated[Path | None, typer.Option("--deliveries", help="报送文件夹")] = None,
    sheet: Annotated[str, typer.Option("--sheet", help="工作表")] = "",
) -> None:
    """Write a foreign file as a delivery."""
    brought = discovery.bring_in(
        source,
        load_contract(contract_id),
        deliveries or var() / "deliveries",
        delivered_on=dt.date.fromisoformat(day),
        sheet=sheet,
    )
    typer.echo(
        f"{brought.path}：{brought.rows} 行，{brought.broken_lines} 行断裂，未采用 {'、'.join(brought.unmapped) or '无'}"
    )
