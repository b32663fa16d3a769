"""From a profile to a draft contract: what the source shows is filled in, what only people know is left for the form."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from rongqiao.contracts import draft_rules
from rongqiao.contracts.drafts import TYPES, Document
from rongqiao.contracts.standards import load_contracts
from rongqiao.governance.discovery.bringing import DATE_FORMS
from rongqiao.governance.discovery.columns import is_row_number
from rongqiao.governance.discovery.naming import finish_id, tell_apart, to_english

if TYPE_CHECKING:
    import datetime as dt

    from rongqiao.governance.discovery.profiles import ColumnProfile, SourceProfile

#: Likeness from which a known item's id, title and definition are taken over.
SAME = 0.90
_MONEY_UNITS = {"元", "千元", "万元", "亿元"}
_FUTURE_WORDS = re.compile(r"有效期|截止|截至|至$|到期|期限|until|expire|opto", re.IGNORECASE)
#: Words of a title → category of data and consent class that such tables belong to.
_KINDS = (
    (r"处罚|违法|违规|查封|检查|抽查|执法", "regulation", "public_regulation"),
    (r"专利|商标|知识产权|研发|研究开发|高新|创新|科技|专精特新", "ip_science", "public_technology"),
    (r"许可|资质|认证|认定|名单|名录|备案|龙头|奖励", "licence_honour", "public_regulation"),
    (r"土地|宗地|不动产|房产|抵押", "property", "real_estate"),
    (r"设立|登记|注册", "registration", "public_registration"),
    (r"社保|社会保险|参保", "social_insurance", "social_insurance"),
    (r"法院|判决|司法|失信", "judicial", "public_judicial"),
    (r"税", "tax", "tax"),
    (r"变更", "change", "public_registration"),
    (r"出资|股东|投资", "equity", "public_registration"),
)


def guess(
    profile: SourceProfile,
    department: str,
    *,
    department_title: str = "",
    table: str = "",
    title: str = "",
    seen_on: dt.date | None = None,
) -> Document:
    """Draw up an ODCS document from a profile.

    Parameters
    ----------
    profile : SourceProfile
    department : str
        English id of the department that keeps the source.
    department_title, table, title : str
        Chinese name of the department, English and Chinese name of the table, where they are known already.
    seen_on : datetime.date or None
        Day on which the source was seen; columns with later dates are no records of the past.

    Returns
    -------
    dict
        A draft (``status: draft``); `rongqiao.contracts.drafts.problems` says what is left to answer.
    """
    title = title or _title(profile)
    table = table or _table(title)
    category, data_class = _category(profile, title)
    nodes, headers = _subject_nodes(profile)
    nodes += _item_nodes(profile, headers, {node["name"] for node in nodes})
    for node, column in _pairs(nodes, profile):
        if column is not None and _is_ahead(column, seen_on):
            draft_rules.set_custom(node, "isPast", None)
    valid_on, valid_kind = _valid_time(nodes, profile)
    document: Document = {
        "apiVersion": "v3.0.2", "kind": "DataContract", "id": f"{department}.{table}", "name": title, "version": "1.0.0",
        "status": "draft", "domain": department,
        "description": {"purpose": "", "usage": "", "limitations": ""},
        "schema": [
            {"name": table, "businessName": title, "logicalType": "object", "physicalType": "table", "description": f"来源：{profile.source}",
             "properties": nodes, "quality": []}
        ],
        "slaProperties": [],
        "customProperties": [
            {"property": name, "value": value}
            for name, value in (
                ("departmentTitle", department_title), ("category", category), ("dataClass", data_class), ("legalBasis", ""),
                ("validOn", valid_on), ("validKind", valid_kind), ("updateCycle", ""),
                ("identifier", "enterprise_no" if "enterprise_no" in profile.subject else "uscc"), ("authorityRank", 2),
            )
        ],
    }  # fmt: skip
    _mark_key(nodes, profile, valid_on)
    for node in nodes:
        node["required"] = node["required"] or node["name"] == valid_on
    document["schema"][0]["quality"] = draft_rules.make_rules(document)
    return document


def _title(profile: SourceProfile) -> str:
    if profile.sheet and not re.fullmatch(r"(?i)sheet\d*", profile.sheet):
        return profile.sheet
    return re.sub(r"(\.[A-Za-z]+)+$", "", PurePath(profile.source).name).strip()


def _table(title: str) -> str:
    bare = re.sub(r"^.*?[-—]|\d{4}(-\d{4})?年?度?|[“”+]|信息$|名单$|数据.*$|结果$", "", title)
    found = to_english(bare, is_partial=True) or "source"
    return re.sub(r"[^a-z0-9_]", "", found.lower())[:50].strip("_") or "source"


def _category(profile: SourceProfile, title: str) -> tuple[str, str]:
    for pattern, category, data_class in _KINDS:
        if re.search(pattern, title):
            return category, data_class
    contracts = load_contracts()
    votes: Counter[tuple[str, str]] = Counter()
    for column in profile.columns:
        for one in column.resembles[:1]:
            if one.item not in ("uscc", "name") and one.score >= 0.6 and one.contract in contracts:
                contract = contracts[one.contract]
                votes[contract.category, contract.data_class] += 1
    return votes.most_common(1)[0][0] if votes else ("", "")


def _node(name: str, title: str, kind: str, level: str, description: str) -> Document:
    physical, logical = TYPES[kind]
    return {
        "name": name, "businessName": title, "logicalType": logical, "physicalType": physical, "description": description,
        "required": False, "classification": level, "customProperties": [],
    }  # fmt: skip


def _subject_nodes(profile: SourceProfile) -> tuple[list[Document], set[str]]:
    """Items that say whose row it is; a source without codes still has the item, which cleaning fills."""
    subject = profile.subject
    if "enterprise_no" in subject:
        node = _node(
            "enterprise_no", "企业编号", "string", "L1", "来源以代号表示的企业，同一代号为同一企业。"
        )
        _add_headers(node, [subject["enterprise_no"]])
        node["required"] = True
        return [node], set(subject.values())
    code = _node(
        "uscc",
        "统一社会信用代码",
        "string",
        "L1",
        "GB 32100-2015 规定的18位代码，以营业执照所载为准；字母一律大写，不含 I、O、S、V、Z。",
    )
    name = _node("name", "企业名称", "string", "L1", "来源所载的企业全称；括号全角半角不限。")
    draft_rules.set_custom(code, "nullMeans", "来源未提供，由清洗步骤按名称认定；不能认定的转入隔离区")
    draft_rules.set_custom(name, "nullMeans", "来源未提供，按统一社会信用代码认定")
    taken = set(subject.values())
    for role, node in (("uscc", code), ("name", name)):
        if role in subject:
            _add_headers(node, [subject[role]])
        else:
            # A column of that very title is read as the item, even where its values do not tell enterprises apart.
            taken.add(node["businessName"])
    return [code, name], taken


def _add_headers(node: Document, headers: list[str]) -> None:
    """List a source's own spellings; what the title, or the title with its unit, says already is none."""
    unit = draft_rules.custom(node).get("unit", "")
    known = {node["businessName"], node["name"], f"{node['businessName']}（{unit}）"}
    fresh = [header for header in headers if header not in known]
    if fresh:
        draft_rules.set_custom(node, "headers", fresh)


