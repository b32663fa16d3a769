"""``rongqiao bench``: long measurements, each printing one JSON object."""

from __future__ import annotations

import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Annotated, Any

import duckdb
import typer

from config.indicator_bench import indicators
from config.indicator_growth_bench import refresh, training
from config.matching_bench import matching
from rongqiao.contracts.delivery_files import read_name
from rongqiao.kernel.home import home
from rongqiao.lake.engine import literal
from rongqiao.synth.province import write_province

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="测速：治理、数据接口、企业认定、指标、全省匹配、企业画像",
)

#: Every so many rows go into the correction that is measured: one percent.
CORRECTED_EVERY = 100
UTF8_MARK = b"\xef\xbb\xbf"


@app.callback()
def bench() -> None:
    """Measure; nothing of the installation is touched."""


@app.command(help="治理全省报送：与 DuckDB 直读同样文件之比、重复与更正报送之比、内存峰值")
def governance(
    enterprises: Annotated[int, typer.Option(help="企业数量")] = 100_000,
    deliveries: Annotated[Path | None, typer.Option(help="已有的报送文件夹；缺省则先生成，不计时")] = None,
    lake: Annotated[Path | None, typer.Option(help="留存治理后的数据湖，供其他测速使用；缺省则不留")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="以 JSON 输出")] = False,
) -> None:
    """Govern a province's deliveries in a process of its own, again, and with a correction of one percent."""
    with tempfile.TemporaryDirectory(prefix="rq-bench-") as name:
        place = Path(name)
        if deliveries is None:
            write_province(
                place / "province",
                enterprises=enterprises,
                workers=os.cpu_count() or 1,
                market_enterprises=0,
            )
            deliveries = place / "province" / "deliveries"
        baseline = _read_straight(deliveries, place)
        lake = lake or place / "lake"
        first = _govern(deliveries, lake)
        again = _govern(deliveries, lake)
        corrected = _govern(_write_corrections(deliveries, place / "corrections"), lake)
    result = {
        "enterprises": enterprises,
        "rows": first["rows"],
        "seconds": first["seconds"],
        "rows_per_second": round(first["rows"] / first["seconds"]),
        "peak_rss_bytes": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024,
        "duckdb_rows": baseline["rows"],
        "duckdb_seconds": baseline["seconds"],
        "ratio_to_duckdb": round(first["seconds"] / baseline["seconds"], 2),
        "second_run_ratio": round(again["seconds"] / first["seconds"], 4),
        "correction_rows": corrected["rows"],
        "correction_ratio": round(corrected["seconds"] / first["seconds"], 4),
    }
    typer.echo(
        json.dumps(result) if as_json else "\n".join(f"{key:<18} {value}" for key, value in result.items())
    )


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
    from config.resolution_bench import measure_labelled, measure_planted

    results = measure_labelled(labelled) if labelled else [measure_planted(enterprises, rows, seed=seed)]
    for result in results:
        shown = "\n".join(f"{key:<24} {'—' if value is None else value}" for key, value in result.items())
        typer.echo(json.dumps(result, ensure_ascii=False) if as_json else shown + "\n")


app.command(help="全省匹配：全部产品 × 全部企业，与为 DuckDB 手写的 SQL 之比、内存峰值")(matching)
app.command(help="指标：全部企业的全部指标，与只读输入、只写输出之比")(indicators)
app.command(help="指标更新：百分之一的企业有变化的一天，与全量计算之比，按湖的 1%、10%、100%")(refresh)
app.command(name="training-set", help="训练集：每行各有时点的名单，按行数的 1%、10%、100%")(training)


@app.command(help="数据接口：已签名、已留痕、已核授权的每秒读取次数与耗时（本机自起服务，只读数据湖）")
def interfaces(
    lake: Annotated[Path | None, typer.Option(help="已治理的数据湖；缺省则先生成，不计时")] = None,
    enterprises: Annotated[int, typer.Option(help="缺省数据湖的企业数量")] = 20_000,
    seconds: Annotated[int, typer.Option(help="两次测量各多少秒")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="以 JSON 输出")] = False,
) -> None:
    """Measure the data interface on a server, database and store of its own."""
    options = ["--enterprises", str(enterprises), "--seconds", str(seconds)]
    if lake is not None:
        options += ["--lake", str(lake)]
    _run_script("data_interface.py", options, as_json=as_json)


