"""`rongqiao demo`: a small living province, built once and served again in seconds."""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING, Annotated

import typer

from config.commands import serve
from config.database import setup_django
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.kernel.home import home, var
from rongqiao.windows.selectors import get_window

if TYPE_CHECKING:
    from collections.abc import Callable

AS_OF = 202610
KNOWN_AT = dt.date(2026, 11, 20)
ENTERPRISES = 20_000
PASSWORD = "rongqiao-demo-2026"  # noqa: S105 - printed on purpose; accounts exist only in a window marked as demo

app = typer.Typer(add_completion=False)


def build_steps(enterprises: int) -> list[tuple[str, Callable[[], None]]]:
    """List the steps of the build in order, each safe to repeat after an interruption."""
    # Imported only to build: serving must not wait for the analytics libraries.
    from config import demo_accounts, demo_dealings
    from config import demo_province as province

    return [
        ("准备数据库", province.migrate),
        (f"生成合成省份（{enterprises:,} 家企业）", lambda: province.synthesise(enterprises, AS_OF)),
        ("载入机构、产品、政策与市场历史", province.load_market),
        ("市场表现回流为一个数据源", lambda: province.return_feedback(KNOWN_AT)),
        ("六步治理", province.govern),
        ("跨部门事实比对", lambda: province.compare_facts(KNOWN_AT)),
        ("计算指标", lambda: province.compute_indicators(AS_OF, KNOWN_AT)),
        ("信用评价", lambda: province.rate(AS_OF, KNOWN_AT)),
        ("发布到企业信用信息库", lambda: province.publish(AS_OF, KNOWN_AT)),
        ("全省产品匹配", lambda: province.match_products(AS_OF, KNOWN_AT)),
        ("演示账号", lambda: demo_accounts.create_accounts(PASSWORD)),
        ("演示接口、查询与异议", lambda: demo_dealings.deal(AS_OF)),
        ("存证入账并签名", province.seal_ledger),
    ]


def choose_size(wanted: int | None) -> int:
    """Decide how many enterprises the province has; once begun, it keeps its size.

    Raises
    ------
    InvalidValueError
        If another size than the one it was begun with is wanted.
    """
    kept = var() / "demo.size"
    begun = int(kept.read_text(encoding="utf-8")) if kept.is_file() else None
    if wanted is not None and begun not in {None, wanted}:
        raise InvalidValueError(
            "企业数量",
            wanted,
            f"{var()} 中的演示省份有 {begun} 家企业；请换一个 RONGQIAO_VAR，或先删除该目录。",
        )
    size = begun or wanted or ENTERPRISES
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(str(size), encoding="utf-8")
    return size


def build(enterprises: int) -> None:
    """Build what is not yet built; a finished build is recognised by its mark and skipped."""
    mark = var() / "demo.ready"
    version = (home() / "pyproject.toml").read_text(encoding="utf-8").split('version = "')[1].split('"')[0]
    wanted = f"{version} {enterprises} {AS_OF}"
    if mark.is_file() and mark.read_text(encoding="utf-8") == wanted:
        return
    steps = build_steps(enterprises)
    for number, (title, step) in enumerate(steps, start=1):
        started = time.monotonic()
        typer.echo(f"[{number:>2}/{len(steps)}] {title} … ", nl=False)
        step()
        typer.echo(f"{time.monotonic() - started:.1f} 秒")
    mark.write_text(wanted, encoding="utf-8")


@app.command(help="生成演示省份（只在第一次），然后启动门户")
def demo(
    mode: str = typer.Argument("serve", help="serve：生成并启动；build：只生成"),
    enterprises: Annotated[
        int | None,
        typer.Option(min=100, envvar="RONGQIAO_DEMO_ENTERPRISES", help=f"企业数量，首次默认 {ENTERPRISES:,}"),
    ] = None,
    port: int = typer.Option(8000, envvar="RONGQIAO_PORT", help="监听端口"),
) -> None:
    """Build the demonstration province once, then serve the portal."""
    if mode not in {"serve", "build"}:
        raise typer.BadParameter(f"{mode!r} 不是可用方式，请用 serve 或 build。")
    size = choose_size(enterprises)
    if not get_window().is_demo:
        raise InvalidValueError(
            "窗口", get_window().code, "演示账号的密码是公开的，只能用于声明了 is_demo 的窗口。"
        )
    setup_django()
    build(size)
    if mode == "build":
        typer.echo("演示省份已就绪。运行 make demo 启动门户。")
        return
    from config.demo_accounts import describe_accounts

    raise typer.Exit(serve.run(port, on_ready=describe_accounts(port, PASSWORD)))
