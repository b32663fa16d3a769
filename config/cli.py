"""The ``rongqiao`` command: every group of ``config.commands``, mounted on first use."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from rongqiao.kernel.errors import RongqiaoError

# Command → module: imported only when called, so that `rongqiao ledger verify` does not pay for pandas.
COMMANDS = {
    "synth": "synth",
    "govern": "govern",
    "quarantine": "quarantine",
    "real": "real",
    "standards": "standards",
    "indicators": "indicators",
    "score": "score",
    "ledger": "ledger",
    "market": "market",
    "database": "database",
    "demo": "demo",
    "serve": "serve",
}


class LazyGroup(TyperGroup):
    """Group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Names of all groups."""
        return sorted(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import the group ``config.commands.<name>`` and take its Typer ``app``."""
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        app: typer.Typer = importlib.import_module(f"config.commands.{module}").app
        command = typer.main.get_command(app)
        command.name = cmd_name
        return command


group = LazyGroup(
    name="rongqiao",
    help="Rongqiao 融桥: governance, indicators, rating, market and ledger from the command line.",
)


def main() -> None:
    """Run the command line; errors a person may read end with exit code 2 and no traceback."""
    try:
        group()
    except RongqiaoError as error:
        typer.secho(str(error), err=True, fg=typer.colors.RED)
        sys.exit(2)


if __name__ == "__main__":
    main()
