"""From a figure of a portrait back to its source: one's own freely, somebody else's under a live consent and on record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rongqiao.bases.enterprises.figures import group_figures
from rongqiao.bases.enterprises.portraits import NOT_AUTHORISED
from rongqiao.bases.enterprises.selectors import get_own_portrait
from rongqiao.bases.enterprises.services import read_portrait, read_portrait_on_duty
from rongqiao.bases.enterprises.tracing import trace_rows
from rongqiao.indicators.registry import get_indicator
from rongqiao.kernel.errors import NotAllowedError
from rongqiao.lake.tables import Lake

if TYPE_CHECKING:
    import datetime as dt

    from rongqiao.accounts.scope import Scope
    from rongqiao.bases.enterprises.figures import Figure
    from rongqiao.bases.enterprises.portraits import PortraitView
    from rongqiao.bases.enterprises.tracing import IndicatorTrace

WHAT_LENGTH = 60


@dataclass(frozen=True, slots=True)
class FigureTrace:
    """A figure of a portrait with the rows it rests on."""

    portrait: PortraitView
    figure: Figure
    trace: IndicatorTrace


def trace_own_figure(scope: Scope, indicator_id: str, *, lake: Lake | None = None) -> FigureTrace:
    """Lead an enterprise from a figure of its own portrait to the rows that departments delivered.

    Raises
    ------
    NotAllowedError
        If the enterprise is not certified yet, or there are no data of it.
    InvalidValueError
        If no such indicator is declared.
    """
    view = get_own_portrait(scope)
    if view is None:
        raise NotAllowedError("企业画像", scope.uscc or "—", "本企业身份尚未核验，或尚无公共信用数据。")
    return _trace(view, indicator_id, lake)


def read_figure_trace(
    *,
    scope: Scope,
    uscc: str,
    purpose: str,
    indicator_id: str,
    now: dt.datetime,
    lake: Lake | None = None,
) -> FigureTrace:
    """Lead an institution from a figure of a portrait to its rows, as a reading of its own that the enterprise sees.

    Raises
    ------
    NotAllowedError
        If there is no live consent for the purpose, or it leaves out data that the figure rests on.
    InvalidValueError
        If no such indicator is declared.
    """
    title = get_indicator(indicator_id).title
    view = read_portrait(
        scope=scope, uscc=uscc, purpose=purpose, now=now, what=f"指标明细：{title}"[:WHAT_LENGTH]
    )
    return _trace(view, indicator_id, lake)


def read_figure_trace_on_duty(
    *, scope: Scope, uscc: str, matter: str, indicator_id: str, now: dt.datetime, lake: Lake | None = None
) -> FigureTrace:
    """Lead an official from a public figure to its rows, as a reading for a matter of duty that the enterprise sees.

    Raises
    ------
    NotAllowedError
        If no matter is named, the enterprise lies outside the region, or the figure rests on data that are not public.
    InvalidValueError
        If no such indicator is declared.
    """
    get_indicator(indicator_id)
    view = read_portrait_on_duty(scope=scope, uscc=uscc, matter=matter, now=now)
    return _trace(view, indicator_id, lake)


def _trace(view: PortraitView, indicator_id: str, lake: Lake | None) -> FigureTrace:
    declared = get_indicator(indicator_id)
    if view.indicators[indicator_id]["status"] == NOT_AUTHORISED:
        raise NotAllowedError("指标", declared.title, "这一类数据未经企业授权，也不是依法公开的，不能追溯。")
    figure = next(each for theme in group_figures(view) for each in theme.figures if each.id == indicator_id)
    trace = trace_rows(
        lake=lake or Lake(),
        uscc=view.enterprise.uscc,
        indicator_id=indicator_id,
        as_of=view.as_of,
        known_at=view.known_at,
    )
    return FigureTrace(view, figure, trace)
