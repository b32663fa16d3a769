"""What people and programs did on the demonstration's platform: interfaces applied for, granted and called, data read, a fact disputed."""

from __future__ import annotations

import datetime as dt
import hmac
import secrets
from typing import TYPE_CHECKING

from django.utils import timezone

from rongqiao.accounts.models import Consent, Organisation, User
from rongqiao.accounts.roles import Role
from rongqiao.accounts.scope import Scope, scope_of, scoped, system_scope
from rongqiao.accounts.services import open_account
from rongqiao.bases.enterprises.interfaces import services as market
from rongqiao.bases.enterprises.interfaces.calls import Call, perform
from rongqiao.bases.enterprises.interfaces.errors import CallError
from rongqiao.bases.enterprises.interfaces.models import InterfaceKey, Submission
from rongqiao.bases.enterprises.interfaces.rights import SCHEME, string_to_sign
from rongqiao.bases.enterprises.models import Enterprise, Portrait, ReadRecord
from rongqiao.bases.enterprises.objections.answering import reject_objection
from rongqiao.bases.enterprises.objections.models import Objection
from rongqiao.bases.enterprises.objections.services import raise_objection
from rongqiao.bases.enterprises.records import current_records
from rongqiao.bases.enterprises.services import read_portrait
from rongqiao.contracts.interfaces import load_interface
from rongqiao.contracts.standards import load_contract
from rongqiao.lake.tables import Lake

if TYPE_CHECKING:
    import uuid
    from collections.abc import Sequence

PURPOSE = "pre_loan"
#: Interface → why the bank asks, and what the department found; nothing while it waits for review.
ASKED = {
    "invoice_monthly": ("小微企业流动资金贷款贷前审查，核对开票规模与购销对手，预计每日二百笔", "validated", ""),
    "tax_registration": ("贷前核实税务登记状态与申报纪律", "changes_requested", "请写明由哪个系统调用、预计每日查询量。"),
    "tax_returns": ("贷前审查中核对增值税申报与收入，由信贷管理系统调用，预计每日一百笔", "", ""),
}  # fmt: skip
CALLED = "invoice_monthly"
#: Enterprises that the bank's program asks about with their consent.
CONSENTING = 6
#: Banks that read what the enterprise let them.
READING = 3
GRADES = "taxation.tax_grade"


def deal(as_of: int) -> None:
    """Let the demonstration's people deal with each other; what they did already is left as it is."""
    now = timezone.now()
    with system_scope():
        users = {user.username: user for user in User.objects.select_related("organisation")}
    bank, department, owner = (
        scope_of(users[name]) for name in ("demo-risk", "demo-department", "demo-enterprise")
    )
    _ask_for_interfaces(bank, department, now)
    _call_interface(bank, owner, as_of, now)
    _read_portraits(owner, now)
    _dispute(owner, department, as_of, now)


def _ask_for_interfaces(bank: Scope, department: Scope, now: dt.datetime) -> None:
    with scoped(bank):
        known = set(Submission.objects.for_scope(bank).values_list("interface_id", flat=True))
    for interface_id, (reason, verdict, note) in ASKED.items():
        if interface_id in known:
            continue
        with scoped(bank):
            asked = market.apply_for_interface(
                scope=bank, interface_id=interface_id, purposes=[PURPOSE], justification=reason, valid_days=365
            )  # fmt: skip
        if verdict:
            with scoped(department):
                market.review_submission(
                    scope=department, submission_id=asked.pk, verdict=verdict, note=note, now=now
                )


def _call_interface(bank: Scope, owner: Scope, as_of: int, now: dt.datetime) -> None:
    """Ask about others than the owner's enterprise that consented, and about one that did not: its refusal is on record, too."""
    with scoped(bank):
        if InterfaceKey.objects.for_scope(bank).exists():
            return
        key, secret = market.create_key(scope=bank, title="信贷管理系统（演示）")
    _, institution_id = bank.person
    classes = [each.data_class for each in load_interface(CALLED).datasets if not each.is_public]
    with system_scope() as scope:
        consents = Consent.objects.for_scope(scope).filter(recipient_id=institution_id, purpose=PURPOSE)
        live = consents.filter(data_classes__contains=classes, revoked_at=None, valid_until__gt=now)
        codes = sorted(set(live.values_list("subject_uscc", flat=True)) - {owner.uscc})[:CONSENTING]
        others = Enterprise.objects.exclude(
            pk__in=[*consents.values_list("subject_uscc", flat=True), owner.uscc]
        ).order_by("pk")
        codes += list(others.values_list("pk", flat=True)[:1])
    for uscc in codes:
        try:
            perform(_signed(key.pk, secret, uscc, as_of))
        except CallError as refusal:
            if refusal.code != "consent_missing":
                raise


