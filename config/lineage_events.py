"""OpenLineage events for catalogues of others: runs of governance, computations of indicators, ratings; with column lineage.

Events are made from what the lake holds and from the declarations, when they are asked for; the same lake gives the same events with
the same run ids, so sending them again changes nothing at the receiver. Deliveries and computations are dated by the day, so an event's
time is the beginning of that day in China. It stands in the composition root because it looks across all rooms.

Source: OpenLineage specification 2-0-2, facets ColumnLineage 1-2-0, DataQualityMetrics, DataQualityAssertions, OutputStatistics.
"""

from __future__ import annotations

import datetime as dt
import os
from collections import defaultdict
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import sqlglot
from openlineage.client.event_v2 import (
    InputDataset,
    Job,
    OutputDataset,
    Run,
    RunEvent,
    RunState,
    set_producer,
)
from openlineage.client.facet_v2 import (
    column_lineage_dataset,
    data_quality_assertions_dataset,
    data_quality_metrics_input_dataset,
    dataset_version_dataset,
    documentation_job,
    error_message_run,
    job_type_job,
    nominal_time_run,
    output_statistics_output_dataset,
    schema_dataset,
)
from openlineage.client.uuid import generate_static_uuid
from sqlglot import exp

from rongqiao.contracts.standards import load_contracts
from rongqiao.indicators.lineage import RECORD, WAYS, item_edges
from rongqiao.indicators.registry import load_indicators
from rongqiao.kernel.period import last_day
from rongqiao.lake.engine import connect, quote
from rongqiao.scoring.card import card_path, load_card
from rongqiao.scoring.rating import KNOCK_OUTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rongqiao.bases.enterprises.intake.models import Upload
    from rongqiao.contracts.model import Contract
    from rongqiao.lake.tables import Lake

PRODUCER = "urn:rongqiao:lineage"
CHINA = ZoneInfo("Asia/Shanghai")
INDICATORS, RATINGS = "analytics/indicators", "analytics/ratings"
#: Way of an edge → (type, subtype) of the specification.
TRANSFORMATIONS = {
    "value": ("DIRECT", "AGGREGATION"),
    "count": ("DIRECT", "AGGREGATION"),
    "condition": ("INDIRECT", "CONDITIONAL"),
    "filter": ("INDIRECT", "FILTER"),
    "join": ("INDIRECT", "JOIN"),
    "group": ("INDIRECT", "GROUP_BY"),
    "order": ("INDIRECT", "SORT"),
    "window": ("INDIRECT", "WINDOW"),
}
#: A record that is counted has no column of its own; where it was delivered stands for it.
COUNTED = ("batch_id", "line")
#: Columns of the ratings that rest on the points of the card.
SCORED = ("score", "grade", "default_probability", "coverage_ratio", "reasons")
_IDENTITY = ("uscc", "name")
_Transformation = column_lineage_dataset.Transformation
_InputField = column_lineage_dataset.InputField
_Fields = column_lineage_dataset.Fields

set_producer(PRODUCER)


def namespace() -> str:
    """Namespace of jobs and data sets: ``RONGQIAO_OPENLINEAGE_NAMESPACE``, by default ``rongqiao``."""
    return os.environ.get("RONGQIAO_OPENLINEAGE_NAMESPACE") or "rongqiao"


def lake_events(lake: Lake, *, since: dt.date) -> Iterator[RunEvent]:
    """Events of everything that the lake holds of governance, indicators and ratings since a day; START before COMPLETE.

    Parameters
    ----------
    lake : Lake
        Tables that are absent give no events.
    since : datetime.date
        Day of delivery, or day up to which a computation knew, inclusive.
    """
    yield from _governance_events(lake, since)
    yield from _indicator_events(lake, since)
    yield from _rating_events(lake, since)


def failure_events(uploads: Iterable[Upload]) -> Iterator[RunEvent]:
    """Events of deliveries that governance could not work on; START before FAIL, with the reason."""
    for upload in uploads:
        at = upload.ended_at or upload.created_at
        facets: dict[str, Any] = {
            "errorMessage": error_message_run.ErrorMessageRunFacet(upload.problem, "PYTHON")
        }
        job = _job(f"govern.{upload.contract_id}", "GOVERNANCE", "六步治理：检验、清洗、发布")
        source = InputDataset(namespace(), _delivery_name(upload.contract_id, upload.stored_name))
        yield from _run(job, at, str(upload.pk), RunState.FAIL, [source], [], facets)


