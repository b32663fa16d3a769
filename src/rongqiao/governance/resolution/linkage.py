"""Likeness weighed by Splink: for rows that no proof settles, how probable it is that they mean an enterprise of the register.

Proof comes before (`rongqiao.governance.register`), and rules that forbid a pair whatever its weight come with it. What the model then says
assigns a row only where it is all but certain, unrivalled and uncontradicted; where it is merely likely a person is asked.
"""

# ruff: noqa: S608  (names are constants of this module)
from __future__ import annotations

import json
import logging
import warnings
from typing import TYPE_CHECKING, Any

from rongqiao.governance.resolution.characters import shadows
from rongqiao.governance.resolution.likeness import CONTRADICTING_EDITS
from rongqiao.governance.resolution.model import WEIGHED_BY_VALUE, comparisons
from rongqiao.lake.engine import stage

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb
    from splink import Linker

    from rongqiao.governance.resolution.model import LinkageModel

#: Candidates that a reviewer is shown.
SHOWN = 5
_SHADOW = 89
SMALLEST_PROBABILITY = {"m_probability": 0.002, "u_probability": 1e-6}
#: Of a name of the register, what pairs are compared by.
_COMPARED = "enterprise_id AS plain, trade, industry, region, form, form_class, branch"
_FACTS = "enterprise_id VARCHAR, county_code VARCHAR, address VARCHAR, legal_rep_name VARCHAR"

#: Rules that forbid a pair, each with what it says; a definite difference outweighs every agreement.
DEFINITE_DIFFERENCES: dict[str, str] = {
    "form_class": "l.form_class <> '' AND r.form_class <> '' AND l.form_class <> r.form_class",
    # A 分公司 of something that is no 公司 is taken apart as a company; it is a branch all the same.
    "branch": "l.branch <> r.branch OR (l.form = '公司' AND suffix(l.whole, '分')) <> (r.form = '公司' AND suffix(r.whole, '分'))",
    "code": f"l.code IS NOT NULL AND r.code IS NOT NULL AND damerau_levenshtein(l.code, r.code) >= {CONTRADICTING_EDITS}",
}

#: What forbids to assign a row without a person's eye, however alike the rest is.
CONTRADICTIONS: dict[str, str] = {
    "region": "l.region <> '' AND r.region <> '' AND NOT starts_with(l.region, r.region) AND NOT starts_with(r.region, l.region)",
    "county": "l.county <> r.county",
    "code": "damerau_levenshtein(l.code, r.code) > 3",
    "legal_rep_name": "l.legal_rep_name <> r.legal_rep_name",
    "address": "damerau_levenshtein(l.address_shadow, r.address_shadow) > 3 AND l.address <> r.address",
}


def stage_records(connection: duckdb.DuckDBPyConnection, rows: str, facts: str | None) -> None:
    """Write what Splink compares: ``link_left`` the delivered records, ``link_right`` the register's, and ``link_pairs``.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Holds ``open_parts`` and ``candidates`` of `likeness.stage_candidates`.
    rows : str
        Query of ``spot, county_code, address, legal_rep_name``: what else a delivered row says, null where it says nothing.
    facts : str or None
        Query of the same facts by ``enterprise_id``; ``None`` where none are known.
    """
    run = connection.execute
    run(
        f"""CREATE OR REPLACE TEMP TABLE link_told AS SELECT row_number() OVER (ORDER BY spot, county_code, address, legal_rep_name)::VARCHAR AS unique_id, *
        FROM (SELECT DISTINCT spot, county_code, address, legal_rep_name FROM ({rows}))"""
    )
    run(
        f"""CREATE OR REPLACE TEMP TABLE link_names AS SELECT name_at, {_COMPARED} FROM candidate_names
        SEMI JOIN (FROM candidates WHERE may_mean) USING (name_at)"""
    )
    run(f"CREATE OR REPLACE TEMP TABLE link_facts ({_FACTS})")
    # Facts weigh nothing where no row tells any: looking a million up for each portion would be for the few that a person is shown.
    told = "SELECT 1 FROM link_told WHERE coalesce(county_code, address, legal_rep_name) IS NOT NULL LIMIT 1"
    if facts and run(told).fetchone():
        _look_up_facts(connection, facts, "(SELECT plain AS enterprise_id FROM link_names)")
    _stage_side(connection, "link_left", "unique_id", "link_told t JOIN open_parts p USING (spot)")
    names = "link_names p LEFT JOIN link_facts t ON t.enterprise_id = p.plain"
    _stage_side(connection, "link_right", "name_at::VARCHAR", names)
    differs = " OR ".join(f"coalesce({rule}, false)" for rule in DEFINITE_DIFFERENCES.values())
    run(
        f"""CREATE OR REPLACE TABLE link_pairs AS SELECT '0' AS match_key, concat('link_left-__-', l.unique_id) AS join_key_l,
        concat('link_right-__-', r.unique_id) AS join_key_r FROM link_told t JOIN candidates USING (spot) JOIN link_left l USING (unique_id) JOIN link_right r ON r.unique_id = name_at::VARCHAR
        WHERE may_mean AND NOT ({differs})"""
    )