@app.command(help="企业画像：任一企业的数据与页面耗时（本人、银行、政府三种视图），库中有许多企业")
def portrait(
    enterprises: Annotated[int, typer.Option(help="先生成、治理、计算并发布的企业数量，不计时")] = 300,
    portraits: Annotated[int, typer.Option(help="库中画像数量；多出的由已有的复制而成")] = 20_000,
    samples: Annotated[int, typer.Option(help="随机读取多少户")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="以 JSON 输出")] = False,
) -> None:
    """Measure portraits in an installation of their own."""
    sizes = {"--enterprises": enterprises, "--portraits": portraits, "--samples": samples}
    options = [str(each) for pair in sizes.items() for each in pair]
    _run_script("portrait.py", options, as_json=as_json)


def _run_script(name: str, options: list[str], *, as_json: bool) -> None:
    command = [sys.executable, str(home() / "bench" / name), *options]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own command line
    result = json.loads(done.stdout.splitlines()[-1])
    typer.echo(
        json.dumps(result) if as_json else "\n".join(f"{key:<24} {value}" for key, value in result.items())
    )


def _govern(folder: Path, lake: Path) -> dict[str, Any]:
    """Run the six steps as an operator does; seconds are the command's own, without the start of Python."""
    command = [sys.executable, "-m", "config.cli", "govern", str(folder), "--lake", str(lake), "--json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - our own command line
    report = json.loads(done.stdout)
    return {"seconds": report["seconds"], "rows": sum(file["rows_in"] for file in report["files"])}


def _read_straight(deliveries: Path, place: Path) -> dict[str, Any]:
    """Time DuckDB reading the same files into Parquet, without any check.

    DuckDB reads no GB18030 and no workbooks: it is given the text in UTF-8, compressed as delivered, and workbooks are left out.
    Both favour the baseline.
    """
    seconds, rows = 0.0, 0
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        for path in sorted(deliveries.glob("*/*")):
            if ".xlsx" in path.name:
                continue
            plain = place / f"plain{path.name[path.name.index('.') :]}"
            _copy_as_utf8(path, plain)
            query = _reading(plain)
            started = time.perf_counter()
            found = connection.execute(
                f"COPY ({query}) TO {literal(str(place / 'straight.parquet'))} (FORMAT parquet)"
            ).fetchone()
            seconds += time.perf_counter() - started
            rows += found[0] if found else 0
            plain.unlink()
    return {"seconds": round(seconds, 2), "rows": rows}


def _reading(path: Path) -> str:
    if ".jsonl" in path.name:
        with _open(path, "rb") as file:
            keys = json.loads(file.readline())
        columns = ", ".join(f"{literal(key)}: 'VARCHAR'" for key in keys)
        return f"SELECT * FROM read_json({literal(str(path))}, format = 'newline_delimited', columns = {{{columns}}})"  # noqa: S608
    options = "all_varchar = true, header = true, delim = ',', quote = '\"', ignore_errors = true"
    return f"SELECT * FROM read_csv({literal(str(path))}, {options})"  # noqa: S608


def _open(path: Path, mode: str) -> IO[bytes]:
    if path.suffix == ".gz":
        return gzip.open(path, mode, compresslevel=1)  # type: ignore[return-value]
    return path.open(mode)


def _copy_as_utf8(source: Path, target: Path) -> None:
    with _open(source, "rb") as read:
        text = read.read()
    try:
        text.decode()
    except UnicodeDecodeError:
        text = text.decode("gb18030", errors="replace").encode()
    with _open(target, "wb") as write:
        write.write(text.removeprefix(UTF8_MARK))


def _write_corrections(deliveries: Path, target: Path) -> Path:
    """Send one row of a hundred again, in files that say they are corrections."""
    for path in sorted(deliveries.glob("*/*.csv*")):
        name = read_name(path.name)
        if name is None or name[1]:
            continue
        with _open(path, "rb") as read:
            lines = read.read().split(b"\n")
        chosen = [lines[0], *lines[1:-1:CORRECTED_EVERY]]
        folder = target / path.parent.name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name[0].isoformat()}_onepercent.csv").write_bytes(b"\n".join(chosen) + b"\n")
    return target
