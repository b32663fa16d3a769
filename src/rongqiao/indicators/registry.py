"""What an indicator is, and the register of all of them."""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from rongqiao.contracts.standards import load_contract
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.kernel.period import last_day, month_index

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from ibis.expr.types import Table

Direction = Literal["higher_better", "lower_better", "u_shaped", "neutral"]
NullPolicy = Literal["missing", "absent_is_zero"]
#: Least and greatest value that can be; ``None`` where there is no end.
Bounds = tuple[float | None, float | None]
Grain = Literal["series", "event", "latest", "derived"]

THEMES = {
    "tax": "纳税",
    "invoice": "发票汇总",
    "vat": "发票明细",
    "social": "社会保险",
    "hpf": "住房公积金",
    "utility": "水电气",
    "customs": "进出口",
    "cashflow": "资金流",
    "judicial": "司法",
    "regulatory": "行政监管",
    "registration": "登记",
    "profile": "企业概况",
    "finance": "财务",
    "assets": "资产与担保",
    "ip": "知识产权与科技",
    "fiscal": "财政与采购",
    "financing": "融资",
    "network": "关联网络",
    "cross": "交叉核验",
}
MODULES = (
    "tax",
    "tax_registers",
    "tax_returns",
    "invoice",
    "vat",
    "vat_partners",
    "social",
    "housing_fund",
    "utility",
    "customs",
    "cashflow",
    "payment",
    "judicial",
    "enforcement",
    "regulatory",
    "registration",
    "liens",
    "profile",
    "finance",
    "statements",
    "assets",
    "ip",
    "patents",
    "fiscal",
    "financing",
    "network",
    "counterparties",
    "cross",
)
#: Drawn input and answers of every indicator, below the installation's home.
SPECS = "tests/spec/expected.yaml"
UNITS = {
    "cny": "元",
    "days": "天",
    "count": "个",
    "ratio": "比率",
    "flag": "是否",
    "months": "个月",
    "kwh": "千瓦时",
    "m2": "平方米",
    "m3": "立方米",
    "level": "级",
}
DIRECTIONS: dict[Direction, str] = {
    "higher_better": "越高越好",
    "lower_better": "越低越好",
    "u_shaped": "适中为好",
    "neutral": "中性",
}
#: Titles of counts end in what they count by: 次数, 件数, 户数, some with words behind.
COUNTED = re.compile(r"(次|件|月|笔|人|户|项|份)数(?:合计|（[^）]*）)?$")
MEASURE_WORDS = {"月": "个月"}
#: What values of a unit can be unless an indicator says otherwise: a ratio is a share, an amount is not negative.
UNIT_BOUNDS: dict[str, Bounds] = {
    "cny": (0.0, None),
    "days": (0.0, None),
    "count": (0.0, None),
    "ratio": (0.0, 1.0),
    "flag": (0.0, 1.0),
    "months": (0.0, None),
    "kwh": (0.0, None),
    "m2": (0.0, None),
    "m3": (0.0, None),
    "level": (1.0, 5.0),
}
NULL_POLICIES: dict[NullPolicy, str] = {
    "missing": "没有数据时为缺失，不作零",
    "absent_is_zero": "来源为完整名册，没有记录即为零",
}


@dataclass(frozen=True, slots=True)
class At:
    """The two times a computation stands at: last complete month, and the day up to which facts were known."""

    as_of: int
    known_at: dt.date

    @property
    def index(self) -> int:
        """Months since year 0 of ``as_of``."""
        return month_index(self.as_of)

    @property
    def end_on(self) -> dt.date:
        """Last day of ``as_of``."""
        return last_day(self.as_of)


@dataclass(frozen=True, slots=True)
class Tie:
    """How values of one enterprise come to rest on another's rows: a value that its own rows have, and the other's have too.

    Parameters
    ----------
    reads, gives : tuple of str
        Contract and item: who has a value in ``reads`` rests on all who have it in ``gives``.
    """

    reads: tuple[str, str]
    gives: tuple[str, str]


def shared(*columns: tuple[str, str]) -> tuple[Tie, ...]:
    """Tie all who have one value in any of these items, each to each."""
    return tuple(Tie(reads, gives) for reads in columns for gives in columns)


