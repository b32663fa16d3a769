"""Routes by which departments' systems deliver."""

from __future__ import annotations

from django.urls import path

from rongqiao.portal import deliveries_tus

app_name = "deliveries"
urlpatterns = [
    path("", deliveries_tus.create_as_machine, name="create"),
    path("<uuid:upload_id>", deliveries_tus.show_to_machine, name="show"),
    path("<uuid:upload_id>/bytes", deliveries_tus.portion_as_machine, name="bytes"),
]
