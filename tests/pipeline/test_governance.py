"""The six steps on small deliveries: each format, each fault, counts that add up."""

from __future__ import annotations

import datetime as dt

import pytest

from rongqiao.contracts.standards import load_contract
from rongqiao.governance import enterprises
from rongqiao.governance.deliveries import find_deliveries
from rongqiao.governance.lane import STEPS
from rongqiao.governance.pipeline import govern
from rongqiao.kernel.errors import InvalidValueError
from rongqiao.lake.asof import current
from rongqiao.lake.engine import ibis_connection
from rongqiao.lake.tables import Lake
from rongqiao.ledger.log import Ledger
from tests.pipeline.departments import (
    ALPHA,
    BETA,
    GAMMA,
    NAMES,
    TAX_HEADERS,
    TAX_IDS,
    csv_bytes,
    put,
    put_jsonl,
    put_registry,
    put_xlsx,
    registry_row,
    tax_row,
)

pytestmark = pytest.mark.pipeline
TAX = "taxation.tax_filing"
PUBLISHED = f"published/{TAX}"


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "deliveries"
    put_registry(root)
    return root


@pytest.fixture
def lake(tmp_path):
    return Lake(tmp_path / "lake")


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "ledger")


def tax_report(report):
    (file,) = [file for file in report.files if file.contract_id == TAX]
    assert file.rows_in == file.rows_accepted + file.rows_quarantined
    return file


def rows_of(lake, table, *columns):
    return sorted(tuple(row.values()) for row in lake.read(table, list(columns)).to_pylist())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_csv_in_each_encoding_is_published_typed(folder, lake, ledger, encoding):
    put(folder, TAX, "2026-02-16.csv", csv_bytes(TAX_HEADERS, [tax_row(ALPHA)], encoding))
    assert tax_report(govern(folder, lake, ledger)).rows_accepted == 1
    schema = {field.name: str(field.type) for field in lake.schema(PUBLISHED)}
    assert schema["taxable_sales_cny"] == "decimal128(18, 2)"
    assert schema["period"] == "int32"
    assert schema["filed_on"] == "date32[day]"
    assert rows_of(lake, PUBLISHED, "enterprise_id", "period", "known_at", "line") == [
        (ALPHA, 202601, dt.date(2026, 2, 16), 2)
    ]


def test_every_format_gives_the_same_facts(folder, lake, ledger, tmp_path):
    rows = [tax_row(code, sales="98765.43") for code in NAMES]
    put(folder, TAX, "2026-02-16.csv.gz", csv_bytes(TAX_HEADERS, rows))
    put_xlsx(folder, TAX, "2026-02-17.xlsx", TAX_HEADERS, rows)
    put_jsonl(folder, TAX, "2026-02-18.jsonl", TAX_IDS, rows)
    report = govern(folder, lake, ledger)
    assert [file.rows_accepted for file in report.files if file.contract_id == TAX] == [3, 3, 3]
    facts = lake.read(PUBLISHED).drop_columns(["known_at", "batch_id", "line", "ledger_index"]).to_pylist()
    assert len({tuple(sorted(fact.items(), key=lambda pair: pair[0])) for fact in facts}) == 3


def test_headers_that_state_a_unit_are_scaled(folder, lake, ledger):
    govern(folder, lake, ledger)
    (capital,) = {
        row[0] for row in rows_of(lake, "published/market_regulation.registry", "registered_capital_cny")
    }
    assert str(capital) == "5000000.00"


@pytest.mark.parametrize(
    ("written", "sales"),
    [
        ("1,234,567.80", "1234567.80"),
        ("12.5万元", "125000.00"),
        ("１２３．４５", "123.45"),
        ("（200.00）", "-200.00"),
    ],
)
def test_amounts_as_clerks_write_them(folder, lake, ledger, written, sales):
    put_xlsx(folder, TAX, "2026-02-16.xlsx", TAX_HEADERS, [tax_row(ALPHA, sales=written)])
    govern(folder, lake, ledger)
    assert str(lake.read(PUBLISHED)["taxable_sales_cny"][0].as_py()) == sales


def test_blank_amount_is_null_and_never_zero(folder, lake, ledger):
    put(folder, TAX, "2026-02-16.csv", csv_bytes(TAX_HEADERS, [tax_row(ALPHA, 欠税余额="")]))
    govern(folder, lake, ledger)
    assert lake.read(PUBLISHED)["arrears_cny"].to_pylist() == [None]


