"""OpenLineage events for catalogues of others: runs of governance, computations of indicators, ratings; with column lineage.

Events are made from what the lake holds and from the declarations, when they are asked for; the same lake gives the same events. It
stands in the composition root because it looks across all rooms.

Source: OpenLineage specification 2-0-2, facets ColumnLineage 1-2-0, DataQualityMetrics, DataQualityAssertions, OutputStatistics.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from openlineage.client.event_v2 import (
    InputDataset,
    OutputDataset,
    RunEvent,
    RunState,
)
from openlineage.client.facet_v2 import (
    column_lineage_dataset,
    nominal_time_run,
    output_statistics_output_dataset,
    schema_dataset,
)

from config.lineage_governance import governance_events
from config.lineage_runs import day_start, job_of, namespace, rows_of, run_events
from rongqiao.indicators.lineage import RECORD, WAYS, item_edges
from rongqiao.indicators.registry import load_indicators
from rongqiao.kernel.period import last_day
from rongqiao.scoring.card import card_path, load_card
from rongqiao.scoring.rating import KNOCK_OUTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rongqiao.lake.tables import Lake

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
_Transformation = column_lineage_dataset.Transformation
_InputField = column_lineage_dataset.InputField
_Fields = column_lineage_dataset.Fields


def lake_events(lake: Lake, *, since: dt.date) -> Iterator[RunEvent]:
    """Events of everything that the lake holds of governance, indicators and ratings since a day; START before COMPLETE.

    Parameters
    ----------
    lake : Lake
        Tables that are absent give no events.
    since : datetime.date
        Day of delivery, or day up to which a computation knew, inclusive.
    """
    yield from governance_events(lake, since)
    yield from _indicator_events(lake, since)
    yield from _rating_events(lake, since)


def _indicator_events(lake: Lake, since: dt.date) -> Iterator[RunEvent]:
    groups = rows_of(
        lake,
        INDICATORS,
        "known_at >= ? GROUP BY ALL ORDER BY ALL",
        [since],
        "as_of, known_at, count(*) AS rows",
    )
    if not groups:
        return
    lineage, tables = indicator_lineage()
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
        job = job_of("compute.indicators", "COMPUTATION", "全部企业的全部指标，按声明的计算式一次算出")
        inputs = [
            InputDataset(namespace(), f"published/{name}")
            for name in tables
            if lake.exists(f"published/{name}")
        ]
        key = f"{group['as_of']} {group['known_at']}"
        yield from run_events(
            job, day_start(group["known_at"]), key, RunState.COMPLETE, inputs, [target], _nominal(group)
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
    for group in rows_of(lake, RATINGS, "known_at >= ? GROUP BY ALL ORDER BY ALL", [since], columns):
        facets: dict[str, Any] = {}
        if card_path(group["model"]).is_file():
            facets["columnLineage"] = _rated(group["model"])
        target = OutputDataset(namespace(), RATINGS, _statistics(group), facets=facets)
        job = job_of(
            f"score.{group['model']}", "COMPUTATION", f"综合评价，评分卡第 {group['model_version']} 版"
        )
        key = f"{group['as_of']} {group['known_at']} {group['model_version']}"
        inputs = [InputDataset(namespace(), INDICATORS)]
        yield from run_events(
            job, day_start(group["known_at"]), key, RunState.COMPLETE, inputs, [target], _nominal(group)
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
            day_start(end.replace(day=1)).isoformat(), day_start(end + dt.timedelta(days=1)).isoformat()
        )
    }
