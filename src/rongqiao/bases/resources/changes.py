"""A bank's change of a product's conditions, from the draft to the day it is in force."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, cast

from django.db import transaction

from rongqiao.accounts.roles import Role
from rongqiao.accounts.scope import system_scope
from rongqiao.accounts.services import record_audit, require
from rongqiao.bases.resources.models import CriteriaChange, Product
from rongqiao.bases.resources.services import enqueue_matching
from rongqiao.kernel.errors import IllegalTransitionError, InvalidValueError, NotAllowedError, NotFoundError
from rongqiao.kernel.texts import whole_text
from rongqiao.rules.criteria import parse_criteria
from rongqiao.rules.transitions import advance

if TYPE_CHECKING:
    import datetime as dt
    import uuid
    from collections.abc import Mapping

    from django.db.models import QuerySet

    from rongqiao.accounts.scope import Scope

DRAFTERS = (Role.BANK_OFFICER, Role.BANK_RISK)
OPEN = ("draft", "submitted")
STATUSES = CriteriaChange.STATUSES
NOTE_LENGTH = 200


@transaction.atomic
def open_change(*, scope: Scope, product_code: str, now: dt.datetime) -> CriteriaChange:
    """Begin a change of one of the caller's products with the conditions in force; an open one is taken up again.

    Raises
    ------
    NotAllowedError
        If the product is not the caller's institution's.
    """
    require(scope, *DRAFTERS)
    product = own_product(scope, product_code)
    if product is None:
        raise NotFoundError("产品", product_code, "没有这个产品，或不属于本机构。")
    found = list_changes(scope).filter(product=product, status__in=OPEN).first()
    if found is not None:
        return found
    change = CriteriaChange(
        product=product,
        institution_id=product.institution_id,
        base_version=product.version,
        criteria=product.criteria,
        drafted_by_id=scope.person[0],
        drafted_at=now,
    )
    change.save(force_insert=True)
    _audit(scope, "criteria_change.opened", change)
    return change


@transaction.atomic
def revise_change(*, scope: Scope, change_id: uuid.UUID, criteria: Mapping[str, Any]) -> CriteriaChange:
    """Replace the draft's conditions; what was tried no longer counts.

    Raises
    ------
    InvalidValueError
        If the conditions are malformed.
    """
    require(scope, *DRAFTERS)
    change = lock_change(scope, change_id)
    change.status = advance("criteria_change", change.status, "revise")
    parse_criteria(criteria, path="新条件")
    change.criteria, change.tried, change.figures = dict(criteria), "", None
    change.save(update_fields=["criteria", "tried", "figures", "status"])
    _audit(scope, "criteria_change.revised", change)
    return change


def record_trial(*, scope: Scope, change: CriteriaChange, figures: dict[str, Any]) -> CriteriaChange:
    """Keep what the trial of the draft's conditions told."""
    change.status = advance("criteria_change", change.status, "try")
    change.figures, change.tried = figures, criteria_digest(change.criteria)
    change.save(update_fields=["figures", "tried", "status"])
    _audit(scope, "criteria_change.tried", change)
    return change


@transaction.atomic
def submit_change(*, scope: Scope, change_id: uuid.UUID, note: str) -> CriteriaChange:
    """Hand the draft to a second person.

    Raises
    ------
    InvalidValueError
        If nothing changed, it was not tried as it stands, or no reason is given.
    """
    require(scope, *DRAFTERS)
    change = lock_change(scope, change_id)
    status = advance("criteria_change", change.status, "submit")
    if criteria_digest(change.criteria) == criteria_digest(change.product.criteria):
        raise InvalidValueError("准入条件", change.product.name, "条件与现行版本相同，没有可提交的改动。")
    if change.tried != criteria_digest(change.criteria):
        raise InvalidValueError("试算", change.product.name, "请先按现在的条件试算，再提交复核。")
    note = whole_text("改动理由", note, NOTE_LENGTH)
    if not note:
        raise InvalidValueError("改动理由", note, "请写明为什么改，如“不良率上升，收紧纳税信用级别”。")
    change.status, change.note = status, note
    change.save(update_fields=["status", "note"])
    _audit(scope, "criteria_change.submitted", change, note=change.note)
    return change


