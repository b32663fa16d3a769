"""The data interfaces for agents: Model Context Protocol over HTTP, each interface a tool.

An agent signs each request like any other caller, and says with each call for which purpose, on which ground and within
which budget it asks. The same service answers; nothing is open to an agent that is closed to its key.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from rongqiao.bases.enterprises.interfaces.calls import perform
from rongqiao.bases.enterprises.interfaces.describing import AS_OF, KNOWN_AT, MONTH_PATTERN
from rongqiao.bases.enterprises.interfaces.errors import CallError
from rongqiao.contracts.interfaces import find_interface, load_interfaces
from rongqiao.kernel.errors import ContractError
from rongqiao.portal.data_api import read_call

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest

    from rongqiao.contracts.interfaces import Interface

VERSIONS = ("2025-06-18", "2025-03-26", "2024-11-05")
LARGEST_BYTES = 65_536
BASES = ("consent", "public", "statutory_duty")
PARSE_ERROR, INVALID_REQUEST, UNKNOWN_METHOD, INVALID_PARAMS = -32700, -32600, -32601, -32602
_BUDGET = re.compile(r"[A-Za-z0-9_-]{1,40}")
_MOST_CALLS = 1_000_000


class ProtocolError(Exception):
    """A message that is no good request of the protocol."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@csrf_exempt
def serve(request: HttpRequest) -> HttpResponse:
    """Answer one message of an agent."""
    if request.method != "POST":
        return HttpResponse(status=405, headers={"Allow": "POST"})
    message_id: Any = None
    try:
        message = _message(request)
        message_id = message.get("id")
        if message_id is None:
            # A notification wants no answer.
            return HttpResponse(status=202)
        result, headers = _result(request, message["method"], message.get("params", {}))
    except ProtocolError as error:
        status = 400 if error.code in (PARSE_ERROR, INVALID_REQUEST) else 200
        body = {"jsonrpc": "2.0", "id": message_id, "error": {"code": error.code, "message": error.message}}
        return _json(body, status=status)
    return _json({"jsonrpc": "2.0", "id": message_id, "result": result}, headers=headers)


