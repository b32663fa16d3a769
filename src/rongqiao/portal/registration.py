"""Registration of an enterprise, and the way to one's own workspace after signing in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.core import ratelimit
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_safe

from rongqiao.accounts.services import find_register_entry, register_enterprise
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.kernel.identifiers import check_uscc, normalise_uscc
from rongqiao.portal.access import for_roles, request_scope
from rongqiao.portal.forms import RegistrationForm

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

BACKEND = "django.contrib.auth.backends.ModelBackend"
WORKSPACES = {
    "enterprise": "/enterprise/",
    "institution": "/bank/",
    "government": "/government/",
    "department": "/department/",
    "operator": "/operator/",
}
# Where an error of the service belongs on the form.
FIELDS = {
    "统一社会信用代码": "uscc",
    "企业名称": "enterprise_name",
    "用户名": "username",
    "注册信息": "password",
}


@for_roles()
def register(request: HttpRequest) -> HttpResponse:
    """Register an enterprise and sign its first person in."""
    if request.user.is_authenticated:
        return redirect("portal:workspace")
    form = RegistrationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        user = _open_account(request, form)
        if user is not None:
            login(request, user, backend=BACKEND)
            return redirect(_asked_page(request))
    status = 422 if form.is_bound else 200
    # The field's own error says it already.
    check = {} if "uscc" in form.errors else describe_code(form["uscc"].value() or "")
    return render(request, "portal/public/register.html", {"form": form, "check": check}, status=status)


def _open_account(request: HttpRequest, form: RegistrationForm) -> Any:
    """Register and return the person; null where refused, with the reason on the form.

    Each attempt counts against the address it comes from: a claimed code is taken until the operator frees it.
    """
    if not ratelimit.consume(request, action="signup"):
        form.add_error(None, "来自您网络的注册过于频繁，请一小时后再试，或拨打服务热线。")
        return None
    try:
        return register_enterprise(**form.account(), now=timezone.now())
    except InvalidValueError as error:
        form.add_error(FIELDS.get(error.thing), error.remedy)
        return None


def _asked_page(request: HttpRequest) -> str:
    """Where the reader was going before registering, if that is on this site."""
    asked = request.GET.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(asked, allowed_hosts=None)
    return asked if is_ours else reverse("portal:workspace")


@require_safe
@for_roles()
def check_code(request: HttpRequest) -> HttpResponse:
    """Live answer under the code's field: format, check digit, look-alikes, and the registered name."""
    check = describe_code(request.GET.get("uscc", ""))
    return render(request, "portal/public/uscc_check.html", {"check": check})


def describe_code(value: str) -> dict[str, str]:
    """Tell what is known of a code as typed: ``state`` is empty, short, wrong, unlisted or listed."""
    code = normalise_uscc(value)
    if not code:
        return {"state": ""}
    if len(code) < 18 and not any(letter in code for letter in "IOSZV"):
        return {"state": "short", "text": f"已输入 {len(code)} 位，共 18 位。"}
    try:
        code = check_uscc(value)
    except InvalidValueError as error:
        return {"state": "wrong", "text": error.remedy}
    entry = find_register_entry(code)
    if entry is None:
        return {
            "state": "unlisted",
            "code": code,
            "text": "代码有效，但登记库中尚无此企业：可先注册，身份由人工核验。",
        }
    return {
        "state": "listed",
        "code": code,
        "name": entry.name,
        "text": f"登记状态：{entry.status or '未知'}",
    }


@login_required
def open_workspace(request: HttpRequest) -> HttpResponse:
    """Send the reader to the workspace of their kind, or back to what they had begun."""
    return redirect(WORKSPACES.get(request_scope(request).kind, "portal:home"))