def _run(
    job: Job,
    at: dt.datetime,
    key: str,
    state: RunState,
    inputs: Sequence[InputDataset],
    outputs: Sequence[OutputDataset],
    facets: dict[str, Any],
) -> Iterator[RunEvent]:
    """Beginning and end of one run; its id follows from day and key, so that it stays the same."""
    run_id = str(generate_static_uuid(at, f"{job.name} {key}".encode()))
    instant = at.isoformat()
    yield RunEvent(eventTime=instant, run=Run(run_id), job=job, eventType=RunState.START)
    yield RunEvent(
        eventTime=instant,
        run=Run(run_id, facets),
        job=job,
        eventType=state,
        inputs=list(inputs),
        outputs=list(outputs),
    )


def _job(name: str, kind: str, text: str) -> Job:
    return Job(
        namespace(),
        name,
        {
            "jobType": job_type_job.JobTypeJobFacet("BATCH", "RONGQIAO", kind),
            "documentation": documentation_job.DocumentationJobFacet(text),
        },
    )


def _at(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), CHINA)


def _rows(
    lake: Lake, table: str, where: str, parameters: Sequence[Any], columns: str = "*"
) -> list[dict[str, Any]]:
    if not lake.exists(table):
        return []
    query = f"SELECT {columns} FROM {quote(table)} WHERE {where}"  # noqa: S608 (names of this module)
    found: list[dict[str, Any]] = (
        connect(lake, [table]).execute(query, list(parameters)).to_arrow_table().to_pylist()
    )
    return found


# -- governance ------------------------------------------------------------------------------------------------------


def _governance_events(lake: Lake, since: dt.date) -> Iterator[RunEvent]:
    receipts = _rows(
        lake, "operations/receipts", "delivered_on >= ? ORDER BY delivered_on, batch_id", [since]
    )
    profiles = _by_batch(_rows(lake, "operations/profiles", "known_at >= ?", [since]))
    results = _by_batch(_rows(lake, "operations/rule_results", "known_at >= ?", [since]))
    for receipt in receipts:
        contract = load_contracts().get(receipt["contract_id"])
        if contract is None:
            # A table that was withdrawn has no shape to tell of any more.
            continue
        batch_id = receipt["batch_id"]
        source = _delivered(contract, receipt, profiles[batch_id], results[batch_id])
        target = OutputDataset(
            namespace(),
            f"published/{contract.id}",
            {
                "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
                    receipt["rows_accepted"]
                )
            },
            facets={"schema": _published_schema(contract), "columnLineage": _governed(contract, source.name)},
        )
        job = _job(
            f"govern.{contract.id}", "GOVERNANCE", f"六步治理：{contract.department_title} {contract.title}"
        )
        yield from _run(
            job, _at(receipt["delivered_on"]), batch_id, RunState.COMPLETE, [source], [target], {}
        )


def _by_batch(rows: Iterable[dict[str, Any]]) -> defaultdict[str, list[dict[str, Any]]]:
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["batch_id"]].append(row)
    return found


def _delivery_name(contract_id: str, file_name: str) -> str:
    return f"deliveries/{contract_id}/{file_name}"