def _look_up_facts(connection: duckdb.DuckDBPyConnection, facts: str, whose: str) -> None:
    """Fill ``link_facts`` for the enterprises of a table or query."""
    connection.execute(
        f"""INSERT INTO link_facts SELECT enterprise_id, any_value(county_code), any_value(address), any_value(legal_rep_name)
        FROM ({facts}) SEMI JOIN {whose} USING (enterprise_id) GROUP BY enterprise_id"""
    )


def _stage_side(connection: duckdb.DuckDBPyConnection, table: str, key: str, source: str) -> None:
    """Write the records of one side; what a record does not say is null, or empty in the parts of a name."""
    told = "nullif(regexp_replace(t.{}, '\\s', '', 'g'), '')"
    records = connection.sql(
        f"""SELECT {key} AS unique_id, p.trade, p.industry, concat(p.trade, p.industry) AS whole, p.region,
        nullif(t.county_code, '') AS county, p.form, p.form_class, p.branch, CASE WHEN length(p.plain) = 18 THEN p.plain END AS code,
        {told.format("address")} AS address, {told.format("legal_rep_name")} AS legal_rep_name FROM {source}"""
    ).to_arrow_table()
    for text in ("trade", "industry", "whole", "address"):
        records = records.append_column(f"{text}_shadow", shadows(records[text], _SHADOW))
    # Splink finds tables in the main schema only.
    stage(connection, table, records, is_temporary=False)


