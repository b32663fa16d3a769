"""The ``rongqiao`` command: every group of ``config.commands``, mounted on first use."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from config.allocator import use_fast_allocator
from rongqiao.kernel.errors import RongqiaoError

# Each a module of `config.commands`, imported only when called, so that `rongqiao ledger verify` does not pay for pandas.
# In the order of help: to run the platform, then along the way the data goes.
COMMANDS = (
    "demo",
    "serve",
    "database",
    "standards",
    "inventory",
    "collect",
    "govern",
    "quarantine",
    "cross",
    "conflicts",
    "lineage",
    "linkage",
    "interfaces",
    "indicators",
    "score",
    "market",
    "ledger",
    "synth",
    "real",
    "bench",
)


class LazyGroup(TyperGroup):
    """Group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names of all groups."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import the group ``config.commands.<name>`` and take its Typer ``app``."""
        if cmd_name not in COMMANDS:
            return None
        app: typer.Typer = importlib.import_module(f"config.commands.{cmd_name}").app
        command = typer.main.get_command(app)
        command.name = cmd_name
        return command


group = LazyGroup(
    name="rongqiao",
    help="融桥：区域中小企业融资综合服务平台的命令行",
)


def main() -> None:
    """Run the command line; errors a person may read end with exit code 2 and no traceback."""
    use_fast_allocator(next(iter(sys.argv[1:]), ""))
    try:
        group()
    except RongqiaoError as error:
        typer.secho(str(error), err=True, fg=typer.colors.RED)
        sys.exit(2)


if __name__ == "__main__":
    main()
