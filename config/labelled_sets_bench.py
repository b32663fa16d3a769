"""Measures Splink, in the version and the ways it serves us, on labelled sets of people, beside what is published of such sets."""

# ruff: noqa: S608  (names are constants of this module)
from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from config.resolution_bench import ratio
from rongqiao.governance.resolution import linkage
from rongqiao.lake.engine import literal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from splink import Linker

#: What the tool's documentation gives for sets of this kind; the sets' own notes name no single figure.
PUBLISHED = {"f1": "0.95–0.99", "source": "Splink 文档（同类示例数据），见数据集说明"}
THRESHOLDS = (0.5, 0.9, 0.95, 0.99, 0.999)


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """A set of records that are known to mean one person or not.

    Parameters
    ----------
    query : callable
        Writes the query of its records: ``unique_id``, ``cluster``, and what is compared.
    comparisons : callable
        Gives what is compared, and how.
    blocks : tuple of str
        What pairs must share to be compared.
    training : tuple of str
        What pairs share from which the weights are learnt; each for what the other does not share.
    """

    query: Callable[[Path], str]
    comparisons: Callable[[], list[Any]]
    blocks: tuple[str, ...]
    training: tuple[str, ...]


def measure_labelled(folder: Path) -> list[dict[str, Any]]:
    """Deduplicate the labelled sets, and compare pairs with the truth, beside the published figures.

    Returns
    -------
    list of dict
        Pairs count as found where both records come into one group, as in a register; at the threshold of the best F1.
    """
    return [{"set": name, **_measure_set(folder, labelled)} for name, labelled in SETS.items()]


def _measure_set(folder: Path, labelled: LabelledSet) -> dict[str, Any]:
    started = time.perf_counter()
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.execute(f"CREATE TABLE people AS {labelled.query(folder)}")
        linker = _train(connection, labelled)
        found = linker.inference.predict(warning_mode="never")
        pairs = _count_pairs(connection, found.physical_name)
        scores = [_score(connection, linker, found, threshold, pairs["true"]) for threshold in THRESHOLDS]
        return {
            "records": pairs["records"],
            "true_pairs": pairs["true"],
            **max(scores, key=lambda score: score["f1"] or 0),
            "blocking_loss": ratio(pairs["true"] - pairs["blocked"], pairs["true"]),
            "published_f1": PUBLISHED["f1"],
            "published_source": PUBLISHED["source"],
            "seconds": round(time.perf_counter() - started, 1),
        }


def _train(connection: duckdb.DuckDBPyConnection, labelled: LabelledSet) -> Linker:
    linker = linkage.open_linker(
        connection,
        {
            "link_type": "dedupe_only",
            "comparisons": labelled.comparisons(),
            "blocking_rules_to_generate_predictions": [_equal(rule) for rule in labelled.blocks],
            "probability_two_random_records_match": 1e-4,
            "retain_matching_columns": False,
        },
        tables=("people",),
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=2e6, seed=43, min_count_per_level=None)
    for rule in labelled.training:
        linker.training.estimate_parameters_using_expectation_maximisation(
            _equal(rule), record_sample_proportion=1.0
        )
    return linker


def _count_pairs(connection: duckdb.DuckDBPyConnection, found: str) -> dict[str, int]:
    """Count records, true pairs among them, and true pairs that a block brought together."""
    row = connection.execute(
        f"""SELECT (SELECT count(*) FROM people), (SELECT sum(n * (n - 1) / 2)::BIGINT FROM (SELECT count(*) AS n FROM people GROUP BY cluster)),
        (SELECT count(*) FROM {found} p JOIN people l ON l.unique_id = p.unique_id_l JOIN people r ON r.unique_id = p.unique_id_r
            WHERE l.cluster = r.cluster)"""
    ).fetchone()
    return dict(zip(("records", "true", "blocked"), row or (0, 0, 0), strict=True))


def _score(
    connection: duckdb.DuckDBPyConnection, linker: Linker, found: Any, threshold: float, true: int
) -> dict[str, Any]:
    grouped = linker.clustering.cluster_pairwise_predictions_at_threshold(found, threshold).physical_name
    row = connection.execute(
        f"""SELECT (SELECT sum(n * (n - 1) / 2)::BIGINT FROM (SELECT count(*) AS n FROM {grouped} GROUP BY cluster_id)),
        (SELECT sum(n * (n - 1) / 2)::BIGINT FROM (SELECT count(*) AS n FROM {grouped} GROUP BY cluster_id, cluster))"""
    ).fetchone()
    together, right = row or (0, 0)
    return {
        "threshold": threshold,
        "precision": ratio(right, together),
        "recall": ratio(right, true),
        "f1": ratio(2 * right, together + true),
    }


