"""The parts of an enterprise's name: place, trade name, industry, legal form; and branch or note, where it has one.

Each name is taken apart twice by one rule: `parse_name` for one name, `stage_parts` for columns of millions in the engine.
Source: 企业名称登记管理规定（国务院令第734号）第六条.
"""

# ruff: noqa: S608  (words come from the catalogue and are quoted)
from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import pyarrow as pa

from rongqiao.contracts.name_words import industry_words, legal_forms, place_words
from rongqiao.contracts.places import regions
from rongqiao.governance.names import clean_name, core_name, core_sql, is_plain_sql, simplify
from rongqiao.lake.engine import literal, stage

if TYPE_CHECKING:
    import duckdb

#: A trade name has two characters or more (第八条); so many are never taken for place or industry.
SHORTEST_TRADE = 2
#: Places that a name begins with: province, prefecture, county.
MOST_PLACES = 3
PORTION = 200_000
#: Words in brackets that say nothing but the legal form.
_FORM_NOTES = "普通合伙|有限合伙|特殊普通合伙|个体工商户|个人独资"
_PUNCTUATION = "[（）《》·\\s.,，。、;；:：!！*-]"
#: A note in brackets; also one that a column too narrow for the name broke off.
_NOTE = "（[^（）]*）|（[^（）]{1,5}$"
_BRANCH = "^(.{2,}?公司)(.+)$"
_PREFECTURE = 4

#: Columns that `stage_parts` yields beside ``name``.
COLUMNS = ("folded", "region", "trade", "industry", "form", "form_class", "branch", "note")


@dataclass(frozen=True, slots=True)
class NameParts:
    """What a name says.

    Parameters
    ----------
    folded : str
        The whole name in one spelling: widths, brackets, case and blanks folded, simplified characters.
    region : str
        Code of the narrowest place that it begins with, or bears in brackets; empty where it names none.
    trade : str
        Trade name (字号); with the industry where no word of industry was recognised.
    industry : str
        Words of trade and activity; empty where none was recognised.
    form : str
        Legal form as spelt; empty where it has none.
    form_class : str
        ``company``, ``cooperative``, ``partnership``, ``sole``, or empty.
    branch : str
        What stands after 公司: a branch, shop or site of it.
    note : str
        What the first brackets hold if it is neither place nor form.
    """

    folded: str
    region: str = ""
    trade: str = ""
    industry: str = ""
    form: str = ""
    form_class: str = ""
    branch: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Place:
    word: str
    code: str
    may_lead: bool


def fold_name(name: str | None) -> str:
    """Write a name in the one spelling in which names are compared; empty for none."""
    return simplify((clean_name(name) or "").casefold())


@cache
def _places() -> dict[str, tuple[_Place, ...]]:
    """Places by the first two characters of their spelling: the longest first, then the own province's, then the widest."""
    own = next(iter(regions()))
    listed = []
    for word, codes in place_words().items():
        leaders = [code for code in codes if code.startswith(own)] or list(codes)
        alone = leaders[0] if len(leaders) == 1 or len(leaders[0]) <= _PREFECTURE else ""
        listed += [_Place(word, code, code == alone) for code in codes]
    listed.sort(
        key=lambda one: (-len(one.word), not one.code.startswith(own), len(one.code), one.code, one.word)
    )
    found: dict[str, list[_Place]] = {}
    for place in listed:
        found.setdefault(place.word[:SHORTEST_TRADE], []).append(place)
    return {start: tuple(places) for start, places in found.items()}


def _strip_places(text: str, shortest_rest: int) -> tuple[str, str]:
    """Code of the places that a text begins with, and the rest. A place counts only within the one before it."""
    region = ""
    for _ in range(MOST_PLACES):
        for place in _places().get(text[:SHORTEST_TRADE], ()):
            fits = place.may_lead if not region else place.code.startswith(region) and place.code != region
            if fits and text.startswith(place.word) and len(text) - len(place.word) >= shortest_rest:
                region, text = place.code, text[len(place.word) :]
                break
        else:
            break
    return region, text


