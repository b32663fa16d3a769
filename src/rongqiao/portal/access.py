"""Who may open a page, and how a refusal or an error looks to its reader."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, cast

from django.contrib.auth.views import redirect_to_login
from django.shortcuts import render

from rongqiao.accounts.roles import ROLE_TITLES, Role
from rongqiao.kernel.errors import IllegalTransitionError, NotAllowedError, NotFoundError, RongqiaoError
from rongqiao.rules.transitions import OutOfTurn

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

    from rongqiao.accounts.scope import Scope

    View = Callable[..., HttpResponse]

#: Lifecycles whose states are worded under a shorter name.
FAMILIES = {
    "screening_list": "screening",
    "screening_handover": "handover",
    "criteria_change": "change",
    "interface_submission": "submission",
    "access_question": "question",
    "webhook_event": "delivery",
    "indicator": "use",
}
ENTERPRISE = (Role.ENTERPRISE_OWNER, Role.ENTERPRISE_CLERK)
BANK = (Role.BANK_OFFICER, Role.BANK_RISK)


def request_scope(request: HttpRequest) -> Scope:
    """Scope that the middleware bound to the request."""
    return cast("Scope", request.scope)  # type: ignore[attr-defined]


def for_roles(*roles: Role) -> Callable[[View], View]:
    """Open a view to these roles only; without roles, to everybody.

    Anonymous readers are sent to sign in; other roles see a 403 page that names who may. A
    ``NotFoundError`` of a service is a 404 page with its words, any other ``NotAllowedError`` a 403,
    ``IllegalTransitionError`` a 409, any other ``RongqiaoError`` a 422, each with the remedy.
    """

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if roles:
                if not request.user.is_authenticated:
                    return redirect_to_login(request.get_full_path())
                if request_scope(request).role not in roles:
                    return refuse(request, roles)
            try:
                return view(request, *args, **kwargs)
            except RongqiaoError as error:
                return show_error(request, error)

        # Read by the access matrix.
        guarded.roles = roles  # type: ignore[attr-defined]
        return guarded

    return decorate


def refuse(request: HttpRequest, roles: tuple[Role, ...]) -> HttpResponse:
    """403 page that names the roles a page is for."""
    titles = "、".join(ROLE_TITLES[role] for role in roles)
    error = NotAllowedError("此页面", request.path, f"仅向以下角色开放：{titles}。请使用相应账号登录。")
    return show_error(request, error)


def show_error(request: HttpRequest, error: RongqiaoError) -> HttpResponse:
    """Page with what is wrong and what to do; the status follows the kind of error."""
    if isinstance(error, NotFoundError):
        status = 404
    elif isinstance(error, NotAllowedError):
        status = 403
    elif isinstance(error, IllegalTransitionError):
        status = 409
    else:
        status = 422
    context: dict[str, Any] = {"error": error, "status": status}
    if isinstance(error.value, OutOfTurn):
        lifecycle = error.value.lifecycle
        context["state"] = (error.value.state, FAMILIES.get(lifecycle, lifecycle))
    return render(request, "portal/error.html", context, status=status)
