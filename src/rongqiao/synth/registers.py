"""Registers of market regulation and the yearly papers: registry, changes, annual reports, tax grades."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rongqiao.kernel.period import add_months, last_day
from rongqiao.synth.block import CHANGE_KINDS, Block, Delivery, delivered_on
from rongqiao.synth.paths import yearly_sum
from rongqiao.synth.population import PROFILES, Flags, Floats

if TYPE_CHECKING:
    from collections.abc import Iterator

REGISTRY, CHANGE = "market_regulation.registry", "market_regulation.change"
ANNUAL, GRADE = "market_regulation.annual_report", "taxation.tax_grade"
Rows = npt.NDArray[np.int64]


def _statuses(block: Block, column: int) -> npt.NDArray[np.object_]:
    """存续 until the closing; then mostly 注销, after a distress often 吊销, seldom 迁出."""
    closed = block.paths.closing <= column
    draws = block.random(21).random(len(closed))
    distressed = block.paths.distress <= block.paths.closing
    kind = np.where(draws < np.where(distressed, 0.45, 0.12), "吊销", np.where(draws > 0.95, "迁出", "注销"))
    return np.where(closed, kind, "存续").astype(object)


def _registry_rows(block: Block, rows: Rows, column: int) -> pa.Table:
    people = block.people
    capital = block.value_at("capital", column)[rows].astype(np.float64)
    scopes = np.array([profile.scope for profile in PROFILES], dtype=object)[people.industry[rows]]
    snapshot = last_day(block.paths.months[column])
    return pa.table(
        {
            "uscc": pa.array(people.uscc[rows], pa.string()),
            "name": pa.array(block.names_at(column)[rows], pa.string()),
            "registration_no": pa.array(people.registration_no[rows], pa.string()),
            "legal_form": pa.array(people.legal_form[rows], pa.string()),
            "status": pa.array(_statuses(block, column)[rows], pa.string()),
            "industry_code": pa.array(people.industry_code[rows], pa.string()),
            "county_code": pa.array(people.county_code[rows], pa.string()),
            "address": pa.array(block.value_at("address", column)[rows], pa.string()),
            "registered_capital_cny": pa.array(capital),
            "paid_in_capital_cny": pa.array(np.minimum(people.paid_in_cny[rows], capital)),
            "established_on": pa.array(people.established_on[rows], pa.date32()),
            "legal_rep_name": pa.array(block.value_at("legal_rep", column)[rows], pa.string()),
            "legal_rep_id_hmac": pa.array(people.legal_rep_id_hmac[rows], pa.string()),
            "phone_hmac": pa.array(people.phone_hmac[rows], pa.string()),
            "business_scope": pa.array(scopes, pa.string()),
            "snapshot_on": pa.array(np.full(len(rows), np.datetime64(snapshot)), pa.date32()),
        }
    )


def registry_deliveries(block: Block) -> Iterator[Delivery]:
    """One base snapshot of all who live at the window's start, then who was born, changed or closed each month."""
    paths = block.paths
    for column in range(block.first_column, len(paths.months)):
        if column == block.first_column:
            chosen: Flags = paths.birth <= column
        else:
            chosen = (paths.birth == column) | (paths.closing == column)
            for kind in CHANGE_KINDS:
                chosen |= block.change_column[kind] == column
            chosen &= paths.birth <= column
        day = delivered_on(REGISTRY, paths.months[column])
        yield Delivery(REGISTRY, day, _registry_rows(block, np.flatnonzero(chosen), column))


def change_deliveries(block: Block) -> Iterator[Delivery]:
    """Each change with the value before and after, in the month after it happened."""
    people, paths = block.people, block.paths
    after = {
        "name": people.name,
        "legal_rep": people.legal_rep_name,
        "address": people.address,
        "capital": np.array(
            [f"{value / 1e4:.2f}万元" for value in people.capital_cny.tolist()], dtype=object
        ),
    }
    before = dict(block.value_before)
    before["capital"] = np.array(
        [f"{value / 1e4:.2f}万元" for value in before["capital"].tolist()], dtype=object
    )
    random = block.random(22)
    for column in range(block.first_column + 1, len(paths.months)):
        tables = []
        for kind in CHANGE_KINDS:
            rows = np.flatnonzero(block.change_column[kind] == column)
            month = paths.months[column]
            days = np.datetime64(f"{month // 100}-{month % 100:02d}-01") + random.integers(
                0, 27, len(rows)
            ).astype("timedelta64[D]")
            tables.append(
                pa.table(
                    {
                        "uscc": pa.array(people.uscc[rows], pa.string()),
                        "name": pa.array(block.names_at(column)[rows], pa.string()),
                        "change_item": pa.array([kind] * len(rows), pa.string()),
                        "value_before": pa.array(before[kind][rows], pa.string()),
                        "value_after": pa.array(after[kind][rows], pa.string()),
                        "changed_on": pa.array(days, pa.date32()),
                    }
                )
            )
        yield Delivery(CHANGE, delivered_on(CHANGE, paths.months[column]), pa.concat_tables(tables))


