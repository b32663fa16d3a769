"""Twelve institutions grab one demand at once; two people accept at once: limits hold, nothing is doubled."""

import threading
from decimal import Decimal

import pytest
from django.db import connections

from rongqiao.accounts.models import Organisation
from rongqiao.accounts.scope import scope_of, system_scope
from rongqiao.kernel.errors import RongqiaoError
from rongqiao.platforms.financing import services
from rongqiao.platforms.financing.models import Application, Demand, Push, Quote, Take
from tests.web.market_place import Market, institution, person, product, write_market

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]

BANKS = 12
LIMIT = 5


class CrowdedMarket(Market):
    """A market with twelve institutions, each with a product that fits."""

    def __init__(self, folder):
        banks = [institution(f"B{n:02d}", f"示范银行{n}") for n in range(1, BANKS + 1)]
        products = [product(f"P{n:02d}", f"B{n:02d}") for n in range(1, BANKS + 1)]
        write_market(folder, institutions=banks, products=products)
        super().__init__(folder, keep_files=True)
        crowd = Organisation.objects.filter(kind="institution").order_by("institution__code")
        self.crowd = [scope_of(person(each, "bank_officer", f"officer-{each.pk}")) for each in crowd]


def run_at_once(jobs):
    """Start all jobs together, each on a connection of its own; return what each gave or raised."""
    barrier = threading.Barrier(len(jobs))
    results = [None] * len(jobs)

    def run(position, job):
        try:
            barrier.wait()
            results[position] = job()
        except RongqiaoError as error:
            results[position] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert not any(thread.is_alive() for thread in threads), "a thread waits for ever: deadlock"
    return results


@pytest.fixture
def market(tmp_path):
    return CrowdedMarket(tmp_path / "market")


def test_five_of_twelve_get_the_demand(market):
    demand = market.publish()
    with system_scope() as scope:
        assert Push.objects.for_scope(scope).filter(demand=demand).count() == BANKS
    results = run_at_once([lambda bank=bank: market.take(bank, demand) for bank in market.crowd])
    assert sum(isinstance(result, Take) for result in results) == LIMIT
    refusals = [str(result) for result in results if isinstance(result, RongqiaoError)]
    assert len(refusals) == BANKS - LIMIT
    assert all("名额已满" in refusal for refusal in refusals)
    with system_scope() as scope:
        stored = Demand.objects.for_scope(scope).get(pk=demand.pk)
        takes = Take.objects.for_scope(scope).filter(demand=demand)
        assert (stored.takes_count, takes.count()) == (LIMIT, LIMIT)
        assert takes.values("institution_id").distinct().count() == LIMIT


def test_one_institution_grabbing_twice_at_once_gets_one(market):
    demand = market.publish()
    bank = market.crowd[0]
    results = run_at_once([lambda: market.take(bank, demand) for _ in range(4)])
    assert sum(isinstance(result, Take) for result in results) == 1
    with system_scope() as scope:
        assert Demand.objects.for_scope(scope).get(pk=demand.pk).takes_count == 1


def test_two_acceptances_at_once_make_one_application(market):
    demand = market.publish()
    quotes = [
        market.quote(bank, market.take(bank, demand), product_code=f"P{n:02d}")
        for n, bank in enumerate(market.crowd[:3], start=1)
    ]
    results = run_at_once([lambda quote=quote: market.accept(quote) for quote in [*quotes, *quotes]])
    assert sum(isinstance(result, Application) for result in results) == 1
    with system_scope() as scope:
        assert Application.objects.for_scope(scope).count() == 1
        found = Quote.objects.for_scope(scope).filter(demand=demand)
        assert sorted(found.values_list("status", flat=True)) == ["accepted", "closed", "closed"]
        winner = found.get(status="accepted")
        assert Take.objects.for_scope(scope).get(pk=winner.take_id).status == "won"


def test_grabs_quotes_and_clocks_together_do_not_deadlock(market):
    demand = market.publish()
    takes = [market.take(bank, demand) for bank in market.crowd[:3]]
    late = takes[0].quote_due_at

    def quote(n):
        return market.quote(
            market.crowd[n], takes[n], product_code=f"P{n + 1:02d}", amount_cny=Decimal(900_000)
        )

    jobs = [lambda n=n: quote(n) for n in range(3)]
    jobs += [lambda: services.expire_due(now=late) for _ in range(3)]
    run_at_once(jobs)
    with system_scope() as scope:
        stored = Demand.objects.for_scope(scope).get(pk=demand.pk)
        alive = Take.objects.for_scope(scope).filter(demand=demand, status__in=["active", "quoted"]).count()
        open_quotes = Quote.objects.for_scope(scope).filter(demand=demand, status="submitted").count()
        assert stored.takes_count == alive == open_quotes
