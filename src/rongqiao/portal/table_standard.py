"""A table as its standard has it and as its last delivery came out, for the pages of the department and of the operator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rongqiao.bases.enterprises import selectors as base
from rongqiao.bases.enterprises.intake.selectors import of_file, with_given_names
from rongqiao.contracts.catalog import code_list
from rongqiao.contracts.delivery_files import read_name
from rongqiao.portal.drift import gather_drift
from rongqiao.portal.listing import Column, Filter, Listing
from rongqiao.portal.operator_steps import drift_word
from rongqiao.portal.pictures import TYPE_WORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.http import HttpRequest

    from rongqiao.accounts.scope import Scope
    from rongqiao.contracts.model import Contract, Item

FAMILIES = [
    ("completeness", "完整性"),
    ("validity", "有效性"),
    ("uniqueness", "唯一性"),
    ("consistency", "一致性"),
    ("referential", "参照"),
    ("timeliness", "及时性"),
    ("drift", "漂移"),
    ("balance", "平衡"),
]
#: Receipts that a table's own page shows.
RECEIPTS = 12
#: Codes of a list that are named where an item is defined; of longer lists, how many there are.
NAMED_CODES = 15
ASIDE = {"operator": "隔离", "department": "退回"}
RECEIPT_PAGES = {"operator": "portal:operator_deliveries", "department": "portal:department_receipts"}


def stored_note(row: Any) -> str:
    """Name that an uploaded file is stored under; of one that bears its own, whether it completes or corrects others."""
    if row.given_name != row.file_name:
        return f"存为 {row.file_name}"
    _, tag = read_name(row.file_name) or ("", "")
    return "补报或更正" if tag.startswith(("correction", "part", "repair")) else ""


#: The file of a receipt or of a row set aside, by the name that its sender knows.
FILE = Column("given_name", "文件", sort="given_name", note=stored_note)


def describe_table(contract: Contract, scope: Scope) -> dict[str, Any]:
    """Gather what the components ``table_standard``, ``table_rules`` and ``table_receipts`` and the drift show, for one workspace."""
    workspace = "operator" if scope.kind == "operator" else "department"
    profiles = {profile.column: profile for profile in base.list_profiles(contract.id)}
    results = {result.rule_id: result for result in base.list_rule_results(contract_id=contract.id)}
    return {
        "workspace": workspace,
        "contract": contract,
        "category": code_list("data_categories").title(contract.category),
        "key": [contract.item(name).title for name in contract.key],
        "items": [
            {
                "item": item,
                "kind": type_word(item),
                "codes": _codes(item),
                "profile": profiles.get(item.id),
                "drift": drift_word(profiles[item.id].drift) if item.id in profiles else "",
                "has_range": workspace == "operator" or item.sensitivity in ("L1", "L2"),
            }
            for item in contract.items
        ],
        "rules": [(rule, results.get(rule.id), dict(FAMILIES)[rule.family]) for rule in contract.rules],
        "deliveries": list(with_given_names(scope, base.list_deliveries(contract_id=contract.id))[:RECEIPTS]),
        "drift": gather_drift(contract),
        "aside": ASIDE[workspace],
        "lineage_item": f"portal:{workspace}_lineage_item",
        "lineage_batch": f"portal:{workspace}_lineage_batch",
        "receipts_page": RECEIPT_PAGES[workspace],
    }


def type_word(item: Item) -> str:
    """Kind of an item's values as a clerk calls it."""
    return TYPE_WORDS.get(item.type, item.type)


def _codes(item: Item) -> str:
    if not item.code_list:
        return ""
    titles = [title for _, title in code_list(item.code_list).choices()]
    return "、".join(titles) if len(titles) <= NAMED_CODES else f"见代码表，共 {len(titles)} 项"


def receipts_listing(
    request: HttpRequest,
    rows: Any,
    tables: Sequence[tuple[str, str]],
    row_url: Callable[[Any], str],
    aside_url: Callable[[Any], str],
    **given: Any,
) -> Listing:
    """Receipts of delivered files: rows received, accepted and set aside, digest and place in the ledger."""
    titles = dict(tables)
    return Listing(
        request,
        rows,
        name="deliveries",
        row_url=row_url,
        columns=[
            FILE,
            Column("contract_id", "数据表", sort="contract_id", value=lambda row: titles.get(row.contract_id, row.contract_id)),
            Column("delivered_on", "报送日期", "date", sort="delivered_on"),
            Column("rows_in", "收到", "count", sort="rows_in"),
            Column("rows_accepted", "入库", "count", sort="rows_accepted"),
            Column("rows_quarantined", given.pop("aside", "隔离"), "count", sort="rows_quarantined", url=aside_url),
            Column("balance", "行数平衡", "status", value=_balance),
            Column("encoding", "编码"),
            Column("digest", "摘要（SM3）", value=lambda row: f"{row.digest[:12]}…"),
            Column("ledger_index", "账本位置", "number", null_text="未入账"),
        ],
        filters=[
            Filter("contract", "数据表", tables, lambda rows, v: rows.filter(contract_id=v)),
            Filter("problems", "问题", [("quarantined", "有未入库的行"), ("unrecorded", "未入账")], _by_problem),
            Filter("q", "文件名", apply=of_file),
        ],
        further=[Column("file_name", "存档文件名")],
        default_sort="-delivered_on",
        **given,
    )  # fmt: skip


def _balance(row: Any) -> str:
    """Every row that came in is published or set aside; the rest would be lost."""
    return "passed" if row.rows_in == row.rows_accepted + row.rows_quarantined else "warned"


def _by_problem(rows: Any, value: str) -> Any:
    if value == "quarantined":
        return rows.filter(rows_quarantined__gt=0)
    return rows.filter(ledger_index=None) if value == "unrecorded" else rows