@transaction.atomic
def return_change(*, scope: Scope, change_id: uuid.UUID) -> CriteriaChange:
    """Send a submitted change back to be revised."""
    require(scope, Role.BANK_RISK)
    change = lock_change(scope, change_id)
    change.status = advance("criteria_change", change.status, "return")
    change.save(update_fields=["status"])
    _audit(scope, "criteria_change.returned", change)
    return change


@transaction.atomic
def discard_change(*, scope: Scope, change_id: uuid.UUID) -> CriteriaChange:
    """Give a change up; the conditions in force stay."""
    require(scope, *DRAFTERS)
    change = lock_change(scope, change_id)
    change.status = advance("criteria_change", change.status, "discard")
    change.save(update_fields=["status"])
    _audit(scope, "criteria_change.discarded", change)
    return change


@transaction.atomic
def publish_change(*, scope: Scope, change_id: uuid.UUID, now: dt.datetime) -> CriteriaChange:
    """Put a submitted change in force as the product's next version, and have the province judged anew.

    Raises
    ------
    NotAllowedError
        If the caller drafted it, or is no risk manager.
    IllegalTransitionError
        If another version came into force since it was drafted.
    """
    require(scope, Role.BANK_RISK)
    change = lock_change(scope, change_id)
    status = advance("criteria_change", change.status, "publish")
    if change.drafted_by_id == scope.person[0]:
        raise NotAllowedError(
            "复核发布", change.product.name, "起草人不能复核自己的改动，请由另一位风险经理发布。"
        )
    with system_scope():
        product = Product.objects.select_for_update().get(pk=change.product_id)
        if product.version != change.base_version:
            raise IllegalTransitionError(
                "准入条件改动",
                f"依据第 {change.base_version} 版",
                f"现行已是第 {product.version} 版，请放弃这次改动，按现行条件重新起草并试算。",
            )
        before = product.criteria
        product.criteria, product.version = change.criteria, product.version + 1
        product.save(update_fields=["criteria", "version"])
    change.before, change.status = before, status
    change.decided_by_id, change.decided_at = scope.person[0], now
    change.save(update_fields=["before", "status", "decided_by", "decided_at"])
    _audit(scope, "criteria_change.published", change, version=change.base_version + 1)
    transaction.on_commit(lambda: enqueue_matching(now=now))
    return change


def own_product(scope: Scope, code: str) -> Product | None:
    """One of the caller's institution's products; null where there is none of that code."""
    return own_products(scope).filter(code=code).first()


def own_products(scope: Scope) -> QuerySet[Product]:
    """Products of the caller's institution, sold or not; for callers of another kind none."""
    mine = Product.objects.filter(institution_id=scope.organisation_id)
    return mine.select_related("institution__organisation").order_by("code")


def list_changes(scope: Scope) -> QuerySet[CriteriaChange]:
    """Return changes of the caller's institution's products (the operator: of all), newest first."""
    rows = CriteriaChange.objects.for_scope(scope).select_related(
        "product", "institution", "drafted_by", "decided_by"
    )
    found: QuerySet[CriteriaChange] = rows.order_by("-drafted_at")
    return found


def get_change(scope: Scope, change_id: uuid.UUID | str) -> CriteriaChange | None:
    """Return a change; null where there is none the caller may see."""
    return list_changes(scope).filter(pk=change_id).first()


def criteria_digest(criteria: Mapping[str, Any]) -> str:
    """Name conditions, words and all."""
    text = json.dumps(criteria, ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def lock_change(scope: Scope, change_id: uuid.UUID) -> CriteriaChange:
    """Lock a change of the caller's for a deed.

    Raises
    ------
    NotAllowedError
        If there is none, or it is another institution's.
    """
    rows = CriteriaChange.objects.for_scope(scope).select_for_update(of=("self",))
    found = rows.select_related("product").filter(pk=change_id).first()
    if found is None:
        raise NotFoundError("准入条件改动", str(change_id), "没有这次改动，或不属于本机构。")
    return cast("CriteriaChange", found)


def _audit(scope: Scope, action: str, change: CriteriaChange, **detail: Any) -> None:
    record_audit(
        scope=scope,
        action=action,
        object_type="criteria_change",
        object_id=change.pk,
        detail={"product": change.product.code, "criteria": change.criteria} | detail,
    )
