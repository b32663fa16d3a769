"""``rongqiao bench``: long measurements, each printing one JSON object."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path  # noqa: TC003 - Typer reads the annotations
from typing import Annotated

import typer

from config.governance_bench import governance
from config.indicator_bench import indicators
from config.indicator_growth_bench import refresh, training
from config.matching_bench import matching
from rongqiao.kernel.home import home

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="测速：治理、数据接口、企业认定、指标、全省匹配、全省筛选、企业画像",
)


@app.callback()
def bench() -> None:
    """Measure; nothing of the installation is touched."""


@app.command(help="企业认定：按植入的真值测准确率、召回率、分块损失与耗时；或在公开的标注数据集上测 Splink")
def resolution(
    enterprises: Annotated[int, typer.Option(help="登记库企业数量")] = 100_000,
    rows: Annotated[int, typer.Option(help="报送行数")] = 50_000,
    seed: Annotated[int, typer.Option(help="随机种子；模型以 43 训练，请用其他数")] = 7,
    labelled: Annotated[Path | None, typer.Option(help="标注数据集文件夹；给出则只测它们")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="以 JSON 输出")] = False,
) -> None:
    """Measure precision, recall, blocking loss, seconds and memory of the recognition of enterprises."""
    # Only this command needs it, and with it the matcher.
    from config.labelled_sets_bench import measure_labelled
    from config.resolution_bench import measure_planted

    results = measure_labelled(labelled) if labelled else [measure_planted(enterprises, rows, seed=seed)]
    for result in results:
        shown = "\n".join(f"{key:<24} {'—' if value is None else value}" for key, value in result.items())
        typer.echo(json.dumps(result, ensure_ascii=False) if as_json else shown + "\n")


app.command(help="治理全省报送：与 DuckDB 直读同样文件之比、重复与更正报送之比、内存峰值")(governance)
app.command(help="全省匹配：全部产品 × 全部企业，与为 DuckDB 手写的 SQL 之比、内存峰值")(matching)
app.command(help="指标：全部企业的全部指标，与只读输入、只写输出之比")(indicators)
app.command(help="指标更新：百分之一的企业有变化的一天，与全量计算之比，按湖的 1%、10%、100%")(refresh)
app.command(name="training-set", help="训练集：每行各有时点的名单，按行数的 1%、10%、100%")(training)


@app.command(help="数据接口：已签名、已留痕、已核授权的每秒读取次数与耗时（本机自起服务）")
def interfaces(
    enterprises: Annotated[int, typer.Option(help="企业数量（每户的申报记录随机生成，不计时）")] = 20_000,
    seconds: Annotated[int, typer.Option(help="两次测量各多少秒")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="以 JSON 输出")] = False,
) -> None:
    """Measure the data interface on a server, database and store of its own."""
    sizes = ["--enterprises", str(enterprises), "--seconds", str(seconds)]
    _run_script("data_interface.py", sizes, as_json=as_json)


@app.command(help="全省筛选：六个条件的即时计数与分布，随机抽取的条件组，按企业数的 1%、10%、100%")
def screening(
    enterprises: Annotated[int, typer.Option(help="企业数量（指标值随机生成）")] = 200_000,
    samples: Annotated[int, typer.Option(help="条件组数量")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="以 JSON 输出")] = False,
) -> None:
    """Measure live counts of screening lists in an installation of their own."""
    _run_script(
        "screening.py", ["--enterprises", str(enterprises), "--samples", str(samples)], as_json=as_json
    )


@app.command(
    help="企业画像：发布耗时与每户所占磁盘，任一企业的数据与页面耗时（本人、银行、政府三种视图），库中有许多企业"
)
def portrait(
    lake: Annotated[Path | None, typer.Option(help="已治理、计算并评级的数据湖；给出则发布它，只读")] = None,
    enterprises: Annotated[int, typer.Option(help="缺省数据湖的企业数量：先生成、治理、计算，不计时")] = 300,
    portraits: Annotated[int, typer.Option(help="库中画像数量；多出的由已有的复制而成")] = 20_000,
    samples: Annotated[int, typer.Option(help="随机读取多少户")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="以 JSON 输出")] = False,
) -> None:
    """Measure portraits in an installation of their own."""
    sizes = {"--enterprises": enterprises, "--portraits": portraits, "--samples": samples}
    options = [str(each) for pair in sizes.items() for each in pair]
    if lake is not None:
        options += ["--lake", str(lake)]
    _run_script("portrait.py", options, as_json=as_json)


def _run_script(name: str, options: list[str], *, as_json: bool) -> None:
    command = [sys.executable, str(home() / "bench" / name), *options]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own command line
    result = json.loads(done.stdout.splitlines()[-1])
    typer.echo(
        json.dumps(result) if as_json else "\n".join(f"{key:<24} {value}" for key, value in result.items())
    )