def _delivered(
    contract: Contract, receipt: dict[str, Any], profiles: list[dict[str, Any]], results: list[dict[str, Any]]
) -> InputDataset:
    """Name the file as it came: its columns by their official titles, its digest as version, what was measured and checked."""
    titles = {item.id: item.title for item in contract.items}
    metrics = data_quality_metrics_input_dataset.DataQualityMetricsInputDatasetFacet(
        columnMetrics={
            titles[row["column"]]: data_quality_metrics_input_dataset.ColumnMetrics(
                nullCount=row["nulls"],
                distinctCount=row["distinct_count"],
                count=row["rows"] - row["nulls"],
                min=_number(row["minimum"]),
                max=_number(row["maximum"]),
            )
            for row in profiles
            if row["column"] in titles
        },
        rowCount=receipt["rows_in"],
        bytes=receipt["size_bytes"],
    )
    rules = {rule.id: rule for rule in contract.rules}
    checks = [
        data_quality_assertions_dataset.Assertion(
            assertion=row["family"],
            success=row["outcome"] == "passed",
            # Rules by which values are read stand in no contract; they refuse.
            severity="warn" if (rule := rules.get(row["rule_id"])) and rule.severity == "warn" else "error",
            column=titles.get(rule.columns[0]) if rule and len(rule.columns) == 1 else None,
            name=row["rule_id"],
            description=rule.title if rule else None,
            actual=f"{row['rows_failed']} of {row['rows_checked']} rows failed",
        )
        for row in results
        # What was not run neither passed nor failed: nothing is asserted of it.
        if row["outcome"] != "not_run"
    ]
    facets: dict[str, Any] = {"dataQualityMetrics": metrics}
    if checks:
        facets["dataQualityAssertions"] = data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(
            checks
        )
    fields = [
        schema_dataset.SchemaDatasetFacetFields(item.title, description=item.definition)
        for item in contract.items
    ]
    return InputDataset(
        namespace(),
        _delivery_name(contract.id, receipt["file_name"]),
        facets,
        facets={
            "schema": schema_dataset.SchemaDatasetFacet(fields),
            "datasetVersion": dataset_version_dataset.DatasetVersionDatasetFacet(f"sm3:{receipt['digest']}"),
        },
    )


def _number(text: str | None) -> float | None:
    """Read a bound of a profile as a number; null where the column holds none."""
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _published_schema(contract: Contract) -> schema_dataset.SchemaDatasetFacet:
    own = [
        schema_dataset.SchemaDatasetFacetFields(item.id, item.physical_type, item.title)
        for item in contract.items
    ]
    return schema_dataset.SchemaDatasetFacet(
        [
            schema_dataset.SchemaDatasetFacetFields("enterprise_id", "VARCHAR", "归属的企业"),
            *own,
            schema_dataset.SchemaDatasetFacetFields("known_at", "DATE", "获知日"),
            schema_dataset.SchemaDatasetFacetFields("batch_id", "VARCHAR", "批次"),
            schema_dataset.SchemaDatasetFacetFields("line", "INTEGER", "行号"),
        ]
    )


def _governed(contract: Contract, source: str) -> column_lineage_dataset.ColumnLineageDatasetFacet:
    """Each item from its column; the enterprise from code and name; rows let through by the rules that refuse."""

    def field(item_id: str, subtype: str, text: str, kind: str = "DIRECT") -> Any:
        masked = item_id.endswith("_hmac")
        change = _Transformation(kind, subtype, text, masking=masked)
        return _InputField(namespace(), source, contract.item(item_id).title, [change])

    fields = {
        item: _Fields([field(item, "TRANSFORMATION", "按数据标准换算写法和单位")])
        for item in contract.columns
    }
    named = [item for item in _IDENTITY if item in contract.columns]
    fields["enterprise_id"] = _Fields([field(item, "TRANSFORMATION", "归到唯一的企业") for item in named])
    judged = {
        item for rule in contract.rules if rule.severity == "reject" for item in _judged(rule, contract)
    }
    # A value that cannot be read sets its row aside too, as one that must not be missing does.
    read = {item.id for item in contract.items if item.is_required or item.code_list or item.type != "string"}
    dataset = [field(item, "FILTER", "不合格的行进隔离区", "INDIRECT") for item in sorted(judged | read)]
    return column_lineage_dataset.ColumnLineageDatasetFacet(fields, dataset)


def _judged(rule: Any, contract: Contract) -> set[str]:
    """Items that a rule looks at: those it is about, and those that its predicate names."""
    found = set(rule.columns)
    if rule.scope == "row":
        tree = sqlglot.parse_one(f"SELECT {rule.expression}", dialect="duckdb")
        found |= {column.name for column in tree.find_all(exp.Column)}
    return found & set(contract.columns)


# -- indicators and ratings ------------------------------------------------------------------------------------------