def open_linker(
    connection: duckdb.DuckDBPyConnection,
    settings: dict[str, Any],
    tables: tuple[str, ...] = ("link_left", "link_right"),
) -> Linker:
    """Open Splink over tables of records. It is imported here, since few runs need it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from splink import DuckDBAPI, Linker

        logging.getLogger("splink").setLevel(logging.ERROR)
        api = DuckDBAPI(connection)
        frames = [api.register(table, dataset_display_name=table) for table in tables]
        return Linker(frames, settings, validate_settings=False, log_level=logging.ERROR)


def train(connection: duckdb.DuckDBPyConnection, target: Path, *, seed: int = 43) -> None:
    """Estimate the weights on the staged records, and write them as Splink keeps them.

    Notes
    -----
    u, how often two strangers agree, comes from random pairs. m, how often two records of one enterprise agree, comes from expectation
    maximisation over pairs that share the code's end, and over pairs that share trade name and industry: each for what the other blocks on.
    """
    settings = {
        "link_type": "link_only",
        "comparisons": comparisons(),
        "blocking_rules_to_generate_predictions": ["l.trade = r.trade AND l.industry = r.industry"],
        "probability_two_random_records_match": 1e-5,
        "retain_matching_columns": False,
        "retain_intermediate_calculation_columns": False,
    }
    linker = open_linker(connection, settings)
    training = linker.training
    training.estimate_u_using_random_sampling(max_pairs=2e6, seed=seed, min_count_per_level=None)
    for rule in _TRAINING_BLOCKS:
        training.estimate_parameters_using_expectation_maximisation(
            rule, fix_u_probabilities=True, record_sample_proportion=1.0
        )
    learnt = linker.misc.save_model_to_json()
    target.write_text(json.dumps(_floored(learnt), ensure_ascii=False, indent=1) + "\n", "utf-8")


def _floored(settings: dict[str, Any]) -> dict[str, Any]:
    """Raise probabilities that the training set made all but impossible: no set shows every mistake that clerks make."""
    for comparison in settings["comparisons"]:
        for level in comparison["comparison_levels"]:
            for name, smallest in SMALLEST_PROBABILITY.items():
                if not level.get("is_null_level"):
                    level[name] = max(level.get(name) or 0.0, smallest)
    settings.pop("linker_uid", None)
    return settings


_TRAINING_BLOCKS = (
    "right(l.code, 5) = right(r.code, 5)",
    "l.trade = r.trade AND l.industry = r.industry",
)


def weigh(connection: duckdb.DuckDBPyConnection, model: LinkageModel) -> None:
    """Write table ``link_weights``: ``spot, told, enterprise_id, name_at, probability, weight`` of every pair the rules allow.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Holds what :func:`stage_records` wrote.
    model : LinkageModel
        The odds before anything is compared are its share of registered rows over the size of the register.
    """
    run = connection.execute
    row = run("SELECT count(*) FROM register_known").fetchone()
    size = max(int(row[0]) if row else 0, 2)
    settings = {
        **model.settings,
        "probability_two_random_records_match": model.registered_share / size,
        "linker_uid": "rongqiao",
    }
    linker = open_linker(connection, settings)
    database: Any = linker._db_api
    _register_frequencies(connection, linker)
    pairs = database.register("link_pairs", dataset_display_name="blocked")
    linker.table_management.register_blocked_pairs_for_predict(pairs)
    found = linker.inference.predict(warning_mode="never").physical_name
    run(
        f"""CREATE OR REPLACE TEMP TABLE link_weights AS SELECT t.spot, t.unique_id AS told, n.plain AS enterprise_id, n.name_at,
        match_probability AS probability, match_weight AS weight FROM {found} p JOIN link_told t ON t.unique_id = p.unique_id_l
        JOIN link_names n ON n.name_at = p.unique_id_r::BIGINT"""
    )
    database.delete_tables_created_by_splink_from_db()


def _count_shares(connection: duckdb.DuckDBPyConnection) -> None:
    """Write table ``register_shares``, unless it stands as the register does: counting the names of a province for each portion costs too much."""
    run = connection.execute
    row = run(
        "SELECT (SELECT any_value(names) FROM register_shares) = (SELECT count(*) FROM register_names)"
    ).fetchone()
    if row and row[0]:
        return
    # A name without a trade name says so; without the other parts it says nothing.
    counts = " UNION ALL ".join(
        f"SELECT '{part}' AS part, {part} AS value, count(*) AS bearers FROM register_names WHERE {part} <> '' OR '{part}' = 'trade' GROUP BY {part}"
        for part in WEIGHED_BY_VALUE
    )
    run("DELETE FROM register_shares")
    run(
        f"""INSERT INTO register_shares SELECT part, value, bearers / names AS share, names
        FROM ({counts}), (SELECT count(*) AS names FROM register_names)"""
    )


def _register_frequencies(connection: duckdb.DuckDBPyConnection, linker: Linker) -> None:
    """Tell how common each value is in the whole register, not among the few candidates."""
    _count_shares(connection)
    for part in WEIGHED_BY_VALUE:
        connection.execute(
            f"""CREATE OR REPLACE TABLE link_frequencies_{part} AS SELECT value AS {part}, share AS tf_{part} FROM register_shares
            SEMI JOIN (SELECT {part} AS value FROM link_left UNION SELECT {part} FROM link_right) USING (value) WHERE part = '{part}'"""
        )
        table = linker._db_api.register(
            f"link_frequencies_{part}", dataset_display_name=f"frequencies_{part}"
        )
        linker.table_management.register_term_frequency_lookup(table, part)


def decide(connection: duckdb.DuckDBPyConnection, model: LinkageModel) -> None:
    """Write table ``link_decisions``: per delivered record the outcome, and ``link_candidates`` for those that a person must see.

    Notes
    -----
    A row means one enterprise of the register, or a stranger. So the odds of its candidates, pair by pair, are shared out among them all,
    and what the model says of strangers stands against them: two that agree alike have at most half each, one that stands alone nearly all.
    ``link_decisions``: ``spot, told, enterprise_id, probability, lead_bits, outcome`` with outcome ``linked`` or ``review``; records that
    are neither are left out. ``link_candidates``: ``told, rank, enterprise_id, name_at, probability``, at most `SHOWN` of each.
    """
    run = connection.execute
    run(
        f"""CREATE OR REPLACE TEMP TABLE link_ranked AS SELECT *, row_number() OVER (PARTITION BY told ORDER BY weight DESC, enterprise_id) AS rank,
        weight - lead(weight) OVER (PARTITION BY told ORDER BY weight DESC, enterprise_id) AS lead_bits,
        pow(2, weight) / ({1 - model.registered_share} + sum(pow(2, weight)) OVER (PARTITION BY told)) AS probability
        FROM (SELECT spot, told, enterprise_id, arg_max(name_at, (weight, -name_at)) AS name_at, max(weight) AS weight
            FROM link_weights GROUP BY spot, told, enterprise_id)"""
    )
    contradicted = " OR ".join(f"coalesce({rule}, false)" for rule in CONTRADICTIONS.values())
    run(
        f"""CREATE OR REPLACE TEMP TABLE link_decisions AS SELECT spot, told, enterprise_id, k.probability, lead_bits,
        CASE WHEN k.probability >= {model.match_probability} AND coalesce(lead_bits, 1e9) >= {model.margin_bits} AND NOT ({contradicted})
            THEN 'linked' ELSE 'review' END AS outcome
        FROM link_ranked k JOIN link_left l ON l.unique_id = told JOIN link_right r ON r.unique_id = name_at::VARCHAR
        WHERE rank = 1 AND k.probability >= {model.review_probability}"""
    )
    run(
        f"""CREATE OR REPLACE TEMP TABLE link_candidates AS SELECT told, rank, enterprise_id, name_at, probability, weight FROM link_ranked
        SEMI JOIN link_decisions USING (told) WHERE rank <= {SHOWN}"""
    )


def link(connection: duckdb.DuckDBPyConnection, rows: str, facts: str | None, model: LinkageModel) -> bool:
    """Weigh delivered rows against their candidates, and decide; see :func:`decide` for what is written.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Holds ``open_parts`` and ``candidates``.
    rows, facts : str
        As for :func:`stage_records`.
    model : LinkageModel

    Returns
    -------
    bool
        Whether there was anything to weigh; otherwise nothing is decided and no table is written.
    """
    stage_records(connection, rows, facts)
    row = connection.execute("SELECT count(*) FROM link_pairs").fetchone()
    if not row or not row[0]:
        return False
    weigh(connection, model)
    decide(connection, model)
    row = connection.execute("SELECT count(*) FROM link_facts").fetchone()
    if facts and not (row and row[0]):
        _look_up_facts(connection, facts, "link_candidates")
    return True


def forget_records(connection: duckdb.DuckDBPyConnection) -> None:
    """Drop the tables that Splink must find by name in the main schema."""
    frequencies = (f"link_frequencies_{part}" for part in WEIGHED_BY_VALUE)
    for table in ("link_left", "link_right", "link_pairs", *frequencies):
        connection.execute(f"DROP TABLE IF EXISTS {table}")
