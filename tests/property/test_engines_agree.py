"""One declaration, two engines: DuckDB with its array forms, and a Spark master with two workers, which run every expression themselves."""

from __future__ import annotations

import datetime as dt
import gc
import os
from itertools import cycle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from config.spark_cluster import standalone
from config.town import ENTERPRISES, publish_town
from rongqiao.contracts.standards import load_contract
from rongqiao.indicators import compute, load_indicators
from rongqiao.indicators.computation import select
from rongqiao.indicators.distributed import write_spans
from rongqiao.indicators.registry import THEMES, At
from rongqiao.indicators.series import STATISTICS
from rongqiao.lake.spark import spark_session
from rongqiao.lake.tables import Lake
from rongqiao.synth import town as synth_town

# PySpark closes the sockets, over which it fetches rows, by forgetting them.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
AT = At(202610, dt.date(2026, 11, 30))
#: Of every theme, and of every form: ten statistics, counts, amounts, flags, recency, medians, ranks, pairs, quotients of others.
CHOSEN = (
    *(name for name in load_indicators() if name.startswith("tax_taxable_sales_")),
    "tax_arrears_open_cny", "tax_grade_now_level", "tax_grade_trend_y2_level",
    "finance_debt_ratio", "finance_revenue_cagr2_ratio", "finance_profit_years_y3_count", "finance_sales_tax_vs_report_ratio",
    "invoice_mutual_trade_y1_ratio", "invoice_customer_tenure_months",
    "vat_customer_top5_m12_ratio", "vat_customer_new_m12_ratio", "vat_supplier_lost_top5_m36_count",
    "social_insured_headcount_avg_m3_count", "hpf_depositor_avg_m3_count", "hpf_arrears_open_months",
    "utility_electricity_arrears_last_months", "customs_export_gap_m24_months", "cashflow_balance_slope_m12_ratio",
    "judicial_dishonest_person_open_count", "judicial_dishonest_person_last_months",
    "regulatory_penalty_amount_m36_cny", "regulatory_safety_penalty_m12_count", "regulatory_penalty_last_months",
    "registration_abnormal_open_flag", "registration_abnormal_total_days", "profile_labour_credit_level",
    "registration_same_address_count", "registration_scope_length_count",
    "network_related_count", "assets_property_price_cny", "title_valid_count", "fiscal_subsidy_last_months",
    "financing_institution_open_count", "financing_rate_avg_ratio", "cross_insured_vs_fund_m3_ratio",
)  # fmt: skip
#: Share of rows of those who fell silent months ago.
SILENT = 0.9
#: Units in which nothing is rounded on the way.
EXACT = ("_count", "_flag", "_months", "_level", "_days")


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_CONF_DIR", str(Path(__file__).parent / "spark"))
        with standalone(tmp_path_factory.mktemp("cluster"), workers=2, memory="512m") as (master, _):
            opened = spark_session(master)
            yield opened
            opened.stop()
    gc.collect()


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    """Every example takes a part of the town, and spoils it."""
    lake = Lake(tmp_path_factory.mktemp("town"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(synth_town, "ENTERPRISES", 120)
        patch.setattr("config.town.load_indicators", lambda: select(CHOSEN))
        publish_town(lake, as_of=AT.as_of)
    return lake


def put(rows, name, values):
    return rows.set_column(rows.column_names.index(name), name, values)


def some(rows, random, share):
    return pa.array(random.random(rows.num_rows) < share, pa.bool_())


def spoiled(table, rows, random, kept, shares):
    """Leave rows out, some enterprises wholly; make items null; correct, announce late, and withdraw."""
    own = rows.column("enterprise_id").to_pylist()
    rows = rows.filter(pa.array([random.random() < kept.get(each, 0) for each in own], pa.bool_()))
    if table == ENTERPRISES or not rows.num_rows:
        return rows
    contract = load_contract(table.removeprefix("published/"))
    if contract.valid_kind == "month":
        own = rows.column("enterprise_id").to_pylist()
        is_silent = pa.array([kept[each] == SILENT for each in own], pa.bool_())
        is_recent = pc.greater(rows.column(contract.valid_on), AT.as_of - 5)
        rows = rows.filter(pc.invert(pc.and_(is_silent, is_recent)))
    fixed = {*contract.key, contract.valid_on, "enterprise_id", "known_at", "batch_id", "line"}
    free = [name for name in rows.column_names if name not in fixed]
    for name in free:
        null = pa.scalar(None, rows.column(name).type)
        rows = put(rows, name, pc.if_else(some(rows, random, shares["null"]), null, rows.column(name)))
    again = rows.filter(some(rows, random, shares["corrected"]))
    order = pa.array(random.permutation(again.num_rows), pa.int64())
    for name in free:
        again = put(again, name, again.column(name).take(order))
    days = random.integers(-3, 2, again.num_rows).tolist()
    later = [AT.known_at + dt.timedelta(days=day) for day in days]
    again = put(again, "known_at", pa.array(later, pa.date32()))
    again = put(again, "batch_id", pc.binary_join_element_wise("later", again.column("batch_id"), " "))
    every = pa.concat_tables([rows, again.cast(rows.schema)])
    gone = every.filter(some(every, random, shares["withdrawn"]))
    if gone.num_rows:
        gone = put(gone, "known_at", pa.repeat(pa.scalar(AT.known_at), gone.num_rows))
        gone = gone.append_column("withdrawn", pa.repeat(pa.scalar(True), gone.num_rows))
        every = pa.concat_tables(
            [every.append_column("withdrawn", pa.nulls(every.num_rows, pa.bool_())), gone]
        )
    return every


def by_spark(session, lake):
    files, _ = write_spans(session, lake, AT, "analytics/distributed", only=CHOSEN, span=15)
    assert [rows for _, rows in files][:-1] == [15] * (len(files) - 1)
    found = pa.concat_tables(pq.read_table(file) for file, _ in files)
    return found.cast(
        pa.schema([(f.name, pa.string() if pa.types.is_dictionary(f.type) else f.type) for f in found.schema])
    )


def assert_equal(expected, found):
    assert found.column_names == expected.column_names
    for name in expected.column_names:
        if name.endswith("__status") or name == "enterprise_id":
            assert found[name].to_pylist() == expected[name].to_pylist(), name
        elif name.endswith(EXACT):
            np.testing.assert_array_equal(found[name].to_numpy(), expected[name].to_numpy(), err_msg=name)
        elif name not in ("as_of", "known_at"):
            np.testing.assert_allclose(
                found[name].to_numpy(), expected[name].to_numpy(), rtol=1e-9, atol=1e-9, err_msg=name
            )


def test_what_is_compared_stands_for_all():
    chosen = select(CHOSEN).values()
    assert {item.theme for item in chosen} == set(THEMES)
    assert {name for name in STATISTICS if any(f"_{name}_" in item.id for item in chosen)} == set(STATISTICS)
    assert {item.source.grain for item in chosen} == {"series", "event", "latest", "derived"}
    assert any(item.source.is_across for item in chosen)


@settings(max_examples=1, deadline=None, phases=(Phase.explicit, Phase.generate))
@given(
    seed=st.integers(0, 2**32 - 1),
    shares=st.fixed_dictionaries(
        {
            "null": st.sampled_from([0.05, 0.3]),
            "corrected": st.sampled_from([0.02, 0.2]),
            "withdrawn": st.sampled_from([0.0, 0.03]),
        }
    ),
)
def test_engines_agree(session, town, tmp_path_factory, seed, shares):
    random = np.random.default_rng(seed)
    ids = town.read(ENTERPRISES, ["enterprise_id"]).column("enterprise_id").unique().sort().to_pylist()
    chosen = random.choice(ids, 40, replace=False).tolist()
    # Some with all their rows, some that fell silent, some with gaps, some with nothing but their entry in the register.
    kept = dict(zip(chosen, cycle([1.0, SILENT, 0.5, 0.0]), strict=False))
    # Whom the register does not know has rows nonetheless.
    strangers = dict.fromkeys(
        random.choice([each for each in ids if each not in kept], 5, replace=False).tolist(), 0.9
    )
    lake = Lake(tmp_path_factory.mktemp("lake"))
    wanted = {name for item in select(CHOSEN).values() for name in item.source.contracts}
    for table in (ENTERPRISES, *(f"published/{name}" for name in sorted(wanted))):
        share = dict.fromkeys(chosen, 1.0) if table == ENTERPRISES else kept | strangers
        lake.append(table, spoiled(table, town.read(table), random, share, shares), transaction=table)
    expected = compute(lake, as_of=AT.as_of, known_at=AT.known_at, only=CHOSEN)
    assert_equal(expected, by_spark(session, lake))
    statuses = {each for name in CHOSEN for each in expected[f"{name}__status"].unique().to_pylist()}
    assert statuses >= {"ok", "missing", "not_applicable", "stale"}
    assert os.listdir(lake.address("analytics/distributed")), "files are there for the caller to commit"
