"""OpenAPI 3.1 of the data interfaces, from their files and contracts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rongqiao.contracts.catalog import consent_purposes
from rongqiao.contracts.documents import document
from rongqiao.contracts.standards import load_contract

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rongqiao.contracts.interfaces import Dataset, Interface

#: Months that are answered about; the same for people, programs and agents.
MONTH_PATTERN = "^(19[5-9][0-9]|20[0-9]{2}|21[0-8][0-9])(0[1-9]|1[0-2])$"
#: What the two times of a call mean; the same for people, programs and agents.
AS_OF = "年月：所属期或日期在此月及以前的记录；不填为本月。"
KNOWN_AT = (
    "以这一天所知为准；不填为今日。早于今日的只用于政府履职（government_duty）和沙箱，"
    "其他用途答 platform.past_closed；公示期满、已修复或已撤回的记录，填哪一天都不提供。"
)
_TYPES = {"integer": "integer", "month": "integer", "boolean": "boolean"}
_PROBLEM = {
    "type": "object",
    "required": ["code", "title", "detail", "source"],
    "properties": {each: {"type": "string"} for each in ("code", "title", "detail", "source")},
}


def describe(interfaces: Iterable[Interface]) -> dict[str, Any]:
    """Return the description of all interfaces."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "融桥数据接口",
            "version": "1.0.0",
            "description": "每次调用以 RQ-HMAC-SM3 签名；金额为文本形式的十进制元，缺失为 null，绝不记为 0。",
        },
        "paths": {f"/data/v1/{each.id}": {"get": _operation(each)} for each in interfaces},
        "components": {
            "schemas": {"Problem": _PROBLEM},
            "securitySchemes": {"signature": {"type": "apiKey", "in": "header", "name": "Authorization"}},
        },
    }


def _operation(interface: Interface) -> dict[str, Any]:
    statuses = sorted({int(entry["status"]) for entry in document("interface_codes").values()})
    problem = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    answer = {
        "type": "object",
        "required": ["uscc", "name", "data", "meta"],
        "properties": {
            "uscc": {"type": "string"},
            "name": {"type": "string"},
            "data": {
                "type": "object",
                "properties": {each.contract_id: _dataset(each) for each in interface.datasets},
            },
            "meta": {"type": "object"},
        },
    }
    return {
        "operationId": interface.id,
        "summary": interface.title,
        "description": (
            f"{interface.question}\n\n包含：{interface.covered}\n\n不含：{interface.not_covered}\n\n"
            f"{interface.definition}\n\n每分钟 {interface.throttle_per_minute} 次，每日 {interface.quota_per_day} 次。"
        ),
        "tags": [interface.provider_title],
        "security": [{"signature": []}],
        "parameters": [
            _parameter(
                "uscc",
                {"type": "string", "format": "uscc", "pattern": "^[0-9A-HJ-NPQRTUWXY]{18}$"},
                is_required=True,
            ),
            _parameter("purpose", {"type": "string", "enum": list(interface.purposes)}, is_required=True),
            _parameter("as_of", {"type": "string", "pattern": MONTH_PATTERN}) | {"description": AS_OF},
            _parameter("known_at", {"type": "string", "format": "date"}) | {"description": KNOWN_AT},
            _parameter("page", {"type": "integer", "minimum": 1, "maximum": 999_999}),
        ],
        "responses": {"200": {"description": "答复", "content": {"application/json": {"schema": answer}}}}
        | {str(status): {"description": "未答复", "content": problem} for status in statuses},
        "x-purposes": {each: consent_purposes()[each].title for each in interface.purposes},
    }


def _parameter(name: str, schema: dict[str, Any], *, is_required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": is_required, "schema": schema}


def _dataset(dataset: Dataset) -> dict[str, Any]:
    contract = load_contract(dataset.contract_id)
    properties = {}
    for each in dataset.fields:
        item = contract.item(each)
        properties[each] = {
            "type": [_TYPES.get(item.type, "string"), "number", "null"],
            "title": item.title,
            "description": item.definition,
            "x-sensitivity": item.sensitivity,
        }
    return {
        "type": "array",
        "title": dataset.title,
        "items": {"type": "object", "properties": properties},
    }
