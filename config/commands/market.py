"""`rongqiao market`: resources, the market's past, its feedback and the province-wide eligibility pass."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Annotated

import typer

from config.database import setup_django

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="市场：机构、产品、政策与历史，贷款表现回流，全省匹配"
)

Folder = Annotated[Path, typer.Argument(exists=True, file_okay=False, help="含 JSON Lines 文件的文件夹")]
Day = Annotated[
    dt.datetime, typer.Option("--known-at", formats=["%Y-%m-%d"], help="交付日，或只计此日及以前收到的数据")
]


@app.command(help="载入机构、产品与政策")
def load(folder: Folder) -> None:
    """Load institutions, products and policies."""
    setup_django()
    from rongqiao.bases.resources.services import load_resources

    counts = load_resources(folder=folder)
    typer.echo(
        f"机构 {counts['institutions']}、产品 {counts['products']}、政策 {counts['policies']} 已载入。"
    )
    if counts["kept_criteria"]:
        typer.echo(
            f"{counts['kept_criteria']} 个产品的准入条件由银行自行发布，保留不变；要改请由银行在产品页提出。"
        )


@app.command(help="导入历史需求、报价、申请、贷款与贷后事件")
def history(folder: Folder) -> None:
    """Bring in demands, quotes, applications, loans and loan events."""
    setup_django()
    from rongqiao.platforms.financing.history import import_history

    counts = import_history(folder=folder)
    typer.echo("新增：" + "、".join(f"{name} {count}" for name, count in counts.items()))


@app.command(help="为早于企业发布的历史补全名称与匹配")
def complete() -> None:
    """Name and match what history brought in before enterprises were published."""
    setup_django()
    from rongqiao.accounts.scope import system_scope
    from rongqiao.platforms.financing.history import complete_history

    with system_scope() as scope:
        counts = complete_history(scope=scope)
    typer.echo(f"补全名称与区划 {counts['named']} 行，新增匹配 {counts['matches']} 条。")


@app.command(help="把每笔贷款的月末表现写成一份报送文件")
def feedback(out: Annotated[Path, typer.Option("--out", help="报送文件夹")], known_at: Day) -> None:
    """Write each loan's performance per month-end as a delivery of the platform."""
    setup_django()
    from rongqiao.platforms.financing.feedback import export_feedback

    typer.echo(str(export_feedback(folder=out, known_at=known_at.date())))


@app.command(help="为全省企业判断条件或数据有变动的在售产品（后台任务每小时运行一次）")
def eligibility() -> None:
    """Judge the products on sale whose conditions or facts changed for the whole province, as the background job does."""
    setup_django()
    from django.utils import timezone

    from rongqiao.lake.tables import Lake
    from rongqiao.platforms.financing.province import refresh_matching

    done = refresh_matching(
        lake=Lake(),
        now=timezone.now(),
        on_progress=lambda at, total: typer.echo(f"  已核对 {at:,}/{total:,} 户", err=True),
    )
    if not done.enterprises:
        typer.echo("还没有可核对的企业：请先运行 rongqiao database publish。")
        raise typer.Exit(1)
    typer.echo(
        f"核对产品 {done.products} 个 × 企业 {done.enterprises:,} 户，产品 × 区县 {done.rows:,} 行。"
        if done.products
        else "各产品的核对结果都是最新的。"
    )
    for problem in done.problems:
        typer.echo(f"✗ 未能核对：{problem}")


@app.command("screening-facts", help="把全省企业的指标写成名单筛选用的列")
def screening_facts(
    as_of: Annotated[int, typer.Option("--as-of", help="数据截止月份，如 202610")], known_at: Day
) -> None:
    """Renew the columns that screening lists count from; the web server takes them up by itself."""
    setup_django()
    from rongqiao.lake.tables import Lake
    from rongqiao.platforms.financing.screening.counting import publish_columns

    written = publish_columns(lake=Lake(), as_of=as_of, known_at=known_at.date())
    typer.echo(f"可筛选企业 {written:,} 户。")


@app.command("dry-run", help="试算：改动产品准入条件会影响哪些企业，不写入")
def dry_run(
    product: Annotated[str, typer.Argument(help="产品代码")],
    criteria: Annotated[Path, typer.Argument(help="新条件的 JSON 文件", exists=True, dir_okay=False)],
) -> None:
    """Tell what changed criteria would do to the province and to the past year's matches."""
    setup_django()
    from django.utils import timezone

    from rongqiao.platforms.financing.dry_run import try_criteria

    changed = json.loads(criteria.read_text(encoding="utf-8"))
    told = try_criteria(product_code=product, changed=changed, now=timezone.now())
    typer.echo(
        f"符合企业 {told.before.count:,} → {told.after.count:,} 户（新增 {told.gained.count:,}，失去 {told.lost.count:,}），"
        f"数据截至 {told.as_of}。"
    )
    typer.echo(
        f"近一年匹配成功 {told.matches:,} 笔，其中 {told.matches_dropped.count:,} 笔按新条件将不再符合；"
        f"另有 {told.matches_gained.count:,} 笔当时只因准入条件未成的需求将会符合。"
    )
    for effect in told.effects:
        kind = "新增条件" if effect.kind == "added" else "去掉条件"
        typer.echo(
            f"  {kind}：{effect.text}  企业 {effect.enterprises.count:,} 户，近一年匹配 {effect.matches.count:,} 笔"
        )
    for code, (before, after, gained, lost) in sorted(told.by_county.items()):
        typer.echo(
            f"  {code or '区划未知'}  {before.count:,} → {after.count:,}（新增 {gained.count:,}，失去 {lost.count:,}）"
        )


@app.command(help="运行一次市场时钟（后台任务每十分钟运行一次）")
def clocks() -> None:
    """Run the market's clocks once, as the background job does every ten minutes."""
    setup_django()
    from django.utils import timezone

    from rongqiao.platforms.financing.services import expire_due

    counts = expire_due(now=timezone.now())
    typer.echo(f"过期报价 {counts['quotes']}、释放抢单 {counts['takes']}、过期需求 {counts['demands']}。")
