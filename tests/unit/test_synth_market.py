"""The synthetic market holds together."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from decimal import Decimal
from functools import cache

from rongqiao.contracts.catalog import code_list, lpr
from rongqiao.rules.criteria import facts_used, parse_criteria
from rongqiao.rules.transitions import LIFECYCLES
from rongqiao.synth.block import build_block
from rongqiao.synth.market.history import History, play_history
from rongqiao.synth.market.institutions import make_institutions
from rongqiao.synth.market.policies import make_policies
from rongqiao.synth.market.products import make_products

END = "2026-11-20"
FACTS = {
    "age_months", "county_code", "industry_section", "industry_code", "size_class", "grade", "score",
    "tax_taxable_sales_sum_m12_cny", "tax_taxable_sales_yoy_m12_ratio", "tax_grade_now", "tax_arrears_open_cny",
    "invoice_void_m12_ratio", "social_insured_headcount_avg_m3_count", "judicial_dishonest_open_count",
    "judicial_executed_open_count", "regulatory_serious_penalty_m36_count", "registration_abnormal_open_flag",
    "ip_invention_valid_count", "title_high_tech_flag", "title_srdi_flag", "finance_debt_ratio",
    "utility_electricity_yoy_m12_ratio",
}  # fmt: skip


@cache
def history() -> History:
    return play_history(build_block(0, 4_000, seed=43, as_of=202610, window=26), make_products(), 24)


def test_counts_of_institutions_products_and_policies() -> None:
    institutions, products, policies = make_institutions(), make_products(), make_policies()
    assert len(institutions) == len({row["code"] for row in institutions}) == 28
    assert (
        len(products)
        == len({row["code"] for row in products})
        == len({row["name"] for row in products})
        == 156
    )
    assert sum(row["is_synthetic"] for row in policies) >= 30
    assert all("示范" in row["name"] and row["is_synthetic"] for row in institutions)
    assert all(row["source_url"] for row in policies if not row["is_synthetic"])
    assert all("示例" in row["title"] for row in policies if row["is_synthetic"])


def test_products_speak_the_codes_of_the_catalogue() -> None:
    lists = {
        "guarantee_kinds": "guarantee_kinds",
        "repayment_methods": "repayment_methods",
        "purposes": "loan_purposes",
    }
    for product in make_products():
        assert product["kind"] in code_list("product_kinds").codes
        for field, name in lists.items():
            assert set(product[field]) <= set(code_list(name).codes)
        assert Decimal(product["min_amount_cny"]) < Decimal(product["max_amount_cny"])
        assert 0 < Decimal(product["rate_min_ratio"]) < Decimal(product["rate_max_ratio"]) < Decimal("0.2")
        assert len(product["code"]) <= 20
        assert len(product["summary"]) <= 200
    assert {row["kind"] for row in make_institutions()} <= set(code_list("institution_kinds").codes)


def test_criteria_parse_and_read_known_facts_only() -> None:
    for record in (*make_products(), *make_policies()):
        assert facts_used(parse_criteria(record["criteria"])) <= FACTS


def test_history_is_referentially_whole() -> None:
    market = history()
    demands = {row["id"] for row in market.demands}
    quotes = {row["id"]: row for row in market.quotes}
    applications = {row["id"]: row for row in market.applications}
    loans = {row["id"] for row in market.loans}
    products = {row["code"]: row for row in make_products()}
    assert len(demands) == len(market.demands)
    assert {row["demand_id"] for row in market.quotes} <= demands
    assert {row["quote_id"] for row in market.applications} <= set(quotes)
    assert {row["application_id"] for row in market.loans} <= set(applications)
    assert {row["loan_id"] for row in market.loan_events} <= loans
    for quote in market.quotes:
        product = products[quote["product_code"]]
        assert quote["institution_code"] == product["institution_code"]
        assert (
            Decimal(product["rate_min_ratio"])
            <= Decimal(quote["rate_ratio"])
            <= Decimal(product["rate_max_ratio"])
        )
        assert Decimal(quote["amount_cny"]) <= Decimal(product["max_amount_cny"])
        base = lpr(quote["lpr_tenor"], dt.date.fromisoformat(quote["quoted_on"]))
        assert Decimal(quote["rate_ratio"]) == base + Decimal(quote["spread_bp"]) / 10_000
    assert all(quotes[row["quote_id"]]["status"] in ("accepted", "refused") for row in market.applications)
    per_demand = Counter((row["demand_id"], row["institution_code"]) for row in market.quotes)
    assert set(per_demand.values()) == {1}
    assert max(Counter(row["demand_id"] for row in market.quotes).values()) <= 4


def test_states_and_reasons_are_those_of_the_rules() -> None:
    market = history()
    for name, rows in (
        ("demand", market.demands),
        ("quote", market.quotes),
        ("application", market.applications),
        ("loan", market.loans),
    ):
        known = {state for pair in LIFECYCLES[name].items() for state in (pair[0][0], pair[1])}
        assert {row["status"] for row in rows} <= known
    reasons = {row["refusal_reason"] for row in market.applications if row["status"] == "refused"}
    assert reasons <= set(code_list("refusal_reasons").codes)
    assert all(row["refusal_reason"] is None for row in market.applications if row["status"] == "contracted")


def test_nothing_happens_after_the_end() -> None:
    market = history()
    assert max(row["known_on"] for row in market.loan_events) <= END
    assert max(row["published_on"] for row in market.demands) <= END
    assert max(row["quoted_on"] for row in market.quotes) <= END
    assert max(row["decided_on"] or "" for row in market.applications) <= END
    assert max(row["published_on"] for row in market.demands) >= "2026-11-01"
    assert all(row["effective_on"] <= row["known_on"] for row in market.loan_events)


def test_shares_are_those_of_a_living_market() -> None:
    market = history()
    asked = len(market.demands)
    assert 0.2 < asked / 4_000 < 0.35
    assert 0.6 < len({row["demand_id"] for row in market.quotes}) / asked < 0.8
    assert 0.45 < len(market.loans) / asked < 0.65
    assert 0.02 < sum(row["status"] == "defaulted" for row in market.loans) / len(market.loans) < 0.1
    assert 0.2 < sum(row["is_first_loan"] for row in market.loans) / len(market.loans) < 0.5


def test_repaid_principal_never_exceeds_and_settled_loans_are_whole() -> None:
    market = history()
    paid: dict[str, Decimal] = {}
    for event in market.loan_events:
        if event["kind"] == "repayment":
            paid[event["loan_id"]] = paid.get(event["loan_id"], Decimal(0)) + Decimal(event["principal_cny"])
    for loan in market.loans:
        principal = Decimal(loan["principal_cny"])
        repaid = paid.get(loan["id"], Decimal(0))
        assert repaid == principal if loan["status"] == "repaid" else repaid < principal


def test_default_follows_overdue_by_ninety_days() -> None:
    overdue: dict[str, str] = {}
    gaps = []
    for event in history().loan_events:
        if event["kind"] == "overdue":
            overdue[event["loan_id"]] = event["effective_on"]
        if event["kind"] == "default":
            days = dt.date.fromisoformat(event["effective_on"]) - dt.date.fromisoformat(
                overdue[event["loan_id"]]
            )
            gaps.append(days.days)
    assert gaps
    assert set(gaps) == {90}


def test_borrowers_in_default_were_weaker_before_they_asked() -> None:
    block = build_block(0, 4_000, seed=43, as_of=202610, window=26)
    market = play_history(block, make_products(), 24)
    asked = {row["id"]: row for row in market.demands}
    quotes = {row["id"]: row for row in market.quotes}
    applications = {row["id"]: row for row in market.applications}
    rows = {code: row for row, code in enumerate(block.people.uscc)}
    health: dict[bool, list[float]] = {True: [], False: []}
    for loan in market.loans:
        demand = asked[quotes[applications[loan["application_id"]]["quote_id"]]["demand_id"]]
        column = min(
            block.paths.column(int(demand["published_on"][:7].replace("-", ""))), len(block.paths.months) - 1
        )
        health[loan["status"] == "defaulted"].append(float(block.paths.health[rows[demand["uscc"]], column]))
    bad, good = (sum(values) / len(values) for values in (health[True], health[False]))
    assert bad < good - 0.5