def test_row_that_cannot_be_cast_is_quarantined_with_line_and_value(folder, lake, ledger):
    rows = [tax_row(ALPHA), tax_row(BETA, 申报日期="2026-02-30")]
    put(folder, TAX, "2026-02-16.csv", csv_bytes(TAX_HEADERS, rows))
    file = tax_report(govern(folder, lake, ledger))
    assert file.quarantined_by_rule == {f"{TAX}.filed_on_type": 1}
    assert rows_of(lake, "operations/quarantine", "line", "column", "value") == [
        (3, "filed_on", "2026-02-30")
    ]


def test_undecodable_line_is_quarantined_and_the_rest_kept(folder, lake, ledger):
    content = csv_bytes(TAX_HEADERS, [tax_row(code) for code in NAMES], "utf-8")
    content = content.replace(NAMES[BETA].encode(), b"\xe6\xa0")
    put(folder, TAX, "2026-02-16.csv", content)
    file = tax_report(govern(folder, lake, ledger))
    assert (file.rows_in, file.quarantined_by_rule) == (3, {"source.encoding": 1})
    assert rows_of(lake, PUBLISHED, "enterprise_id", "line") == sorted([(ALPHA, 2), (GAMMA, 4)])


def test_line_with_wrong_number_of_fields_is_quarantined_with_its_number(folder, lake, ledger):
    content = csv_bytes(TAX_HEADERS, [tax_row(ALPHA), [BETA, "断行"], tax_row(GAMMA)])
    put(folder, TAX, "2026-02-16.csv", content)
    file = tax_report(govern(folder, lake, ledger))
    assert (file.rows_in, file.quarantined_by_rule) == (3, {"source.field_count": 1})
    assert rows_of(lake, "operations/quarantine", "line") == [(3,)]
    assert rows_of(lake, PUBLISHED, "enterprise_id", "line") == sorted([(ALPHA, 2), (GAMMA, 4)])


def test_file_that_cannot_be_opened_is_counted(folder, lake, ledger):
    put(folder, TAX, "2026-02-16.xlsx", b"not a workbook")
    file = tax_report(govern(folder, lake, ledger))
    assert (file.rows_in, file.quarantined_by_rule) == (1, {"source.unreadable": 1})


def test_missing_code_is_resolved_by_exact_name(folder, lake, ledger):
    put(folder, TAX, "2026-02-16.csv", csv_bytes(TAX_HEADERS, [tax_row("", "湘潭春禾 (集团)有限公司")]))
    govern(folder, lake, ledger)
    assert rows_of(lake, PUBLISHED, "enterprise_id", "uscc", "name") == [(GAMMA, GAMMA, NAMES[GAMMA])]
    assert rows_of(lake, "operations/merges", "method", "enterprise_id") == [("name_exact", GAMMA)]


@pytest.mark.parametrize(
    "broken", [ALPHA.replace("0", "O", 1), ALPHA[:-1] + ("1" if ALPHA[-1] != "1" else "2")]
)
def test_broken_code_is_repaired_where_the_name_proves_it(folder, lake, ledger, broken):
    put(folder, TAX, "2026-02-16.csv", csv_bytes(TAX_HEADERS, [tax_row(broken, NAMES[ALPHA])]))
    govern(folder, lake, ledger)
    assert rows_of(lake, "operations/merges", "method", "raw_uscc", "enterprise_id") == [
        ("uscc_repaired", broken, ALPHA)
    ]


def test_broken_code_of_a_stranger_is_never_repaired(folder, lake, ledger):
    broken = ALPHA[:-1] + ("1" if ALPHA[-1] != "1" else "2")
    put(folder, TAX, "2026-02-16.csv", csv_bytes(TAX_HEADERS, [tax_row(broken, "衡阳无名商贸行")]))
    file = tax_report(govern(folder, lake, ledger))
    assert file.quarantined_by_rule == {"cleaning.unresolved": 1}
    assert not lake.exists(PUBLISHED)


def test_duplicate_within_a_file_keeps_the_last(folder, lake, ledger):
    rows = [tax_row(ALPHA, sales="1.00"), tax_row(BETA), tax_row(ALPHA, sales="2.00")]
    put(folder, TAX, "2026-02-16.csv", csv_bytes(TAX_HEADERS, rows))
    file = tax_report(govern(folder, lake, ledger))
    assert file.quarantined_by_rule == {f"{TAX}.duplicate_key": 1}
    kept = {row[0]: str(row[1]) for row in rows_of(lake, PUBLISHED, "enterprise_id", "taxable_sales_cny")}
    assert kept == {ALPHA: "2.00", BETA: "120000.00"}


