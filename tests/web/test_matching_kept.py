"""Every product against every enterprise: judged once, kept, renewed when conditions or facts change, told with care."""

import datetime as dt

import pytest

from rongqiao.accounts.models import AuditRecord
from rongqiao.accounts.scope import system_scope
from rongqiao.bases.resources import judging
from rongqiao.bases.resources.eligibility import refresh_eligibility
from rongqiao.bases.resources.judging import requirements, requirements_digest
from rongqiao.bases.resources.models import Eligibility, EligibilityRun, Product
from rongqiao.bases.resources.reach import kept_verdicts, reaches
from rongqiao.kernel.decision import Outcome
from rongqiao.lake.columns import open_current
from rongqiao.lake.verdicts import VerdictFiles
from rongqiao.platforms.financing.province import refresh_matching
from rongqiao.rules.criteria import evaluate
from rongqiao.rules.outcome_codes import CODES, unpack
from tests.web.market_place import DAY, NOW, USCC
from tests.web.screening_town import publish_town

pytestmark = pytest.mark.django_db
FREE = {}
KNOWN_AT = dt.date(2026, 11, 20)
MIXED = {
    "any": [
        {"fact": "grade", "op": "==", "value": "A", "text": "信用等级 A"},
        {"not": {"fact": "age_months", "op": "<", "value": 100, "text": "成立不满 100 个月"}},
    ]
}


@pytest.fixture
def town(tmp_path, monkeypatch):
    monkeypatch.setenv("RONGQIAO_VAR", str(tmp_path / "var"))
    return publish_town(tmp_path / "var" / "screening")


@pytest.fixture
def products(market):
    Product.objects.filter(code="P02").update(criteria=MIXED, region_codes=["4301", "430281"])
    Product.objects.filter(code="P03").update(criteria=FREE, region_codes=["4302"])
    return list(Product.objects.order_by("code"))


def kept(uscc, products):
    return kept_verdicts(uscc, products, as_of=202610, known_at=KNOWN_AT)


def outcomes_of(product, town):
    criteria = requirements(product)
    return [evaluate(criteria, row, rule="r", version="1").outcome for row in town]


def test_kept_verdicts_and_counts_are_those_of_judging_one_by_one(town, products, monkeypatch):
    # Spans that end within the town, and one that is no multiple of a worker's share.
    monkeypatch.setattr(judging, "SPAN", 64)
    monkeypatch.setattr(judging, "STRETCH", 256)
    seen = []
    done = refresh_eligibility(now=NOW, on_progress=lambda *at: seen.append(at))
    assert (done.products, done.enterprises, done.problems) == (3, len(town), ())
    assert seen == [(256, 602), (512, 602), (602, 602)]
    files = VerdictFiles(open_current())
    for product in products:
        expected = outcomes_of(product, town)
        packed = files.values(requirements_digest(product))
        assert [CODES[code] for code in unpack(packed, len(town))] == expected
        for county in {row["county_code"] or "" for row in town}:
            cell = Eligibility.objects.get(product=product, county_code=county)
            own = [
                outcome
                for outcome, row in zip(expected, town, strict=True)
                if (row["county_code"] or "") == county
            ]
            assert [cell.met, cell.unknown, cell.unmet] == [
                sum(outcome.value == word for outcome in own) for word in ("met", "unknown", "unmet")
            ]
    run = EligibilityRun.objects.get()
    assert (run.done, run.total, run.products) == (602, 602, 3)
    assert run.finished_at is not None
    assert AuditRecord.unscoped.filter(action="eligibility.refreshed").count() == 1


def test_an_enterprise_finds_the_verdict_of_each_product(town, products):
    assert kept(USCC, products) == {}
    refresh_eligibility(now=NOW)
    row = next(row for row in town if row["enterprise_id"] == USCC)
    expected = {
        product.code: evaluate(requirements(product), row, rule="r", version="1").outcome
        for product in products
    }
    assert kept(USCC, products) == expected
    assert kept("91430102MA9999999X", products) == {}
    # Of another month, or of less than is known of the enterprise, a pass tells nothing.
    assert kept_verdicts(USCC, products, as_of=202609, known_at=KNOWN_AT) == {}
    assert kept_verdicts(USCC, products, as_of=202610, known_at=KNOWN_AT + DAY) == {}


