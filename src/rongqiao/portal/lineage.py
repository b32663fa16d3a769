"""Lineage pages: from department and table to items and to what reads them, and back; each node a link, no enterprise's value.

Operators see every table. A data department sees its own, and of what reads them also the names of the other tables it needs.
"""

from __future__ import annotations

from collections import Counter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from django import forms
from django.http import Http404
from django.urls import reverse
from django.views.decorators.http import require_safe

from rongqiao.bases.enterprises import selectors as base
from rongqiao.bases.enterprises.tracing import batch_quality
from rongqiao.bases.enterprises.usage import ROLES
from rongqiao.contracts.catalog import code_list
from rongqiao.contracts.standards import load_contracts
from rongqiao.platforms.credit import lineage
from rongqiao.portal.forms import PlainForm
from rongqiao.portal.ledger_proofs import prove_places
from rongqiao.portal.lineage_atlas import Atlas, Node, Stage
from rongqiao.portal.listing import Column, Filter, Listing
from rongqiao.portal.table_standard import type_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from django.http import HttpRequest, HttpResponse

    from rongqiao.bases.enterprises.tracing import BatchQuality
    from rongqiao.contracts.model import Contract
    from rongqiao.platforms.credit.lineage import Link, Reader

SHOWN = 10
NEWEST = 5


#: Line numbers are four bytes long in the lake.
MOST_LINES = 2**31 - 1


class LineForm(PlainForm):
    """Which line of a file to follow."""

    line = forms.IntegerField(
        label="第几行", min_value=1, max_value=MOST_LINES, help_text="文件中的行号，表头是第 1 行。"
    )


@require_safe
def show_index(request: HttpRequest) -> HttpResponse:
    """Every table with its department and how much reads it."""
    atlas = Atlas(request)
    delivered = {each.contract_id: each.delivered_on for each in base.source_statuses()}
    rows = [_table_row(contract, delivered.get(contract.id)) for contract in atlas.contracts.values()]
    listing = Listing(
        request,
        rows,
        name="tables",
        row_url=lambda row: atlas.table(row["id"]),
        columns=[
            Column("title", "数据表"),
            *([] if atlas.home == "department" else [Column("department", "部门", sort="department")]),
            Column("items", "数据项", "number", sort="items"),
            *(Column(kind, lineage.KINDS[kind], "number", sort=kind) for kind in KINDS_OF_ITEMS),
            Column("unread", "无人读取的项", "number", sort="unread"),
            Column("delivered_on", "最近报送", "date", sort="delivered_on"),
        ],
        filters=[
            *([] if atlas.home == "department" else [_by_department(atlas)]),
            Filter(
                "q",
                "表名或数据项",
                apply=lambda found, value: [row for row in found if value.casefold() in row["words"]],
            ),
        ],
        page_size=30,
    )
    return listing.respond("portal/lineage/index.html", {"is_department": atlas.home == "department"})


def _by_department(atlas: Atlas) -> Filter:
    departments = {each.department: each.department_title for each in atlas.contracts.values()}
    return Filter(
        "department",
        "部门",
        list(departments.items()),
        lambda found, value: [row for row in found if row["department_id"] == value],
    )


#: Items by which a row finds its enterprise: used, though no reader names them.
IDENTITY = ("uscc", "name")
KINDS_OF_ITEMS = ("indicator", "rule", "interface", "report")


def _table_row(contract: Contract, delivered_on: Any) -> dict[str, Any]:
    readers = lineage.readers_of_table(contract.id)
    read = {link.item_id for link in lineage.links_of_table(contract.id)}
    titles = " ".join(f"{item.id} {item.title}" for item in contract.items)
    return {
        "id": contract.id,
        "title": contract.title,
        "department": contract.department_title,
        "department_id": contract.department,
        "items": len(contract.items),
        **{kind: sum(each.kind == kind for each in readers) for kind in KINDS_OF_ITEMS},
        "unread": sum(name not in read for name in contract.columns if name not in IDENTITY),
        "delivered_on": delivered_on,
        "words": f"{contract.id} {contract.title} {titles}".casefold(),
    }


@require_safe
def show_table(request: HttpRequest, contract_id: str) -> HttpResponse:
    """One table: its files on one side, what reads it on the other."""
    atlas = Atlas(request)
    contract = atlas.contract(contract_id)
    files = list(atlas.named(base.list_deliveries(contract_id=contract_id))[:NEWEST])
    stages = [
        Stage(
            "报送文件",
            [
                Node(each.given_name, f"{each.delivered_on} 报送", atlas.url("_batch", each.batch_id))
                for each in files
            ]
            or [Node("从未报送", contract.department_title)],
        ),
        Stage("数据表", [Node(contract.title, contract.department_title)], is_here=True),
        _stage("数据项", _items(atlas, contract)),
        _stage("用于", _readers(atlas, lineage.readers_of_table(contract_id))),
    ]
    facts = [
        ("部门", contract.department_title),
        ("标识", contract.id),
        ("标准版本", contract.version),
        ("主键", "、".join(contract.item(name).title for name in contract.key)),
        ("更新周期", code_list("update_cycles").title(contract.update_cycle)),
    ]
    links = lineage.links_of_table(contract_id)
    return _answer(
        request, atlas, contract.title, stages, links, facts=facts, text=contract.purpose, files=files
    )


