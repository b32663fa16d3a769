"""What the demonstration province is made of: each function one step of the build, safe to repeat."""

from __future__ import annotations

import datetime as dt
import shutil
from typing import TYPE_CHECKING

from django.core.management import call_command
from django.utils import timezone

from rongqiao.accounts.roles import ROLE_TITLES, Role
from rongqiao.kernel.home import var
from rongqiao.lake import Lake

if TYPE_CHECKING:
    from pathlib import Path

PROVINCE = "province"
FEEDBACK = "platform.loan_performance"


def folder() -> Path:
    """Where the synthetic departments leave their files."""
    return var() / PROVINCE


def lake() -> Lake:
    """Open the lake of this installation."""
    return Lake()


def migrate() -> None:
    """Bring the database to the present schema."""
    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)


def synthesise(enterprises: int, as_of: int) -> None:
    """Write the province's deliveries, market history and truth; nothing half-written is kept."""
    from rongqiao.synth import write_province

    if folder().is_dir():
        return
    draft = folder().with_suffix(".draft")
    shutil.rmtree(draft, ignore_errors=True)
    write_province(draft, enterprises=enterprises, as_of=as_of)
    draft.rename(folder())
