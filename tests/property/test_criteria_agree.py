"""One definition of criteria, three evaluations: for one enterprise, for all in the engine, and for all on arrays."""

from __future__ import annotations

import ibis
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rongqiao.kernel.decision import Outcome
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.rules.criteria import evaluate, facts_used, parse_criteria, to_expression
from rongqiao.rules.criteria_arrays import Column, decide

SCHEMA = pa.schema(
    [
        ("age_months", pa.int64()),
        ("finance_debt_ratio", pa.float64()),
        ("county_code", pa.string()),
        ("grade", pa.string()),
        ("title_srdi_flag", pa.float64()),
        ("is_listed", pa.bool_()),
    ]
)
NUMBERS = ["age_months", "finance_debt_ratio", "title_srdi_flag", "is_listed", "never_computed"]
REGIONS = ["43", "4301", "430102", "430281", "44"]
GRADES = ["AAA", "A", "B", "D"]
small = st.integers(-3, 40) | st.sampled_from([0.0, 0.5, 0.75, 1.0, 24.0])


def leaf(fact: str, op: str, value: object) -> dict[str, object]:
    return {"fact": fact, "op": op, "value": value, "text": "条件"}


number_leaves = st.builds(
    leaf, st.sampled_from(NUMBERS), st.sampled_from([">=", "<=", ">", "<", "==", "!="]), small
) | st.builds(
    leaf, st.sampled_from(NUMBERS), st.sampled_from(["in", "not_in"]), st.lists(small, min_size=1, max_size=3)
)
flag_leaves = st.builds(leaf, st.sampled_from(NUMBERS), st.sampled_from(["is_true", "is_false"]), st.none())
range_leaves = st.builds(
    leaf, st.sampled_from(NUMBERS), st.just("between"), st.lists(small, min_size=2, max_size=2).map(sorted)
)
text_leaves = (
    st.builds(leaf, st.just("grade"), st.sampled_from(["==", "!="]), st.sampled_from(GRADES))
    | st.builds(
        leaf,
        st.just("grade"),
        st.sampled_from(["in", "not_in"]),
        st.lists(st.sampled_from(GRADES), min_size=1, max_size=3),
    )
    | st.builds(
        leaf,
        st.just("county_code"),
        st.just("within_region"),
        st.lists(st.sampled_from(REGIONS), min_size=1, max_size=2),
    )
)
trees = st.recursive(
    number_leaves | flag_leaves | range_leaves | text_leaves,
    lambda inner: (
        st.fixed_dictionaries({"all": st.lists(inner, max_size=3)})
        | st.fixed_dictionaries({"any": st.lists(inner, min_size=1, max_size=3)})
        | st.fixed_dictionaries({"not": inner})
    ),
    max_leaves=8,
)
rows = st.lists(
    st.fixed_dictionaries(
        {
            "age_months": st.none() | st.integers(-3, 40),
            "finance_debt_ratio": st.none() | st.sampled_from([0.0, 0.5, 0.75, 1.0, float("nan")]),
            "county_code": st.none() | st.sampled_from(["430102", "430281", "440100"]),
            "grade": st.none() | st.sampled_from(GRADES),
            "title_srdi_flag": st.none() | st.sampled_from([0.0, 1.0]),
            "is_listed": st.none() | st.booleans(),
        }
    ),
    min_size=1,
    max_size=4,
)
NUMBER_OF = {Outcome.MET: 1, Outcome.UNKNOWN: 0, Outcome.UNMET: -1}
connection = ibis.duckdb.connect()


@settings(max_examples=60, deadline=None)
@given(tree=trees, facts=rows)
def test_one_equals_many(tree: dict[str, object], facts: list[dict[str, object]]) -> None:
    criteria = parse_criteria(tree)
    table = connection.create_table("facts", pa.Table.from_pylist(facts, schema=SCHEMA), overwrite=True)
    expression = to_expression(criteria, table)
    many = table.mutate(outcome=expression).to_pyarrow().column("outcome").to_pylist()
    one = [NUMBER_OF[evaluate(criteria, row, rule="r", version="1").outcome] for row in facts]
    assert many == one
    assert decide(criteria, as_columns(facts), len(facts)).tolist() == one


