"""A governed installation in which one court case of an enterprise is wrong, and everybody whom that concerns."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from lake_fixture import AS_OF, FIRST, KNOWN_AT, SECOND, publish_unchanged

from config.tasks import govern_uploads
from rongqiao.accounts.models import Organisation
from rongqiao.accounts.roles import Role
from rongqiao.accounts.scope import Scope, scope_of, scoped, system_scope
from rongqiao.accounts.services import give_consent, open_account
from rongqiao.bases.enterprises.objections import services
from rongqiao.bases.enterprises.records import current_records
from rongqiao.contracts.catalog import consent_data_classes
from rongqiao.contracts.standards import load_contract
from rongqiao.governance.pipeline import govern
from rongqiao.indicators import write_indicators
from rongqiao.kernel.period import add_months
from rongqiao.lake.tables import Lake
from rongqiao.platforms.credit.services import issue_report
from rongqiao.scoring.card import DEFAULT_MODEL, card_path, load_card
from rongqiao.scoring.rating import write_ratings
from tests.pipeline.departments import TAX_IDS, put_jsonl, put_registry, registry_row, tax_row

if TYPE_CHECKING:
    from rongqiao.bases.enterprises.objections.models import Objection
    from rongqiao.platforms.credit.models import Report

#: Monday noon in China: working days follow.
NOW = dt.datetime(2026, 11, 23, 4, tzinfo=dt.UTC)
PRIVATE_CLASSES = tuple(key for key, each in consent_data_classes().items() if not each.is_public)
CASES, FILINGS = "court.judicial_case", "taxation.tax_filing"
CASE_IDS = ["uscc", "name", "case_no", "role", "cause", "amount_cny", "filed_on", "closed_on", "is_dishonest"]
PASSWORD = "bamboo-bridge-2026"


def govern_province(folder: Any) -> None:
    """Let two enterprises be registered, file taxes, and one be called dishonest by a court."""
    put_registry(
        folder / "in",
        [registry_row(FIRST, "长沙湘辉机械有限公司"), registry_row(SECOND, "株洲东方陶瓷有限公司", 区县代码="430203")],
    )  # fmt: skip
    months = [add_months(AS_OF, -back) for back in range(24)]
    filings = [
        tax_row(
            code,
            "",
            period=f"{month // 100}-{month % 100:02d}",
            申报期限=_next_month(month, 15),
            申报日期=_next_month(month, 10),
        )
        for code in (FIRST, SECOND)
        for month in months
    ]
    put_jsonl(folder / "in", "taxation.tax_filing", "2026-11-18.jsonl", TAX_IDS, filings)
    cases = [
        [FIRST, "", "（2026）湘0102执1号", "被执行人", "买卖合同纠纷", "50000", "2026-03-01", None, "是"],
        [SECOND, "", "（2026）湘0203民初2号", "原告", "买卖合同纠纷", "80000", "2026-04-01", None, "否"],
    ]
    put_jsonl(folder / "in", CASES, "2026-11-18.jsonl", CASE_IDS, cases)
    report = govern(folder / "in", Lake(), None)
    refused = {file.file_name: file.quarantined_by_rule for file in report.files if file.rows_quarantined}
    assert not refused, refused
    write_indicators(Lake(), as_of=AS_OF, known_at=KNOWN_AT)
    write_ratings(Lake(), as_of=AS_OF, known_at=KNOWN_AT, card=load_card(card_path(DEFAULT_MODEL)))


def _next_month(month: int, day: int) -> str:
    after = add_months(month, 1)
    return f"{after // 100}-{after % 100:02d}-{day}"


def publish() -> None:
    """Bring the governed province to the web."""
    publish_unchanged(Lake())


def person(kind: str, name: str, role: Role, uscc: str | None = None, department: str = "") -> Scope:
    """Open an organisation with one person in it."""
    with system_scope():
        organisation = Organisation.objects.create(
            kind=kind,
            name=name,
            uscc=uscc,
            region_code="430102" if uscc else "43",
            certified_at=timezone.now(),
            department_code=department,
        )
        return scope_of(open_account(organisation=organisation, role=role, username=name, password=PASSWORD))


def owner(uscc: str = FIRST) -> Scope:
    """The enterprise that disputes."""
    return person("enterprise", f"企业{uscc[-4:]}", Role.ENTERPRISE_OWNER, uscc)


def court() -> Scope:
    """The department that the case came from."""
    return person("department", "法院", Role.DEPARTMENT_CLERK, department="court")


def operator() -> Scope:
    """The platform."""
    return person("operator", "平台", Role.OPERATOR)


def bank(name: str = "某银行") -> Scope:
    """Who reads reports."""
    return person("institution", name, Role.BANK_OFFICER)


def consent(owner: Scope, reader: Scope, *classes: str) -> Any:
    """Let a bank read classes of data."""
    with scoped(owner):
        return give_consent(
            scope=owner, recipient_id=reader.organisation_id, purpose="pre_loan", data_classes=classes or ("tax",),
            valid_days=30, text_version="2026-1", now=timezone.now()
        )  # fmt: skip


def report_of(reader: Scope) -> Report:
    """Issue a credit report on the first enterprise."""
    with scoped(reader):
        return issue_report(scope=reader, uscc=FIRST, purpose="pre_loan", now=timezone.now())


def record(contract_id: str = CASES, uscc: str = FIRST) -> dict[str, Any]:
    """Return the newest record of a table as it reads now."""
    rows = current_records(
        Lake(), load_contract(contract_id), uscc, as_of=AS_OF, known_at=dt.date(2026, 12, 31)
    )
    return rows[0]


def dispute(scope: Scope, now: dt.datetime = NOW, **changes: Any) -> Objection:
    """Dispute that the enterprise is dishonest."""
    asked: dict[str, Any] = {
        "uscc": FIRST,
        "contract_id": CASES,
        "record_id": record()["record_id"],
        "item_id": "is_dishonest",
        "claimed_value": "否",
        "ground": "already_settled",
        "reason": "已履行完毕，法院已删除失信信息",
    }
    with scoped(scope):
        return services.raise_objection(scope=scope, now=now, **(asked | changes))


def settle_now(monkeypatch: Any, now: dt.datetime) -> None:
    """Run the job that governs what waits, as if at that instant."""
    with monkeypatch.context() as patch:
        patch.setattr(timezone, "now", lambda: now)
        govern_uploads()


def words(content: Any) -> str:
    """Everything that a piece of JSON says."""
    return json.dumps(content, ensure_ascii=False)


def dispute_sales(scope: Scope, now: dt.datetime = NOW) -> Objection:
    """Dispute the sales of the last month, which no reader sees without consent."""
    return dispute(
        scope,
        now,
        contract_id=FILINGS,
        record_id=record(FILINGS)["record_id"],
        item_id="taxable_sales_cny",
        claimed_value="150000",
        ground="wrong_value",
        reason="申报表更正后为15万元",
    )
