"""Models that may only be read through a scope; a query without one raises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from rongqiao.accounts.scope import Scope


class UnscopedQueryError(RuntimeError):
    """A scoped model was about to be read without a scope."""


class ScopedQuerySet(models.QuerySet[Any]):
    """Query set that refuses to run until :meth:`for_scope` has narrowed it."""

    _is_scoped = False

    def for_scope(self, scope: Scope) -> Self:
        """Keep only the rows the scope may see."""
        narrowed: Self = self.all()
        narrowed._is_scoped = True
        return narrowed if scope.is_system else narrowed.filter(self.model.visible_to(scope))

    def _clone(self) -> Self:
        clone: Self = super()._clone()  # type: ignore[misc]
        clone._is_scoped = self._is_scoped
        return clone

    def _require_scope(self) -> None:
        if not self._is_scoped:
            name = self.model.__name__
            raise UnscopedQueryError(
                f"{name} was queried without a scope. Call {name}.objects.for_scope(scope) first."
            )

    def _fetch_all(self) -> None:
        self._require_scope()
        super()._fetch_all()

    def iterator(self, *args: Any, **kwargs: Any) -> Any:
        """Stream rows; scope required."""
        self._require_scope()
        return super().iterator(*args, **kwargs)

    def count(self) -> int:
        """Count rows; scope required."""
        self._require_scope()
        return super().count()

    def exists(self) -> bool:
        """Tell whether there is a row; scope required."""
        self._require_scope()
        return super().exists()

    def aggregate(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Aggregate rows; scope required."""
        self._require_scope()
        return super().aggregate(*args, **kwargs)

    def update(self, **kwargs: Any) -> int:
        """Change rows; scope required."""
        self._require_scope()
        return super().update(**kwargs)

    def delete(self) -> tuple[int, dict[str, int]]:
        """Delete rows; scope required."""
        self._require_scope()
        return super().delete()


class ScopedModel(models.Model):
    """Base of every model whose rows belong to somebody.

    Subclasses name the columns that say to whom: the enterprise (its code), the institution (its organisation), the
    region a government official answers for, and the domain of a data department. ``None`` means that this kind of
    caller sees no row.
    """

    enterprise_column: ClassVar[str | None] = None
    institution_column: ClassVar[str | None] = None
    region_column: ClassVar[str | None] = None
    department_column: ClassVar[str | None] = None

    objects: ClassVar[Any] = ScopedQuerySet.as_manager()
    unscoped: ClassVar[Any] = models.Manager()  # type: ignore[no-redef]

    class Meta:
        """Abstract; ``unscoped`` serves Django itself."""

        abstract = True
        # Django's own bookkeeping (refresh_from_db, cascades, forms) must not need a scope; row security still holds.
        base_manager_name = "unscoped"
        default_manager_name = "objects"

    @classmethod
    def visible_to(cls, scope: Scope) -> Q:
        """Condition on the rows that the scope may see."""
        nothing = Q(pk__in=[])
        if scope.kind == "enterprise" and cls.enterprise_column and scope.uscc:
            return Q(**{cls.enterprise_column: scope.uscc})
        if scope.kind == "institution" and cls.institution_column and scope.organisation_id:
            return Q(**{cls.institution_column: scope.organisation_id})
        if scope.kind == "government" and cls.region_column and scope.region:
            return Q(**{f"{cls.region_column}__startswith": scope.region})
        if scope.kind == "department" and cls.department_column and scope.department:
            return Q(**{cls.department_column: scope.department})
        return nothing
