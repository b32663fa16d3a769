"""The drawn input of property and technology: what is held at the end of the month, and what ended on its last day."""

from __future__ import annotations

from typing import Any

from drawn_cast import BIAN, XIN, YUAN, Row, day


def spell(name: str, begins: str, began: str, ends: str, ended: str | None, **items: Any) -> Row:
    return {"enterprise_id": name, begins: day(began), ends: day(ended) if ended else None, **items}


def real_estate_right() -> list[Row]:
    """YUAN's third certificate is cancelled, its fourth comes after the month; BIAN's second is cancelled after it."""
    drawn = (
        (YUAN, "c1", "land_and_building", 600, 5000, "2018-01-01", None), (YUAN, "c2", "land_use", None, 400, "2018-01-01", None),
        (YUAN, "c3", "land_and_building", 50, 70, "2018-01-01", "2020-01-01"), (YUAN, "c4", "land_and_building", 9, 9, "2026-11-05", None),
        (YUAN, "c7", "land_use", None, 600, "2019-01-01", None), (YUAN, "c8", "forest", None, 1, "2019-01-01", None),
        (BIAN, "c5", "land_and_building", 80, None, "2021-01-01", None), (BIAN, "c6", "land_and_building", 20, 100, "2021-01-01", "2026-11-02"),
    )  # fmt: skip
    return [
        spell(name, "registered_on", began, "cancelled_on", ended, certificate_no=number, right_kind=kind, building_area_m2=area, price_cny=price)
        for name, number, kind, area, price, began, ended in drawn
    ]  # fmt: skip


def real_estate_mortgage() -> list[Row]:
    """BIAN has two mortgages on one certificate, and one that ended on the last day of the month."""
    drawn = (
        (YUAN, "m1", "c1", 1000, "2024-05-01", None), (YUAN, "m2", "c2", 400, "2022-05-01", "2025-01-01"),
        (BIAN, "m3", "c5", 30, "2024-05-01", "2026-11-03"), (BIAN, "m4", "c5", 20, "2024-05-01", None),
        (BIAN, "m5", "c6", 8, "2024-05-01", "2026-10-31"),
    )  # fmt: skip
    return [
        spell(name, "registered_on", began, "cancelled_on", ended, mortgage_no=number, certificate_no=certificate, mortgage_kind="ordinary",
              secured_claim_cny=claim)
        for name, number, certificate, claim, began, ended in drawn
    ]  # fmt: skip


def real_estate_seizure() -> list[Row]:
    return [
        spell(
            BIAN,
            "seized_on",
            "2026-05-01",
            "seized_until_on",
            "2026-12-01",
            seizure_no="s1",
            certificate_no="c5",
        ),
        spell(
            YUAN, "seized_on", "2024-01-01", "lifted_on", "2024-06-01", seizure_no="s2", certificate_no="c1"
        ),
        spell(
            XIN,
            "seized_on",
            "2026-07-01",
            "seized_until_on",
            "2026-10-31",
            seizure_no="s3",
            certificate_no="c9",
        ),
    ]


def patent() -> list[Row]:
    """YUAN's design has no class, its fifth has lapsed; BIAN's first ends after the month and its second on its last day."""
    drawn = (
        (YUAN, "P1", "invention", "C04B33/00", "valid", True, 5, False, None), (YUAN, "P2", "invention", "C04B35/00", "valid", False, 2, True, None),
        (YUAN, "P3", "utility", "B28B1/00", "valid", None, None, False, None), (YUAN, "P4", "design", None, "valid", None, None, None, None),
        (YUAN, "P5", "invention", "C04B33/00", "lapsed", True, 50, False, "2024-01-01"),
        (BIAN, "P6", "invention", "H01L21/00", "valid", False, 1, True, "2026-11-10"),
        (BIAN, "P7", "invention", "C04B33/00", "valid", True, 9, False, "2026-10-31"),
    )  # fmt: skip
    return [
        spell(name, "granted_on", "2020-03-03", "ended_on", ended, patent_no=number, patent_kind=kind, ipc=ipc, legal_status=status,
              is_high_value=valued, cited_count=cited, is_bought=bought)
        for name, number, kind, ipc, status, valued, cited, bought, ended in drawn
    ]  # fmt: skip


def patent_assignment() -> list[Row]:
    drawn = (
        (YUAN, "P8", "assignor", "2023-11-01"), (YUAN, "P9", "assignor", "2023-10-31"), (YUAN, "P0", "assignor", "2026-11-01"),
        (BIAN, "P6", "assignee", "2025-05-05"),
    )  # fmt: skip
    return [
        {"enterprise_id": name, "patent_no": number, "transfer_role": role, "registered_on": day(on)}
        for name, number, role, on in drawn
    ]


def ip_pledge() -> list[Row]:
    drawn = (
        (YUAN, "1", 200, "2025-01-01", None), (YUAN, "2", 100, "2025-01-01", "2026-11-05"), (BIAN, "3", 50, "2025-01-01", "2026-10-31"),
    )  # fmt: skip
    return [
        spell(name, "registered_on", began, "cancelled_on", ended, pledge_no=number, ip_kind="patent", secured_claim_cny=claim)
        for name, number, claim, began, ended in drawn
    ]  # fmt: skip


def research_platform() -> list[Row]:
    drawn = (
        (YUAN, "甲中心", "province", None),
        (YUAN, "乙中心", "county", None),
        (BIAN, "丙中心", "central", "2025-01-01"),
    )
    return [
        spell(name, "recognised_on", "2022-01-01", "revoked_on", revoked, platform_name=title, level=level)
        for name, title, level, revoked in drawn
    ]  # fmt: skip


ASSETS = {
    "natural_resources.real_estate_right": real_estate_right, "natural_resources.real_estate_mortgage": real_estate_mortgage,
    "natural_resources.real_estate_seizure": real_estate_seizure, "intellectual_property.patent": patent,
    "intellectual_property.patent_assignment": patent_assignment, "intellectual_property.ip_pledge": ip_pledge,
    "science.research_platform": research_platform,
}  # fmt: skip