def _signed(key_id: uuid.UUID, secret: str, uscc: str, as_of: int) -> Call:
    now = timezone.now()
    path, second, nonce = f"/data/v1/{CALLED}?uscc={uscc}&purpose={PURPOSE}", str(int(now.timestamp())), secrets.token_hex(16)  # fmt: skip
    text = string_to_sign("GET", path, second, nonce, b"")
    signature = hmac.new(secret.encode(), text.encode(), "sm3").hexdigest()
    return Call(
        interface_id=CALLED,
        uscc=uscc,
        purpose=PURPOSE,
        as_of=as_of,
        known_at=timezone.localdate(now),
        page=1,
        method="GET",
        path=path,
        body=b"",
        authorization=f"{SCHEME} key={key_id}, ts={second}, nonce={nonce}, sig={signature}",
        now=now,
    )


def _read_portraits(owner: Scope, now: dt.datetime) -> None:
    """Have some of the banks that the enterprise let read its data read them."""
    with system_scope() as scope:
        if ReadRecord.objects.for_scope(scope).filter(subject_uscc=owner.uscc).exists():
            return
        consents = Consent.objects.for_scope(scope).filter(subject_uscc=owner.uscc, revoked_at=None)
        live = list(consents.filter(valid_until__gt=now).select_related("recipient").order_by("pk")[:READING])
        readers = [(_person(each.recipient, Role.BANK_OFFICER), each.purpose) for each in live]
    for reader, purpose in readers:
        with scoped(reader):
            read_portrait(scope=reader, uscc=owner.uscc, purpose=purpose, now=now)


def _dispute(owner: Scope, department: Scope, as_of: int, now: dt.datetime) -> None:
    """Have one enterprise dispute its grade, and the department uphold it in writing."""
    with system_scope() as scope:
        if Objection.objects.for_scope(scope).exists():
            return
        best = Portrait.objects.for_scope(scope).exclude(pk=owner.uscc).order_by("-coverage_ratio", "pk")
        codes = list(best.values_list("pk", flat=True)[:CONSENTING])
    found = _first_record(codes, as_of, timezone.localdate(now))
    if found is None:
        return
    uscc, record = found
    with system_scope():
        entry = Enterprise.objects.get(pk=uscc)
        organisation, _ = Organisation.objects.get_or_create(
            uscc=uscc,
            defaults={"kind": "enterprise", "name": entry.name, "region_code": entry.county_code, "certified_at": now},
        )  # fmt: skip
        enterprise = _person(organisation, Role.ENTERPRISE_OWNER)
    with scoped(enterprise):
        objection = raise_objection(
            scope=enterprise, uscc=uscc, contract_id=GRADES, record_id=record, item_id="grade", claimed_value="A", ground="wrong_value",
            reason="评价年度内申报均按期，扣分事项已于当年补正。", now=now - dt.timedelta(days=6),
        )  # fmt: skip
    with scoped(department):
        reject_objection(
            scope=department,
            objection_id=objection.pk,
            answer="经核查，评价年度有两期逾期申报，补正不影响当年扣分；可在下一评价期申请复评。",
            now=now - dt.timedelta(days=2),
        )


def _first_record(codes: Sequence[str], as_of: int, known_at: dt.date) -> tuple[str, str] | None:
    contract, lake = load_contract(GRADES), Lake()
    for uscc in codes:
        for row in current_records(lake, contract, uscc, as_of=as_of, known_at=known_at):
            return uscc, row["record_id"]
    return None


def _person(organisation: Organisation, role: Role) -> Scope:
    """Scope of somebody of the organisation; of nobody's password."""
    found = User.objects.select_related("organisation").filter(organisation=organisation, role=role).first()
    if found is None:
        name = f"synthetic-{secrets.token_hex(4)}"
        found = open_account(
            organisation=organisation, role=role, username=name, password=secrets.token_urlsafe(32), full_name="合成人员"
        )  # fmt: skip
    return scope_of(found)
