"""Officials' figures: few queries, small cells hidden, other regions out of reach."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from rongqiao.accounts.models import Organisation
from rongqiao.accounts.scope import scope_of, scoped
from rongqiao.government import selectors
from rongqiao.government.disclosure import (
    cell_minimum,
    show_count,
    suppress,
    suppress_cells,
    suppress_measure,
)
from rongqiao.kernel.errors import InvalidValueError, NotAllowedError
from rongqiao.platforms.financing.history import import_history
from tests.web.market_history import write_history
from tests.web.market_place import OTHER_USCC, USCC, Market, person

MOST_QUERIES = 15


@pytest.fixture
def market(tmp_path, db):
    market = Market(tmp_path / "market")
    folder = tmp_path / "past"
    folder.mkdir()
    # Four of five demands are of Furong in Changsha, one of five of Liling in Zhuzhou.
    enterprises = [USCC, USCC, USCC, OTHER_USCC, USCC]
    import_history(
        folder=write_history(
            folder, enterprises=enterprises, products=[("P01", "B01"), ("P02", "B02")], demands=40
        )
    )
    return market


def overview(scope):
    with scoped(scope):
        return selectors.overview(scope)


def official(region):
    body = Organisation.objects.create(kind="government", name=f"政府{region}", region_code=region)
    return scope_of(person(body, "government_official", f"official-{region}"))


def figure(page, name):
    return next(each for each in page["figures"] if each.id == name)


def test_overview_of_the_province(market):
    page = overview(market.official)
    assert figure(page, "demands").value == 40
    assert figure(page, "demand_amount").value == 40 * 600_000
    assert figure(page, "loans").value == 13
    assert float(figure(page, "average_rate").value) == pytest.approx(0.04)
    assert figure(page, "demands").freshest_on == dt.date(2025, 12, 12)
    funnel = {step["id"]: step["value"] for step in page["funnel"]}
    assert [funnel[name] for name in ("posted", "taken", "quoted")] == [40, 26, 26]
    # Two enterprises: too few to be told.
    assert (funnel["registered"], funnel["authorised"]) == (None, None)
    cells = {cell["code"]: cell for cell in page["counties"]}
    assert len(cells) == 122
    assert cells["430102"]["demands"] == 32
    assert cells["430281"]["demands"] == 8
    assert (cells["430281"]["enterprises"], cells["430103"]["enterprises"]) == (None, 0)
    assert sum(row["demands"] or 0 for row in page["trend"]) == 40
    assert {row["name"] for row in page["institutions"]} == {"湘江示范银行", "岳麓示范银行"}
    assert all(0 < row["response_hours"] < 24 for row in page["institutions"])


def test_few_queries(market):
    with scoped(market.official), CaptureQueriesContext(connection) as queries:
        selectors.overview(market.official)
    assert len(queries) <= MOST_QUERIES, [q["sql"][:90] for q in queries]


def test_a_city_sees_its_own_region_alone(market):
    zhuzhou = official("4302")
    page = overview(zhuzhou)
    assert figure(page, "demands").value == 8
    assert {cell["code"][:4] for cell in page["counties"]} == {"4302"}
    with scoped(zhuzhou):
        assert selectors.county_overview(zhuzhou, "430281")["region_name"] == "醴陵市"
        with pytest.raises(NotAllowedError, match="不在您负责的区域内"):
            selectors.county_overview(zhuzhou, "430102")
        with pytest.raises(InvalidValueError):
            selectors.county_overview(zhuzhou, "439999")
        assert {cell["code"][:4] for cell in selectors.map_cells(zhuzhou)} == {"4302"}


def test_county_page_hides_few_loans_and_their_sum(market):
    with scoped(market.official):
        page = selectors.county_overview(market.official, "430281")
    loans, amount = figure(page, "loans").value, figure(page, "loan_amount").value
    assert (loans, amount) == (None, None)
    assert page["industries"] == [{"section": "C", "demands": 8}]


@pytest.mark.parametrize("who", ["owner", "officer", "risk"])
def test_others_are_refused(market, who):
    with pytest.raises(NotAllowedError):
        overview(getattr(market, who))


def test_threshold_is_the_catalogues():
    assert cell_minimum(dt.date(2026, 11, 23)) == 5
    assert show_count(None, threshold=5) == "<5"
    assert show_count(0, threshold=5) == "0"


@pytest.mark.parametrize(("count", "told"), [(0, 0), (1, None), (4, None), (5, 5), (None, None)])
def test_suppress(count, told):
    assert suppress(count, threshold=5) == told


def test_negative_count_is_broken_data():
    with pytest.raises(InvalidValueError):
        suppress(-1, threshold=5)


@pytest.mark.parametrize(("count", "told"), [(0, None), (4, None), (5, 1.5), (None, None)])
def test_suppress_measure(count, told):
    assert suppress_measure(1.5, count, threshold=5) == told


def test_lone_small_cell_takes_its_smallest_neighbour_along():
    cells = {"430102": 3, "430103": 9, "430104": 20, "430105": 0, "430202": 8, "430203": 0}
    told = suppress_cells(cells, threshold=5)
    assert told == {"430102": None, "430103": None, "430104": 20, "430105": 0, "430202": 8, "430203": 0}


counties = st.sampled_from([f"43{p:02d}{c:02d}" for p in (1, 2, 3) for c in range(1, 6)])


@given(cells=st.dictionaries(counties, st.integers(0, 12)), threshold=st.integers(2, 9))
def test_no_hidden_cell_can_be_derived_and_no_small_one_is_told(cells, threshold):
    told = suppress_cells(cells, threshold=threshold)
    for code, count in cells.items():
        assert told[code] in (None, count)
        assert told[code] is None or not 0 < count < threshold
    for prefecture in {code[:4] for code in cells}:
        group = [code for code in cells if code.startswith(prefecture)]
        hidden = [code for code in group if told[code] is None]
        others = [code for code in group if cells[code] and code not in hidden]
        assert len(hidden) != 1 or not others
