"""Reads of the enterprise base."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import Count, F, Max, Q, Sum

from rongqiao.accounts.roles import Role
from rongqiao.accounts.selectors import get_certification
from rongqiao.accounts.services import require
from rongqiao.bases.enterprises.figures import Figure, ThemeFigures, format_figure, group_figures
from rongqiao.bases.enterprises.models import (
    ColumnProfile,
    Delivery,
    Enterprise,
    Portrait,
    Publication,
    QuarantinedRow,
    ReadRecord,
    RuleResult,
    SourceStatus,
)
from rongqiao.bases.enterprises.name_search import NameGrams, name_holds
from rongqiao.bases.enterprises.objections.marks import marks_of
from rongqiao.bases.enterprises.portraits import SUSPENDED, PortraitView, mask, with_marks
from rongqiao.contracts.catalog import consent_data_classes, threshold, threshold_table
from rongqiao.kernel.identifiers import normalise_uscc
from rongqiao.kernel.money import WAN, format_cny
from rongqiao.kernel.period import last_day

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from django.db.models import QuerySet

    from rongqiao.accounts.scope import Scope

__all__ = [
    "Figure",
    "ThemeFigures",
    "find_regional_enterprises",
    "format_figure",
    "get_delivery",
    "get_enterprise",
    "get_own_portrait",
    "get_regional_enterprise",
    "group_figures",
    "list_deliveries",
    "list_profiles",
    "list_quarantine",
    "list_reads",
    "list_rule_results",
    "newest_deliveries",
    "prefill_demand",
    "province_figures",
    "quarantine_by_rule",
    "source_statuses",
]
SALES = "tax_taxable_sales_sum_m12_cny"


def get_enterprise(uscc: str) -> Enterprise | None:
    """Return the public register entry of an enterprise; null when the base has none."""
    return Enterprise.objects.filter(pk=uscc).first()


def find_regional_enterprises(scope: Scope, query: str) -> QuerySet[Enterprise]:
    """Register entries of an official's region whose name holds, or whose code begins with, the words; none without words."""
    text = query.strip()
    if scope.kind != "government" or not scope.region or not text:
        return Enterprise.objects.none()
    found = name_holds(text, grams="grams")
    code = normalise_uscc(text)
    # No code holds a Chinese character.
    if code.isascii() and code:
        found |= Q(uscc__startswith=code)
    register = Enterprise.objects.alias(grams=NameGrams("name"))
    return register.filter(found, county_code__startswith=scope.region)


def get_regional_enterprise(scope: Scope, uscc: str) -> Enterprise | None:
    """Register entry of an enterprise in the official's region; null for any other."""
    if scope.kind != "government" or not scope.region:
        return None
    return Enterprise.objects.filter(pk=uscc, county_code__startswith=scope.region).first()


def get_own_portrait(scope: Scope, *, released: Collection[str] | None = None) -> PortraitView | None:
    """Show an enterprise all of its own data; null when there are none, or the enterprise is not certified yet.

    Parameters
    ----------
    scope : Scope
    released : collection of str or None
        Show only what a bank would see to which these classes of data are released.
    """
    if scope.kind != "enterprise" or not get_certification(scope).is_certified:
        return None
    portrait = Portrait.objects.for_scope(scope).select_related("enterprise").filter(pk=scope.uscc).first()
    if portrait is None:
        return None
    classes = list(consent_data_classes()) if released is None else released
    view = mask(portrait, data_classes=classes, basis="own" if released is None else "preview")
    return with_marks(view, marks_of(scope, scope.uscc))


def list_reads(scope: Scope) -> QuerySet[ReadRecord]:
    """List readings of the enterprise's own data, or those the institution did; newest first."""
    reads: QuerySet[ReadRecord] = ReadRecord.objects.for_scope(scope).select_related(
        "reader_organisation", "reader", "consent"
    )
    return reads


def source_statuses() -> QuerySet[SourceStatus]:
    """Freshness and quality of every source, by department and name; public."""
    return SourceStatus.objects.order_by("department", "contract_id")


def province_figures() -> dict[str, Any]:
    """Headline figures of the base: enterprises, records, sources delivered of all listed, freshest day; public."""
    figures = SourceStatus.objects.aggregate(
        records=Sum("rows_accepted"),
        sources=Count("pk", filter=Q(delivered_on__isnull=False)),
        sources_listed=Count("pk"),
        freshest_on=Max("delivered_on"),
    )
    # To count six million rows takes longer than the rest of the page.
    newest = Publication.objects.exclude(finished_at=None).order_by("-pk").first()
    return {"enterprises": newest.enterprises if newest else Enterprise.objects.count(), **figures}


