"""The catalogue of indicators: what each says, what it is made of, who uses it, how it stands.

Definitions are for everybody, whose figures they are above all. How values spread is for those who work with them, every count
through disclosure control.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from rongqiao.accounts.roles import Role
from rongqiao.bases.enterprises.catalogue import selectors
from rongqiao.bases.enterprises.figures import format_figure
from rongqiao.bases.enterprises.usage import ROLES
from rongqiao.bases.resources.selectors import products_judging_by
from rongqiao.contracts.catalog import consent_data_classes, threshold
from rongqiao.indicators.reference import describe, spec_answers
from rongqiao.indicators.registry import DIRECTIONS, THEMES, load_indicators
from rongqiao.indicators.suspension import STATE_TITLES
from rongqiao.indicators.value_words import STATUSES
from rongqiao.platforms.credit import lineage
from rongqiao.portal.access import for_roles, request_scope
from rongqiao.portal.charts import Chart
from rongqiao.portal.lineage_atlas import Atlas
from rongqiao.portal.listing import Column, Filter, Listing
from rongqiao.portal.wording import STATUSES as WORDS

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from rongqiao.bases.enterprises.catalogue.models import IndicatorStatus
    from rongqiao.bases.enterprises.catalogue.selectors import Entry, Group, Picture

HEALTH = ("ok", "failing", "unknown", "never")
#: What the export says beyond the list.
FURTHER = (
    "标识",
    "英文名",
    "单位",
    "统计窗口",
    "取值范围",
    "公式",
    "没有数据时",
    "适用企业",
    "数据项",
    "版本",
)
#: Products that are named at once; the rest fold away.
SHOWN = 8
EVENTS = {
    "fail": "暂停使用",
    "recover": "恢复使用",
    "halt": "停用",
    "release": "核准继续使用",
    "resume": "恢复使用",
}


@require_safe
@for_roles()
def list_indicators(request: HttpRequest) -> HttpResponse:
    """Every indicator, by name, theme, class of data, direction, owner, health and state of use."""
    entries = selectors.list_entries()
    owners = dict.fromkeys(each.declared.owner for each in entries)
    classes = {key: each.title for key, each in consent_data_classes().items()}
    listing = Listing(
        request,
        entries,
        name="indicators",
        row_url=lambda row: reverse("portal:indicator", args=[row.declared.id]),
        columns=[
            Column("title", "指标", sort="title", value=lambda row: row.declared.title),
            Column("theme", "主题", sort="theme", value=lambda row: THEMES[row.declared.theme]),
            Column("direction", "方向", value=lambda row: DIRECTIONS[row.declared.direction]),
            Column("data_class", "数据类别", sort="data_class"),
            Column("owner", "责任部门", sort="owner", value=lambda row: row.declared.owner),
            Column("coverage", "覆盖率", "rate", sort="coverage", value=_coverage, null_text="未知"),
            Column("health", "健康度", "status", option="health"),
            Column("state", "使用状态", "status", sort="state", option="use"),
        ],
        further=[_described(name) for name in FURTHER],
        filters=[
            Filter("q", "名称、英文名或标识", apply=_matching),
            Filter("theme", "主题", list(THEMES.items()), lambda rows, v: [r for r in rows if r.declared.theme == v]),
            Filter("class", "数据类别", list(classes.items()), lambda rows, v: [r for r in rows if r.declared.consent_class == v]),
            Filter("direction", "方向", list(DIRECTIONS.items()), lambda rows, v: [r for r in rows if r.declared.direction == v]),
            Filter("owner", "责任部门", [(each, each) for each in owners], lambda rows, v: [r for r in rows if r.declared.owner == v]),
            Filter("health", "健康度", [(key, WORDS[f"health.{key}"].text) for key in HEALTH], lambda rows, v: [r for r in rows if r.health == v]),
            Filter("state", "使用状态", list(STATE_TITLES.items()), lambda rows, v: [r for r in rows if r.state == v]),
        ],
        page_size=30,
    )  # fmt: skip
    return listing.respond(
        "portal/public/indicators.html",
        {
            "total": len(entries),
            "themes": len(THEMES),
            "stopped": sum(each.state in ("suspended", "halted") for each in entries),
        },
    )


def _described(label: str) -> Column:
    def read(row: Entry) -> str:
        return describe(row.declared)[label]

    return Column(label, label, value=read)


def _coverage(row: Entry) -> float | None:
    return row.status.coverage if row.status else None


def _matching(rows: list[Entry], words: str) -> list[Entry]:
    """Entries of which name, English name, id or theme hold every word."""
    asked = words.casefold().split()
    return [row for row in rows if all(word in _said(row) for word in asked)]


def _said(row: Entry) -> str:
    declared = row.declared
    return f"{declared.title} {declared.title_en} {declared.id} {THEMES[declared.theme]}".casefold()


@require_safe
@for_roles()
def show_indicator(request: HttpRequest, indicator_id: str) -> HttpResponse:
    """One indicator: definition, sources, users, health, spread, versions."""
    entry = selectors.get_entry(indicator_id)
    if entry is None:
        raise Http404(indicator_id)
    scope, declared, status = request_scope(request), entry.declared, entry.status
    is_spread_shown = selectors.may_see_spread(scope, declared)
    picture = selectors.read_picture(status) if status and is_spread_shown else None
    said = describe(declared)
    is_operator = scope.role == Role.OPERATOR
    products = products_judging_by(indicator_id)
    context = {
        "entry": entry,
        "declared": declared,
        "status": status,
        "facts": [(label, said[label]) for label in said if label not in ("名称", "公式", "数据项")],
        "stopped": selectors.say_state(entry.state, status.state_reason)
        if status and entry.state in ("suspended", "halted", "released")
        else "",
        "sources": _sources(request, entry),
        "inputs": [load_indicators()[name] for name in declared.inputs],
        "uses": _uses(entry),
        "products": products[:SHOWN],
        "more_products": products[SHOWN:],
        "answers": _answers(entry),
        "health_facts": _health_facts(status) if status else [],
        "is_spread_shown": is_spread_shown,
        "picture": picture,
        "chart": _chart(entry, picture) if picture and status else None,
        "editions": status.editions if status else [],
        "changes": [_change(each, is_operator) for each in reversed(status.changes)] if status else [],
        "is_operator": is_operator,
    }
    return _groups(request, entry, picture).respond("portal/public/indicator.html", context)


def _sources(request: HttpRequest, entry: Entry) -> list[dict[str, str]]:
    """Items that the value rests on in the end, with the way to their data standard where the reader may go there."""
    atlas = Atlas(request) if request_scope(request).kind in ("operator", "department") else None
    return [
        {
            "item": link.item,
            "item_id": link.item_id,
            "table": link.table,
            "contract_id": link.contract_id,
            "department": link.department,
            "role": ROLES[link.role],
            "ways": link.ways,
            "url": atlas.item(link.contract_id, link.item_id) if atlas else "",
        }
        for link in lineage.links_of_reader("indicator", entry.declared.id)
    ]


def _uses(entry: Entry) -> list[dict[str, str]]:
    """List what reads the indicator further; every reader of portraits, lists and criteria may."""
    rows = [
        {
            "kind": each.kind_title,
            "title": each.title,
            "text": each.text,
            "url": reverse("portal:indicator", args=[each.id]) if each.kind == "indicator" else "",
        }
        for each in lineage.outputs_of("indicator", entry.declared.id)
    ]
    rows.append(
        {
            "kind": "企业画像",
            "title": f"“{THEMES[entry.declared.theme]}”主题",
            "text": "本企业、获授权的银行和履职的政府部门可见",
            "url": "",
        }
    )
    if entry.declared.direction != "neutral":
        rows.append(
            {
                "kind": "同类比较",
                "title": "行业、规模、地区分位",
                "text": "同类企业足够多才比较，否则与上一级比",
                "url": "",
            }
        )
    rows.append(
        {"kind": "名单筛选", "title": "可作为筛选条件", "text": "户数经披露控制，名单须企业授权", "url": ""}
    )
    return rows  # fmt: skip


def _answers(entry: Entry) -> list[tuple[str, str]]:
    found = spec_answers(entry.declared.id) or {}
    return [(case, _answer(entry, value)) for case, value in found.items()]


def _answer(entry: Entry, value: float | str) -> str:
    words = {"n/a": STATUSES["not_applicable"], "missing": STATUSES["missing"]}
    return words[value] if isinstance(value, str) else format_figure(entry.declared.id, value)


def _health_facts(status: IndicatorStatus) -> list[tuple[str, str]]:
    least = threshold("indicator_coverage_min", status.known_at)
    most = threshold("indicator_drift_max", status.known_at)
    people = int(threshold("indicator_population_min", status.known_at))
    compared = f"与 {status.against} 相比" if status.against else "没有可比的月份"
    return [
        ("覆盖率", "未知" if status.coverage is None else f"{status.coverage:.1%}（下限 {least:.0%}）"),
        ("计算口径", f"{status.subjects}中有值的占比，不适用的不计"),
        ("漂移（PSI）", f"{compared}，未知" if status.drift is None else f"{status.drift:.3f}，{compared}（上限 {most}）"),
        ("判定门槛", f"适用企业满 {people:,} 户才判定"),
        ("数据月份", f"{status.as_of // 100}-{status.as_of % 100:02d}，{status.known_at} 前收到的数据"),
        ("计算发布", f"{timezone.localtime(status.published_at):%Y-%m-%d}"),
    ]  # fmt: skip


def _change(change: list[Any], is_operator: bool) -> dict[str, str]:
    event, state, cause, reason, on, decided_by = change
    who = "按覆盖率与漂移自动判定" if cause == "figures" else "平台运营方"
    return {
        "event": EVENTS.get(event, event),
        "state": state,
        "reason": reason,
        "on": on,
        "who": f"{who}（{decided_by}）" if is_operator and decided_by else who,
    }


def _chart(entry: Entry, picture: Picture) -> Chart:
    name, status = entry.declared.id, entry.status
    shares = [None if bar.share is None else round(bar.share * 100, 1) for bar in picture.bars]
    labels = [_range(name, bar.low, bar.high) for bar in picture.bars]
    hidden = "；留空的区间户数太少，不予显示" if None in shares else ""
    source = f"有值企业取样 {status.sampled:,} 户" if status else ""
    return Chart("spread", "取值分布", labels, {"占比": shares}, "%", f"{source}{hidden}", kind="bar")


def _range(name: str, low: float | None, high: float | None) -> str:
    if low is None:
        return f"低于 {format_figure(name, high)}"
    if high is None:
        return f"{format_figure(name, low)} 及以上"
    return format_figure(name, low) if low == high else f"{format_figure(name, low)} 起"


def _groups(request: HttpRequest, entry: Entry, picture: Picture | None) -> Listing:
    """How the indicator spreads by prefecture and by industry section."""
    rows = (
        [("region", each) for each in picture.regions] + [("section", each) for each in picture.sections]
        if picture
        else []
    )
    told = dict(zip(selectors.TOLD_KNOTS, ("10% 位", "25% 位", "中位数", "75% 位", "90% 位"), strict=True))
    quantiles = [_quantile(entry, place, title) for place, title in enumerate(told.values())]
    hidden = "不予显示"
    return Listing(
        request,
        rows,
        name="groups",
        columns=[
            Column("title", "分组", value=lambda row: row[1].title),
            Column("dimension", "方式", value=lambda row: DIMENSIONS[row[0]]),
            Column("enterprises", "存续企业", "number", sort="enterprises", value=lambda row: row[1].enterprises),
            Column("applicable", "适用", "number", sort="applicable", value=lambda row: row[1].applicable, null_text=hidden),
            Column("covered", "有值", "number", sort="covered", value=lambda row: row[1].covered, null_text=hidden),
            Column("coverage", "覆盖率", "rate", sort="coverage", value=lambda row: row[1].coverage, null_text="—"),
            *quantiles[1:-1],
        ],
        further=[quantiles[0], quantiles[-1]],
        filters=[
            Filter("by", "分组方式", list(DIMENSIONS.items()), lambda rows, v: [row for row in rows if row[0] == v]),
        ],
        page_size=15,
        empty_title="没有分布",
        empty_text="指标计算并发布后，这里按市州和行业门类显示覆盖率与分位数。",
    )  # fmt: skip


DIMENSIONS = {"region": "市州", "section": "行业门类"}


def _quantile(entry: Entry, place: int, title: str) -> Column:
    def read(row: tuple[str, Group]) -> str | None:
        told = row[1].quantiles
        return format_figure(entry.declared.id, told[place]) if told else None

    return Column(f"q{place}", title, "number", value=read, null_text="户数不足")
