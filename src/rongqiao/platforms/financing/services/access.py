"""Who may do what in the market, and rows fetched under lock in one order (demand first) so that none deadlocks."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar, cast

from django.db.models import Model

from rongqiao.accounts.roles import Role
from rongqiao.accounts.services import require
from rongqiao.contracts.catalog import code_list
from rongqiao.kernel.errors import InvalidValueError, NotAllowedError, NotFoundError
from rongqiao.platforms.financing.models import Demand

if TYPE_CHECKING:
    import uuid

    from rongqiao.accounts.scope import Scope

Row = TypeVar("Row", bound=Model)
MAX_TEXT_LENGTH = 300
MAX_AMOUNT_CNY = Decimal(10_000_000_000)
TITLES = {
    "Demand": "融资需求",
    "Take": "抢单",
    "Quote": "报价",
    "Application": "贷款申请",
    "Loan": "贷款",
}


def require_enterprise(scope: Scope) -> None:
    """Refuse all but an enterprise's people."""
    require(scope, Role.ENTERPRISE_OWNER, Role.ENTERPRISE_CLERK)
    _require_own_code(scope)


def require_owner(scope: Scope) -> None:
    """Refuse all but the person who can bind the enterprise."""
    require(scope, Role.ENTERPRISE_OWNER)
    _require_own_code(scope)


def require_bank(scope: Scope) -> None:
    """Refuse all but an institution's people."""
    require(scope, Role.BANK_OFFICER, Role.BANK_RISK)
    _require_kind(scope, "institution")


def require_risk(scope: Scope) -> None:
    """Refuse all but an institution's risk people."""
    require(scope, Role.BANK_RISK)
    _require_kind(scope, "institution")


def _require_own_code(scope: Scope) -> None:
    _require_kind(scope, "enterprise")
    if not scope.uscc:
        raise NotAllowedError("企业认证", "未核验", "企业身份尚未核验，请联系平台运营方核验营业执照。")


def _require_kind(scope: Scope, kind: str) -> None:
    if scope.kind != kind:
        raise NotAllowedError("操作权限", scope.kind, "您所在的组织不能进行此操作。")


def find(model: type[Row], scope: Scope, key: uuid.UUID | str) -> Row:
    """Return a row the caller may see.

    Raises
    ------
    NotAllowedError
        If there is none, or it is another's; the two look alike on purpose.
    """
    row = _scoped(model, scope).filter(pk=key).first()
    if row is None:
        raise _unknown(model, key)
    return cast("Row", row)


def lock(model: type[Row], scope: Scope, key: uuid.UUID | str) -> Row:
    """Return a row the caller may see, locked until the transaction ends, as it stands then.

    Raises
    ------
    NotAllowedError
        As for :func:`find`.
    """
    row = _scoped(model, scope).select_for_update(of=("self",)).filter(pk=key).first()
    if row is None:
        raise _unknown(model, key)
    return cast("Row", row)


def lock_with_demand(model: type[Row], scope: Scope, key: uuid.UUID | str) -> tuple[Row, Demand]:
    """Lock the row's demand, then the row."""
    demand = lock(Demand, scope, _demand_of(find(model, scope, key)))
    return lock(model, scope, key), demand


def _scoped(model: Any, scope: Scope) -> Any:
    return model.objects.for_scope(scope)


def _demand_of(row: Any) -> uuid.UUID:
    key: uuid.UUID = row.demand_id
    return key


def _unknown(model: type[Row], key: object) -> NotFoundError:
    title = TITLES.get(model.__name__, model.__name__)
    return NotFoundError(title, str(key), f"没有这一{title}，或您无权查看。")


def check_code(list_id: str, code: str) -> str:
    """Return the code if its list has it.

    Raises
    ------
    InvalidValueError
        Naming the list and its codes.
    """
    known = code_list(list_id)
    if code not in known.codes:
        titles = "、".join(f"{each.title}（{each.code}）" for each in known.entries)
        raise InvalidValueError(known.name, code, f"可选：{titles}。")
    return code


def check_range(thing: str, value: int, low: int, high: int) -> int:
    """Return the whole number if it lies within the bounds.

    Raises
    ------
    InvalidValueError
        Naming the bounds.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InvalidValueError(thing, value, f"应为 {low} 至 {high} 之间的整数。")
    return value
