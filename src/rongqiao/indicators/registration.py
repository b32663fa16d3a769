"""Registration: age, capital, key changes, density of addresses and contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis

from rongqiao.indicators.events import dated, declare_event_type, declare_events, declare_recency, months_back
from rongqiao.indicators.registry import At, Source, indicator, shared
from rongqiao.indicators.series import divide

if TYPE_CHECKING:
    from collections.abc import Mapping

REGISTRY, CHANGE = "market_regulation.registry", "market_regulation.change"
CHANGES = {
    "legal_rep": ("法定代表人", "legal representative"),
    "address": ("住所", "address"),
    "shareholder": ("股东", "shareholders"),
    "capital": ("注册资本", "registered capital"),
    "scope": ("经营范围", "business scope"),
    "name": ("名称", "name"),
}
NEUTRAL = ("scope", "capital")
KEY_CHANGES = ("legal_rep", "address", "shareholder")
REVOKED = "吊销"
GONE = "注销"


def newest_snapshot(tables: Mapping[str, Any]) -> Any:
    """One row per enterprise: the newest snapshot of the register."""
    rows = tables[REGISTRY]
    # An enterprise has one row of a day.
    newest = rows.group_by("enterprise_id").aggregate(snapshot_on=rows.snapshot_on.max())
    return rows.semi_join(newest, ["enterprise_id", "snapshot_on"])


def _prepare(tables: Mapping[str, Any], at: At) -> Any:
    """Newest snapshot per enterprise, with its age and how many items its scope has."""
    rows = newest_snapshot(tables)
    scope = rows.business_scope
    items = scope.re_replace("[；;、，,]+", ";").strip().split(";").length()
    # Of no list Spark tells the length -1.
    items = ibis.ifelse(scope.isnull(), None, items)
    return rows.mutate(age=months_back(rows.established_on, at), scope_items=items)


def _prepare_shared(tables: Mapping[str, Any], at: At) -> Any:
    """Newest snapshot per enterprise, with how many live enterprises share its address, phone, legal person."""
    rows = newest_snapshot(tables)
    codes = {f"code_{name}": rows[column].hash() for name, column in SHARED.items()}
    rows = rows.select("enterprise_id", "status", *SHARED.values(), **codes)
    rows = rows.mutate(is_revoked=(rows.status == REVOKED).cast("int32"))
    found = rows
    for name, column in SHARED.items():
        # Most have their own: who is counted are the few that several share. Codes tell most of it, and are compared faster.
        twice = rows.group_by(f"code_{name}").aggregate(size=rows.count()).filter(ibis._["size"] > 1)
        few = rows.semi_join(twice, f"code_{name}")
        size = {f"on_{name}": few.count(), f"revoked_{name}": few.is_revoked.sum()}
        several = few.group_by(column).aggregate(**size).filter(ibis._[f"on_{name}"] > 1)
        found = found.left_join(several, column).drop(f"{column}_right")
    alone = {
        f"on_{name}": ibis.coalesce(found[f"on_{name}"], ibis.ifelse(found[column].isnull(), None, 1))
        for name, column in SHARED.items()
    }
    return found.mutate(**alone, others_revoked=found.revoked_person - found.is_revoked)


REGISTERED = Source("registry", (REGISTRY,), "latest", _prepare)
#: Whoever shares one of these counts, and is counted.
SHARED = {"address": "address", "phone": "phone_hmac", "person": "legal_rep_id_hmac"}
SHARING = Source(
    "registry_shared", (REGISTRY,), "latest", _prepare_shared, is_across=True,
    ties=tuple(tie for item in SHARED.values() for tie in shared((REGISTRY, item))),
)  # fmt: skip
PUBLIC = "public_registration"


@indicator(
    id="registration_age_months", title="成立月数", title_en="Age in months", theme="registration", source=REGISTERED, direction="higher_better",
    formula="成立日期至统计月的月数", consent_class=PUBLIC,
)  # fmt: skip
def _age(t: Any) -> Any:
    return t.age.max()


@indicator(
    id="registration_registered_capital_cny", title="注册资本", title_en="Registered capital", theme="registration", source=REGISTERED, direction="neutral",
    formula="最近登记的注册资本", consent_class=PUBLIC,
)  # fmt: skip
def _capital(t: Any) -> Any:
    return t.registered_capital_cny.max()


@indicator(
    id="registration_paid_in_ratio", title="实缴比例", title_en="Paid-in share of capital", theme="registration", source=REGISTERED, direction="higher_better",
    formula="实缴资本÷注册资本，上限1", consent_class=PUBLIC, undefined=lambda t: t.registered_capital_cny.max() <= 0,
)  # fmt: skip
def _paid_in(t: Any) -> Any:
    return divide(t.paid_in_capital_cny.max(), t.registered_capital_cny.max()).clip(0.0, 1.0)


@indicator(
    id="registration_revoked_flag", title="被吊销", title_en="Licence revoked", theme="registration", source=REGISTERED, direction="lower_better",
    formula="登记状态为吊销为1", consent_class=PUBLIC,
)  # fmt: skip
def _revoked(t: Any) -> Any:
    return (t.status == REVOKED).cast("int32").max()


@indicator(
    id="registration_cancelled_flag", title="已注销", title_en="Deregistered", theme="registration", source=REGISTERED, direction="lower_better",
    formula="登记状态为注销为1", consent_class=PUBLIC,
)  # fmt: skip
def _cancelled(t: Any) -> Any:
    return (t.status == GONE).cast("int32").max()


@indicator(
    id="registration_same_address_count", title="同住所企业数", title_en="Enterprises at the same address", theme="registration", source=SHARING,
    direction="lower_better", formula="登记住所完全相同的企业数（含本企业）", consent_class=PUBLIC,
)  # fmt: skip
def _same_address(t: Any) -> Any:
    return t.on_address.max()


@indicator(
    id="registration_same_phone_count", title="同联系电话企业数", title_en="Enterprises with the same telephone", theme="registration", source=SHARING,
    direction="lower_better", formula="联系电话密文相同的企业数（含本企业）", consent_class=PUBLIC,
)  # fmt: skip
def _same_phone(t: Any) -> Any:
    return t.on_phone.max()


@indicator(
    id="registration_same_legal_rep_count", title="同法定代表人企业数", title_en="Enterprises with the same legal representative", theme="registration", source=SHARING,
    direction="neutral", formula="法定代表人证件密文相同的企业数（含本企业）", consent_class=PUBLIC,
)  # fmt: skip
def _same_person(t: Any) -> Any:
    return t.on_person.max()


@indicator(
    id="registration_legal_rep_revoked_ratio", title="法定代表人其他企业被吊销占比", title_en="Revoked share of the legal representative's other enterprises", theme="registration", source=SHARING,
    direction="lower_better", formula="同一法定代表人的其他企业中登记状态为吊销的占比；没有其他企业为不适用", consent_class=PUBLIC, undefined=lambda t: t.on_person.max() == 1,
)  # fmt: skip
def _person_revoked(t: Any) -> Any:
    return divide(t.others_revoked.max(), t.on_person.max() - 1)


@indicator(
    id="registration_scope_length_count", title="经营范围项数", title_en="Items of business scope", theme="registration", source=REGISTERED, direction="neutral",
    formula="经营范围以分号、顿号分隔的项数", consent_class=PUBLIC,
)  # fmt: skip
def _scope(t: Any) -> Any:
    return t.scope_items.max()


CHANGED = Source("change", (CHANGE,), "event", dated(CHANGE, "changed_on"))


def _of_item(item: str) -> Any:
    return lambda t: t.change_item == item


for _item, (_title, _title_en) in CHANGES.items():
    declare_events(
        CHANGED, consent_class="public_registration", id=f"registration_{_item}_change_m24_count", title=f"近24个月{_title}变更次数", title_en=f"Changes of {_title_en} in 24 months", formula="窗口内变更次数",
        window=24, where=_of_item(_item), direction="neutral" if _item in NEUTRAL else "lower_better",
    )  # fmt: skip
    declare_event_type(
        CHANGED, id=f"registration_{_item}_change", title=f"{_title}变更", title_en=f"Changes of {_title_en}", dated_by="变更日期",
        where=_of_item(_item), without=("last",) if _item == "legal_rep" else (), consent_class="public_registration",
        direction="neutral" if _item in NEUTRAL else "lower_better",
    )  # fmt: skip
declare_events(
    CHANGED, consent_class="public_registration", id="registration_key_change_m12_count", title="近12个月关键变更次数", title_en="Key changes in 12 months",
    formula="法定代表人、住所、股东变更次数合计", window=12, where=lambda t: t.change_item.isin(KEY_CHANGES),
)  # fmt: skip
declare_events(
    CHANGED, consent_class="public_registration", id="registration_key_change_m6_count", title="近6个月关键变更次数", title_en="Key changes in 6 months",
    formula="法定代表人、住所、股东变更次数合计", window=6, where=lambda t: t.change_item.isin(KEY_CHANGES),
)  # fmt: skip
declare_recency(
    CHANGED, consent_class="public_registration", id="registration_legal_rep_change_last_months", title="距最近一次变更法定代表人月数", title_en="Months since the legal representative changed",
    where=_of_item("legal_rep"),
)  # fmt: skip
