"""Who asked for money when, and how much: the demands of the synthetic market."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rongqiao.kernel.period import add_months, last_day
from rongqiao.synth.codes import stable_id
from rongqiao.synth.paths import strain

if TYPE_CHECKING:
    from rongqiao.synth.block import Block

DEMANDS_PER_ENTERPRISE = 0.37
OPEN_DAYS = 20
_TERMS = (6, 12, 12, 12, 12, 24, 24, 36)
_GUARANTEES = ("credit", "mortgage", "guarantee_company", "receivable", "guarantee")
_GUARANTEE_SHARES = (0.52, 0.2, 0.12, 0.1, 0.06)
_PURPOSES = (
    "working_capital",
    "raw_materials",
    "equipment",
    "order",
    "payroll",
    "refinance",
    "construction",
    "rd",
    "export",
    "other",
)
_PURPOSE_SHARES = (0.38, 0.22, 0.11, 0.08, 0.06, 0.06, 0.03, 0.03, 0.02, 0.01)


@dataclass(frozen=True, slots=True)
class Applicant:
    """What the market knows, and what is true, about an enterprise on the day it asks.

    Attributes
    ----------
    row, column : int
        Enterprise within the block; month within the paths.
    county_code : str
        Where it is registered.
    sales_cny : float
        True sales of the twelve months before.
    age_months : int
        Since registration.
    seen_health : float
        Health as a bank would see it: the truth with noise.
    is_first : bool
        Never had a loan.
    """

    row: int
    column: int
    county_code: str
    sales_cny: float
    age_months: int
    seen_health: float
    is_first: bool


def market_end(as_of: int) -> dt.date:
    """Last day on which anything happens: the 20th after the last complete month."""
    following = add_months(as_of, 1)
    return dt.date(following // 100, following % 100, OPEN_DAYS)


def _draw_askers(block: Block, random: np.random.Generator, months: int) -> list[tuple[int, int, dt.date]]:
    """Row, column and day of each demand, oldest first. Larger and somewhat weaker firms ask oftener."""
    people, paths = block.people, block.paths
    last = len(paths.months) - 1
    total = random.poisson(DEMANDS_PER_ENTERPRISE * len(people) * months / 24)
    trend = np.linspace(0.6, 1.4, months + 1)
    trend[-1] *= OPEN_DAYS / 30
    offsets = np.sort(random.choice(months + 1, size=total, p=trend / trend.sum()))
    weights = (
        np.where(people.legal_form == "个体工商户", 0.3, 1.0) * np.clip(people.sales_cny / 2e6, 0.3, 8) ** 0.4
    )
    rows = random.choice(len(people), size=total, p=weights / weights.sum())
    days = random.integers(1, 28, total)
    askers = []
    for row, offset, day in zip(rows.tolist(), offsets.tolist(), days.tolist(), strict=True):
        column = min(last - months + 1 + offset, last)
        month = add_months(block.as_of, offset - months + 1)
        leaving = paths.closing[row] - 3 if paths.closing[row] <= last else last + 1
        is_able = paths.birth[row] + 6 <= column < min(paths.distress[row], leaving)
        if is_able:
            number = min(day, OPEN_DAYS) if offset == months else min(day, last_day(month).day)
            askers.append((row, column, dt.date(month // 100, month % 100, number)))
    askers.sort(key=lambda asker: (asker[2], asker[0]))
    first: dict[int, int] = {}
    for row, column, _ in askers:
        first.setdefault(row, column)
    strain(
        paths, np.array(list(first), dtype=np.int64), np.array(list(first.values()), dtype=np.int64), random
    )
    return [asker for asker in askers if asker[1] < paths.distress[asker[0]]]


def _describe(block: Block, row: int, column: int, noise: float, is_first: bool) -> Applicant:
    paths = block.paths
    sales = float(paths.sales[row, max(0, column - 12) : column].sum(dtype=np.float64))
    month = paths.months[column]
    born = block.people.established_on[row].astype("datetime64[M]").astype(int) + 1970 * 12
    age = month // 100 * 12 + month % 100 - 1 - int(born)
    seen = float(paths.health[row, max(0, column - 3) : column + 1].mean())
    return Applicant(
        row, column, str(block.people.county_code[row]), sales, age, 0.6 * seen + noise, is_first
    )


def _choose_guarantee(random: np.random.Generator, block: Block, row: int) -> str:
    if block.people.technology[row] > 0.4 and random.random() < 0.25:
        return "ip_pledge"
    return str(random.choice(_GUARANTEES, p=_GUARANTEE_SHARES))


def make_demands(block: Block, months: int) -> list[tuple[dict[str, Any], Applicant]]:
    """Demands of one block with who asked, oldest first; status still ``published``.

    Parameters
    ----------
    block : Block
        Enterprises and paths.
    months : int
        Months of history; some days of the running month are added.
    """
    random = block.random(51)
    had_loan = random.random(len(block.people)) < np.clip(
        0.42 + 0.3 * np.log10(np.maximum(block.people.sales_cny, 1) / 1e6), 0.15, 0.9
    )
    seen: dict[int, int] = {}
    demands = []
    for row, column, day in _draw_askers(block, random, months):
        turn = seen.get(row, 0)
        seen[row] = turn + 1
        applicant = _describe(
            block, row, column, float(random.normal(0, 0.7)), not had_loan[row] and not turn
        )
        wanted = applicant.sales_cny * random.uniform(0.06, 0.32)
        step = 10_000 if wanted < 1e6 else 100_000
        amount = int(np.clip(round(wanted / step) * step, 50_000, 30_000_000))
        purpose = str(random.choice(_PURPOSES, p=_PURPOSE_SHARES))
        demand = {
            "id": stable_id(block.seed, "demand", f"{block.people.serial[row]}-{turn}"),
            "uscc": block.people.uscc[row],
            "amount_cny": f"{amount}.00",
            "term_months": int(random.choice(_TERMS)),
            "purpose": "working_capital" if purpose == "refinance" and applicant.is_first else purpose,
            "guarantee_kind": _choose_guarantee(random, block, row),
            "desired_rate_ratio": f"{round(random.uniform(0.032, 0.052), 3):.4f}",
            "published_on": day.isoformat(),
            "status": "published",
        }
        demands.append((demand, applicant))
    return demands
