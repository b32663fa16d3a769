"""Counterparties of single VAT invoices: number, concentration, loyalty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ibis

from rongqiao.indicators.registry import At, Direction, Source, indicator
from rongqiao.indicators.series import divide, within
from rongqiao.indicators.vat import CONSENT, VAT, WINDOWS, invoice_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PARTNERS = {"out": ("customer", "客户", "Customers"), "in": ("supplier", "供应商", "Suppliers")}


def _prepare(tables: Mapping[str, Any], at: At) -> Any:
    """One row per enterprise, side and counterparty: positive net amount and rank in each window."""
    rows = invoice_rows(tables, at)
    rows = rows.filter(rows.is_valid & (rows.back < max(WINDOWS)))
    sums = {
        f"amount{months}": rows.net.sum(where=within(rows, months)).clip(lower=0.0).coalesce(0.0)
        for months in WINDOWS
    }
    partners = rows.group_by("enterprise_id", "direction", "counterparty_no").aggregate(
        back=rows.back.min(),
        first_back=rows.back.max(),
        is_late=within(rows, 6).any(),
        is_early=within(rows, 6, 6).any(),
        **sums,
    )
    for months in WINDOWS:
        order = [ibis.desc(f"amount{months}"), "counterparty_no"]
        ranked = ibis.window(group_by=["enterprise_id", "direction"], order_by=order)
        partners = partners.mutate(**{f"rank{months}": ibis.row_number().over(ranked)})
    return partners


COUNTERPARTIES = Source("vat_partner", (VAT,), "latest", _prepare)


def _declare(
    id: str,
    title: str,
    title_en: str,
    formula: str,
    measure: Callable[[Any], Any],
    *,
    window: int,
    direction: Direction,
) -> None:
    indicator(
        id=f"vat_{id}", title=title, title_en=title_en, theme="vat", source=COUNTERPARTIES, direction=direction, formula=formula,
        window=window, consent_class=CONSENT, undefined=lambda t: t.back.count() > 0,
    )(measure)  # fmt: skip


def _declare_side(side: str, months: int) -> None:
    who, name, name_en = PARTNERS[side]
    words, key = f"近{months}个月{name}", f"m{months}"
    amount, rank = f"amount{months}", f"rank{months}"

    def live(t: Any) -> Any:
        return (t.direction == side) & (t.back < months)

    def top(n: int) -> Callable[[Any], Any]:
        return lambda t: divide(t[amount].sum(where=live(t) & (t[rank] < n)), t[amount].sum(where=live(t)))

    _declare(
        f"{who}_{key}_count", f"{words}数", f"{name_en} in {months} months", "窗口内有有效发票的不同对方数", lambda t: live(t).sum(), window=months,
        direction="higher_better",
    )  # fmt: skip
    for n in (1, 5, 10):
        _declare(
            f"{who}_top{n}_{key}_ratio", f"{words}前{n}占比", f"{name_en}, top {n} share in {months} months", f"净额（不低于0）最大{n}家÷全部", top(n), window=months,
            direction="lower_better",
        )  # fmt: skip
    _declare(
        f"{who}_hhi_{key}_ratio", f"{words}集中度（HHI）", f"{name_en}, concentration (HHI) in {months} months", "各对方净额占比的平方和",
        lambda t: divide(
            (t[amount] * t[amount]).sum(where=live(t)), t[amount].sum(where=live(t)) * t[amount].sum(where=live(t))
        ),
        window=months, direction="lower_better",
    )  # fmt: skip


for _months in WINDOWS:
    for _side in PARTNERS:
        _declare_side(_side, _months)


def _declare_loyalty(side: str) -> None:
    who, name, name_en = PARTNERS[side]

    def here(t: Any) -> Any:
        return t.direction == side

    _declare(
        f"{who}_new_m12_ratio", f"近12个月新{name}占比", f"{name_en}, share of new ones in 12 months", f"首次出现在近12个月内的{name}数÷近12个月{name}数，历史至少24个月",
        lambda t: ibis.ifelse(
            t.first_back.max() >= 23,
            (here(t) & (t.first_back < 12)).sum() / (here(t) & (t.back < 12)).sum().nullif(0),
            None,
        ),
        window=36, direction="neutral",
    )  # fmt: skip
    _declare(
        f"{who}_repeat_m12_ratio", f"近12个月重复{name}占比", f"{name_en}, share of repeated ones in 12 months", f"前后两个半年都有交易的{name}数÷近12个月{name}数",
        lambda t: (here(t) & t.is_late & t.is_early).sum() / (here(t) & (t.back < 12)).sum().nullif(0),
        window=12, direction="higher_better",
    )  # fmt: skip
    _declare(
        f"{who}_lost_top5_m36_count", f"流失的前五大{name}数", f"{name_en}, lost ones of the top five", f"36个月前五大{name}中近6个月没有交易的个数",
        lambda t: (here(t) & (t.rank36 < 5) & (t.back >= 6)).sum(), window=36, direction="lower_better",
    )  # fmt: skip


for _side in PARTNERS:
    _declare_loyalty(_side)
