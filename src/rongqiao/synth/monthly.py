"""Monthly series of tax office, social insurance and utilities: different traces of the same sales and health."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from rongqiao.kernel.period import add_months
from rongqiao.synth.block import Block, Delivery, delivered_on, group_periods

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rongqiao.synth.population import Flags, Floats

TAX, INVOICE = "taxation.tax_filing", "taxation.invoice_summary"
INSURANCE, UTILITY = "human_resources.social_insurance", "utilities.utility_usage"
TAX_COVERAGE, INVOICE_COVERAGE, INSURANCE_COVERAGE, UTILITY_COVERAGE = 0.90, 0.74, 0.85, 0.42
CORRECTION_TAG = "correction"
Panel = npt.NDArray[np.float64]


def _sigmoid(values: Panel) -> Panel:
    logistic: Panel = 1 / (1 + np.exp(-values))
    return logistic


def _spells(
    block: Block, random: np.random.Generator, slope: float, level: float, persistence: float = 0.8
) -> Flags:
    """Spells that last some months and come oftener to the unsound."""
    health = block.recent(block.paths.health)
    noise = np.empty_like(health)
    state = random.normal(0, 1, len(health))
    for column in range(health.shape[1]):
        state = persistence * state + np.sqrt(1 - persistence**2) * random.normal(0, 1, len(health))
        noise[:, column] = state
    flags: Flags = noise - slope * health > level
    return flags


def _money(values: Panel) -> Panel:
    rounded: Panel = np.round(values, 2)
    return rounded


def _tenths(values: Panel) -> Panel:
    rounded: Panel = np.round(values, 1)
    return rounded


def headcounts(block: Block) -> Panel:
    """Insured employees per month: last year's sales by the trade's productivity, slower than sales."""
    random = block.random(11)
    sales = block.paths.sales.astype(np.float64)
    window, start = block.window, block.first_column
    cumulated = np.cumsum(sales, axis=1)
    span = 6
    mean = (cumulated[:, start : start + window] - cumulated[:, start - span : start + window - span]) / span
    per_head = block.people.profile_column("sales_per_head_cny") * random.lognormal(0, 0.35, len(sales))
    count: Panel = np.round(mean * 12 / per_head[:, None] * random.normal(1, 0.02, mean.shape))
    return np.maximum(count, 0)


def _covered(block: Block, share: float | Floats, purpose: int) -> Flags:
    """Who is in a department's files at all, and in which months."""
    alive = block.paths.is_alive[:, block.first_column :]
    covered: Flags = alive & (block.random(purpose).random(len(alive)) < share)[:, None]
    return covered


def _due_day(period: int) -> np.datetime64:
    following = add_months(period, 1)
    return np.datetime64(f"{following // 100}-{following % 100:02d}-15")


def _tax_columns(block: Block) -> dict[str, Panel]:
    random = block.random(12)
    sales = block.recent(block.paths.sales)
    health = block.recent(block.paths.health)
    is_general = (block.people.sales_cny > 5e6)[:, None]
    taxable = sales * random.normal(0.97, 0.03, sales.shape)
    burden = np.where(is_general, random.uniform(0.012, 0.05, (len(sales), 1)), 0.01)
    exempt = ~is_general & (taxable < 100_000)
    payable = np.where(exempt, 0.0, taxable * burden * random.uniform(0.8, 1.2, sales.shape))
    in_arrears = _spells(block, random, 0.9, 2.5)
    unpaid = np.where(in_arrears, payable * random.uniform(0.4, 1.0, sales.shape), 0.0)
    arrears = np.empty_like(unpaid)
    owed = np.zeros(len(unpaid))
    for column in range(unpaid.shape[1]):
        owed = np.where(in_arrears[:, column], owed, owed * 0.15) + unpaid[:, column]
        owed = np.where(owed < 50, 0.0, owed)
        arrears[:, column] = owed
    margin = block.people.profile_column("margin_ratio")[:, None]
    profit = np.maximum(sales * (margin + 0.03 * health), 0) * block.people.is_company[:, None]
    late = random.random(sales.shape) < _sigmoid(-3.7 - 0.9 * health)
    lag = np.where(late, random.integers(1, 24, sales.shape), -random.integers(0, 13, sales.shape))
    return {
        "taxable_sales_cny": _money(np.maximum(taxable, 0)),
        "vat_payable_cny": _money(payable),
        "vat_paid_cny": _money(payable - unpaid),
        "cit_paid_cny": _money(profit * 0.05 * random.uniform(0.5, 1.5, sales.shape)),
        "arrears_cny": _money(np.maximum(arrears, _money(payable) - _money(payable - unpaid))),
        "lag": lag,
    }


