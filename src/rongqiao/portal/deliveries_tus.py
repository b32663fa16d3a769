"""The tus protocol, by which browsers and departments' systems push large files and go on after an interruption.

Core protocol 1.0.0 with the extensions creation and termination (tus.io). One set of views serves people, who are signed
in, and machines, which carry a delivery key.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import functools
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from rongqiao.accounts.roles import Role
from rongqiao.accounts.scope import scoped
from rongqiao.bases.enterprises.intake import selectors, services
from rongqiao.bases.enterprises.intake.keys import scope_of_key
from rongqiao.kernel.errors import (
    IllegalTransitionError,
    InvalidValueError,
    NotAllowedError,
    NotFoundError,
    RongqiaoError,
    StorageError,
)
from rongqiao.portal.access import request_scope

if TYPE_CHECKING:
    import uuid
    from collections.abc import Callable

    from django.http import HttpRequest

    from rongqiao.accounts.scope import Scope

VERSION = "1.0.0"
#: Digits of a length in bytes; more than any disk holds.
BYTES_DIGITS = 15
PORTION_TYPE = "application/offset+octet-stream"
READERS = (Role.DEPARTMENT_CLERK,)


def _answered(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Turn errors into answers that say what to do, and mark every answer with the protocol's version."""

    @functools.wraps(view)
    def answered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            response = view(request, *args, **kwargs)
        except RongqiaoError as error:
            status = _status_of(error)
            body = {"code": status, "title": error.thing, "detail": str(error.remedy)}
            response = JsonResponse(body, status=status, json_dumps_params={"ensure_ascii": False})
        response["Tus-Resumable"] = VERSION
        response["Cache-Control"] = "no-store"
        return response

    return answered


def _status_of(error: RongqiaoError) -> int:
    if isinstance(error, StorageError):
        return 503
    if isinstance(error, NotFoundError):
        return 404
    if isinstance(error, NotAllowedError):
        return 403
    if isinstance(error, IllegalTransitionError) or error.thing == "续传位置":
        return 409
    return 422


def _create(request: HttpRequest, scope: Scope, path: str) -> HttpResponse:
    metadata = read_metadata(request.headers.get("Upload-Metadata", ""))
    length = request.headers.get("Upload-Length", "")
    if not _is_bytes(length):
        raise InvalidValueError("Upload-Length", length, "请在 Upload-Length 中给出文件字节数。")
    file: dict[str, Any] = {
        "file_name": metadata.get("filename", ""),
        "size_bytes": int(length),
        "data_on": read_day(metadata.get("day", "")),
        "today": timezone.localdate(),
    }
    is_page = not path.startswith("/api/")
    if is_page and metadata.get("kind") == "source":
        upload = services.open_source(scope=scope, **file)
    else:
        upload = services.open_upload(
            scope=scope,
            contract_id=metadata.get("contract", ""),
            is_regular=metadata.get("kind", "regular") == "regular",
            origin="page" if is_page else "api",
            digest=metadata.get("sm3", ""),
            **file,
        )
    response = HttpResponse(status=201)
    response["Location"] = f"{path.rstrip('/')}/{upload.pk}/bytes"
    response["Upload-Offset"] = "0"
    return response


# Answered within the scope: what a refused portion made known of the disk is kept.
@_answered
def _portion(request: HttpRequest, scope: Scope, upload_id: uuid.UUID) -> HttpResponse:
    if request.method == "DELETE":
        services.discard_upload(scope=scope, upload_id=upload_id, now=timezone.now())
        return HttpResponse(status=204)
    if request.method == "HEAD":
        upload = selectors.get_upload(scope, upload_id)
        if upload is None or upload.status == "discarded":
            return HttpResponse(status=404)
    else:
        offset = request.headers.get("Upload-Offset", "")
        if not _is_bytes(offset) or request.content_type != PORTION_TYPE:
            raise InvalidValueError(
                "Upload-Offset", offset, f"请给出 Upload-Offset，并以 {PORTION_TYPE} 发送。"
            )
        upload = services.receive_portion(
            scope=scope, upload_id=upload_id, offset=int(offset), stream=request, now=timezone.now()
        )
    response = HttpResponse(status=200 if request.method == "HEAD" else 204)
    response["Upload-Offset"] = str(upload.received_bytes)
    response["Upload-Length"] = str(upload.size_bytes)
    return response


def _is_bytes(text: str) -> bool:
    """Whether a header counts bytes; more digits than any disk holds are no count."""
    return text.isdecimal() and len(text) <= BYTES_DIGITS


def read_metadata(header: str) -> dict[str, str]:
    """Read ``key base64, key base64`` as tus sends it.

    Raises
    ------
    InvalidValueError
        If a value is no base64 of UTF-8.
    """
    found = {}
    for pair in filter(None, (part.strip() for part in header.split(","))):
        key, _, value = pair.partition(" ")
        try:
            found[key] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise InvalidValueError("Upload-Metadata", key, "请以 base64 编码的 UTF-8 文本给出。") from None
    return found


def read_day(text: str) -> dt.date:
    """Read a day as a date field sends it.

    Raises
    ------
    InvalidValueError
        If it is none.
    """
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise InvalidValueError("数据日期", text, "请按 2026-01-31 的样子填写日期。") from None


def _person(request: HttpRequest) -> Scope:
    scope = request_scope(request)
    if scope.role not in READERS:
        raise NotAllowedError("数据报送", scope.kind, "请使用部门数据专员账号登录。")
    return scope


def _machine(request: HttpRequest) -> Scope:
    kind, _, text = request.headers.get("Authorization", "").partition(" ")
    if kind != "Bearer":
        raise NotAllowedError("报送密钥", kind, "请在 Authorization 头中以 Bearer 给出报送密钥。")
    return scope_of_key(text, now=timezone.now())


@require_http_methods(["POST"])
@_answered
def create_as_person(request: HttpRequest) -> HttpResponse:
    """Begin an upload from the page."""
    return _create(request, _person(request), request.path)


@require_http_methods(["HEAD", "PATCH", "DELETE"])
@_answered
def portion_as_person(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
    """Tell where an upload stands, take its next portion, or give it up."""
    return _portion(request, _person(request), upload_id)


@csrf_exempt  # Machines carry a key, not a cookie.
@require_http_methods(["POST"])
@_answered
def create_as_machine(request: HttpRequest) -> HttpResponse:
    """Begin a delivery with a key."""
    with scoped(_machine(request)) as scope:
        return _create(request, scope, request.path)


@csrf_exempt
@require_http_methods(["HEAD", "PATCH", "DELETE"])
@_answered
def portion_as_machine(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
    """Tell where a delivery stands, take its next portion, or give it up."""
    with scoped(_machine(request)) as scope:
        return _portion(request, scope, upload_id)


@csrf_exempt
@require_http_methods(["GET"])
@_answered
def show_to_machine(request: HttpRequest, upload_id: uuid.UUID) -> HttpResponse:
    """Tell a machine what became of its delivery."""
    with scoped(_machine(request)) as scope:
        upload = selectors.get_upload(scope, upload_id)
        if upload is None:
            return JsonResponse({"code": 404, "title": "报送", "detail": "没有这份报送。"}, status=404)
        return JsonResponse(
            {
                "id": str(upload.pk),
                "contract_id": upload.contract_id,
                "status": upload.status,
                "received_bytes": upload.received_bytes,
                "size_bytes": upload.size_bytes,
                "digest_sm3": upload.digest,
                "batch_id": upload.batch_id,
                "outcome": upload.outcome,
                "problem": upload.problem,
            },
            json_dumps_params={"ensure_ascii": False},
        )
