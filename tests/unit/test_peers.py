"""Peer groups: who is compared with whom, where a value stands, and that nobody is compared with too few."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest

from rongqiao.indicators import peers
from rongqiao.indicators.peers import PEER_SERIES, PEERS, write_peers
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.kernel.identifiers import complete_uscc
from rongqiao.lake.tables import Lake
from rongqiao.rules.peer_groups import KNOTS, MEDIAN, find_percentile, find_standing, peer_keys

AS_OF, KNOWN_AT = 202610, dt.date(2026, 11, 20)
SALES, VOID, AGE = "tax_taxable_sales_sum_m12_cny", "invoice_void_m12_ratio", "registration_age_months"
RISING = tuple(10 * share for share in KNOTS)


@pytest.mark.parametrize(
    ("section", "size", "county", "expected"),
    [
        ("C", "small", "430102", ["C.small.430102", "C.small.4301", "C.small.43", "C.all.43"]),
        ("C", None, "430102", ["C.all.430102", "C.all.4301", "C.all.43"]),
        (None, "small", "430102", []),
        ("C", "small", None, []),
    ],
)
def test_groups_become_coarser_and_unknown_is_no_size(section, size, county, expected):
    assert [key.id for key in peer_keys(section, size, county)] == expected


@pytest.mark.parametrize(
    ("value", "knots", "expected"),
    [
        (5.0, RISING, 0.5),
        (4.5, RISING, 0.45),
        (0.2, RISING, 0.05),
        (99.0, RISING, 0.95),
        (0.0, (0.0,) * 11, 0.5),  # all level: nobody stands out
        (0.0, (*(0.0,) * 10, 3.0), 0.4),  # level with the lowest 80 %
        (1.0, (*(0.0,) * 10, 1.0), 0.95),
        (7.0, (*(0.0,) * 8, 7.0, 7.0, 7.0), 0.875),
    ],
)
def test_percentile_counts_half_of_the_ties(value, knots, expected):
    assert find_percentile(value, knots) == pytest.approx(expected)


def test_percentile_refuses_other_knots():
    with pytest.raises(InvalidValueError, match="11"):
        find_percentile(1.0, [1.0, 2.0])


@pytest.mark.parametrize(
    ("direction", "expected"),
    [("higher_better", 0.9), ("lower_better", 0.1), ("u_shaped", 0.2), ("neutral", None)],
)
def test_standing_respects_the_direction(direction, expected):
    assert find_standing(0.9, direction) == (None if expected is None else pytest.approx(expected))


def draw(root, *, groups, known=None):
    """Lay a lake: ``groups`` are (county, industry, members); the first ``known`` members have a value, rising from 1."""
    lake, register, computed = Lake(root), [], []
    for place, (county, industry, members) in enumerate(groups):
        for number in range(members):
            code = complete_uscc(f"91{county}MA4L{place:02d}{number:03d}")
            register.append(
                {
                    "enterprise_id": code,
                    "status": "存续",
                    "legal_form": "有限责任公司",
                    "industry_code": industry,
                    "county_code": county,
                    "registered_capital_cny": None,
                    "established_on": dt.date(2018, 5, 1),
                    "known_at": dt.date(2026, 1, 10),
                }
            )
            is_known = known is None or number < known
            computed.append(
                {
                    "enterprise_id": code,
                    "as_of": AS_OF,
                    "known_at": KNOWN_AT,
                    SALES: float(number + 1) if is_known else None,
                    f"{SALES}__status": "ok" if is_known else "missing",
                    # Stale values are old ones: they say nothing about peers now.
                    VOID: 0.5,
                    f"{VOID}__status": "stale",
                    "finance_employees_y1_count": None,
                    "finance_employees_y1_count__status": "missing",
                }
            )
    types = {"established_on": pa.date32(), "known_at": pa.date32()}
    types |= {"registered_capital_cny": pa.decimal128(18, 2)}
    schema = pa.schema({name: types.get(name, pa.string()) for name in register[0]})
    lake.replace("published/enterprises", pa.Table.from_pylist(register, schema))
    kinds = {"as_of": pa.int32(), "known_at": pa.date32()}
    wide = pa.schema(
        {
            name: kinds.get(name, pa.string() if name.endswith(("_id", "__status")) else pa.float64())
            for name in computed[0]
        }
    )
    lake.append("analytics/indicators", pa.Table.from_pylist(computed, wide), transaction="drawn")
    return lake


def groups_of(lake, indicator=SALES):
    rows = lake.read(PEERS).to_pylist() if lake.exists(PEERS) else []
    return {row["group_id"]: row for row in rows if row["indicator_id"] == indicator}


def test_thirty_make_a_group_and_twenty_nine_are_told_of_one_level_up(tmp_path):
    lake = draw(tmp_path, groups=[("430102", "C3071", 30), ("430103", "C3071", 29), ("430203", "F5211", 29)])
    assert write_peers(lake, as_of=AS_OF, known_at=KNOWN_AT)
    found = groups_of(lake)
    assert {name: row["members"] for name, row in found.items()} == {
        "C.all.430102": 30,
        "C.all.4301": 59,
        "C.all.43": 59,
    }
    row = found["C.all.430102"]
    assert (row["known_count"], row["section"], row["size_class"], row["region_code"]) == (
        30,
        "C",
        "all",
        "430102",
    )
    assert row["knots"][MEDIAN] == 15.5
    # Neither the least nor the greatest value, which would be one enterprise's.
    assert (row["knots"][0], row["knots"][-1]) == (pytest.approx(3.9), pytest.approx(27.1))
    assert not write_peers(lake, as_of=AS_OF, known_at=KNOWN_AT), "kept once"


def test_members_without_an_ok_value_do_not_count_for_the_indicator(tmp_path):
    lake = draw(tmp_path, groups=[("430102", "C3071", 31)], known=29)
    write_peers(lake, as_of=AS_OF, known_at=KNOWN_AT)
    row = groups_of(lake)["C.all.430102"]
    assert (row["members"], row["known_count"], row["knots"]) == (31, None, None)
    assert groups_of(lake, VOID)["C.all.430102"]["knots"] is None


def test_too_few_everywhere_keep_nothing(tmp_path):
    lake = draw(tmp_path, groups=[("430102", "C3071", 29), ("430102", "F5211", 29)])
    assert not write_peers(lake, as_of=AS_OF, known_at=KNOWN_AT)
    assert not lake.exists(PEERS)


def test_the_portions_do_not_show(tmp_path, monkeypatch):
    whole = draw(tmp_path / "whole", groups=[("430102", "C3071", 40)])
    write_peers(whole, as_of=AS_OF, known_at=KNOWN_AT)
    monkeypatch.setattr(peers, "VALUES_AT_ONCE", 1)
    parts = draw(tmp_path / "parts", groups=[("430102", "C3071", 40)])
    write_peers(parts, as_of=AS_OF, known_at=KNOWN_AT)
    assert whole.digest(PEERS) == parts.digest(PEERS)
    assert not whole.exists(PEER_SERIES), "no series was delivered"