def _item_nodes(profile: SourceProfile, taken: set[str], names: set[str]) -> list[Document]:
    chosen = [one for one in profile.columns if one.header not in taken and not _is_left_out(one)]
    kinds = [_kind(one) for one in chosen]
    same = [_same_item(one, kind) for one, kind in zip(chosen, kinds, strict=True)]
    ids = []
    for column, kind, found in zip(chosen, kinds, same, strict=True):
        name = found["id"] if found else to_english(column.header)
        name = finish_id(name, kind, column.unit) if name else f"column_{column.position + 1}"
        ids.append(f"{name}_2" if name in names else name)
    return [
        _item_node(column, name, kind, found)
        for column, name, kind, found in zip(chosen, tell_apart(ids), kinds, same, strict=True)
    ]


def _is_left_out(column: ColumnProfile) -> bool:
    """Row numbers, columns without a value, and personal data have no place in a contract."""
    return column.filled == 0 or column.is_personal or is_row_number(column)


def _kind(column: ColumnProfile) -> str:
    guessed = column.guess.type
    if guessed in ("decimal", "integer") and column.unit in _MONEY_UNITS:
        return "money"
    return {"year": "integer"}.get(guessed, guessed)


def _same_item(column: ColumnProfile, kind: str) -> dict[str, str] | None:
    """Name and definition of the known item that the column evidently is."""
    if not column.resembles or column.resembles[0].score < SAME:
        return None
    best = column.resembles[0]
    contracts = load_contracts()
    item = contracts[best.contract].item(best.item)
    same_type = item.physical_type == TYPES[kind][0]
    if item.id in ("uscc", "name") or not same_type:
        return None
    return {
        "id": item.id,
        "title": item.title,
        "definition": item.definition,
        "level": item.sensitivity,
        "null": item.null_means,
    }


