"""``rongqiao synth``: write a small living province, the same for the same seed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rongqiao.synth.dirt import DirtRates
from rongqiao.synth.province import CHUNK_ROWS, DEFAULT_SEED, write_province

Out = Annotated[Path, typer.Option(help="Folder for deliveries/, truth/ and market/.")]

app = typer.Typer(help="Write a synthetic province: deliveries, truth and market history.")


@app.command()
def synth(
    out: Out,
    enterprises: Annotated[int, typer.Option(help="Number of enterprises.")] = 20_000,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = DEFAULT_SEED,
    as_of: Annotated[int, typer.Option(help="Last complete month, YYYYMM.")] = 202610,
    months: Annotated[int, typer.Option(help="Months of market history.")] = 24,
    chunk: Annotated[int, typer.Option(help="Enterprises in memory at a time.")] = CHUNK_ROWS,
    dirt: Annotated[float, typer.Option(help="Share of rows with a planted mistake.")] = 0.02,
) -> None:
    """Write deliveries as departments send them, the truth behind them, and the market's history."""
    province = write_province(
        out,
        enterprises=enterprises,
        seed=seed,
        as_of=as_of,
        months=months,
        chunk_rows=chunk,
        rates=DirtRates(share=dirt),
        on_progress=lambda done, total: typer.echo(f"{done}/{total} enterprises", err=True),
    )
    typer.echo(
        f"{province.enterprises} enterprises: {province.delivery_rows} rows in {province.delivery_files} files, "
        f"{province.dirty_rows} planted mistakes"
    )
    for name, lines in province.market.items():
        typer.echo(f"market/{name}.jsonl: {lines}")
