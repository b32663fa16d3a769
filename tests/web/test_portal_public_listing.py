"""Lists: only declared columns sort, null stands last, spreadsheets get text and never a formula."""

from dataclasses import dataclass

import pytest

from rongqiao.portal.listing import Column, Filter, Listing, export_value


@dataclass(frozen=True)
class Row:
    name: str
    amount: int | None


ROWS = [Row("=1+1", 3), Row("b", None), Row("c", 7)]
COLUMNS = [Column("name", "名称"), Column("amount", "金额", "number", sort="amount")]


def listing(rf, query="", **changes):
    return Listing(rf.get(f"/list/?{query}"), ROWS, COLUMNS, **changes)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["=1+1", "b", "c"]),
        ("sort=amount", ["=1+1", "c", "b"]),
        ("sort=-amount", ["c", "=1+1", "b"]),
        ("sort=name", ["=1+1", "b", "c"]),
        ("sort=-password", ["=1+1", "b", "c"]),
    ],
)
def test_only_declared_columns_sort_and_null_stands_last(rf, query, names):
    assert [row.name for row in listing(rf, query).rows] == names


def test_headings_turn_the_order_round_and_keep_filters(rf):
    shown = listing(rf, "sort=amount&q=x&page=2", filters=[Filter("q", "关键词")])
    assert shown.headings[1]["aria"] == "ascending"
    assert shown.headings[1]["url"] == "/list/?q=x&sort=-amount"
    assert shown.is_filtered


def test_pages_out_of_range_show_the_last(rf):
    shown = listing(rf, "page=99", page_size=2)
    assert shown.page.number == 2
    assert shown.next_url == ""
    assert shown.previous_url == "/list/?page=1"


def test_export_is_all_rows_and_no_formula(rf):
    text = listing(rf, "export=csv", page_size=1).export().content.decode("utf-8-sig")
    assert text.splitlines() == ["名称,金额", "'=1+1,3", "b,", "c,7"]


@pytest.mark.parametrize(
    ("value", "text"), [(None, ""), (-3, "-3"), ("-3", "'-3"), ("@x", "'@x"), ("＝1", "'＝1"), ("甲", "甲")]
)
def test_text_that_a_spreadsheet_would_run_is_quoted(value, text):
    assert export_value(value) == text


def test_folded_filters_open_when_one_is_set(rf):
    filters = [Filter(f"f{number}", "条件") for number in range(8)]
    assert not listing(rf, "f1=x", filters=filters).is_unfolded
    assert listing(rf, "f7=x", filters=filters).is_unfolded
