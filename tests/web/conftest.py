"""Places that several web tests share; a module that needs its own defines it under the same name."""

import pytest

from rongqiao.accounts.models import Organisation
from rongqiao.accounts.scope import scope_of, scoped, system_scope
from tests.web.intake_place import clerk_of, register_two
from tests.web.market_place import Market, person


@pytest.fixture
def market(tmp_path, db):
    return Market(tmp_path / "market")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Give the place of an installation with two registered enterprises."""
    return register_two(tmp_path, monkeypatch)


@pytest.fixture
def clerk(db):
    """Give a person who sends files for the tax department."""
    return clerk_of("taxation", "tax-clerk")


@pytest.fixture
def scope(clerk):
    """Give the scope of that person."""
    return scope_of(clerk)


@pytest.fixture
def tax_clerk(db):
    """Give the scope of a clerk of the tax department."""
    with system_scope():
        taxes = Organisation.objects.create(
            kind="department", name="税务局", region_code="43", department_code="taxation"
        )
        return scope_of(person(taxes, "department_clerk", "tax-clerk"))


@pytest.fixture
def interface_key(market, tax_clerk):
    """Give the bank a grant of the tax interface and a key with its secret."""
    from rongqiao.bases.enterprises.interfaces import services
    from tests.web.interface_calls import apply, review

    review(tax_clerk, apply(market.officer))
    with scoped(market.officer):
        return services.create_key(scope=market.officer, title="信贷系统")


@pytest.fixture
def tax_shelf(monkeypatch):
    """Serve two months of one enterprise, by breakers and limits that remember nothing."""
    from rongqiao.bases.enterprises.interfaces import answers, calls, limits
    from tests.web.interface_calls import Shelf

    def forget():
        calls.forget_breakers()
        limits.forget_spent()
        answers.forget_status()

    monkeypatch.setattr(answers, "store", Shelf)
    forget()
    yield
    forget()


@pytest.fixture
def officer(client, market):
    """Give a client that an officer of the bank has signed in with."""
    from tests.web.bank_pages import sign_in

    return sign_in(client, market.officer)
