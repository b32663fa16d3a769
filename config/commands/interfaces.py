"""`rongqiao interfaces`: check the files of the data interfaces and build what they are served from."""

from __future__ import annotations

import json

import typer

from config.serving import build_serving
from rongqiao.contracts.interfaces import load_interfaces
from rongqiao.lake.tables import Lake

app = typer.Typer(add_completion=False, no_args_is_help=True, help="数据接口：核对与建库")


@app.command(help="核对 interfaces/ 下的全部接口文件")
def check(as_json: bool = typer.Option(False, "--json", help="以 JSON 输出")) -> None:
    """Read all files; a wrong one is named."""
    found = load_interfaces()
    if as_json:
        typer.echo(json.dumps({"interfaces": len(found), "ids": list(found)}, ensure_ascii=False))
        return
    for interface in found.values():
        typer.echo(f"{interface.id}\t{interface.version}\t{interface.title}")


@app.command(help="从数据湖增量建立接口服务库；可随时中断，再次运行会接着建")
def build() -> None:
    """Take in what the lake has new of every table that an interface answers from."""
    for table, files in build_serving(Lake()).items():
        typer.echo(f"{table}\t新增 {files} 个文件")
