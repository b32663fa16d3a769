"""An enterprise is named only as far as the agreement in force covers what the list rests on, and lists have a length."""

from decimal import Decimal

import pytest

from rongqiao.accounts.scope import scoped
from rongqiao.kernel.errors import NotAllowedError
from rongqiao.platforms.financing.screening import selectors, services
from rongqiao.platforms.financing.screening.consents import refuse_to_be_found
from tests.web.market_place import NOW, USCC
from tests.web.screening_town import agree, publish_town, saved_list

pytestmark = pytest.mark.django_db


@pytest.fixture
def town(tmp_path, monkeypatch):
    monkeypatch.setenv("RONGQIAO_VAR", str(tmp_path / "var"))
    return publish_town(tmp_path / "var" / "screening")


def test_a_name_stays_hidden_when_the_new_agreement_leaves_out_what_the_list_rests_on(town, market):
    screening = saved_list(market, market.officer)
    agree(market, market.owner)
    market.act(services.hand_over, market.officer, list_id=screening.pk, now=NOW)
    screening.refresh_from_db()
    for classes, shown in (((), 0), (("social_insurance",), 0), (("tax", "social_insurance"), 1)):
        market.act(refuse_to_be_found, market.owner, now=NOW)
        agree(market, market.owner, classes=classes)
        with scoped(market.officer):
            rows, performance = selectors.list_named(market.officer, screening, NOW)
        assert (len(rows), performance.named, performance.withdrawn) == (shown, 1, 1 - shown)


def test_a_list_above_the_daily_limit_is_to_be_narrowed_not_to_wait(town, market, monkeypatch):
    real = services.threshold
    limits = {"screening_names_per_day": Decimal(1)}
    monkeypatch.setattr(services, "threshold", lambda name, day: limits.get(name) or real(name, day))
    screening = saved_list(market, market.officer)
    for owner in (market.owner, market.stranger):
        agree(market, owner)
    with pytest.raises(NotAllowedError, match="超过每日限额 1 户，请加条件缩小名单"):
        market.act(services.hand_over, market.officer, list_id=screening.pk, now=NOW)
    market.act(refuse_to_be_found, market.stranger, now=NOW)
    assert market.act(services.hand_over, market.officer, list_id=screening.pk, now=NOW) == [USCC]
