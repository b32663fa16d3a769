"""Single events: court cases, penalties, listings, intellectual property, titles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rongqiao.kernel.period import last_day
from rongqiao.synth.block import Block, Delivery, delivered_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rongqiao.synth.population import Days, Flags

COURT, PENALTY, LISTING = "court.judicial_case", "market_regulation.penalty", "market_regulation.listing"
RIGHT, TITLE = "intellectual_property.ip_right", "science.title"
HISTORY_COLUMNS = 48
_CAUSES = ("买卖合同纠纷", "借款合同纠纷", "建设工程施工合同纠纷", "劳动争议", "租赁合同纠纷", "承揽合同纠纷")
_COURTS = {"4301": "湘01", "4302": "湘02", "4303": "湘03", "4304": "湘04", "4305": "湘05", "4306": "湘06", "4307": "湘07", "4308": "湘08",
           "4309": "湘09", "4310": "湘10", "4311": "湘11", "4312": "湘12", "4313": "湘13", "4331": "湘31"}  # fmt: skip
_AUTHORITIES = {
    "environment": "生态环境局", "safety": "应急管理局", "quality": "市场监督管理局", "fire": "消防救援大队",
    "labour": "人力资源和社会保障局", "customs": "海关", "other": "城市管理和综合执法局",
}  # fmt: skip
_REASONS = ("未按规定报送年度报告", "通过登记的住所无法取得联系", "未按规定公示企业信息")
Rows = npt.NDArray[np.int64]


def _identity(block: Block, rows: Rows) -> dict[str, pa.Array]:
    """Departments that meet an enterprise seldom know its present name."""
    return {
        "uscc": pa.array(block.people.uscc[rows], pa.string()),
        "name": pa.array(block.people.name[rows], pa.string()),
    }


def _days_in(block: Block, columns: Rows, random: np.random.Generator) -> Days:
    """Draw a day inside each column's month."""
    starts = np.array([np.datetime64(f"{month // 100}-{month % 100:02d}-01") for month in block.paths.months])
    days: Days = starts[columns] + random.integers(0, 28, len(columns)).astype("timedelta64[D]")
    return days


def _draw_events(
    block: Block, random: np.random.Generator, rate: npt.NDArray[np.float64]
) -> tuple[Rows, Rows]:
    """Rows and columns of events whose monthly rate is given for the last months of the history."""
    start = len(block.paths.months) - rate.shape[1]
    happens = (random.random(rate.shape) < rate) & block.paths.is_alive[:, start:]
    rows, offsets = np.nonzero(happens)
    return rows.astype(np.int64), (offsets + start).astype(np.int64)


def _recent_health(block: Block) -> npt.NDArray[np.float64]:
    return block.paths.health[:, -HISTORY_COLUMNS:].astype(np.float64)


def _sinking(block: Block, delay: int) -> Flags:
    columns = np.arange(len(block.paths.months) - HISTORY_COLUMNS, len(block.paths.months))
    flags: Flags = columns[None, :] >= block.paths.distress[:, None] + delay
    return flags


def _deliver_by_quarter(
    block: Block, contract_id: str, happened: Days, table: pa.Table, step: int = 3
) -> Iterator[Delivery]:
    """Send what happened before the window's first quarter comes in one file, the rest quarter by quarter."""
    months = block.paths.months[block.first_column :]
    cuts = months[::-1][::step][::-1]
    floor = np.datetime64("1900-01-01")
    for period in cuts:
        ceiling = np.datetime64(last_day(period))
        chosen = (happened > floor) & (happened <= ceiling)
        floor = ceiling
        yield Delivery(contract_id, delivered_on(contract_id, period), table.filter(pa.array(chosen)))


def _close_before(days: Days, block: Block, contract_id: str, started: Days, step: int = 3) -> pa.Array:
    """End dates that lie after the delivery of their row are not known yet: null."""
    months = block.paths.months[block.first_column :]
    cuts = np.array([np.datetime64(last_day(month)) for month in months[::-1][::step][::-1]])
    sent = np.array([np.datetime64(delivered_on(contract_id, month)) for month in months[::-1][::step][::-1]])
    delivered = sent[np.minimum(np.searchsorted(cuts, started), len(cuts) - 1)]
    return pa.array(days.astype("datetime64[D]"), pa.date32(), mask=days > delivered)