def tax_deliveries(block: Block) -> Iterator[Delivery]:
    """Monthly filings; who files after the delivery stands there without amounts and follows a month later."""
    columns = _tax_columns(block)
    covered = _covered(block, TAX_COVERAGE, 13)
    months = block.paths.months[block.first_column :]
    pending: pa.Table | None = None
    for offset, period in enumerate(months):
        rows = np.flatnonzero(covered[:, offset])
        due, day = _due_day(period), delivered_on(TAX, period)
        filed = due + columns["lag"][rows, offset].astype("timedelta64[D]")
        is_open = filed > np.datetime64(day)
        table = _monthly_table(
            block, rows, offset, {key: values for key, values in columns.items() if key != "lag"}
        )
        table = table.append_column("due_on", pa.array(np.full(len(rows), due), pa.date32()))
        table = table.append_column("filed_on", pa.array(filed.astype("datetime64[D]"), pa.date32()))
        yield Delivery(TAX, day, _blank_unfiled(table, is_open))
        if pending is not None and pending.num_rows:
            yield Delivery(TAX, day, pending, CORRECTION_TAG)
        pending = table.filter(pa.array(is_open))


def _blank_unfiled(table: pa.Table, is_open: Flags) -> pa.Table:
    """Leave what the tax office knows of those who have not filed: that they have not."""
    for name in (
        "taxable_sales_cny",
        "vat_payable_cny",
        "vat_paid_cny",
        "cit_paid_cny",
        "arrears_cny",
        "filed_on",
    ):
        column = pa.array(table[name].to_numpy(), table[name].type, mask=is_open)
        table = table.set_column(table.column_names.index(name), name, column)
    return table


def _monthly_table(
    block: Block, rows: npt.NDArray[np.int64], offset: int, columns: dict[str, Panel]
) -> pa.Table:
    """Identity, period and one column of each panel."""
    names = block.names_at(block.first_column + offset)
    data: dict[str, pa.Array] = {
        "uscc": pa.array(block.people.uscc[rows], pa.string()),
        "name": pa.array(names[rows], pa.string()),
        "period": pa.array(
            np.full(len(rows), block.paths.months[block.first_column + offset], dtype=np.int32)
        ),
    }
    for key, values in columns.items():
        column = values[rows, offset]
        is_count = key.endswith(("count", "headcount"))
        data[key] = pa.array(column.astype(np.int64) if is_count else column, from_pandas=not is_count)
    return pa.table(data)


def _deliver_panels(
    block: Block, contract_id: str, columns: dict[str, Panel], covered: Flags, backfill: int
) -> Iterator[Delivery]:
    months = block.paths.months[block.first_column :]
    for group in group_periods(months, backfill):
        tables = [
            _monthly_table(
                block, np.flatnonzero(covered[:, months.index(month)]), months.index(month), columns
            )
            for month in group
        ]
        yield Delivery(contract_id, delivered_on(contract_id, group[-1]), pa.concat_tables(tables))


def invoice_deliveries(block: Block) -> Iterator[Delivery]:
    """Monthly invoice summaries: issued, received, voided, reversed, customers and how concentrated they are."""
    random = block.random(14)
    sales = block.recent(block.paths.sales)
    health = block.recent(block.paths.health)
    shape = sales.shape
    out = sales * random.normal(0.98, 0.04, shape)
    ticket = 10 ** random.uniform(3.6, 4.8, (shape[0], 1))
    count = np.maximum(np.ceil(out / ticket), 1)
    concentration = _sigmoid(random.normal(-1.2, 0.8, (shape[0], 1)) - 0.35 * health)
    top = np.clip(concentration * random.uniform(0.85, 1.15, shape), 0.02, 0.95)
    top5 = np.clip(top + (1 - top) * random.uniform(0.2, 0.7, shape), top, 1.0)
    customers = np.minimum(np.maximum(np.round(count**0.7 * (1.2 - top)), 1), count)
    is_shell = np.isin(
        block.people.ring, [ring for ring, kind in block.people.ring_kinds.items() if kind == "shell"]
    )
    cost = np.where(is_shell[:, None], 0.99, random.uniform(0.45, 0.9, (shape[0], 1)))
    incoming = sales * cost * random.normal(1, 0.15, shape).clip(0.3, 2)
    in_count = np.maximum(np.ceil(incoming / ticket / 0.8), 1)
    void_share = _sigmoid(random.normal(-3.4, 0.45, shape) - 0.6 * health + 1.2 * is_shell[:, None])
    reversed_share = np.where(
        random.random(shape) < 0.25, _sigmoid(random.normal(-3.2, 0.8, shape) - 0.5 * health), 0
    )
    columns: dict[str, Panel] = {
        "out_amount_cny": _money(out),
        "out_count": count,
        "out_void_count": np.minimum(random.poisson(np.minimum(count, 1e6) * void_share), count),
        "out_red_amount_cny": _money(-out * reversed_share),
        "in_amount_cny": _money(incoming),
        "in_count": in_count,
        "customer_count": customers,
        "supplier_count": np.minimum(np.maximum(np.round(in_count**0.6), 1), in_count),
        "top_customer_amount_cny": _money(out * np.where(customers == 1, 1, top)),
        "top5_customer_amount_cny": _money(out * np.where(customers <= 5, 1, top5)),
    }
    covered = _covered(block, INVOICE_COVERAGE, 15) & (sales > 3_000)
    yield from _deliver_panels(block, INVOICE, columns, covered, 3)


