"""From scores to grades: abstention, knock-outs, reasons, and the table of ratings."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rongqiao.contracts.catalog import threshold, threshold_table
from rongqiao.kernel.errors import ContractError
from rongqiao.kernel.period import check_month, last_day
from rongqiao.lake import asof, suspensions
from rongqiao.lake.engine import connect, ibis_connection, quote
from rongqiao.scoring.card import Card, Floats, apply_card, coverage, feature_points, reason_text

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Collection, Mapping, Sequence
    from decimal import Decimal

    import duckdb
    from ibis.expr.types import Table

    from rongqiao.lake.tables import Lake

INDICATORS, RATINGS = "analytics/indicators", "analytics/ratings"
LOWEST_GRADE = "D"
#: Enterprises rated at a time.
SPAN = 50_000
KNOCK_OUTS = {
    "judicial_dishonest_open_count": "列为失信被执行人且未了结",
    "registration_revoked_flag": "营业执照被吊销",
    "registration_cancelled_flag": "已注销",
    "registration_serious_illegal_open_flag": "列入严重违法失信名单且未移出",
}
SCHEMA = pa.schema(
    [
        ("enterprise_id", pa.string()),
        ("as_of", pa.int32()),
        ("known_at", pa.date32()),
        ("score", pa.float64()),
        ("grade", pa.string()),
        ("default_probability", pa.float64()),
        ("coverage_ratio", pa.float64()),
        ("reasons", pa.string()),
        ("knock_outs", pa.string()),
        ("model", pa.string()),
        ("model_version", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class GradeScale:
    """Dated numbers that turn scores into grades.

    Parameters
    ----------
    cutoffs : mapping
        Grade → lowest score that earns it, best first; the last is the lowest grade.
    coverage_min : float
        With less of the card covered by data there is no rating.
    """

    cutoffs: Mapping[str, float]
    coverage_min: float


def scale_of(on: dt.date) -> GradeScale:
    """Read the scale in force on a day from the catalogue."""
    table: Mapping[str, Decimal] = threshold_table("grade_cutoffs", on)
    cutoffs = dict(sorted(((name, float(low)) for name, low in table.items()), key=lambda pair: -pair[1]))
    return GradeScale(cutoffs, float(threshold("rating_coverage_min", on)))


def grade_of(score: float | None, scale: GradeScale) -> str | None:
    """Grade of a score; ``None`` where there is none."""
    if score is None:
        return None
    return next((grade for grade, low in scale.cutoffs.items() if score >= low), LOWEST_GRADE)


def rate(
    features: pa.Table, card: Card, scale: GradeScale, *, held_back: Collection[str] = frozenset()
) -> pa.Table:
    """Rate every row of a wide table of indicators.

    Parameters
    ----------
    features : pa.Table
        ``enterprise_id``, ``as_of``, ``known_at`` and indicators.
    card : Card
        The model.
    scale : GradeScale
        Cut-offs and the coverage that is needed.
    held_back : collection of str
        Indicators that are not used, whatever they hold: they score as missing, count as not covered, and their reasons say so.

    Returns
    -------
    pa.Table
        Rows of ``analytics/ratings`` in the order given. Score, grade and probability are null where coverage is too
        low (not rated); a knock-out gives D whatever the coverage, with a score below the cut-off of C.
        ``reasons`` lists what knocks out, then all indicators of the card, those that cost most points first.
    """
    rows = features.num_rows
    features = _without(features, held_back)
    values = _numbers(features, [feature.indicator for feature in card.features])
    points = feature_points(card, values)
    scores, probabilities = apply_card(card, values)
    covered = coverage(card, values, rows)
    knock_outs = _knock_outs(features)
    ceiling = _ceiling(scale)
    columns: dict[str, list[Any]] = {
        name: [] for name in ("score", "grade", "probability", "reasons", "knock_outs")
    }
    for row in range(rows):
        is_rated = covered[row] >= scale.coverage_min
        score = round(float(scores[row]), 2) if is_rated else None
        if knock_outs[row]:
            score = min(score, ceiling) if score is not None else None
        columns["score"].append(score)
        columns["grade"].append(LOWEST_GRADE if knock_outs[row] else grade_of(score, scale))
        columns["probability"].append(float(probabilities[row]) if is_rated else None)
        columns["reasons"].append(
            _reasons(card, values, points, row, held_back, knocked_out_by=knock_outs[row])
        )
        columns["knock_outs"].append(json.dumps(knock_outs[row], ensure_ascii=False))
    return pa.Table.from_arrays(
        [
            features.column("enterprise_id"),
            features.column("as_of"),
            features.column("known_at"),
            pa.array(columns["score"], pa.float64()),
            pa.array(columns["grade"], pa.string()),
            pa.array(columns["probability"], pa.float64()),
            pa.array(covered, pa.float64()),
            pa.array(columns["reasons"], pa.string()),
            pa.array(columns["knock_outs"], pa.string()),
            pa.repeat(card.model, rows),
            pa.repeat(card.version, rows),
        ],
        schema=SCHEMA,
    )


def _ceiling(scale: GradeScale) -> float:
    """Score just below the lowest grade's neighbour."""
    lows = [low for grade, low in scale.cutoffs.items() if grade != LOWEST_GRADE]
    return min(lows) - 1 if lows else 0.0