def _item_node(column: ColumnProfile, name: str, kind: str, same: dict[str, str] | None) -> Document:
    bare = re.sub(
        r"[（(\[【]\s*(" + "|".join(sorted(_MONEY_UNITS, key=len, reverse=True)) + r")\s*[）)\]】]",
        "",
        column.header,
    )
    title = same["title"] if same else re.sub(r"\s+", "", bare)
    node = _node(
        name,
        title,
        kind,
        same["level"] if same else "L2",
        same["definition"] if same else f"来源所载“{column.header}”。",
    )
    put = draft_rules.set_custom
    if kind == "money":
        put(node, "unit", "元")
    elif column.unit and kind in ("integer", "decimal"):
        put(node, "unit", column.unit)
    _add_headers(
        node,
        [bare, column.header]
        if kind == "money" and bare != title
        else [column.header]
        if kind != "money"
        else [],
    )
    put(node, "nullMeans", (same["null"] if same else "") or "来源未提供，不等于零")
    if column.code_lists and column.code_lists[0][1] >= 0.999 and column.guess.type == "string":
        put(node, "codeList", column.code_lists[0][0])
    if column.guess.form:
        put(node, "dateForm", column.guess.form)
    for field, value in _evidence(column, kind).items():
        put(node, field, value)
    return node


def _is_ahead(column: ColumnProfile, seen_on: dt.date | None) -> bool:
    """Whether the latest of the dates lies after the day on which the source was seen."""
    if seen_on is None or column.maximum is None:
        return False
    read = DATE_FORMS.get(column.guess.form, str)
    if column.guess.form == "day_first":
        return False
    return max(read(column.maximum), read(column.minimum or "")) > seen_on.isoformat()


def _evidence(column: ColumnProfile, kind: str) -> dict[str, Any]:
    """Tell what the values show and rules may hold to: never negative, never ahead of time."""
    found: dict[str, Any] = {}
    if kind in ("money", "integer", "decimal") and column.minimum is not None and float(column.minimum) >= 0:
        found["isPositive"] = True
    if kind == "date" and not _FUTURE_WORDS.search(column.header):
        found["isPast"] = True
    return found


def _pairs(nodes: list[Document], profile: SourceProfile) -> list[tuple[Document, ColumnProfile | None]]:
    """Put each item beside the column that it was made from."""
    found = {one.header: one for one in profile.columns}
    return [(node, next((found[one] for one in _spellings(node) if one in found), None)) for node in nodes]


def _spellings(node: Document) -> list[str]:
    return [node["businessName"], *draft_rules.custom(node).get("headers", [])]


def _valid_time(nodes: list[Document], profile: SourceProfile) -> tuple[str | None, str]:
    """Choose the item that says when a record is true: a date, month or year that every row has."""
    candidates = []
    for node, column in _pairs(nodes, profile):
        if column is None or column.nulls or column.guess.type not in ("date", "month", "year"):
            continue
        rank = 0 if draft_rules.custom(node).get("isPast") else 2
        rank += bool(re.search(r"更新|创建|采集|交换|上报", node["businessName"]))
        candidates.append(
            (column.guess.type == "year", rank, column.position, node["name"], column.guess.type)
        )
    if not candidates:
        return None, "date"
    *_, name, kind = min(candidates)
    return name, kind


def _mark_key(nodes: list[Document], profile: SourceProfile, valid_on: str | None) -> None:
    """Mark the subject and what tells its records apart, by the keys that the profile found."""
    names = {}
    for node in nodes:
        for spelling in _spellings(node):
            names[spelling] = node["name"]
    subject = nodes[0]["name"]
    usable = [[names[one] for one in key] for key in profile.keys if all(one in names for one in key)]
    key = [subject]
    if usable:
        rest = [one for one in usable[0] if one not in (subject, "name")]
        key += rest
    elif valid_on:
        key.append(valid_on)
    for node in nodes:
        if node["name"] in key:
            node.update(primaryKey=True, primaryKeyPosition=key.index(node["name"]) + 1)
