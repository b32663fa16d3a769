"""How each enterprise fares month by month: the latent health that drives everything departments and banks see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rongqiao.kernel.period import add_months, from_index, month_index
from rongqiao.synth.industries import SEASONS
from rongqiao.synth.population import PROFILES, Flags, Floats, Population

HISTORY_MONTHS = 130
_PERSISTENCE = 0.95
_HEALTH_SPREAD = 0.9
_SHOCK = 0.18
_DISTRESS_BASE = -7.2
_DISTRESS_SLOPE = 2.2
_STRAIN_BASE = -5.75
_CLOSING_BASE = -6.0

Panel = npt.NDArray[np.float32]


@dataclass(slots=True)
class Paths:
    """Monthly paths of one block; rows are enterprises, columns months, the last column is ``as_of``.

    Attributes
    ----------
    months : list of int
        ``YYYYMM`` of each column.
    health : array
        Latent soundness, about standard normal; never delivered, only its traces are.
    sales : array
        True sales of the month in yuan; 0 outside the enterprise's life.
    is_alive : array of bool
        Registered, not closed.
    birth, closing, distress : array of int
        Column of the event; ``len(months)`` where it has not happened (births: 0 if before the first column).
    """

    months: list[int]
    health: Panel
    sales: Panel
    is_alive: Flags
    birth: npt.NDArray[np.int64]
    closing: npt.NDArray[np.int64]
    distress: npt.NDArray[np.int64]

    def column(self, month: int) -> int:
        """Position of a month; negative if before the first."""
        return month_index(month) - month_index(self.months[0])

    def window(self, width: int) -> slice:
        """Columns of the last ``width`` months."""
        return slice(len(self.months) - width, len(self.months))


def strain(
    paths: Paths, rows: npt.NDArray[np.int64], since: npt.NDArray[np.int64], random: np.random.Generator
) -> None:
    """Let debt bring down some of those who look for it: more distress, after the month they first asked.

    Parameters
    ----------
    paths : Paths
        Changed in place: distress, and from then on sales and health.
    rows, since : array of int
        Enterprises, and the column after which debt can weigh on each.
    random : numpy.random.Generator
        Source of chance.
    """
    columns = len(paths.months)
    weight = np.exp(_STRAIN_BASE - _DISTRESS_SLOPE * paths.health[rows])
    hazard = np.where(np.arange(columns)[None, :] > since[:, None] + 2, np.minimum(weight, 0.3), 0)
    event = _first_event(random, hazard.astype(np.float32), 0, columns)
    struck = event < np.minimum(paths.distress[rows], paths.closing[rows])
    fallen, at = rows[struck], event[struck]
    sinking = _after(at, columns) & ~_after(paths.distress[fallen], columns)
    paths.sales[fallen] *= np.where(sinking, random.uniform(0.25, 0.85, (len(fallen), 1)), 1.0).astype(
        np.float32
    )
    paths.health[fallen] -= 1.5 * sinking
    paths.distress[fallen] = at


def _draw_health(random: np.random.Generator, rows: int, columns: int) -> Panel:
    """Draw a fixed mean per enterprise plus a slow autoregression around it."""
    mean = random.normal(0.0, _HEALTH_SPREAD, rows).astype(np.float32)
    spread = _SHOCK / np.sqrt(1 - _PERSISTENCE**2)
    state = random.normal(0.0, spread, rows).astype(np.float32)
    health = np.empty((rows, columns), dtype=np.float32)
    for column in range(columns):
        state = _PERSISTENCE * state + random.normal(0.0, _SHOCK, rows).astype(np.float32)
        health[:, column] = mean + state
    return health


def _first_event(
    random: np.random.Generator, hazard: Panel, first: int, columns: int
) -> npt.NDArray[np.int64]:
    """Column in which each enterprise's first event falls, ``columns`` if never."""
    happened = random.random(hazard.shape, dtype=np.float32) < hazard
    return np.where(happened.any(axis=1), happened.argmax(axis=1) + first, columns).astype(np.int64)


def _draw_sales(random: np.random.Generator, people: Population, health: Panel, months: list[int]) -> Panel:
    """Level that ends at today's size, trend, season and noise."""
    rows, _columns = health.shape
    trend = random.normal(0.004, 0.006, (rows, 1)).astype(np.float32)
    steps = 0.018 * health + trend + random.normal(0.0, 0.02, health.shape).astype(np.float32)
    steps = np.clip(steps, -0.08, 0.08)
    level = np.cumsum(steps, axis=1)
    level -= level[:, -1:]
    level = np.clip(level, -3.0, 1.5)
    seasons = np.array([SEASONS[profile.season] for profile in PROFILES], dtype=np.float32)
    season = seasons[people.industry][:, [month % 100 - 1 for month in months]]
    noise = np.exp(random.normal(0.0, 0.16, health.shape)).astype(np.float32)
    base = (people.sales_cny / 12).astype(np.float32)[:, None]
    sales: Panel = base * np.exp(level) * season * noise
    return sales


def _after(events: npt.NDArray[np.int64], columns: int) -> Flags:
    flags: Flags = np.arange(columns)[None, :] >= events[:, None]
    return flags


def build_paths(people: Population, *, seed: int, as_of: int, window: int) -> Paths:
    """Draw health, sales, closures and distress of one block.

    Parameters
    ----------
    people : Population
        The block.
    seed : int
        Seed of the province.
    as_of : int
        Last complete month.
    window : int
        Months that departments deliver monthly; closures and distress only fall inside it, because
        who closed earlier is not in the base snapshot.
    """
    random = np.random.default_rng([seed, int(people.serial[0]), 2])
    rows, columns = len(people), max(HISTORY_MONTHS, window + 12)
    first_index = month_index(add_months(as_of, 1 - columns))
    months = [from_index(first_index + column) for column in range(columns)]
    health = _draw_health(random, rows, columns)
    sales = _draw_sales(random, people, health, months)
    start = columns - window
    born = people.established_on.astype("datetime64[M]").astype(np.int64) + 1970 * 12
    birth = np.clip(born - first_index, 0, columns).astype(np.int64)
    recent = health[:, start:]
    hazard = np.minimum(np.exp(_DISTRESS_BASE - _DISTRESS_SLOPE * recent), 0.25).astype(np.float32)
    hazard[np.arange(window)[None, :] + start < birth[:, None] + 6] = 0
    distress = _first_event(random, hazard, start, columns)
    closing_hazard = np.exp(_CLOSING_BASE - 0.7 * recent + 0.9 * _after(distress + 4, columns)[:, start:])
    closing_hazard[np.arange(window)[None, :] + start < birth[:, None] + 9] = 0
    closing = _first_event(random, np.minimum(closing_hazard, 0.2).astype(np.float32), start, columns)
    sinking = _after(distress, columns)
    sales *= np.where(sinking, random.uniform(0.25, 0.85, (rows, 1)), 1.0).astype(np.float32)
    health -= 1.5 * sinking
    is_alive = _after(birth, columns) & ~_after(closing, columns)
    ramp = np.clip((np.arange(columns)[None, :] - birth[:, None] + 1) / 9, 0, 1)
    sales *= np.where(birth[:, None] > 0, ramp, 1.0).astype(np.float32) * is_alive
    return Paths(months, health, sales, is_alive, birth, closing, distress)


def yearly_sum(values: Panel, months: list[int], year: int) -> Floats:
    """Sum over the columns of one calendar year."""
    columns = [position for position, month in enumerate(months) if month // 100 == year]
    total: Floats = values[:, columns].sum(axis=1, dtype=np.float64)
    return total