def test_a_repeated_key_is_told_by_its_items_as_they_were_delivered(folder, lake, ledger):
    rows = [
        tax_row(ALPHA, sales="1.00"),
        tax_row("", NAMES[ALPHA], sales="2.00"),
        tax_row(ALPHA, sales="3.00"),
    ]
    put(folder, TAX, "2026-02-16.csv", csv_bytes(TAX_HEADERS, rows))
    govern(folder, lake, ledger)
    contract = load_contract(TAX)
    code, *others = (contract.item(name).title for name in contract.rule(f"{TAX}.duplicate_key").columns)
    told = dict(rows_of(lake, "operations/quarantine", "line", "value"))
    assert told[2].startswith(f"{code}：{ALPHA}；")
    # The second row names its enterprise, and is recognised; what was received is an empty code all the same.
    assert told[3].startswith(f"{code}：（空）；")
    assert all(f"；{title}：" in told[2] for title in others)
    assert "|" not in "".join(told.values())


def test_late_correction_adds_a_row_and_each_day_reads_what_it_knew(folder, lake, ledger):
    put(folder, TAX, "2026-02-16.csv", csv_bytes(TAX_HEADERS, [tax_row(ALPHA, sales="100.00")]))
    govern(folder, lake, ledger)
    put(folder, TAX, "2026-03-20_correction.csv", csv_bytes(TAX_HEADERS, [tax_row(ALPHA, sales="90.00")]))
    govern(folder, lake, ledger)
    assert len(rows_of(lake, PUBLISHED, "known_at")) == 2
    table = ibis_connection(lake, [PUBLISHED]).table(PUBLISHED)

    def read(as_of, known_at):
        found = current(table, load_contract(TAX), as_of=as_of, known_at=known_at).to_pyarrow()
        return [str(value) for value in found["taxable_sales_cny"].to_pylist()]

    assert read(202601, dt.date(2026, 2, 15)) == []
    assert read(202601, dt.date(2026, 3, 19)) == ["100.00"]
    assert read(202601, dt.date(2026, 3, 20)) == ["90.00"]
    assert read(202512, dt.date(2026, 3, 20)) == []


def test_governing_again_changes_nothing(folder, lake, ledger):
    put(folder, TAX, "2026-02-16.csv", csv_bytes(TAX_HEADERS, [tax_row(ALPHA)]))
    first = govern(folder, lake, ledger)
    put(folder, TAX, "2026-02-17_again.csv", csv_bytes(TAX_HEADERS, [tax_row(ALPHA)]))
    digest, versions, size = lake.digest(PUBLISHED), lake.open(PUBLISHED).version(), ledger.size
    again = govern(folder, lake, ledger)
    assert (len(first.files), again.files, again.already_done) == (2, [], 3)
    assert (lake.digest(PUBLISHED), lake.open(PUBLISHED).version(), ledger.size) == (digest, versions, size)


def test_receipts_lead_to_the_ledger_and_the_kept_file(folder, lake, ledger, tmp_path):
    path = put(folder, TAX, "2026-02-16.csv", csv_bytes(TAX_HEADERS, [tax_row(ALPHA)]))
    govern(folder, lake, ledger, landing=tmp_path / "landing")
    (receipt,) = [row for row in lake.read("operations/receipts").to_pylist() if row["contract_id"] == TAX]
    assert receipt["ledger_index"] is not None
    kept = tmp_path / "landing" / receipt["digest"][:2] / receipt["digest"]
    assert kept.read_bytes() == path.read_bytes()
    assert kept.stat().st_mode & 0o222 == 0


def test_enterprises_carry_former_names_from_the_day_they_were_known(folder, lake, ledger):
    put_registry(folder, [registry_row(ALPHA, "长沙银河精密机械有限公司", "2026-03-05")], "2026-03-06.csv")
    govern(folder, lake, ledger)
    rows = [row for row in lake.read("published/enterprises").to_pylist() if row["enterprise_id"] == ALPHA]
    told = {row["known_at"]: (row["name"], row["aliases"]) for row in rows}
    assert told == {
        dt.date(2026, 1, 6): (NAMES[ALPHA], []),
        dt.date(2026, 3, 6): ("长沙银河精密机械有限公司", [NAMES[ALPHA]]),
    }


def test_rules_that_met_no_row_are_not_run(folder, lake, ledger):
    put(folder, TAX, "2026-02-16.csv", csv_bytes(TAX_HEADERS, [tax_row(ALPHA, 欠税余额="")]))
    govern(folder, lake, ledger)
    outcomes = {row["rule_id"]: row["outcome"] for row in lake.read("operations/rule_results").to_pylist()}
    assert outcomes[f"{TAX}.arrears_cny_type"] == "not_run"
    assert outcomes[f"{TAX}.taxable_sales_cny_type"] == "passed"
    assert outcomes[f"{TAX}.enterprise_known"] == "passed"


