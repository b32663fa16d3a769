"""Places that several web tests share; a module that needs its own defines it under the same name."""

import pytest

from tests.web.market_place import Market


@pytest.fixture
def market(tmp_path, db):
    return Market(tmp_path / "market")
