"""``rongqiao collect``: declared collectors, where they stand, and their runs."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from config.database import setup_django
from rongqiao.contracts.collectors import KINDS, ZONE, collectors_folder, load_collectors
from rongqiao.governance.collectors import Place
from rongqiao.governance.collectors.state import load_state

if TYPE_CHECKING:
    from rongqiao.governance.collectors import Outcome

app = typer.Typer(add_completion=False, no_args_is_help=True, help="自动采集：数据库、接口与共享目录")

AsJson = Annotated[bool, typer.Option("--json", help="以 JSON 输出")]
WORDS = {
    "delivered": "已采集",
    "nothing_new": "没有新数据",
    "already_today": "今日已采集，明日再采",
    "refused": "文件退回",
    "failed": "未成功",
    "busy": "另一任务正在采集",
}


@app.command("list", help="列出全部采集声明与各自的水位、熔断状态")
def list_collectors(as_json: AsJson = False) -> None:
    """Show what is declared, from the files alone."""
    found = load_collectors()
    if as_json:
        typer.echo(json.dumps([each.model_dump(mode="json") for each in found.values()], ensure_ascii=False))
        return
    for each in found.values():
        state = load_state(Place.here().state / each.id)
        typer.echo(
            f"{each.id:<24} {KINDS[each.kind]} {each.schedule.words} {each.contract} {each.title}："
            f"第 {state.sequence} 份，水位 {state.watermark or '无'}，熔断 {state.breaker.state}"
        )
    if not found:
        typer.echo(f"没有采集声明；把 YAML 文件放进 {collectors_folder()}，写法见 docs/collectors.md。")


@app.command(help="立即采集；不写名字则采集全部到点的")
def run(
    names: Annotated[list[str] | None, typer.Argument(help="采集任务；默认为全部到点的")] = None,
    as_json: AsJson = False,
) -> None:
    """Collect now; the exit code is 1 where one did not succeed."""
    setup_django()
    from config.collecting import collect, due_collectors

    outcomes = {name: collect(name) for name in names or due_collectors()}
    if as_json:
        typer.echo(
            json.dumps(
                {name: asdict(each) for name, each in outcomes.items()}, ensure_ascii=False, default=str
            )
        )
    else:
        for name, outcome in outcomes.items():
            _print(name, outcome)
    if any(outcome.result == "failed" for outcome in outcomes.values()):
        raise typer.Exit(1)


@app.command(help="把办理失败、已另存的采集文件重新交给治理")
def retry(names: Annotated[list[str], typer.Argument(help="文件名，见采集记录")]) -> None:
    """Lay files that were put aside among the deliveries again; the minute's job takes them up."""
    setup_django()
    from config.collecting import retry_refused

    for name in names:
        typer.echo(str(retry_refused(name)))


@app.command(help="持续采集：到点即采，Ctrl-C 结束；门户的后台任务也会做同样的事")
def watch(
    every: Annotated[int, typer.Option("--every", min=1, help="每隔多少秒看一次")] = 30,
) -> None:
    """Run what is due, again and again; a second one beside it is harmless."""
    setup_django()
    from config.collecting import collect, due_collectors

    while True:
        for name in due_collectors():
            _print(name, collect(name))
        time.sleep(every)


def _print(name: str, outcome: Outcome) -> None:
    counted = "" if outcome.rows is None else f" {outcome.rows} 行（另有 {outcome.repeated} 行已知）"
    typer.echo(f"{name} {WORDS[outcome.result]}{counted} {' '.join(outcome.files)}".rstrip())
    for text in outcome.refused:
        typer.echo(f"  退回 {text}", err=True)
    if outcome.unmarked:
        typer.echo(f"  {outcome.unmarked} 行没有水位，未采集", err=True)
    if outcome.problem:
        typer.echo(f"  {outcome.problem}。{outcome.remedy}", err=True)
    if outcome.detail:
        typer.echo(f"  技术信息：{outcome.detail}", err=True)
    if outcome.breaker.until:
        typer.echo(f"  已熔断，{outcome.breaker.until.astimezone(ZONE):%Y-%m-%d %H:%M:%S} 后试一次", err=True)
