"""People of every role, and one of everything twice: the caller's own and somebody else's."""

from __future__ import annotations

import datetime as dt
import tempfile
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from lake_fixture import AS_OF, FIRST, KNOWN_AT, SECOND, publish_unchanged
from matrix_market import market_things

from rongqiao.accounts.models import Organisation, User
from rongqiao.accounts.roles import Role
from rongqiao.accounts.scope import scope_of, scoped, system_scope
from rongqiao.accounts.services import give_consent, open_account
from rongqiao.bases.enterprises.intake.keys import create_key
from rongqiao.bases.enterprises.intake.models import DuplicateRow
from rongqiao.bases.enterprises.intake.services import open_source, open_upload
from rongqiao.bases.enterprises.interfaces.models import DataCall
from rongqiao.bases.enterprises.inventory.models import SourceTable
from rongqiao.bases.enterprises.objections.models import Objection
from rongqiao.bases.enterprises.records import current_records
from rongqiao.bases.resources.changes import open_change
from rongqiao.bases.resources.models import Institution, Policy, Product
from rongqiao.contracts.standards import load_contract
from rongqiao.governance.discovery import guess, profile_file
from rongqiao.platforms.credit.models import ReportNotice
from rongqiao.platforms.credit.services import issue_report
from rongqiao.platforms.financing import models as market
from rongqiao.platforms.financing.screening.models import ScreeningHandover, ScreeningList, ScreeningVersion

if TYPE_CHECKING:
    from rongqiao.lake.tables import Lake

INDICATOR = "tax_taxable_sales_sum_m12_cny"
PASSWORD = "bamboo-bridge-2026"
KINDS = {
    "enterprise": (Role.ENTERPRISE_OWNER, Role.ENTERPRISE_CLERK),
    "institution": (Role.BANK_OFFICER, Role.BANK_RISK),
    "government": (Role.GOVERNMENT_OFFICIAL,),
    "department": (Role.DEPARTMENT_CLERK,),
    "operator": (Role.OPERATOR,),
}

#: Data department of each side.
DEPARTMENTS = {"一": "taxation", "二": "court"}
TABLES = {"taxation": "tax_filing", "court": "judicial_case"}
#: An item of the department's table, and an indicator that rests on it.
ITEMS = {"taxation": ("taxable_sales_cny", INDICATOR), "court": ("cause", "judicial_defendant_m12_count")}


@dataclass
class World:
    """People by role, and URL values by kind: ``own`` and ``other``."""

    people: dict[str, User] = field(default_factory=dict)
    own: dict[str, Any] = field(default_factory=dict)
    other: dict[str, Any] = field(default_factory=dict)


def build_world(lake: Any) -> World:
    """Build everything through services where a deed leaves records, and through models for the rest."""
    publish_unchanged(lake)
    world = World()
    first = _people("一", FIRST, "430102", "4301")
    second = _people("二", SECOND, "430203", "4302")
    world.people = first
    with system_scope():
        policy = Policy.objects.create(
            title="贴息", issuer="示范部门", region_code="43", summary="贴息两个百分点"
        )
        bystander = Organisation.objects.create(kind="institution", name="旁观银行", region_code="43")
        Institution.objects.create(
            organisation=bystander, code="B9", short_name="旁观", kind="commercial_bank"
        )
    world.own = _things(first, FIRST, "430102", "1", lake) | {"policy": policy.pk}
    world.other = _things(second, SECOND, "430203", "2", lake) | {"policy": policy.pk}
    return world


def _people(mark: str, uscc: str, county: str, region: str) -> dict[str, User]:
    people = {}
    for kind, roles in KINDS.items():
        organisation = Organisation.objects.create(
            kind=kind,
            name=f"{kind}{mark}",
            uscc=uscc if kind == "enterprise" else None,
            region_code={"enterprise": county, "government": region}.get(kind, "43"),
            certified_at=timezone.now(),
            department_code=DEPARTMENTS[mark] if kind == "department" else "",
        )
        if kind == "institution":
            Institution.objects.create(
                organisation=organisation, code=f"B{mark}", short_name=f"银行{mark}", kind="commercial_bank"
            )
        for role in roles:
            people[role.value] = open_account(
                organisation=organisation, role=role, username=f"{role}{mark}", password=PASSWORD
            )
    return people


