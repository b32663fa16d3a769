"""Lowest five-class grade a loan's overdue days allow (商业银行金融资产风险分类办法, 2023 order 1, articles 9-12)."""

from __future__ import annotations

from dataclasses import dataclass

from rongqiao.kernel.errors import InvalidValueError

FIVE_CLASSES = ("normal", "special_mention", "substandard", "doubtful", "loss")
NON_PERFORMING = frozenset({"substandard", "doubtful", "loss"})


@dataclass(frozen=True, slots=True)
class OverdueLimits:
    """Overdue days above which a loan is at least in the class; dated numbers of the catalogue.

    Parameters
    ----------
    technical_days : int
        Overdue for technical reasons up to this many days may stay normal.
    substandard_days, doubtful_days, loss_days : int
        Strictly more days than this: at least 次级, 可疑, 损失.
    """

    technical_days: int
    substandard_days: int
    doubtful_days: int
    loss_days: int


def five_class_floor(
    overdue_days: int | None, limits: OverdueLimits, *, is_technical: bool = False
) -> str | None:
    """Best class the loan may still be given.

    Parameters
    ----------
    overdue_days : int or None
        Days past due of principal or interest; ``None`` is not known.
    limits : OverdueLimits
        In force on the day.
    is_technical : bool
        Whether the delay is the payment system's, not the borrower's.

    Returns
    -------
    str or None
        A code of :data:`FIVE_CLASSES`; ``None`` where the days are not known.

    Raises
    ------
    InvalidValueError
        If the days are negative.
    """
    if overdue_days is None:
        return None
    if overdue_days < 0:
        raise InvalidValueError("逾期天数", overdue_days, "不可为负。")
    ladder = (
        (limits.loss_days, "loss"),
        (limits.doubtful_days, "doubtful"),
        (limits.substandard_days, "substandard"),
    )
    for days, name in ladder:
        if overdue_days > days:
            return name
    tolerated = limits.technical_days if is_technical else 0
    return "special_mention" if overdue_days > tolerated else "normal"


def worse_class(first: str, second: str) -> str:
    """Return the worse of two classes."""
    return max(first, second, key=FIVE_CLASSES.index)
