"""``rongqiao indicators``: compute, list, check and document the declared indicators."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Annotated

import typer

from rongqiao.contracts.catalog import consent_data_classes
from rongqiao.contracts.standards import load_contracts
from rongqiao.indicators import load_indicators, write_indicators
from rongqiao.indicators.reference import reference_path, write_reference
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


@app.command(help="检查每个指标所引数据标准与授权类别是否存在；否则以 1 退出")
def check() -> None:
    """Check that every indicator names contracts and a class of data that exist; exit 1 if not."""
    contracts, classes = load_contracts(), consent_data_classes()
    problems = []
    for item in load_indicators().values():
        problems += [f"{item.id}: 没有数据标准 {name}" for name in item.sources if name not in contracts]
        if item.consent_class not in classes:
            problems.append(f"{item.id}: 没有数据类别 {item.consent_class}")
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
