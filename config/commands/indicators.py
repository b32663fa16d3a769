"""``rongqiao indicators``: compute, list, check and document the declared indicators."""

from __future__ import annotations

import datetime as dt
import json
import tempfile
from pathlib import Path
from typing import Annotated

import pyarrow as pa
import typer
from pyarrow import csv, parquet

from config.town import publish_town
from rongqiao.indicators import compute as compute_wide
from rongqiao.indicators import load_indicators, write_indicators
from rongqiao.indicators.health import examine, write_health
from rongqiao.indicators.peers import write_peers
from rongqiao.indicators.reference import reference_path, write_reference
from rongqiao.indicators.refreshing import refresh_indicators
from rongqiao.indicators.suspension import settle_states
from rongqiao.indicators.training_sets import left_out, training_set
from rongqiao.indicators.verification import find_duplicates, find_problems, specified
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.lake.tables import Lake

#: When the town is looked at: a month, and a day after all of it was delivered.
TOWN_MONTH, TOWN_DAY = 202610, dt.date(2026, 11, 30)

app = typer.Typer(add_completion=False, no_args_is_help=True, help="指标：计算、列出、检查、编目")
AsOf = Annotated[int, typer.Option("--as-of", help="数据截止月份，如 202610")]
KnownAt = Annotated[
    dt.datetime, typer.Option("--known-at", formats=["%Y-%m-%d"], help="只计此日及以前收到的数据")
]
Root = Annotated[Path | None, typer.Option("--lake", help="数据湖位置；默认为本站的湖")]


@app.command(
    help="计算全部企业的全部指标、其分布与健康度并存入湖，未达标的暂停使用；同一期只存一次；设有 RONGQIAO_SPARK_MASTER 则由 Spark 计算"
)
def compute(as_of: AsOf, known_at: KnownAt, lake: Root = None) -> None:
    """Compute all indicators of all enterprises, their spread and health, and suspend what fails; once per pair of times."""
    kept, on = Lake(lake), known_at.date()
    written = write_indicators(kept, as_of=as_of, known_at=on, on_progress=_tell)
    typer.echo("已计算并写入。" if written else "已有该期指标，未重复写入。")
    write_peers(kept, as_of=as_of, known_at=on)
    write_health(kept, as_of=as_of, known_at=on)
    settle_states(kept, as_of=as_of, known_at=on)


@app.command(
    help="把某月指标更新到某日：只重算有新报送、更正、撤回、到期或受关联企业影响的企业，结果与全量计算相同；无变化则不写入"
)
def refresh(as_of: AsOf, known_at: KnownAt, lake: Root = None) -> None:
    """Bring the month's indicators up to a day by computing only whose values can differ."""
    kept, on = Lake(lake), known_at.date()
    done = refresh_indicators(kept, as_of=as_of, known_at=on, on_progress=_tell)
    if not done.is_written:
        typer.echo(f"与 {done.base} 所算相比没有变化，未写入。")
        return
    if done.computed is None:
        typer.echo(f"已全部重新计算：{'；'.join(done.reasons)}。")
    else:
        typer.echo(f"已在 {done.base} 的结果上更新 {done.computed:,} 户，其余沿用。")
    typer.echo("同类企业中的分布未随之更新，仍为其上次计算之日；需要时运行 `rongqiao indicators compute`。")


@app.command(
    name="training-set",
    help="按名单逐行计算训练用指标：每家企业只看自己时点当时为真且已收到的数据；名单为 CSV，列 enterprise_id、as_of、known_at",
)
def write_training_set(
    spine: Annotated[Path, typer.Option("--spine", help="名单，CSV", exists=True, dir_okay=False)],
    output: Annotated[Path, typer.Option("--output", help="结果，Parquet，与名单同序")],
    lake: Root = None,
) -> None:
    """Compute the indicators of each line of a list at the line's own two times."""
    kinds = {"enterprise_id": pa.string(), "as_of": pa.int64(), "known_at": pa.date32()}
    options = csv.ConvertOptions(column_types=kinds, strings_can_be_null=True)
    try:
        lines = csv.read_csv(spine, convert_options=options)
    except pa.ArrowInvalid as error:
        raise InvalidValueError(
            "训练集名单", str(spine), f"as_of 写作 202610，known_at 写作 2026-11-20；{error}"
        ) from error
    rows = training_set(Lake(lake), lines)
    parquet.write_table(rows, output)
    left = left_out()
    typer.echo(f"{rows.num_rows:,} 行，{(rows.num_columns - 3) // 2} 个指标 → {output}")
    typer.echo(f"{len(left)} 个指标要看其他企业的数据，不能按各自时点计算，未列入：{'、'.join(left)}")


def _tell(done: int, total: int) -> None:
    typer.echo(f"已算完 {done}/{total} 部分", err=True)


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


@app.command(
    help="检查每个指标的用例、来源与说明是否齐全，并在样板镇上查有无取值全同的两个指标；有问题则以 1 退出"
)
def check() -> None:
    """Check that every declaration is whole, and that no two compute the same values on the town; exit 1 if not."""
    problems = find_problems(specified())
    with tempfile.TemporaryDirectory(prefix="rq-town-") as folder:
        town = Lake(folder)
        publish_town(town, as_of=TOWN_MONTH)
        wide = compute_wide(town, as_of=TOWN_MONTH, known_at=TOWN_DAY)
    problems += [f"取值全同：{'、'.join(names)}" for names in find_duplicates(wide)]
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        raise typer.Exit(1)
    typer.echo(f"{len(load_indicators())} 个指标全部通过。")


@app.command(help="列出每个指标的覆盖率与漂移，低于覆盖率下限或高于漂移上限的未达标；只看不改")
def health(
    as_of: AsOf,
    known_at: KnownAt,
    against: Annotated[
        int | None, typer.Option("--against", help="比较的月份；默认为上年同月，否则为此前最近一期")
    ] = None,
    lake: Root = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="以 JSON 输出全部指标")] = False,
) -> None:
    """Tell coverage and drift of every indicator, and which fail by them; changes nothing."""
    found = examine(Lake(lake), as_of=as_of, known_at=known_at.date(), against=against)
    if as_json:
        typer.echo(json.dumps([each.as_dict() for each in found], ensure_ascii=False, indent=1))
        return
    failing = [each for each in found if each.is_failing]
    for each in failing:
        typer.echo(f"未达标  {each.id}  {each.title}：{'；'.join(each.reasons)}")
    few = sum(1 for each in found if each.verdict == "unknown")
    unknown = sum(1 for each in found if each.drift is None)
    typer.echo(
        f"共 {len(found)} 个指标，未达标 {len(failing)} 个；{few} 个适用企业太少，未判定；{unknown} 个没有足够的值可比，漂移未知。"
    )


@app.command(help="更新 docs/indicators.md，即全部指标的对照表")
def docs() -> None:
    """Renew the reference of all indicators."""
    changed = write_reference()
    typer.echo(f"{reference_path()} {'已更新。' if changed else '已是最新。'}")
