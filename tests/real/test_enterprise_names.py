"""The name parser on published names: Beijing's open data, and short names of 267,397 enterprises."""

from __future__ import annotations

import csv
import gzip
import os
import re
from collections import defaultdict
from dataclasses import astuple
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from rongqiao.governance.resolution.name_parts import COLUMNS, NameParts, parse_name, stage_parts
from rongqiao.kernel.identifiers import is_uscc, normalise_uscc
from rongqiao.lake.engine import stage

pytestmark = pytest.mark.real


def folder(name: str) -> Path:
    root = os.environ.get("RONGQIAO_REAL_DATA")
    if not root or not (Path(root) / name).is_dir():
        pytest.skip(f"Set RONGQIAO_REAL_DATA to the folder that holds {name}/.")
    return Path(root) / name


def read_names(place: Path):
    """Name and code of each row of the files that have a column of names; masked names are left out."""
    with (place / "INDEX.csv").open(encoding="utf-8-sig", newline="") as file:
        index = [row for row in csv.DictReader(file) if row["name_col"]]
    for entry in index:
        path = place / f"{entry['file']}.gz"
        with gzip.open(path, "rt", encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))
        start = next((at for at, row in enumerate(rows[:6]) if entry["name_col"] in row), None)
        if start is None:
            continue
        name = rows[start].index(entry["name_col"])
        code = rows[start].index(entry["id_col"]) if entry["id_col"] in rows[start] else None
        for row in rows[start + 1 :]:
            if len(row) > name and row[name] and "*" not in row[name]:
                yield row[name], row[code] if code is not None and code < len(row) else ""


@pytest.fixture(scope="module")
def beijing() -> dict[str, set[str]]:
    """Name → valid codes that it stands beside."""
    found: dict[str, set[str]] = defaultdict(set)
    for name, code in read_names(folder("beijing_open_data")):
        found[name] |= {normalise_uscc(code)} if code and is_uscc(code) else set()
    return found


@pytest.fixture(scope="module")
def parts(beijing) -> dict[str, NameParts]:
    with duckdb.connect() as connection:
        stage(connection, "raw_names", pa.table({"name": pa.array(sorted(beijing), pa.string())}))
        stage_parts(connection, "SELECT name FROM raw_names", "parts")
        rows = connection.execute(f"SELECT name, {', '.join(COLUMNS)} FROM parts").fetchall()
    return {name: NameParts(*rest) for name, *rest in rows}


def test_engine_and_python_agree_on_every_published_name(beijing, parts):
    assert len(beijing) > 50_000
    assert [name for name in beijing if astuple(parse_name(name)) != astuple(parts[name])] == []


def test_places_and_industries_of_published_names_are_found(parts):
    companies = {name: one for name, one in parts.items() if one.form_class == "company"}
    own = [name for name in companies if name.startswith("北京") or re.search("^[^(（]*[（(]北京[）)]", name)]
    assert len(own) > 30_000
    assert sum(companies[name].region.startswith("11") for name in own) / len(own) > 0.999
    assert sum(bool(one.industry) for one in companies.values()) / len(companies) > 0.95


def test_parts_tell_enterprises_apart_as_their_codes_do(beijing, parts):
    """Whoever agrees in every part agrees in code, but for namesakes that the register itself holds."""
    alike: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for name, codes in beijing.items():
        if codes:
            alike[astuple(parts[name])[1:]] |= codes
    assert len(alike) > 19_000
    assert sum(len(codes) > 1 for codes in alike.values()) / len(alike) < 0.001


def test_short_names_are_found_again_in_full_names():
    source = next((folder("cn_reference") / "company_names").glob("Company-Shorter-Form*.txt.gz"))
    with gzip.open(source, "rt", encoding="utf-8-sig") as file:
        shorts = sorted({line.strip() for line in file if re.fullmatch("[\u4e00-\u9fff]{2,}", line.strip())})
    with duckdb.connect() as connection:
        stage(connection, "shorts", pa.table({"short": pa.array(shorts, pa.string())}))
        full = "'湖南省长沙市' || short || '商贸有限公司'"
        stage_parts(connection, f"SELECT {full} AS name FROM shorts", "parts")
        found = connection.execute(
            f"""SELECT count(*), avg((trade || industry = short || '商贸')::INT), avg((trade = short)::INT)
            FROM shorts JOIN parts ON name = {full}"""
        ).fetchone()
    assert found is not None
    count, is_cut_right, is_trade_alone = found
    assert count > 260_000
    # Some begin with a county's name, or hold characters that only traditional writing has.
    assert is_cut_right > 0.99
    # A short name that ends in words of industry, such as 光大证券, gives them to the industry.
    assert is_trade_alone > 0.85