def parse_name(name: str | None) -> NameParts:
    """Take a name apart; of an empty one every part is empty."""
    folded = fold_name(name)
    text = re.sub(f"（({_FORM_NOTES})）", "", folded.replace("（集团）", "集团"))
    bracket = re.search("（([^（）]*)）", text)
    note = bracket[1] if bracket else ""
    text = re.sub(_PUNCTUATION, "", re.sub(_NOTE, "", text))
    branched = re.match(_BRANCH, text)
    text, branch = (branched[1], branched[2]) if branched else (text, "")
    form = next(
        (one for one in legal_forms() if text.endswith(one) and len(text) - len(one) >= SHORTEST_TRADE), ""
    )
    text = text.removesuffix(form)
    region, text = _strip_places(text, SHORTEST_TRADE)
    noted, rest = _strip_places(note, 0)
    if noted and not rest:
        region, note = region or noted, ""
    trade, industry = _split_industry(text)
    return NameParts(folded, region, trade, industry, form, legal_forms().get(form, ""), branch, note)


def _split_industry(text: str) -> tuple[str, str]:
    """Split off the longest tail that consists of words of industry alone and leaves a trade name."""
    size = len(text)
    tiled = [False] * size + [True]
    for at in range(size - 1, SHORTEST_TRADE - 1, -1):
        tiled[at] = any(tiled[at + len(word)] for word in industry_words() if text.startswith(word, at))
    cut = next((at for at in range(SHORTEST_TRADE, size) if tiled[at]), size)
    return text[:cut], text[cut:]


def stage_parts(connection: duckdb.DuckDBPyConnection, query: str, target: str) -> None:
    """Write temporary table ``target``: each distinct name that a query yields, with its parts.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
    query : str
        Yields ``name``; null is left out.
    target : str
        Table with ``name`` and `COLUMNS`; what a name has not is empty, never null.
    """
    run = connection.execute
    _stage_places(connection)
    is_plain = is_plain_sql("name")
    run(
        f"""CREATE OR REPLACE TEMP TABLE parts_folded AS SELECT name, CASE WHEN {is_plain} THEN lower(name) END AS folded
        FROM (SELECT DISTINCT name FROM ({query}) WHERE name IS NOT NULL)"""
    )
    others = connection.sql("SELECT name FROM parts_folded WHERE folded IS NULL").to_arrow_table()
    run("DELETE FROM parts_folded WHERE folded IS NULL")
    for batch in others.to_batches(PORTION):
        folded = pa.array([fold_name(name) for name in batch.column(0).to_pylist()], pa.string())
        stage(connection, "parts_other", pa.table({"name": batch.column(0), "folded": folded}))
        run("INSERT INTO parts_folded SELECT name, folded FROM parts_other")
    run(_PARTS_SQL.format(target=target, **_patterns()))
    run("DROP TABLE parts_folded")