def _numbers(features: pa.Table, names: list[str]) -> dict[str, Floats]:
    return {
        name: np.asarray(features.column(name).cast(pa.float64()).to_numpy(), dtype=np.float64)
        for name in names
        if name in features.column_names
    }


def _knock_outs(features: pa.Table) -> list[list[str]]:
    found = _numbers(features, list(KNOCK_OUTS))
    return [
        [KNOCK_OUTS[name] for name, values in found.items() if values[row] > 0]
        for row in range(features.num_rows)
    ]


def _without(features: pa.Table, names: Collection[str]) -> pa.Table:
    nothing = pa.nulls(features.num_rows, pa.float64())
    for name in names:
        if name in features.column_names:
            features = features.set_column(features.column_names.index(name), name, nothing)
    return features


def _reasons(
    card: Card,
    values: Mapping[str, Floats],
    points: Floats,
    row: int,
    held_back: Collection[str],
    *,
    knocked_out_by: Collection[str],
) -> str:
    """Write why the grade is what it is: what knocks out first, then what cost most points."""
    listed = []
    for column, feature in enumerate(card.features):
        given = values.get(feature.indicator)
        value = None if given is None or np.isnan(given[row]) else float(given[row])
        got = float(points[row, column])
        listed.append(
            {
                "indicator": feature.indicator,
                "points": round(got, 2),
                "max_points": round(feature.max_points, 2),
                "text": reason_text(feature, value, got, is_held_back=feature.indicator in held_back),
            }
        )
    listed.sort(key=lambda reason: float(reason["points"]) - float(reason["max_points"]))  # type: ignore[arg-type]
    out = [
        {
            "indicator": name,
            "points": None,
            "max_points": None,
            "text": f"{words}：一票否决，等级为 {LOWEST_GRADE}",
        }
        for name, words in KNOCK_OUTS.items()
        if words in knocked_out_by
    ]
    return json.dumps([*out, *listed], ensure_ascii=False)


def write_ratings(
    lake: Lake, *, as_of: int, known_at: dt.date, card: Card, scale: GradeScale | None = None
) -> bool:
    """Rate all enterprises from the kept indicators into ``analytics/ratings``, once per pair of times and card.

    Parameters
    ----------
    lake : Lake
        Holds ``analytics/indicators`` of these two times: computed for everybody, or brought up to that day.
    as_of : int
        Month ``YYYYMM``.
    known_at : date
        As the indicators were computed.
    card : Card
        The model.
    scale : GradeScale or None
        The catalogue's scale of the last day of ``as_of`` when ``None``.

    Returns
    -------
    bool
        Whether rows were written; ``False`` if they stand there already.

    Raises
    ------
    ContractError
        If the indicators were not computed for these times.
    """
    key = f"ratings@{check_month(as_of)}@{known_at.isoformat()}@{card.model}@{card.version}"
    if lake.has(RATINGS, transaction=key):
        return False
    remedy = f"Run `rongqiao indicators compute --as-of {as_of} --known-at {known_at}` first."
    # Rows that were amended on that day do not make a full run of it.
    if not lake.exists(INDICATORS) or not lake.has(
        INDICATORS, transaction=f"indicators@{as_of}@{known_at.isoformat()}"
    ):
        raise ContractError("指标", as_of, remedy)
    scale = scale or scale_of(last_day(as_of))
    stopped = suspensions.held_back(lake, known_at=known_at)
    path, count = lake.new_file(RATINGS), 0
    with (
        connect(lake, [INDICATORS]) as connection,
        pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer,
    ):
        for batch in _features(connection, card, as_of, known_at):
            writer.write_table(rate(pa.Table.from_batches([batch]), card, scale, held_back=stopped))
            count += batch.num_rows
    if not count:
        raise ContractError("指标", as_of, remedy)
    return lake.append_files(RATINGS, SCHEMA, [(path, count)], transaction=[key])