@require_safe
def show_item(request: HttpRequest, contract_id: str, item_id: str) -> HttpResponse:
    """One item: its table, and everything that uses its value or lets it decide."""
    atlas = Atlas(request)
    contract = atlas.contract(contract_id)
    item = next((each for each in contract.items if each.id == item_id), None)
    if item is None:
        raise Http404(item_id)
    links = lineage.links_of_item(contract_id, item_id)
    stages = [
        Stage("数据表", [Node(contract.title, contract.department_title, atlas.table(contract_id))]),
        Stage("数据项", [Node(item.title, item.id)], is_here=True),
        _stage("用于", [_reader_node(atlas, link) for link in links]),
    ]
    facts = [
        ("标识", item.id),
        ("类型", f"{type_word(item)}（{item.unit}）" if item.unit else type_word(item)),
        ("分级", code_list("sensitivity_levels").title(item.sensitivity)),
        ("空值的含义", item.null_means or "—"),
    ]
    title = f"{contract.title}：{item.title}"
    return _answer(request, atlas, title, stages, links, facts=facts, text=item.definition)


@require_safe
def show_reader(request: HttpRequest, kind: str, reader_id: str) -> HttpResponse:
    """One reader: the items and readers it is made of, each with its role, and what uses it further."""
    atlas = Atlas(request)
    reader = lineage.get_reader(kind, reader_id)
    if reader is None or not atlas.may_read(reader):
        raise Http404(reader_id)
    links, inputs = lineage.links_of_reader(kind, reader_id), lineage.inputs_of(kind, reader_id)
    made_of = [
        Node(each.title, f"{each.kind_title} · {ROLES[role]}", atlas.reader(each)) for each, role in inputs
    ]
    items = [
        Node(link.item, f"{link.table} · {link.role_title}", atlas.item(link.contract_id, link.item_id))
        for link in links
    ]
    stages = [
        _stage("来自", made_of + items),
        Stage(reader.kind_title, [Node(reader.title)], is_here=True),
        _stage("用于", _readers(atlas, lineage.outputs_of(kind, reader_id)), empty="不再用于其他指标或模型"),
    ]
    tables = [name for name in sorted(lineage.tables_of(reader)) if name in atlas.contracts]
    facts = [*reader.facts, ("标识", reader.id)]
    files = list(atlas.named(base.newest_deliveries(tables)))
    more = {"interface_url": reverse("portal:interface", args=[reader_id])} if kind == "interface" else {}
    return _answer(
        request,
        atlas,
        reader.title,
        stages,
        links,
        facts=facts,
        text=reader.text,
        files=files,
        inputs=inputs,
        reader=reader,
        more=more,
    )


@require_safe
def show_batch(request: HttpRequest, batch_id: str) -> HttpResponse:
    """One delivered file: receipt, checks, proof in the ledger, and what its table is read by."""
    atlas = Atlas(request)
    delivery = atlas.named(base.list_deliveries()).filter(pk=batch_id).first()
    if delivery is None or delivery.contract_id not in atlas.contracts:
        raise Http404(batch_id)
    contract = atlas.contracts[delivery.contract_id]
    stages = [
        Stage("部门", [Node(contract.department_title)]),
        Stage(
            "报送文件",
            [Node(delivery.given_name, f"{delivery.delivered_on} 报送，入库 {delivery.rows_accepted:,} 行")],
            is_here=True,
        ),
        Stage("数据表", [Node(contract.title, contract.id, atlas.table(contract.id))]),
        _stage("用于", _readers(atlas, lineage.readers_of_table(contract.id))),
    ]
    facts = [
        ("批次", delivery.batch_id),
        ("收到", f"{delivery.rows_in:,} 行"),
        ("入库", f"{delivery.rows_accepted:,} 行"),
        ("隔离", f"{delivery.rows_quarantined:,} 行"),
        ("编码", delivery.encoding or "—"),
        ("检验", quality_words(batch_quality([batch_id]).get(batch_id))),
    ]
    links = lineage.links_of_table(contract.id)
    more: dict[str, Any] = {}
    if atlas.home == "department":
        more = {"line_form": LineForm(), "line_url": atlas.url("_line", batch_id)}
    elif delivery.rows_quarantined:
        more = {"quarantine_url": f"{reverse('portal:operator_quarantine')}?batch={batch_id}"}
    return _answer(
        request, atlas, delivery.given_name, stages, links, facts=facts, files=[delivery], more=more
    )


