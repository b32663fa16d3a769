"""Contracts in the making: an ODCS document that was guessed from a source, and that a clerk finishes in a form.

A draft stands under ``overlay_root()`` as ``<department>/<table>.yaml`` with ``status: draft``; nothing reads it as a contract. Once it
has no problems, ``write(…, is_finished=True)`` makes it active, and from then on it is a contract like any other.
"""

from __future__ import annotations

import copy
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import yaml

from rongqiao.contracts import draft_rules
from rongqiao.contracts.checks import check_contract
from rongqiao.contracts.code_lists import code_list
from rongqiao.contracts.documents import document as catalogue
from rongqiao.contracts.draft_rules import custom, set_custom
from rongqiao.contracts.standards import load_contracts, overlay_root, parse_contract, standards_root
from rongqiao.kernel.errors import ContractError, InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Document = dict[str, Any]

#: Physical type and logical type of each type that a clerk may choose.
TYPES: dict[str, tuple[str, str]] = {
    "string": ("VARCHAR", "string"),
    "integer": ("BIGINT", "integer"),
    "decimal": ("DOUBLE", "number"),
    "money": ("DECIMAL(18,2)", "number"),
    "date": ("DATE", "date"),
    "month": ("INTEGER", "integer"),
    "boolean": ("BOOLEAN", "boolean"),
}
#: Questions that no source answers by itself: field → what the form asks.
TEXTS = {
    "name": "这张表叫什么",
    "departmentTitle": "由哪个部门提供",
    "category": "属于哪一类数据",
    "dataClass": "企业授权时归入哪一类",
    "legalBasis": "依据哪部法律、法规或文件共享",
    "updateCycle": "多久更新一次",
    "purpose": "这张表记录什么",
    "usage": "拿来做什么",
    "limitations": "谁不在内，有何滞后",
}
_IN_DESCRIPTION = ("purpose", "usage", "limitations")
_IN_CUSTOM = (
    "departmentTitle",
    "category",
    "dataClass",
    "legalBasis",
    "updateCycle",
    "validOn",
    "validKind",
    "authorityRank",
    "identifier",
)
_NAME = re.compile(r"[a-z][a-z0-9_]{1,62}")


@dataclass(frozen=True, slots=True)
class DraftProblem:
    """What keeps a draft from being a contract: the field or item, and what to do, in Chinese."""

    field: str
    message: str


def revise(document: Document, answers: Mapping[str, Any]) -> Document:
    """Return the document with the clerk's answers worked in; the one given is not changed.

    Parameters
    ----------
    document : dict
        A draft.
    answers : Mapping
        Fields of `TEXTS`, ``department`` and ``table`` (English names), ``validOn`` (item or ``None``), ``validKind``, ``key`` (items in
        order), and ``items``: item id → changes among ``id, title, type, unit, codeList, required, level, definition, nullMeans, headers``
        or ``drop: True``. Fields that are absent stay as they are.

    Raises
    ------
    InvalidValueError
        If an answer names an item, type or field that does not exist.
    """
    revised = copy.deepcopy(document)
    _revise_texts(revised, answers)
    _rename(revised, answers)
    renamed = _revise_items(revised, answers.get("items", {}))
    if "key" in answers:
        _set_key(revised, [renamed.get(item, item) for item in answers["key"]])
    for field in ("validOn", "identifier"):
        if custom(revised).get(field) in renamed:
            set_custom(revised, field, renamed[custom(revised)[field]])
    kept = {node["name"] for node in revised["schema"][0]["properties"]}
    if custom(revised).get("validOn") not in kept:
        set_custom(revised, "validOn", None)
    _require_valid_time(revised)
    revised["schema"][0]["quality"] = draft_rules.make_rules(revised)
    return revised


def _revise_texts(document: Document, answers: Mapping[str, Any]) -> None:
    known = {*TEXTS, *_IN_CUSTOM, "department", "table", "key", "items"}
    for field, value in answers.items():
        if field not in known:
            raise InvalidValueError("数据标准草稿的字段", field, f"可填：{'、'.join(sorted(known))}。")
        if field in _IN_DESCRIPTION:
            document["description"][field] = str(value).strip()
        elif field in _IN_CUSTOM:
            set_custom(document, field, value)
        elif field == "name":
            document["name"] = document["schema"][0]["businessName"] = str(value).strip()