def _things(people: dict[str, User], uscc: str, county: str, mark: str, lake: Lake) -> dict[str, Any]:
    """One of everything between one enterprise and one bank."""
    bank = people["bank_officer"].organisation.institution
    owner, officer = scope_of(people["enterprise_owner"]), scope_of(people["bank_officer"])
    now = timezone.now()
    with scoped(owner):
        consent = give_consent(
            scope=owner, recipient_id=bank.pk, purpose="pre_loan", data_classes=["tax"], valid_days=30, text_version="2026-1", now=now
        )  # fmt: skip
    with scoped(officer):
        report = issue_report(scope=officer, uscc=uscc, purpose="pre_loan", now=now)
    clerk = scope_of(people["department_clerk"])
    with scoped(clerk):
        upload = open_upload(
            scope=clerk, contract_id=f"{clerk.department}.{TABLES[clerk.department]}", file_name="本期.csv", size_bytes=10,
            data_on=dt.date(2026, 11, 1), today=dt.date(2026, 11, 1), is_regular=True
        )  # fmt: skip
        key, _ = create_key(scope=clerk, title="推送")
        source = open_source(
            scope=clerk, file_name="新表.csv", size_bytes=10, data_on=dt.date(2026, 11, 1), today=dt.date(2026, 11, 1)
        )  # fmt: skip
    with system_scope():
        objection = _objection(people, uscc, clerk.department, now)
        closing = DuplicateRow(
            department=clerk.department, contract_id=upload.contract_id, file_name="本期.csv", batch_id=f"b{mark}", line=3, reason="与第 2 行重复",
            closed_by=people["department_clerk"], closed_at=now,
        )  # fmt: skip
        closing.save(force_insert=True)
        notice = ReportNotice(
            report=report, recipient_id=report.recipient_id, subject_uscc=uscc, objection_id=objection.pk, table="税务申报",
            changes=[{"id": INDICATOR, "title": "销售额", "before": "1", "after": None}], told_at=now
        )  # fmt: skip
        notice.save()
        drafted, submitted = (_source_table(source, people, at) for at in range(2))
        product = _product(bank, mark)
        demand, take, quote = _offer(bank, product, people, uscc, county, "submitted")
        _, _, won = _offer(bank, product, people, uscc, county, "accepted")
        application = market.Application(
            quote=won, institution=bank, uscc=uscc, region_code=county, submitted_at=now, decision_due_at=now + dt.timedelta(days=30), prepared_by=people["bank_officer"]
        )  # fmt: skip
        application.save()
        loan = _loan(bank, product, people, uscc, county, mark)
    with scoped(officer):
        change = open_change(scope=officer, product_code=product.code, now=now)
    handed = _screening(people["government_official"], now)
    item, reader = ITEMS[clerk.department]
    return {
        "table": upload.contract_id,
        "item": item,
        "reader": reader,
        "published_batch": f"{upload.contract_id}@2026111800000000",
        "demand": demand.pk,
        "take": take.pk,
        "quote": quote.pk,
        "application": application.pk,
        "loan": loan.pk,
        "consent": consent.pk,
        "report": report.pk,
        "bank_list": _screening(people["bank_officer"], now).pk,
        "government_list": handed.pk,
        "handover": _handover(handed, bank, now).pk,
        "enterprise": uscc,
        "product": product.code,
        "change": change.pk,
        "county": county,
        "upload": upload.pk,
        "source": source.pk,
        "source_table": drafted.pk,
        "submitted_table": submitted.pk,
        "own_table": upload.contract_id,
        "delivery_key": key.pk,
        "objection": objection.pk,
        "closing": closing.pk,
        "notice": notice.pk,
        "record": _record_id(lake, uscc),
        "batch": f"{upload.contract_id}@0000000000000000",
        **market_things(people, uscc),
        "call": _call_id(uscc),
    }


def _objection(people: dict[str, User], uscc: str, department: str, now: dt.datetime) -> Objection:
    owner = people["enterprise_owner"]
    objection = Objection(
        subject_uscc=uscc, contract_id=f"{department}.{TABLES[department]}", department=department, record_id="r1", batch_id="b", line=1,
        record={}, ground="wrong_value", reason="金额有误", raised_by=owner, raised_by_organisation=owner.organisation, raised_at=now,
        forward_due_at=now, check_due_at=now, answer_due_at=now, status="forwarded", forwarded_at=now
    )  # fmt: skip
    objection.save(force_insert=True)
    return objection


def _call_id(uscc: str) -> int:
    with system_scope() as system:
        return int(DataCall.objects.for_scope(system).filter(subject_uscc=uscc).latest("id").pk)


def _record_id(lake: Lake, uscc: str) -> str:
    contract = load_contract("taxation.tax_filing")
    return str(current_records(lake, contract, uscc, as_of=AS_OF, known_at=KNOWN_AT)[0]["record_id"])


