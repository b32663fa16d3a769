"""Routes that everybody may open, and their links in the header."""

from __future__ import annotations

from django.urls import path
from django.utils.translation import gettext_lazy as _

from rongqiao.portal import public, public_indicators, public_interfaces, registration

urlpatterns = [
    path("", public.show_home, name="home"),
    path("products/", public.list_products, name="products"),
    path("products/<slug:code>/", public.show_product, name="product"),
    path("policies/", public.list_policies, name="policies"),
    path("policies/<uuid:policy_id>/", public.show_policy, name="policy"),
    path("institutions/", public.list_institutions, name="institutions"),
    path("interfaces/", public_interfaces.list_interfaces, name="interfaces"),
    path("interfaces/status/", public_interfaces.show_status, name="interface_status"),
    path("interfaces/<slug:interface_id>/", public_interfaces.show_interface, name="interface"),
    path("indicators/", public_indicators.list_indicators, name="indicators"),
    path("indicators/<slug:indicator_id>/", public_indicators.show_indicator, name="indicator"),
    path("transparency/", public.show_transparency, name="transparency"),
    path("register/", registration.register, name="register"),
    path("register/uscc/", registration.check_code, name="register_uscc"),
    path("workspace/", registration.open_workspace, name="workspace"),
]
NAVIGATION = [
    (_("融资产品"), "portal:products"),
    (_("惠企政策"), "portal:policies"),
    (_("金融机构"), "portal:institutions"),
    (_("接口目录"), "portal:interfaces"),
    (_("公开透明"), "portal:transparency"),
]