def _equal(rule: str) -> str:
    return " AND ".join(f"{part.format('l')} = {part.format('r')}" for part in rule.split(" & "))


def _compare_text(name: str) -> dict[str, Any]:
    """Equal, one or two edits apart, or different; common values weigh less."""
    distance = f"damerau_levenshtein({name}_l, {name}_r)"
    return {
        "output_column_name": name,
        "comparison_levels": [
            {
                "sql_condition": f"{name}_l IS NULL OR {name}_r IS NULL",
                "label_for_charts": "silent",
                "is_null_level": True,
            },
            {
                "sql_condition": f"{name}_l = {name}_r",
                "label_for_charts": "equal",
                "tf_adjustment_column": name,
                "tf_adjustment_weight": 1.0,
            },
            {"sql_condition": f"{distance} <= 1", "label_for_charts": "one edit"},
            {"sql_condition": f"{distance} <= 2", "label_for_charts": "two edits"},
            {"sql_condition": "ELSE", "label_for_charts": "different"},
        ],
    }


def _read(columns: str, source: str) -> str:
    return f"SELECT {columns} FROM {source}"


def _historical(folder: Path) -> str:
    source = f"read_parquet({literal(str(folder / 'historical_figures_with_errors_50k.parquet'))})"
    return _read(
        "unique_id, cluster, first_name, surname, dob, birth_place, postcode_fake AS postcode, occupation",
        source,
    )


def _febrl(folder: Path) -> str:
    source = f"read_csv({literal(str(folder / 'febrl' / 'dataset3.csv.gz'))}, all_varchar = true, normalize_names = true)"
    columns = ("given_name", "surname", "address_1", "suburb", "postcode", "date_of_birth", "soc_sec_id")
    told = ", ".join(f"nullif(trim({name}), '') AS {name}" for name in columns)
    return _read(
        f"trim(rec_id) AS unique_id, regexp_extract(rec_id, 'rec-(\\d+)-', 1) AS cluster, {told}", source
    )


def _fake(folder: Path) -> str:
    source = f"read_csv({literal(str(folder / 'fake_1000.csv'))}, all_varchar = true)"
    return _read("unique_id, cluster, first_name, surname, dob, city, email", source)


def _compare_historical() -> list[Any]:
    from splink import comparison_library as library  # Imported here, since few runs need it.

    return [
        library.ForenameSurnameComparison("first_name", "surname"),
        library.DateOfBirthComparison("dob", input_is_string=True),
        library.PostcodeComparison("postcode"),
        library.ExactMatch("birth_place").configure(term_frequency_adjustments=True),
        library.ExactMatch("occupation").configure(term_frequency_adjustments=True),
    ]


def _compare_fake() -> list[Any]:
    from splink import comparison_library as library  # Imported here, since few runs need it.

    return [
        library.NameComparison("first_name"),
        library.NameComparison("surname"),
        library.DateOfBirthComparison("dob", input_is_string=True),
        library.ExactMatch("city").configure(term_frequency_adjustments=True),
        library.EmailComparison("email"),
    ]


def _compare_febrl() -> list[Any]:
    names = ("given_name", "surname", "address_1", "suburb", "postcode", "date_of_birth", "soc_sec_id")
    return [_compare_text(name) for name in names]


SETS = {
    "historical_50k": LabelledSet(
        _historical,
        _compare_historical,
        (
            "{}.first_name & {}.surname",
            "left({}.postcode, 3) & {}.first_name",
            "left({}.postcode, 3) & {}.surname",
            "{}.dob",
            "{}.postcode",
            "{}.surname & left({}.dob, 4)",
            "{}.first_name & left({}.dob, 4)",
            "left({}.first_name, 2) & left({}.surname, 2) & left({}.dob, 4)",
            "{}.birth_place & left({}.dob, 4)",
            "{}.surname & {}.birth_place",
        ),
        ("{}.first_name & {}.surname", "{}.dob"),
    ),
    "febrl3": LabelledSet(
        _febrl,
        _compare_febrl,
        (
            "{}.soc_sec_id",
            "{}.given_name & {}.surname",
            "{}.surname & {}.date_of_birth",
            "{}.given_name & {}.date_of_birth",
            "{}.postcode & {}.date_of_birth",
            "{}.postcode & {}.surname",
            "{}.suburb & {}.given_name",
            "{}.address_1",
        ),
        ("{}.given_name & {}.surname", "{}.date_of_birth"),
    ),
    "fake_1000": LabelledSet(
        _fake,
        _compare_fake,
        (
            "{}.first_name",
            "{}.surname",
            "{}.dob",
            "{}.email",
            "left({}.dob, 4) & {}.city",
        ),
        ("{}.first_name & {}.surname", "{}.dob"),
    ),
}