def _source_table(source: Any, people: dict[str, User], position: int) -> SourceTable:
    """One table of a new source: the first a draft, the second handed in."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "新表.csv"
        path.write_text(f"企业名称,统一社会信用代码,检查日期\n湘辉,{FIRST},2026-01-05\n", encoding="utf-8")
        profile = profile_file(path)[0]
    document = guess(profile, source.department)
    table = SourceTable(
        upload=source, department=source.department, position=position, title="新表", rows=1, document=document, guessed=document,
        profile={**profile.to_dict(), "missing_columns": [], "new_columns": []},
    )  # fmt: skip
    if position:
        table.status, table.submitted_at, table.contract_id = "submitted", timezone.now(), document["id"]
        table.submitted_by = people["department_clerk"]
    table.save(force_insert=True)
    return table


def _product(bank: Institution, mark: str) -> Product:
    return Product.objects.create(
        institution=bank,
        code=f"P{mark}",
        name="湘税贷",
        summary="凭纳税信用",
        kind="credit",
        min_amount_cny=10_000,
        max_amount_cny=5_000_000,
        min_term_months=1,
        max_term_months=36,
        rate_min_ratio=Decimal("0.03"),
        rate_max_ratio=Decimal("0.06"),
        guarantee_kinds=["credit"],
        repayment_methods=["interest_first"],
        purposes=["working_capital"],
        region_codes=["43"],
        processing_days=3,
        published_on=dt.date(2026, 1, 1),
    )


def _offer(
    bank: Institution, product: Product, people: dict[str, User], uscc: str, county: str, status: str
) -> Any:
    now = timezone.now()
    place = {"uscc": uscc, "region_code": county}
    demand = market.Demand(
        enterprise_name="湘辉", industry_code="C3071", amount_cny=500_000, term_months=12, purpose="working_capital", guarantee_kind="credit",
        status="accepted" if status == "accepted" else "quoted", takes_count=1, quotes_count=1, published_at=now, expires_at=now + dt.timedelta(days=60), **place
    )  # fmt: skip
    demand.save()
    market.Push(demand=demand, institution=bank, pushed_at=now, **place).save()
    take = market.Take(
        demand=demand, institution=bank, taken_by=people["bank_officer"], taken_at=now, contact_due_at=now + dt.timedelta(days=3), quote_due_at=now + dt.timedelta(days=5),
        status="won" if status == "accepted" else "quoted", **place
    )  # fmt: skip
    take.save()
    quote = market.Quote(
        take=take, demand=demand, institution=bank, product=product, amount_cny=500_000, term_months=12, lpr_tenor="1Y", lpr_ratio=Decimal("0.03"), spread_bp=100,
        rate_ratio=Decimal("0.04"), repayment_method="interest_first", all_in_ratio=Decimal("0.0407"), total_cost_cny=20_000, quoted_by=people["bank_officer"], quoted_at=now,
        valid_until=now + dt.timedelta(days=15), status=status, **place
    )  # fmt: skip
    quote.save()
    return demand, take, quote


def _screening(person: User, now: dt.datetime) -> ScreeningList:
    """Return a list without conditions, not counted: it needs no columns."""
    screening = ScreeningList(
        organisation=person.organisation, title="名单", created_by=person, created_at=now, expires_on=now.date() + dt.timedelta(days=30)
    )  # fmt: skip
    with system_scope():
        screening.save()
    return screening


def _handover(screening: ScreeningList, bank: Institution, now: dt.datetime) -> ScreeningHandover:
    with system_scope():
        version = ScreeningVersion(
            screening=screening, organisation=screening.organisation, number=1, conditions=[], saved_by=screening.created_by, saved_at=now
        )  # fmt: skip
        version.save()
        handover = ScreeningHandover(
            screening=screening, version=version, organisation=screening.organisation, recipient_id=bank.pk, list_title="名单", conditions=[],
            figures={"total": None, "unknown": None, "regions": [], "sections": [], "sizes": [], "hidden": 20, "as_of": 202610},
            handed_by=screening.created_by, handed_at=now, expires_on=screening.expires_on
        )  # fmt: skip
        handover.save()
    return handover


def _loan(
    bank: Institution, product: Product, people: dict[str, User], uscc: str, county: str, mark: str
) -> Any:
    _, _, quote = _offer(bank, product, people, uscc, county, "accepted")
    now = timezone.now()
    application = market.Application(
        quote=quote, institution=bank, uscc=uscc, region_code=county, submitted_at=now, decision_due_at=now, status="contracted"
    )  # fmt: skip
    application.save()
    loan = market.Loan(
        application=application, institution=bank, product=product, uscc=uscc, enterprise_name="湘辉", region_code=county, contract_no=f"HT{mark}", principal_cny=500_000,
        rate_ratio=Decimal("0.04"), term_months=12, repayment_method="interest_first", start_on=dt.date(2026, 10, 1), maturity_on=dt.date(2027, 10, 1)
    )  # fmt: skip
    loan.save()
    market.Instalment(
        loan=loan, institution=bank, uscc=uscc, seq=1, due_on=dt.date(2027, 10, 1), principal_cny=500_000, interest_cny=20_000
    ).save()  # fmt: skip
    return loan
