"""Who is asking: a value bound to the request and, as a second wall, to the database transaction.

The scope travels as an argument, never through a thread-local, a header or a form field. Binding it switches the
transaction to the role ``rongqiao_app``, whose rows PostgreSQL filters by the same values (``accounts.row_security``).
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import connection, transaction

from rongqiao.accounts.roles import ROLES_OF_KIND, Role
from rongqiao.kernel.errors import NotAllowedError

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterator, Sequence

    from django.contrib.auth.models import AnonymousUser

    from rongqiao.accounts.models import User

DATABASE_ROLE = "rongqiao_app"


@dataclass(frozen=True, slots=True)
class Scope:
    """What the caller may see.

    Parameters
    ----------
    kind : str
        ``enterprise``, ``institution``, ``government``, ``department``, ``operator``, ``anonymous`` or ``system``.
    role : Role or None
        The person's role; null for anonymous and system.
    user_id, organisation_id : int, UUID or None
        Null for anonymous and system.
    uscc : str
        The enterprise's own code; empty for other kinds, and for an enterprise that is not certified yet: codes and
        names are public, so having registered one proves nothing and must show nothing.
    region : str
        Region prefix a government official answers for; empty for other kinds.
    department : str
        Domain of the contracts that a data department answers for; empty for other kinds.
    """

    kind: str = "anonymous"
    role: Role | None = None
    user_id: int | None = None
    organisation_id: uuid.UUID | None = None
    uscc: str = ""
    region: str = ""
    department: str = ""

    @property
    def is_system(self) -> bool:
        """Whether a job, not a person, is asking."""
        return self.kind == "system"

    @property
    def person(self) -> tuple[int, uuid.UUID]:
        """Keys of the person and the organisation.

        Raises
        ------
        NotAllowedError
            If nobody is signed in, or a job is asking.
        """
        if self.user_id is None or self.organisation_id is None:
            raise NotAllowedError("登录状态", self.kind, "请先登录所属组织的账号。")
        return self.user_id, self.organisation_id


ANONYMOUS = Scope()


def scope_of(user: User | AnonymousUser | None) -> Scope:
    """Derive the scope from the signed-in person's organisation; anonymous without one, or without a role of its kind."""
    if user is None or not user.is_authenticated or user.organisation is None or not user.role:
        return ANONYMOUS
    organisation = user.organisation
    if user.role not in ROLES_OF_KIND.get(organisation.kind, ()):
        return ANONYMOUS
    is_proven = organisation.kind == "enterprise" and organisation.certified_at is not None
    return Scope(
        kind=organisation.kind,
        role=Role(user.role),
        user_id=user.pk,
        organisation_id=organisation.pk,
        uscc=(organisation.uscc or "") if is_proven else "",
        region=organisation.region_code if organisation.kind == "government" else "",
        department=organisation.department_code if organisation.kind == "department" else "",
    )


SETTINGS = (
    "rongqiao.kind",
    "rongqiao.organisation",
    "rongqiao.uscc",
    "rongqiao.region",
    "rongqiao.user",
    "rongqiao.department",
)


def bind(scope: Scope) -> None:
    """Limit the present transaction to what the scope may see; undone by its end.

    Raises
    ------
    django.db.transaction.TransactionManagementError
        Outside a transaction, where the limit would not end.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("A scope is bound inside a transaction.")
    values = (
        scope.kind,
        str(scope.organisation_id or ""),
        scope.uscc,
        scope.region,
        str(scope.user_id or ""),
        scope.department,
    )
    _set_local(DATABASE_ROLE, values)


@contextmanager
def scoped(scope: Scope) -> Iterator[Scope]:
    """Open a transaction limited to the scope; an enclosing scope holds again afterwards."""
    with transaction.atomic():
        role, *values = _current()
        bind(scope)
        yield scope
        _set_local(role, values)


@contextmanager
def system_scope() -> Iterator[Scope]:
    """Open a transaction for a job that serves everybody (import, publication, clocks, registration)."""
    with scoped(Scope(kind="system")) as scope:
        yield scope


def _current() -> tuple[str, ...]:
    """Role and scope values that hold in the present transaction."""
    columns = ", ".join("coalesce(current_setting(%s, true), '')" for _ in SETTINGS)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT current_setting('role'), {columns}", SETTINGS)
        return tuple(cursor.fetchone())


def _set_local(role: str, values: Sequence[str]) -> None:
    columns = ", ".join("set_config(%s, %s, true)" for _ in SETTINGS)
    pairs = [part for pair in zip(SETTINGS, values, strict=True) for part in pair]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT set_config('role', %s, true), {columns}", [role, *pairs])
