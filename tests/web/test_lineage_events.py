"""OpenLineage events: what governance, indicators and rating did, with conditions told from values; sent and kept by the client."""

import datetime as dt
import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.utils import timezone
from lake_fixture import build_lake
from typer.testing import CliRunner

from config.commands import lineage
from config.lineage_events import indicator_lineage, lake_events
from config.lineage_governance import failure_events
from config.lineage_runs import PRODUCER
from rongqiao.bases.enterprises.intake.models import Upload
from rongqiao.indicators.lineage import RECORD, item_edges
from rongqiao.indicators.registry import load_indicators
from rongqiao.kernel.errors import InvalidValueError

TAX, CASES = "taxation.tax_filing", "court.judicial_case"
SINCE = dt.date(2026, 11, 1)
#: Subtypes that the specification of column lineage names.
DIRECT = {"IDENTITY", "TRANSFORMATION", "AGGREGATION"}
INDIRECT = {"JOIN", "GROUP_BY", "FILTER", "SORT", "WINDOW", "CONDITIONAL"}


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return build_lake(tmp_path_factory.mktemp("lake"))


@pytest.fixture(scope="module")
def events(lake):
    from openlineage.client.serde import Serde

    return [json.loads(Serde.to_json(event)) for event in lake_events(lake, since=SINCE)]


def ended(events, job):
    return next(each for each in events if each["job"]["name"] == job and each["eventType"] == "COMPLETE")


