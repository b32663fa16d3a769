"""The drawn input of who holds, runs and grades an enterprise, with what ended on the last day and what begins after it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from drawn_assets import spell
from drawn_cast import BIAN, CODES, WU, XIN, YUAN, Row, day


def branch() -> list[Row]:
    drawn = (
        (YUAN, "b1", "存续", "2018-01-01", None), (YUAN, "b2", "存续", "2019-01-01", None), (YUAN, "b3", "注销", "2018-01-01", "2024-01-01"),
        (YUAN, "b4", "存续", "2026-11-03", None), (BIAN, "b5", "存续", "2021-01-01", "2026-11-01"), (BIAN, "b6", "吊销", "2021-01-01", None),
    )  # fmt: skip
    return [
        spell(name, "established_on", began, "cancelled_on", ended, branch_uscc=code, status=status)
        for name, code, status, began, ended in drawn
    ]


def outward_investment() -> list[Row]:
    drawn = (
        (YUAN, "i1", "2019-01-01", None), (YUAN, "i2", "2020-01-01", None), (YUAN, "i3", "2019-01-01", "2025-01-01"),
        (BIAN, "i4", "2022-01-01", "2026-11-05"), (BIAN, "i5", "2022-01-01", "2026-10-31"),
    )  # fmt: skip
    return [
        spell(name, "invested_on", began, "exited_on", ended, investee_uscc=code)
        for name, code, began, ended in drawn
    ]


def shareholder() -> list[Row]:
    """BIAN holds two fifths of YUAN; of BIAN itself one share was not delivered, and nobody is known to control it."""
    drawn: tuple[tuple[Any, ...], ...] = (
        (YUAN, "张某", "natural_person", None, "s1", 0.6, True, None), (YUAN, "乙公司", "enterprise", CODES[BIAN], None, 0.4, False, None),
        (YUAN, "旧股东", "natural_person", None, "s3", 0.7, True, "2024-01-01"),
        (BIAN, "李某", "natural_person", None, "s2", None, None, None), (BIAN, "某县国资办", "state", None, None, 0.5, None, None),
        (XIN, "王某", "natural_person", None, "s3", 0.3, False, None), (XIN, "某合伙", "partnership", "91430100MA4LPART09", None, 0.7, True, None),
    )  # fmt: skip
    return [
        spell(name, "invested_on", "2016-10-05", "exited_on", exited, shareholder_name=holder, shareholder_kind=kind, shareholder_uscc=code,
              shareholder_id_hmac=person, share_ratio=share, controls=controls)
        for name, holder, kind, code, person, share, controls, exited in drawn
    ]  # fmt: skip


def administrative_licence() -> list[Row]:
    """Within six months is April 2027 at the latest."""
    drawn = (
        (YUAN, "l1", "valid", "2027-04-30"), (YUAN, "l2", "valid", "2027-05-01"), (YUAN, "l3", "valid", None), (YUAN, "l4", "revoked", "2028-01-01"),
        (BIAN, "l5", "valid", "2026-10-31"), (BIAN, "l6", "valid", "2026-11-01"),
    )  # fmt: skip
    return [
        spell(name, "granted_on", "2023-01-01", "expires_on", expires, licence_no=number, status=status)
        for name, number, status, expires in drawn
    ]


def _grades(*drawn: tuple[str, str, str], key: str) -> list[Row]:
    return [
        {"enterprise_id": name, "evaluated_on": day(on), "grade": grade, key: int(on[:4]) if key.endswith("year") else on}
        for name, grade, on in drawn
    ]  # fmt: skip


def environment_credit() -> list[Row]:
    return _grades(
        (YUAN, "green", "2025-06-05"), (YUAN, "blue", "2024-06-05"), (BIAN, "red", "2026-06-05"), (BIAN, "yellow", "2025-06-05"),
        (XIN, "green", "2023-10-31"), key="evaluation_year",
    )  # fmt: skip


def labour_credit() -> list[Row]:
    return _grades((YUAN, "A", "2026-05-01"), (BIAN, "C", "2026-05-01"), key="evaluation_year")


def public_credit_evaluation() -> list[Row]:
    """YUAN is called excellent after the month only."""
    return _grades(
        (YUAN, "good", "2026-03-01"),
        (YUAN, "excellent", "2026-11-01"),
        (BIAN, "poor", "2023-11-01"),
        key="batch_no",
    )


def customs_registration() -> list[Row]:
    drawn = (
        (YUAN, "1", "aeo", None),
        (BIAN, "2", "regular", None),
        (BIAN, "3", "dishonest", None),
        (XIN, "4", "regular", "2026-10-01"),
    )
    return [
        spell(
            name,
            "registered_on",
            "2021-01-01",
            "cancelled_on",
            cancelled,
            customs_no=number,
            credit_level=level,
        )
        for name, number, level, cancelled in drawn
    ]


def incubation() -> list[Row]:
    return [
        spell(XIN, "entered_on", "2026-06-15", "graduated_on", None, incubator_name="甲孵化器"),
        spell(BIAN, "entered_on", "2022-01-01", "left_on", "2026-11-02", incubator_name="甲孵化器"),
        spell(YUAN, "entered_on", "2016-11-01", "graduated_on", "2020-01-01", incubator_name="甲孵化器"),
    ]


def chain_node() -> list[Row]:
    """YUAN leads a chain that BIAN and XIN supply; BIAN left a better place in another."""
    drawn = (
        (YUAN, "陶瓷", "core", None, None, None), (BIAN, "陶瓷", "supporting", CODES[YUAN], 0.35, None), (XIN, "陶瓷", "supporting", CODES[YUAN], 0.6, None),
        (BIAN, "电子", "key", CODES[WU], 0.9, "2026-10-01"),
    )  # fmt: skip
    return [
        spell(name, "recognised_on", "2024-01-01", "left_on", left, chain=chain, node_name="甲", chain_role=role, core_enterprise_uscc=core,
              supply_share_ratio=share)
        for name, chain, role, core, share, left in drawn
    ]  # fmt: skip


def equity_financing() -> list[Row]:
    drawn = (
        (YUAN, "1", "a", "2022-01-01"),
        (YUAN, "2", "board", "2024-01-01"),
        (YUAN, "3", "tutoring", "2026-11-09"),
        (BIAN, "4", "angel", "2021-01-01"),
    )
    return [
        {"enterprise_id": name, "record_no": number, "stage": stage, "happened_on": day(on)}
        for name, number, stage, on in drawn
    ]


def annual_disclosure() -> list[Row]:
    """BIAN does not publish for whom it stands surety; WU's report is too old."""
    drawn = ((YUAN, 2025, 2, 600), (YUAN, 2024, 0, 1), (BIAN, 2025, 0, None), (WU, 2020, 1, 7))
    return [
        {"enterprise_id": name, "report_year": year, "website_count": sites, "guarantee_cny": guaranteed, "filed_on": dt.date(year + 1, 6, 30)}
        for name, year, sites, guaranteed in drawn
    ]  # fmt: skip


def skilled_staff() -> list[Row]:
    drawn = ((YUAN, 2025, 1, 2, 3), (YUAN, 2024, 9, 9, 9), (BIAN, 2025, 0, None, 1), (WU, 2020, 1, 1, 1))
    return [
        {"enterprise_id": name, "year": year, "senior_engineers": senior, "middle_engineers": middle, "senior_technicians": technicians}
        for name, year, senior, middle, technicians in drawn
    ]  # fmt: skip


PROFILE = {
    "market_regulation.branch": branch, "market_regulation.outward_investment": outward_investment,
    "market_regulation.shareholder": shareholder, "market_regulation.administrative_licence": administrative_licence,
    "ecology.environment_credit": environment_credit, "human_resources.labour_credit": labour_credit,
    "development_reform.public_credit_evaluation": public_credit_evaluation, "customs.customs_registration": customs_registration,
    "science.incubation": incubation, "industry.chain_node": chain_node, "local_finance.equity_financing": equity_financing,
    "market_regulation.annual_disclosure": annual_disclosure, "human_resources.skilled_staff": skilled_staff,
}  # fmt: skip
