"""``rongqiao linkage``: the model of likeness, what was decided about one row, and taking it back."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path  # noqa: TC003  (Typer reads annotations at run time)
from typing import Annotated

import typer

from rongqiao.lake.tables import Lake
from rongqiao.rules.working_days import ZONE

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="企业认定：概率模型、一行的认定经过、撤销认定"
)


@app.callback()
def linkage() -> None:
    """Keep the model of likeness; a version is never edited."""


@app.command(help="以合成省份估计一版模型的权重；阈值与来源须另写同名 .yaml")
def train(
    target: Annotated[Path, typer.Argument(help="写入的文件，如 catalog/linkage/202701.json")],
    enterprises: Annotated[int, typer.Option(help="登记库企业数量")] = 100_000,
    rows: Annotated[int, typer.Option(help="报送行数")] = 50_000,
    seed: Annotated[int, typer.Option(help="随机种子")] = 43,
) -> None:
    """Estimate the weights on planted identities, and write them beside the declaration of the version."""
    # Few commands need the matcher.
    from config.resolution_bench import train_model

    if target.exists():
        raise typer.BadParameter(f"{target} 已存在；每版只写一次，请换一个版本号。")
    train_model(target, enterprises=enterprises, rows=rows, seed=seed)
    typer.echo(f"已写入 {target}")


@app.command(help="一行数据的认定经过：方法、依据、认定给谁、撤销者与原因")
def history(
    batch: Annotated[str, typer.Argument(help="批次，如 taxation.tax_filing@1f…")],
    line: Annotated[int, typer.Argument(help="文件中的行号")],
    lake: Annotated[Path | None, typer.Option("--lake", help="数据湖位置；默认为本站的湖")] = None,
) -> None:
    """List everything that was decided about one row, oldest first, one JSON object per line."""
    from rongqiao.governance.resolution.withdrawal import history_of

    for entry in history_of(Lake(lake), batch, line):
        typer.echo(json.dumps(entry, ensure_ascii=False, default=str))


@app.command(help="撤销一行的认定：自今日起不再计入该企业，退回待人工认定；先前出具的报告不变")
def undo(
    batch: Annotated[str, typer.Argument(help="批次，如 taxation.tax_filing@1f…")],
    line: Annotated[int, typer.Argument(help="文件中的行号")],
    by: Annotated[str, typer.Option(help="撤销人")],
    reason: Annotated[str, typer.Option(help="撤销原因，长期保留")],
    lake: Annotated[Path | None, typer.Option("--lake", help="数据湖位置；默认为本站的湖")] = None,
) -> None:
    """Take back the assignment of one row from today on."""
    from rongqiao.governance.resolution.withdrawal import withdraw

    enterprise = withdraw(
        Lake(lake),
        contract_id=batch.partition("@")[0],
        batch_id=batch,
        line=line,
        known_at=dt.datetime.now(ZONE).date(),
        by=by,
        reason=reason,
    )
    typer.echo(
        f"已撤销：{batch} 第 {line} 行不再认定为 {enterprise}；运行 rongqiao database publish 后门户随之更新。"
    )
