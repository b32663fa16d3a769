"""``rongqiao synth``: write a small living province, the same for the same seed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from rongqiao.synth.dirt import DirtRates
from rongqiao.synth.province import DEFAULT_SEED, write_province

Out = Annotated[Path, typer.Option(help="输出文件夹：deliveries/、truth/ 与 market/")]

app = typer.Typer(add_completion=False)


@app.command(help="生成合成省份：部门报送文件、真值与市场历史")
def synth(
    out: Out,
    enterprises: Annotated[int, typer.Option(help="企业数量")] = 20_000,
    seed: Annotated[int, typer.Option(help="种子；相同种子得到相同字节")] = DEFAULT_SEED,
    as_of: Annotated[int, typer.Option(help="数据截止月份，如 202610")] = 202610,
    months: Annotated[int, typer.Option(help="市场历史的月数")] = 24,
    chunk: Annotated[int | None, typer.Option(help="每次驻留内存的企业数；缺省按规模而定")] = None,
    workers: Annotated[int, typer.Option(help="并行进程数；不影响内容")] = os.cpu_count() or 1,
    dirt: Annotated[float, typer.Option(help="埋有差错的行所占比例")] = 0.02,
) -> None:
    """Write deliveries as departments send them, the truth behind them, and the market's history."""
    province = write_province(
        out,
        enterprises=enterprises,
        seed=seed,
        as_of=as_of,
        months=months,
        chunk_rows=chunk,
        workers=workers,
        rates=DirtRates(share=dirt),
        on_progress=lambda done, total: typer.echo(f"{done}/{total} enterprises", err=True),
    )
    typer.echo(
        f"{province.enterprises} enterprises: {province.delivery_rows} rows in {province.delivery_files} files, "
        f"{province.dirty_rows} planted mistakes"
    )
    for name, lines in province.market.items():
        typer.echo(f"market/{name}.jsonl: {lines}")
