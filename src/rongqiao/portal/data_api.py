"""The data interfaces over HTTP: signed machine calls, and their description."""

from __future__ import annotations

import datetime as dt
import ipaddress
import logging
import re
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from rongqiao.bases.enterprises.interfaces.calls import Call, perform
from rongqiao.bases.enterprises.interfaces.describing import MONTH_PATTERN, describe
from rongqiao.bases.enterprises.interfaces.errors import CallError
from rongqiao.bases.enterprises.interfaces.pinging import ping_interface
from rongqiao.contracts.interfaces import find_interface, load_interfaces
from rongqiao.kernel.errors import ContractError, InvalidValueError
from rongqiao.kernel.identifiers import check_uscc

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import HttpRequest, HttpResponse

logger = logging.getLogger(__name__)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _json(body: dict[str, Any], status: int = 200, headers: dict[str, str] | None = None) -> HttpResponse:
    response = JsonResponse(body, status=status, json_dumps_params={"ensure_ascii": False}, headers=headers)
    response["Cache-Control"] = "no-store"
    return response


@csrf_exempt
def ask(request: HttpRequest, interface_id: str) -> HttpResponse:
    """Answer one signed call."""
    interface = find_interface(interface_id)
    source = interface.provider if interface else "platform"
    try:
        if request.method != "GET":
            raise CallError("method_wrong", "请用 GET。", Allow="GET")
        answer, headers = perform(read_call(request, interface_id, request.GET))
    except CallError as error:
        response = _json(error.body(source), error.status, error.headers)
        response.keeps_records = True  # type: ignore[attr-defined]
        return response
    except ContractError as error:
        refused = CallError("store_missing", error.remedy)
        return _json(refused.body(source), refused.status, {"Retry-After": "60"})
    return _json(answer.body, headers=headers)


def ask_safely(request: HttpRequest, interface_id: str) -> HttpResponse:
    """Answer one call outside the middleware: whatever breaks is logged and told in one form, without its cause."""
    try:
        return ask(request, interface_id)
    except Exception:
        logger.exception("Data interface %s broke.", interface_id)
        refused = CallError("broken", "平台内部错误，已记录；请稍后重试。")
        return _json(refused.body("platform"), refused.status)


def read_call(
    request: HttpRequest,
    interface_id: str,
    values: Mapping[str, str],
    *,
    basis: str = "",
    budget: tuple[str, int] | None = None,
) -> Call:
    """Read what was sent; ``values`` are the query's, or what an agent gave as arguments (then with basis and budget).

    Raises
    ------
    CallError
        If a parameter cannot be read; the first is named.
    """
    now = timezone.now()
    try:
        uscc = check_uscc(values.get("uscc", ""))
    except InvalidValueError as error:
        raise CallError("parameter_wrong", f"uscc：{error.remedy}") from None
    today = timezone.localdate(now)
    month = values.get("as_of", f"{today:%Y%m}")
    page = values.get("page", "1")
    if not re.fullmatch(r"[1-9][0-9]{0,5}", page):
        raise CallError("parameter_wrong", "page：请填从 1 起的页码。")
    if not re.fullmatch(MONTH_PATTERN, month):
        raise CallError("parameter_wrong", "as_of：请填六位年月，如 202609。")
    day = values.get("known_at", today.isoformat())
    try:
        known_at = dt.date.fromisoformat(day if _DAY.fullmatch(day) else "")
    except ValueError:
        raise CallError("parameter_wrong", "known_at：请填日期，如 2026-09-30。") from None
    purpose = values.get("purpose", "")
    if not re.fullmatch(r"[a-z_]{1,24}", purpose):
        raise CallError("parameter_wrong", "purpose：请填用途代码，见接口说明。")
    return Call(
        interface_id=interface_id,
        uscc=uscc,
        purpose=purpose,
        as_of=int(month),
        known_at=known_at,
        page=int(page),
        method=request.method or "",
        path=request.get_full_path(),
        body=request.body,
        # Read where the server put it: Django's own view of the headers takes all of them apart.
        authorization=request.META.get("HTTP_AUTHORIZATION", ""),
        now=now,
        address=address_of(request),
        via="mcp" if budget else "api",
        basis=basis,
        budget=budget,
    )


def address_of(request: HttpRequest) -> str:
    """Address of the caller: what the outermost trusted proxy saw, else the other end of the connection."""
    proxies = settings.ALLAUTH_TRUSTED_PROXY_COUNT
    if proxies:
        hops = [each.strip() for each in request.headers.get("X-Forwarded-For", "").split(",")]
        if len(hops) >= proxies:
            return _address(hops[-proxies])
    return _address(request.META.get("REMOTE_ADDR", ""))


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""


def ping(request: HttpRequest, interface_id: str) -> HttpResponse:
    """Tell, without any key, whether an interface answers now and how fresh its sources are."""
    interface = find_interface(interface_id)
    if interface is None:
        refused = CallError("interface_unknown", f"没有接口“{interface_id}”，见 /data/openapi.json。")
        return _json(refused.body("platform"), refused.status)
    found = ping_interface(interface, now=timezone.now())
    return _json(found, 200 if found["status"] == "ok" else 503)


def openapi(request: HttpRequest) -> HttpResponse:
    """Describe all interfaces in OpenAPI 3.1, from their files."""
    return _json(describe(load_interfaces().values()))