def insurance_deliveries(block: Block) -> Iterator[Delivery]:
    """Social insurance per month: heads, base, due and paid."""
    random = block.random(16)
    heads = headcounts(block)
    wage = random.lognormal(8.62, 0.16, (len(heads), 1)) * random.normal(1, 0.01, heads.shape)
    base = _money(heads * wage)
    due = _money(base * 0.258)
    behind = _spells(block, random, 0.9, 2.4)
    paid = _money(due * np.where(behind, random.uniform(0, 0.8, heads.shape), 1.0))
    columns: dict[str, Panel] = {
        "insured_headcount": heads,
        "contribution_base_cny": base,
        "contribution_due_cny": due,
        "contribution_paid_cny": paid,
    }
    covered = _covered(block, INSURANCE_COVERAGE, 17) & (heads >= 1)
    covered &= (block.people.legal_form != "个体工商户")[:, None]
    yield from _deliver_panels(block, INSURANCE, columns, covered, 3)


def utility_deliveries(block: Block) -> Iterator[Delivery]:
    """Electricity, water and gas per month, in step with output; shells use next to none."""
    random = block.random(18)
    sales = block.recent(block.paths.sales)
    intensity = block.people.profile_column("kwh_per_wan") * random.lognormal(0, 0.4, len(sales))
    is_shell = np.isin(
        block.people.ring, [ring for ring, kind in block.people.ring_kinds.items() if kind == "shell"]
    )
    intensity = np.where(is_shell, intensity * 0.03, intensity)
    electricity: Panel = sales / 1e4 * intensity[:, None] * random.lognormal(0, 0.09, sales.shape) + 60
    water = (
        electricity * random.lognormal(-3.6, 0.5, (len(sales), 1)) * random.lognormal(0, 0.15, sales.shape)
    )
    burns = np.isin(np.char.array([code[0] for code in block.people.industry_code]), ["C", "H"])
    burns &= random.random(len(sales)) < 0.4
    gas: Panel = np.where(burns[:, None], electricity * 0.12 * random.lognormal(0, 0.2, sales.shape), np.nan)
    behind = _spells(block, random, 0.6, 2.2)
    columns: dict[str, Panel] = {
        "electricity_kwh": _tenths(electricity),
        "water_m3": _tenths(water),
        "gas_m3": _tenths(gas),
        "arrears_cny": _money(
            np.where(behind, electricity * 0.65 * random.uniform(0.3, 2.5, sales.shape), 0)
        ),
    }
    share = np.where(
        block.people.profile_column("kwh_per_wan") >= 20, UTILITY_COVERAGE + 0.2, UTILITY_COVERAGE - 0.3
    )
    covered = _covered(block, share, 19)
    accounts = np.array(
        [f"43{serial * 7919 % 10**8:08d}" for serial in block.people.serial.tolist()], dtype=object
    )
    for delivery in _deliver_panels(block, UTILITY, columns, covered, 3):
        owner = dict(zip(block.people.uscc.tolist(), accounts.tolist(), strict=True))
        numbers = pa.array([owner[code] for code in delivery.rows["uscc"].to_pylist()], pa.string())
        table = delivery.rows.append_column("account_no", numbers)
        yield Delivery(UTILITY, delivery.delivered_on, table)