def stage_folded_names(connection: duckdb.DuckDBPyConnection, query: str, target: str) -> None:
    """Write table ``target`` with ``name, folded, core``: plain names folded by the engine, the others one by one."""
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE {target} AS SELECT name, folded, {core_sql("folded")} AS core
        FROM (SELECT name, CASE WHEN {is_plain_sql("name")} THEN lower(name) END AS folded FROM ({query}))"""
    )
    names = connection.execute(f"SELECT name FROM {target} WHERE folded IS NULL").to_arrow_table()
    if names.num_rows:
        connection.execute(f"DELETE FROM {target} WHERE folded IS NULL")
    for batch in names.to_batches(PORTION):
        written = batch.column(0).to_pylist()
        folded = [(clean_name(name) or "").casefold() for name in written]
        staged = pa.table(
            {
                "name": batch.column(0),
                "folded": pa.array(folded, pa.string()),
                "core": pa.array([core_name(name) if name else "" for name in folded], pa.string()),
            }
        )
        stage(connection, "folded_names", staged)
        connection.execute(f"INSERT INTO {target} SELECT * FROM folded_names")


def parts_rule() -> str:
    """Write out by what names are folded and taken apart in the engine; parts kept under another rule are to be made anew."""
    statement = _PARTS_SQL.format(target="parts", **_patterns())
    return "\n".join((statement, core_sql("folded"), is_plain_sql("name"), repr(_places())))


@cache
def _patterns() -> dict[str, str]:
    forms = "|".join(legal_forms())
    classes = " ".join(f"WHEN {literal(form)} THEN {literal(group)}" for form, group in legal_forms().items())
    words = "|".join(industry_words())
    steps, source = [], "formed"
    for step in range(1, MOST_PLACES + 1):
        steps.append(_place_step(f"placed{step}", source, "text", "region", SHORTEST_TRADE))
        source = f"placed{step}"
    for step in range(1, MOST_PLACES + 1):
        steps.append(_place_step(f"noted{step}", source, "rest", "noted", 0))
        source = f"noted{step}"
    return {
        "notes": literal(f"（({_FORM_NOTES})）"),
        "note": literal(_NOTE),
        "punctuation": literal(_PUNCTUATION),
        "branch": literal(_BRANCH),
        # Tails without groups, sought behind the trade name: the engine finds them without backtracking.
        "form": f"regexp_extract(substr(text, {SHORTEST_TRADE + 1}), {literal(f'(?:{forms})$')})",
        "classes": classes,
        "industry": f"regexp_extract(substr(text, {SHORTEST_TRADE + 1}), {literal(f'(?:{words})+$')})",
        "places": ",\n".join(steps),
        "last": source,
    }


def _place_step(name: str, source: str, text: str, region: str, shortest_rest: int) -> str:
    """Write one round: the first listed place that the text begins with moves from the text to the region."""
    fits = f"""starts_with({text}, p.word) AND length({text}) - length(p.word) >= {shortest_rest}
        AND CASE WHEN {region} = '' THEN p.may_lead ELSE starts_with(p.code, {region}) AND p.code <> {region} END"""
    return f"""{name} AS (SELECT * EXCLUDE (found) REPLACE (
            CASE WHEN found IS NULL THEN {text} ELSE substr({text}, length(found.word) + 1) END AS {text},
            coalesce(found.code, {region}) AS {region})
        FROM (SELECT s.*, list_filter(places, lambda p: {fits})[1] AS found
            FROM {source} s LEFT JOIN parts_places ON start = left({text}, {SHORTEST_TRADE})))"""


def _stage_places(connection: duckdb.DuckDBPyConnection) -> None:
    """Write table ``parts_places`` once per connection: two leading characters, and the places that begin so, in order."""
    found = connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'parts_places'").fetchone()
    if found:
        return
    kind = pa.list_(pa.struct([("word", pa.string()), ("code", pa.string()), ("may_lead", pa.bool_())]))
    listed = [
        [{"word": one.word, "code": one.code, "may_lead": one.may_lead} for one in places]
        for places in _places().values()
    ]
    rows = pa.table({"start": pa.array(_places(), pa.string()), "places": pa.array(listed, kind)})
    stage(connection, "parts_places", rows)


_PARTS_SQL = """CREATE OR REPLACE TEMP TABLE {target} AS WITH
bracketed AS (SELECT name, folded, regexp_replace(replace(folded, '（集团）', '集团'), {notes}, '', 'g') AS text FROM parts_folded),
bare AS (SELECT name, folded, regexp_extract(text, '（([^（）]*)）', 1) AS note,
    regexp_replace(regexp_replace(text, {note}, '', 'g'), {punctuation}, '', 'g') AS text FROM bracketed),
headed AS (SELECT name, folded, note, regexp_extract(text, {branch}, 2) AS branch,
    coalesce(nullif(regexp_extract(text, {branch}, 1), ''), text) AS text FROM bare),
ended AS (SELECT *, {form} AS form FROM headed),
formed AS (SELECT name, folded, note, branch, form, left(text, length(text) - length(form)) AS text,
    '' AS region, note AS rest, '' AS noted FROM ended),
{places},
parts AS (SELECT name, folded, branch, form, text,
    CASE WHEN region = '' AND rest = '' THEN noted ELSE region END AS region,
    CASE WHEN noted <> '' AND rest = '' THEN '' ELSE note END AS note, {industry} AS industry FROM {last})
SELECT name, folded, region, left(text, length(text) - length(industry)) AS trade, industry, form, CASE form {classes} ELSE '' END AS form_class, branch, note FROM parts"""
