"""Pages of screening: the builder with and without HTMX, refusals in place, exports with their mark, the enterprise's switch."""

import datetime as dt
import re
from urllib.parse import unquote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from rongqiao.accounts.models import Organisation
from rongqiao.accounts.scope import scope_of, system_scope
from rongqiao.platforms.financing.screening.models import ScreeningList
from tests.web.bank_pages import sign_in
from tests.web.indicator_place import status_of
from tests.web.market_place import DAY, person
from tests.web.screening_town import SALES, publish_town

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true", "HX-Target": "builder"}


@pytest.fixture
def town(tmp_path, monkeypatch):
    monkeypatch.setenv("RONGQIAO_VAR", str(tmp_path / "var"))
    return publish_town(tmp_path / "var" / "screening")


def begin(client, room="bank", title="制造业首贷拓户"):
    answer = client.post(reverse(f"portal:{room}_screening_new"), {"title": title, "days": "30"})
    assert answer.status_code == 302, answer.content.decode()
    return answer.url


def words(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def add(client, url, fact, value, op=">=", **headers):
    return client.post(f"{url}conditions/", {"fact": fact, "op": op, "value": value}, headers=headers)


def test_an_officer_builds_narrows_saves_and_compares(officer, town):
    url = begin(officer)
    assert "全部存续企业" in words(officer.get(url))
    found = officer.get(url, {"q": "应税销售 12个月"})
    assert f"?fact={SALES}" in found.content.decode()
    assert "万元" in words(officer.get(url, {"fact": SALES}))
    add(officer, url, SALES, "200")
    page = add(officer, url, "size_class", ["small"], op="", **HTMX)
    assert page.status_code == 200
    assert page.content.decode().lstrip().startswith('<div id="builder"')
    assert "企业规模：小型" in words(page)
    assert re.search(r"约 \d+[05] 户", words(page))
    assert officer.post(f"{url}save/").status_code == 302
    officer.post(f"{url}conditions/1/remove/")
    officer.post(f"{url}save/")
    shown = words(officer.get(url))
    assert "第 2 版" in shown
    assert "去：企业规模：小型" in shown
    other = begin(officer, title="另一份")
    answer = officer.post(f"{url}compare/", {"other": other.rstrip("/").rsplit("/", 1)[1]})
    assert "同时在两份名单" in words(answer)
    for wrong in ("", "不是编号", "00000000-0000-0000-0000-000000000000"):
        refused = officer.post(f"{url}compare/", {"other": wrong})
        assert refused.status_code == 422
        assert "没有这份名单" in words(refused)
    assert "制造业首贷拓户" in words(officer.get(reverse("portal:bank_screenings")))


def test_any_list_can_be_compared_with_however_old(officer, market, town):
    oldest = begin(officer, title="最早的一份")
    drawn = dict.fromkeys(("organisation_id", "created_by_id"))
    with system_scope() as scope:
        first = ScreeningList.objects.for_scope(scope).get()
        drawn = {name: getattr(first, name) for name in drawn}
        ScreeningList.objects.bulk_create(
            ScreeningList(
                title=f"名单{number}",
                created_at=first.created_at + number * DAY,
                expires_on=first.expires_on,
                **drawn,
            )
            for number in range(1, 61)
        )
    url = begin(officer, title="现在的一份")
    assert "选一份名单比较" in words(officer.get(url))
    page = words(officer.get(f"{url}others/"))
    assert "共 61 条" in page
    assert "未统计" in page
    assert "最早的一份" not in page
    # Reached by its name, and on the last page.
    assert "最早的一份" in words(officer.get(f"{url}others/", {"q": "最早"}))
    last = officer.get(f"{url}others/", {"page": "4"}).content.decode()
    assert f'value="{oldest.rstrip("/").rsplit("/", 1)[1]}"' in last
    assert "现在的一份" not in re.sub(r"(?s).*</h1>", "", last).split("比较：")[1]


def test_the_swap_is_part_of_the_whole_page(officer, town):
    url = begin(officer)
    add(officer, url, "age_months", "24")
    strip = re.compile(r'name="csrfmiddlewaretoken" value="\w+"')
    part = strip.sub("", officer.get(url, headers=HTMX).content.decode()).strip()
    assert part in strip.sub("", officer.get(url).content.decode())


def test_a_list_whose_day_is_over_is_filtered_as_expired_before_the_nights_job(officer, town):
    url = begin(officer)
    lists = reverse("portal:bank_screenings")
    with system_scope() as system:
        ScreeningList.objects.for_scope(system).update(expires_on=dt.date(2020, 1, 1))
    for query, is_there in (({"state": "expired"}, True), ({"state": "draft"}, False)):
        assert (url in officer.get(lists, query).content.decode()) is is_there


@pytest.mark.parametrize("title", ["", "a\0b", "长" * 61])
def test_a_name_that_cannot_be_stored_is_refused_and_kept(officer, town, title):
    answer = officer.post(reverse("portal:bank_screening_new"), {"title": title, "days": "30"})
    assert answer.status_code == 422
    assert "名单名称" in words(answer)
    answer = officer.post(reverse("portal:bank_screening_new"), {"title": "名单", "days": "9" * 5000})
    assert answer.status_code == 422
    assert "有效期" in words(answer)


def test_a_refusal_is_told_in_place_and_changes_nothing(officer, town):
    url = begin(officer)
    plain = add(officer, url, "age_months", "125")
    assert plain.status_code == 422
    assert "两位有效数字" in words(plain)
    swapped = add(officer, url, "age_months", "125", **HTMX)
    assert swapped.status_code == 200
    assert "两位有效数字" in words(swapped)
    # What was typed stays in its form.
    assert 'value="125"' in swapped.content.decode()
    for typed in ("1e999", "9" * 60, "NaN", "a\x00"):
        assert add(officer, url, "age_months", typed).status_code == 422
    assert "还没有条件" in words(officer.get(url))


def test_names_are_refused_then_shown_and_exported_with_a_mark(client, market, town):
    officer = sign_in(client, market.officer)
    url = begin(officer)
    add(officer, url, SALES, "200")
    officer.post(f"{url}save/")
    refused = officer.post(f"{url}hand-over/")
    assert refused.status_code == 422
    assert "没有企业同意" in words(refused)
    owner = sign_in(type(client)(), market.owner)
    place = reverse("portal:enterprise_finding")
    assert "我已阅读并同意" in words(owner.get(place))
    owner.post(place, {"agree": "1", "data_classes": ["tax"]})
    assert officer.post(f"{url}hand-over/", follow=True).status_code == 200
    shown = words(officer.get(url))
    assert "长沙湘辉陶瓷有限公司" in shown
    assert "醴陵瓷业有限公司" not in shown
    marked = re.search(r'rq-watermark" style="([^"]+)"', officer.get(url).content.decode())
    assert "officer" in unquote(marked[1])
    file = officer.post(f"{url}export/").content.decode("utf-8-sig")
    assert "officer" in file
    assert url.rstrip("/").rsplit("/", 1)[1] in file
    assert "长沙湘辉陶瓷有限公司" in file
    assert "制造业首贷拓户" in words(owner.get(place))
    owner.post(place, {"revoke": "1"})
    assert "长沙湘辉陶瓷有限公司" not in words(officer.get(url))


def test_government_has_counts_and_no_names(client, market, town):
    official = sign_in(client, market.official)
    url = begin(official, "government")
    add(official, url, "age_months", "24")
    official.post(f"{url}save/")
    page = official.get(url)
    assert "交付企业名称" not in words(page)
    refused = official.post(f"{url}hand-over/", {"days": "9"})
    assert refused.status_code == 422
    assert "至少勾选一家" in words(refused)
    assert official.get(reverse("portal:bank_screenings")).status_code == 403


def test_the_operator_sees_lists_and_budgets(client, market, town):
    officer = sign_in(client, market.officer)
    url = begin(officer)
    add(officer, url, "age_months", "24")
    with system_scope():
        home = Organisation.objects.create(kind="operator", name="运营", region_code="43")
        operator = scope_of(person(home, "operator", "operator"))
    client = sign_in(type(client)(), operator)
    assert "成立月数 不低于 24" in words(client.get(reverse("portal:operator_screenings")))
    budgets = reverse("portal:operator_screening_budgets")
    assert "officer" in words(client.get(budgets))
    # One question is far from all of the day's.
    assert "没有符合条件的内容" in words(client.get(budgets, {"full": "yes"}))
    assert "没有符合条件的内容" in words(client.get(budgets, {"organisation": "没有这家"}))
    assert client.get(url).status_code == 403
    lines = client.get(reverse("portal:operator_screenings"), {"export": "csv"}).content.decode().splitlines()
    assert lines[0].split(",")[4:6] == ["交付银行（家）", "告知企业（户次）"]


def test_a_page_costs_the_same_queries_however_many_conditions_and_lists(officer, town):
    url = begin(officer)
    with CaptureQueriesContext(
        connection,
    ) as before:
        officer.get(url)
    for number in range(3):
        begin(officer, title=f"名单{number}")
    add(officer, url, "age_months", "24")
    add(officer, url, SALES, "200")
    with CaptureQueriesContext(connection) as after:
        officer.get(url)
    assert len(after) <= len(before)
    with CaptureQueriesContext(connection) as listed:
        officer.get(reverse("portal:bank_screenings"))
    assert len(listed) < 20


def test_without_published_columns_the_form_says_what_is_missing(officer, tmp_path, monkeypatch):
    monkeypatch.setenv("RONGQIAO_VAR", str(tmp_path / "empty"))
    answer = officer.post(reverse("portal:bank_screening_new"), {"title": "名单", "days": "30"})
    assert answer.status_code == 422
    assert "全省企业数据尚未发布" in words(answer)


def test_a_condition_on_what_is_held_back_counts_nobody_and_says_so(officer, town):
    url = begin(officer)
    add(officer, url, SALES, "200")
    assert "待确认" not in words(officer.get(url))
    status_of(SALES, state="suspended", state_reason="覆盖率 12.0%，低于 20%")
    assert "所用的指标暂停使用：覆盖率 12.0%，低于 20%" in words(officer.get(url))
    # Any further count leaves its values aside: nobody is known to meet it.
    counted = words(add(officer, url, "age_months", "1", **HTMX))
    assert "少于 20 户" in counted
    refused = add(officer, url, SALES, "300")
    assert refused.status_code == 422
    assert "请改用其他条件" in words(refused)


def test_a_list_goes_from_government_to_a_bank_and_back_as_counts(client, market, town):
    official = sign_in(client, market.official)
    url = begin(official, "government", title="首贷对接")
    assert "先保存为新版本，再交付给银行" in words(official.get(url))
    add(official, url, "age_months", "24")
    official.post(f"{url}save/")
    bank = str(Organisation.objects.get(institution__code="B01").pk)
    page = official.get(url)
    assert f'name="bank" value="{bank}"' in page.content.decode()
    for days in ("99", "9" * 5000):
        late = official.post(f"{url}hand-over/", {"bank": bank, "days": days})
        assert late.status_code == 422
    # What was chosen stands when it is refused.
    assert f'value="{bank}" checked' in late.content.decode()
    assert official.post(f"{url}hand-over/", {"bank": bank, "days": "20"}).status_code == 302
    shown = words(official.get(url))
    assert "湘江示范银行" in shown
    assert re.search(r"已告知企业 少于 20 户", shown)
    assert f'value="{bank}"' not in official.get(url).content.decode()
    told = official.get(url, {"export": "csv"}).content.decode()
    assert "告知企业（约，户）" in told
    assert "湘江示范银行" in told

    owner = sign_in(type(client)(), market.owner)
    owner.post(reverse("portal:enterprise_finding"), {"agree": "1", "by_government": "1"})
    assert "政府部门交付银行的名单 同意" in words(owner.get(reverse("portal:enterprise_finding")))
    officer = sign_in(type(client)(), market.officer)
    assert "政府部门交付了 1 份企业名单" in words(officer.get(reverse("portal:bank")))
    listed = officer.get(reverse("portal:bank_received_lists"))
    assert "省工信厅" in words(listed)
    got = re.search(r'href="(/bank/lists/received/[0-9a-f-]{36}/)"', listed.content.decode())[1]
    counts = words(officer.get(got))
    assert "成立月数 不低于 24" in counts
    assert re.search(r"约 \d+[05] 户", counts)
    assert "长沙湘辉陶瓷有限公司" not in counts
    assert officer.post(f"{got}names/").status_code == 302
    named = officer.get(got)
    assert "长沙湘辉陶瓷有限公司" in words(named)
    assert named.content.decode().count("rq-watermark") == 2
    file = officer.post(f"{got}export/").content.decode("utf-8-sig")
    assert "首贷对接（省工信厅交付）" in file
    assert "officer" in file
    again = officer.post(f"{got}names/")
    assert again.status_code == 422
    assert "没有新的企业同意" in words(again)
    assert "省工信厅" in words(owner.get(reverse("portal:enterprise_finding")))

    taken = re.search(r'action="(/government/handovers/[^"]+)"', official.get(url).content.decode())[1]
    assert official.post(taken).status_code == 302
    assert "已收回" in words(official.get(url))
    gone = words(officer.get(got))
    assert "收回了这份名单" in gone
    assert "长沙湘辉陶瓷有限公司" not in gone
    assert not re.search(r"约 \d+[05] 户", gone)
    assert officer.post(f"{got}export/").status_code == 409
