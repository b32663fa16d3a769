"""What the demonstration province is made of: each function one step of the build, safe to repeat."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from django.core.management import call_command
from django.utils import timezone

from config.commands.ledger import ledger_path, load_signer
from config.serving import build_serving
from rongqiao.accounts.ledgering import drain
from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.publication import publish_from_lake
from rongqiao.bases.resources.services import load_resources
from rongqiao.governance import pipeline
from rongqiao.governance.conflicts import find_conflicts
from rongqiao.indicators import write_indicators
from rongqiao.indicators.health import write_health
from rongqiao.indicators.peers import write_peers
from rongqiao.indicators.suspension import settle_states
from rongqiao.kernel.home import var
from rongqiao.lake.tables import Lake
from rongqiao.ledger.log import Ledger
from rongqiao.platforms.financing.feedback import export_feedback
from rongqiao.platforms.financing.history import complete_history, import_history
from rongqiao.platforms.financing.province import publish_and_match
from rongqiao.scoring.card import DEFAULT_MODEL, card_path, load_card
from rongqiao.scoring.rating import write_ratings
from rongqiao.synth.province import write_province

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path


def folder() -> Path:
    """Where the synthetic departments and the synthetic market leave their files."""
    return var() / "province"


def migrate() -> None:
    """Bring the database to the present schema."""
    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)


def synthesise(enterprises: int, as_of: int) -> None:
    """Write the province's deliveries, market history and truth; a half-written one is begun again."""
    if folder().is_dir():
        return
    draft = folder().with_suffix(".draft")
    shutil.rmtree(draft, ignore_errors=True)
    write_province(draft, enterprises=enterprises, as_of=as_of)
    draft.rename(folder())


def load_market() -> None:
    """Load institutions, products and policies, then 24 months of market history."""
    load_resources(folder=folder() / "market")
    import_history(folder=folder() / "market")


def return_feedback(known_at: dt.date) -> None:
    """Deliver what happened in the market as one more department's file."""
    export_feedback(folder=folder() / "deliveries", known_at=known_at)


def govern() -> None:
    """Take every delivery through the six steps."""
    pipeline.govern(folder() / "deliveries", Lake(), Ledger(ledger_path()))


def compare_facts(known_at: dt.date) -> None:
    """Find what departments disagree on."""
    find_conflicts(Lake(), as_of=known_at.year * 100 + known_at.month, known_at=known_at)


def compute_indicators(as_of: int, known_at: dt.date) -> None:
    """Compute all indicators of the month, how they spread, and which are not to be used."""
    write_indicators(Lake(), as_of=as_of, known_at=known_at)
    write_peers(Lake(), as_of=as_of, known_at=known_at)
    write_health(Lake(), as_of=as_of, known_at=known_at)
    settle_states(Lake(), as_of=as_of, known_at=known_at)


def rate(as_of: int, known_at: dt.date) -> None:
    """Rate all enterprises by the shipped card."""
    write_ratings(Lake(), as_of=as_of, known_at=known_at, card=load_card(card_path(DEFAULT_MODEL)))


def publish(as_of: int, known_at: dt.date) -> None:
    """Publish to what web and data interfaces read, and give the market's history its names from the register."""
    publish_from_lake(lake=Lake(), as_of=as_of, known_at=known_at)
    build_serving(Lake())
    with system_scope() as scope:
        complete_history(scope=scope)


def match_products(as_of: int, known_at: dt.date) -> None:
    """Judge all products for all enterprises, and lay out the facts that screening lists count from."""
    publish_and_match(lake=Lake(), as_of=as_of, known_at=known_at)


def seal_ledger() -> None:
    """Move the outbox into the Merkle log and sign its head."""
    ledger = Ledger(ledger_path())
    drain(ledger=ledger, now=timezone.now())
    ledger.seal(load_signer(), timezone.now().isoformat())
