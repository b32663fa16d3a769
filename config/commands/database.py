"""``rongqiao database``: migrate, publish, drain and check the ledger's outbox."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer

from config.database import setup_django

app = typer.Typer(add_completion=False, no_args_is_help=True, help="数据库：迁移、发布、存证入账")


@app.command(help="建库或升级到最新结构")
def migrate() -> None:
    """Bring the database to the present schema and make the cache table."""
    setup_django()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    typer.echo("数据库已是最新结构。")


@app.command(help="把湖中的企业、画像与数据质量分批发布到门户；中断后再次运行即从断处继续")
def publish(
    as_of: Annotated[int, typer.Option("--as-of", help="数据截止月份，如 202610")],
    known_at: Annotated[
        dt.datetime, typer.Option("--known-at", formats=["%Y-%m-%d"], help="只计此日及以前收到的数据")
    ],
) -> None:
    """Publish enterprises, portraits and data quality from the lake to the portal."""
    setup_django()
    from rongqiao.bases.enterprises.services import publish_from_lake
    from rongqiao.kernel.period import check_month
    from rongqiao.lake.tables import Lake
    from rongqiao.platforms.financing.province import publish_and_match

    done = publish_from_lake(
        lake=Lake(), as_of=check_month(as_of), known_at=known_at.date(), on_progress=_tell
    )
    # What screening lists count from, and who meets which product, must not fall behind the portraits.
    publish_and_match(lake=Lake(), as_of=as_of, known_at=known_at.date())
    typer.echo(
        f"已发布：企业 {done.enterprises:,}，画像 {done.portraits:,}，数据源 {done.sources}，批次 {done.deliveries:,}，"
        f"规则 {done.rule_results:,}，字段 {done.profiles:,}，隔离 {done.quarantined:,}"
    )


def _tell(done: int, total: int) -> None:
    typer.echo(f"已发布 {done}/{total} 部分", err=True)


@app.command(help="把待存证条目写入账本")
def drain() -> None:
    """Move waiting entries of the outbox into the ledger."""
    setup_django()
    from config.commands.ledger import ledger_path
    from rongqiao.accounts.ledgering import drain as drain_outbox
    from rongqiao.ledger.log import Ledger

    moved = drain_outbox(ledger=Ledger(ledger_path()), now=dt.datetime.now(dt.UTC))
    typer.echo(f"已入账 {moved:,} 条。")


@app.command("check-outbox", help="核对存证是否均已入账；不一致则指名并以 1 退出")
def check_outbox() -> None:
    """Check that every entry of the outbox stands in the ledger; exit 1 and name those that do not."""
    setup_django()
    from config.commands.ledger import ledger_path
    from rongqiao.accounts.ledgering import verify_outbox
    from rongqiao.ledger.log import Ledger

    problems = list(verify_outbox(ledger=Ledger(ledger_path())))
    for problem in problems:
        typer.echo(f"✗ 存证 {problem.entry_id}（{problem.kind}，{problem.subject}）：{problem.text}")
    typer.echo(f"校验不通过：{len(problems)} 条" if problems else "校验通过：存证均已入账")
    if problems:
        raise typer.Exit(1)