def facets_of(node):
    """Every facet in an event."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in {"facets", "inputFacets", "outputFacets"}:
                yield from value.values()
            yield from facets_of(value)
    elif isinstance(node, list):
        for each in node:
            yield from facets_of(each)


def transformations(field):
    return {(each["type"], each["subtype"]) for each in field["transformations"]}


def test_every_run_begins_and_ends_once_and_says_what_the_specification_asks_for(events):
    by_run = Counter((each["run"]["runId"], each["eventType"]) for each in events)
    assert set(by_run.values()) == {1}
    assert len(by_run) == 2 * len({run for run, _ in by_run})
    for each in events:
        assert dt.datetime.fromisoformat(each["eventTime"]).tzinfo
        assert each["producer"] == PRODUCER
        assert each["schemaURL"].startswith("https://openlineage.io/spec/")
        assert each["job"]["namespace"] == "rongqiao"
        for facet in facets_of(each):
            assert facet["_producer"] == PRODUCER
            assert facet["_schemaURL"].startswith("https://openlineage.io/spec/facets/")


def test_the_same_lake_gives_the_same_events_and_since_leaves_earlier_ones_out(lake, events):
    from openlineage.client.serde import Serde

    assert [json.loads(Serde.to_json(event)) for event in lake_events(lake, since=SINCE)] == events
    assert list(lake_events(lake, since=dt.date(2026, 12, 1))) == []


def test_governance_leads_from_the_file_to_the_table_with_what_was_measured_and_checked(events):
    run = ended(events, f"govern.{TAX}")
    (source,), (target,) = run["inputs"], run["outputs"]
    assert (source["name"], target["name"]) == (f"deliveries/{TAX}/2026-11-18.csv", f"published/{TAX}")
    assert source["facets"]["datasetVersion"]["datasetVersion"] == "sm3:" + "ab" * 32
    metrics = source["inputFacets"]["dataQualityMetrics"]
    assert (metrics["rowCount"], metrics["bytes"]) == (43, 1234)
    assert metrics["columnMetrics"]["所属期"] == {
        "count": 42, "distinctCount": 24, "max": 202610.0, "min": 202411.0, "nullCount": 0, "quantiles": {}
    }  # fmt: skip
    (check,) = source["inputFacets"]["dataQualityAssertions"]["assertions"]
    assert (check["success"], check["actual"]) == (False, "1 of 42 rows failed")
    assert target["outputFacets"]["outputStatistics"]["rowCount"] == 42
    columns = target["facets"]["columnLineage"]
    (sales,) = columns["fields"]["taxable_sales_cny"]["inputFields"]
    assert (sales["name"], sales["field"]) == (source["name"], "应税销售收入")
    assert transformations(sales) == {("DIRECT", "TRANSFORMATION")}
    resolved = {each["field"] for each in columns["fields"]["enterprise_id"]["inputFields"]}
    assert "统一社会信用代码" in resolved
    assert {kind for each in columns["dataset"] for kind in transformations(each)} == {("INDIRECT", "FILTER")}


def test_a_column_of_a_predicate_only_is_indirect(events):
    fields = ended(events, "compute.indicators")["outputs"][0]["facets"]["columnLineage"]["fields"]
    defendant = {
        each["field"]: transformations(each) for each in fields["judicial_defendant_m12_count"]["inputFields"]
    }
    assert ("INDIRECT", "CONDITIONAL") in defendant["role"]
    assert {kind for kind, _ in defendant["role"]} == {"INDIRECT"}
    assert ("INDIRECT", "FILTER") in defendant["closed_on"]
    assert defendant["line"] == {("DIRECT", "AGGREGATION")}
    assert "amount_cny" not in defendant
    joined = {
        kind for field in fields.values() for each in field["inputFields"] for kind in transformations(each)
    }
    assert {subtype for kind, subtype in joined if kind == "DIRECT"} <= DIRECT
    assert {subtype for kind, subtype in joined if kind == "INDIRECT"} <= INDIRECT
    assert ("INDIRECT", "GROUP_BY") in joined


def test_column_lineage_is_the_lineage_of_the_expressions():
    facet, tables = indicator_lineage()
    assert set(facet.fields) == set(load_indicators())
    for name, found in facet.fields.items():
        told = {(each.name.removeprefix("published/"), each.field) for each in found.inputFields}
        assert {pair for pair in told if pair[1] not in {"batch_id", "line"}} == {
            (edge.source, edge.column) for edge in item_edges(name) if edge.column != RECORD
        }
    assert TAX in tables


def test_a_rating_rests_on_its_card_and_knock_outs_decide_the_grade_alone(events):
    fields = ended(events, "score.202610_credit")["outputs"][0]["facets"]["columnLineage"]["fields"]
    kinds = {each["field"]: transformations(each) for each in fields["knock_outs"]["inputFields"]}
    assert kinds["registration_revoked_flag"] == {("INDIRECT", "CONDITIONAL")}
    assert "registration_revoked_flag" not in {each["field"] for each in fields["score"]["inputFields"]}
    assert "registration_revoked_flag" in {each["field"] for each in fields["grade"]["inputFields"]}


def test_a_delivery_that_could_not_be_governed_fails_with_its_reason():
    upload = Upload(
        contract_id=TAX, stored_name="2026-11-18.csv", problem="文件打不开：请重新导出。", status="failed", ended_at=timezone.now()
    )  # fmt: skip
    begun, failed = failure_events([upload])
    assert (begun.eventType.value, failed.eventType.value) == ("START", "FAIL")
    assert begun.run.runId == failed.run.runId
    assert failed.run.facets["errorMessage"].message == upload.problem
    assert failed.outputs == []


class _Receiver(BaseHTTPRequestHandler):
    received: list[dict] = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.received.append((self.path, json.loads(body)))
        self.send_response(201)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver():
    server = HTTPServer(("127.0.0.1", 0), _Receiver)
    _Receiver.received = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_events_are_printed_kept_and_posted_alike(lake, events, tmp_path, monkeypatch, receiver):
    monkeypatch.setenv("RONGQIAO_OPENLINEAGE_URL", receiver)
    kept = tmp_path / "events.jsonl"
    answer = CliRunner().invoke(
        lineage.app,
        ["events", "--since", "2026-11-01", "--lake", lake.root, "--json", "--file", str(kept), "--post"],
    )
    assert answer.exit_code == 0, answer.output
    printed = [json.loads(line) for line in answer.stdout.splitlines()]
    assert printed == events
    assert [json.loads(line) for line in kept.read_text(encoding="utf-8").splitlines()] == events
    assert [body for _, body in _Receiver.received] == events
    assert {path for path, _ in _Receiver.received} == {"/api/v1/lineage"}


def test_without_an_address_or_a_way_out_nothing_is_sent(lake, monkeypatch):
    monkeypatch.delenv("RONGQIAO_OPENLINEAGE_URL", raising=False)
    for ways in ([], ["--post"]):
        answer = CliRunner().invoke(
            lineage.app, ["events", "--since", "2026-11-01", "--lake", lake.root, *ways]
        )
        assert isinstance(answer.exception, InvalidValueError)
