"""Rates are ratios per year (0.0345 is 3.45 %); spreads are basis points over the loan prime rate."""

from __future__ import annotations

from decimal import Decimal

BASIS_POINT = Decimal("0.0001")


def from_lpr(lpr_ratio: Decimal, spread_bp: int) -> Decimal:
    """Annual rate of a quote given as LPR ± basis points.

    Parameters
    ----------
    lpr_ratio : Decimal
        The loan prime rate of the quote's tenor and date, as a ratio.
    spread_bp : int
        Basis points above (positive) or below (negative) it; 1 bp = 0.01 %.
    """
    return lpr_ratio + BASIS_POINT * spread_bp


def format_rate(value: Decimal | float | None) -> str:
    """Show a ratio per year as an annual percentage; ``"—"`` for null."""
    return "—" if value is None else f"{Decimal(str(value)) * 100:.2f}%"
