"""Routes of screening lists, the same below each workspace that builds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path

from rongqiao.portal import (
    bank_received,
    screening,
    screening_comparison,
    screening_handover,
    screening_words,
)

if TYPE_CHECKING:
    from django.urls import URLPattern


def screening_routes(room: str) -> list[URLPattern]:
    """Give the routes below ``bank/`` or ``government/``; a bank can be given names, a government body gives lists to banks."""
    base, name, own = f"{room}/lists/", f"{room}_screening", {"room": room}
    one, got = f"{base}<uuid:list_id>/", f"{base}received/"
    routes = [
        path(base, screening.list_screenings, own, name=f"{name}s"),
        path(f"{base}new/", screening.new_screening, own, name=f"{name}_new"),
        path(one, screening.show_screening, own, name=name),
        path(f"{one}conditions/", screening.add_condition, own, name=f"{name}_add"),
        path(f"{one}conditions/<int:place>/remove/", screening.remove_condition, own, name=f"{name}_remove"),
        path(f"{one}save/", screening.save_version, own, name=f"{name}_save"),
        path(f"{one}others/", screening_comparison.list_others, own, name=f"{name}_others"),
        path(f"{one}compare/", screening_comparison.compare, own, name=f"{name}_compare"),
    ]
    if room == "bank":
        routes += [
            path(f"{one}hand-over/", screening.hand_over, own, name=f"{name}_hand_over"),
            path(f"{one}export/", screening_words.export, own, name=f"{name}_export"),
            path(got, bank_received.list_received, name="bank_received_lists"),
            path(f"{got}<uuid:handover_id>/", bank_received.show_received, name="bank_received_list"),
            path(f"{got}<uuid:handover_id>/names/", bank_received.ask_names, name="bank_received_names"),
            path(f"{got}<uuid:handover_id>/export/", bank_received.export, name="bank_received_export"),
        ]
    else:
        routes += [
            path(f"{one}hand-over/", screening_handover.hand_over, own, name=f"{name}_hand_over"),
            path(
                f"{room}/handovers/<uuid:handover_id>/withdraw/",
                screening_handover.withdraw,
                name=f"{room}_handover_withdraw",
            ),
        ]
    return routes
