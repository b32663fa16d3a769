"""OpenLineage events of governance: from the delivered file to the published table, with what was measured and checked."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import sqlglot
from openlineage.client.event_v2 import InputDataset, OutputDataset, RunEvent, RunState
from openlineage.client.facet_v2 import (
    column_lineage_dataset,
    data_quality_assertions_dataset,
    data_quality_metrics_input_dataset,
    dataset_version_dataset,
    error_message_run,
    output_statistics_output_dataset,
    schema_dataset,
)
from sqlglot import exp

from config.lineage_runs import day_start, job_of, namespace, rows_of, run_events
from rongqiao.contracts.standards import load_contracts

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator

    from rongqiao.bases.enterprises.intake.models import Upload
    from rongqiao.contracts.model import Contract
    from rongqiao.lake.tables import Lake

_IDENTITY = ("uscc", "name")
_Transformation = column_lineage_dataset.Transformation
_InputField = column_lineage_dataset.InputField
_Fields = column_lineage_dataset.Fields


def governance_events(lake: Lake, since: dt.date) -> Iterator[RunEvent]:
    """Events of every delivered file since a day that has a receipt; START before COMPLETE."""
    receipts = rows_of(
        lake, "operations/receipts", "delivered_on >= ? ORDER BY delivered_on, batch_id", [since]
    )
    profiles = _by_batch(rows_of(lake, "operations/profiles", "known_at >= ?", [since]))
    results = _by_batch(rows_of(lake, "operations/rule_results", "known_at >= ?", [since]))
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
        job = job_of(
            f"govern.{contract.id}", "GOVERNANCE", f"六步治理：{contract.department_title} {contract.title}"
        )
        yield from run_events(
            job, day_start(receipt["delivered_on"]), batch_id, RunState.COMPLETE, [source], [target], {}
        )


def failure_events(uploads: Iterable[Upload]) -> Iterator[RunEvent]:
    """Events of deliveries that governance could not work on; START before FAIL, with the reason."""
    for upload in uploads:
        at = upload.ended_at or upload.created_at
        facets: dict[str, Any] = {
            "errorMessage": error_message_run.ErrorMessageRunFacet(upload.problem, "PYTHON")
        }
        job = job_of(f"govern.{upload.contract_id}", "GOVERNANCE", "六步治理：检验、清洗、发布")
        source = InputDataset(namespace(), _delivery_name(upload.contract_id, upload.stored_name))
        yield from run_events(job, at, str(upload.pk), RunState.FAIL, [source], [], facets)


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
