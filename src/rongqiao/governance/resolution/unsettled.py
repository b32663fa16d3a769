"""Rows that no proof settles: assigned by weighed likeness, laid before a person, or set aside as before."""

# ruff: noqa: S608  (names come from contracts of this repository and are quoted; values are bound)
from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from rongqiao.governance.batch import SUBJECT_CONTRACTS
from rongqiao.governance.resolution import linkage
from rongqiao.governance.resolution.model import load_model
from rongqiao.lake.engine import quote

if TYPE_CHECKING:
    from rongqiao.governance.batch import Workbench
    from rongqiao.governance.register import Register

REVIEW = "cleaning.review"
#: What else a row can say of who is meant → the items of a contract that say it.
EVIDENCE = {
    "county_code": ("county_code",),
    "address": ("address", "service_address"),
    "legal_rep_name": ("legal_rep_name",),
}


def evidence_sql(work: Workbench) -> str:
    """Write the columns of evidence that the contract has; those it has not are null."""
    told = []
    for name, items in EVIDENCE.items():
        item = next((item for item in items if item in work.contract.columns), None)
        told.append(f"{quote(item) if item else 'NULL'}::VARCHAR AS {name}")
    return ", ".join(told)


def weigh_unsettled(work: Workbench, register: Register) -> None:
    """Weigh what is unresolved in ``recognised``: the certain is assigned, the likely laid before a person.

    Notes
    -----
    Who there is, is never a matter of likeness: rows of the contracts that name enterprises are not weighed.
    """
    run = work.connection.execute
    run("ALTER TABLE recognised ADD COLUMN evidence VARCHAR")
    run("ALTER TABLE recognised ADD COLUMN rule_id VARCHAR DEFAULT 'cleaning.unresolved'")
    if work.contract.id in SUBJECT_CONTRACTS or work.contract.identifier != "uscc":
        return
    waiting = (
        "(SELECT * FROM recognised WHERE method = 'unresolved' AND NOT is_valid AND raw_name IS NOT NULL)"
    )
    row = run(f"SELECT count(*) FROM {waiting}").fetchone()
    if not row or not row[0]:
        return
    model = load_model()
    rows = f"SELECT spot, county_code, address, legal_rep_name FROM {waiting}"
    with register.weighing:
        facts = register.facts(register) if register.facts else None
        if linkage.link(work.connection, rows, facts, model):
            _assign(work, model.version)
            _lay_before_a_person(work, model.version)
        linkage.forget_records(work.connection)


_SAME = """t.spot = recognised.spot AND t.county_code IS NOT DISTINCT FROM recognised.county_code
    AND t.address IS NOT DISTINCT FROM recognised.address AND t.legal_rep_name IS NOT DISTINCT FROM recognised.legal_rep_name"""


def _assign(work: Workbench, version: str) -> None:
    work.connection.execute(
        f"""UPDATE recognised SET enterprise_id = d.enterprise_id, method = 'linked', score = round(d.probability, 6), message = '',
        evidence = json_object('model', $version, 'lead_bits', round(d.lead_bits, 2), 'county_code', recognised.county_code,
            'address', recognised.address, 'legal_rep_name', recognised.legal_rep_name)::VARCHAR
        FROM link_told t JOIN link_decisions d ON d.told = t.unique_id
        WHERE {_SAME} AND d.outcome = 'linked' AND recognised.method = 'unresolved'""",
        {"version": version},
    )


def _lay_before_a_person(work: Workbench, version: str) -> None:
    """Keep the row in quarantine under a rule of its own, and its candidates with the evidence of both sides."""
    run = work.connection.execute
    run(
        f"""UPDATE recognised SET rule_id = '{REVIEW}', score = round(d.probability, 6),
        message = concat('与登记库中 ', d.candidates, ' 户企业相似但不能认定，待人工认定；也可补报代码后重报。')
        FROM link_told t JOIN (SELECT told, probability, (SELECT count(*) FROM link_candidates c WHERE c.told = d.told) AS candidates
            FROM link_decisions d WHERE outcome = 'review') d ON d.told = t.unique_id
        WHERE {_SAME} AND recognised.method = 'unresolved'"""
    )
    found = run(
        f"""SELECT recognised.batch, recognised.line, c.rank, c.enterprise_id, n.folded, c.probability, c.weight,
        f.county_code, f.address, f.legal_rep_name, recognised.raw_code, recognised.raw_name,
        recognised.county_code, recognised.address, recognised.legal_rep_name
        FROM recognised JOIN link_told t ON {_SAME} JOIN link_candidates c ON c.told = t.unique_id
        JOIN candidate_names n ON n.name_at = c.name_at LEFT JOIN link_facts f ON f.enterprise_id = c.enterprise_id
        WHERE recognised.rule_id = '{REVIEW}' ORDER BY ALL"""
    ).fetchall()
    work.reviews.extend(_to_review(work, row, version) for row in found)


def _to_review(work: Workbench, row: tuple[Any, ...], version: str) -> dict[str, Any]:
    number, line, rank, enterprise_id, name, probability, weight, *rest = row
    batch = work.batches[number]
    facts, told = rest[:3], rest[3:]
    return {
        "batch_id": batch.batch_id,
        "contract_id": work.contract.id,
        "line": line,
        "rank": rank,
        "enterprise_id": enterprise_id,
        "name": name,
        "probability": round(probability, 6),
        "weight_bits": round(weight, 2),
        "model": version,
        "told": _to_json(("uscc", "name", *EVIDENCE), told),
        "facts": _to_json(("uscc", "name", *EVIDENCE), (enterprise_id, name, *facts)),
        "known_at": batch.delivery.delivered_on,
    }


def _to_json(names: tuple[str, ...], values: Any) -> str:
    return json.dumps(dict(zip(names, values, strict=True)), ensure_ascii=False)
