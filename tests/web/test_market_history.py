"""The market's past: brought in once, seen by whom it concerns, told back as a department's delivery."""

import datetime as dt
import json

import pytest

from rongqiao.accounts.models import Consent
from rongqiao.accounts.scope import scoped, system_scope
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.kernel.identifiers import complete_uscc
from rongqiao.platforms.financing import selectors, services
from rongqiao.platforms.financing.feedback import export_feedback
from rongqiao.platforms.financing.figures import market_figures
from rongqiao.platforms.financing.history import complete_history, import_history
from rongqiao.platforms.financing.models import Application, Demand, Loan, LoanEvent, Match, Push, Quote, Take
from tests.web.market_history import write_history
from tests.web.market_place import NOW, OTHER_USCC, USCC, Market, add_enterprise, write_lines

pytestmark = pytest.mark.django_db

PRODUCTS = [("P01", "B01"), ("P02", "B02")]


@pytest.fixture
def market(tmp_path):
    return Market(tmp_path / "market")


@pytest.fixture
def folder(market, tmp_path):
    folder = tmp_path / "past"
    folder.mkdir()
    return write_history(folder, enterprises=[USCC, OTHER_USCC], products=PRODUCTS)


def count(model):
    with system_scope() as scope:
        return model.objects.for_scope(scope).count()


def test_import_twice_changes_nothing(folder):
    first = import_history(folder=folder)
    assert first["demands"] == 30
    assert first["takes"] == first["quotes"] == 40
    assert first["loans"] == count(Loan) == 10
    assert first["instalments"] == 120
    assert first["events"] == count(LoanEvent)
    assert set(import_history(folder=folder).values()) == {0}
    assert (count(Demand), count(Quote), count(Take), count(Push)) == (30, 40, 40, 60)


def test_refused_quote_gives_room_for_another(folder):
    import_history(folder=folder)
    with system_scope() as scope:
        refused = Application.objects.for_scope(scope).filter(status="refused").select_related("quote__take")
        assert {(a.quote.status, a.quote.take.status, a.refusal_reason) for a in refused} == {
            ("refused", "released", "high_debt")
        }
        demand = Demand.objects.for_scope(scope).get(quotes__application=refused[0], quotes__status="refused")
        assert (demand.status, demand.takes_count, demand.quotes_count) == ("published", 0, 2)


def test_each_sees_its_own(folder, market):
    import_history(folder=folder)
    with scoped(market.owner):
        mine = list(selectors.list_loans(market.owner))
        assert {loan.uscc for loan in mine} == {USCC}
    with scoped(market.rival):
        assert selectors.list_loans(market.rival).count() == 0
        assert {q.institution_id for q in selectors.list_quotes(market.rival)} == {
            market.rival.organisation_id
        }
    with scoped(market.official):
        assert selectors.list_loans(market.official).count() == 10


def test_open_demands_are_matched_and_consented(folder, market):
    import_history(folder=folder)
    now = dt.datetime(2025, 11, 20, tzinfo=dt.UTC)
    with scoped(market.officer):
        items = selectors.bank_inbox(market.officer, now)
        assert items
        assert {item.best_match.outcome for item in items} == {"met"}
        assert Consent.objects.for_scope(market.officer).exists()
    assert [item.deadline for item in items] == sorted(item.deadline for item in items)


def test_clocks_end_the_past_and_do_not_reopen_it(folder):
    import_history(folder=folder)
    services.expire_due(now=NOW)
    with system_scope() as scope:
        assert (
            not Demand.objects.for_scope(scope).filter(status__in=["published", "taken", "quoted"]).exists()
        )
    assert set(services.expire_due(now=NOW).values()) == {0}


def test_broken_reference_names_the_line_and_nothing_lands(folder):
    rows = [json.loads(line) for line in (folder / "applications.jsonl").read_text().splitlines()]
    rows[2]["quote_id"] = "nobody"
    write_lines(folder / "applications.jsonl", rows)
    with pytest.raises(InvalidValueError, match=r"applications\.jsonl 第 3 行"):
        import_history(folder=folder)
    assert count(Demand) == 0


def test_feedback_replays_each_month_end(folder, tmp_path):
    import_history(folder=folder)
    path = export_feedback(folder=tmp_path / "out", known_at=dt.date(2026, 11, 20))
    assert path.relative_to(tmp_path / "out").as_posix() == "platform.loan_performance/2026-11-20.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    keys = [(line["loan_no"], line["reported_on"]) for line in lines]
    assert len(keys) == len(set(keys)) == len(lines) > 100
    for line in lines:
        assert line["drawn_on"] <= line["reported_on"] <= "2026-10-31"
        assert 0 <= float(line["outstanding_cny"]) <= float(line["principal_cny"])
        assert (line["overdue_days"] > 90) <= (line["five_class"] in ("substandard", "doubtful", "loss"))
    assert {line["five_class"] for line in lines} >= {"normal", "special_mention", "substandard"}
    again = export_feedback(folder=tmp_path / "again", known_at=dt.date(2026, 11, 20))
    assert again.read_bytes() == path.read_bytes()


def test_feedback_knows_nothing_of_later_days(folder, tmp_path):
    import_history(folder=folder)
    early = export_feedback(folder=tmp_path, known_at=dt.date(2025, 12, 31)).read_text(encoding="utf-8")
    assert early.count("\n") == 16
    assert '"overdue_days": 0' in early
    assert "2026-" not in early.replace('"maturity_on": "2026-', "")


def test_public_figures_hide_small_cells(market, folder):
    assert market_figures()["demands"] == 0
    assert market_figures()["average_rate_ratio"] is None
    market.loan()
    few = market_figures()
    assert (few["demands"], few["loans"], few["average_rate_ratio"]) == (None, None, None)
    import_history(folder=folder)
    figures = market_figures()
    assert (figures["demands"], figures["loans"]) == (31, 11)
    assert figures["taken_share_ratio"] == pytest.approx(21 / 31)
    # Two enterprises stand behind eleven loans.
    assert figures["enterprises"] is None


def test_history_before_the_register_is_completed_later(folder):
    unknown = complete_uscc("91430321MA4L00003")
    write_history(folder, enterprises=[unknown], products=PRODUCTS)
    import_history(folder=folder)
    with system_scope() as scope:
        demand = Demand.objects.for_scope(scope).filter(status="published")[0]
        assert (demand.enterprise_name, demand.region_code) == (unknown, "430321")
        assert not Match.objects.for_scope(scope).exists()
    add_enterprise(unknown, "韶山文旅有限公司", "430382", {"age_months": 30, "tax_grade_now": "B"})
    with system_scope() as scope:
        counts = complete_history(scope=scope)
        demand.refresh_from_db()
        assert (demand.enterprise_name, demand.region_code) == ("韶山文旅有限公司", "430382")
        assert {loan.region_code for loan in Loan.objects.for_scope(scope)} == {"430382"}
        assert {loan.enterprise_name for loan in Loan.objects.for_scope(scope)} == {"韶山文旅有限公司"}
        assert Match.objects.for_scope(scope).filter(demand=demand, outcome="met").count() == 2
        assert counts["named"] > counts["matches"] > 0
        assert complete_history(scope=scope) == {"named": 0, "matches": 0}
