"""``rongqiao bench governance``: a province's deliveries through the six steps, against DuckDB reading the same files straight."""

from __future__ import annotations

import io
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Annotated, Any

import duckdb
import typer
from isal import igzip

from rongqiao.contracts.delivery_files import read_name
from rongqiao.lake.engine import literal
from rongqiao.synth.province import write_province

#: Every so many rows go into the correction that is measured: one percent.
CORRECTED_EVERY = 100
#: Files of text, of which single rows can be sent again.
TEXTS = (".jsonl", ".csv")
#: Bytes by which a file's encoding is told, and by which it is copied.
PORTION = 4 << 20


def governance(
    enterprises: Annotated[int, typer.Option(help="企业数量")] = 100_000,
    deliveries: Annotated[Path | None, typer.Option(help="已有的报送文件夹；缺省则先生成，不计时")] = None,
    lake: Annotated[Path | None, typer.Option(help="留存治理后的数据湖，供其他测速使用；缺省则不留")] = None,
    is_handed_over: Annotated[
        bool | None,
        typer.Option(
            "--handed-over/--copied",
            help="报送文件留存时只建硬链接，省去一份副本的磁盘空间；自行生成的报送缺省如此，已有的缺省另存副本",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="以 JSON 输出")] = False,
) -> None:
    """Govern a province's deliveries in a process of its own, again, and with a correction of one percent."""
    with tempfile.TemporaryDirectory(prefix="rq-bench-") as name:
        place = Path(name)
        if is_handed_over is None:
            # What is drawn here nobody writes again.
            is_handed_over = deliveries is None
        if deliveries is None:
            _tell("生成报送文件", enterprises=enterprises)
            write_province(
                place / "province",
                enterprises=enterprises,
                workers=os.cpu_count() or 1,
                market_enterprises=0,
            )
            deliveries = place / "province" / "deliveries"
        _tell("DuckDB 直读", deliveries=str(deliveries))
        baseline = _read_straight(deliveries, place)
        lake = lake or place / "lake"
        _tell("首次治理", **baseline)
        first = _govern(deliveries, lake, is_handed_over=is_handed_over)
        _tell("重复报送", **first)
        again = _govern(deliveries, lake, is_handed_over=is_handed_over)
        _tell("百分之一更正", **again)
        corrections = _write_corrections(deliveries, place / "corrections")
        corrected = _govern(corrections, lake, is_handed_over=is_handed_over)
    result = {
        "enterprises": enterprises,
        "rows": first["rows"],
        "seconds": first["seconds"],
        "rows_per_second": round(first["rows"] / first["seconds"]),
        "processor_seconds": first["processor_seconds"],
        "peak_rss_bytes": first["peak_rss_bytes"],
        "duckdb_rows": baseline["rows"],
        "duckdb_seconds": baseline["seconds"],
        "ratio_to_duckdb": round(first["seconds"] / baseline["seconds"], 2),
        "second_run_ratio": round(again["seconds"] / first["seconds"], 4),
        "correction_rows": corrected["rows"],
        "is_handed_over": is_handed_over,
        "correction_ratio": round(corrected["seconds"] / first["seconds"], 4),
    }
    typer.echo(
        json.dumps(result) if as_json else "\n".join(f"{key:<18} {value}" for key, value in result.items())
    )


def _tell(stage: str, **known: Any) -> None:
    """Say on standard error what begins, and what the stage before it measured: a whole province takes an hour."""
    shown = " ".join(f"{key}={value}" for key, value in known.items())
    typer.echo(f"{time.strftime('%H:%M:%S')} {stage} {shown}".rstrip(), err=True)


def _govern(folder: Path, lake: Path, *, is_handed_over: bool) -> dict[str, Any]:
    """Run the six steps as an operator does; seconds are the command's own, without the start of Python."""
    command = [sys.executable, "-m", "config.cli", "govern", str(folder), "--lake", str(lake), "--json"]
    command += ["--handed-over"] * is_handed_over
    with subprocess.Popen(command, stdout=subprocess.PIPE) as running:  # noqa: S603 - our own command line
        told = running.stdout.read() if running.stdout else b""
        _, status, usage = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode:
        raise subprocess.CalledProcessError(running.returncode, command)
    report = json.loads(told)
    return {
        "seconds": report["seconds"],
        "rows": sum(file["rows_in"] for file in report["files"]),
        "processor_seconds": round(usage.ru_utime + usage.ru_stime, 2),
        "peak_rss_bytes": usage.ru_maxrss * 1024,
    }


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
            plain = _as_utf8(path, place)
            query = _reading(plain)
            started = time.perf_counter()
            found = connection.execute(
                f"COPY ({query}) TO {literal(str(place / 'straight.parquet'))} (FORMAT parquet)"
            ).fetchone()
            seconds += time.perf_counter() - started
            rows += found[0] if found else 0
            if plain != path:
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
        return igzip.open(path, mode, compresslevel=1)  # type: ignore[no-any-return]
    return path.open(mode)


def _as_utf8(source: Path, place: Path) -> Path:
    """Give the file itself where it is UTF-8, or a copy of it that is."""
    with _open(source, "rb") as read:
        # The last character may be cut in two.
        head = read.read(PORTION).rpartition(b"\n")[0]
        try:
            head.decode()
        except UnicodeDecodeError:
            pass
        else:
            return source
    target = place / f"plain{source.name[source.name.index('.') :]}"
    with _open(source, "rb") as read, _open(target, "wb") as write:
        text = io.TextIOWrapper(read, "gb18030", errors="replace", newline="")
        while portion := text.read(PORTION):
            write.write(portion.encode())
    return target


def _write_corrections(deliveries: Path, target: Path) -> Path:
    """Send one row of a hundred again, in files that say they are corrections."""
    for path in sorted(deliveries.glob("*/*")):
        name, suffix = read_name(path.name), next((each for each in TEXTS if each in path.name), None)
        if name is None or name[1] or suffix is None:
            continue
        folder = target / path.parent.name
        folder.mkdir(parents=True, exist_ok=True)
        with (
            _open(path, "rb") as read,
            (folder / f"{name[0].isoformat()}_onepercent{suffix}").open("wb") as write,
        ):
            if suffix == ".csv":
                write.write(read.readline())
            write.writelines(itertools.islice(read, 0, None, CORRECTED_EVERY))
    return target
