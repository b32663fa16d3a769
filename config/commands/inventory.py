"""``rongqiao inventory``: look at any source before it is let in, draw up its contract, and bring it in."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path  # noqa: TC003  (Typer reads annotations at run time)
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml

from rongqiao.contracts import drafts
from rongqiao.contracts.standards import load_contract
from rongqiao.governance import discovery
from rongqiao.governance.discovery import tables
from rongqiao.kernel.home import var

if TYPE_CHECKING:
    from rongqiao.governance.discovery.profiles import SourceProfile

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="数据盘点：摸清任何来源，拟定标准，接入报送"
)

Source = Annotated[str, typer.Argument(help="文件，或 postgresql://…、mysql://… 加 --table")]
Table = Annotated[str, typer.Option("--table", help="数据库中的表名")]
AsJson = Annotated[bool, typer.Option("--json", help="以 JSON 输出")]


def _profile(source: str, table: str) -> list[SourceProfile]:
    from pathlib import Path

    if "://" in source:
        sheet = tables.open_table(source, table)
        return [discovery.profile_sheet(sheet, table)]
    return discovery.profile_file(Path(source))


@app.command(help="摸清一个来源：编码、表头、各列类型、取值、空值、主键、与已知数据项的相似度")
def profile(
    source: Source,
    table: Table = "",
    against: Annotated[Path | None, typer.Option("--against", help="上一次盘点的 JSON，用来算漂移")] = None,
    as_json: AsJson = False,
) -> None:
    """Profile every table of a source."""
    found = _profile(source, table)
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