def _opening_day(block: Block, day: int) -> dt.date:
    """Give a day in the month after the window's first, when the departments began to deliver."""
    month = add_months(block.paths.months[block.first_column], 1)
    return dt.date(month // 100, month % 100, day)


def _year_health(block: Block, year: int) -> Floats:
    columns = [position for position, month in enumerate(block.paths.months) if month // 100 == year]
    mean: Floats = block.paths.health[:, columns].mean(axis=1, dtype=np.float64)
    return mean


def _annual_rows(block: Block, year: int) -> pa.Table:
    """One fiscal year of those who lived through its end and filed."""
    random = np.random.default_rng([block.seed, int(block.people.serial[0]), 23, year])
    people, paths = block.people, block.paths
    end = paths.column(year * 100 + 12)
    health = _year_health(block, year)
    filed = random.random(len(people)) < 0.93 - 0.03 * np.clip(-health, 0, 3)
    alive = paths.is_alive[:, end] & ((paths.birth < end - 1) | (paths.birth == 0))
    rows = np.flatnonzero(alive & filed & (paths.closing > end + 6))
    revenue = np.round(
        yearly_sum(paths.sales, paths.months, year) * random.normal(1.01, 0.04, len(people)), 2
    )
    revenue = np.maximum(revenue, 0)
    margin = people.profile_column("margin_ratio") + 0.035 * health + random.normal(0, 0.025, len(people))
    turnover = random.lognormal(-0.1, 0.35, len(people))
    assets = np.maximum(revenue / turnover, people.paid_in_cny * 0.4) + 20_000
    debt = np.clip(0.52 - 0.13 * health + random.normal(0, 0.1, len(people)), 0.03, 1.35)
    per_head = people.profile_column("sales_per_head_cny")
    research = np.where(
        people.technology > 0.1, revenue * people.technology * random.uniform(0.02, 0.13, len(people)), 0
    )
    delays = np.minimum(random.exponential(60, len(rows)), 170).astype("timedelta64[D]")
    published = people.is_company[rows]
    mask = ~published

    def money(values: Floats) -> pa.Array:
        return pa.array(np.round(values[rows], 2), mask=mask)

    return pa.table(
        {
            "uscc": pa.array(people.uscc[rows], pa.string()),
            "name": pa.array(block.names_at(min(end, len(paths.months) - 1))[rows], pa.string()),
            "report_year": pa.array(np.full(len(rows), year, dtype=np.int64)),
            "employees": pa.array(
                np.maximum(np.round(revenue / per_head * random.normal(1.1, 0.1, len(people))), 1)[
                    rows
                ].astype(np.int64)
            ),
            "revenue_cny": pa.array(revenue[rows]),
            "main_revenue_cny": money(revenue * random.beta(14, 1.2, len(people))),
            "total_assets_cny": money(assets),
            "total_liabilities_cny": money(assets * debt),
            "net_profit_cny": money(np.minimum(revenue * margin, revenue * 0.6)),
            "tax_total_cny": money(revenue * random.uniform(0.008, 0.05, len(people))),
            "rd_expense_cny": money(research),
            "reported_on": pa.array(np.datetime64(f"{year + 1}-01-04") + delays, pa.date32()),
        }
    )


def annual_deliveries(block: Block) -> Iterator[Delivery]:
    """Annual reports: the years before the window in one file, then each year in July."""
    paths = block.paths
    start = paths.months[block.first_column]
    years = sorted(
        {month // 100 for month in paths.months if month % 100 == 12 and month >= paths.months[11]}
    )
    old = [year for year in years if dt.date(year + 1, 7, 10) <= last_day(start)]
    if old:
        yield Delivery(
            ANNUAL, _opening_day(block, 25), pa.concat_tables([_annual_rows(block, year) for year in old])
        )
    for year in years[len(old) :]:
        if (year + 1) * 100 + 7 <= block.as_of:
            yield Delivery(ANNUAL, dt.date(year + 1, 7, 10), _annual_rows(block, year))


def _grade_rows(block: Block, year: int) -> pa.Table:
    """Tax grades: M for the young, else by soundness with noise."""
    random = np.random.default_rng([block.seed, int(block.people.serial[0]), 24, year])
    people, paths = block.people, block.paths
    end = paths.column(year * 100 + 12)
    graded = paths.is_alive[:, end] & (random.random(len(people)) < 0.8)
    rows = np.flatnonzero(graded & (people.legal_form != "个体工商户"))
    score = 0.85 * _year_health(block, year) + random.normal(0, 0.5, len(people))
    grade = np.where(score > 0.55, "A", np.where(score > -1.15, "B", np.where(score > -1.9, "C", "D")))
    age_months = end - np.where(paths.birth == 0, -36, paths.birth)
    grade = np.where((age_months < 36) & (grade != "D"), "M", grade)
    return pa.table(
        {
            "uscc": pa.array(people.uscc[rows], pa.string()),
            "name": pa.array(block.names_at(end)[rows], pa.string()),
            "grade_year": pa.array(np.full(len(rows), year, dtype=np.int64)),
            "grade": pa.array(grade[rows].astype(object), pa.string()),
            "published_on": pa.array(np.full(len(rows), np.datetime64(f"{year + 1}-04-28")), pa.date32()),
        }
    )


def grade_deliveries(block: Block) -> Iterator[Delivery]:
    """Tax grades of four years: the early ones in one file, then each May."""
    start = block.paths.months[block.first_column]
    last_year = block.as_of // 100 - 1 if block.as_of % 100 >= 5 else block.as_of // 100 - 2
    years = range(last_year - 3, last_year + 1)
    old = [year for year in years if (year + 1) * 100 + 5 <= start]
    if old:
        day = _opening_day(block, 20)
        yield Delivery(GRADE, day, pa.concat_tables([_grade_rows(block, year) for year in old]))
    for year in years:
        if year not in old:
            yield Delivery(GRADE, dt.date(year + 1, 5, 10), _grade_rows(block, year))
