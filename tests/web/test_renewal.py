"""What pages show follows the facts: who got a new filing is computed, rated and published again, and nobody else."""

from __future__ import annotations

import datetime as dt
import shutil

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob

from config import renewal
from config.renewal import renew
from rongqiao.accounts.scope import system_scope
from rongqiao.bases.enterprises.models import Portrait
from rongqiao.governance.pipeline import govern
from rongqiao.indicators import refreshing
from rongqiao.lake.engine import connect, quote
from rongqiao.lake.tables import Lake
from rongqiao.scoring.rating import RATINGS
from tests.pipeline.departments import TAX_IDS, put_jsonl, tax_row
from tests.web import dispute_place as place

pytestmark = pytest.mark.django_db
SALES = "tax_taxable_sales_sum_m12_cny"
NEXT_DAY, LATER = dt.date(2026, 11, 24), dt.date(2026, 11, 25)


@pytest.fixture(scope="module")
def governed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("renewal")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RONGQIAO_VAR", str(folder))
        place.govern_province(folder)
    return folder


@pytest.fixture
def home(governed, tmp_path, monkeypatch, db):
    shutil.copytree(governed, tmp_path / "var")
    monkeypatch.setenv("RONGQIAO_VAR", str(tmp_path / "var"))
    # One of two is changed, which is most of them in no province but this.
    monkeypatch.setattr(refreshing, "MOST_SHARE", 1)
    place.publish()
    return tmp_path


def put_taxes(folder, sales="900000.00", on=NEXT_DAY):
    """Put a correction of the last month's filing of the first enterprise into a folder."""
    row = tax_row(
        place.FIRST, "", period="2026-10", sales=sales, 申报期限="2026-11-15", 申报日期="2026-11-10"
    )
    put_jsonl(folder, "taxation.tax_filing", f"{on.isoformat()}.jsonl", TAX_IDS, [row])


def file_taxes(folder, sales="900000.00", on=NEXT_DAY):
    """Correct the last month's filing of the first enterprise."""
    put_taxes(folder / "late", sales, on)
    report = govern(folder / "late", Lake(), None)
    assert sum(file.rows_accepted for file in report.files) == 1


def portraits():
    with system_scope() as scope:
        found = Portrait.objects.for_scope(scope)
        return {
            each.pk: (each.known_at, each.indicators.get(SALES, {}).get("value"), each.score)
            for each in found
        }


def ratings():
    with connect(Lake(), [RATINGS]) as connection:
        query = f"SELECT enterprise_id, known_at FROM {quote(RATINGS)} ORDER BY ALL"
        return connection.execute(query).fetchall()


def test_a_new_filing_reaches_the_page_and_the_rating_of_its_enterprise_alone(home):
    before = portraits()
    file_taxes(home)
    assert renew(Lake(), known_at=NEXT_DAY) == renewal.Renewed(place.AS_OF, 1)
    after = portraits()
    assert after[place.SECOND] == before[place.SECOND]
    assert after[place.FIRST][:2] == (NEXT_DAY, before[place.FIRST][1] + 780_000)
    assert [known_at for enterprise, known_at in ratings() if enterprise == place.FIRST] == [
        place.KNOWN_AT,
        NEXT_DAY,
    ]
    assert len(ratings()) == 3


def test_once_more_with_nothing_new_rates_nobody_twice(home):
    file_taxes(home)
    renew(Lake(), known_at=NEXT_DAY)
    rated, shown = ratings(), portraits()
    renew(Lake(), known_at=NEXT_DAY)
    assert (ratings(), portraits()) == (rated, shown)
    assert renew(Lake(), known_at=LATER) == renewal.Renewed(place.AS_OF, 0)


@pytest.mark.parametrize("broken", ["amend_ratings", "republish"])
@pytest.mark.parametrize("again", [NEXT_DAY, LATER])
def test_what_a_killed_renewal_computed_comes_to_the_page_with_the_next(home, monkeypatch, broken, again):
    file_taxes(home)
    with monkeypatch.context() as patch:

        def die(*_, **__):
            raise KeyboardInterrupt

        patch.setattr(renewal, broken, die)
        with pytest.raises(KeyboardInterrupt):
            renew(Lake(), known_at=NEXT_DAY)
    assert portraits()[place.FIRST][0] == place.KNOWN_AT
    assert renew(Lake(), known_at=again).enterprises == 1
    assert portraits()[place.FIRST][0] == again
    assert len(ratings()) == 3


def test_everybody_is_renewed_where_most_have_changed(home, monkeypatch):
    monkeypatch.setattr(refreshing, "MOST_SHARE", 0.3)
    file_taxes(home)
    assert renew(Lake(), known_at=NEXT_DAY) == renewal.Renewed(place.AS_OF, None)
    assert {known_at for known_at, _, _ in portraits().values()} == {NEXT_DAY}


def test_before_the_first_publication_there_is_nothing_to_do(tmp_path, monkeypatch, db):
    monkeypatch.setenv("RONGQIAO_VAR", str(tmp_path / "var"))
    assert renew(Lake(), known_at=NEXT_DAY) == renewal.Renewed(None, 0)


def test_governing_deliveries_asks_for_a_renewal(home, monkeypatch, django_capture_on_commit_callbacks):
    put_taxes(home / "var" / "collected")
    with django_capture_on_commit_callbacks(execute=True):
        place.settle_now(monkeypatch, dt.datetime(2026, 11, 24, 4, tzinfo=dt.UTC))
    assert ProcrastinateJob.objects.filter(task_name="enterprises.renew").count() == 1