def _json(
    body: dict[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    response = JsonResponse(
        body, status=status, json_dumps_params={"ensure_ascii": False}, headers=dict(headers or {})
    )
    response["Cache-Control"] = "no-store"
    return response


def _message(request: HttpRequest) -> dict[str, Any]:
    try:
        size = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        size = LARGEST_BYTES + 1
    if size > LARGEST_BYTES:
        raise ProtocolError(INVALID_REQUEST, f"消息过大，最多 {LARGEST_BYTES} 字节。")
    try:
        message = json.loads(request.body)
    except (ValueError, RecursionError):
        raise ProtocolError(PARSE_ERROR, "请求体不是 JSON。") from None
    if (
        not isinstance(message, dict)
        or message.get("jsonrpc") != "2.0"
        or not isinstance(message.get("method"), str)
    ):
        raise ProtocolError(INVALID_REQUEST, "请发送一条 JSON-RPC 2.0 消息。")
    if not isinstance(message.get("id"), str | int | None) or not isinstance(message.get("params", {}), dict):
        raise ProtocolError(INVALID_REQUEST, "id 须为文本或整数，params 须为对象。")
    return message


def _result(
    request: HttpRequest, method: str, params: dict[str, Any]
) -> tuple[dict[str, Any], Mapping[str, str]]:
    if method == "initialize":
        asked = params.get("protocolVersion")
        return {
            "protocolVersion": asked if asked in VERSIONS else VERSIONS[0],
            "capabilities": {"tools": {"listChanged": False}},
            "serverInfo": {"name": "rongqiao", "title": "融桥数据接口", "version": "1.0.0"},
            "instructions": (
                "每次调用须以 RQ-HMAC-SM3 签名，并写明用途 purpose、依据 basis 和预算 budget。"
                "缺失为 null，不等于零；meta 说明数据的新旧、完整与争议。"
            ),
        }, {}
    if method == "ping":
        return {}, {}
    if method == "tools/list":
        return {"tools": [_tool(each) for each in load_interfaces().values()]}, {}
    if method == "tools/call":
        return _called(request, params)
    raise ProtocolError(UNKNOWN_METHOD, f"没有方法 {method[:60]}。")


def _tool(interface: Interface) -> dict[str, Any]:
    return {
        "name": interface.id,
        "title": interface.title,
        "description": (
            f"{interface.question}\n包含：{interface.covered}\n不含：{interface.not_covered}\n{interface.definition}"
        ),
        "inputSchema": {
            "type": "object",
            "required": ["uscc", "purpose", "basis", "budget"],
            "additionalProperties": False,
            "properties": {
                "uscc": {"type": "string", "description": "统一社会信用代码"},
                "purpose": {"type": "string", "enum": list(interface.purposes)},
                "basis": {
                    "type": "string",
                    "enum": list(BASES),
                    "description": "依据：企业授权、公开数据或法定职责",
                },
                "budget": {
                    "type": "object",
                    "description": "预算：名称和每日最多次数，由平台扣减",
                    "required": ["name", "calls"],
                    "additionalProperties": False,
                    "properties": {
                        "name": {"type": "string", "pattern": f"^{_BUDGET.pattern}$"},
                        "calls": {"type": "integer", "minimum": 1, "maximum": _MOST_CALLS},
                    },
                },
                "as_of": {"type": "string", "pattern": MONTH_PATTERN, "description": AS_OF},
                "known_at": {"type": "string", "format": "date", "description": KNOWN_AT},
                "page": {"type": "integer", "minimum": 1, "maximum": 999_999},
            },
        },
        "annotations": {"readOnlyHint": True, "idempotentHint": True},
    }


def _called(request: HttpRequest, params: dict[str, Any]) -> tuple[dict[str, Any], Mapping[str, str]]:
    interface = find_interface(params["name"]) if isinstance(params.get("name"), str) else None
    arguments = params.get("arguments", {})
    if interface is None or not isinstance(arguments, dict):
        raise ProtocolError(INVALID_PARAMS, "没有这个工具，或 arguments 不是对象；见 tools/list。")
    try:
        values, basis, budget = _arguments(arguments)
        answer, headers = perform(read_call(request, interface.id, values, basis=basis, budget=budget))
    except CallError as error:
        return _told(error.body(interface.provider), is_error=True), error.headers
    except ContractError as error:
        refused = CallError("store_missing", error.remedy)
        return _told(refused.body(interface.provider), is_error=True), {}
    return _told(answer.body, is_error=False), headers


def _arguments(arguments: dict[str, Any]) -> tuple[dict[str, str], str, tuple[str, int]]:
    """Take an agent's arguments apart; purpose, ground and budget have no default."""
    basis, budget = arguments.get("basis"), arguments.get("budget")
    if basis not in BASES:
        raise CallError("parameter_wrong", f"basis：请写明依据：{'、'.join(BASES)}。")
    if not isinstance(budget, dict) or not _BUDGET.fullmatch(str(budget.get("name", ""))):
        raise CallError("parameter_wrong", "budget：请写明预算的名称（name）和每日次数（calls）。")
    calls = budget.get("calls")
    if not isinstance(calls, int) or isinstance(calls, bool) or not 1 <= calls <= _MOST_CALLS:
        raise CallError("parameter_wrong", f"budget.calls：请填 1 至 {_MOST_CALLS} 的整数。")
    known = ("uscc", "purpose", "as_of", "known_at", "page")
    if unknown := set(arguments) - {*known, "basis", "budget"}:
        raise CallError("parameter_wrong", f"没有参数 {sorted(unknown)[0][:40]}。")
    values = {key: str(arguments[key]) for key in known if key in arguments}
    return values, basis, (str(budget["name"]), calls)


def _told(body: dict[str, Any], *, is_error: bool) -> dict[str, Any]:
    text = json.dumps(body, ensure_ascii=False)
    return {"content": [{"type": "text", "text": text}], "structuredContent": body, "isError": is_error}
