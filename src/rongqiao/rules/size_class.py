"""Size class of an enterprise by the statistical standard: lower limits only, three-valued.

Source: 工信部联企业〔2011〕300号. For 大, 中, 小 in turn: if every listed lower limit is reached, that is the class;
else the next; what reaches none is 微. The limits are dated numbers and come in as an argument.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rongqiao.kernel.decision import Outcome, Reason, all_of
from rongqiao.kernel.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from rongqiao.contracts.numbers import SizeLimits

SIZE_CLASSES = ("large", "medium", "small", "micro")
TITLES = {"large": "大型", "medium": "中型", "small": "小型", "micro": "微型"}
MEASURES = {"employees": "从业人员", "revenue_cny": "营业收入", "total_assets_cny": "资产总额"}


@dataclass(frozen=True, slots=True)
class SizeResult:
    """Size class as far as it is known.

    Parameters
    ----------
    size_class : str or None
        A code of :data:`SIZE_CLASSES`; ``None`` if the data leave more than one possible or the standard
        does not apply.
    possible : tuple of str
        The classes that the data do not rule out, largest first; empty outside the standard.
    reasons : tuple of Reason
        One per limit that was tested.
    """

    size_class: str | None
    possible: tuple[str, ...]
    reasons: tuple[Reason, ...]


def classify_size(
    limits: SizeLimits | None,
    *,
    employees: float | None = None,
    revenue_cny: Decimal | float | None = None,
    total_assets_cny: Decimal | float | None = None,
) -> SizeResult:
    """Find the size class within one industry group.

    Parameters
    ----------
    limits : SizeLimits or None
        Lower limits of the enterprise's sector on the day, ``contracts.catalog.size_limits_of``; ``None`` where
        the standard does not cover the industry.
    employees, revenue_cny, total_assets_cny : number or None
        ``None`` is not known: it rules nothing out.

    Raises
    ------
    InvalidValueError
        If a class has no limits or names an unknown measure.
    """
    if limits is None:
        return SizeResult(None, (), ())
    known = {"employees": employees, "revenue_cny": revenue_cny, "total_assets_cny": total_assets_cny}
    possible: list[str] = []
    reasons: list[Reason] = []
    for size in SIZE_CLASSES[:-1]:
        tested = _test_class(size, getattr(limits, size), known)
        reasons += tested
        outcome = all_of(reason.outcome for reason in tested)
        if outcome is not Outcome.UNMET:
            possible.append(size)
        if outcome is Outcome.MET:
            break
    else:
        possible.append("micro")
    decided = possible[0] if len(possible) == 1 else None
    return SizeResult(decided, tuple(possible), tuple(reasons))


def _test_class(
    size: str,
    bounds: Mapping[str, Decimal],
    known: Mapping[str, Decimal | float | None],
) -> list[Reason]:
    unknown_measures = set(bounds) - set(MEASURES)
    if not bounds or unknown_measures:
        raise InvalidValueError(
            f"划型标准 {size}", dict(bounds), f"每档至少一个下限，指标限于 {'、'.join(MEASURES)}。"
        )
    reasons = []
    for measure, bound in bounds.items():
        value = known[measure]
        text = f"{TITLES[size]}：{MEASURES[measure]} ≥ {bound}"
        if value is None:
            outcome, settles = Outcome.UNKNOWN, f"补充{MEASURES[measure]}"
        else:
            outcome, settles = (Outcome.MET if value >= bound else Outcome.UNMET), ""
        reasons.append(Reason(outcome, measure, text, value, bound, settles))
    return reasons