@dataclass(frozen=True, eq=False, slots=True)
class Source:
    """Rows that a family of indicators is aggregated from, one group per ``enterprise_id``.

    Parameters
    ----------
    id : str
        Unique name.
    contracts : tuple of str
        Contract ids that are read, through ``lake.asof.current``; ``"enterprises"`` is the resolved registry.
    grain : Grain
        ``series``: monthly rows with column ``back`` (0 is ``as_of``); absence is not known. ``event``: a
        complete register; absence means that nothing happened. ``latest``: one or few rows of state; absence is
        not known. ``derived``: computed from other indicators.
    prepare : callable
        ``(tables by contract id, At) -> Table`` with ``enterprise_id`` and row-level columns.
    stale_after_months : int
        A series whose newest month lies this far back or further is stale; an event table whose newest delivery
        is more than this many months (of 31 days) old is.
    is_across : bool
        Whether an enterprise's rows depend on others' (such as how many share its address): it cannot be prepared for some alone.
    ties : tuple of Tie
        Of a source that looks across: on whose rows an enterprise's rest, at most; what is not tied does not move it.
    is_led : bool
        Whether only enterprises with a row of the first contract have any: of the others no more is read than theirs.
    falls_due : callable or None
        ``tables -> enterprise_id, day`` of rows that say something else once a day has passed on which facts are known
        (``At.known_at``), such as a return that is late from its due date on. Required where ``prepare`` reads that day.
    common : mapping
        Name → rows, built like ``prepare``, that several sources are made of; it takes them from the tables where they are there.
    """

    id: str
    contracts: tuple[str, ...]
    grain: Grain
    prepare: Callable[[Mapping[str, Table], At], Table]
    stale_after_months: int = 3
    is_across: bool = False
    ties: tuple[Tie, ...] = ()
    is_led: bool = False
    falls_due: Callable[[Mapping[str, Table]], Table] | None = None
    common: Mapping[str, Callable[[Mapping[str, Table], At], Table]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, slots=True)
class Indicator:
    """One declared indicator.

    Parameters
    ----------
    id : str
        ``theme_measure_window`` with a unit suffix.
    title, title_en : str
        Chinese and English name for people.
    theme : str
        A key of :data:`THEMES`.
    source : Source
        Rows it is aggregated from.
    measure : callable
        ``Table -> aggregate`` over one enterprise's rows; for derived indicators a row expression over the wide
        table. Null means that there is no value.
    direction : Direction
        What is good for credit.
    formula : str
        In Chinese, with the guard.
    window_months : int
        Months looked back on; 0 is the present state.
    minimum_months : int
        Observed months that a series needs; with fewer the value is missing.
    null_policy : str
        ``missing``: no value where nothing was observed; ``absent_is_zero``: a complete register says none.
    consent_class : str
        Id of the class of data in ``catalog/consent.yaml``; public classes need no authorisation.
    version : str
        Raised when the formula changes.
    bounds : Bounds
        Least and greatest value that can be.
    meaning : str
        In Chinese, what the number says, where the title alone does not.
    inputs : tuple of str
        For derived indicators: ids read.
    undefined : callable or None
        ``Table -> boolean aggregate`` that is true where data are there but the formula has no value.
    """

    id: str
    title: str
    title_en: str
    theme: str
    source: Source
    measure: Callable[[Any], Any]
    direction: Direction
    formula: str
    window_months: int
    minimum_months: int
    null_policy: NullPolicy
    consent_class: str
    version: str
    bounds: Bounds
    meaning: str = ""
    inputs: tuple[str, ...] = ()
    undefined: Callable[[Any], Any] | None = None

    @property
    def unit(self) -> str:
        """Chinese unit, from the id's suffix; what is counted is told from the title, which has the measure word."""
        suffix = self.id.rsplit("_", 1)[1]
        found = COUNTED.search(self.title) if suffix == "count" else None
        return UNITS[suffix] if found is None else MEASURE_WORDS.get(found[1], found[1])

    @property
    def window(self) -> str:
        """Window in words."""
        return f"近 {self.window_months} 个月" if self.window_months else "当前"

    @property
    def sources(self) -> tuple[str, ...]:
        """Contract ids the value comes from, directly or through the indicators it is derived from."""
        if not self.inputs:
            return self.source.contracts
        return tuple(sorted({name for read in self.inputs for name in get_indicator(read).sources}))

    @property
    def definition(self) -> str:
        """What the number is, in one Chinese sentence: meaning, formula, and what it is without data."""
        said = f"{self.title}，{self.meaning}" if self.meaning else self.title
        return f"{said}：{self.formula}；{NULL_POLICIES[self.null_policy]}。"

    @property
    def items(self) -> tuple[str, ...]:
        """Items ``<contract>.<item>`` that flow into the value, read off the expression; ``.*`` counts records."""
        # Lineage is read off declared indicators, so it stands above this file.
        lineage = importlib.import_module("rongqiao.indicators.lineage")
        edges = lineage.item_edges(self.id)
        return tuple(sorted({f"{edge.source}.{edge.column}" for edge in edges if edge.kind == "projection"}))

    @property
    def owner(self) -> str:
        """Title of the department whose items the value rests on first: it answers for the figure."""
        if self.inputs:
            return get_indicator(self.inputs[0]).owner
        resting = {name.rsplit(".", 1)[0] for name in self.items}
        first = next((name for name in self.source.contracts if name in resting), self.source.contracts[0])
        return load_contract(first).department_title

    @property
    def spec(self) -> str:
        """Where its drawn input's four answers stand."""
        return f"{SPECS}#{self.id}"

    def as_dict(self) -> dict[str, Any]:
        """Everything declared and derived, as plain values for JSON and pages."""
        names = (
            "id", "title", "title_en", "theme", "definition", "formula", "unit", "window", "window_months", "minimum_months",
            "direction", "bounds", "null_policy", "consent_class", "owner", "sources", "items", "inputs", "version", "spec",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}


