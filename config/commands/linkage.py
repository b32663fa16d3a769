"""``rongqiao linkage train``: estimates another version of the model of likeness."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  (Typer reads annotations at run time)
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, no_args_is_help=True, help="企业认定的概率模型：估计新版本")


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