def quality_words(found: BatchQuality | None) -> str:
    """Outcome of a batch's rules in words; what did not run is said, and never counts as passed."""
    if found is None:
        return "没有检验记录"
    words = [
        ("通过", found.passed),
        ("警告", found.warned),
        ("未通过", found.failed),
        ("未运行", found.not_run),
    ]
    return "，".join(f"{count} 项规则{word}" for word, count in words if count)


def _items(atlas: Atlas, contract: Contract) -> list[Node]:
    """Items of a table, the most read first."""
    uses = Counter(link.item_id for link in lineage.links_of_table(contract.id) if link.role != "condition")
    ordered = sorted(contract.items, key=lambda item: -uses[item.id])
    return [
        Node(item.title, f"{uses[item.id]} 处取值" if uses[item.id] else "", atlas.item(contract.id, item.id))
        for item in ordered
    ]


def _readers(atlas: Atlas, readers: Iterable[Reader]) -> list[Node]:
    return [Node(each.title, each.kind_title, atlas.reader(each)) for each in readers]


def _reader_node(atlas: Atlas, link: Link) -> Node:
    # Whoever may see the item may see what reads it.
    return Node(
        link.reader, f"{link.kind_title} · {link.role_title}", atlas.url("_reader", link.kind, link.reader_id)
    )


def _stage(title: str, nodes: Sequence[Node], empty: str = "没有指标、规则、接口或报告读取") -> Stage:
    return Stage(title, nodes[:SHOWN] or [Node(empty)], more=max(len(nodes) - SHOWN, 0))


def _answer(
    request: HttpRequest,
    atlas: Atlas,
    title: str,
    stages: Sequence[Stage],
    links: Sequence[Link],
    *,
    facts: Sequence[tuple[str, str]],
    text: str = "",
    files: Sequence[Any] = (),
    inputs: Sequence[tuple[Reader, str]] = (),
    reader: Reader | None = None,
    more: Mapping[str, Any] = MappingProxyType({}),
) -> HttpResponse:
    """Page of one node: the way as columns, what it is, the files and their proofs, and every link as a table."""
    places = [each.ledger_index for each in files if each.ledger_index is not None]
    context = {
        "title": title,
        "text": text,
        "stages": stages,
        "facts": facts,
        "files": [
            (each, load_contracts()[each.contract_id].title, atlas.url("_batch", each.batch_id))
            for each in files
        ],
        "proofs": prove_places(places),
        "index_url": atlas.url(""),
        "is_operator": atlas.home == "operator",
        **more,
    }
    listing = _links_listing(request, atlas, links, inputs, reader)
    return listing.respond("portal/lineage/node.html", context)


def _links_listing(
    request: HttpRequest,
    atlas: Atlas,
    links: Sequence[Link],
    inputs: Sequence[tuple[Reader, str]],
    reader: Reader | None,
) -> Listing:
    rows: list[dict[str, Any]] = [
        {
            "item": each.title,
            "item_url": atlas.reader(each),
            "table": each.kind_title,
            "role": role,
            "role_title": ROLES[role],
            "ways": "取其结果",
            "kind": reader.kind if reader else "",
            "kind_title": reader.kind_title if reader else "",
            "reader": reader.title if reader else "",
            "reader_url": "",
        }
        for each, role in inputs
    ] + [
        {
            "item": link.item,
            "item_url": atlas.item(link.contract_id, link.item_id),
            "table": link.table,
            "role": link.role,
            "role_title": link.role_title,
            "ways": link.ways,
            "kind": link.kind,
            "kind_title": link.kind_title,
            "reader": link.reader,
            "reader_url": atlas.url("_reader", link.kind, link.reader_id),
        }
        for link in links
    ]
    return Listing(
        request,
        rows,
        name="links",
        columns=[
            Column("item", "数据项", sort="item", url=lambda row: row["item_url"]),
            Column("table", "数据表", sort="table"),
            Column("role_title", "用法", sort="role_title"),
            Column("ways", "怎样用到"),
            Column("reader", "用于", sort="reader", url=lambda row: row["reader_url"]),
            Column("kind_title", "类别", sort="kind_title"),
        ],
        filters=[
            Filter(
                "kind",
                "类别",
                list(lineage.KINDS.items()),
                lambda found, value: [row for row in found if row["kind"] == value],
            ),
            Filter(
                "role",
                "用法",
                list(ROLES.items()),
                lambda found, value: [row for row in found if row["role"] == value],
            ),
            Filter(
                "q",
                "数据项或用途",
                apply=lambda found, value: [row for row in found if value in row["item"] + row["reader"]],
            ),
        ],
        page_size=30,
        empty_title="没有什么读取它",
        empty_text="没有指标、跨表规则、数据接口或报告用到它。",
    )