def _features(
    connection: duckdb.DuckDBPyConnection, card: Card, as_of: int, known_at: dt.date
) -> pa.RecordBatchReader:
    """Each enterprise's newest row, span by span, with the columns that a rating reads and no others."""
    columns = {row[0] for row in connection.execute(f"DESCRIBE {quote(INDICATORS)}").fetchall()}
    read = sorted({*KNOCK_OUTS, *(feature.indicator for feature in card.features)} & columns)
    latest = "i.known_at DESC" + (", i.amendment DESC NULLS LAST" if "amendment" in columns else "")
    # Who did not change since an earlier day of the month has a row of that day; the rating is of this one.
    return connection.execute(
        f"SELECT enterprise_id, as_of, ?::DATE AS known_at, {', '.join(map(quote, read))} FROM {quote(INDICATORS)} i "  # noqa: S608
        "WHERE as_of = ? AND i.known_at <= ? "
        f"QUALIFY row_number() OVER (PARTITION BY enterprise_id ORDER BY {latest}) = 1 ORDER BY enterprise_id",
        [known_at, as_of, known_at],
    ).to_arrow_reader(SPAN)


def unrated(lake: Lake, *, as_of: int, known_at: dt.date, enterprise_ids: Sequence[str]) -> pa.Table:
    """Newest rows of ``analytics/indicators`` of a few enterprises, as far as no rating is as new, with ``amendment``.

    Parameters
    ----------
    as_of, known_at : int, date
        The two times; later rows are not looked at.
    enterprise_ids : sequence of str
        Whom to look at.
    """
    backend = ibis_connection(lake, [name for name in (INDICATORS, RATINGS) if lake.exists(name)])
    chosen = ibis.memtable({"enterprise_id": list(enterprise_ids)}, schema={"enterprise_id": "string"})

    def newest(name: str) -> Table:
        rows = backend.table(name)
        if "amendment" not in rows.columns:
            rows = rows.mutate(amendment=ibis.null("int32"))
        rows = rows.filter(rows.as_of == as_of).semi_join(chosen, "enterprise_id")
        return asof.latest(rows, ["enterprise_id"], known_at=known_at)

    rows = newest(INDICATORS)
    if lake.exists(RATINGS):
        rated = newest(RATINGS).select("enterprise_id", day="known_at", number="amendment")
        same = (rows.enterprise_id == rated.enterprise_id) & (
            (rated.day > rows.known_at)
            | ((rated.day == rows.known_at) & (rated.number.fill_null(0) >= rows.amendment.fill_null(0)))
        )
        rows = rows.anti_join(rated, same)
    return rows.order_by("enterprise_id").to_pyarrow()


def amend_ratings(
    lake: Lake, features: pa.Table, *, card: Card, cause: str, scale: GradeScale | None = None
) -> bool:
    """Rate enterprises again whose indicators were amended, and keep it beside the earlier ratings.

    Parameters
    ----------
    features : pa.Table
        Amended rows of ``analytics/indicators``, with ``amendment``.
    card, scale : Card, GradeScale or None
        As in :func:`write_ratings`.
    cause : str
        Names the amendment for ever: the same cause is entered once.

    Returns
    -------
    bool
        Whether rows were written.
    """
    if features.num_rows == 0:
        return False
    as_of = int(features.column("as_of")[0].as_py())
    stopped = suspensions.held_back(lake, known_at=features.column("known_at")[0].as_py())
    rated = rate(features, card, scale or scale_of(last_day(as_of)), held_back=stopped)
    rated = rated.append_column("amendment", features.column("amendment"))
    return lake.append(RATINGS, rated, transaction=f"amendment@{as_of}@{cause}")
