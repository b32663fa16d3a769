"""What the demonstration province is made of: each function one step of the build, safe to repeat."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from django.core.management import call_command
from django.db.models import Count, Q
from django.utils import timezone

from config.commands.ledger import ledger_path, load_signer
from config.commands.score import DEFAULT_MODEL, card_path
from rongqiao.accounts.ledgering import drain
from rongqiao.accounts.models import Organisation, User
from rongqiao.accounts.roles import ROLE_TITLES, Role
from rongqiao.accounts.scope import system_scope
from rongqiao.accounts.services import open_account
from rongqiao.bases.enterprises.models import Enterprise
from rongqiao.bases.enterprises.publication import publish_from_lake
from rongqiao.bases.resources.eligibility import refresh_eligibility
from rongqiao.bases.resources.services import load_resources
from rongqiao.governance import pipeline
from rongqiao.indicators import write_indicators
from rongqiao.kernel.home import var
from rongqiao.lake.tables import Lake
from rongqiao.ledger.log import Ledger
from rongqiao.platforms.financing.feedback import export_feedback
from rongqiao.platforms.financing.history import complete_history, import_history
from rongqiao.platforms.financing.models import Demand, Push
from rongqiao.scoring.card import load_card
from rongqiao.scoring.rating import write_ratings
from rongqiao.synth.province import write_province

if TYPE_CHECKING:
    import datetime as dt
    from pathlib import Path

USERNAMES = {
    Role.ENTERPRISE_OWNER: "demo-enterprise",
    Role.ENTERPRISE_CLERK: "demo-clerk",
    Role.BANK_OFFICER: "demo-officer",
    Role.BANK_RISK: "demo-risk",
    Role.GOVERNMENT_OFFICIAL: "demo-government",
    Role.OPERATOR: "demo-operator",
}


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


def compute_indicators(as_of: int, known_at: dt.date) -> None:
    """Compute all indicators of the month."""
    write_indicators(Lake(), as_of=as_of, known_at=known_at)


def rate(as_of: int, known_at: dt.date) -> None:
    """Rate all enterprises by the shipped card."""
    write_ratings(Lake(), as_of=as_of, known_at=known_at, card=load_card(card_path(DEFAULT_MODEL)))


def publish(as_of: int, known_at: dt.date) -> None:
    """Publish to the database the web reads, and give the market's history its names from the register."""
    publish_from_lake(lake=Lake(), as_of=as_of, known_at=known_at)
    with system_scope() as scope:
        complete_history(scope=scope)


def match_products(as_of: int, known_at: dt.date) -> None:
    """Judge all products for all enterprises."""
    refresh_eligibility(lake=Lake(), as_of=as_of, known_at=known_at)


def seal_ledger() -> None:
    """Move the outbox into the Merkle log and sign its head."""
    ledger = Ledger(ledger_path())
    drain(ledger=ledger, now=timezone.now())
    ledger.seal(load_signer(), timezone.now().isoformat())


def create_accounts(password: str) -> None:
    """Open one demonstration account per role, in organisations that have something to show."""
    with system_scope():
        homes = _organisations()
        for role, username in USERNAMES.items():
            if not User.objects.filter(username=username).exists():
                name = f"演示{ROLE_TITLES[role]}"
                open_account(
                    organisation=homes[role], role=role, username=username, password=password, full_name=name
                )


def _organisations() -> dict[Role, Organisation]:
    """Organisation of each role: a quoted enterprise, the bank with the fullest inbox, province and operator."""
    enterprise = _enterprise()
    busiest = Push.unscoped.filter(demand__status__in=["published", "taken", "quoted"]).values(
        "institution_id"
    )
    bank = Organisation.objects.get(
        pk=busiest.annotate(pushes=Count("pk")).order_by("-pushes", "institution_id")[0]["institution_id"]
    )
    government, _ = Organisation.objects.get_or_create(
        kind="government", name="湖南省融资服务工作专班（演示）", region_code="43"
    )
    operator, _ = Organisation.objects.get_or_create(
        kind="operator", name="平台运营中心（演示）", region_code="43"
    )
    return {
        Role.ENTERPRISE_OWNER: enterprise,
        Role.ENTERPRISE_CLERK: enterprise,
        Role.BANK_OFFICER: bank,
        Role.BANK_RISK: bank,
        Role.GOVERNMENT_OFFICIAL: government,
        Role.OPERATOR: operator,
    }


def _enterprise() -> Organisation:
    """Organisation of the enterprise with the most open quotes; among equals the lowest code."""
    open_quotes = Count("quotes", filter=Q(quotes__status="submitted"))
    demands = Demand.unscoped.filter(status__in=["quoted", "taken", "published"]).annotate(
        open_quotes=open_quotes
    )
    entry = Enterprise.objects.get(pk=demands.order_by("-open_quotes", "uscc")[0].uscc)
    organisation, _ = Organisation.objects.get_or_create(
        uscc=entry.uscc,
        defaults={
            "kind": "enterprise",
            "name": entry.name,
            "region_code": entry.county_code,
            "certified_at": timezone.now(),
        },
    )
    return organisation


def describe_accounts(port: int, password: str) -> str:
    """Text that tells where the portal is and who can sign in."""
    users = User.objects.select_related("organisation").filter(username__in=USERNAMES.values()).order_by("pk")
    accounts = [
        f"  {user.username:<16} {ROLE_TITLES[Role(user.role)]} · {user.organisation}" for user in users
    ]
    address = f"\n融桥门户已启动：http://127.0.0.1:{port}/   （Ctrl-C 结束）"
    return "\n".join([address, f"演示账号（密码均为 {password}）：", *accounts])