def court_deliveries(block: Block) -> Iterator[Delivery]:
    """Cases as plaintiff, defendant and under execution; the last two mostly follow trouble."""
    random = block.random(31)
    health = _recent_health(block)
    size = np.clip(block.people.sales_cny / 3e6, 0.4, 6)[:, None] ** 0.4
    rates = {
        "plaintiff": 0.0035 * size * np.ones_like(health),
        "defendant": size * np.exp(-5.3 - 0.75 * health),
        "executed": np.exp(-6.6 - 0.85 * health) + 0.16 * _sinking(block, 1) * ~_sinking(block, 10),
    }
    tables, happened = [], []
    number = int(block.people.serial[0]) * 10
    for role, rate in rates.items():
        rows, columns = _draw_events(block, random, np.minimum(rate, 0.5))
        filed = _days_in(block, columns, random)
        closed = filed + random.integers(40, 400, len(rows)).astype("timedelta64[D]")
        if role == "executed":
            closed = closed + random.integers(60, 500, len(rows)).astype("timedelta64[D]")
        places = [_COURTS[code[:4]] for code in block.people.county_code[rows].tolist()]
        years = filed.astype("datetime64[Y]").astype(np.int64) + 1970
        kind = "执" if role == "executed" else "民初"
        numbers = [
            f"（{year}）{place}{kind}{number + position}号"
            for position, (year, place) in enumerate(zip(years.tolist(), places, strict=True))
        ]
        number += len(rows)
        dishonest = (random.random(len(rows)) < 0.35) & (role == "executed")
        amounts = np.minimum(block.people.sales_cny[rows] * random.lognormal(-2.8, 1.1, len(rows)), 5e7)
        causes = np.array(_CAUSES, dtype=object)[random.integers(0, len(_CAUSES), len(rows))]
        tables.append(
            pa.table(
                {
                    **_identity(block, rows),
                    "case_no": pa.array(numbers, pa.string()),
                    "role": pa.array([role] * len(rows), pa.string()),
                    "cause": pa.array(causes, pa.string()),
                    "amount_cny": pa.array(np.round(amounts, 2)),
                    "filed_on": pa.array(filed.astype("datetime64[D]"), pa.date32()),
                    "closed_on": _close_before(closed, block, COURT, filed),
                    "is_dishonest": pa.array(dishonest),
                }
            )
        )
        happened.append(filed)
    yield from _deliver_by_quarter(block, COURT, np.concatenate(happened), pa.concat_tables(tables))


def penalty_deliveries(block: Block) -> Iterator[Delivery]:
    """Administrative penalties by the trade's kind of risk."""
    random = block.random(32)
    health = _recent_health(block)
    section = np.array([code[0] for code in block.people.industry_code])
    factor = np.select([np.isin(section, ["B", "C"]), section == "E"], [1.6, 1.4], 0.7)[:, None]
    rows, columns = _draw_events(block, random, factor * np.exp(-5.6 - 0.35 * health))
    decided = _days_in(block, columns, random)
    heavy = np.isin(section[rows], ["B", "C", "E"])
    kinds = np.array(list(_AUTHORITIES), dtype=object)
    kind = np.where(
        heavy, kinds[random.integers(0, 5, len(rows))], kinds[random.choice([2, 3, 4, 6], len(rows))]
    )
    draws = random.random(len(rows))
    severity = np.where(draws < 0.45, "minor", np.where(draws < 0.92, "general", "serious")).astype(object)
    days = np.select([severity == "minor", severity == "general"], [85, 360], 1090)
    amount = np.select([severity == "minor", severity == "general"], [0.0, 1.0], 12.0) * random.lognormal(
        9.2, 0.7, len(rows)
    )
    places = [
        address[: address.find("市") + 1] or "湖南省" for address in block.people.address[rows].tolist()
    ]
    table = pa.table(
        {
            **_identity(block, rows),
            "document_no": pa.array(
                [
                    f"湘{code[2:]}罚〔{day.astype(object).year}〕{int(block.people.serial[0]) + position + 1}号"
                    for position, (code, day) in enumerate(
                        zip(block.people.county_code[rows].tolist(), decided, strict=True)
                    )
                ],
                pa.string(),
            ),
            "authority": pa.array(
                [place + _AUTHORITIES[what] for place, what in zip(places, kind.tolist(), strict=True)],
                pa.string(),
            ),
            "kind": pa.array(kind, pa.string()),
            "severity": pa.array(severity, pa.string()),
            "amount_cny": pa.array(np.round(np.minimum(amount, 2e6), -2)),
            "decided_on": pa.array(decided.astype("datetime64[D]"), pa.date32()),
            "published_until": pa.array(
                (decided + days.astype("timedelta64[D]")).astype("datetime64[D]"), pa.date32()
            ),
        }
    )
    yield from _deliver_by_quarter(block, PENALTY, decided, table)