def _rename(document: Document, answers: Mapping[str, Any]) -> None:
    department, _, table = document["id"].partition(".")
    department, table = answers.get("department", department), answers.get("table", table)
    document.update(id=f"{department}.{table}", domain=department)
    document["schema"][0]["name"] = table


def _revise_items(document: Document, changes: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Apply the changes of each item; returns old id → new id of those renamed."""
    nodes = document["schema"][0]["properties"]
    by_id = {node["name"]: node for node in nodes}
    renamed: dict[str, str] = {}
    for item_id, change in changes.items():
        if item_id not in by_id:
            raise InvalidValueError("数据项", item_id, f"草稿中有：{'、'.join(by_id)}。")
        node = by_id[item_id]
        if change.get("drop"):
            nodes.remove(node)
            continue
        _revise_item(node, change)
        if node["name"] != item_id:
            renamed[item_id] = node["name"]
    return renamed


def _revise_item(node: Document, change: Mapping[str, Any]) -> None:
    plain = {"id": "name", "title": "businessName", "level": "classification", "definition": "description"}
    for field, value in change.items():
        if field in plain:
            if field == "title" and value != node["businessName"]:
                # The source goes on using its own word.
                headers = [*custom(node).get("headers", []), node["businessName"]]
                set_custom(node, "headers", [one for one in dict.fromkeys(headers) if one != value])
            node[plain[field]] = value
        elif field == "required":
            node["required"] = bool(value)
        elif field == "type":
            if value not in TYPES:
                raise InvalidValueError("数据项类型", value, f"可选：{'、'.join(TYPES)}。")
            node["physicalType"], node["logicalType"] = TYPES[value]
        elif field in ("unit", "codeList", "nullMeans", "headers", "dateForm"):
            set_custom(node, field, value or None)
        else:
            raise InvalidValueError("数据项的字段", field, "请参照数据标准的说明填写。")


def _set_key(document: Document, key: list[str]) -> None:
    nodes = {node["name"]: node for node in document["schema"][0]["properties"]}
    for item_id in key:
        if item_id not in nodes:
            raise InvalidValueError("主键", item_id, f"草稿中有：{'、'.join(nodes)}。")
    for name, node in nodes.items():
        node.pop("primaryKey", None)
        node.pop("primaryKeyPosition", None)
        if name in key:
            node.update(primaryKey=True, primaryKeyPosition=key.index(name) + 1)


def _require_valid_time(document: Document) -> None:
    valid_on = custom(document).get("validOn")
    for node in document["schema"][0]["properties"]:
        if node["name"] == valid_on:
            node["required"] = True


def problems(document: Document) -> list[DraftProblem]:
    """List what is still missing or wrong; an empty list says that the draft may become a contract."""
    found = [*_missing_texts(document), *_wrong_names(document), *_wrong_items(document)]
    if found:
        return found
    try:
        contract = parse_contract(document, "草稿")
    except ContractError as error:
        return [DraftProblem(error.thing, f"{error.value}：{error.remedy}")]
    if (standards_root() / document["domain"] / f"{document['schema'][0]['name']}.yaml").exists():
        found.append(DraftProblem("table", f"平台已有数据标准 {contract.id}，请另取表名。"))
    found.extend(DraftProblem(problem.subject, problem.message) for problem in check_contract(contract))
    return found


def _missing_texts(document: Document) -> list[DraftProblem]:
    given = {**custom(document), **document["description"], "name": document["name"]}
    missing = [
        DraftProblem(field, f"请填写：{question}。")
        for field, question in TEXTS.items()
        if not str(given.get(field) or "").strip()
    ]
    chosen = {
        "category": code_list("data_categories").codes,
        "updateCycle": code_list("update_cycles").codes,
        "dataClass": tuple(catalogue("consent")["data_classes"]),
        "validKind": ("date", "month", "year"),
    }
    wrong = [
        DraftProblem(field, f"“{given[field]}”不在可选值内：{'、'.join(values)}。")
        for field, values in chosen.items()
        if given.get(field) and given[field] not in values
    ]
    return missing + wrong


def _wrong_names(document: Document) -> list[DraftProblem]:
    department, _, table = document["id"].partition(".")
    found = [
        DraftProblem(field, f"“{value}”不能作英文名：以小写字母开头，只用小写字母、数字和下划线。")
        for field, value in (("department", department), ("table", table))
        if not _NAME.fullmatch(value)
    ]
    nodes = document["schema"][0]["properties"]
    ids = [node["name"] for node in nodes]
    for item_id in dict.fromkeys(ids):
        if not _NAME.fullmatch(item_id):
            found.append(
                DraftProblem(item_id, "数据项的英文名应以小写字母开头，只用小写字母、数字和下划线。")
            )
        if re.fullmatch(r"column_\d+", item_id):
            found.append(DraftProblem(item_id, "请给这一项起英文名和中文名，或不采用。"))
        if ids.count(item_id) > 1:
            found.append(DraftProblem(item_id, "英文名重复，请改名。"))
    return found


def _wrong_items(document: Document) -> list[DraftProblem]:
    found = []
    nodes = document["schema"][0]["properties"]
    if not any(node.get("primaryKey") for node in nodes):
        found.append(DraftProblem("key", "请指定主键：哪几项合起来认定一条记录。"))
    for node in nodes:
        item_id = node["name"]
        if not str(node["description"]).strip():
            found.append(DraftProblem(item_id, f"请写明“{node['businessName']}”的含义，让经办人能照着填。"))
        if not node["required"] and not custom(node).get("nullMeans"):
            found.append(DraftProblem(item_id, f"“{node['businessName']}”可以为空，请写明空值表示什么。"))
        if node["classification"] == "L4" and not item_id.endswith("_hmac"):
            found.append(DraftProblem(item_id, "个人信息不得明文入库，请不采用这一项，或由来源改报杂凑值。"))
    return found


def write(document: Document, *, is_finished: bool = False, root: Path | None = None) -> Path:
    """Store a draft, or make it an active contract.

    Parameters
    ----------
    document : dict
    is_finished : bool
        Makes it active; refused while `problems` lists anything.
    root : Path or None
        ``None`` for `overlay_root`.

    Raises
    ------
    ContractError
        If it is to be finished and has problems, or its names could not stand as a file.
    """
    if _wrong := [one for one in _wrong_names(document) if one.field in ("department", "table")]:
        raise ContractError("数据标准草稿", document["id"], _wrong[0].message)
    found = problems(document) if is_finished else []
    if found:
        raise ContractError(
            "数据标准草稿", document["id"], "；".join(f"{one.field}：{one.message}" for one in found[:5])
        )
    stored = {**document, "status": "active" if is_finished else "draft"}
    department, _, table = document["id"].partition(".")
    path: Path = (root or overlay_root()) / department / f"{table}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    waiting = path.with_suffix(".tmp")
    with waiting.open("w", encoding="utf-8") as file:
        yaml.dump(stored, file, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False, width=120)
        file.flush()
        os.fsync(file.fileno())
    waiting.replace(path)
    return path


def read(contract_id: str, *, root: Path | None = None) -> Document:
    """Read a stored draft or added contract.

    Raises
    ------
    ContractError
        If there is none of this id.
    """
    path = _place(contract_id, root)
    if path is None:
        raise ContractError(
            "数据标准草稿", contract_id, f"现有草稿：{'、'.join(stored(root=root)) or '无'}。"
        )
    return cast("Document", yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader))


def _place(contract_id: str, root: Path | None) -> Path | None:
    department, _, table = contract_id.partition(".")
    if not (_NAME.fullmatch(department) and _NAME.fullmatch(table)):
        return None
    path = (root or overlay_root()) / department / f"{table}.yaml"
    return path if path.is_file() else None


def stored(*, root: Path | None = None) -> dict[str, str]:
    """Ids of all stored documents with their status, ``draft`` or ``active``."""
    found = {}
    for path in sorted((root or overlay_root()).glob("*/*.yaml")):
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        found[f"{path.parent.name}.{path.stem}"] = str(document.get("status", "draft"))
    return found


def is_added(contract_id: str) -> bool:
    """Whether a contract in force was added by this installation rather than shipped."""
    return contract_id in load_contracts() and contract_id not in load_contracts(standards_root())