def _indicator_events(lake: Lake, since: dt.date) -> Iterator[RunEvent]:
    groups = _rows(
        lake,
        INDICATORS,
        "known_at >= ? GROUP BY ALL ORDER BY ALL",
        [since],
        "as_of, known_at, count(*) AS rows",
    )
    lineage, tables = indicator_lineage() if groups else (None, [])
    for group in groups:
        fields = [
            schema_dataset.SchemaDatasetFacetFields(each.id, "DOUBLE", each.title)
            for each in load_indicators().values()
        ]
        target = OutputDataset(
            namespace(),
            INDICATORS,
            _statistics(group),
            facets={"schema": schema_dataset.SchemaDatasetFacet(fields), "columnLineage": lineage},
        )
        job = _job("compute.indicators", "COMPUTATION", "全部企业的全部指标，按声明的计算式一次算出")
        inputs = [
            InputDataset(namespace(), f"published/{name}")
            for name in tables
            if lake.exists(f"published/{name}")
        ]
        key = f"{group['as_of']} {group['known_at']}"
        yield from _run(
            job, _at(group["known_at"]), key, RunState.COMPLETE, inputs, [target], _nominal(group)
        )


def indicator_lineage() -> tuple[column_lineage_dataset.ColumnLineageDatasetFacet, list[str]]:
    """Column lineage of all indicators to the items they rest on in the end, conditions included, and the tables read."""
    fields = {name: _Fields(_fields_of(name), load_indicators()[name].formula) for name in load_indicators()}
    tables = {edge.source for name in load_indicators() for edge in item_edges(name)}
    return column_lineage_dataset.ColumnLineageDatasetFacet(fields), sorted(tables)


def _fields_of(indicator_id: str) -> list[Any]:
    found: dict[tuple[str, str], dict[str, Any]] = defaultdict(dict)
    for edge in item_edges(indicator_id):
        kind, subtype = TRANSFORMATIONS[edge.via]
        change = _Transformation(kind, subtype, WAYS[edge.via], masking=False)
        columns = COUNTED if edge.column == RECORD else (edge.column,)
        for column in columns:
            found[edge.source, column][edge.via] = change
    return [
        _InputField(namespace(), f"published/{source}", column, list(changes.values()))
        for (source, column), changes in sorted(found.items())
    ]


def _rating_events(lake: Lake, since: dt.date) -> Iterator[RunEvent]:
    columns = "as_of, known_at, model, model_version, count(*) AS rows"
    for group in _rows(lake, RATINGS, "known_at >= ? GROUP BY ALL ORDER BY ALL", [since], columns):
        facets: dict[str, Any] = {}
        if card_path(group["model"]).is_file():
            facets["columnLineage"] = _rated(group["model"])
        target = OutputDataset(namespace(), RATINGS, _statistics(group), facets=facets)
        job = _job(
            f"score.{group['model']}", "COMPUTATION", f"综合评价，评分卡第 {group['model_version']} 版"
        )
        key = f"{group['as_of']} {group['known_at']} {group['model_version']}"
        inputs = [InputDataset(namespace(), INDICATORS)]
        yield from _run(
            job, _at(group["known_at"]), key, RunState.COMPLETE, inputs, [target], _nominal(group)
        )


def _rated(model: str) -> column_lineage_dataset.ColumnLineageDatasetFacet:
    def field(indicator_id: str, kind: str, subtype: str, text: str) -> Any:
        return _InputField(
            namespace(), INDICATORS, indicator_id, [_Transformation(kind, subtype, text, masking=False)]
        )

    features = load_card(card_path(model)).features
    points = [field(each.indicator, "DIRECT", "TRANSFORMATION", "按评分卡计分") for each in features]
    # A knock-out gives no points: it decides the grade alone.
    decided = [field(name, "INDIRECT", "CONDITIONAL", text) for name, text in KNOCK_OUTS.items()]
    fields = {name: _Fields(points) for name in SCORED} | {"knock_outs": _Fields(decided)}
    fields["grade"] = _Fields([*points, *decided])
    return column_lineage_dataset.ColumnLineageDatasetFacet(fields)


def _statistics(group: dict[str, Any]) -> dict[str, Any]:
    return {
        "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(group["rows"])
    }


def _nominal(group: dict[str, Any]) -> dict[str, Any]:
    """Month that was computed: what it is about, not when it ran."""
    end = last_day(group["as_of"])
    return {
        "nominalTime": nominal_time_run.NominalTimeRunFacet(
            _at(end.replace(day=1)).isoformat(), _at(end + dt.timedelta(days=1)).isoformat()
        )
    }
