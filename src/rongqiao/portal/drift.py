"""How the newest delivery of a table differs from the one before: in words, as pictures, and as a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rongqiao.bases.enterprises.delivery_profiles import list_delivery_profiles
from rongqiao.portal.charts import Chart
from rongqiao.portal.operator_steps import DRIFT_SOME, drift_word
from rongqiao.portal.pictures import draw_beside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rongqiao.bases.enterprises.delivery_profiles import ColumnShift, DeliveryProfile
    from rongqiao.contracts.model import Contract
    from rongqiao.portal.pictures import Bar

#: Columns in the picture, and those whose distribution is drawn twice.
IN_PICTURE, DRAWN = 12, 6


@dataclass(frozen=True, slots=True)
class ShiftedColumn:
    """One column of the newest delivery beside the delivery before; shares in percent, null where unknown."""

    title: str
    word: str
    drift: float | None
    nulls: float | None
    nulls_before: float | None
    bars: Sequence[Bar]
    bars_before: Sequence[Bar]


@dataclass(frozen=True, slots=True)
class DriftPicture:
    """Everything that a page shows of drift; ``chart`` is null while there is nothing to compare with."""

    newest: DeliveryProfile
    before: DeliveryProfile | None
    words: str
    chart: Chart | None
    columns: Sequence[ShiftedColumn]
    history: Sequence[dict[str, Any]]


def gather_drift(contract: Contract) -> DriftPicture | None:
    """Drift of a table's regular deliveries; null before the first."""
    deliveries = list_delivery_profiles(contract.id)
    if not deliveries:
        return None
    newest, before = deliveries[-1], deliveries[-2] if len(deliveries) > 1 else None
    titles = {item.id: item.title for item in contract.items}
    compared = sorted(
        (each for each in newest.columns if each.drift is not None), key=lambda each: -(each.drift or 0)
    )
    return DriftPicture(
        newest=newest,
        before=before,
        words=_words(newest, titles) if before else "这是第一期报送，还没有可比较的上一期。",
        chart=_chart(newest, before, compared, titles) if before and compared else None,
        columns=[_column(each, titles) for each in compared[:DRAWN]] if before else [],
        history=[_line(each, titles) for each in reversed(deliveries)],
    )


def _words(newest: DeliveryProfile, titles: dict[str, str]) -> str:
    shifted = [each for each in newest.columns if (each.drift or 0) >= DRIFT_SOME]
    change = _change(newest)
    rows = f"行数{change}" if change else "行数无从比较"
    if not shifted:
        return f"与上一期相比，{rows}，各项分布稳定。"
    shifted.sort(key=lambda each: -(each.drift or 0))
    named = "、".join(titles.get(each.column, each.column) for each in shifted[:3])
    return f"与上一期相比，{rows}；{len(shifted)} 项分布有变化，最大的是{named}。请核对是口径变了，还是数据有误。"


def _change(profile: DeliveryProfile) -> str:
    if not profile.rows_before:
        return ""
    share = profile.rows / profile.rows_before - 1
    if share == 0:
        return "不变"
    return f"{'增加' if share > 0 else '减少'} {abs(share):.1%}"


def _chart(
    newest: DeliveryProfile,
    before: DeliveryProfile | None,
    compared: list[ColumnShift],
    titles: dict[str, str],
) -> Chart:
    shown = compared[:IN_PICTURE]
    since = f"与 {before.delivered_on.isoformat()} 相比；" if before else ""
    return Chart(
        id="drift",
        title=f"{newest.delivered_on.isoformat()} 报送各项的漂移",
        labels=[titles.get(each.column, each.column) for each in shown],
        series={"漂移": [round(each.drift or 0, 3) for each in shown]},
        unit="PSI",
        source=f"{since}群体稳定性指数，低于 0.1 稳定，0.25 以上明显漂移。来源：治理画像。",
        kind="hbar",
    )


def _column(shift: ColumnShift, titles: dict[str, str]) -> ShiftedColumn:
    bars_before, bars = draw_beside(shift.histogram_before, shift.histogram)
    return ShiftedColumn(
        title=titles.get(shift.column, shift.column),
        word=drift_word(shift.drift),
        drift=shift.drift,
        nulls=None if shift.nulls is None else round(100 * shift.nulls, 1),
        nulls_before=None if shift.nulls_before is None else round(100 * shift.nulls_before, 1),
        bars=bars,
        bars_before=bars_before,
    )


def _line(profile: DeliveryProfile, titles: dict[str, str]) -> dict[str, Any]:
    worst = profile.worst
    return {
        "delivered_on": profile.delivered_on,
        "rows": profile.rows,
        "change": _change(profile),
        "shifted": sum((each.drift or 0) >= DRIFT_SOME for each in profile.columns) if worst else None,
        "worst": titles.get(worst.column, worst.column) if worst else "",
        "word": drift_word(worst.drift if worst else None),
        "drift": worst.drift if worst else None,
    }