def listing_deliveries(block: Block) -> Iterator[Delivery]:
    """Abnormal operation and serious dishonesty, with removals where they were known in time."""
    random = block.random(33)
    health = _recent_health(block)
    rows, columns = _draw_events(block, random, np.minimum(np.exp(-6.6 - 0.7 * health), 0.1))
    listed = _days_in(block, columns, random)
    removed = listed + random.integers(20, 700, len(rows)).astype("timedelta64[D]")
    serious = random.random(len(rows)) < 0.04
    reasons = np.array(_REASONS, dtype=object)[random.integers(0, len(_REASONS), len(rows))]
    table = pa.table(
        {
            **_identity(block, rows),
            "list_kind": pa.array(
                np.where(serious, "serious_illegal", "abnormal").astype(object), pa.string()
            ),
            "reason": pa.array(
                np.where(serious, "列入经营异常名录届满三年仍未履行义务", reasons).astype(object), pa.string()
            ),
            "listed_on": pa.array(listed.astype("datetime64[D]"), pa.date32()),
            "removed_on": _close_before(removed, block, LISTING, listed),
        }
    )
    yield from _deliver_by_quarter(block, LISTING, listed, table)


def _born_days(block: Block, rows: Rows, random: np.random.Generator) -> Days:
    """Draw some day between the second year of life and as_of."""
    last = np.datetime64(last_day(block.as_of))
    span = np.maximum((last - block.people.established_on[rows]).astype(np.int64) - 300, 1)
    days: Days = last - (random.random(len(rows)) ** 1.5 * np.minimum(span, 3_000)).astype("timedelta64[D]")
    return days


def right_deliveries(block: Block) -> Iterator[Delivery]:
    """Patents, marks and software of technology firms; some trademarks of others."""
    random = block.random(34)
    people = block.people
    size = np.clip(people.sales_cny / 5e6, 0.3, 12) ** 0.5
    counts = random.poisson(people.technology * 3.2 * size) + (random.random(len(people)) < 0.05)
    rows = np.repeat(np.arange(len(people)), np.minimum(counts, 60)).astype(np.int64)
    granted = _born_days(block, rows, random)
    is_software = np.array([code[0] in "IM" for code in people.industry_code])[rows]
    draws = random.random(len(rows))
    technical = np.where(
        draws < 0.2,
        "invention",
        np.where(draws < 0.72, "utility_model", np.where(draws < 0.84, "design", "trademark")),
    )
    kind = np.where(
        is_software & (draws > 0.3), "software", np.where(people.technology[rows] > 0, technical, "trademark")
    ).astype(object)
    years = np.select([kind == "invention", kind == "utility_model", kind == "software"], [18, 9, 50], 10)
    prefixes = {
        "invention": "ZL1",
        "utility_model": "ZL2",
        "design": "ZL3",
        "trademark": "TM",
        "software": "SR",
    }
    base = int(people.serial[0]) * 20
    numbers = [
        f"{prefixes[what]}{(base + position) * 7 % 10**9:09d}" for position, what in enumerate(kind.tolist())
    ]
    expires = granted + (years * 365).astype("timedelta64[D]")
    table = pa.table(
        {
            **_identity(block, rows),
            "right_no": pa.array(numbers, pa.string()),
            "kind": pa.array(kind, pa.string()),
            "granted_on": pa.array(granted.astype("datetime64[D]"), pa.date32()),
            "expires_on": pa.array(expires.astype("datetime64[D]"), pa.date32()),
            "is_pledged": pa.array(
                (random.random(len(rows)) < 0.05) & np.isin(kind, ["invention", "utility_model"])
            ),
        }
    )
    yield from _deliver_by_quarter(block, RIGHT, granted, table)


def title_deliveries(block: Block) -> Iterator[Delivery]:
    """Titles of technology firms: the better ones presuppose the lesser."""
    random = block.random(35)
    people = block.people
    merit = (
        people.technology
        + 0.08 * np.log(np.maximum(people.sales_cny, 1) / 3e6)
        + random.normal(0, 0.1, len(people))
    )
    bars = {"tech_sme": 0.42, "high_tech": 0.55, "innovative": 0.6, "srdi": 0.72, "little_giant": 0.92}
    old_enough = people.established_on < np.datetime64(last_day(block.as_of)) - np.timedelta64(800, "D")
    tables, happened = [], []
    for kind, bar in bars.items():
        rows = np.flatnonzero((merit > bar) & (people.technology > 0.1) & old_enough).astype(np.int64)
        years = block.as_of // 100 - random.integers(0, 3, len(rows))
        month = {"tech_sme": 6, "high_tech": 10, "innovative": 5, "srdi": 7, "little_giant": 9}[kind]
        granted = np.array(
            [np.datetime64(f"{year}-{month:02d}-16") for year in years.tolist()], dtype="datetime64[D]"
        )
        tables.append(
            pa.table(
                {
                    **_identity(block, rows),
                    "title_kind": pa.array([kind] * len(rows), pa.string()),
                    "granted_on": pa.array(granted, pa.date32()),
                    "expires_on": pa.array(
                        granted + np.timedelta64(365 if kind == "tech_sme" else 1095, "D"), pa.date32()
                    ),
                }
            )
        )
        happened.append(granted)
    yield from _deliver_by_quarter(block, TITLE, np.concatenate(happened), pa.concat_tables(tables), step=6)
