"""Writes of the resource base: institutions, products, policies and the province-wide eligibility pass."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rongqiao.accounts.models import Organisation
from rongqiao.accounts.queueing import enqueue
from rongqiao.accounts.scope import system_scope
from rongqiao.accounts.services import record_audit
from rongqiao.bases.resources.eligibility import refresh_eligibility
from rongqiao.bases.resources.models import CriteriaChange, Institution, Policy, Product
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.kernel.money import to_cny
from rongqiao.rules.criteria import parse_criteria

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rongqiao.accounts.scope import Scope

__all__ = ["enqueue_matching", "institution_key", "load_resources", "product_key", "refresh_eligibility"]
#: Job that judges products whose conditions or facts changed; defined beside the market's other jobs.
MATCHING_JOB = "financing.refresh_matching"

NAMESPACE = uuid.UUID("6f1de3a2-5b0c-5d7e-9a44-43000000a001")
SHORT_NAME = 40


def enqueue_matching(*, now: dt.datetime) -> None:
    """Ask for the province-wide pass; one that waits already will see the newest conditions and facts."""
    enqueue(MATCHING_JOB, lock=MATCHING_JOB, timestamp=int(now.timestamp()))


def institution_key(code: str) -> uuid.UUID:
    """Key of an institution and of its organisation, derived from its code so that a reload finds it again."""
    return uuid.uuid5(NAMESPACE, f"institution:{code}")


def product_key(code: str) -> uuid.UUID:
    """Key of a product, derived from its code."""
    return uuid.uuid5(NAMESPACE, f"product:{code}")


def load_resources(*, folder: Path) -> dict[str, int]:
    """Load ``institutions.jsonl``, ``products.jsonl`` and ``policies.jsonl`` of a folder; again is harmless.

    Parameters
    ----------
    folder : Path
        Where the files stand.

    Returns
    -------
    dict
        Rows per kind; ``kept_criteria`` counts products whose conditions the bank published itself, so that the file's were left aside.

    Raises
    ------
    InvalidValueError
        Naming file, line and field of the first row that cannot be read; nothing is loaded then.
    """
    institutions = list(_read(folder / "institutions.jsonl", _institution))
    products = list(_read(folder / "products.jsonl", _product))
    policies = list(_read(folder / "policies.jsonl", _policy))
    with system_scope() as scope:
        _upsert(Organisation, [organisation for organisation, _ in institutions], keep=("certified_at",))
        _upsert(Institution, [institution for _, institution in institutions])
        kept = _settle_criteria(scope, products)
        _upsert(Product, products)
        _upsert(Policy, policies)
        counts = {
            "institutions": len(institutions),
            "products": len(products),
            "policies": len(policies),
            "kept_criteria": kept,
        }
        record_audit(
            scope=scope,
            action="resources.loaded",
            object_type="resources",
            object_id=folder.name,
            detail=counts,
        )
    return counts


def _upsert(model: Any, rows: list[Any], *, keep: tuple[str, ...] = ()) -> None:
    """Insert rows, or bring those with the same key up to date."""
    key = model._meta.pk
    kept = {"created_at", *keep}
    fields = [
        field.name for field in model._meta.concrete_fields if field is not key and field.name not in kept
    ]
    model.objects.bulk_create(rows, update_conflicts=True, update_fields=fields, unique_fields=[key.name])


def _settle_criteria(scope: Scope, products: list[Product]) -> int:
    """Raise the version of products whose criteria changed since the last load, and return how many kept their own against the file.

    What two persons of a bank tried and published is changed by the bank, and by no file.
    """
    # Locked as a publication locks it: what is published meanwhile waits, and is not overwritten.
    locked = Product.objects.select_for_update().values("pk", "criteria", "version")
    known = {row["pk"]: row for row in locked}
    published = CriteriaChange.objects.for_scope(scope).filter(status="published")
    own = set(published.values_list("product_id", flat=True))
    kept = 0
    for product in products:
        if before := known.get(product.pk):
            is_changed = before["criteria"] != product.criteria
            if product.pk in own and is_changed:
                product.criteria, is_changed = before["criteria"], False
                kept += 1
            product.version = before["version"] + is_changed
    return kept


def _read(path: Path, build: Callable[[dict[str, Any]], Any]) -> Iterator[Any]:
    """Build one row per line, naming file and line where it fails."""
    if not path.is_file():
        raise InvalidValueError("资源文件", str(path), "请先生成或提供该文件（每行一个 JSON 对象）。")
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            place = f"{path.name} 第 {number} 行"
            try:
                yield build(json.loads(line))
            except KeyError as error:
                raise InvalidValueError(place, error.args[0], "缺少此字段。") from None
            except (TypeError, ValueError) as error:
                raise InvalidValueError(place, line[:80], str(error)) from None


def _institution(row: dict[str, Any]) -> tuple[Organisation, Institution]:
    key = institution_key(row["code"])
    organisation = Organisation(
        id=key,
        kind="institution",
        name=row["name"],
        uscc=row.get("uscc"),
        region_code=row["region_code"],
    )
    institution = Institution(
        organisation_id=key,
        code=row["code"],
        short_name=(row.get("short_name") or row["name"])[:SHORT_NAME],
        kind=row["kind"],
        phone=row.get("phone") or "",
        is_synthetic=bool(row.get("is_synthetic", row.get("synthetic", True))),
    )
    return organisation, institution


def _product(row: dict[str, Any]) -> Product:
    parse_criteria(row.get("criteria"), path=f"{row['code']}.criteria")
    return Product(
        id=product_key(row["code"]),
        institution_id=institution_key(row["institution_code"]),
        code=row["code"],
        name=row["name"],
        summary=row.get("summary") or "",
        kind=row["kind"],
        min_amount_cny=to_cny(str(row["min_amount_cny"])),
        max_amount_cny=to_cny(str(row["max_amount_cny"])),
        min_term_months=row["min_term_months"],
        max_term_months=row["max_term_months"],
        rate_min_ratio=Decimal(str(row["rate_min_ratio"])),
        rate_max_ratio=Decimal(str(row["rate_max_ratio"])),
        guarantee_kinds=row["guarantee_kinds"],
        repayment_methods=row["repayment_methods"],
        purposes=row["purposes"],
        region_codes=row["region_codes"],
        materials=row.get("materials") or [],
        processing_days=row["processing_days"],
        criteria=row.get("criteria") or {},
        is_first_loan_friendly=bool(row.get("is_first_loan_friendly")),
        status=row.get("status") or "published",
        published_on=dt.date.fromisoformat(row["published_on"]),
    )


def _policy(row: dict[str, Any]) -> Policy:
    parse_criteria(row.get("criteria"), path=f"{row['title']}.criteria")
    identity = f"policy:{row.get('document_no') or ''}:{row['title']}"
    return Policy(
        id=row.get("id") or uuid.uuid5(NAMESPACE, identity),
        title=row["title"],
        issuer=row["issuer"],
        document_no=row.get("document_no") or "",
        region_code=row["region_code"],
        effective_from=_day(row.get("effective_from")),
        effective_to=_day(row.get("effective_to")),
        summary=row["summary"],
        benefit=row.get("benefit") or "",
        source_url=row.get("source_url") or row.get("source") or "",
        criteria=row.get("criteria") or {},
        is_synthetic=bool(row.get("is_synthetic", row.get("synthetic", False))),
    )


def _day(text: str | None) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None