_REGISTER: dict[str, Indicator] = {}


def unit_bounds(indicator_id: str) -> Bounds:
    """Return what values can be by the unit that an id ends in."""
    return UNIT_BOUNDS.get(indicator_id.rsplit("_", 1)[-1], (None, None))


def declare(new: Indicator) -> Indicator:
    """Enter an indicator.

    Raises
    ------
    InvalidValueError
        If the id is taken, or its theme or unit suffix is unknown.
    """
    if new.id in _REGISTER:
        raise InvalidValueError("指标标识", new.id, "已有同名指标，请另取名。")
    if new.theme not in THEMES or new.id.rsplit("_", 1)[-1] not in UNITS:
        raise InvalidValueError(
            "指标标识", new.id, f"主题限于 {'、'.join(THEMES)}；后缀限于 {'、'.join(UNITS)}。"
        )
    _REGISTER[new.id] = new
    return new


def indicator(
    *,
    id: str,
    title: str,
    title_en: str,
    theme: str,
    source: Source,
    direction: Direction,
    formula: str,
    window: int = 0,
    minimum: int = 0,
    null_policy: NullPolicy | None = None,
    consent_class: str,
    version: str = "1",
    bounds: Bounds | None = None,
    meaning: str = "",
    inputs: tuple[str, ...] = (),
    undefined: Callable[[Any], Any] | None = None,
) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Declare the decorated aggregate as an indicator; see :class:`Indicator` for the parameters."""

    def enter(measure: Callable[[Any], Any]) -> Callable[[Any], Any]:
        policy = null_policy or ("absent_is_zero" if source.grain == "event" else "missing")
        declare(
            Indicator(
                id, title, title_en, theme, source, measure, direction, formula, window, minimum, policy,
                consent_class, version, bounds or unit_bounds(id), meaning, inputs, undefined,
            )
        )  # fmt: skip
        return measure

    return enter


def load_indicators() -> Mapping[str, Indicator]:
    """All indicators by id, in the order of themes and of declaration."""
    _import_themes()
    return _REGISTER


@lru_cache(maxsize=1)
def _import_themes() -> None:
    # Asked some hundred times per page: a lookup of every module each time would show.
    for module in MODULES:
        importlib.import_module(f"rongqiao.indicators.{module}")


def get_indicator(indicator_id: str) -> Indicator:
    """One indicator.

    Raises
    ------
    InvalidValueError
        If there is none of this id.
    """
    register = load_indicators()
    if indicator_id not in register:
        raise InvalidValueError("指标", indicator_id, "没有这个指标，请从指标目录中查找。")
    return register[indicator_id]