def as_columns(facts: list[dict[str, object]]) -> dict[str, Column]:
    columns = {}
    for field in SCHEMA:
        values = [row[field.name] for row in facts]
        if pa.types.is_string(field.type):
            words = ("", *dict.fromkeys(str(value) for value in values if value is not None), "never met")
            places = [0 if value is None else words.index(str(value)) for value in values]
            columns[field.name] = Column(np.array(places, "uint8"), words)
        else:
            numbers = [np.nan if value is None else float(value) for value in values]  # type: ignore[arg-type]
            columns[field.name] = Column(np.array(numbers, "float32"))
    return columns


def test_a_bound_that_half_the_bytes_cannot_hold_stays_exact_on_arrays() -> None:
    stored = np.float32(0.1)
    column = Column(np.array([stored]))
    for op in (">=", "<=", "==", ">"):
        criteria = parse_criteria(leaf("finance_debt_ratio", op, 0.1))
        one = evaluate(criteria, {"finance_debt_ratio": float(stored)}, rule="r", version="1").outcome
        assert decide(criteria, {"finance_debt_ratio": column}, 1).tolist() == [NUMBER_OF[one]]


@settings(max_examples=60, deadline=None)
@given(tree=trees, facts=rows)
def test_a_decided_outcome_never_changes_when_more_becomes_known(
    tree: dict[str, object], facts: list[dict[str, object]]
) -> None:
    criteria = parse_criteria(tree)
    full = facts[0]
    whole = evaluate(criteria, full, rule="r", version="1").outcome
    for name in facts_used(criteria):
        less = evaluate(criteria, {**full, name: None}, rule="r", version="1").outcome
        assert less in (whole, Outcome.UNKNOWN)


def test_reasons_say_what_is_missing_and_how_far() -> None:
    criteria = parse_criteria(
        {"all": [
            {"fact": "age_months", "op": ">=", "value": 24, "text": "开业满2年", "settles": "补充成立日期"},
            {"fact": "tax_taxable_sales_sum_m12_cny", "op": ">=", "value": 500000, "text": "年销售50万元以上"},
            {"fact": "grade", "op": "in", "value": ["AAA", "AA"], "text": "信用等级AA以上", "settles": "先取得评级"},
        ]}
    )  # fmt: skip
    decision = evaluate(
        criteria, {"age_months": 18, "tax_taxable_sales_sum_m12_cny": 380000.0}, rule="r", version="2"
    )
    assert decision.outcome is Outcome.UNMET
    assert [reason.settles for reason in decision.reasons] == ["还差 6 个月", "还差 12 万元", "先取得评级"]
    assert [reason.fact for reason in decision.missing] == ["grade"]
    assert (decision.rule, decision.version) == ("r", "2")


@pytest.mark.parametrize(
    ("broken", "path"),
    [
        ({"all": [{"fact": "x", "op": "~", "value": 1}]}, "criteria.all[0].op"),
        ({"any": []}, "criteria.any"),
        ({"all": [], "any": []}, "criteria"),
        ({"fact": "x", "op": "between", "value": [1]}, "criteria.value"),
        ({"not": {}}, "criteria.not"),
        ({"fact": "x", "op": "in", "value": [1, "a"]}, "criteria.value"),
        ({"fact": "x", "op": ">=", "value": 1, "colour": "red"}, "criteria"),
    ],
)
def test_errors_name_the_path(broken: dict[str, object], path: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        parse_criteria(broken)
    assert caught.value.thing == path


def test_text_against_number_is_the_callers_error_in_both() -> None:
    criteria = parse_criteria(leaf("grade", ">=", 3))
    with pytest.raises(InvalidValueError):
        evaluate(criteria, {"grade": "A"}, rule="r", version="1")
    with pytest.raises(InvalidValueError):
        to_expression(criteria, ibis.table({"grade": "string"}, name="t"))
