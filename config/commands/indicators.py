"""``rongqiao indicators``: compute, list, check and document the declared indicators."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Annotated

import typer

from rongqiao.indicators import compute as compute_wide
from rongqiao.indicators import load_indicators, write_indicators
from rongqiao.indicators.reference import reference_path, write_reference
from rongqiao.indicators.verification import find_duplicates, find_problems, specified
from rongqiao.lake.tables import Lake

app = typer.Typer(add_completion=False, no_args_is_help=True, help="指标：计算、列出、检查、编目")
AsOf = Annotated[int, typer.Option("--as-of", help="数据截止月份，如 202610")]
KnownAt = Annotated[
    dt.datetime, typer.Option("--known-at", formats=["%Y-%m-%d"], help="只计此日及以前收到的数据")
]
Root = Annotated[Path | None, typer.Option("--lake", help="数据湖位置；默认为本站的湖")]


@app.command(help="计算全部企业的全部指标并存入湖，同一期只存一次")
def compute(as_of: AsOf, known_at: KnownAt, lake: Root = None) -> None:
    """Compute all indicators of all enterprises and keep them in the lake, once per pair of times."""
    written = write_indicators(Lake(lake), as_of=as_of, known_at=known_at.date())
    typer.echo("已计算并写入。" if written else "已有该期指标，未重复写入。")


@app.command(name="list", help="列出全部已声明的指标")
def list_indicators(*, as_json: Annotated[bool, typer.Option("--json", help="以 JSON 输出")] = False) -> None:
    """List the declared indicators."""
    declared = [item.as_dict() for item in load_indicators().values()]
    if as_json:
        typer.echo(json.dumps(declared, ensure_ascii=False, indent=1))
        return
    for item in declared:
        typer.echo(
            f"{item['id']}  {item['title']}（{item['unit']}，{item['window']}）  ← {'、'.join(item['sources'])}"
        )
    typer.echo(f"共 {len(declared)} 个指标。")


@app.command(
    help="检查每个指标的用例、来源、说明与取值；给出 --as-of 时再查本湖中有无取值全同的两个指标；有问题则以 1 退出"
)
def check(
    as_of: Annotated[int | None, typer.Option("--as-of", help="数据截止月份，如 202610")] = None,
    known_at: Annotated[
        dt.datetime | None, typer.Option("--known-at", formats=["%Y-%m-%d"], help="只计此日及以前收到的数据")
    ] = None,
    lake: Root = None,
) -> None:
    """Check the declarations, and with two times whether any two compute the same values in the lake; exit 1 if not well."""
    problems = find_problems(specified())
    if as_of and known_at:
        wide = compute_wide(Lake(lake), as_of=as_of, known_at=known_at.date())
        problems += [f"取值全同：{'、'.join(names)}" for names in find_duplicates(wide)]
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        raise typer.Exit(1)
    typer.echo(f"{len(load_indicators())} 个指标全部通过。")


@app.command(help="更新 docs/indicators.md，即全部指标的对照表")
def docs() -> None:
    """Renew the reference of all indicators."""
    changed = write_reference()
    typer.echo(f"{reference_path()} {'已更新。' if changed else '已是最新。'}")
