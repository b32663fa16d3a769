"""Writes of the enterprise base: reading somebody else's data (which leaves a record), and publication."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from rongqiao.accounts.models import Consent
from rongqiao.accounts.roles import Role
from rongqiao.accounts.selectors import live_consent
from rongqiao.accounts.services import record_audit, require
from rongqiao.bases.enterprises.models import Portrait, ReadRecord
from rongqiao.bases.enterprises.objections.marks import marks_of
from rongqiao.bases.enterprises.portraits import DUTY_MATTERS, PortraitView, duty_classes, mask, with_marks
from rongqiao.bases.enterprises.publication import Published, publish_from_lake
from rongqiao.bases.enterprises.selectors import get_own_portrait
from rongqiao.contracts.catalog import consent_purposes
from rongqiao.kernel.errors import NotAllowedError
from rongqiao.kernel.region import is_within

if TYPE_CHECKING:
    import datetime as dt

    from rongqiao.accounts.scope import Scope

__all__ = ["Published", "publish_from_lake", "read_portrait", "read_portrait_on_duty"]

DUTY = "government_duty"


@transaction.atomic
def read_portrait(
    *, scope: Scope, uscc: str, purpose: str, now: dt.datetime, what: str = "企业画像"
) -> PortraitView:
    """Read an enterprise's credit data: the only way for anybody but the enterprise itself.

    An institution needs a live consent for this purpose and sees the classes it names. A government body reads
    enterprises of its own region for its statutory duty, public classes only. Each such reading leaves a record the enterprise can see.

    Raises
    ------
    NotAllowedError
        Naming what is missing: the role, the consent, its purpose, or the region.

    Notes
    -----
    Source: 征信业管理条例第十八、二十条（书面同意、约定用途）；征信业务管理办法第二十三条.
    """
    if scope.kind == "enterprise" and scope.uscc == uscc:
        own = get_own_portrait(scope)
        if own is None:
            raise NotAllowedError("企业画像", uscc, "本企业身份尚未核验，或尚无公共信用数据。")
        return own
    require(scope, Role.BANK_OFFICER, Role.BANK_RISK, Role.GOVERNMENT_OFFICIAL)
    if scope.kind == "institution":
        consent = _consent_for(scope, uscc, purpose, now)
        view = mask(
            _portrait(scope, uscc), data_classes=consent.data_classes, basis="consent", consent=consent
        )
    else:
        _require_duty(scope, purpose)
        view = mask(_portrait(scope, uscc), data_classes=duty_classes(), basis="statutory_duty")
    view = with_marks(view, marks_of(scope, uscc))
    reader_id, organisation_id = scope.person
    ReadRecord(
        subject_uscc=uscc,
        reader_organisation_id=organisation_id,
        reader_id=reader_id,
        what=what,
        purpose=purpose,
        basis=view.basis,
        consent=view.consent,
        data_classes=list(view.data_classes),
    ).save(force_insert=True)
    record_audit(
        scope=scope,
        action="portrait.read",
        object_type="enterprise",
        object_id=uscc,
        detail={"what": what, "purpose": purpose, "basis": view.basis},
    )
    return view


def read_portrait_on_duty(*, scope: Scope, uscc: str, matter: str, now: dt.datetime) -> PortraitView:
    """Read an enterprise of the official's region for a matter of duty, which is kept with the record of the reading.

    Raises
    ------
    NotAllowedError
        As :func:`read_portrait`; and where the matter is none of `portraits.DUTY_MATTERS`.
    """
    if matter not in DUTY_MATTERS:
        raise NotAllowedError("履职事项", matter, f"请先选择事项：{'、'.join(DUTY_MATTERS.values())}。")
    what = f"企业画像：{DUTY_MATTERS[matter]}"
    return read_portrait(scope=scope, uscc=uscc, purpose=DUTY, now=now, what=what)


def _portrait(scope: Scope, uscc: str) -> Portrait:
    portrait: Portrait | None = (
        Portrait.objects.for_scope(scope).select_related("enterprise").filter(pk=uscc).first()
    )
    if portrait is None:
        remedy = (
            "不在本部门所辖区域，或数据库中没有该企业。"
            if scope.kind == "government"
            else "数据库中没有该企业的信用数据。"
        )
        raise NotAllowedError("企业画像", uscc, remedy)
    if scope.kind == "government" and not is_within(portrait.region_code, scope.region):
        raise NotAllowedError("企业画像", uscc, "不在本部门所辖区域。")
    return portrait


def _require_duty(scope: Scope, purpose: str) -> None:
    if purpose != DUTY:
        raise NotAllowedError("查询用途", purpose, f"政府部门仅可为“{consent_purposes()[DUTY].title}”查询。")
    if not scope.region:
        raise NotAllowedError("所辖区域", scope.region, "账户没有登记所辖区域，请联系平台运营方。")


def _consent_for(scope: Scope, uscc: str, purpose: str, now: dt.datetime) -> Consent:
    """Return the live consent for the purpose, or say why there is none."""
    consent = live_consent(
        scope, subject_uscc=uscc, recipient_id=scope.organisation_id, now=now, purpose=purpose
    )
    if consent is not None:
        return consent
    title = consent_purposes()[purpose].title if purpose in consent_purposes() else purpose
    given = Consent.objects.for_scope(scope).filter(subject_uscc=uscc, recipient_id=scope.organisation_id)
    same = given.filter(purpose=purpose).order_by("-valid_from").first()
    if same is None:
        remedy = f"该企业没有为“{title}”授权贵机构，请先取得授权。"
    elif same.revoked_at is not None:
        remedy = f"授权已于 {timezone.localdate(same.revoked_at)} 撤回，如仍需查询请企业重新授权。"
    elif same.valid_until <= now:
        remedy = f"授权已于 {timezone.localdate(same.valid_until)} 到期，请企业重新授权。"
    else:
        remedy = f"授权自 {timezone.localdate(same.valid_from)} 起生效。"
    raise NotAllowedError("企业授权", uscc, remedy)
