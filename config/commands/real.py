"""``rongqiao real``: run published data sets through the same steps, indicators and scoring as the province."""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict
from pathlib import Path  # noqa: TC003  (Typer reads annotations at run time)
from typing import TYPE_CHECKING, Annotated, Any

import typer

from config.commands.govern import AsJson, LakeRoot, ledger_of, show_progress
from rongqiao.governance.lane import FileReport
from rongqiao.governance.pipeline import govern
from rongqiao.governance.sources import cumcm2020c as source
from rongqiao.kernel.home import var
from rongqiao.lake.engine import connect, quote
from rongqiao.lake.tables import Lake

if TYPE_CHECKING:
    import pyarrow as pa

app = typer.Typer(add_completion=False, no_args_is_help=True, help="公开数据集：走同样的治理、指标与评价")

INVOICES = "taxation.vat_invoice"
CREDIT = "published/bank.enterprise_credit"
#: What the bank knows of each enterprise and the rating is measured against.
OUTCOME_ITEMS = ("bank_grade", "is_defaulted")


@app.callback(help="公开数据集：走同样的治理、指标与评价")
def real() -> None:
    """Run published data sets through the platform."""


@app.command(help="2020 年数学建模竞赛 C 题：治理 1,099,441 张发票，算指标、评级，并与银行记录比对")
def cumcm2020c(
    data: Annotated[Path, typer.Option("--data", help="数据集原样所在的文件夹")],
    lake: LakeRoot = None,
    as_of: Annotated[int | None, typer.Option("--as-of", help="数据截止月份；默认为数据中最后一月")] = None,
    as_json: AsJson = False,
) -> None:
    """CUMCM 2020 problem C: govern 1,099,441 invoices, compute indicators, rate, and compare with the bank's defaults."""
    started = time.monotonic()
    root = lake or var() / "real" / "cumcm2020c"
    opened = Lake(root)
    report = govern(source.find_deliveries(data), opened, ledger_of(root), on_progress=show_progress)
    typer.echo("", err=True)
    month = as_of or _last_month(opened)
    wide = _compute(opened, month)
    found = {
        "as_of": month,
        "files": {file.file_name: _counts(file) for file in _all_files(opened, report.files)},
        "indicators": _values(wide),
        **_evaluate(opened, wide),
        "seconds": round(time.monotonic() - started, 2),
    }
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for name, counts in found["files"].items():
        typer.echo(
            f"{name:<40} {counts['rows_in']:>8} in {counts['rows_accepted']:>8} accepted "
            f"{counts['rows_quarantined']:>6} quarantined {counts['quarantined_by_rule']}"
        )
    typer.echo(f"as of {month}: {len(found['indicators'])} enterprises, {len(_names(wide))} indicators")
    typer.echo(
        f"AUC {found['auc']:.4f}, KS {found['ks']:.4f}; the bank's own grade: AUC {found['bank_grade_auc']:.4f}"
    )
    typer.echo(f"{found['seconds']} s")


def _counts(file: FileReport) -> dict[str, Any]:
    named = asdict(file)
    return {
        key: named[key] for key in ("rows_in", "rows_accepted", "rows_quarantined", "quarantined_by_rule")
    }


def _all_files(lake: Lake, fresh: list[FileReport]) -> list[FileReport]:
    """Files of this run, and those that the lake holds from runs before."""
    tables = ["operations/receipts", "operations/quarantine"]
    with connect(lake, [table for table in tables if lake.exists(table)]) as connection:
        receipts = connection.execute(
            "SELECT contract_id, file_name, batch_id, rows_in, rows_accepted, rows_quarantined "
            'FROM "operations/receipts" ORDER BY contract_id, file_name'
        ).fetchall()
        counted = (
            connection.execute(
                'SELECT batch_id, rule_id, count(*) FROM "operations/quarantine" GROUP BY ALL ORDER BY ALL'
            ).fetchall()
            if lake.exists(tables[1])
            else []
        )
    known = {file.batch_id: file for file in fresh}
    rules: dict[str, dict[str, int]] = {}
    for batch_id, rule_id, count in counted:
        rules.setdefault(batch_id, {})[rule_id] = count
    return [
        known.get(row[2]) or FileReport(row[0], row[1], row[2], row[3], row[4], row[5], rules.get(row[2], {}))
        for row in receipts
    ]


def _last_month(lake: Lake) -> int:
    table = f"published/{INVOICES}"
    with connect(lake, [table]) as connection:
        query = f"SELECT year(max(issued_on)) * 100 + month(max(issued_on)) FROM {quote(table)}"  # noqa: S608  (a constant name)
        return int(connection.sql(query).fetchall()[0][0])


def _compute(lake: Lake, month: int) -> pa.Table:
    """Compute every indicator that reads nothing but invoices."""
    from rongqiao.indicators import compute, load_indicators

    declared = load_indicators()
    direct = {name for name, item in declared.items() if INVOICES in item.source.contracts}
    derived = {name for name, item in declared.items() if item.inputs and direct.issuperset(item.inputs)}
    chosen = [name for name in declared if name in direct | derived]
    return compute(lake, as_of=month, known_at=source.PUBLISHED_ON, only=chosen).sort_by("enterprise_id")


def _names(wide: pa.Table) -> list[str]:
    return [name for name in wide.column_names if f"{name}__status" in wide.column_names]


def _values(wide: pa.Table) -> dict[str, dict[str, float | None]]:
    """List indicators by enterprise; what is missing or not a number is null."""
    names = _names(wide)
    rows = wide.select(["enterprise_id", *names]).to_pylist()
    return {
        row["enterprise_id"]: {
            name: row[name] if row[name] is not None and math.isfinite(row[name]) else None for name in names
        }
        for row in rows
    }


def _evaluate(lake: Lake, wide: pa.Table) -> dict[str, Any]:
    """Cross-validate on the enterprises whose default is known; the bank's grade is a reference, never a feature."""
    import pyarrow as pa
    from sklearn.metrics import roc_auc_score

    from rongqiao.indicators import load_indicators
    from rongqiao.scoring.evaluation import cross_validate

    credit = lake.read(CREDIT, ["enterprise_id", *OUTCOME_ITEMS]).to_pylist()
    outcomes = {row["enterprise_id"]: row for row in credit if row["is_defaulted"] is not None}
    is_labelled = [name in outcomes for name in wide["enterprise_id"].to_pylist()]
    labelled = wide.filter(pa.array(is_labelled))
    known = [outcomes[name] for name in labelled["enterprise_id"].to_pylist()]
    target = [int(row["is_defaulted"]) for row in known]
    declared = load_indicators()
    directions = {name: str(declared[name].direction) for name in _names(wide)}
    result = cross_validate(labelled, target, directions=directions)
    return {
        **result.to_dict(),
        "bank_grade_auc": float(roc_auc_score(target, ["ABCD".index(row["bank_grade"]) for row in known])),
    }
