"""One demonstration account per role, in organisations that have something to show."""

from __future__ import annotations

from django.db.models import Count, Q
from django.utils import timezone

from rongqiao.accounts.models import Organisation, User
from rongqiao.accounts.roles import ROLE_TITLES, Role
from rongqiao.accounts.scope import system_scope
from rongqiao.accounts.services import open_account
from rongqiao.bases.enterprises.models import Portrait
from rongqiao.platforms.financing.models import Demand, Push

USERNAMES = {
    Role.ENTERPRISE_OWNER: "demo-enterprise",
    Role.ENTERPRISE_CLERK: "demo-clerk",
    Role.BANK_OFFICER: "demo-officer",
    Role.BANK_RISK: "demo-risk",
    Role.GOVERNMENT_OFFICIAL: "demo-government",
    Role.DEPARTMENT_CLERK: "demo-department",
    Role.OPERATOR: "demo-operator",
}


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
    department, _ = Organisation.objects.get_or_create(
        kind="department", name="税务数据专班（演示）", region_code="43", department_code="taxation"
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
        Role.DEPARTMENT_CLERK: department,
        Role.OPERATOR: operator,
    }


def _enterprise() -> Organisation:
    """Organisation of the best documented enterprise among those with the most open quotes, two being enough."""
    waiting = Demand.unscoped.filter(status__in=["quoted", "taken", "published"])
    counted = waiting.annotate(open_quotes=Count("quotes", filter=Q(quotes__status="submitted")))
    quotes = {uscc: min(number, 2) for uscc, number in counted.values_list("uscc", "open_quotes")}
    portraits = Portrait.unscoped.select_related("enterprise").filter(pk__in=quotes)
    best = max(portraits, key=lambda each: (quotes[each.pk], each.coverage_ratio, each.score or 0, each.pk))
    entry = best.enterprise
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