def test_profiles_show_drift_only_against_a_delivery_before(folder, lake, ledger):
    for month, sales in (("2026-02", "100"), ("2026-03", "100000000")):
        put(
            folder,
            TAX,
            f"{month}-16.csv",
            csv_bytes(TAX_HEADERS, [tax_row(ALPHA, period=month, sales=sales)]),
        )
    govern(folder, lake, ledger)
    rows = [
        row for row in lake.read("operations/profiles").to_pylist() if row["column"] == "taxable_sales_cny"
    ]
    first, second = sorted(rows, key=lambda row: row["known_at"])
    assert first["drift"] is None
    assert second["drift"] > 0.25


@pytest.mark.parametrize("runs", [1, 2])
def test_corrections_are_no_baseline_and_have_none(folder, lake, ledger, runs):
    """Three regular files of three, three and one row with a correction after each, governed at once and in steps."""
    codes = list(NAMES)
    sent = [
        ("2026-02-16", "2026-01", codes),
        ("2026-03-16", "2026-02", codes),
        ("2026-04-16", "2026-03", codes[:1]),
    ]
    for at, (on, period, present) in enumerate(sent):
        regular = [tax_row(code, period=period, sales="100") for code in present]
        late = [tax_row(codes[0], period=period, sales="90000000")]
        put(folder, TAX, f"{on}.csv", csv_bytes(TAX_HEADERS, regular))
        put(folder, TAX, f"{on[:8]}20_correction.csv", csv_bytes(TAX_HEADERS, late))
        if runs > 1 or at == 2:
            govern(folder, lake, ledger)
    names = {row["batch_id"]: row["file_name"] for row in lake.read("operations/receipts").to_pylist()}
    results = lake.read("operations/rule_results").to_pylist()
    outcomes = {
        names[row["batch_id"]]: row["outcome"]
        for row in results
        if row["rule_id"] == f"{TAX}.row_count_drift"
    }
    assert outcomes == {
        "2026-02-16.csv": "not_run", "2026-02-20_correction.csv": "not_run",
        "2026-03-16.csv": "passed", "2026-03-20_correction.csv": "not_run",
        "2026-04-16.csv": "warned", "2026-04-20_correction.csv": "not_run",
    }  # fmt: skip
    profiles = lake.read("operations/profiles").to_pylist()
    drifts = {
        names[row["batch_id"]]: row["drift"] for row in profiles if row["column"] == "taxable_sales_cny"
    }
    assert drifts == dict.fromkeys(outcomes) | {"2026-03-16.csv": 0.0, "2026-04-16.csv": 0.0}


def test_without_a_registry_files_wait_and_are_not_lost(tmp_path, lake, ledger):
    root = tmp_path / "deliveries"
    put(root, TAX, "2026-02-16.csv", csv_bytes(TAX_HEADERS, [tax_row(ALPHA)]))
    assert govern(root, lake, ledger).held == ["2026-02-16.csv"]
    put_registry(root)
    assert tax_report(govern(root, lake, ledger)).rows_accepted == 1


def test_files_that_are_no_deliveries_are_named(folder):
    put(folder, TAX, "readme.csv", b"x")
    put(folder, "unknown.table", "2026-02-16.csv", b"x")
    found, skipped = find_deliveries(folder)
    assert len(found) == 1
    assert skipped == [f"{TAX}/readme.csv", "unknown.table/2026-02-16.csv"]
    with pytest.raises(InvalidValueError, match="请给出报送文件夹"):
        find_deliveries(folder / "absent")


def test_progress_tells_the_six_steps_in_order(folder, lake, ledger):
    told = []
    govern(
        folder,
        lake,
        ledger,
        on_progress=lambda table, step, done, total: told.append((table, step, done, total)),
    )
    assert told == [("企业登记", title, at, 6) for at, (_, title) in enumerate(STEPS)]


@pytest.mark.parametrize("span", [1, 2, 3])
def test_enterprises_are_the_same_however_many_are_put_together_at_a_time(
    folder, lake, ledger, tmp_path, monkeypatch, span
):
    put_registry(
        folder, [registry_row(ALPHA, "长沙星河机械有限公司", snapshot="2026-02-05")], "2026-02-06.csv"
    )
    govern(folder, lake, ledger)
    monkeypatch.setattr(enterprises, "SPAN", span)
    other = Lake(tmp_path / "other")
    govern(folder, other, None)
    assert other.digest("published/enterprises") == lake.digest("published/enterprises")
    aliases = {
        row["enterprise_id"]: row["aliases"]
        for row in lake.read("published/enterprises").to_pylist()
        if row["known_at"] > dt.date(2026, 2, 1)
    }
    assert aliases == {ALPHA: [NAMES[ALPHA]]}
