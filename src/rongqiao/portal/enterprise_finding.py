"""Whether banks' lists may name the enterprise: agree, take back, and see who was told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from rongqiao.accounts.consent_text import current_text_version
from rongqiao.accounts.roles import Role
from rongqiao.accounts.selectors import consent_text
from rongqiao.contracts.catalog import consent_data_classes
from rongqiao.platforms.financing.screening import consents
from rongqiao.portal.access import ENTERPRISE, for_roles, request_scope
from rongqiao.portal.listing import Column, Listing

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


@require_http_methods(["GET", "HEAD", "POST"])
@for_roles(*ENTERPRISE)
def show_finding(request: HttpRequest) -> HttpResponse:
    """Show the agreement and who was told; a POST gives it or takes it back, at once."""
    scope, now = request_scope(request), timezone.now()
    if request.method == "POST":
        if "agree" in request.POST:
            ticked = request.POST.getlist("data_classes")
            consents.agree_to_be_found(
                scope=scope, data_classes=ticked, by_government="by_government" in request.POST, now=now
            )
            messages.success(request, "已同意被银行名单发现，一年内有效，可随时撤回。")
        else:
            consents.refuse_to_be_found(scope=scope, now=now)
            messages.success(request, "已撤回，即刻生效：银行名单不再显示本企业。")
        return redirect("portal:enterprise_finding")
    classes = consent_data_classes()
    agreed = consents.own_agreement(scope, now)
    listing = Listing(
        request,
        consents.lists_naming_me(scope),
        name="named",
        columns=[
            Column("organisation.name", "银行", sort="organisation__name"),
            Column("list_title", "名单", sort="list_title"),
            Column(
                "source", "名单来自", sort="source_title", value=lambda row: row.source_title or "银行自建"
            ),
            Column("conditions", "名单条件", value=lambda row: "；".join(e["text"] for e in row.conditions)),
            Column("named_at", "告知时间", "time", sort="named_at"),
        ],
        default_sort="-named_at",
        empty_title="还没有银行名单告知过本企业",
        empty_text="同意后，符合银行名单条件时会列在这里。",
    )
    version = current_text_version(timezone.localdate(now), about=consents.ABOUT)
    context = {
        "agreed": agreed,
        "agreed_classes": "、".join(classes[key].title for key in agreed.data_classes) if agreed else "",
        "classes": [each for each in classes.values() if not each.is_public],
        "is_owner": scope.role == Role.ENTERPRISE_OWNER,
        "text": consent_text(version),
    }
    return listing.respond("portal/enterprise/finding.html", context)