def list_deliveries(*, contract_id: str | None = None) -> QuerySet[Delivery]:
    """Receipts of delivered files, newest first."""
    deliveries = Delivery.objects.order_by("-delivered_on", "contract_id", "file_name")
    return deliveries.filter(contract_id=contract_id) if contract_id else deliveries


def newest_deliveries(contract_ids: Sequence[str]) -> QuerySet[Delivery]:
    """Newest receipt of each of the contracts, by contract; none for one never delivered."""
    found = Delivery.objects.filter(contract_id__in=contract_ids)
    received = F("ledger_index").desc(nulls_last=True)
    return found.order_by("contract_id", "-delivered_on", received, "-batch_id").distinct("contract_id")


def get_delivery(batch_id: str) -> Delivery | None:
    """Receipt of one batch; null when unknown."""
    return Delivery.objects.filter(pk=batch_id).first()


def list_rule_results(*, contract_id: str | None = None) -> QuerySet[RuleResult]:
    """Outcome of each quality rule on each contract's newest deliveries."""
    results = RuleResult.objects.order_by("contract_id", "rule_id")
    return results.filter(contract_id=contract_id) if contract_id else results


def list_profiles(contract_id: str) -> QuerySet[ColumnProfile]:
    """Profile of each column in the contract's newest regular delivery, else in its newest."""
    return ColumnProfile.objects.filter(contract_id=contract_id).order_by("pk")


def list_quarantine(
    scope: Scope, *, contract_id: str | None = None, rule_id: str | None = None, batch_id: str | None = None
) -> QuerySet[QuarantinedRow]:
    """Rejected rows, newest first; operators only.

    Raises
    ------
    NotAllowedError
        For everybody else: rejected rows hold whatever was sent by mistake.
    """
    require(scope, Role.OPERATOR)
    wanted = {"contract_id": contract_id, "rule_id": rule_id, "batch_id": batch_id}
    rows = QuarantinedRow.objects.filter(**{key: value for key, value in wanted.items() if value})
    return rows.order_by("-known_at", "batch_id", "line", "pk")


def quarantine_by_rule() -> list[dict[str, Any]]:
    """Count rejected rows per contract and rule, most first, with the newest day; row security gives others none."""
    counts = QuarantinedRow.objects.values("contract_id", "rule_id").annotate(
        rows=Count("pk"), newest_on=Max("known_at"), message=Max("message")
    )
    return [dict(count) for count in counts.order_by("-rows", "contract_id", "rule_id")]


def prefill_demand(scope: Scope) -> dict[str, dict[str, Any]]:
    """Propose a demand from the enterprise's own governed data.

    Returns
    -------
    dict
        ``amount_cny``, ``term_months``, ``purpose`` and ``guarantee_kind``, each ``{"value", "reason"}``; the value is
        null where the data do not carry a proposal, and the reason then says what is missing.
    """
    view = get_own_portrait(scope)
    amount, reason = _propose_amount(view) if view else (None, "尚无本企业数据，请自行填写。")
    return {
        "amount_cny": {"value": amount, "reason": reason},
        "term_months": {"value": 12, "reason": "流动资金贷款常用期限为12个月，可改。"},
        "purpose": {"value": "working_capital", "reason": "多数企业的需求为日常周转，可改。"},
        "guarantee_kind": {"value": "credit", "reason": "先按信用方式匹配，不需要抵押物；可改。"},
    }


def _propose_amount(view: PortraitView) -> tuple[Decimal | None, str]:
    """Share of a year's taxable sales, capped by grade; both numbers are the catalogue's."""
    figure = view.indicators.get(SALES, {})
    if figure.get("status") == SUSPENDED:
        return None, f"近12个月应税销售额{figure['reason']}，无法测算，请自行填写。"
    if figure.get("status") != "ok" or not figure.get("value") or figure["value"] <= 0:
        return None, "近12个月应税销售额缺失，无法测算，请自行填写。"
    on = last_day(view.as_of)
    share = threshold("recommended_limit_sales_share", on)
    sales = Decimal(str(figure["value"]))
    amount = sales * share
    reason = f"近12个月应税销售额 {format_cny(sales)} 的 {share * 100:.0f}%"
    cap = threshold_table("recommended_limit_cap", on).get(view.grade)
    if cap and cap < amount:
        amount, reason = cap, f"{reason}，以 {view.grade} 级建议上限 {format_cny(cap)} 为限"
    rounded = (amount / WAN).quantize(Decimal(1), rounding=ROUND_DOWN) * WAN
    if rounded <= 0:
        return None, f"{reason}，不足1万元，请自行填写。"
    return rounded, f"{reason}，可改。"