def test_only_what_changed_is_judged_anew(town, products):
    assert refresh_eligibility(now=NOW).products == 3
    assert refresh_eligibility(now=NOW).products == 0
    changed = {"fact": "age_months", "op": ">=", "value": 120, "text": "成立满 120 个月"}
    Product.objects.filter(code="P01").update(criteria=changed)
    product = Product.objects.get(code="P01")
    assert "P01" not in kept(USCC, [product])
    assert not reaches([product])[product.pk].is_current
    others = list(Eligibility.objects.exclude(product=product).values())
    assert refresh_eligibility(now=NOW).products == 1
    assert list(Eligibility.objects.exclude(product=product).values()) == others
    assert reaches([product])[product.pk].is_current
    # New facts leave no verdict standing.
    publish_town(open_current().folder.parent)
    assert kept(USCC, products) == {}
    assert refresh_eligibility(now=NOW).products == 3
    # What is no longer on sale is forgotten.
    Product.objects.filter(code="P02").update(status="withdrawn")
    refresh_eligibility(now=NOW)
    assert not Eligibility.objects.filter(product__code="P02").exists()


def test_a_product_that_cannot_be_judged_is_named_and_keeps_none_from_the_others(town, products):
    broken = {"fact": "grade", "op": ">=", "value": 3, "text": "等级不低于 3"}
    Product.objects.filter(code="P01").update(criteria=broken)
    done = refresh_eligibility(now=NOW)
    assert done.products == 2
    assert "P01 grade" in done.problems[0]
    assert "P01" in EligibilityRun.objects.get().problem
    assert reaches(list(Product.objects.filter(code="P01"))).popitem()[1].met is None


def test_what_is_held_back_is_known_of_nobody_and_makes_every_verdict_old(town, products):
    refresh_eligibility(now=NOW)
    assert refresh_eligibility(now=NOW, withheld=["never_computed"]).products == 0
    assert refresh_eligibility(now=NOW, withheld=["tax_grade_now"]).products == 3
    assert kept(USCC, products)["P01"] is Outcome.UNKNOWN
    assert not Eligibility.objects.filter(product__code="P01", met__gt=0).exists()
    assert refresh_eligibility(now=NOW).products == 3
    assert kept(USCC, products)["P01"] is Outcome.MET


def test_a_run_that_was_cut_off_is_done_again(town, products, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("rongqiao.bases.resources.eligibility._replace", stop)
        with pytest.raises(KeyboardInterrupt):
            refresh_eligibility(now=NOW)
    assert EligibilityRun.objects.get().finished_at is None
    assert not Eligibility.objects.exists()
    assert refresh_eligibility(now=NOW).products == 3


def test_a_full_disk_is_said_and_leaves_what_was_kept(town, products, monkeypatch):
    refresh_eligibility(now=NOW)
    before = list(Eligibility.objects.order_by("pk").values())
    Product.objects.filter(code="P01").update(criteria={})

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rongqiao.bases.resources.eligibility.judge_province", full)
    with pytest.raises(OSError, match="No space"):
        refresh_eligibility(now=NOW + DAY)
    stopped = EligibilityRun.objects.first()
    assert stopped.is_stopped
    assert "No space left on device" in stopped.problem
    assert list(Eligibility.objects.order_by("pk").values()) == before


def test_totals_are_told_where_the_product_is_sold(town, products):
    refresh_eligibility(now=NOW)
    told = reaches(products)
    for product in products:
        reach = told[product.pk]
        exact = [
            outcome
            for outcome, row in zip(outcomes_of(product, town), town, strict=True)
            if row["county_code"] and row["county_code"].startswith(tuple(product.region_codes))
        ]
        for word in ("met", "unknown", "unmet"):
            count = sum(outcome.value == word for outcome in exact)
            shown = getattr(reach, word)
            assert (count < 31) if shown is None else (shown % 5 == 0 and abs(shown - count) <= 10)


def test_the_columns_are_renewed_when_the_lake_moved_on(town, products, tmp_path, monkeypatch):
    from rongqiao.lake.tables import Lake
    from rongqiao.platforms.financing import province

    written = []
    versions = {"analytics/indicators": 4}
    monkeypatch.setattr(province, "fact_versions", lambda lake: versions)
    monkeypatch.setattr(province, "publish_columns", lambda **asked: written.append(asked["as_of"]))
    lake = Lake(tmp_path / "lake")
    assert refresh_matching(lake=lake, now=NOW).products == 3
    assert written == [202610]
    versions.clear()
    assert refresh_matching(lake=lake, now=NOW).products == 0
    assert written == [202610]


def test_before_the_first_publication_there_is_nothing_to_do(tmp_path, monkeypatch, market):
    from rongqiao.lake.tables import Lake

    monkeypatch.setenv("RONGQIAO_VAR", str(tmp_path / "empty"))
    assert refresh_matching(lake=Lake(tmp_path / "lake"), now=NOW).enterprises == 0
    with system_scope():
        assert kept(USCC, list(Product.objects.all())) == {}
